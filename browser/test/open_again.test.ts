/** "Can I open this?" says yes to what was sealed, and no to every way in which storage or code could have spoilt it. */
import { test } from "node:test";
import assert from "node:assert/strict";
import bids from "../../tests/foreign/sealed-bid-vectors.json";
import { type Bytes, fromBase64url, toBase64url } from "../src/bytes/bytes";
import { Archive } from "../src/sealing/archive";
import { DoesNotOpen, openAgain } from "../src/sealing/open_again";
import { type BidParameters, type Context, type Manifest, type Signature, type TrusteeSet, checkParameters } from "../src/sealing/documents";
import { type Secrets, makeManifest, sealBid, sealPayload } from "../src/sealing/seal";

const b64 = fromBase64url;

async function sealed() {
  const one = bids.cases.find((candidate) => candidate.name.startsWith("dual"))!;
  const manifest = JSON.parse(one.expect.manifest) as Manifest;
  const parameters: BidParameters = { ctx: JSON.parse(one.given.ctx) as Context, fields: [], prev: manifest.prev, trustees: JSON.parse(one.given.trustees) as TrusteeSet, typ: "etrade/bid-parameters/v1", x5c: [] };
  const { context, keys } = await checkParameters(parameters);
  const secrets: Secrets = { trustees: b64(one.given.k_t), bidder: b64(one.given.k_b!) };
  const document = new TextEncoder().encode("{}");
  const files = [new Blob([new Uint8Array(2_500_000).fill(7)])];
  const slices: Bytes[] = [];
  const ct = await sealPayload(context, secrets, document, files, async (_, slice) => { slices.push(slice); });
  const made = await makeManifest(parameters, context, secrets, keys, ct, { bundle: null, name: "test", ver: "1", created: manifest.created });
  const signer = async () => ({
    account: "bidder",
    privateKey: await crypto.subtle.importKey("pkcs8", b64(one.given.bidder_private_pkcs8), { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]),
    certificates: (JSON.parse(one.expect.signature) as Signature).x5c.map(b64),
  });
  return { parameters, secrets, keys, slices, manifest: made, signer, archive: () => new Archive(document, files) };
}

test("a sealed bid opens again, slice by slice, before it is signed", async () => {
  const { parameters, signer } = await sealed();
  const kept: Bytes[] = [];
  const steps: string[] = [];
  const offer = { files: [{ name: "a.bin", content: new Blob([new Uint8Array(2_200_000)]) }], form: {} };
  const writer = { bundle: null, name: "test", ver: "1", created: "2026-11-22T13:00:00.000000Z" };
  const stored = { read: async (index: number) => kept[index]!, progress: (done: number, count: number) => { steps.push(`${done}/${count}`); } };
  const sink = async (index: number, slice: Bytes) => { kept[index] = slice; };
  await sealBid(parameters, offer, await signer(), writer, sink, undefined, stored);
  assert.deepEqual(steps, ["1/3", "2/3", "3/3"]);
  // a store that loses a bit is found before anything is handed in
  const losing = { read: async (index: number) => { const slice = kept[index]!.slice(); if (index === 1) slice[77]! ^= 1; return slice; } };
  await assert.rejects(sealBid(parameters, offer, await signer(), writer, sink, undefined, losing), (error) => error instanceof DoesNotOpen && error.what === "slice 2");
});

test("whatever is spoilt is named", async () => {
  const { secrets, keys, slices, manifest, archive } = await sealed();
  const stored = { read: async (index: number) => slices[index]! };
  const refused = async (what: RegExp, changed: Partial<Manifest["lock"]>, more: Partial<Manifest> = {}, read = stored) => {
    const spoilt = { ...manifest, ...more, lock: { ...manifest.lock, ...changed } };
    await assert.rejects(openAgain(spoilt, secrets, keys, archive(), read), (error) => error instanceof DoesNotOpen && what.test(error.what));
  };
  await openAgain(manifest, secrets, keys, archive(), stored);
  const zeros = toBase64url(new Uint8Array(32));
  await refused(/trustees' key/, { commit_t: zeros });
  await refused(/trustees' boxes/, { boxes: [...manifest.lock.boxes].reverse() });
  await refused(/commitments/, { shares: [...manifest.lock.shares!].reverse() });
  await refused(/bidder's key/, { commit_b: zeros });
  await refused(/bidder's key/, { commit_b: null });
  await refused(/second holder/, { second: { box: toBase64url(new Uint8Array(113)), hpke: toBase64url(keys[0]!) } });
  await refused(/root/, {}, { ct: { ...manifest.ct, root: zeros } });
  await refused(/size/, {}, { ct: { ...manifest.ct, size: "1048648" } });
  await refused(/slice 1/, {}, {}, { read: async (index: number) => slices[index === 0 ? 1 : 0]! }).catch(() => assert.ok(true));
  const other = { read: async (index: number) => slices[Math.min(index, 1)]! };
  await refused(/slice 3/, {}, {}, other);
});
