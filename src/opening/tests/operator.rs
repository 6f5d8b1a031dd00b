//! An operator who lies: has the log's key, and writes into the log and hands out whatever suits.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::leaf;
use crate::ledger::note::{Note, SignerKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::ledger::tests::MemoryLog;
use crate::ledger::tree::{self, Hash};
use crate::platform::canonical::jcs;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::random;
use crate::sealing::bid_set::{BidSet, Closing, CountedBid};
use crate::sealing::document::{Blob, Bytes, Count};
use crate::sealing::log_proof::{LogProof, ShownBid, ShownEntry};
use crate::sealing::manifest::Manifest;
use crate::sealing::release::OpeningBundle;
use serde_json::{Value, json};

/// One act as it goes into the log.
#[derive(Clone)]
pub(crate) struct Written {
    pub number: u8,
    pub document: Value,
}

/// What goes into the log, in this order, and what is handed out of it.
#[derive(Clone)]
pub(crate) struct Plan {
    pub before: Vec<Written>,
    /// In the log before the closing.
    pub bids: Vec<Manifest>,
    /// From the closing on; sizes, roots and hashes are filled in.
    pub after: Vec<Written>,
    /// In the log when all is over, and said to have been there in time.
    pub late: Vec<Manifest>,
    pub bundle: OpeningBundle,
}

impl Plan {
    /// The entry of this kind number, which there is once.
    pub fn event(&mut self, number: u8) -> &mut Value {
        let all = self.before.iter_mut().chain(&mut self.after);
        let found = all.into_iter().find(|written| written.number == number).unwrap();
        &mut found.document["event"]
    }
}

/// The operator, and the one witness that a trustee believes beside.
pub(crate) struct Operator {
    pub log: SignerKey,
    pub witness: WitnessKey,
    honest: Plan,
}

impl Operator {
    /// Begins with what an honest platform says of an opening.
    pub fn of(honest: &OpeningBundle) -> Self {
        let log = SignerKey::generate(honest.manifests[0].ctx.origin.as_str()).unwrap();
        Self::with_log(honest, log)
    }

    /// As [`Operator::of`], with this log's own key.
    pub fn with_log(honest: &OpeningBundle, log: SignerKey) -> Self {
        let proof = honest.log.as_ref().unwrap();
        let written = |entry: &ShownEntry| Written {
            number: entry.number,
            document: serde_json::from_slice(&entry.object.0).unwrap(),
        };
        let closing = honest.bid_set.closing.size;
        let (before, after): (Vec<_>, Vec<_>) = proof.entries.iter().partition(|entry| entry.index < closing);
        Self {
            log,
            witness: WitnessKey::generate("witness.example/w").unwrap(),
            honest: Plan {
                before: before.into_iter().map(written).collect(),
                bids: honest.manifests.clone(),
                after: after.into_iter().map(written).collect(),
                late: Vec::new(),
                bundle: honest.clone(),
            },
        }
    }

    /// What a trustee pinned: this log, and the witness.
    pub fn trust(&self) -> Policy {
        let (log, witness) = (self.log.verifier(), self.witness.verifier());
        Policy::parse(&format!("log {log}\nwitness one {witness}\nquorum one\n")).unwrap()
    }

    /// A bundle made by the plan that `lie` leaves of the honest one, cosigned when the opening time has just come.
    pub fn bundle(&self, lie: impl FnOnce(&mut Plan)) -> OpeningBundle {
        self.bundle_seen(self.honest.bundle.opens_at, lie)
    }

    /// As [`Operator::bundle`], cosigned at `at`.
    pub fn bundle_seen(&self, at: Moment, lie: impl FnOnce(&mut Plan)) -> OpeningBundle {
        let mut plan = self.honest.clone();
        lie(&mut plan);
        let mut bundle = write(&self.log, plan);
        self.cosign(&mut bundle, at);
        bundle
    }

    /// Signs `checkpoint` into the bundle, with the witness's line at `at`.
    pub fn cosign(&self, bundle: &mut OpeningBundle, at: Moment) {
        let log = bundle.log.as_mut().unwrap();
        let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
        let line = self.witness.cosign(note.text(), u64::try_from(at.micros() / SECOND).unwrap());
        log.checkpoint = note.with(line).to_string();
    }
}

/// The note of a log with these leaves.
pub(super) fn signed(key: &SignerKey, leaves: &[Hash]) -> String {
    let size = leaves.len() as u64;
    let root = tree::root(&MemoryLog::with(leaves), size).unwrap();
    let checkpoint = Checkpoint { origin: key.verifier().name().to_owned(), size, root };
    Note::sign(&checkpoint.to_string(), &[key]).unwrap().to_string()
}

fn bytes(proof: Vec<Hash>) -> Vec<Bytes<32>> {
    proof.into_iter().map(Bytes).collect()
}

/// Enters the plan into a fresh log and proves what can be proven.
fn write(key: &SignerKey, plan: Plan) -> OpeningBundle {
    let Plan { before, bids, mut after, late, mut bundle } = plan;
    let blind = || random::bytes::<32>();
    let mut leaves = Vec::new();
    let mut entries: Vec<(u64, [u8; 32], Written)> = Vec::new();
    let mut enter = |leaves: &mut Vec<Hash>, written: Written| {
        let blind = blind();
        leaves.push(leaf::hash(&blind, written.number, &jcs(&written.document)));
        entries.push((leaves.len() as u64 - 1, blind, written));
    };
    before.into_iter().for_each(|written| enter(&mut leaves, written));
    let mut counted = Vec::new();
    for manifest in bids {
        let blind = blind();
        leaves.push(leaf::hash_for(&blind, 70, &manifest.id()));
        counted.push((leaves.len() as u64 - 1, blind, manifest));
    }
    let size = leaves.len() as u64;
    let root = tree::root(&MemoryLog::with(&leaves), size).unwrap();
    // one that comes late is said to be where an earlier bid is
    counted.extend(late.into_iter().map(|manifest| (size - 1, blind(), manifest)));
    counted.sort_by_key(|(_, _, manifest)| manifest.id());
    let lines =
        counted.iter().map(|(leaf, _, manifest)| CountedBid { leaf: Count(*leaf), m: Bytes(manifest.id()) });
    let old = &bundle.bid_set;
    let closing = Closing { root: Bytes(root), size: Count(size) };
    bundle.bid_set = BidSet::new(&old.tender, &old.lot, old.envelope, closing, lines.collect());
    bundle.manifests = counted.iter().map(|(_, _, manifest)| manifest.clone()).collect();
    let hash = Bytes(bundle.bid_set.hash());
    for written in &mut after {
        let event = &mut written.document["event"];
        match written.number {
            130 => {
                event["size"] = json!(Count(size));
                event["root"] = json!(Bytes(root));
                let envelope = json!(bundle.bid_set.envelope);
                let sets = event["sets"].as_array_mut().into_iter().flatten();
                for own in sets.filter(|set| set["envelope"] == envelope && set["hash"].is_string()) {
                    own["hash"] = json!(hash);
                    own["bids"] = json!(counted.len());
                }
            }
            132 if event["bid_set"].is_string() => event["bid_set"] = json!(hash),
            _ => {}
        }
    }
    after.into_iter().for_each(|written| enter(&mut leaves, written));
    let log = MemoryLog::with(&leaves);
    let proof = |index: u64, size: u64| bytes(tree::inclusion_proof(&log, index, size).unwrap());
    let shown = |(index, blind, written): (u64, [u8; 32], Written)| ShownEntry {
        blind: Bytes(blind),
        index: Count(index),
        number: written.number,
        object: Blob(jcs(&written.document)),
        proof: proof(index, log.size),
    };
    bundle.log = Some(LogProof {
        bids: counted
            .iter()
            .map(|(leaf, blind, _)| ShownBid { blind: Bytes(*blind), proof: proof(*leaf, size) })
            .collect(),
        checkpoint: signed(key, &leaves),
        closing: bytes(tree::consistency_proof(&log, size, log.size).unwrap()),
        entries: entries.into_iter().map(shown).collect(),
        policy: Policy::of_log(key.verifier().clone()).to_string(),
        rotations: String::new(),
    });
    bundle
}
