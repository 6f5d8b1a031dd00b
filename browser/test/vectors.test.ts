/** The pinned vectors of docs/formats/sealed-bid.md, made by an implementation in another language. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash, createPublicKey, X509Certificate, verify } from "node:crypto";
import vectors from "../../tests/foreign/sealed-bid-vectors.json";
import withCommitments from "../../tests/foreign/share-commit-vectors.json";
import { type Bytes, concat, fromBase64url, toBase64url, utf8 } from "../src/bytes/bytes";
import { canonical } from "../src/bytes/canonical";
import { hkdfExpand } from "../src/bytes/hash";
import { Archive, header, nameIsAllowed, paddedLength } from "../src/sealing/archive";
import { openBox, payloadAssociated, payloadKey, shares, suite } from "../src/sealing/boxes";
import { BadDocument, type BidDocument, type BidParameters, type BidSet, type Context, type Manifest, type OpeningBundle, type Release, type Signature, type TrusteeSet, bidSetHash, checkParameters, checkTrusteeSet, contextHash, manifestId, manifestMessage } from "../src/sealing/documents";
import { type Secrets, bidDocument, makeManifest, sealBid, sealPayload } from "../src/sealing/seal";
import { FIRST_PLAINTEXT, NEXT_PLAINTEXT, TinkSealer, openStream, segmentCount } from "../src/sealing/tink_stream";
import { leaf, root } from "../src/sealing/tree";
import { momentOf } from "../src/trustee/moment";
import { TooEarly, type TrusteeKeys, brokenPromises, checkPapers, release, releaseInfo } from "../src/trustee/release";

/** As a program releases that believes the platform's papers: for what is not about the log. */
async function believing(bundle: OpeningBundle, keys: TrusteeKeys, now: bigint): Promise<Release> {
  await checkPapers(bundle, now);
  return release(bundle, keys);
}

type Case = (typeof vectors.cases)[number];

const b64 = fromBase64url;
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("base64url");
const pattern = (length: number): Bytes => Uint8Array.from({ length }, (_, i) => (i * 31 + Math.floor(i / 256)) % 256);

function given(one: Case) {
  const { given } = one;
  const files = given.files.map((file) => {
    const bytes = "utf8" in file && file.utf8 !== undefined ? utf8(file.utf8) : pattern(Number((file as { pattern: string }).pattern));
    return { name: file.name, content: new Blob([bytes]) };
  });
  const secrets: Secrets = {
    trustees: b64(given.k_t),
    bidder: given.k_b === null ? new Uint8Array(0) : b64(given.k_b),
    nonce: { salt: b64(given.salt), prefix: b64(given.nonce_prefix) },
  };
  const manifest = JSON.parse(one.expect.manifest) as Manifest;
  const trustees = JSON.parse(given.trustees) as TrusteeSet;
  const parameters: BidParameters = {
    ctx: JSON.parse(given.ctx) as Context, fields: ["price"], prev: manifest.prev, trustees, typ: "etrade/bid-parameters/v1", x5c: [],
  };
  return { files, secrets, manifest, trustees, parameters };
}

