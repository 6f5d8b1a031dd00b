/**
 * What a trustee's browser does at an opening: checks what it is asked to open, opens its own boxes and locks
 * each share again to the key of the opening session. It refuses before the opening time and for anything that
 * is not exactly the bid set in front of it.
 */
import { type Bytes, concat, toBase64url, utf8 } from "../bytes/bytes";
import { type Json, canonicalBytes } from "../bytes/canonical";
import { sha256 } from "../bytes/hash";
import type { TrusteeKey } from "../keys/database";
import { signBytes } from "../keys/signing";
import type { Policy } from "../log/policy";
import { commitShare, openBox, readPublicKey, suite } from "../sealing/boxes";
import { type BidSet, type Manifest, type OpeningBundle, type Release, bidSetHash, checkTrusteeSet, contextHash, demand, manifestId, readBytes, readDocument, readPoint, trusteeSetHash } from "../sealing/documents";
import { OPENING_BUNDLE } from "../sealing/shapes";
import { type Ready, checkDrillLog } from "./drill_log";
import { type Shown, Untrue, checkLog } from "./log_proof";
import { momentOf } from "./moment";

/** The lot of a drill. */
const CANARY = "canary";

/** Asks for a release before the opening time. */
export class TooEarly extends Error {}

/** The trustee's keys: one for boxes (of this tender), one for signatures. */
export interface TrusteeKeys {
  readonly box: TrusteeKey;
  readonly signing: CryptoKey;
}

/** Checks the papers of an opening: that they fit each other, and that the log shows them. `now` is UTC in microseconds, `trust` what was pinned. */
export async function check(bundle: OpeningBundle, trust: Policy, now: bigint): Promise<Shown> {
  if (bundle.log === undefined || bundle.drill !== undefined || bundle.typ !== "etrade/opening-bundle/v2") throw new Untrue("drill_only");
  await checkPapers(bundle, now);
  return checkLog(bundle, bundle.log, trust);
}

/** Checks the papers of a drill, and the log as it must be at the opening. A real bid under its name must never get a share out of here. */
export async function checkDrill(bundle: OpeningBundle, trust: Policy, now: bigint): Promise<Ready> {
  const canaries = bundle.bid_set.lot === CANARY && bundle.manifests.every((manifest) => manifest.ctx.lot === CANARY);
  if (!canaries || bundle.log !== undefined || bundle.typ === "etrade/opening-bundle/v2") throw new Untrue("no_drill");
  if (bundle.drill === undefined || bundle.typ !== "etrade/opening-bundle/v3") throw new Untrue("old_drill");
  await checkPapers(bundle, now);
  return checkDrillLog(bundle, bundle.drill, trust, now);
}

/** Reads a bundle of any version in canonical form. */
export function readBundle(text: string): OpeningBundle {
  const version = /"typ":"etrade\/opening-bundle\/(v[123])"\}$/.exec(text)?.[1] ?? "v2";
  return readDocument<OpeningBundle>(text, `etrade/opening-bundle/${version}`, OPENING_BUNDLE);
}

/** That the papers fit each other and the clock, which shows nothing of whether they are true. */
export async function checkPapers(bundle: OpeningBundle, now: bigint): Promise<void> {
  if (now < momentOf(bundle.opens_at)) throw new TooEarly("the opening time has not come");
  await checkTrusteeSet(bundle.trustees, bundle.bid_set.tender);
  await checkBidSet(bundle);
  await checkBidders(bundle, now);
}

/** Makes the signed release for everything in a bundle that {@link check} or {@link checkDrill} let pass. */
export async function release(bundle: OpeningBundle, keys: TrusteeKeys): Promise<Release> {
  const set = bundle.bid_set;
  const own = toBase64url(keys.box.publicKey);
  const member = bundle.trustees.members.find((candidate) => candidate.hpke === own);
  demand(member !== undefined, "this browser's trustee key is not in the set");
  const session = readPoint(bundle.session, "the session key");
  const shares: Release["shares"] = [];
  for (const manifest of bundle.manifests) shares.push(await releaseOne(manifest, member.i, keys.box, session));
  const unsigned = {
    bid_set: toBase64url(await bidSetHash(set)), closing_size: set.closing.size, i: member.i, session: bundle.session,
    shares, tender: set.tender, typ: "etrade/release/v1",
  };
  const message = concat(utf8("etrade/release/v1\n"), canonicalBytes(unsigned as Json));
  return { ...unsigned, sig: toBase64url(await signBytes(keys.signing, message)) };
}

