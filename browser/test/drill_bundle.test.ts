/** Bundles of drills, each judged as the command line judges it (tests/foreign/drill-bundles.json). */
import { test } from "node:test";
import assert from "node:assert/strict";
import pinned from "../../tests/foreign/drill-bundles.json";
import { canonical, type Json } from "../src/bytes/canonical";
import { knowsEd25519 } from "../src/log/note";
import { readPolicy } from "../src/log/policy";
import { momentOf } from "../src/trustee/moment";
import { TooEarly, check, checkDrill, readBundle } from "../src/trustee/release";
import { judged } from "./judged";

for (const one of pinned) {
  test(`a drill: ${one.name}`, async () => {
    const bundle = readBundle(canonical(one.bundle as unknown as Json));
    const [trust, now] = [await readPolicy(one.trust), momentOf(one.now)];
    assert.equal(await judged(checkDrill(bundle, trust, now)), one.code);
    assert.equal(await judged(check(bundle, trust, now)), "drill_only");
  });
}

test("a drill says who cosigned, and waits for the computer's own clock", async () => {
  const one = pinned[0]!;
  const bundle = readBundle(canonical(one.bundle as unknown as Json));
  const trust = await readPolicy(one.trust);
  const ready = await checkDrill(bundle, trust, momentOf(one.now));
  assert.deepEqual([ready.logSize, ready.witnesses.map((witness) => witness.name)], [3n, ["one"]]);
  await assert.rejects(checkDrill(bundle, trust, momentOf(bundle.opens_at) - 1n), TooEarly);
});

test("a browser without Ed25519 is known by trying", async () => {
  assert.equal(await knowsEd25519(), true);
  const [importKey, verify] = [crypto.subtle.importKey, crypto.subtle.verify];
  try {
    crypto.subtle.importKey = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
    assert.equal(await knowsEd25519(), false);
  } finally {
    crypto.subtle.importKey = importKey;
  }
  try {
    crypto.subtle.verify = async () => false;
    assert.equal(await knowsEd25519(), false);
  } finally {
    crypto.subtle.verify = verify;
  }
  assert.equal(await knowsEd25519(), true);
});
