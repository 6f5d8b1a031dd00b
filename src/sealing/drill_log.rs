//! The log in a drill: what a trustee's program must be able to check at the opening is checked once before bids come. A browser
//! without Ed25519, another key than the pinned one, or witnesses who do not sign are found now, while there is time.

use super::course;
use super::document::Bytes;
use super::log_proof::{ShownEntry, judge, timed};
use super::release::OpeningBundle;
use super::untrue::Untrue;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::policy::Policy;
use crate::ledger::rotation::Rotations;
use crate::platform::digest::b64u;
use crate::platform::moment::{DAY, MINUTE, Moment};
use serde::{Deserialize, Serialize};

/// The kind number of the beginning of a drill.
const BEGUN: u8 = 81;
/// How far behind the platform's clock a witness's may be, in microseconds.
const SLACK: i64 = MINUTE;
/// How old cosignatures may be by the trustee's own clock, in microseconds: witnesses who signed once and stopped are found too.
const AGE_MAX: i64 = DAY;

/// The log's part of a drill's bundle, version 3.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillLog {
    /// The entry that says that the drill was begun: whoever cosigned a log that holds it cosigned after that.
    pub begun: ShownEntry,
    /// The newest signed note that has the entry, with all cosignatures that are held.
    pub checkpoint: String,
    /// The log's policy as the platform tells it; as in an opening's papers, nothing is checked against it.
    pub policy: String,
    /// The log's changes of key, as `/log/rotations` has them.
    pub rotations: String,
}

/// What a drill has shown of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ready {
    pub checkpoint: Checkpoint,
    /// Who cosigned it, and when by their own clocks; empty if the trustee's policy asks for nobody.
    pub witnesses: Vec<(String, Moment)>,
}

/// As much of the event as the papers must agree with.
#[derive(Deserialize)]
struct Begun {
    m: Bytes<32>,
    session: Bytes<65>,
}

impl DrillLog {
    /// Checks the log in `bundle` against what the trustee knows of it, or is about to pin.
    ///
    /// # Errors
    /// The first thing that is untrue.
    pub(super) fn check(&self, bundle: &OpeningBundle, trust: &Policy, now: Moment) -> Result<Ready, Untrue> {
        let rotations = Rotations::parse(&self.rotations).map_err(|e| Untrue::Rotations(e.to_string()))?;
        let trust = trust.following(&rotations);
        let since = |since: Moment, late: fn(String) -> Untrue| {
            judge(&self.checkpoint, &trust, since).map_err(|untrue| match untrue {
                Untrue::OldCosigned(why) => late(why),
                other => other,
            })
        };
        let judged = since(bundle.opens_at.plus(-SLACK), Untrue::SlowWitness)?;
        since(now.plus(-AGE_MAX), Untrue::StaleCosigned)?;
        for manifest in &bundle.manifests {
            if manifest.ctx.origin != judged.checkpoint.origin {
                return Err(Untrue::OtherLog(b64u(&manifest.id())));
            }
        }
        self.begun.check(&judged.checkpoint)?;
        self.check_begun(bundle)?;
        Ok(Ready { checkpoint: judged.checkpoint, witnesses: timed(judged.cosigners) })
    }

    fn check_begun(&self, bundle: &OpeningBundle) -> Result<(), Untrue> {
        if self.begun.number != BEGUN {
            return Err(Untrue::OtherDrill);
        }
        let said: Begun = course::event(&self.begun, "sealed_bid.drill_begun")?.said;
        let listed = bundle.bid_set.bids.iter().map(|bid| bid.m).eq([said.m]);
        if listed && said.session == bundle.session { Ok(()) } else { Err(Untrue::OtherDrill) }
    }
}
