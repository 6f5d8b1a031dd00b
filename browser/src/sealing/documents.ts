/**
 * The documents of a sealed bid as TypeScript types, and the checks that a writer owes to the page that handed
 * them out: the server is not trusted with the choice of trustees.
 */
import { type Bytes, equal, fromBase64url, toBase64url, utf8, concat } from "../bytes/bytes";
import { type Json, canonical, canonicalBytes } from "../bytes/canonical";
import { sha256 } from "../bytes/hash";
import { type Fields, misfit } from "./shapes";

/* Type aliases, not interfaces: only those count as JSON objects for the compiler. */

export type Context = {
  bid: string; bidder: string; envelope: string; lot: string; mode: string; origin: string; rev: number;
  suite: string; tender: string; tender_doc: string; trustees: string; typ: string;
};

export type Signature = { alg: string; sig: string; x5c: string[] };

export type ListedFile = { name: string; path: string; sha256: string; size: string };

export type BidDocument = { c: string; files: ListedFile[]; form: { [field: string]: string }; signature: Signature; typ: string };

export type Member = { hpke: string; i: number; org: string; sig: string; sign: string };

export type TrusteeSet = { members: Member[]; t: number; tender: string; typ: string };

export type Manifest = {
  client: { bundle: string | null; name: string; ver: string };
  created: string;
  ct: { alg: string; root: string; size: string };
  ctx: Context;
  lock: { boxes: string[]; commit_b: string | null; commit_t: string; n: number; second?: { box: string; hpke: string }; shares?: string[]; t: number };
  prev: string | null;
  typ: string;
};

export type BidParameters = { ctx: Context; fields: string[]; prev: string | null; trustees: TrusteeSet; typ: string; x5c: string[] };

export type BidSet = {
  bids: { leaf: string; m: string }[]; closing: { root: string; size: string }; envelope: string; lot: string; tender: string; typ: string;
};

/** How the bidders' phase of an opening ended; absent where no bid is locked twice. */
export type BiddersPhase = { absent: string[]; released: string[]; until: string };

export type KeyBundle = { manifests: Manifest[]; opens_at: string; session: string; typ: string; until: string };

/** The log's part of an opening bundle: what shows that the rest is true. */
export type LogProof = {
  bids: { blind: string; proof: string[] }[];
  checkpoint: string;
  closing: string[];
  entries: ShownEntry[];
  policy: string;
  rotations: string;
};

export type ShownEntry = { blind: string; index: string; number: number; object: string; proof: string[] };

/** The log's part of a drill's bundle. */
export type DrillLog = { begun: ShownEntry; checkpoint: string; policy: string; rotations: string };

/** Version 2 has `log` and is for an opening; version 3 has `drill` and is for a drill. */
export type OpeningBundle = {
  bid_set: BidSet; bidders?: BiddersPhase; drill?: DrillLog; log?: LogProof; manifests: Manifest[]; opens_at: string; session: string;
  trustees: TrusteeSet; typ: string;
};

export type Release = {
  bid_set: string; closing_size: string; i: number; session: string; shares: { box: string | null; m: string }[];
  sig: string; tender: string; typ: string;
};

/** A document is not what its name says. `what` is a word for the log, not a sentence for people. */
export class BadDocument extends Error {
  constructor(readonly what: string) {
    super(`bad document: ${what}`);
  }
}

/** Throws {@link BadDocument} unless `holds`. */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BadDocument(what);
}

/** Parses JSON that must be in canonical form: one document has one text, and no field comes twice. */
export function parseCanonical(text: string, what: string): unknown {
  let value: Json;
  let same: boolean;
  try {
    value = JSON.parse(text) as Json;
    same = canonical(value) === text;
  } catch {
    throw new BadDocument(`${what} is not JSON`);
  }
  demand(same, `${what} is not in canonical form`);
  return value;
}

/** Parses `text`, which must be canonical, of this `typ` and of exactly this shape. */
export function readDocument<T>(text: string, typ: string, shape: Fields): T {
  const value = parseCanonical(text, typ) as Json;
  const wrong = misfit(value, shape, typ);
  demand(wrong === undefined, `${wrong} is unknown, missing or of another kind`);
  demand((value as { typ: unknown }).typ === typ, `expected ${typ}`);
  return value as T;
}

/** C: what everything in a bid is bound to. */
export function contextHash(context: Context): Promise<Bytes> {
  return labelled("etrade/bid/ctx/v1\n", context);
}

/** What is signed and hashed of a manifest. */
export function manifestMessage(manifest: Manifest): Bytes {
  return concat(utf8("etrade/bid-manifest/v1\n"), canonicalBytes(manifest as Json));
}

