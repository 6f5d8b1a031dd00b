/** Signed notes and the keys under them (docs/formats/log.md, sections 5, 7 and 10): what the log and its witnesses say. */
import { type Bytes, concat, fromBase64url, fromHex, toHex, utf8 } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { demand } from "../sealing/documents";

/** A log signs plainly; a witness signs a time and the checkpoint. */
export type KeyKind = "log" | "witness";

const KIND_BYTE = { log: 0x01, witness: 0x04 } as const;

/** A public key under a name. */
export interface VerifierKey {
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly kind: KeyKind;
  readonly publicKey: Bytes;
  /** `name+id+key`. */
  readonly text: string;
}

/** One signature line: who it says signed, and the bytes. */
export interface Line {
  readonly name: string;
  readonly id: string;
  readonly value: Bytes;
}

/** A note as it was read; nothing of it is verified. */
export interface Note {
  readonly text: string;
  readonly lines: readonly Line[];
}

/** base64 with padding, strictly. */
export function fromBase64(text: string): Bytes {
  const bare = text.replace(/={1,2}$/, "");
  demand(text.length % 4 === 0 && /^[A-Za-z0-9+/]*$/.test(bare), "base64");
  return fromBase64url(bare.replaceAll("+", "-").replaceAll("/", "_"));
}

/** Reads `name+id+key` and checks that the id belongs to the key. */
export async function readKey(text: string): Promise<VerifierKey> {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
  demand(match !== null, "a key of the log");
  const [, name, id, key] = match as unknown as [string, string, string, string];
  const typed = fromBase64(key);
  const kind = (["log", "witness"] as const).find((candidate) => KIND_BYTE[candidate] === typed[0]);
  demand(kind !== undefined && typed.length === 33, "a key of the log");
  const hash = await sha256(utf8(`${name}\n`), typed);
  demand(toHex(hash.slice(0, 4)) === id, "the id of a key of the log");
  return { name, id, kind, publicKey: typed.slice(1), text };
}

/** Reads a note. */
export function readNote(note: string): Note {
  const gap = note.lastIndexOf("\n\n");
  demand(gap >= 0 && note.endsWith("\n") && note.length <= 1 << 20, "a signed note");
  demand(!/[\x00-\x09\x0b-\x1f]/.test(note.slice(0, gap)), "a signed note");
  const lines = note.slice(gap + 2, -1).split("\n").map(readLine);
  demand(lines.length <= 100, "the signatures of a note");
  return { text: note.slice(0, gap + 1), lines };
}

function readLine(line: string): Line {
  const match = /^\u2014 ([^+\s]+) (\S+)$/.exec(line);
  demand(match !== null, "a signature line");
  const bytes = fromBase64(match[2] as string);
  demand(bytes.length > 4, "a signature line");
  return { name: match[1] as string, id: toHex(bytes.slice(0, 4)), value: bytes.slice(4) };
}

/** Whether `line` says that it is of `key`. */
export function isOf(line: Line, key: VerifierKey): boolean {
  return line.name === key.name && line.id === key.id;
}

/** Whether the signature of `line` fits `key` and `text`. */
export async function fits(key: VerifierKey, text: string, line: Line): Promise<boolean> {
  if (key.kind === "log") return verify(key.publicKey, line.value, utf8(text));
  if (line.value.length !== 72) return false;
  return verify(key.publicKey, line.value.slice(8), utf8(`cosignature/v1\ntime ${secondsOf(line)}\n${text}`));
}

/** The time of a witness's line, in seconds since 1970. */
export function secondsOf(line: Line): bigint {
  demand(line.value.length === 72, "a cosignature");
  return line.value.slice(0, 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** RFC 8032, 7.1, test 2: what a browser that knows Ed25519 says yes to. */
const SAMPLE = {
  key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  message: Uint8Array.of(0x72) as Bytes,
  signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
};

/** Whether this browser can check signatures of logs and witnesses at all. */
export async function knowsEd25519(): Promise<boolean> {
  try {
    return await verify(fromHex(SAMPLE.key), fromHex(SAMPLE.signature), SAMPLE.message);
  } catch {
    return false;
  }
}

async function verify(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  if (signature.length !== 64) return false;
  const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, concat(message));
}
