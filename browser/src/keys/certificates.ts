/**
 * Whether a certificate was issued by an authority that a trustee pinned: what `--ca-roots` checks at the command line, as far as
 * WebCrypto goes. The chain is the root and the certificate, nothing between them. Not checked, as there: revocation, and how long
 * the root itself is valid. Not done here, but refused: roots that constrain names, and keys that WebCrypto does not know.
 */
import { type Bytes, concat, equal, fromUtf8 } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { fromBase64 } from "../log/note";
import { type Node, TAG, decode, oidText, parts } from "./der";

/** The certificate does not count; `why` is a word for the log. */
export class NotCertified extends Error {
  constructor(readonly why: string) {
    super(`not certified: ${why}`);
  }
}

/** Whom a certificate names. */
export interface Subject {
  readonly name: string;
  /** Unified social credit code of the organisation. */
  readonly creditCode: string;
}

const OID = {
  commonName: "2.5.4.3", serialNumber: "2.5.4.5", basicConstraints: "2.5.29.19", nameConstraints: "2.5.29.30", purposes: "2.5.29.37",
  clientAuth: "1.3.6.1.5.5.7.3.2", p256: "1.2.840.10045.3.1.7", p384: "1.3.132.0.34",
} as const;
/** Extensions that may be critical: key usage, names, basic and name constraints, revocation lists, purposes. */
const KNOWN = ["2.5.29.15", "2.5.29.17", OID.basicConstraints, OID.nameConstraints, "2.5.29.31", OID.purposes];
/** Hash of a signature algorithm, and the kind of key that makes it. */
const SIGNATURES: { readonly [oid: string]: readonly ["ECDSA" | "RSASSA-PKCS1-v1_5" | "Ed25519", string] } = {
  "1.2.840.10045.4.3.2": ["ECDSA", "SHA-256"], "1.2.840.10045.4.3.3": ["ECDSA", "SHA-384"], "1.2.840.10045.4.3.4": ["ECDSA", "SHA-512"],
  "1.2.840.113549.1.1.11": ["RSASSA-PKCS1-v1_5", "SHA-256"], "1.2.840.113549.1.1.12": ["RSASSA-PKCS1-v1_5", "SHA-384"],
  "1.2.840.113549.1.1.13": ["RSASSA-PKCS1-v1_5", "SHA-512"], "1.3.101.112": ["Ed25519", ""],
};
/** Texts that are read: UTF-8, numeric, printable, IA5. */
const TEXTS = [0x0c, 0x12, 0x13, 0x16];

interface Certificate {
  readonly signed: Bytes;
  readonly algorithm: string;
  readonly signature: Bytes;
  readonly issuer: Node;
  readonly validity: Node;
  readonly subject: Node;
  readonly key: Node;
  readonly extensions: ReadonlyMap<string, Bytes>;
}

/** The root certificates (DER) of a PEM file, or of a file that is one certificate. Throws {@link NotCertified} if it holds none. */
export function readRoots(file: Bytes): Bytes[] {
  const blocks = [...new TextDecoder().decode(file).matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  const roots = blocks.length === 0 ? [file] : blocks.map((block) => caught(() => fromBase64((block[1] as string).replaceAll(/\s/g, ""))));
  for (const root of roots) readCertificate(root);
  return roots;
}

/** What people compare of a root: its name, and the SHA-256 of its bytes. */
export async function described(root: Bytes): Promise<{ name: string; print: Bytes }> {
  return { name: attribute(readCertificate(root).subject, OID.commonName) ?? "", print: await sha256(root) };
}

/** Whom a certificate names, whoever issued it. */
export function subjectOf(der: Bytes): Subject {
  const { subject, key } = readCertificate(der);
  const [name, creditCode] = [attribute(subject, OID.commonName), attribute(subject, OID.serialNumber)];
  const point = caught(() => parts(key)[1]!.content.slice(1));
  if (name === undefined || creditCode === undefined || curve(key) !== "P-256" || point.length !== 65) throw new NotCertified("subject");
  return { name, creditCode };
}

/** Checks that one of `roots` issued the certificate and that it was valid at `at` (UTC microseconds). Throws {@link NotCertified}. */
export async function certified(der: Bytes, roots: readonly Bytes[], at: bigint): Promise<Subject> {
  const certificate = readCertificate(der);
  checkLeaf(certificate, at / 1_000_000n);
  let why = "issuer";
  for (const root of roots.map(readCertificate)) {
    if (!equal(root.subject.whole, certificate.issuer.whole)) continue;
    if (root.extensions.has(OID.nameConstraints)) why = "constraints";
    else if (await isSigned(certificate, root.key)) return subjectOf(der);
    else why = "signature";
  }
  throw new NotCertified(why);
}

function caught<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof NotCertified ? error : new NotCertified("form");
  }
}

