/** The bidder's own key where bids are locked twice, against vectors that were made in Python from the format page. */
import "fake-indexeddb/auto";
import { test } from "node:test";
import assert from "node:assert/strict";
import vectors from "../../tests/foreign/bidder-key-vectors.json";
import bids from "../../tests/foreign/sealed-bid-vectors.json";
import { fromBase64url, toBase64url } from "../src/bytes/bytes";
import { canonical } from "../src/bytes/canonical";
import { readEncryptedKey } from "../src/keys/pkcs12";
import { WrongKeyPassphrase, bidOfKeyFile, keyOfSecond, lockKeyFile, readKeyFile, releaseKey, secondBox } from "../src/sealing/bidder_key";
import { commitBidder, suite } from "../src/sealing/boxes";
import { BadDocument, type BidParameters, type Context, type Manifest, type OpeningBundle, type Release, type Signature, type TrusteeSet, contextHash, manifestId } from "../src/sealing/documents";
import { sealBid } from "../src/sealing/seal";
import { boxKeyFile, importBoxKey, opensProbe } from "../src/trustee/box_key";
import { momentOf } from "../src/trustee/moment";
import { type TrusteeKeys, checkPapers, release } from "../src/trustee/release";

const b64 = fromBase64url;
const { given, expect } = vectors;

async function pairOf(privateKey: string, publicKey: string) {
  const kem = suite().kem;
  const pair = { privateKey: await kem.deserializePrivateKey(b64(privateKey).buffer), publicKey: await kem.deserializePublicKey(b64(publicKey).buffer) };
  return { pair, publicKey: b64(publicKey) };
}

/** Seals the pinned bid of mode dual again, with fresh secrets. */
async function sealed(keeping: { passphrase: string; second: Uint8Array<ArrayBuffer> | null }) {
  const one = bids.cases.find((candidate) => candidate.name.startsWith("dual"))!;
  const trustees = JSON.parse(one.given.trustees) as TrusteeSet;
  const manifest = JSON.parse(one.expect.manifest) as Manifest;
  const parameters: BidParameters = { ctx: JSON.parse(one.given.ctx) as Context, fields: [], prev: manifest.prev, trustees, typ: "etrade/bid-parameters/v1", x5c: [] };
  const privateKey = await crypto.subtle.importKey("pkcs8", b64(one.given.bidder_private_pkcs8), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const signer = { account: "bidder", privateKey, certificates: (JSON.parse(one.expect.signature) as Signature).x5c.map(b64) };
  const offer = { files: [{ name: "letter.txt", content: new Blob(["a letter"]) }], form: {} };
  const writer = { bundle: null, name: "test", ver: "1", created: "2026-11-22T13:00:00.000000Z" };
  const bid = await sealBid(parameters, offer, signer, writer, async () => {}, keeping);
  return { bid, trustees };
}

/** As a program releases that believes the platform's papers: for what is not about the log. */
async function believing(bundle: OpeningBundle, keys: TrusteeKeys, now: bigint): Promise<Release> {
  await checkPapers(bundle, now);
  return release(bundle, keys);
}

test("the key file under a passphrase is the pinned one, and opens with nothing else", async () => {
  const fixed = { salt: b64(given.salt), nonce: b64(given.nonce), iterations: Number(given.iterations) };
  const made = await lockKeyFile({ secret: b64(given.k_b), m: b64(given.m) }, given.passphrase, fixed);
  assert.equal(canonical(made), expect.key_file);
  assert.equal(bidOfKeyFile(expect.key_file), given.m);
  const read = await readKeyFile(expect.key_file, given.passphrase);
  assert.deepEqual([toBase64url(read.secret), toBase64url(read.m)], [given.k_b, given.m]);
  await assert.rejects(readKeyFile(expect.key_file, "other words"), WrongKeyPassphrase);
  await assert.rejects(readKeyFile(expect.key_file.replace(given.m, given.c), given.passphrase), WrongKeyPassphrase);
  await assert.rejects(readKeyFile("{}", given.passphrase), BadDocument);
  assert.equal(toBase64url(await commitBidder(b64(given.c), b64(given.k_b))), expect.commit_b);
});

test("the second holder's box is the pinned one", async () => {
  const made = await secondBox(b64(given.c), b64(given.k_b), b64(expect.holder));
  assert.deepEqual(made, { box: expect.second_box, hpke: expect.holder });
});

test("a bid that is sealed for a second holder is released by either, with the key that it committed to", async () => {
  const made = await boxKeyFile("the notary's");
  const holder = await importBoxKey(await readEncryptedKey(made.file, "the notary's"));
  assert.equal(toBase64url(holder.publicKey), toBase64url(made.publicKey));
  const { bid } = await sealed({ passphrase: "many hands", second: made.publicKey });
  const session = await pairOf(given.holder_private, expect.holder);
  const own = await readKeyFile(canonical(bid.bidderKey), "many hands");
  const held = await keyOfSecond(bid.manifest, holder);
  for (const key of [own, held]) {
    const released = await releaseKey(key, bid.manifest, toBase64url(session.publicKey));
    assert.deepEqual([released.m, released.session], [toBase64url(bid.id), expect.holder]);
    const box = b64(released.box);
    const context = await contextHash(bid.manifest.ctx);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", session.publicKey));
    const info = Buffer.concat([Buffer.from("etrade/bidder-release/v1\n"), context, hash]);
    const recipient = await suite().createRecipientContext({ recipientKey: session.pair, enc: box.slice(0, 65).buffer, info: Uint8Array.from(info).buffer });
    assert.deepEqual(new Uint8Array(await recipient.open(box.slice(65).buffer)), own.secret);
  }
  // signed, it is version 2, and the signature is over all of the rest
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
  const signed = await releaseKey(own, bid.manifest, expect.holder, { account: "bidder", privateKey: pair.privateKey, certificates: [Uint8Array.of(1)] });
  assert.ok(signed.typ === "etrade/bidder-release/v2");
  const { signature, ...rest } = signed;
  assert.deepEqual([signature.alg, signature.x5c], ["es256", ["AQ"]]);
  const message = Buffer.concat([Buffer.from("etrade/bidder-release/v2\n"), Buffer.from(canonical(rest))]);
  assert.ok(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, b64(signature.sig), message));
  const other = await sealed({ passphrase: "", second: null });
  assert.equal((other.bid.bidderKey as { typ: string }).typ, "etrade/bidder-key/v1");
  assert.ok(!("second" in other.bid.manifest.lock));
  await assert.rejects(releaseKey(own, other.bid.manifest, expect.holder), /another bid/);
  await assert.rejects(releaseKey({ ...own, secret: b64(given.k_b) }, bid.manifest, expect.holder), /not the key of this bid/);
  await assert.rejects(keyOfSecond(other.bid.manifest, holder), BadDocument);
});

