import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import * as privy from "shamir-secret-sharing";
import { concat, toHex, utf8, type Bytes } from "../src/bytes/bytes";
import { combine, inverse, multiply, split } from "../src/sealing/shamir";
import { FIRST_PLAINTEXT, NEXT_PLAINTEXT, SEGMENT, TinkSealer, ciphertextSize, openStream, segmentCount } from "../src/sealing/tink_stream";
import { leaf, root } from "../src/sealing/tree";
import { BOX, boxes, openBox, shares, suite } from "../src/sealing/boxes";

const random = (length: number): Bytes => new Uint8Array(randomBytes(length));

test("the field is AES's: 0x53 and 0xca are inverses, and every element has one", () => {
  assert.equal(multiply(0x53, 0xca), 1);
  for (let a = 1; a < 256; a++) assert.equal(multiply(a, inverse(a)), 1);
});

test("any threshold of shares gives the secret and one fewer does not", () => {
  const secret = random(32);
  const dealt = split(secret, random(64), 5);
  for (const chosen of [[0, 1, 2], [4, 2, 0], [1, 3, 4]]) assert.deepEqual(combine(chosen.map((i) => dealt[i]!)), secret);
  assert.notDeepEqual(combine([dealt[0]!, dealt[1]!]), secret);
});

test("the audited npm library combines our shares, and we combine its", async () => {
  const secret = random(32);
  const moved = split(secret, random(64), 5).map((share) => concat(share.subarray(1), share.subarray(0, 1)));
  assert.deepEqual(new Uint8Array(await privy.combine([moved[4]!, moved[1]!, moved[2]!])), secret);
  const theirs = (await privy.split(secret, 5, 3)).map((share) => concat(share.subarray(32), share.subarray(0, 32)));
  assert.deepEqual(combine([theirs[3]!, theirs[0]!, theirs[4]!]), secret);
});

test("impossible splits and doubled shares are refused", () => {
  assert.throws(() => split(random(32), new Uint8Array(0), 3), /threshold/);
  assert.throws(() => split(random(32), random(32 * 3), 3), /threshold/);
  assert.throws(() => split(random(32), random(32), 33), /threshold/);
  const [one, two] = split(random(32), random(32), 2);
  assert.throws(() => combine([one!, one!]));
  assert.throws(() => combine([one!, concat(Uint8Array.of(0), two!.subarray(1))]));
});

async function sealWhole(key: Bytes, associated: Bytes, plain: Bytes): Promise<Bytes> {
  const sealer = await TinkSealer.create(key, associated);
  const slices: Bytes[] = [];
  for (let i = 0, at = 0; i < segmentCount(plain.length); i++) {
    const end = Math.min(at + (i === 0 ? FIRST_PLAINTEXT : NEXT_PLAINTEXT), plain.length);
    slices.push(await sealer.seal(plain.subarray(at, end), i + 1 === segmentCount(plain.length)));
    at = end;
  }
  assert.ok(slices.slice(0, -1).every((slice) => slice.length === SEGMENT), "every slice but the last is one segment");
  return concat(...slices);
}

test("streams of awkward sizes open again and have the promised size", async () => {
  for (const size of [0, 1, FIRST_PLAINTEXT - 1, FIRST_PLAINTEXT, FIRST_PLAINTEXT + 1, FIRST_PLAINTEXT + NEXT_PLAINTEXT, 3_500_001]) {
    const [key, plain] = [random(32), random(size)];
    const stream = await sealWhole(key, utf8("bound"), plain);
    assert.equal(stream.length, ciphertextSize(size));
    assert.ok(Buffer.from(await openStream(key, utf8("bound"), stream)).equals(plain));
  }
});

test("a cut, altered or differently bound stream does not open", async () => {
  const key = random(32);
  const stream = await sealWhole(key, utf8("bound"), random(FIRST_PLAINTEXT + 10));
  await assert.rejects(openStream(key, utf8("bound"), stream.slice(0, SEGMENT)));
  await assert.rejects(openStream(key, utf8("other"), stream));
  const altered = stream.slice();
  altered[5000]! ^= 1;
  await assert.rejects(openStream(key, utf8("bound"), altered));
});

test("a segment of the wrong size is never sealed", async () => {
  const sealer = await TinkSealer.create(random(32), utf8("bound"));
  await assert.rejects(sealer.seal(random(10), false));
});

test("the tree is RFC 6962's", async () => {
  const h = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
  const slices = [random(3), random(4), random(5)];
  const [a, b, c] = slices.map((slice) => h(Buffer.of(0), slice)) as [Buffer, Buffer, Buffer];
  const leaves = await Promise.all(slices.map(leaf));
  assert.equal(toHex(await root(leaves)), h(Buffer.of(1), h(Buffer.of(1), a, b), c).toString("hex"));
  assert.equal(toHex(await root([])), h().toString("hex"));
});

test("each trustee opens its own box, no other, and boxes repeat exactly", async () => {
  const [context, secret] = [random(32), random(32)];
  const pairs = await Promise.all([0, 1, 2].map(() => suite().kem.generateKeyPair()));
  const keys = await Promise.all(pairs.map(async (pair) => new Uint8Array(await suite().kem.serializePublicKey(pair.publicKey))));
  const sealed = await boxes(context, secret, 2, keys);
  const again = await boxes(context, secret, 2, keys);
  const dealt = await shares(context, secret, 2, 3);
  for (let i = 0; i < 3; i++) {
    assert.equal(sealed[i]!.length, BOX);
    assert.deepEqual(sealed[i], again[i]);
    assert.deepEqual(await openBox(context, i + 1, pairs[i]!, keys[i]!, sealed[i]!), dealt[i]);
  }
  await assert.rejects(openBox(context, 1, pairs[1]!, keys[1]!, sealed[0]!));
  await assert.rejects(openBox(random(32), 1, pairs[0]!, keys[0]!, sealed[0]!));
  await assert.rejects(boxes(context, secret, 2, [keys[0]!, keys[1]!, keys[0]!]), /same key/);
  await assert.rejects(boxes(context, secret, 2, [keys[0]!, keys[1]!, random(65)]));
});