async function signer(one: Case) {
  const privateKey = await crypto.subtle.importKey("pkcs8", b64(one.given.bidder_private_pkcs8), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const certificates = (JSON.parse(one.expect.signature) as Signature).x5c.map(b64);
  return { account: "bidder", privateKey, certificates };
}

/** A key pair from the 32 private bytes, as a trustee's browser would hold it. */
async function boxKeys(privateKey: string, publicKey: string) {
  const kem = suite().kem;
  const pair = { privateKey: await kem.deserializePrivateKey(b64(privateKey).buffer), publicKey: await kem.deserializePublicKey(b64(publicKey).buffer) };
  return { id: "set", pair, publicKey: b64(publicKey) };
}

for (const one of vectors.cases) {
  test(`${one.name}: context, keys, shares and boxes are the pinned ones`, async () => {
    const { secrets, parameters } = given(one);
    const { context, keys } = await checkParameters(parameters);
    assert.equal(toBase64url(context), one.expect.c);
    assert.equal(toBase64url(await payloadKey(context, secrets.trustees, secrets.bidder)), one.expect.k);
    assert.deepEqual((await shares(context, secrets.trustees, parameters.trustees.t, keys.length)).map(toBase64url), one.expect.shares);
    for (const [i, expected] of one.expect.ikm_e.entries()) {
      const seed = await hkdfExpand(secrets.trustees, concat(utf8("etrade/bid/eph/v1\n"), context, Uint8Array.of(i + 1)), 32);
      assert.equal(toBase64url(seed), expected);
    }
  });

  test(`${one.name}: archive, ciphertext and manifest are the pinned bytes`, async () => {
    const { files, secrets, manifest, parameters } = given(one);
    const { context, keys } = await checkParameters(parameters);
    const document = utf8(one.given.bid_json);
    const blobs = files.map((file) => file.content);
    const whole = await new Archive(document, blobs).read(Number.MAX_SAFE_INTEGER);
    assert.equal(whole.length, Number(one.expect.plaintext_size));
    assert.equal(digest(whole), one.expect.plaintext_sha256);
    assert.equal(toBase64url(header("bid.json", document.length)), one.expect.first_header);
    const slices: Bytes[] = [];
    const ct = await sealPayload(context, secrets, document, blobs, async (_, slice) => { slices.push(slice); });
    assert.equal(digest(concat(...slices)), one.expect.ciphertext_sha256);
    const made = await makeManifest(parameters, context, secrets, keys, ct, { ...manifest.client, created: manifest.created });
    const pinned = withCommitments.bids.find((bid) => bid.name === one.name)!;
    assert.deepEqual(made.lock.shares, pinned.shares);
    assert.equal(canonical(made), pinned.manifest);
    assert.equal(toBase64url(await manifestId(made)), pinned.manifest_id);
    // but for the commitments it is the manifest of before
    const { shares: _, ...lock } = made.lock;
    assert.equal(canonical({ ...made, lock }), one.expect.manifest);
  });

  test(`${one.name}: bid.json differs from the pinned one only in its random signature`, async () => {
    const { files } = given(one);
    const pinned = JSON.parse(one.given.bid_json) as BidDocument;
    const made = await bidDocument(b64(one.expect.c), { files, form: pinned.form }, await signer(one));
    assert.equal(canonical({ ...made, signature: pinned.signature }), one.given.bid_json);
  });

  test(`${one.name}: a whole bid sealed here opens, and both its signatures hold`, async () => {
    const { files, parameters } = given(one);
    const key = await signer(one);
    const slices: Bytes[] = [];
    const writer = { bundle: null, name: "test", ver: "1", created: "2026-11-22T13:00:00.000000Z" };
    const sealed = await sealBid(parameters, { files, form: { price: "10.00" } }, key, writer, async (_, slice) => { slices.push(slice); });
    assert.equal(sealed.bidderKey === null, parameters.ctx.mode !== "dual");
    // Open it the way trustees do: t boxes, combine, key, stream.
    const { combine } = await import("../src/sealing/shamir");
    const context = await contextHash(parameters.ctx);
    const opened = await Promise.all(one.given.hpke_private.slice(0, parameters.trustees.t).map(async (secret, i) => {
      const pair = await boxKeys(secret, parameters.trustees.members[i]!.hpke);
      return openBox(context, i + 1, pair.pair, pair.publicKey, b64(sealed.manifest.lock.boxes[i]!));
    }));
    const own = sealed.bidderKey === null ? new Uint8Array(0) : b64((sealed.bidderKey as { k_b: string }).k_b);
    const plain = await openStream(await payloadKey(context, combine(opened), own), payloadAssociated(context), concat(...slices));
    const size = parseInt(new TextDecoder().decode(plain.subarray(124, 135)), 8);
    const document = JSON.parse(new TextDecoder().decode(plain.subarray(512, 512 + size))) as BidDocument;
    assert.equal(document.form["price"], "10.00");
    const publicKey = createPublicKey(new X509Certificate(key.certificates[0]!).publicKey.export({ type: "spki", format: "pem" }));
    const { signature, ...unsigned } = document;
    const es256 = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
    assert.ok(verify("sha256", concat(utf8("etrade/bid-document/v1\n"), utf8(canonical(unsigned))), es256, b64(signature.sig)));
    assert.ok(verify("sha256", manifestMessage(sealed.manifest), es256, b64(sealed.signature.sig)));
  });

  test(`${one.name}: two sealings of one offer share no secret`, async () => {
    const { files, parameters } = given(one);
    const key = await signer(one);
    const writer = { bundle: null, name: "test", ver: "1", created: "2026-11-22T13:00:00.000000Z" };
    const seal = () => sealBid(parameters, { files, form: {} }, key, writer, async () => {});
    const [a, b] = [await seal(), await seal()];
    assert.notEqual(a.manifest.lock.commit_t, b.manifest.lock.commit_t);
    assert.notEqual(a.manifest.ct.root, b.manifest.ct.root);
  });

  test(`${one.name}: a trustee set that was tampered with is not sealed for`, async () => {
    const { trustees, parameters } = given(one);
    const [first, second, ...others] = trustees.members as [TrusteeSet["members"][0], TrusteeSet["members"][0], ...TrusteeSet["members"]];
    const swapped = { ...trustees, members: [{ ...first, hpke: toBase64url(new Uint8Array(await suite().kem.serializePublicKey((await suite().kem.generateKeyPair()).publicKey))) }, second, ...others] };
    await assert.rejects(checkParameters({ ...parameters, trustees: swapped }), /signature of trustee 1/);
    await assert.rejects(checkTrusteeSet({ ...trustees, t: 1 }, trustees.tender), BadDocument);
    await assert.rejects(checkTrusteeSet({ ...trustees, members: [first, { ...first, i: 2 }] }, trustees.tender), BadDocument);
    await assert.rejects(checkTrusteeSet(trustees, "T-other"), /another tender/);
    await assert.rejects(checkParameters({ ...parameters, ctx: { ...parameters.ctx, trustees: toBase64url(new Uint8Array(32)) } }), /not the one of the bid/);
  });

  test(`${one.name}: trustees release their shares to the session and to nobody else`, async () => {
    const { trustees, manifest } = given(one);
    const { bundle, session } = await opening(one);
    const context = await contextHash(manifest.ctx);
    const dealt = one.expect.shares.map(b64);
    for (const member of trustees.members.slice(0, 2)) {
      const keys = { box: await boxKeys(one.given.hpke_private[member.i - 1]!, member.hpke), signing: await signingKey() };
      const made = await believing(bundle, keys, momentOf(bundle.opens_at));
      assert.deepEqual([made.i, made.closing_size, made.bid_set], [member.i, "9", toBase64url(await bidSetHash(bundle.bid_set))]);
      const box = b64(made.shares[0]!.box!);
      const recipient = await suite().createRecipientContext({ recipientKey: session.pair, enc: box.slice(0, 65).buffer, info: (await releaseInfo(context, member.i, session.publicKey)).buffer });
      assert.deepEqual(new Uint8Array(await recipient.open(box.slice(65).buffer)), dealt[member.i - 1]);
      await assert.rejects(believing(bundle, keys, momentOf(bundle.opens_at) - 1n), TooEarly);
    }
  });

  test(`${one.name}: a trustee refuses a bid set that is not what it looks like, and reports a box that does not open`, async () => {
    const { trustees } = given(one);
    const { bundle } = await opening(one);
    const keys = { box: await boxKeys(one.given.hpke_private[0]!, trustees.members[0]!.hpke), signing: await signingKey() };
    const now = momentOf(bundle.opens_at);
    const listed = bundle.bid_set.bids[0]!;
    const late = { ...bundle, bid_set: { ...bundle.bid_set, bids: [{ ...listed, leaf: "9" }] } };
    await assert.rejects(believing(late, keys, now), /after the closing checkpoint/);
    await assert.rejects(believing({ ...bundle, bid_set: { ...bundle.bid_set, bids: [listed, listed] } }, keys, now), /number of manifests/);
    await assert.rejects(believing({ ...bundle, bid_set: { ...bundle.bid_set, lot: "2" } }, keys, now), /another lot/);
    const manifest = bundle.manifests[0]!;
    const spoilt = { ...manifest, lock: { ...manifest.lock, boxes: manifest.lock.boxes.map(() => toBase64url(new Uint8Array(114))) } };
    await assert.rejects(believing({ ...bundle, manifests: [spoilt] }, keys, now), /not the listed one/);
    const other = toBase64url(await manifestId(spoilt));
    const bidders = bundle.bidders === undefined ? {} : { bidders: { ...bundle.bidders, released: [other] } };
    const relisted = { ...bundle, ...bidders, manifests: [spoilt], bid_set: { ...bundle.bid_set, bids: [{ leaf: "3", m: other }] } };
    assert.equal((await believing(relisted, keys, now)).shares[0]!.box, null);
    // the trustee is told: of boxes that do not open, and of shares that were not committed to
    assert.deepEqual(await brokenPromises(bundle, keys.box), []);
    assert.deepEqual(await brokenPromises(relisted, keys.box), [other]);
    const committed = JSON.parse(withCommitments.bids.find((bid) => bid.name === one.name)!.manifest) as Manifest;
    assert.deepEqual(await brokenPromises({ ...bundle, manifests: [committed] }, keys.box), []);
    const promised = { ...committed, lock: { ...committed.lock, shares: [...committed.lock.shares!].reverse() } };
    assert.deepEqual(await brokenPromises({ ...bundle, manifests: [promised] }, keys.box), [toBase64url(await manifestId(promised))]);
    const strange = { ...keys, box: await boxKeys(...(await freshBoxKey())) };
    await assert.rejects(believing(bundle, strange, now), /not in the set/);
  });
}

async function opening(one: Case) {
  const { trustees, manifest } = given(one);
  const session = await boxKeys(...(await freshBoxKey()));
  const bid_set: BidSet = {
    bids: [{ leaf: "3", m: one.expect.manifest_id }], closing: { root: toBase64url(new Uint8Array(32)), size: "9" },
    envelope: manifest.ctx.envelope, lot: manifest.ctx.lot, tender: manifest.ctx.tender, typ: "etrade/bid-set/v1",
  };
  const bidders = manifest.ctx.mode === "dual" ? { bidders: { absent: [], released: [one.expect.manifest_id], until: "2026-11-22T14:00:00.000000Z" } } : {};
  const bundle: OpeningBundle = { bid_set, ...bidders, manifests: [manifest], opens_at: "2026-11-22T13:30:00.000000Z", session: toBase64url(session.publicKey), trustees, typ: "etrade/opening-bundle/v1" };
  return { bundle, session };
}

async function freshBoxKey(): Promise<[string, string]> {
  const kem = suite().kem;
  const pair = await kem.generateKeyPair();
  return [toBase64url(new Uint8Array(await kem.serializePrivateKey(pair.privateKey))), toBase64url(new Uint8Array(await kem.serializePublicKey(pair.publicKey)))];
}

async function signingKey(): Promise<CryptoKey> {
  return (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"])).privateKey;
}

test("bare streams at the segment edges are the pinned bytes", async () => {
  const { k, aad, salt, nonce_prefix, rows, empty } = vectors.streams;
  for (const row of rows) {
    const plain = pattern(Number(row.size));
    const sealer = await TinkSealer.create(b64(k), b64(aad), { salt: b64(salt), prefix: b64(nonce_prefix) });
    const slices: Bytes[] = [];
    for (let i = 0, at = 0; i < segmentCount(Number(row.size)); i++) {
      const end = Math.min(at + (i === 0 ? FIRST_PLAINTEXT : NEXT_PLAINTEXT), plain.length);
      slices.push(await sealer.seal(plain.subarray(at, end), i + 1 === segmentCount(Number(row.size))));
      at = end;
    }
    assert.equal(digest(concat(...slices)), row.sha256, `${row.size} bytes`);
    assert.equal(toBase64url(await root(await Promise.all(slices.map(leaf)))), row.root, `${row.size} bytes`);
    if (row.size === "0") assert.equal(toBase64url(concat(...slices)), empty);
  }
});

test("Merkle roots of one to nine slices are the pinned ones", async () => {
  for (const row of vectors.merkle) assert.equal(toBase64url(await root(await Promise.all(row.slices.map(utf8).map(leaf)))), row.root);
});

test("padded lengths are the pinned ones", () => {
  for (const [content, padded] of vectors.padded_length as [string, string][]) assert.equal(String(paddedLength(Number(content))), padded);
});

test("file names that could mislead are refused", () => {
  for (const bad of ["", ".", "..", "a/b", "a\\b", "a\u0000", "a\n", "x".repeat(201)]) assert.ok(!nameIsAllowed(bad), JSON.stringify(bad));
  for (const good of ["投标函.pdf", "a b.xlsx", "…", "阳".repeat(200)]) assert.ok(nameIsAllowed(good), good);
});
