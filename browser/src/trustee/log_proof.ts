/**
 * What shows a trustee that an opening bundle is true (docs/formats/sealed-bid.md, section 11.1, from 4 on). The platform that
 * handed the bundle out is believed in nothing: what is known of the log was pinned before.
 */
import { type Bytes, concat, fromBase64url, fromUtf8, toBase64url, utf8 } from "../bytes/bytes";
import { sha256 } from "../bytes/hash";
import { STATEMENT_LABEL } from "../keys/signing";
import { decode, descend } from "../keys/der";
import { type Checkpoint, type Policy, type Rotation, cosigners, inTerm, isMet, keysOf, readCheckpoint, readRotations } from "../log/policy";
import { type Note, type VerifierKey, fits, isOf, readNote } from "../log/note";
import { extendsTree, isIncluded, leafOf } from "../log/proof";
import { type LogProof, type OpeningBundle, type ShownEntry, bidSetHash, parseCanonical, readBytes, verifyBytes } from "../sealing/documents";
import { momentOf } from "./moment";

/** One thing that is untrue in the papers of an opening; `code` chooses the sentence. */
export class Untrue extends Error {
  constructor(readonly code: string, detail = "") {
    super(`untrue: ${code} ${detail}`);
  }
}

/** Who signed a notice, as its certificate says; whether an authority vouches for it is for who knows authorities. */
export interface NoticeSigner {
  readonly version: number;
  /** DER. */
  readonly certificate: Bytes;
  /** When the platform says that it took the signature. */
  readonly at: bigint;
}

/** What a true bundle says, for the trustee to look at. */
export interface Shown {
  readonly title: string;
  /** UTC microseconds. */
  readonly opensAt: bigint;
  readonly notices: readonly NoticeSigner[];
  readonly moved: number;
  readonly closedAt: bigint;
  readonly logSize: bigint;
  readonly witnesses: readonly { readonly name: string; readonly at: bigint }[];
}

export const MICRO = 1_000_000n;
const KINDS: { readonly [number: number]: string } = {
  33: "announcement.notice_published", 130: "opening.box_closed", 132: "opening.session_started", 142: "opening.bidders_done", 221: "outage.deadline_moved",
};

/** An event of the log with the index of its entry and the moment that it names. */
interface Event {
  readonly index: bigint;
  readonly number: number;
  readonly at: bigint;
  // what an event says is JSON of another program: every use compares it with something known
  readonly said: Record<string, unknown>;
}

/** Checks everything in `bundle` that the log can show. Throws {@link Untrue}. */
export async function checkLog(bundle: OpeningBundle, log: LogProof, trust: Policy): Promise<Shown> {
  const rotations = await caught("rotations", () => readRotations(log.rotations));
  const { checkpoint, note } = await readHead(log.checkpoint, trust, rotations);
  const opensAt = momentOf(bundle.opens_at);
  judge(trust, note, opensAt);
  await checkBids(bundle, log, checkpoint);
  const events = await checkEntries(log, checkpoint);
  const announced = await announcedTime(bundle, events);
  const closedAt = await checkCourse(bundle, events, announced);
  if (bundle.bidders !== undefined && bundle.bidders.absent.length > 0) judge(trust, note, momentOf(bundle.bidders.until));
  const witnesses = cosigners(trust, note).map(({ name, seconds }) => ({ name, at: seconds * MICRO }));
  return { title: announced.title, opensAt, notices: announced.notices, moved: announced.moved, closedAt, logSize: checkpoint.size, witnesses };
}

export async function caught<T>(code: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Untrue ? error : new Untrue(code, error instanceof Error ? error.message : "");
  }
}

/** The checkpoint, if a pinned key of the log signed it in its term and no known signature on it is false. */
export async function readHead(text: string, trust: Policy, rotations: readonly Rotation[]): Promise<{ checkpoint: Checkpoint; note: Note }> {
  const { note, checkpoint } = await caught("forged", () => {
    const read = readNote(text);
    return { note: read, checkpoint: readCheckpoint(read.text) };
  });
  const logs = keysOf(trust, rotations);
  const signers: VerifierKey[] = [];
  for (const key of [...logs, ...trust.witnesses.map((one) => one.key)]) {
    for (const line of note.lines.filter((one) => isOf(one, key))) {
      if (!(await fits(key, note.text, line))) throw new Untrue("forged", key.name);
      signers.push(key);
    }
  }
  const counts = (key: VerifierKey) => key.kind === "log" && key.name === checkpoint.origin && inTerm(key, rotations, checkpoint);
  if (!signers.some(counts)) throw new Untrue("other_key");
  return { checkpoint, note };
}

