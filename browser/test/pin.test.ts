/** What a trustee is shown before another policy takes the place of the pinned one. */
import { test } from "node:test";
import assert from "node:assert/strict";
import drills from "../../tests/foreign/drill-bundles.json";
import texts from "../../tests/foreign/trustee-texts.json";
import { readPolicy, readRotations } from "../src/log/policy";
import { changeOf } from "../src/trustee/pin";

const text = texts.find((one) => one.name === "a quorum of groups")!.text;
const base = text.slice(0, text.indexOf("group "));
const two = await readPolicy(`${base}group g 2 A B\nquorum g\n`);
const nothing = { log: false, witnesses: false, quorum: false, led: true };

test("the same policy in other words changes nothing", async () => {
  const again = await readPolicy(`# another comment\n${base}group other all B A\nquorum other\n`);
  assert.deepEqual(changeOf(two, again, []), nothing);
});

test("each change of witnesses and quorum is named", async () => {
  const fewer = await readPolicy(`${base}group g 1 A B\nquorum g\n`);
  assert.deepEqual(changeOf(two, fewer, []), { ...nothing, quorum: true });
  assert.deepEqual(changeOf(two, await readPolicy(`${base}quorum none\n`), []), { ...nothing, quorum: true });
  const renamed = await readPolicy(`${base.replace("witness A", "witness C")}group g 2 C B\nquorum g\n`);
  assert.deepEqual(changeOf(two, renamed, []), { ...nothing, witnesses: true, quorum: true });
  // the same names with their keys exchanged are other witnesses
  const [first, second] = [/witness A (\S+)/.exec(base)![1]!, /witness {2}B (\S+)/.exec(base)![1]!];
  const swapped = await readPolicy(`${base.replace(first, "@").replace(second, first).replace("@", second)}quorum A\n`);
  assert.deepEqual(changeOf(await readPolicy(`${base}quorum A\n`), swapped, []), { ...nothing, witnesses: true, quorum: true });
});

test("another log key is led to by a change that both keys signed, or it is not", async () => {
  const changed = drills.find((one) => one.name === "signed with a key that was changed")!;
  const rotations = await readRotations(changed.bundle.drill!.rotations);
  const [old, next] = [await readPolicy(changed.trust), await readPolicy(changed.trust.replace(/^log \S+/, `log ${rotations[0]!.to.text}`))];
  assert.deepEqual(changeOf(old, next, rotations), { ...nothing, log: true });
  assert.deepEqual(changeOf(old, next, []), { ...nothing, log: true, led: false });
  assert.equal(changeOf(two, next, rotations).led, false);
});
