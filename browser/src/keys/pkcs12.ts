/**
 * PKCS#12 files (RFC 7292) with one key and its certificate chain: the backup that a person keeps of a signing
 * key, made and read in the browser only. Written with PBES2 (PBKDF2-HMAC-SHA-256, AES-256-CBC) and an
 * HMAC-SHA-256 seal, which is also what OpenSSL 3 writes by default.
 */
import { type Bytes, equal, randomBytes, utf8 } from "../bytes/bytes";
import { RunningSha256, hmacSha256, sha256 } from "../bytes/hash";
import { type Node, TAG, decode, descend, encode, integer, integerValue, none, octets, oid, oidText, parts, sequence, set } from "./der";

/** What a file holds: the key as PKCS#8, its certificate first in the chain, all in DER. */
export interface KeyFile {
  readonly privateKey: Bytes;
  readonly certificates: readonly Bytes[];
}

const OID = {
  data: "1.2.840.113549.1.7.1",
  encryptedData: "1.2.840.113549.1.7.6",
  shroudedKeyBag: "1.2.840.113549.1.12.10.1.2",
  certBag: "1.2.840.113549.1.12.10.1.3",
  x509: "1.2.840.113549.1.9.22.1",
  friendlyName: "1.2.840.113549.1.9.20",
  localKeyId: "1.2.840.113549.1.9.21",
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  hmacSha256: "1.2.840.113549.2.9",
  aes256Cbc: "2.16.840.1.101.3.4.1.42",
  sha256: "2.16.840.1.101.3.4.2.1",
} as const;

/** Rounds of both key derivations: a guess at the passphrase should cost the thief. */
const ROUNDS = 100_000;
/** More rounds than this is an attack on our own time. */
const ROUNDS_MAX = 10_000_000;

/** The passphrase does not open the file (or the file was altered). */
export class WrongPassphrase extends Error {}
/** The file is no PKCS#12, or of a kind that is not supported (RC2 and 3DES files from before OpenSSL 3). */
export class UnsupportedFile extends Error {}

/** Makes the file. `name` is what other programs show for the key. */
export async function writeKeyFile(file: KeyFile, passphrase: string, name: string): Promise<Bytes> {
  const id = (await sha256(file.certificates[0] ?? new Uint8Array(0))).slice(0, 20);
  const certificates = file.certificates.map((certificate, i) =>
    sequence(
      oid(OID.certBag),
      encode(TAG.context0, sequence(oid(OID.x509), encode(TAG.context0, octets(certificate)))),
      ...(i === 0 ? [attributes(id, name)] : []),
    ),
  );
  const key = sequence(
    oid(OID.shroudedKeyBag),
    encode(TAG.context0, sequence(...(await encryptPbes2(file.privateKey, passphrase)))),
    attributes(id, name),
  );
  const [algorithm, sealed] = await encryptPbes2(sequence(...certificates), passphrase);
  const encrypted = sequence(integer(0), sequence(oid(OID.data), algorithm, encode(TAG.implicit0, decode(sealed).content)));
  const safes = sequence(
    sequence(oid(OID.encryptedData), encode(TAG.context0, encrypted)),
    sequence(oid(OID.data), encode(TAG.context0, octets(sequence(key)))),
  );
  const salt = randomBytes(16);
  const seal = await hmacSha256(macKey(passphrase, salt, ROUNDS), safes);
  const mac = sequence(sequence(sequence(oid(OID.sha256), none()), octets(seal)), octets(salt), integer(ROUNDS));
  return sequence(integer(3), sequence(oid(OID.data), encode(TAG.context0, octets(safes))), mac);
}

/** Opens a file made here, by OpenSSL 3 or by another program that uses the same modern algorithms. */
export async function readKeyFile(bytes: Uint8Array, passphrase: string): Promise<KeyFile> {
  let file: Node[];
  try {
    file = parts(decode(bytes));
  } catch {
    throw new UnsupportedFile("not a PKCS#12 file");
  }
  const [, content, mac] = file;
  if (content === undefined || mac === undefined) throw new UnsupportedFile("not a PKCS#12 file with a seal");
  const safes = descend(content, 1, 0).content;
  await checkSeal(mac, safes, passphrase);
  let privateKey: Bytes | undefined;
  const found: { certificate: Bytes; id: string }[] = [];
  let keyId = "";
  for (const safe of parts(decode(safes))) {
    for (const bag of parts(decode(await openSafe(safe, passphrase)))) {
      const kind = oidText(descend(bag, 0));
      if (kind === OID.shroudedKeyBag) {
        privateKey = await decryptPbes2(descend(bag, 1, 0, 0), descend(bag, 1, 0, 1).content, passphrase);
        keyId = localKeyId(bag);
      } else if (kind === OID.certBag) {
        found.push({ certificate: descend(bag, 1, 0, 1, 0).content, id: localKeyId(bag) });
      }
    }
  }
  if (privateKey === undefined) throw new UnsupportedFile("the file holds no key");
  const own = found.filter((entry) => entry.id === keyId);
  const others = found.filter((entry) => entry.id !== keyId);
  return { privateKey, certificates: [...own, ...others].map((entry) => entry.certificate) };
}