test("a trustee's browser releases nothing before the bidders have come or their time is over", async () => {
  const one = bids.cases.find((candidate) => candidate.name.startsWith("dual"))!;
  const { bid, trustees } = await sealed({ passphrase: "", second: null });
  const { ctx } = bid.manifest;
  const m = toBase64url(await manifestId(bid.manifest));
  const until = "2026-11-22T14:00:00.000000Z";
  const bundle: OpeningBundle = {
    bid_set: { bids: [{ leaf: "3", m }], closing: { root: toBase64url(new Uint8Array(32)), size: "9" }, envelope: ctx.envelope, lot: ctx.lot, tender: ctx.tender, typ: "etrade/bid-set/v1" },
    bidders: { absent: [m], released: [], until }, manifests: [bid.manifest], opens_at: "2026-11-22T13:30:00.000000Z", session: expect.holder, trustees, typ: "etrade/opening-bundle/v1",
  };
  const signing = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"])).privateKey;
  const box = { id: "set", ...(await pairOf(one.given.hpke_private[0]!, trustees.members[0]!.hpke)) };
  const at = (time: bigint, changed: Partial<OpeningBundle> = {}) => believing({ ...bundle, ...changed }, { box, signing }, time);
  await assert.rejects(at(momentOf(until) - 1n), /time is not over/);
  await at(momentOf(until));
  await at(momentOf(bundle.opens_at), { bidders: { absent: [], released: [m], until } });
  await assert.rejects(at(momentOf(until), { bidders: { absent: [], released: [], until } }), /every bid/);
  const { bidders, ...without } = bundle;
  await assert.rejects(believing(without, { box, signing }, momentOf(until)), /have not released/);
});

test("a backup is tried without being kept: only the same key opens the probe", async () => {
  const [mine, other] = [await boxKeyFile("the notary's"), await boxKeyFile("the notary's")];
  const backup = await importBoxKey(await readEncryptedKey(mine.file, "the notary's"));
  assert.equal(await opensProbe(mine.publicKey, backup), true);
  assert.equal(await opensProbe(other.publicKey, backup), false);
});
