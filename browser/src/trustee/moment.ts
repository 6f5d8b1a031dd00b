/** Times as documents write them. */
import { demand } from "../sealing/documents";

/** Reads `2026-11-22T13:00:00.000000Z` as microseconds since 1970. */
export function momentOf(text: string): bigint {
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.(\d{6})Z$/.exec(text);
  demand(match !== null, "a time");
  const seconds = Date.parse(`${match[1]}Z`) / 1000;
  demand(Number.isInteger(seconds), "a time");
  return BigInt(seconds) * 1_000_000n + BigInt(match[2] as string);
}