/** An encrypted PKCS#8 key (what `openssl pkcs8` reads): the backup of a trustee's key, which has no certificate. */
export async function writeEncryptedKey(privateKey: Uint8Array, passphrase: string): Promise<Bytes> {
  return sequence(...(await encryptPbes2(privateKey, passphrase)));
}

/** Reads what {@link writeEncryptedKey} wrote. */
export async function readEncryptedKey(bytes: Uint8Array, passphrase: string): Promise<Bytes> {
  const whole = decode(bytes);
  return decryptPbes2(descend(whole, 0), descend(whole, 1).content, passphrase);
}

/** The key derivation of RFC 7292 appendix B.2 with SHA-256 and purpose 3, for the seal of the file. */
function macKey(passphrase: string, salt: Uint8Array, rounds: number): Bytes {
  const wide = new Uint8Array(2 * passphrase.length + 2);
  for (let i = 0; i < passphrase.length; i++) new DataView(wide.buffer).setUint16(2 * i, passphrase.charCodeAt(i));
  let key = digest(new Uint8Array(64).fill(3), stretched(salt), stretched(wide));
  for (let i = 1; i < rounds; i++) key = digest(key);
  return key;
}

function stretched(bytes: Uint8Array): Bytes {
  const out = new Uint8Array(64 * Math.ceil(bytes.length / 64));
  for (let i = 0; i < out.length; i++) out[i] = bytes[i % bytes.length]!;
  return out;
}

function digest(...input: Uint8Array[]): Bytes {
  const running = new RunningSha256();
  input.forEach((part) => running.update(part));
  return running.digest();
}

async function checkSeal(mac: Node, safes: Bytes, passphrase: string): Promise<void> {
  if (oidText(descend(mac, 0, 0, 0)) !== OID.sha256) throw new UnsupportedFile("the file is sealed with an old algorithm");
  const rounds = parts(mac)[2] === undefined ? 1 : integerValue(descend(mac, 2));
  if (rounds > ROUNDS_MAX) throw new UnsupportedFile("the file asks for too many rounds");
  const seal = await hmacSha256(macKey(passphrase, descend(mac, 1).content, rounds), safes);
  if (!equal(seal, descend(mac, 0, 1).content)) throw new WrongPassphrase("wrong passphrase");
}

async function openSafe(safe: Node, passphrase: string): Promise<Bytes> {
  const kind = oidText(descend(safe, 0));
  if (kind === OID.data) return descend(safe, 1, 0).content;
  if (kind !== OID.encryptedData) throw new UnsupportedFile("the file is locked with a public key");
  const info = descend(safe, 1, 0, 1);
  return decryptPbes2(descend(info, 1), descend(info, 2).content, passphrase);
}

function attributes(id: Bytes, name: string): Bytes {
  const wide = new Uint8Array(2 * name.length);
  for (let i = 0; i < name.length; i++) new DataView(wide.buffer).setUint16(2 * i, name.charCodeAt(i));
  return set(
    sequence(oid(OID.friendlyName), set(encode(TAG.bmp, wide))),
    sequence(oid(OID.localKeyId), set(octets(id))),
  );
}

function localKeyId(bag: Node): string {
  for (const attribute of parts(bag)[2] === undefined ? [] : parts(descend(bag, 2))) {
    if (oidText(descend(attribute, 0)) === OID.localKeyId) return descend(attribute, 1, 0).content.join();
  }
  return "none";
}

async function encryptPbes2(plain: Uint8Array, passphrase: string): Promise<[Bytes, Bytes]> {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = await pbkdf2(passphrase, salt, ROUNDS, "encrypt");
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, plain as Bytes));
  const derivation = sequence(oid(OID.pbkdf2), sequence(octets(salt), integer(ROUNDS), sequence(oid(OID.hmacSha256), none())));
  return [sequence(oid(OID.pbes2), sequence(derivation, sequence(oid(OID.aes256Cbc), octets(iv)))), octets(sealed)];
}

async function decryptPbes2(algorithm: Node, sealed: Bytes, passphrase: string): Promise<Bytes> {
  if (oidText(descend(algorithm, 0)) !== OID.pbes2) throw new UnsupportedFile("the file is encrypted with an old algorithm");
  const derivation = descend(algorithm, 1, 0);
  const cipher = descend(algorithm, 1, 1);
  const settings = parts(descend(derivation, 1));
  const prf = settings.find((setting) => setting.tag === TAG.sequence);
  const fits =
    oidText(descend(derivation, 0)) === OID.pbkdf2 &&
    oidText(descend(cipher, 0)) === OID.aes256Cbc &&
    prf !== undefined && oidText(descend(prf, 0)) === OID.hmacSha256;
  const rounds = integerValue(settings[1]!);
  if (!fits || rounds > ROUNDS_MAX) throw new UnsupportedFile("the file uses an algorithm that is not supported");
  const key = await pbkdf2(passphrase, settings[0]!.content, rounds, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv: descend(cipher, 1).content }, key, sealed));
  } catch {
    throw new WrongPassphrase("wrong passphrase");
  }
}

async function pbkdf2(passphrase: string, salt: Bytes, iterations: number, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, secret, { name: "AES-CBC", length: 256 }, false, [use]);
}

