/** A trustee's box key: made for one tender, kept in this browser, backed up under a passphrase if wished. */
import { type Bytes, concat, equal, fromBase64url, randomBytes, utf8 } from "../bytes/bytes";
import { type TrusteeKey, get, keepStorage, put } from "../keys/database";
import { readEncryptedKey, writeEncryptedKey } from "../keys/pkcs12";
import { type BoxPair, readPublicKey, suite } from "../sealing/boxes";
import { demand } from "../sealing/documents";

const ALGORITHM = { name: "ECDH", namedCurve: "P-256" } as const;

/** Makes a key and stores it under `id`; the private half can not be exported afterwards. The backup is `null` without a passphrase. */
export async function makeBoxKey(id: string, passphrase: string): Promise<{ key: TrusteeKey; backup: Bytes | null }> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["deriveBits"]);
  const bytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const backup = passphrase === "" ? null : await writeEncryptedKey(bytes, passphrase);
  const key = await storeBoxKey(id, bytes);
  bytes.fill(0);
  return { key, backup };
}

/** A box key for somebody else: its file under a passphrase, and the point to lock boxes to. Nothing of it stays here. */
export async function boxKeyFile(passphrase: string): Promise<{ publicKey: Bytes; file: Bytes }> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["deriveBits"]);
  const bytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const file = await writeEncryptedKey(bytes, passphrase);
  bytes.fill(0);
  return { publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), file };
}

/** Whether `key` opens what is locked to `point`: a probe of random bytes goes there and back. */
export async function opensProbe(point: Bytes, key: BoxPair): Promise<boolean> {
  const probe = randomBytes(32);
  const info = utf8("sunbid/probe/v1\n").buffer;
  const sender = await suite().createSenderContext({ recipientPublicKey: await readPublicKey(point), info });
  const sealed = await sender.seal(probe.buffer);
  try {
    const recipient = await suite().createRecipientContext({ recipientKey: key.pair, enc: sender.enc, info });
    return equal(new Uint8Array(await recipient.open(sealed)), probe);
  } catch {
    return false;
  }
}

/** Takes a backup into this browser. */
export async function restoreBoxKey(id: string, backup: Uint8Array, passphrase: string): Promise<TrusteeKey> {
  return storeBoxKey(id, await readEncryptedKey(backup, passphrase));
}

async function storeBoxKey(id: string, pkcs8: Bytes): Promise<TrusteeKey> {
  // what was pinned of the log stays, whichever key comes
  const { log, roots } = (await get("trustee", id)) ?? {};
  const key = { id, ...(await importBoxKey(pkcs8)), ...(log === undefined ? {} : { log }), ...(roots === undefined ? {} : { roots }) };
  await keepStorage();
  await put("trustee", key);
  return key;
}

/** A box key from its PKCS#8 bytes; its private half can not be exported again. */
export async function importBoxKey(pkcs8: Bytes): Promise<BoxPair> {
  const open = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["deriveBits"]);
  const { x, y } = await crypto.subtle.exportKey("jwk", open);
  demand(x !== undefined && y !== undefined, "the key");
  const publicKey = concat(Uint8Array.of(4), fromBase64url(x), fromBase64url(y));
  const pair = {
    privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["deriveBits"]),
    publicKey: await crypto.subtle.importKey("raw", publicKey, ALGORITHM, true, []),
  };
  return { pair, publicKey };
}
