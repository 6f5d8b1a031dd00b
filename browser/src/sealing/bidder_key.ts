/**
 * The bidder's own key where bids are locked twice (docs/formats/sealed-bid.md section 9): its file under a passphrase, the box
 * of a second holder, and its release to an opening session.
 */
import { type Bytes, concat, equal, fromBase64url, randomBytes, toBase64url, utf8 } from "../bytes/bytes";
import { canonicalBytes } from "../bytes/canonical";
import { hkdfExpand, sha256 } from "../bytes/hash";
import type { SigningKey } from "../keys/database";
import { signBytes } from "../keys/signing";
import { type BoxPair, POINT, commitBidder, readPublicKey, suite } from "./boxes";
import { BadDocument, type Manifest, type Signature, contextHash, demand, manifestId, readBytes, readPoint, signatureDocument } from "./documents";

const ROUNDS = 600_000;
const ROUNDS_MAX = 10_000_000;

/** A key file as it is kept; version 1 has no passphrase. */
export type KeyFile =
  | { k_b: string; m: string; typ: "etrade/bidder-key/v1" }
  | { iterations: string; m: string; nonce: string; salt: string; sealed: string; typ: "etrade/bidder-key/v2" };

/** K_B and the bid that it belongs to. */
export interface BidderKey {
  readonly secret: Bytes;
  readonly m: Bytes;
}

export type SecondHolder = { box: string; hpke: string };

/** Version 2 is signed: only so can a wrong key be held against the bidder, and nobody make one up. */
export type BidderRelease =
  | { box: string; m: string; session: string; typ: "etrade/bidder-release/v1" }
  | { box: string; m: string; session: string; signature: Signature; typ: "etrade/bidder-release/v2" };

/** The file does not open with this passphrase. */
export class WrongKeyPassphrase extends Error {}

/** Puts a key under a passphrase. `fixed` is for tests against vectors. */
export async function lockKeyFile(key: BidderKey, passphrase: string, fixed?: { salt: Bytes; nonce: Bytes; iterations: number }): Promise<KeyFile> {
  const { salt, nonce, iterations } = fixed ?? { salt: randomBytes(16), nonce: randomBytes(12), iterations: ROUNDS };
  const cipher = await locker(passphrase, salt, iterations);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: bound(key.m) }, cipher, key.secret);
  return {
    iterations: String(iterations), m: toBase64url(key.m), nonce: toBase64url(nonce), salt: toBase64url(salt),
    sealed: toBase64url(new Uint8Array(sealed)), typ: "etrade/bidder-key/v2",
  };
}

/** Reads a key file of either version. */
export async function readKeyFile(text: string, passphrase: string): Promise<BidderKey> {
  const file = parsed(text);
  const m = readBytes(file.m, 32, "the bid of the key file");
  if (file.typ === "etrade/bidder-key/v1") return { secret: readBytes(file.k_b, 32, "the key"), m };
  const iterations = Number(file.iterations);
  demand(Number.isInteger(iterations) && iterations > 0 && iterations <= ROUNDS_MAX, "the rounds of the key file");
  const cipher = await locker(passphrase, readBytes(file.salt, 16, "the salt"), iterations);
  const algorithm = { name: "AES-GCM", iv: readBytes(file.nonce, 12, "the nonce"), additionalData: bound(m) };
  try {
    return { secret: new Uint8Array(await crypto.subtle.decrypt(algorithm, cipher, readBytes(file.sealed, 48, "the sealed key"))), m };
  } catch (error) {
    if (error instanceof BadDocument) throw error;
    throw new WrongKeyPassphrase("the passphrase does not open the key file");
  }
}

/** The bid that a key file belongs to, without its passphrase. */
export function bidOfKeyFile(text: string): string {
  return parsed(text).m;
}

function parsed(text: string): KeyFile {
  let file: KeyFile;
  try {
    file = JSON.parse(text) as KeyFile;
  } catch {
    throw new BadDocument("the key file is not JSON");
  }
  demand(file?.typ === "etrade/bidder-key/v1" || file?.typ === "etrade/bidder-key/v2", "it is not a bidder's key file");
  return file;
}

/** K_B for a second holder; the ephemeral key follows from K_B, so that the same key gives the same box. */
export async function secondBox(context: Bytes, secret: Bytes, holder: Bytes): Promise<SecondHolder> {
  const hpke = suite();
  const seed = await hkdfExpand(secret, concat(utf8("etrade/bidder-second-eph/v1\n"), context), 32);
  const sender = await hpke.createSenderContext({
    recipientPublicKey: await readPublicKey(holder),
    info: (await secondInfo(context, holder)).buffer,
    ekm: await hpke.kem.deriveKeyPair(seed.slice().buffer),
  });
  const box = concat(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(secret.slice().buffer)));
  return { box: toBase64url(box), hpke: toBase64url(holder) };
}

/** The second holder's side: the bidder's key that a manifest holds for them. */
export async function keyOfSecond(manifest: Manifest, holder: BoxPair): Promise<BidderKey> {
  const second = manifest.lock.second;
  demand(second !== undefined && second.hpke === toBase64url(holder.publicKey), "the bid names another second holder");
  const context = await contextHash(manifest.ctx);
  const sealed = readBytes(second.box, POINT + 48, "the second holder's box");
  const recipient = await suite().createRecipientContext({
    recipientKey: holder.pair,
    enc: sealed.slice(0, POINT).buffer,
    info: (await secondInfo(context, holder.publicKey)).buffer,
  });
  return { secret: new Uint8Array(await recipient.open(sealed.slice(POINT).buffer)), m: await manifestId(manifest) };
}

/** Locks a key to the opening session, signed where there is a signer; refuses one that is not this bid's. */
export async function releaseKey(key: BidderKey, manifest: Manifest, session: string, signer?: SigningKey): Promise<BidderRelease> {
  const context = await contextHash(manifest.ctx);
  const commitment = manifest.lock.commit_b;
  demand(equal(key.m, await manifestId(manifest)), "the key file belongs to another bid");
  demand(commitment !== null && equal(await commitBidder(context, key.secret), fromBase64url(commitment)), "it is not the key of this bid");
  const point = readPoint(session, "the session key");
  const sender = await suite().createSenderContext({
    recipientPublicKey: await readPublicKey(point),
    info: concat(utf8("etrade/bidder-release/v1\n"), context, await sha256(point)).buffer,
  });
  const box = concat(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(key.secret.slice().buffer)));
  const given = { box: toBase64url(box), m: toBase64url(key.m), session };
  if (signer === undefined) return { ...given, typ: "etrade/bidder-release/v1" };
  const typ = "etrade/bidder-release/v2";
  const message = concat(utf8(`${typ}\n`), canonicalBytes({ ...given, typ }));
  return { ...given, signature: signatureDocument(await signBytes(signer.privateKey, message), signer.certificates), typ };
}

async function secondInfo(context: Bytes, holder: Uint8Array): Promise<Bytes> {
  return concat(utf8("etrade/bidder-second/v1\n"), context, await sha256(holder));
}

function bound(m: Bytes): Bytes {
  return concat(utf8("etrade/bidder-key/v2\n"), m);
}

async function locker(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  const words = await crypto.subtle.importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, words, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
