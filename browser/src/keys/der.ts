/** Just enough DER (X.690) to write and read PKCS#12 files and to find a few fields of a certificate. */
import { type Bytes, concat } from "../bytes/bytes";

export const TAG = {
  integer: 0x02, bits: 0x03, octets: 0x04, none: 0x05, oid: 0x06, bmp: 0x1e, sequence: 0x30, set: 0x31, context0: 0xa0, implicit0: 0x80,
} as const;

/** One value: its tag, its content, and its whole encoding. */
export interface Node {
  readonly tag: number;
  readonly content: Bytes;
  readonly whole: Bytes;
}

/** Tag, length and content. */
export function encode(tag: number, ...content: Uint8Array[]): Bytes {
  const body = concat(...content);
  if (body.length < 128) return concat(Uint8Array.of(tag, body.length), body);
  const length: number[] = [];
  for (let left = body.length; left > 0; left = Math.floor(left / 256)) length.unshift(left % 256);
  return concat(Uint8Array.of(tag, 0x80 | length.length, ...length), body);
}

export const sequence = (...content: Uint8Array[]): Bytes => encode(TAG.sequence, ...content);
export const set = (...content: Uint8Array[]): Bytes => encode(TAG.set, ...content);
export const octets = (content: Uint8Array): Bytes => encode(TAG.octets, content);
export const none = (): Bytes => encode(TAG.none);

/** A whole number of at most 31 bits. */
export function integer(value: number): Bytes {
  const bytes: number[] = [];
  for (let left = value; left > 0 || bytes.length === 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  if ((bytes[0] as number) > 127) bytes.unshift(0);
  return encode(TAG.integer, Uint8Array.from(bytes));
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const septets = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) septets.unshift(0x80 | (left % 128));
    bytes.push(...septets);
  }
  return encode(TAG.oid, Uint8Array.from(bytes));
}

/** The dotted form of an object identifier. */
export function oidText(node: Node): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of node.content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0) parts.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
    else parts.push(value);
    value = 0;
  }
  return parts.join(".");
}

/** A small whole number. */
export function integerValue(node: Node): number {
  if (node.tag !== TAG.integer || node.content.length > 5) throw new Error("expected a small number");
  return node.content.reduce((value, byte) => value * 256 + byte, 0);
}

/** The values in `bytes`, one after the other. */
export function decodeAll(bytes: Uint8Array): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const node = decodeAt(bytes, at);
    nodes.push(node);
    at += node.whole.length;
  }
  return nodes;
}

/** The one value that `bytes` is. */
export function decode(bytes: Uint8Array): Node {
  const [only, ...more] = decodeAll(bytes);
  if (only === undefined || more.length > 0) throw new Error("expected one DER value");
  return only;
}

/** The parts of a constructed value. */
export function parts(node: Node | undefined): Node[] {
  if (node === undefined || (node.tag & 0x20) === 0) throw new Error("expected a DER list");
  return decodeAll(node.content);
}

/** Walks down: the `path[0]`-th part, of that the `path[1]`-th part, and so on. */
export function descend(node: Node, ...path: number[]): Node {
  let here = node;
  for (const step of path) {
    const next = parts(here)[step];
    if (next === undefined) throw new Error("a DER part is missing");
    here = next;
  }
  return here;
}

function decodeAt(bytes: Uint8Array, start: number): Node {
  const tag = bytes[start];
  let length = bytes[start + 1];
  if (tag === undefined || length === undefined) throw new Error("DER ends too early");
  let at = start + 2;
  if (length >= 0x80) {
    const octetsOfLength = length & 0x7f;
    if (octetsOfLength === 0 || octetsOfLength > 4) throw new Error("a DER length is not definite or too large");
    length = 0;
    for (let i = 0; i < octetsOfLength; i++) length = length * 256 + (bytes[at++] ?? 0);
  }
  if (at + length > bytes.length) throw new Error("DER ends too early");
  return { tag, content: bytes.slice(at, at + length) as Bytes, whole: bytes.slice(start, at + length) as Bytes };
}
