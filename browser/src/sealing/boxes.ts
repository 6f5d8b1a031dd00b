/**
 * The secrets of one bid and their boxes for the trustees. All of it follows from K_T and the context, so that
 * at the opening every box can be made again and compared.
 */
import { CipherSuite, DhkemP256HkdfSha256, HkdfSha256, Aes256Gcm } from "@hpke/core";
import { type Bytes, concat, utf8 } from "../bytes/bytes";
import { hkdf, hkdfExpand, sha256 } from "../bytes/hash";
import { split } from "./shamir";

/** HPKE: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180). */
export function suite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

/** A key pair that boxes are locked to, with its 65-byte point. */
export interface BoxPair {
  readonly pair: CryptoKeyPair;
  readonly publicKey: Bytes;
}

/** Bytes of an encapsulated key, and of a public key: an uncompressed P-256 point. */
export const POINT = 65;
/** Bytes of one box: encapsulated key, sealed share (33), tag. */
export const BOX = POINT + 33 + 16;

/** The payload key K, from the trustees' secret and, under a dual lock, the bidder's. */
export function payloadKey(context: Uint8Array, trusteeSecret: Uint8Array, bidderSecret: Uint8Array): Promise<Bytes> {
  return hkdf(context, concat(trusteeSecret, bidderSecret), utf8("etrade/bid/key/v1\n"), 32);
}

/** The associated data of the payload. */
export function payloadAssociated(context: Uint8Array): Bytes {
  return concat(utf8("etrade/bid/payload/v1\n"), context);
}

/** The commitment to the trustees' secret. */
export function commitTrustees(context: Uint8Array, secret: Uint8Array): Promise<Bytes> {
  return sha256(utf8("etrade/bid/commit-t/v1\n"), context, secret);
}

/** The commitment to the bidder's own secret (dual lock). */
export function commitBidder(context: Uint8Array, secret: Uint8Array): Promise<Bytes> {
  return sha256(utf8("etrade/bid/commit-b/v1\n"), context, secret);
}

/** The commitment to one trustee's share of 33 bytes: nobody can report another share that meets it. */
export function commitShare(context: Uint8Array, share: Uint8Array): Promise<Bytes> {
  return sha256(utf8("etrade/bid/share-commit/v1\n"), context, share);
}

/** The commitments to all shares, in the order of the boxes. */
export async function commitShares(context: Uint8Array, secret: Uint8Array, threshold: number, count: number): Promise<Bytes[]> {
  return Promise.all((await shares(context, secret, threshold, count)).map((share) => commitShare(context, share)));
}

/** What a box is bound to: this bid, this trustee's place, this key. */
export async function boxInfo(context: Uint8Array, place: number, publicKey: Uint8Array): Promise<Bytes> {
  return concat(utf8("etrade/bid/share/v1\n"), context, Uint8Array.of(place), await sha256(publicKey));
}

/** The shares of the trustees' secret, 33 bytes each. */
export async function shares(context: Uint8Array, secret: Uint8Array, threshold: number, count: number): Promise<Bytes[]> {
  const coefficients = await hkdfExpand(secret, concat(utf8("etrade/bid/shamir/v1\n"), context), 32 * (threshold - 1));
  return split(secret, coefficients, count);
}

/** One box per trustee, in the order of the set. Throws on a key that is no point of the curve or comes twice. */
export async function boxes(context: Uint8Array, secret: Uint8Array, threshold: number, keys: readonly Bytes[]): Promise<Bytes[]> {
  if (new Set(keys.map(String)).size !== keys.length) throw new Error("two trustees have the same key");
  const dealt = await shares(context, secret, threshold, keys.length);
  return Promise.all(keys.map((key, i) => box(context, secret, i + 1, key, dealt[i]!)));
}

/** The trustee's side: the share in one box. Throws when the box is not for this key, place and bid. */
export async function openBox(context: Uint8Array, place: number, pair: CryptoKeyPair, publicKey: Uint8Array, sealed: Uint8Array): Promise<Bytes> {
  if (sealed.length !== BOX) throw new Error("a box has the wrong size");
  const info = await boxInfo(context, place, publicKey);
  const recipient = await suite().createRecipientContext({ recipientKey: pair, enc: buffer(sealed.subarray(0, POINT)), info: buffer(info) });
  const share = new Uint8Array(await recipient.open(buffer(sealed.subarray(POINT))));
  if (share.length !== 33 || share[0] !== place) throw new Error("a box holds something that is no share of this trustee");
  return share;
}

/** Reads a public key; only the 65-byte uncompressed form of a point on the curve is accepted. */
export async function readPublicKey(bytes: Uint8Array): Promise<CryptoKey> {
  if (bytes.length !== POINT || bytes[0] !== 4) throw new Error("a trustee key must be an uncompressed P-256 point");
  return suite().kem.deserializePublicKey(buffer(bytes));
}

async function box(context: Uint8Array, secret: Uint8Array, place: number, key: Bytes, share: Bytes): Promise<Bytes> {
  const seed = await hkdfExpand(secret, concat(utf8("etrade/bid/eph/v1\n"), context, Uint8Array.of(place)), 32);
  const hpke = suite();
  const sender = await hpke.createSenderContext({
    recipientPublicKey: await readPublicKey(key),
    info: buffer(await boxInfo(context, place, key)),
    ekm: await hpke.kem.deriveKeyPair(buffer(seed)),
  });
  return concat(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(buffer(share))));
}

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