/** Enough witnesses cosigned, and enough of them at `since` or later by their own clocks. */
export function judge(trust: Policy, note: Note, since: bigint): void {
  const all = cosigners(trust, note);
  if (!isMet(trust, all.map((one) => one.name))) throw new Untrue("not_cosigned");
  const late = all.filter((one) => one.seconds * MICRO >= since);
  if (!isMet(trust, late.map((one) => one.name))) throw new Untrue("old_cosigned");
}

function hashes(list: readonly string[]): Bytes[] {
  return list.map((text) => readBytes(text, 32, "a hash of a proof"));
}

async function checkBids(bundle: OpeningBundle, log: LogProof, head: Checkpoint): Promise<void> {
  const { bids, closing } = bundle.bid_set;
  const [size, root] = [BigInt(closing.size), readBytes(closing.root, 32, "the closing root")];
  if (!(await extendsTree(size, head.size, root, head.root, hashes(log.closing)))) throw new Untrue("split_view");
  if (log.bids.length !== bids.length) throw new Untrue("other_bids");
  for (const [at, shown] of log.bids.entries()) {
    const bid = bids[at]!;
    if (bundle.manifests[at]!.ctx.origin !== head.origin) throw new Untrue("other_log", bid.m);
    const leaf = await leafOf(readBytes(shown.blind, 32, "a blind"), 70, readBytes(bid.m, 32, "a bid"));
    if (!(await isIncluded(leaf, BigInt(bid.leaf), size, hashes(shown.proof), root))) throw new Untrue("bid_not_logged", bid.m);
  }
}

async function checkEntries(log: LogProof, head: Checkpoint): Promise<Event[]> {
  const events: Event[] = [];
  let last = -1n;
  for (const entry of log.entries) {
    const index = BigInt(entry.index);
    await checkEntry(entry, head);
    if (index <= last) throw new Untrue("bad_entry", entry.index);
    last = index;
    const kind = KINDS[entry.number];
    if (kind !== undefined) events.push(await readEvent(entry, kind));
  }
  return events;
}

/** The entry is in the log of this checkpoint. */
export async function checkEntry(entry: ShownEntry, head: Checkpoint): Promise<void> {
  const object = await sha256(fromBase64url(entry.object));
  const leaf = await leafOf(readBytes(entry.blind, 32, "a blind"), entry.number, object);
  if (!(await isIncluded(leaf, BigInt(entry.index), head.size, hashes(entry.proof), head.root))) throw new Untrue("entry_not_logged", entry.index);
}

/** What an entry of this kind says. */
export async function readEvent(entry: ShownEntry, kind: string): Promise<Event> {
  return caught("bad_entry", () => {
    const event = parseCanonical(fromUtf8(fromBase64url(entry.object)), "an event") as { at: string; kind: string; event: Record<string, unknown> };
    if (event.kind !== kind || typeof event.event !== "object") throw new Untrue("bad_entry", entry.index);
    return { index: BigInt(entry.index), number: entry.number, at: momentOf(event.at), said: event.event };
  });
}

/** The opening time as notices and moves before the closing set it, one after the other. */
async function announcedTime(bundle: OpeningBundle, events: readonly Event[]): Promise<{ time: bigint; title: string; notices: NoticeSigner[]; moved: number; tender: unknown }> {
  const closing = BigInt(bundle.bid_set.closing.size);
  const notices: NoticeSigner[] = [];
  let [time, title, moved] = [0n, "", 0];
  const steps = events.filter((event) => event.number === 33 || event.number === 221);
  const tender = steps[0]?.said["tender"];
  if (typeof tender !== "string" || steps.some((step) => step.index >= closing || step.said["tender"] !== tender)) throw new Untrue("no_notice");
  for (const { number, said } of steps) {
    if (number === 33) {
      const notice = await readNotice(said, bundle.bid_set.tender, notices.length + 1);
      notices.push(notice.signer);
      [time, title, moved] = [momentOf(notice.time), notice.title, 0];
      continue;
    }
    if (notices.length === 0) throw new Untrue("no_notice");
    const [was, now] = [momentOf(String(said["was"])), momentOf(String(said["now"]))];
    if (was !== time || now <= was) throw new Untrue("other_time");
    [time, moved] = [now, moved + 1];
  }
  return { time, title, notices, moved, tender };
}

