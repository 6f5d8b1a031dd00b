/** Certificates of those who sign notices, judged as the command line judges them (tests/foreign/signer-certificates.json). */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import cases from "../../tests/foreign/signer-certificates.json";
import { fromBase64url, utf8 } from "../src/bytes/bytes";
import { NotCertified, certified, described, readRoots, subjectOf } from "../src/keys/certificates";
import { momentOf } from "../src/trustee/moment";

for (const { name, roots, certificate, at, good } of cases) {
  test(`a certificate ${name} ${good ? "counts" : "does not count"}`, async () => {
    let found = true;
    try {
      const subject = await certified(fromBase64url(certificate), readRoots(fromBase64url(roots)), momentOf(at));
      assert.deepEqual(subject, { name: "李四", creditCode: "91330100MA27XXXX1A" });
    } catch (error) {
      if (!(error instanceof NotCertified)) throw error;
      found = false;
    }
    assert.equal(found, good);
  });
}

test("a root is shown by name and fingerprint, and a file without certificates is none", async () => {
  const root = readRoots(fromBase64url(cases[0]!.roots))[0]!;
  const shown = await described(root);
  assert.equal(shown.name, "CA");
  assert.deepEqual(shown.print, new Uint8Array(createHash("sha256").update(root).digest()));
  for (const file of ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
    assert.throws(() => readRoots(utf8(file)), NotCertified);
  }
  assert.deepEqual(subjectOf(fromBase64url(cases[0]!.certificate)).name, "李四");
});

test("a certificate that is cut or bent anywhere is refused and breaks nothing", async () => {
  const { roots, certificate, at } = cases[0]!;
  const [der, trusted] = [fromBase64url(certificate), readRoots(fromBase64url(roots))];
  for (let place = 0; place < der.length; place += 1) {
    const bent = der.slice();
    bent[place]! ^= 1;
    for (const damaged of [bent, der.slice(0, place)]) await assert.rejects(certified(damaged, trusted, momentOf(at)), NotCertified);
  }
});
