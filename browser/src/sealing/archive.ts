/**
 * The plaintext of a bid: a ustar archive with one possible byte string per content. `bid.json` first, the listed
 * files in order, zeros up to a length that tells little. Read piece by piece; files are never held whole.
 */
import { type Bytes, utf8 } from "../bytes/bytes";

const BLOCK = 512;
const MEBIBYTE = 1 << 20;
/** The most files that one bid may hold. */
export const FILES_MAX = 1000;
/** The most bytes of `bid.json`. */
export const DOCUMENT_MAX = MEBIBYTE;

/** The place of the n-th file (from 0) in the archive. */
export function filePath(index: number): string {
  return `f/${String(index + 1).padStart(4, "0")}`;
}

/** Whether a bidder's file name may stand in a bid. */
export function nameIsAllowed(name: string): boolean {
  const length = [...name].length;
  // eslint-disable-next-line no-control-regex
  return length >= 1 && length <= 200 && name !== "." && name !== ".." && !/[\u0000-\u001f\u007f-\u009f/\\]/.test(name);
}

/** The length to which `content` bytes are padded: 1 MiB at least, above that Padmé (about 3 % waste at most). */
export function paddedLength(content: number): number {
  if (content <= MEBIBYTE) return MEBIBYTE;
  const exponent = floorLog2(content);
  const step = 2 ** (exponent - (floorLog2(exponent) + 1));
  return Math.ceil(content / step) * step;
}

/** An archive that can be read from front to end. */
export class Archive {
  /** Bytes of the whole archive, padding included. */
  readonly size: number;
  readonly #parts: readonly (Uint8Array | Blob)[];
  #buffer: Bytes = new Uint8Array(0);
  #part = 0;
  #offset = 0;
  #left: number;

  constructor(document: Uint8Array, files: readonly Blob[]) {
    if (document.length > DOCUMENT_MAX || files.length > FILES_MAX) throw new Error("the bid is too large");
    const parts: (Uint8Array | Blob)[] = [header("bid.json", document.length), document, rest(document.length)];
    files.forEach((file, i) => parts.push(header(filePath(i), file.size), file, rest(file.size)));
    this.#parts = parts;
    const content = parts.reduce((sum, part) => sum + sizeOf(part), 0) + 2 * BLOCK;
    this.size = this.#left = paddedLength(content);
  }

  /** The next `length` bytes, fewer only at the end. They are good until the next read: one buffer serves them all, because
   * a browser that must collect thousands of them needs hundreds of megabytes. */
  async read(length: number): Promise<Bytes> {
    const wanted = Math.min(length, this.#left);
    if (this.#buffer.length < wanted) this.#buffer = new Uint8Array(wanted);
    const out = this.#buffer.subarray(0, wanted);
    let missing = wanted;
    while (missing > 0) {
      const part = this.#parts[this.#part];
      if (part === undefined) {
        out.fill(0, wanted - missing);
        break;
      }
      const piece = await slice(part, this.#offset, this.#offset + missing);
      out.set(piece, wanted - missing);
      missing -= piece.length;
      this.#offset += piece.length;
      if (this.#offset >= sizeOf(part)) {
        this.#part++;
        this.#offset = 0;
      } else if (piece.length === 0) {
        throw new Error("a file became shorter while it was read");
      }
    }
    this.#left -= wanted;
    return out;
  }
}

/** The one header that an entry may have. */
export function header(name: string, size: number): Bytes {
  const block = new Uint8Array(BLOCK);
  const write = (at: number, text: string) => block.set(utf8(text), at);
  write(0, name);
  write(100, "0000644\0");
  write(108, "0000000\0");
  write(116, "0000000\0");
  write(124, `${size.toString(8).padStart(11, "0")}\0`);
  write(136, "00000000000\0");
  write(148, "        ");
  write(156, "0");
  write(257, "ustar\u000000");
  write(329, "0000000\0");
  write(337, "0000000\0");
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function rest(size: number): Bytes {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

function sizeOf(part: Uint8Array | Blob): number {
  return part instanceof Blob ? part.size : part.length;
}

async function slice(part: Uint8Array | Blob, from: number, to: number): Promise<Uint8Array> {
  if (!(part instanceof Blob)) return part.subarray(from, to);
  return new Uint8Array(await part.slice(from, to).arrayBuffer());
}

/** The greatest n with 2^n <= value. */
function floorLog2(value: number): number {
  let exponent = 0;
  while (2 ** (exponent + 1) <= value) exponent++;
  return exponent;
}