/** What a share is bound to when it is locked to the session: the bid, the trustee's number, the session key. */
export async function releaseInfo(context: Uint8Array, place: number, session: Uint8Array): Promise<Bytes> {
  return concat(utf8("etrade/release/v1\n"), context, Uint8Array.of(place), await sha256(session));
}

async function checkBidSet(bundle: OpeningBundle): Promise<void> {
  const set: BidSet = bundle.bid_set;
  demand(set.bids.length === bundle.manifests.length, "the number of manifests");
  const closing = BigInt(set.closing.size);
  const trustees = toBase64url(await trusteeSetHash(bundle.trustees));
  const bids = new Set<string>();
  for (const [at, manifest] of bundle.manifests.entries()) {
    const listed = set.bids[at];
    const { ctx, lock } = manifest;
    demand(listed !== undefined && toBase64url(await manifestId(manifest)) === listed.m, "a manifest is not the listed one");
    demand(BigInt(listed.leaf) < closing, "a bid came after the closing checkpoint");
    demand(ctx.tender === set.tender && ctx.lot === set.lot && ctx.envelope === set.envelope, "a bid of another lot");
    demand(ctx.trustees === trustees && lock.t === bundle.trustees.t && lock.n === bundle.trustees.members.length, "a bid for other trustees");
    demand(lock.boxes.length === lock.n && !bids.has(ctx.bid), "a bid twice, or with missing boxes");
    demand(lock.shares === undefined || Array.isArray(lock.shares), "the share commitments");
    for (const share of lock.shares ?? []) readBytes(share, 32, "a share commitment");
    bids.add(ctx.bid);
  }
}

/** Bidders come first: every bid that is locked twice has its key, or its bidder did not come while there was time. */
async function checkBidders(bundle: OpeningBundle, now: bigint): Promise<void> {
  const dual = bundle.manifests.filter((manifest) => manifest.ctx.mode === "dual");
  const phase = bundle.bidders;
  if (phase === undefined) return demand(dual.length === 0, "the bidders have not released their keys yet");
  const wanted = await Promise.all(dual.map(async (manifest) => toBase64url(await manifestId(manifest))));
  const told = [...phase.absent, ...phase.released];
  demand(wanted.sort().join() === told.sort().join(), "it does not say of every bid whether its bidder came");
  demand(phase.absent.length === 0 || now >= momentOf(phase.until), "the bidders' time is not over");
}

/**
 * The bids whose box for this key does not hold what the bidder committed to. They are released as they are: this trustee has done
 * its part, and what the others report decides who is at fault.
 */
export async function brokenPromises(bundle: OpeningBundle, key: TrusteeKey): Promise<string[]> {
  const own = toBase64url(key.publicKey);
  const place = bundle.trustees.members.find((member) => member.hpke === own)?.i ?? 0;
  const broken: string[] = [];
  for (const manifest of bundle.manifests) {
    const share = await ownShare(manifest, place, key);
    const { shares } = manifest.lock;
    const kept = share !== undefined && (shares === undefined || toBase64url(await commitShare(await contextHash(manifest.ctx), share)) === shares[place - 1]);
    if (!kept) broken.push(toBase64url(await manifestId(manifest)));
  }
  return broken;
}

/** What this trustee finds in its box of a bid; nothing if the box does not open. */
async function ownShare(manifest: Manifest, place: number, key: TrusteeKey): Promise<Bytes | undefined> {
  try {
    return await openBox(await contextHash(manifest.ctx), place, key.pair, key.publicKey, readBytes(manifest.lock.boxes[place - 1], 114, "a box"));
  } catch {
    return undefined;
  }
}

async function releaseOne(manifest: Manifest, place: number, key: TrusteeKey, session: Bytes): Promise<{ box: string | null; m: string }> {
  const m = toBase64url(await manifestId(manifest));
  const context = await contextHash(manifest.ctx);
  const share = await ownShare(manifest, place, key);
  // The box is not what the bidder promised. Saying so is this trustee's duty; the others decide about the bid.
  if (share === undefined) return { box: null, m };
  const sender = await suite().createSenderContext({
    recipientPublicKey: await readPublicKey(session),
    info: (await releaseInfo(context, place, session)).buffer,
  });
  return { box: toBase64url(concat(new Uint8Array(sender.enc), new Uint8Array(await sender.seal(share.buffer)))), m };
}
