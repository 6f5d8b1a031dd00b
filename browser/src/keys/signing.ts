/** Signing keys: making one, having it certified, backing it up, and signing statements with it. */
import { type Bytes, concat, randomBytes, toBase64url, utf8 } from "../bytes/bytes";
import { type SigningKey, keepStorage, put } from "./database";
import { type KeyFile, UnsupportedFile, readKeyFile, writeKeyFile } from "./pkcs12";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGN = { name: "ECDSA", hash: "SHA-256" } as const;

/** What stands before the bytes of a statement, so that its signature can never be mistaken for another. */
export const STATEMENT_LABEL = "etrade/statement/v1\n";
/** The same for the proof that one holds the key that one asks a certificate for. */
export const ENROL_LABEL = "etrade/enrol/v1\n";

/** The same for the proof that one holds the key of a certificate from outside. */
export const CERTIFICATE_LABEL = "etrade/certificate/v1\n";

/** A key that was just made: the public half and a proof for the server, the private half as PKCS#8. */
export interface FreshKey {
  /** The uncompressed point, 65 bytes. */
  readonly point: Bytes;
  readonly proof: Bytes;
  readonly privateKey: Bytes;
}

/** Makes a key and proves it: a signature over the account that it is for. */
export async function makeKey(account: string): Promise<FreshKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const [point, privateKey] = await Promise.all([
    crypto.subtle.exportKey("raw", pair.publicKey),
    crypto.subtle.exportKey("pkcs8", pair.privateKey),
  ]);
  const proof = await signBytes(pair.privateKey, concat(utf8(ENROL_LABEL), utf8(account)));
  return { point: new Uint8Array(point), privateKey: new Uint8Array(privateKey), proof };
}

/** Stores a key for an account, from now on not to be exported by anyone. */
export async function storeKey(account: string, file: KeyFile): Promise<void> {
  const privateKey = await crypto.subtle.importKey("pkcs8", file.privateKey, ALGORITHM, false, ["sign"]);
  await keepStorage();
  await put("signing", { account, privateKey, certificates: file.certificates });
}

/** The PKCS#12 backup of a key. */
export function backUp(file: KeyFile, passphrase: string, account: string): Promise<Bytes> {
  return writeKeyFile(file, passphrase, account);
}

/** Takes a backup into this browser. */
export async function restore(account: string, bytes: Uint8Array, passphrase: string): Promise<KeyFile> {
  const file = await readKeyFile(bytes, passphrase);
  await storeKey(account, file);
  return file;
}

/** Proves that one holds the key of a file: a signature over the account and the server's challenge. */
export async function prove(file: KeyFile, account: string, challenge: string): Promise<Bytes> {
  let privateKey: CryptoKey;
  try {
    privateKey = await crypto.subtle.importKey("pkcs8", file.privateKey, ALGORITHM, false, ["sign"]);
  } catch {
    throw new UnsupportedFile("not a P-256 key");
  }
  return signBytes(privateKey, concat(utf8(CERTIFICATE_LABEL), utf8(`${account}\n${challenge}`)));
}

/** Whether a file's key is the one of this browser: a probe that both sign fits the public half of the file's. */
export async function signsAlike(file: KeyFile, here: SigningKey): Promise<boolean> {
  const open = await crypto.subtle.importKey("pkcs8", file.privateKey, ALGORITHM, true, ["sign"]);
  const { d: _, key_ops: __, ...half } = await crypto.subtle.exportKey("jwk", open);
  const publicKey = await crypto.subtle.importKey("jwk", half, ALGORITHM, false, ["verify"]);
  const probe = concat(utf8("sunbid/probe/v1\n"), randomBytes(32));
  for (const key of [open, here.privateKey]) {
    if (!(await crypto.subtle.verify(SIGN, publicKey, await signBytes(key, probe), probe))) return false;
  }
  return true;
}

/** Signs a statement: r||s over the label and the UTF-8 bytes. */
export function signStatement(privateKey: CryptoKey, statement: string): Promise<Bytes> {
  return signBytes(privateKey, concat(utf8(STATEMENT_LABEL), utf8(statement)));
}

/** Signs bytes that carry their own label. */
export async function signBytes(privateKey: CryptoKey, message: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(SIGN, privateKey, message as Bytes));
}

/** The text form in which forms carry keys, certificates and signatures. */
export const asField = toBase64url;