/** m: the name of a manifest. */
export function manifestId(manifest: Manifest): Promise<Bytes> {
  return sha256(manifestMessage(manifest));
}

/** The hash of a trustee set with its signatures, as contexts carry it. */
export function trusteeSetHash(set: TrusteeSet): Promise<Bytes> {
  return sha256(canonicalBytes(set as Json));
}

/** What every member of a trustee set signs: the set without the signatures. */
export function trusteeSetMessage(set: { members: readonly Omit<Member, "sig">[]; t: number; tender: string }): Bytes {
  const members = set.members.map(({ hpke, i, org, sign }) => ({ hpke, i, org, sign }));
  return concat(utf8("etrade/trustee-set/v1\n"), canonicalBytes({ members, t: set.t, tender: set.tender, typ: "etrade/trustee-set/v1" }));
}

/** S: the hash of a bid set. */
export function bidSetHash(set: BidSet): Promise<Bytes> {
  return labelled("etrade/bid-set/v1\n", set);
}

/** The bytes of a P-256 point in b64u, uncompressed. */
export function readPoint(text: string, what: string): Bytes {
  const bytes = readBytes(text, 65, what);
  demand(bytes[0] === 4, `${what} is not an uncompressed point`);
  return bytes;
}

/** Exactly `length` bytes from b64u. */
export function readBytes(text: unknown, length: number, what: string): Bytes {
  demand(typeof text === "string", `${what} is missing`);
  let bytes: Bytes;
  try {
    bytes = fromBase64url(text);
  } catch {
    throw new BadDocument(`${what} is not base64url`);
  }
  demand(bytes.length === length, `${what} has ${bytes.length} bytes`);
  return bytes;
}

/**
 * Checks a trustee set: numbered without gaps, keys distinct and on the curve, a threshold between 2 and n, and
 * every member's signature. Returns the members' box keys in order.
 */
export async function checkTrusteeSet(set: TrusteeSet, tender: string): Promise<Bytes[]> {
  demand(set.typ === "etrade/trustee-set/v1" && set.tender === tender, "the trustee set is of another tender");
  const n = set.members.length;
  demand(Number.isInteger(set.t) && set.t >= 2 && set.t <= n && n <= 32, "the threshold of the trustee set");
  demand(set.members.every((member, at) => member.i === at + 1), "the numbering of the trustees");
  for (const kind of ["hpke", "sign"] as const) demand(new Set(set.members.map((member) => member[kind])).size === n, `two trustees with one ${kind} key`);
  const message = trusteeSetMessage(set);
  for (const member of set.members) {
    const signature = readBytes(member.sig, 64, "a trustee's signature");
    demand(await verifyBytes(readPoint(member.sign, "a trustee's signing key"), signature, message), `the signature of trustee ${member.i}`);
  }
  return set.members.map((member) => readPoint(member.hpke, "a trustee's box key"));
}

/** Checks parameters for sealing and returns C and the trustees' box keys. */
export async function checkParameters(parameters: BidParameters): Promise<{ context: Bytes; keys: Bytes[] }> {
  const { ctx, trustees } = parameters;
  demand(ctx.typ === "etrade/bid-ctx/v1" && ctx.suite === "P256-HKDFSHA256-AES256GCM/tink-1MB", "the suite of the bid");
  demand(ctx.mode === "trustees" || ctx.mode === "dual", "the mode of the bid");
  demand(Number.isInteger(ctx.rev) && ctx.rev >= 1 && (ctx.rev === 1) === (parameters.prev === null), "the revision of the bid");
  readBytes(ctx.bid, 16, "the bid's id");
  readBytes(ctx.bidder, 16, "the bidder's pseudonym");
  const keys = await checkTrusteeSet(trustees, ctx.tender);
  demand(equal(await trusteeSetHash(trustees), readBytes(ctx.trustees, 32, "the hash of the trustee set")), "the trustee set is not the one of the bid");
  return { context: await contextHash(ctx), keys };
}

/** es256 over `message`, with a raw public point. */
export async function verifyBytes(point: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", point, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  } catch {
    return false;
  }
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, message);
}

/** A signature document from its parts. */
export function signatureDocument(signature: Uint8Array, certificates: readonly Uint8Array[]): Signature {
  return { alg: "es256", sig: toBase64url(signature), x5c: certificates.map(toBase64url) };
}

function labelled(label: string, document: Json): Promise<Bytes> {
  return sha256(utf8(label), canonicalBytes(document));
}
