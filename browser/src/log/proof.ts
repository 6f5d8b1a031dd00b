/** The tree of the log (RFC 6962, checked as RFC 9162 tells) and the entries under its leaves (docs/formats/log.md, sections 3 and 4). */
import { type Bytes, concat, equal, toBase64url, utf8 } from "../bytes/bytes";
import { canonicalBytes } from "../bytes/canonical";
import { sha256 } from "../bytes/hash";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** The leaf hash of an entry about an object of which the hash is at hand. */
export async function leafOf(blind: Uint8Array, kind: number, objectHash: Uint8Array): Promise<Bytes> {
  const c = await sha256(concat(utf8("etrade/leaf/v1\n"), blind, Uint8Array.of(kind), objectHash));
  return sha256(LEAF, canonicalBytes({ c: toBase64url(c), typ: "etrade/leaf/v1" }));
}

/** Whether `proof` shows that `leaf` is number `index` of the tree of `size` leaves with `root`. */
export async function isIncluded(leaf: Bytes, index: bigint, size: bigint, proof: readonly Bytes[], root: Uint8Array): Promise<boolean> {
  if (index >= size) return false;
  let [node, last, hash] = [index, size - 1n, leaf];
  for (const sibling of proof) {
    if (last === 0n) return false;
    if ((node & 1n) === 1n || node === last) {
      hash = await sha256(NODE, sibling, hash);
      while ((node & 1n) === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      hash = await sha256(NODE, hash, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && equal(hash, root);
}

/** Whether `proof` shows that the tree of `size` leaves with `root` begins with the tree of `old` leaves with `oldRoot`. */
export async function extendsTree(old: bigint, size: bigint, oldRoot: Bytes, root: Bytes, proof: readonly Bytes[]): Promise<boolean> {
  if (old > size) return false;
  if (old === size) return proof.length === 0 && equal(oldRoot, root);
  if (old === 0n) return proof.length === 0 && equal(oldRoot, await sha256(new Uint8Array(0)));
  // a complete old tree is itself the first node of the path, and the proof leaves it out
  const path = (old & (old - 1n)) === 0n ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let [node, last] = [old - 1n, size - 1n];
  while ((node & 1n) === 1n) [node, last] = [node >> 1n, last >> 1n];
  let [before, after] = [first, first];
  for (const sibling of path) {
    if (last === 0n) return false;
    if ((node & 1n) === 1n || node === last) {
      before = await sha256(NODE, sibling, before);
      after = await sha256(NODE, sibling, after);
      while ((node & 1n) === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      after = await sha256(NODE, after, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && equal(before, oldRoot) && equal(after, root);
}
