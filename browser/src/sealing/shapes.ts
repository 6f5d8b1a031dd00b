/**
 * What each document of a sealed bid must look like, field by field (docs/formats/sealed-bid.md): a field that nobody knows is
 * refused wherever it stands, so that no other program can find a meaning in a text that this one passed over.
 */
import type { Json } from "../bytes/canonical";

/** A plain value, a list of one kind, or an object with exactly these fields; a field whose name ends in "?" may be absent. */
export type Shape = "text" | "text or null" | "number" | readonly [Shape] | Fields;

export type Fields = { readonly [field: string]: Shape };

const CONTEXT: Fields = {
  bid: "text", bidder: "text", envelope: "text", lot: "text", mode: "text", origin: "text", rev: "number", suite: "text", tender: "text",
  tender_doc: "text", trustees: "text", typ: "text",
};

const MANIFEST: Fields = {
  client: { bundle: "text or null", name: "text", ver: "text" },
  created: "text",
  ct: { alg: "text", root: "text", size: "text" },
  ctx: CONTEXT,
  lock: {
    boxes: ["text"], commit_b: "text or null", commit_t: "text", n: "number", "second?": { box: "text", hpke: "text" }, "shares?": ["text"], t: "number",
  },
  prev: "text or null",
  typ: "text",
};

const MEMBER: Fields = { hpke: "text", i: "number", org: "text", sign: "text" };

const ENTRY: Fields = { blind: "text", index: "text", number: "number", object: "text", proof: ["text"] };

const BID_SET: Fields = {
  bids: [{ leaf: "text", m: "text" }], closing: { root: "text", size: "text" }, envelope: "text", lot: "text", tender: "text", typ: "text",
};

/** The set as its members sign it. */
export const UNSIGNED_SET: Fields = { members: [MEMBER], t: "number", tender: "text", typ: "text" };

export const TRUSTEE_SET: Fields = { ...UNSIGNED_SET, members: [{ ...MEMBER, sig: "text" }] };

export const BID_PARAMETERS: Fields = { ctx: CONTEXT, fields: ["text"], prev: "text or null", trustees: TRUSTEE_SET, typ: "text", x5c: ["text"] };

export const KEY_BUNDLE: Fields = { manifests: [MANIFEST], opens_at: "text", session: "text", typ: "text", until: "text" };

export const OPENING_BUNDLE: Fields = {
  bid_set: BID_SET,
  "bidders?": { absent: ["text"], released: ["text"], until: "text" },
  "drill?": { begun: ENTRY, checkpoint: "text", policy: "text", rotations: "text" },
  "log?": { bids: [{ blind: "text", proof: ["text"] }], checkpoint: "text", closing: ["text"], entries: [ENTRY], policy: "text", rotations: "text" },
  manifests: [MANIFEST],
  opens_at: "text",
  session: "text",
  trustees: TRUSTEE_SET,
  typ: "text",
};

/** Where `value` is not of this shape, as a path from `at`; nothing if it is. */
export function misfit(value: Json | undefined, shape: Shape, at: string): string | undefined {
  if (shape === "text or null") return value === null || typeof value === "string" ? undefined : at;
  if (shape === "text") return typeof value === "string" ? undefined : at;
  if (shape === "number") return typeof value === "number" ? undefined : at;
  if (isList(shape)) {
    if (!Array.isArray(value)) return at;
    return first(value, (item, place) => misfit(item, shape[0], `${at}[${place}]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return at;
  const object = value as { readonly [field: string]: Json };
  const known = new Set(Object.keys(shape).map((field) => field.replace("?", "")));
  const unknown = Object.keys(object).find((field) => !known.has(field));
  if (unknown !== undefined) return `${at}.${unknown}`;
  return first(Object.entries(shape), ([field, inner]) => {
    const name = field.replace("?", "");
    return name !== field && !Object.hasOwn(object, name) ? undefined : misfit(object[name], inner, `${at}.${name}`);
  });
}

function isList(shape: readonly [Shape] | Fields): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function first<T>(items: readonly T[], look: (item: T, place: number) => string | undefined): string | undefined {
  for (const [place, item] of items.entries()) {
    const found = look(item, place);
    if (found !== undefined) return found;
  }
  return undefined;
}
