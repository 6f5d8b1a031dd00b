/**
 * The log in a drill (docs/formats/sealed-bid.md, section 13): what this browser must be able to check at the opening is checked
 * once before bids come. A missing Ed25519, another key than the pinned one, or witnesses who do not sign are found now.
 */
import { type Policy, cosigners, readRotations } from "../log/policy";
import { type DrillLog, type OpeningBundle } from "../sealing/documents";
import { MICRO, Untrue, caught, checkEntry, judge, readEvent, readHead } from "./log_proof";
import { momentOf } from "./moment";

/** The kind number of the beginning of a drill. */
const BEGUN = 81;
/** How far behind the platform's clock a witness's may be. */
const SLACK = 60n * MICRO;

/** How old cosignatures may be by the trustee's own clock: witnesses who signed once and stopped are found too. */
const AGE_MAX = 86_400n * MICRO;

/** What a drill has shown of the log. */
export interface Ready {
  readonly logSize: bigint;
  /** UTC microseconds, by the witnesses' own clocks. */
  readonly witnesses: readonly { readonly name: string; readonly at: bigint }[];
}

/** Checks the log in `bundle` against what is pinned, or about to be. Throws {@link Untrue}. */
export async function checkDrillLog(bundle: OpeningBundle, log: DrillLog, trust: Policy, now: bigint): Promise<Ready> {
  const rotations = await caught("rotations", () => readRotations(log.rotations));
  const { checkpoint, note } = await readHead(log.checkpoint, trust, rotations);
  for (const [since, late] of [[momentOf(bundle.opens_at) - SLACK, "slow_witness"], [now - AGE_MAX, "stale_cosigned"]] as const) {
    try {
      judge(trust, note, since);
    } catch (error) {
      throw error instanceof Untrue && error.code === "old_cosigned" ? new Untrue(late) : error;
    }
  }
  for (const manifest of bundle.manifests) if (manifest.ctx.origin !== checkpoint.origin) throw new Untrue("other_log");
  await checkEntry(log.begun, checkpoint);
  if (log.begun.number !== BEGUN) throw new Untrue("other_drill");
  const { said } = await readEvent(log.begun, "sealed_bid.drill_begun");
  const listed = bundle.bid_set.bids.length === 1 && bundle.bid_set.bids[0]!.m === said["m"];
  if (!listed || said["session"] !== bundle.session) throw new Untrue("other_drill");
  return { logSize: checkpoint.size, witnesses: cosigners(trust, note).map(({ name, seconds }) => ({ name, at: seconds * MICRO })) };
}
