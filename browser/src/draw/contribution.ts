/** A party's secret contribution to an expert draw: committed first, revealed later (docs/formats/draw.md). */
import { type Bytes, concat, randomBytes, utf8 } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { get, keepStorage, put } from "../keys/database";

/** The contribution of `party` to the draw, drawn and stored on first use, then always the same. */
export async function contribution(draw: string, party: string): Promise<Bytes> {
  const id = `${draw}/${party}`;
  const stored = await get("draw", id);
  if (stored !== undefined) return stored.secret as Bytes;
  const secret = randomBytes(32);
  await keepStorage();
  await put("draw", { id, secret });
  return secret;
}

/** The stored contribution, if this browser made one. */
export async function storedContribution(draw: string, party: string): Promise<Bytes | undefined> {
  return (await get("draw", `${draw}/${party}`))?.secret as Bytes | undefined;
}

/** The commitment: SHA-256 of label, draw, party and secret. */
export function commitment(draw: string, party: string, secret: Uint8Array): Promise<Bytes> {
  return sha256(concat(utf8("etrade/draw/commit/v1\n"), utf8(draw), utf8("\n"), utf8(party), utf8("\n"), secret));
}
