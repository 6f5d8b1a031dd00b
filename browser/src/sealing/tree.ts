/** The Merkle tree of RFC 6962 over the 1 MiB slices of a ciphertext: `ct.root` of the manifest. */
import { type Bytes, concat } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";

/** The leaf of one slice: SHA-256(0x00 || slice). */
export function leaf(slice: Uint8Array): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(0), slice));
}

/** The root over `leaves` in order; of no leaves, the hash of nothing. */
export async function root(leaves: readonly Bytes[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0]!;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Uint8Array.of(1), await root(leaves.slice(0, half)), await root(leaves.slice(half)));
}
