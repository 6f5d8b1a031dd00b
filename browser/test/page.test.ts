import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import "fake-indexeddb/auto";
import { toHex } from "../src/bytes/bytes";
import { commitment, contribution, storedContribution } from "../src/draw/contribution";
import { get } from "../src/keys/database";
import { beijing, left, utcText } from "../src/page/clock";
import { durationText, sizeText } from "../src/page/seal_form";
import { makeBoxKey, restoreBoxKey } from "../src/trustee/box_key";
import { momentOf } from "../src/trustee/moment";

test("a countdown rounds up to the second and is over exactly at its instant", () => {
  const until = 1_000_000_000_000n;
  assert.deepEqual(left(until, until - 1n), { days: 0, clock: "00:00:01", over: false });
  assert.deepEqual(left(until, until), { days: 0, clock: "00:00:00", over: true });
  assert.deepEqual(left(until, until + 5n), { days: 0, clock: "00:00:00", over: true });
  assert.deepEqual(left(until, until - (3n * 86400n + 3661n) * 1_000_000n), { days: 3, clock: "01:01:01", over: false });
});

test("times are shown in Beijing and written in UTC", () => {
  const micros = momentOf("2026-11-22T16:00:00.000001Z");
  assert.equal(beijing(micros), "2026-11-23 00:00:00");
  assert.equal(utcText(micros), "2026-11-22T16:00:00.000001Z");
  for (const bad of ["2026-11-22T16:00:00Z", "2026-11-22 16:00:00.000000Z", "2026-13-22T16:00:00.000000Z"]) assert.throws(() => momentOf(bad));
});

test("sizes and durations read well", () => {
  assert.deepEqual([0, 1023, 1536, 20 * 1024 * 1024].map(sizeText), ["0 B", "1023 B", "1.5 KiB", "20.0 MiB"]);
  assert.deepEqual([0, 59, 61, 3661].map(durationText), ["0:00", "0:59", "1:01", "1:01:01"]);
});

test("a draw contribution is made once, kept, and matches its commitment", async () => {
  assert.equal(await storedContribution("D1", "agent"), undefined);
  const secret = await contribution("D1", "agent");
  assert.deepEqual(await contribution("D1", "agent"), secret);
  assert.deepEqual(await storedContribution("D1", "agent"), secret);
  assert.notDeepEqual(await contribution("D1", "entity"), secret);
  const expected = createHash("sha256").update("etrade/draw/commit/v1\nD1\nagent\n").update(secret).digest("hex");
  assert.equal(toHex(await commitment("D1", "agent", secret)), expected);
});

test("a trustee key can not leave the browser but by its backup, which brings the same key back", async () => {
  const { key, backup } = await makeBoxKey("T-1", "eight letters");
  await assert.rejects(crypto.subtle.exportKey("pkcs8", key.pair.privateKey));
  assert.deepEqual((await get("trustee", "T-1"))?.publicKey, key.publicKey);
  assert.deepEqual((await restoreBoxKey("T-2", backup!, "eight letters")).publicKey, key.publicKey);
  assert.equal((await makeBoxKey("T-3", "")).backup, null);
});
