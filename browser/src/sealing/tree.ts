/** The Merkle tree of RFC 6962 over the 1 MiB slices of a ciphertext: `ct.root` of the manifest. */
import { type Bytes } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";

/** A zero and a slice behind it, used again and again; hashing takes its own copy before it begins. */
let prefixed: Bytes = new Uint8Array(1);

/** The leaf of one slice: SHA-256(0x00 || slice). */
export function leaf(slice: Uint8Array): Promise<Bytes> {
  if (prefixed.length <= slice.length) prefixed = new Uint8Array(slice.length + 1);
  prefixed.set(slice, 1);
  return sha256(prefixed.subarray(0, slice.length + 1));
}

/** The root over `leaves` in order; of no leaves, the hash of nothing. */
export async function root(leaves: readonly Bytes[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Uint8Array.of(1), await root(leaves.slice(0, half)), await root(leaves.slice(half)));
}
