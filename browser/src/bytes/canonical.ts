/**
 * Canonical JSON (RFC 8785) for our documents: strings, lists, objects, `null`, booleans and small whole
 * numbers. Money, times and ids are strings; a fraction or a big number is a mistake and throws, because
 * canonicalisers silently round integers above 2^53.
 */
import { type Bytes, utf8 } from "./bytes";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The one text that a document has. */
export function canonical(value: Json): string {
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw new Error("only whole numbers below 2^53 are allowed");
    return String(value);
  }
  if (typeof value === "string") return text(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  // The default sort compares UTF-16 code units, which is what RFC 8785 asks for.
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${text(key)}:${canonical(value[key] as Json)}`).join(",")}}`;
}

/** The UTF-8 bytes of {@link canonical}: what is hashed and signed. */
export function canonicalBytes(value: Json): Bytes {
  return utf8(canonical(value));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function text(value: string): string {
  if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value)) throw new Error("a lone surrogate is not text");
  return JSON.stringify(value);
}