function readCertificate(der: Bytes): Certificate {
  return caught(() => {
    const whole = decode(der);
    const [body, algorithm, signature, more] = parts(whole);
    if (whole.tag !== TAG.sequence) throw new NotCertified("form");
    const [version, , inner, issuer, validity, subject, key, ...rest] = parts(body);
    // version 3, and the same algorithm outside and inside of what is signed
    if (version!.tag !== TAG.context0 || version!.content[2] !== 2 || more !== undefined) throw new NotCertified("form");
    if (!equal(algorithm!.whole, inner!.whole) || signature!.tag !== TAG.bits || signature!.content[0] !== 0) throw new NotCertified("form");
    return {
      signed: body!.whole, algorithm: oidText(parts(algorithm)[0]!), signature: signature!.content.slice(1),
      issuer: issuer!, validity: validity!, subject: subject!, key: key!, extensions: readExtensions(rest.find((part) => part.tag === 0xa3)),
    };
  });
}

function readExtensions(node: Node | undefined): Map<string, Bytes> {
  const found = new Map<string, Bytes>();
  for (const extension of node === undefined ? [] : parts(parts(node)[0])) {
    const [id, ...rest] = parts(extension);
    const name = oidText(id!);
    const critical = rest.length > 1 && rest[0]!.content[0] !== 0;
    if (found.has(name) || (critical && !KNOWN.includes(name))) throw new NotCertified("extension");
    found.set(name, rest.at(-1)!.content);
  }
  return found;
}

/** Valid then, no authority itself, and if it names purposes, among them to prove who one is. */
function checkLeaf({ validity, extensions }: Certificate, seconds: bigint): void {
  const [from, until] = caught(() => parts(validity).map(secondsOf)) as [bigint, bigint];
  if (seconds < from || seconds > until) throw new NotCertified("expired");
  const [constraints, purposes] = [extensions.get(OID.basicConstraints), extensions.get(OID.purposes)];
  caught(() => {
    if (constraints !== undefined && parts(decode(constraints))[0]?.tag === 0x01) throw new NotCertified("authority");
    if (purposes !== undefined && !parts(decode(purposes)).some((one) => oidText(one) === OID.clientAuth)) throw new NotCertified("purpose");
  });
}

/** UTCTime or GeneralizedTime, as seconds since 1970. */
function secondsOf(node: Node): bigint {
  const text = fromUtf8(node.content);
  const long = node.tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(long);
  const time = match === null ? NaN : Date.parse(`${match.slice(1, 4).join("-")}T${match.slice(4).join(":")}Z`);
  if (Number.isNaN(time)) throw new NotCertified("form");
  return BigInt(time / 1000);
}

function attribute(name: Node, wanted: string): string | undefined {
  for (const entry of caught(() => parts(name).flatMap(parts).map(parts))) {
    const [id, value] = entry;
    if (id !== undefined && value !== undefined && oidText(id) === wanted && TEXTS.includes(value.tag)) return caught(() => fromUtf8(value.content));
  }
  return undefined;
}

/** The curve of a public key, if it is on one that is known here. */
function curve(key: Node): "P-256" | "P-384" | undefined {
  const named = caught(() => parts(parts(key)[0])[1]);
  const name = named?.tag === TAG.oid ? oidText(named) : "";
  return name === OID.p256 ? "P-256" : name === OID.p384 ? "P-384" : undefined;
}

async function isSigned({ signed, algorithm, signature }: Certificate, key: Node): Promise<boolean> {
  const [kind, hash] = SIGNATURES[algorithm] ?? [];
  const named = curve(key);
  if (kind === undefined || hash === undefined) throw new NotCertified("algorithm");
  // a key of another kind: the authority may have a further root with the same name
  if (kind === "ECDSA" && named === undefined) return false;
  try {
    const how = kind === "ECDSA" ? { name: kind, namedCurve: named!, hash } : kind === "Ed25519" ? { name: kind } : { name: kind, hash };
    const root = await crypto.subtle.importKey("spki", key.whole, how, false, ["verify"]);
    if (kind === "RSASSA-PKCS1-v1_5" && (root.algorithm as RsaHashedKeyAlgorithm).modulusLength < 2048) return false;
    return await crypto.subtle.verify(how, root, kind === "ECDSA" ? fixed(signature, named === "P-256" ? 32 : 48) : signature, signed);
  } catch {
    return false;
  }
}

/** r‖s of fixed length, as WebCrypto takes it, from the two numbers in DER. */
function fixed(signature: Bytes, length: number): Bytes {
  const pair = decode(signature);
  const numbers = parts(pair).map(({ tag, content }) => {
    // positive, in the one spelling that DER has
    const [first = 0x80, second = 0x80] = content;
    if (tag !== TAG.integer || first >= 0x80 || (first === 0 && second < 0x80)) throw new NotCertified("signature");
    return first === 0 ? content.slice(1) : content;
  });
  if (pair.tag !== TAG.sequence || numbers.length !== 2 || numbers.some((number) => number.length > length)) throw new NotCertified("signature");
  return concat(...numbers.map((number) => concat(new Uint8Array(length - number.length), number)));
}