async function readNotice(said: Record<string, unknown>, tender: string, version: number): Promise<{ time: string; title: string; signer: NoticeSigner }> {
  const { notice, signed, at } = await caught("bad_entry", () => {
    const kept = said["notice"] as { statement: string; signature: string; certificate: string; at: string };
    return { signed: kept, at: momentOf(kept.at), notice: parseCanonical(kept.statement, "a notice") as { number: string; version: number; title: string; schedule: { bids_until: string } } };
  });
  if (notice.number !== tender || notice.version !== version || said["version"] !== version) throw new Untrue("no_notice");
  const certificate = await caught("notice_not_signed", () => fromBase64url(signed.certificate));
  const good = await caught("notice_not_signed", () =>
    verifyBytes(pointOf(certificate), fromBase64url(signed.signature), concat(utf8(STATEMENT_LABEL), utf8(signed.statement))));
  if (!good) throw new Untrue("notice_not_signed");
  return { time: notice.schedule.bids_until, title: String(notice.title), signer: { version, certificate, at } };
}

/** The public point of a P-256 certificate: subjectPublicKeyInfo follows version, number, algorithm, issuer, validity and subject. */
function pointOf(certificate: Bytes): Bytes {
  return descend(decode(certificate), 0, 6, 1).content.slice(1);
}

function only(events: readonly Event[], number: number, code: string): Event {
  const found = events.filter((event) => event.number === number);
  if (found.length !== 1) throw new Untrue(code);
  return found[0]!;
}

/** Closing, session and the end of the bidders' time are as the bundle says. Gives when the box was closed. */
async function checkCourse(bundle: OpeningBundle, events: readonly Event[], announced: { time: bigint; notices: readonly NoticeSigner[]; tender: unknown }): Promise<bigint> {
  const set = bundle.bid_set;
  const hash = toBase64url(await bidSetHash(set));
  if (momentOf(bundle.opens_at) !== announced.time) throw new Untrue("other_time");
  const closed = only(events, 130, "not_closed");
  const { said } = closed;
  const place = said["tender"] === announced.tender && said["number"] === set.tender && said["lot_number"] === set.lot;
  const line = said["size"] === set.closing.size && said["root"] === set.closing.root && closed.index >= BigInt(set.closing.size);
  if (!place || !line || typeof said["lot"] !== "string") throw new Untrue("not_closed");
  const sets = Array.isArray(said["sets"]) ? (said["sets"] as { bids: number; envelope: string; hash: string }[]).filter((one) => one.envelope === set.envelope) : [];
  if (sets.length !== 1 || sets[0]!.hash !== hash || sets[0]!.bids !== set.bids.length) throw new Untrue("other_bids");
  if (said["notice"] !== announced.notices.length) throw new Untrue("no_notice");
  if (momentOf(String(said["deadline"])) !== announced.time) throw new Untrue("other_time");
  if (closed.at < announced.time) throw new Untrue("closed_early");
  const started = only(events, 132, "other_session");
  const mine = (event: Event) => event.said["lot"] === said["lot"] && event.said["envelope"] === set.envelope && event.index > closed.index;
  if (!mine(started) || started.said["session"] !== bundle.session) throw new Untrue("other_session");
  if (started.said["bid_set"] !== hash) throw new Untrue("other_bids");
  checkBidders(bundle, events, mine, started.said["bidders_until"]);
  return closed.at;
}

function checkBidders(bundle: OpeningBundle, events: readonly Event[], mine: (event: Event) => boolean, until: unknown): void {
  const phase = bundle.bidders;
  if (phase === undefined) {
    if (until !== undefined || events.some((event) => event.number === 142)) throw new Untrue("other_bidders");
    return;
  }
  const done = only(events, 142, "other_bidders");
  const list = (name: string) => (Array.isArray(done.said[name]) ? (done.said[name] as unknown[]).join() : undefined);
  const same = list("absent") === phase.absent.join() && list("released") === phase.released.join() && done.said["until"] === phase.until;
  if (!mine(done) || !same) throw new Untrue("other_bidders");
  if (until !== phase.until || (phase.absent.length > 0 && done.at < momentOf(phase.until))) throw new Untrue("bidders_early");
}
