//! An operator who lies to trustees: about the papers, in a log of its own making, or with a second version of the log that
//! they pinned. Nobody who checks releases on any of it.

use super::world::World;
use crate::ledger::note::{Note, SignerKey};
use crate::ledger::policy::Policy;
use crate::opening::tests::operator::{Operator, Plan};
use crate::platform::moment::{HOUR, Moment};
use crate::sealing::boxes::BoxKey;
use crate::sealing::document::Bytes;
use crate::sealing::release::OpeningBundle;
use serde_json::json;

/// What a lie is about, and how it is told.
type Lie<T> = (&'static str, fn(&mut T));

/// Papers that are changed after the log has given its proof.
const PAPERS: [Lie<OpeningBundle>; 12] = [
    ("an earlier time", |b| b.opens_at = b.opens_at.plus(-HOUR)),
    ("a later time", |b| b.opens_at = b.opens_at.plus(HOUR)),
    ("a session of the operator's own", |b| b.session = Bytes(BoxKey::random().public())),
    ("a bid left out", |b| {
        b.bid_set.bids.pop();
        b.manifests.pop();
        b.log.as_mut().unwrap().bids.pop();
    }),
    ("a bid that was never handed in", |b| {
        let mut manifest = b.manifests[0].clone();
        manifest.ctx.bid.0[0] ^= 1;
        b.bid_set.bids[0].m = Bytes(manifest.id());
        b.manifests[0] = manifest;
        let mut all: Vec<_> = b.bid_set.bids.drain(..).zip(b.manifests.drain(..)).collect();
        all.sort_by_key(|(bid, _)| bid.m);
        (b.bid_set.bids, b.manifests) = all.into_iter().unzip();
    }),
    ("a bidder who came is called absent", |b| {
        if let Some(phase) = &mut b.bidders {
            phase.absent.append(&mut phase.released);
            phase.absent.sort();
        }
    }),
    ("absent bidders are said to have come", |b| {
        if let Some(phase) = &mut b.bidders {
            phase.released.append(&mut phase.absent);
            phase.released.sort();
        }
    }),
    ("the closing is not shown", |b| b.log.as_mut().unwrap().entries.retain(|entry| entry.number != 130)),
    ("the notice is not shown", |b| b.log.as_mut().unwrap().entries.retain(|entry| entry.number != 33)),
    ("an entry changed", |b| {
        let entry = b.log.as_mut().unwrap().entries.last_mut().unwrap();
        let at = entry.object.0.len() / 2;
        entry.object.0[at] ^= 1;
    }),
    ("nobody has cosigned", |b| {
        let log = b.log.as_mut().unwrap();
        let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
        log.checkpoint = format!("{}\n{}\n", note.text(), note.signatures()[0]);
    }),
    ("no proof at all", |b| b.log = None),
];

fn earlier(plan: &Plan) -> serde_json::Value {
    json!(plan.bundle.opens_at.plus(-HOUR))
}

/// What an operator writes into a log that the trustees pinned and a witness cosigns.
const WRITTEN: [Lie<Plan>; 10] = [
    ("an earlier deadline in the closing", |plan| plan.event(130)["deadline"] = earlier(plan)),
    ("an earlier time in everything but the notice", |plan| {
        plan.event(130)["deadline"] = earlier(plan);
        plan.bundle.opens_at = plan.bundle.opens_at.plus(-HOUR);
    }),
    ("a later notice that is not shown", |plan| plan.event(130)["notice"] = json!(9)),
    ("the last word on the time is not shown", |plan| drop(plan.before.pop())),
    ("the box closed early", |plan| plan.after[0].document["at"] = earlier(plan)),
    ("the box closed twice", |plan| {
        let again = plan.after[0].clone();
        plan.after.push(again);
    }),
    ("other bids in the closing", |plan| plan.event(130)["sets"] = json!([])),
    ("a bid that came after the closing", |plan| plan.late = plan.bids.split_off(1)),
    ("another session in the log", |plan| {
        plan.event(132)["session"] = json!(Bytes(BoxKey::random().public()));
    }),
    ("another end of the bidders' time", |plan| {
        if plan.bundle.bidders.is_some() {
            plan.event(142)["until"] = earlier(plan);
        } else {
            plan.event(132)["bidders_until"] = earlier(plan);
        }
    }),
];

impl World {
    /// The operator hands a trustee something untrue in the place of `honest`, which a trustee with this clock would believe.
    pub fn lie_to(&mut self, i: u8, honest: &OpeningBundle, clock: Moment) {
        match self.dice.below(3) {
            0 => {
                let policy = self.outside.policy.clone();
                for (name, lie) in PAPERS {
                    let mut lied = honest.clone();
                    lie(&mut lied);
                    // in some tenders there is nothing to lie about in this way
                    if lied != *honest {
                        self.sees_through(i, name, &lied, (&policy, clock));
                    }
                }
            }
            1 => {
                let operator = Operator::of(honest);
                let told = operator.bundle_seen(clock, |_| ()).check(&operator.trust(), clock);
                assert!(told.is_ok(), "an honest log is believed: {told:?}");
                for (name, lie) in WRITTEN {
                    let lied = operator.bundle_seen(clock, lie);
                    self.sees_through(i, name, &lied, (&operator.trust(), clock));
                }
            }
            _ => self.fork(i, honest, clock),
        }
    }

    /// A second version of the log, signed with the very key that trustees pinned. The witness knows the first.
    fn fork(&mut self, i: u8, honest: &OpeningBundle, clock: Moment) {
        let key = self.house().door().config().keys.join("log-signer.key");
        let key = SignerKey::parse(&std::fs::read_to_string(key).unwrap()).unwrap();
        let mut fork = Operator::with_log(honest, key).bundle_seen(clock, |_| ());
        let policy = self.outside.policy.clone();
        let log = fork.log.as_ref().unwrap();
        let note = Note::parse(log.checkpoint.as_bytes()).unwrap();
        let alone = Note::parse(format!("{}\n{}\n", note.text(), note.signatures()[0]).as_bytes()).unwrap();
        let proof = log.closing.iter().map(|hash| hash.0).collect();
        assert!(self.outside.ask(alone, proof).is_none(), "the witness cosigned two versions of a log");
        self.sees_through(i, "a second version of the log", &fork, (&policy, clock));
        fork.log.as_mut().unwrap().checkpoint = honest.log.as_ref().unwrap().checkpoint.clone();
        self.sees_through(i, "another version under the cosigned checkpoint", &fork, (&policy, clock));
    }

    fn sees_through(&mut self, i: u8, lie: &str, lied: &OpeningBundle, (trust, clock): (&Policy, Moment)) {
        let refused = lied.release(&self.filled.key(i), trust, clock);
        let Err(why) = refused else { panic!("trustee {i} released on a lie: {lie}") };
        self.say(&format!("trustee {i} sees through it: {lie}: {why}"));
        self.met("a trustee saw through a lie");
    }
}
