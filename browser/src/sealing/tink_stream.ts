/**
 * Tink's streaming AEAD AES256_GCM_HKDF_1MB, RAW prefix: the payload of a sealed bid. Any Tink implementation
 * opens it given the key. Written segment by segment: a file never has to fit in memory.
 */
import { type Bytes, concat, randomBytes, u32be } from "../bytes/bytes";
import { hkdf } from "../bytes/hash";

/** Bytes of one ciphertext segment, and of one slice of the uploaded file. */
export const SEGMENT = 1 << 20;
/** Header: its own length, salt (32), nonce prefix (7). */
export const HEADER = 40;
const TAG = 16;

/** Plaintext that fits into the first segment, beside the header. */
export const FIRST_PLAINTEXT = SEGMENT - HEADER - TAG;
/** Plaintext that fits into every other segment. */
export const NEXT_PLAINTEXT = SEGMENT - TAG;

/** Bytes of the ciphertext of `plaintext` bytes. */
export function ciphertextSize(plaintext: number): number {
  return HEADER + plaintext + TAG * segmentCount(plaintext);
}

/** Segments that `plaintext` bytes become; an empty plaintext still has one. */
export function segmentCount(plaintext: number): number {
  return plaintext <= FIRST_PLAINTEXT ? 1 : 1 + Math.ceil((plaintext - FIRST_PLAINTEXT) / NEXT_PLAINTEXT);
}

/** What a stream draws at random; handed in only by tests against fixed vectors. */
export interface StreamNonce {
  readonly salt: Uint8Array;
  readonly prefix: Uint8Array;
}

/** Seals one plaintext with one key. A key is used for exactly one stream, ever. */
export class TinkSealer {
  #next = 0;
  private constructor(
    private readonly key: CryptoKey,
    private readonly nonce: StreamNonce,
  ) {}

  static async create(key: Uint8Array, associated: Uint8Array, nonce?: StreamNonce): Promise<TinkSealer> {
    const drawn = nonce ?? { salt: randomBytes(32), prefix: randomBytes(7) };
    return new TinkSealer(await segmentKey(key, associated, drawn.salt, "encrypt"), drawn);
  }

  /** The next slice of the file. `last` must be true for the last one and for no other. */
  async seal(plaintext: Uint8Array, last: boolean): Promise<Bytes> {
    const index = this.#next++;
    const room = index === 0 ? FIRST_PLAINTEXT : NEXT_PLAINTEXT;
    if (plaintext.length > room || (!last && plaintext.length !== room)) throw new Error("a segment has the wrong size");
    const sealed = await crypto.subtle.encrypt(segmentCipher(this.nonce.prefix, index, last), this.key, plaintext as Bytes);
    if (index > 0) return new Uint8Array(sealed);
    return concat(Uint8Array.of(HEADER), this.nonce.salt, this.nonce.prefix, new Uint8Array(sealed));
  }
}

/** Opens one stream slice by slice. Nothing may be trusted before the last one has opened. */
export class TinkOpener {
  #next = 0;
  private constructor(
    private readonly key: CryptoKey,
    private readonly prefix: Uint8Array,
  ) {}

  /** `first` is the first slice, whose header tells salt and prefix. */
  static async create(key: Uint8Array, associated: Uint8Array, first: Uint8Array): Promise<TinkOpener> {
    if (first.length < HEADER + TAG || first[0] !== HEADER) throw new Error("not a stream of this format");
    return new TinkOpener(await segmentKey(key, associated, first.subarray(1, 33), "decrypt"), first.slice(33, 40));
  }

  /** The plaintext of the next slice; throws unless it is genuine and in its place. */
  async open(slice: Uint8Array, last: boolean): Promise<Bytes> {
    const index = this.#next++;
    const sealed = index === 0 ? slice.slice(HEADER) : slice;
    return new Uint8Array(await crypto.subtle.decrypt(segmentCipher(this.prefix, index, last), this.key, sealed as Bytes));
  }
}

/** Opens a whole stream held in memory; throws unless every segment, the last included, is genuine. */
export async function openStream(key: Uint8Array, associated: Uint8Array, stream: Uint8Array): Promise<Bytes> {
  if (stream.length < HEADER + TAG || stream[0] !== HEADER) throw new Error("not a stream of this format");
  const segment = await segmentKey(key, associated, stream.subarray(1, 33), "decrypt");
  const opened: Bytes[] = [];
  for (let index = 0, at = HEADER; at < stream.length; index++) {
    const end = Math.min((index + 1) * SEGMENT, stream.length);
    const cipher = segmentCipher(stream.subarray(33, 40), index, end === stream.length);
    opened.push(new Uint8Array(await crypto.subtle.decrypt(cipher, segment, stream.slice(at, end) as Bytes)));
    at = end;
  }
  return concat(...opened);
}

async function segmentKey(key: Uint8Array, associated: Uint8Array, salt: Uint8Array, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const derived = await hkdf(salt, key, associated, 32);
  return crypto.subtle.importKey("raw", derived, "AES-GCM", false, [use]);
}

function segmentCipher(prefix: Uint8Array, index: number, last: boolean): AesGcmParams {
  return { name: "AES-GCM", iv: concat(prefix, u32be(index), Uint8Array.of(last ? 1 : 0)), tagLength: 128 };
}
