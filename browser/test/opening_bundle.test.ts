/** Opening bundles of an operator who lies, each judged as the command line judges it (tests/foreign/opening-bundles.json). */
import { test } from "node:test";
import assert from "node:assert/strict";
import pinned from "../../tests/foreign/opening-bundles.json";
import { readPolicy } from "../src/log/policy";
import type { OpeningBundle } from "../src/sealing/documents";
import { momentOf } from "../src/trustee/moment";
import { TooEarly, check, checkDrill } from "../src/trustee/release";
import { judged } from "./judged";

for (const one of pinned) {
  test(`an opening bundle: ${one.name}`, async () => {
    const bundle = one.bundle as unknown as OpeningBundle;
    assert.equal(await judged(check(bundle, await readPolicy(one.trust), momentOf(one.now))), one.code);
    assert.equal(await judged(checkDrill(bundle, await readPolicy(one.trust), momentOf(one.now))), "no_drill");
  });
}

test("a true bundle is shown as it is, and not before its time", async () => {
  const one = pinned.find((candidate) => candidate.name === "true")!;
  const bundle = one.bundle as unknown as OpeningBundle;
  const trust = await readPolicy(one.trust);
  const shown = await check(bundle, trust, momentOf(one.now));
  assert.equal(shown.opensAt, momentOf(bundle.opens_at));
  assert.deepEqual([shown.notices.map((notice) => notice.version), shown.moved, shown.witnesses.map((witness) => witness.name)], [[1], 0, ["one"]]);
  await assert.rejects(check(bundle, trust, shown.opensAt - 1n), TooEarly);
});

test("a policy is met by its quorum, and a wrong one is not read", async () => {
  const { trust } = pinned[0]!;
  const [log, witness] = trust.split("\n") as [string, string];
  await assert.rejects(readPolicy(`${log}\n`), /policy/);
  await assert.rejects(readPolicy(`${log}\nquorum one\n`), /quorum/);
  await assert.rejects(readPolicy(`${log}\n${witness}\ngroup g 2 one\nquorum g\n`), /threshold/);
  await assert.rejects(readPolicy(`${log.replace("+0", "+1").replace("+a", "+b")}x\nquorum none\n`));
  assert.equal((await readPolicy(`${log}\nquorum none\n`)).quorum, null);
});
