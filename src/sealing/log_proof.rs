//! What shows a trustee that an opening bundle is true (`docs/formats/sealed-bid.md`, section 11): the log's signed checkpoint
//! with the witnesses' cosignatures, the way of every bid to the closing, and of every act that the bundle rests on to the
//! checkpoint. The platform that hands out the bundle is believed in nothing.

use super::course::{self, Announced};
use super::document::{Blob, Bytes, Count};
use super::release::OpeningBundle;
use super::untrue::Untrue;
use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::leaf;
use crate::ledger::note::NoteError;
use crate::ledger::policy::{Judged, Policy, PolicyError, moment_of};
use crate::ledger::rotation::Rotations;
use crate::ledger::tree::{Hash, verify_consistency, verify_inclusion};
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use serde::{Deserialize, Serialize};

/// The kind number of a bid in the log; its object is the labelled manifest.
const BID: u8 = 70;

/// The way of one bid to the root at the closing. Index, kind and object follow from the bid set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownBid {
    pub blind: Bytes<32>,
    /// Inclusion proof to the closing root, the leaf's sibling first.
    pub proof: Vec<Bytes<32>>,
}

/// One entry of the log with its way to the root of the checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownEntry {
    pub blind: Bytes<32>,
    pub index: Count,
    /// The kind number, see `docs/formats/log.md`.
    pub number: u8,
    pub object: Blob,
    pub proof: Vec<Bytes<32>>,
}

/// The log's part of an opening bundle, version 2.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogProof {
    /// In the order of the bid set.
    pub bids: Vec<ShownBid>,
    /// The signed note with all cosignatures that are held.
    pub checkpoint: String,
    /// Consistency proof from the closing to the checkpoint.
    pub closing: Vec<Bytes<32>>,
    /// Ascending by index.
    pub entries: Vec<ShownEntry>,
    /// The log's policy as the platform tells it. Nothing is checked against it: it is what somebody who has pinned nothing
    /// yet is shown and asked about.
    pub policy: String,
    /// The log's changes of key, as `/log/rotations` has them.
    pub rotations: String,
}

/// What a true bundle says, for the trustee to look at before releasing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    pub announced: Announced,
    /// When the platform says that it closed the box.
    pub closed_at: Moment,
    /// The newest checkpoint.
    pub checkpoint: Checkpoint,
    /// Who cosigned it, and when by their own clocks; empty if the trustee's policy asks for nobody.
    pub witnesses: Vec<(String, Moment)>,
}

impl LogProof {
    /// Checks everything in `bundle` that the log can show, against what the trustee knows of the log: its key, and who must
    /// have cosigned.
    ///
    /// # Errors
    /// The first thing that is untrue.
    pub(super) fn check(&self, bundle: &OpeningBundle, trust: &Policy) -> Result<Shown, Untrue> {
        let rotations = Rotations::parse(&self.rotations).map_err(|e| Untrue::Rotations(e.to_string()))?;
        let trust = trust.following(&rotations);
        let judged = judge(&self.checkpoint, &trust, bundle.opens_at)?;
        self.check_bids(bundle, &judged.checkpoint)?;
        for entry in &self.entries {
            entry.check(&judged.checkpoint)?;
        }
        let course = course::read(&self.entries)?;
        let (announced, closed_at) = course.check(bundle)?;
        // who is absent is absent by the witnesses' clocks too
        if let Some(phase) = bundle.bidders.as_ref().filter(|phase| !phase.absent.is_empty()) {
            judge(&self.checkpoint, &trust, bundle.opens_at.max(phase.until))?;
        }
        let witnesses = timed(judged.cosigners);
        Ok(Shown { announced, closed_at, checkpoint: judged.checkpoint, witnesses })
    }

    fn check_bids(&self, bundle: &OpeningBundle, head: &Checkpoint) -> Result<(), Untrue> {
        let closing = &bundle.bid_set.closing;
        let proof = hashes(&self.closing);
        if !verify_consistency(closing.size.0, head.size, &closing.root.0, &head.root, &proof) {
            return Err(Untrue::SplitView);
        }
        if self.bids.len() != bundle.bid_set.bids.len() {
            return Err(Untrue::OtherBids);
        }
        for ((shown, bid), manifest) in self.bids.iter().zip(&bundle.bid_set.bids).zip(&bundle.manifests) {
            if manifest.ctx.origin != head.origin {
                return Err(Untrue::OtherLog(b64u(&bid.m.0)));
            }
            let leaf = leaf::hash_for(&shown.blind.0, BID, &bid.m.0);
            let proof = hashes(&shown.proof);
            if !verify_inclusion(&leaf, bid.leaf.0, closing.size.0, &proof, &closing.root.0) {
                return Err(Untrue::BidNotLogged(b64u(&bid.m.0)));
            }
        }
        Ok(())
    }
}

/// The checkpoint, if it is signed with the pinned key and enough witnesses cosigned it at `since` or later: their clocks
/// are neither the platform's nor the trustee's.
pub(super) fn judge(checkpoint: &str, trust: &Policy, since: Moment) -> Result<Judged, Untrue> {
    trust.judge_since(checkpoint.as_bytes(), since).map_err(|error| {
        let why = error.to_string();
        match error {
            PolicyError::NoQuorumMet(_) => Untrue::NotCosigned(why),
            PolicyError::CosignedBefore(_) => Untrue::OldCosigned(why),
            PolicyError::UnknownLog(_)
            | PolicyError::Checkpoint(
                CheckpointError::NotTheLog
                | CheckpointError::OtherLog { .. }
                | CheckpointError::OutOfTerm { .. }
                | CheckpointError::Note(NoteError::Unsigned),
            ) => Untrue::OtherKey(why),
            _ => Untrue::Forged(why),
        }
    })
}

/// Who cosigned, and when by their own clocks.
pub(super) fn timed(cosigners: Vec<(String, u64)>) -> Vec<(String, Moment)> {
    cosigners.into_iter().map(|(name, at)| (name, moment_of(at))).collect()
}

impl ShownEntry {
    /// The entry is in the log of this checkpoint.
    pub(super) fn check(&self, head: &Checkpoint) -> Result<(), Untrue> {
        let leaf = leaf::hash(&self.blind.0, self.number, &self.object.0);
        let proof = hashes(&self.proof);
        if verify_inclusion(&leaf, self.index.0, head.size, &proof, &head.root) {
            Ok(())
        } else {
            Err(Untrue::EntryNotLogged(self.index.0))
        }
    }
}

fn hashes(list: &[Bytes<32>]) -> Vec<Hash> {
    list.iter().map(|hash| hash.0).collect()
}
