/**
 * Sealing a bid in the browser: files and form in, ciphertext slices, manifest and signature out
 * (docs/formats/sealed-bid.md). Secrets are drawn here, used here and forgotten here.
 */
import { type Bytes, concat, randomBytes, toBase64url, utf8 } from "../bytes/bytes";
import { type Json, canonicalBytes } from "../bytes/canonical";
import { sha256OfBlob } from "../bytes/hash";
import type { SigningKey } from "../keys/database";
import { signBytes } from "../keys/signing";
import { type ReadBack, openAgain } from "./open_again";
import { Archive, filePath, nameIsAllowed } from "./archive";
import { lockKeyFile, secondBox } from "./bidder_key";
import { boxes, commitBidder, commitShares, commitTrustees, payloadAssociated, payloadKey } from "./boxes";
import { type BidDocument, type BidParameters, type Context, type Manifest, type Signature, checkParameters, demand, manifestId, manifestMessage, signatureDocument } from "./documents";
import { FIRST_PLAINTEXT, NEXT_PLAINTEXT, type StreamNonce, TinkSealer, ciphertextSize, segmentCount } from "./tink_stream";
import { leaf, root } from "./tree";

/** A file as the bidder chose it. */
export interface BidFile {
  readonly name: string;
  readonly content: Blob;
}

/** What the bidder hands in. */
export interface Offer {
  readonly files: readonly BidFile[];
  readonly form: { [field: string]: string };
}

/** Where the sealed slices go, in order; sealing waits for each. */
export type SliceSink = (index: number, slice: Bytes, count: number) => Promise<void>;

/** Everything about a sealed bid but its ciphertext. */
export interface SealedBid {
  readonly manifest: Manifest;
  readonly id: Bytes;
  readonly signature: Signature;
  /** Mode `dual` only: the file that the bidder must keep to open the bid. */
  readonly bidderKey: Json | null;
}

/** Mode `dual`: how the bidder keeps the own key. */
export interface Keeping {
  /** Of the key file; empty for a file without one. */
  readonly passphrase: string;
  /** Box key of a second holder. */
  readonly second: Bytes | null;
}

/** Who wrote the bytes, for the manifest. */
export interface Writer {
  readonly bundle: string | null;
  readonly name: string;
  readonly ver: string;
  /** UTC with six decimals. */
  readonly created: string;
}

/** The values that sealing draws at random; fixed only in tests against vectors. */
export interface Secrets {
  readonly trustees: Uint8Array;
  readonly bidder: Uint8Array;
  readonly nonce?: StreamNonce;
}

const BID_DOCUMENT = "etrade/bid-document/v1";

/** Seals an offer: checks the parameters, signs the bid document, encrypts slice by slice, boxes the key, signs the manifest.
 * With `stored`, the slices are read back and opened once more before anything is signed. */
export async function sealBid(parameters: BidParameters, offer: Offer, signer: SigningKey, writer: Writer, sink: SliceSink, keeping: Keeping = { passphrase: "", second: null }, stored?: ReadBack): Promise<SealedBid> {
  const { context, keys } = await checkParameters(parameters);
  const document = await bidDocument(context, offer, signer);
  const secrets = drawSecrets(parameters.ctx);
  const ct = await sealPayload(context, secrets, canonicalBytes(document as Json), offer.files.map((file) => file.content), sink);
  const dual = parameters.ctx.mode === "dual";
  const plain = await makeManifest(parameters, context, secrets, keys, ct, writer);
  const second = dual && keeping.second !== null ? { second: await secondBox(context, secrets.bidder as Bytes, keeping.second) } : {};
  const manifest = { ...plain, lock: { ...plain.lock, ...second } };
  if (stored !== undefined) await openAgain(manifest, secrets, keys, new Archive(canonicalBytes(document as Json), offer.files.map((file) => file.content)), stored);
  const id = await manifestId(manifest);
  const signature = signatureDocument(await signBytes(signer.privateKey, manifestMessage(manifest)), signer.certificates);
  return { manifest, id, signature, bidderKey: dual ? await keyFile(secrets.bidder as Bytes, id, keeping.passphrase) : null };
}

async function keyFile(secret: Bytes, m: Bytes, passphrase: string): Promise<Json> {
  if (passphrase === "") return { k_b: toBase64url(secret), m: toBase64url(m), typ: "etrade/bidder-key/v1" };
  return lockKeyFile({ secret, m }, passphrase);
}

/** Fresh secrets for one revision of one bid. */
export function drawSecrets(context: Context): Secrets {
  return { trustees: randomBytes(32), bidder: context.mode === "dual" ? randomBytes(32) : new Uint8Array(0) };
}

/** `bid.json`, signed with the bidder's key. */
export async function bidDocument(context: Bytes, offer: Offer, signer: SigningKey): Promise<BidDocument> {
  const names = offer.files.map((file) => file.name);
  demand(names.every(nameIsAllowed) && new Set(names).size === names.length, "the names of the files");
  demand(Object.entries(offer.form).every(([key, value]) => /^[a-z][a-z0-9_]{0,63}$/.test(key) && [...value].length <= 2000), "the form fields");
  const files = [];
  for (const [i, file] of offer.files.entries()) {
    files.push({ name: file.name, path: filePath(i), sha256: toBase64url(await sha256OfBlob(file.content)), size: String(file.content.size) });
  }
  const unsigned = { c: toBase64url(context), files, form: offer.form, typ: BID_DOCUMENT };
  const message = concat(utf8(`${BID_DOCUMENT}\n`), canonicalBytes(unsigned));
  return { ...unsigned, signature: signatureDocument(await signBytes(signer.privateKey, message), signer.certificates) };
}

/** Encrypts the archive slice by slice and hashes each slice on its way out. */
export async function sealPayload(context: Bytes, secrets: Secrets, document: Bytes, files: readonly Blob[], sink: SliceSink): Promise<Manifest["ct"]> {
  const archive = new Archive(document, files);
  const key = await payloadKey(context, secrets.trustees, secrets.bidder);
  const sealer = await TinkSealer.create(key, payloadAssociated(context), secrets.nonce);
  const count = segmentCount(archive.size);
  const leaves: Bytes[] = [];
  for (let index = 0; index < count; index++) {
    const slice = await sealer.seal(await archive.read(index === 0 ? FIRST_PLAINTEXT : NEXT_PLAINTEXT), index + 1 === count);
    leaves.push(await leaf(slice));
    await sink(index, slice, count);
  }
  return { alg: "tink-AES256_GCM_HKDF_1MB", root: toBase64url(await root(leaves)), size: String(ciphertextSize(archive.size)) };
}

/** The manifest of a sealed payload. */
export async function makeManifest(parameters: BidParameters, context: Bytes, secrets: Secrets, keys: readonly Bytes[], ct: Manifest["ct"], writer: Writer): Promise<Manifest> {
  const t = parameters.trustees.t;
  const sealed = await boxes(context, secrets.trustees, t, keys);
  return {
    client: { bundle: writer.bundle, name: writer.name, ver: writer.ver },
    created: writer.created,
    ct,
    ctx: parameters.ctx,
    lock: {
      boxes: sealed.map(toBase64url),
      commit_b: secrets.bidder.length > 0 ? toBase64url(await commitBidder(context, secrets.bidder)) : null,
      commit_t: toBase64url(await commitTrustees(context, secrets.trustees)),
      n: keys.length,
      shares: (await commitShares(context, secrets.trustees, t, keys.length)).map(toBase64url),
      t,
    },
    prev: parameters.prev,
    typ: "etrade/bid-manifest/v1",
  };
}
