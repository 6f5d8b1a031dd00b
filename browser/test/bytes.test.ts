import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { canonical } from "../src/bytes/canonical";
import { fromBase64url, fromHex, toBase64url, toHex, utf8 } from "../src/bytes/bytes";
import { ONE_SHOT_LIMIT, RunningSha256, hkdf, hkdfExpand, hmacSha256, sha256, sha256OfBlob } from "../src/bytes/hash";

test("base64url is what Node writes, both ways, for every length", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = randomBytes(length);
    assert.equal(toBase64url(bytes), bytes.toString("base64url"));
    assert.deepEqual(Buffer.from(fromBase64url(bytes.toString("base64url"))), bytes);
  }
});

test("base64url that nobody would write is refused", () => {
  for (const bad of ["A", "AB=", "A+", "A/", "AB\n", "AAAAA", "AB"]) {
    if (bad === "AB") assert.throws(() => fromBase64url(bad), /stray bits/);
    else assert.throws(() => fromBase64url(bad), `${JSON.stringify(bad)} was taken`);
  }
});

test("hexadecimal goes both ways and refuses the rest", () => {
  assert.equal(toHex(fromHex("00ff10Ab")), "00ff10ab");
  assert.throws(() => fromHex("0"));
  assert.throws(() => fromHex("zz"));
});

test("canonical JSON sorts keys by UTF-16 units and escapes like RFC 8785", () => {
  const document = { "\u20ac": "Euro", "\r": "CR", "\ufb33": "Hebrew", "1": "One", "\ud83d\ude00": "Smile", "\u0080": "Control", "\u00f6": "o" };
  assert.equal(Object.keys(JSON.parse(canonical(document))).length, 7);
  const order = [...canonical(document).matchAll(/:"(\w+)"/g)].map((match) => match[1]);
  assert.deepEqual(order, ["CR", "One", "Control", "o", "Euro", "Smile", "Hebrew"]);
  assert.equal(canonical({ b: ["\u000f\u007f\"\\/<", null, true, 12], a: "阳光" }), '{"a":"阳光","b":["\\u000f\u007f\\"\\\\/<",null,true,12]}');
});

test("canonical JSON refuses numbers and texts that do not survive", () => {
  for (const bad of [0.5, 2 ** 53, -0, NaN, "\ud800", "x\udc00"]) assert.throws(() => canonical(bad));
});

test("hashes agree with Node's", async () => {
  const [key, info] = [randomBytes(32), utf8("info")];
  assert.equal(toHex(await sha256(utf8("ab"), utf8("c"))), createHash("sha256").update("abc").digest("hex"));
  assert.equal(toHex(await hmacSha256(key, utf8("ab"), utf8("c"))), createHmac("sha256", key).update("abc").digest("hex"));
  assert.equal(toHex(await hkdf(utf8("salt"), key, info, 80)), Buffer.from(hkdfSync("sha256", key, "salt", info, 80)).toString("hex"));
  // Expanding the extracted key is the whole of HKDF.
  const extracted = await hmacSha256(utf8("salt"), key);
  assert.deepEqual(await hkdfExpand(extracted, info, 992), await hkdf(utf8("salt"), key, info, 992));
});

test("the running hash agrees with Node's at every block boundary, however it is fed", () => {
  const bytes = randomBytes(1000);
  for (let length = 0; length < 200; length++) {
    const running = new RunningSha256();
    const cut = (length * 7) % (length + 1);
    running.update(bytes.subarray(0, cut));
    running.update(bytes.subarray(cut, length));
    assert.equal(toHex(running.digest()), createHash("sha256").update(bytes.subarray(0, length)).digest("hex"), `${length} bytes cut at ${cut}`);
  }
});

test("a file above the one-shot limit hashes like a small one", async () => {
  const bytes = Buffer.alloc(ONE_SHOT_LIMIT + 12_345, "阳光交易");
  assert.equal(toHex(await sha256OfBlob(new Blob([bytes]))), createHash("sha256").update(bytes).digest("hex"));
});
