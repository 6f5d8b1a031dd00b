/** SHA-256, HMAC and HKDF on top of WebCrypto, and an incremental SHA-256 for files too large for one call. */
import { type Bytes, concat } from "./bytes";

/** SHA-256 of all parts joined. */
export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  const only = parts.length === 1 ? (parts[0] as Bytes) : concat(...parts);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", only));
}

/** HMAC-SHA256. */
export async function hmacSha256(key: Uint8Array, ...parts: Uint8Array[]): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key as Bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(...parts)));
}

/** HKDF-SHA256 extract and expand (RFC 5869). */
export async function hkdf(salt: Uint8Array, ikm: Uint8Array, info: Uint8Array, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", ikm as Bytes, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: salt as Bytes, info: info as Bytes };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** HKDF-SHA256 expand alone, which WebCrypto does not offer; `prk` is already uniform. */
export async function hkdfExpand(prk: Uint8Array, info: Uint8Array, length: number): Promise<Bytes> {
  let block: Bytes = new Uint8Array(0);
  let out: Bytes = new Uint8Array(0);
  for (let counter = 1; out.length < length; counter++) {
    if (counter > 255) throw new Error("HKDF can not give that many bytes");
    block = await hmacSha256(prk, block, info, Uint8Array.of(counter));
    out = concat(out, block);
  }
  return out.slice(0, length);
}

const ROUND = roundConstants();

/**
 * SHA-256 fed piece by piece (FIPS 180-4). WebCrypto hashes only what is wholly in memory, five times faster;
 * so this is used for nothing but files above {@link ONE_SHOT_LIMIT}.
 */
export class RunningSha256 {
  readonly #state = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
  readonly #words = new Int32Array(64);
  readonly #held = new Uint8Array(64);
  #heldLength = 0;
  #total = 0;

  /** Adds bytes. */
  update(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let at = 0;
    if (this.#heldLength > 0) {
      at = Math.min(64 - this.#heldLength, bytes.length);
      this.#held.set(bytes.subarray(0, at), this.#heldLength);
      this.#heldLength += at;
      if (this.#heldLength < 64) return;
      this.#block(this.#held, 0);
      this.#heldLength = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) this.#block(bytes, at);
    this.#held.set(bytes.subarray(at));
    this.#heldLength = bytes.length - at;
  }

  /** The digest; the object is spent afterwards. */
  digest(): Bytes {
    const total = this.#total;
    const padding = new Uint8Array(((this.#heldLength < 56 ? 56 : 120) - this.#heldLength) + 8);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(total) * 8n);
    this.update(padding);
    const out = new Uint8Array(32);
    const view = new DataView(out.buffer);
    this.#state.forEach((word, i) => view.setInt32(4 * i, word));
    return out;
  }

  #block(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) | 0;
      const s1 = (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)) | 0;
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    const s = this.#state;
    [a, b, c, d, e, f, g, h].forEach((word, i) => { s[i] = (s[i]! + word) | 0; });
  }
}

/** Files up to this size are hashed by WebCrypto in one call; 32 MiB keeps memory small on old phones. */
export const ONE_SHOT_LIMIT = 32 * 1024 * 1024;

/** SHA-256 of a file of any size. */
export async function sha256OfBlob(blob: Blob): Promise<Bytes> {
  if (blob.size > ONE_SHOT_LIMIT) {
    const running = new RunningSha256();
    await eachPiece(blob, (piece) => running.update(piece));
    return running.digest();
  }
  const buffer: Bytes = spare.length < blob.size ? new Uint8Array(blob.size) : spare;
  spare = new Uint8Array(0);
  let filled = 0;
  await eachPiece(blob, (piece) => {
    buffer.set(piece, filled);
    filled += piece.length;
  });
  const digest = await sha256(buffer.subarray(0, filled));
  spare = buffer;
  return digest;
}

/** The buffer of the file that was hashed last, for the next one. */
let spare: Bytes = new Uint8Array(0);
/** Bytes that are read of a file at once. */
const PIECE = 256 * 1024;

/**
 * Shows a file piece by piece. Reading whole files (`arrayBuffer`) leaves two copies of each until the browser collects: of a
 * thousand files hundreds of megabytes. Where the browser can, one buffer is filled again and again.
 */
async function eachPiece(blob: Blob, see: (piece: Uint8Array) => void): Promise<void> {
  const stream = blob.stream();
  reading.add(stream);
  try {
    const filling = fillingReader(stream);
    if (filling === null) {
      const reader = stream.getReader();
      for (let read = await reader.read(); !read.done; read = await reader.read()) see(read.value);
      return;
    }
    let buffer: ArrayBuffer = new ArrayBuffer(PIECE);
    for (;;) {
      const read = await filling.read(new Uint8Array(buffer));
      if (read.done || read.value === undefined) return;
      see(read.value);
      buffer = read.value.buffer as ArrayBuffer;
    }
  } finally {
    reading.delete(stream);
  }
}

/** The files that are read at this moment. Chromium collects a stream that nobody holds, in the middle of a read, which then never ends. */
const reading = new Set<ReadableStream<Uint8Array>>();

/** A reader that fills the buffers which it is given; `null` where the browser has none for files. */
function fillingReader(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, in whole numbers only. */
function roundConstants(): Int32Array {
  const constants = new Int32Array(64);
  let found = 0;
  for (let n = 2; found < 64; n++) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) prime = false;
    if (prime) constants[found++] = Number(BigInt.asIntN(32, cubeRoot(BigInt(n) << 96n)));
  }
  return constants;
}

/** The whole part of the cube root. */
function cubeRoot(value: bigint): bigint {
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle * middle * middle <= value) low = middle;
    else high = middle;
  }
  return low;
}
