//! Where bids are locked with their bidders' keys too: who gives a key, a wrong one or none, and when their time is over.

use super::bidders::{KeyPlan, signer};
use super::forms::{Form, Turn};
use super::servers::Flight;
use super::world::{Came, World};
use crate::ledger::crash::Point;
use crate::opening::bidders::{self, Taken};
use crate::opening::lockstep::Bidders;
use crate::opening::store;
use crate::opening::store::Paper;
use crate::opening::testing::wrong_key;
use crate::platform::canonical::jcs_text;
use crate::platform::digest::sha256;
use crate::platform::moment::{MINUTE, Moment, SECOND};
use crate::platform::refusal::Failure;
use crate::sealing::bidder_key::{KeyBundle, key_of_second};
use crate::sealing::document::Bytes;
use crate::sealing::release::BidderRelease;
use crate::tests::browser::runtime;

impl World {
    fn phase(&self) -> Option<Bidders> {
        self.house().door().read(|db| store::bidders(db, self.filled.lot, self.kind)).unwrap()
    }

    /// When the bidders' time ends by the spec.
    pub fn keys_until(&self) -> Option<Moment> {
        // whole seconds, as witnesses tell the time
        let until = self.hall.began?.plus(self.dual? * MINUTE).micros();
        let until = Moment::from_micros((until + SECOND - 1).div_euclid(SECOND) * SECOND);
        assert_eq!(self.phase().map(|phase| phase.until), Some(until), "the bidders' time");
        Some(until)
    }

    pub fn is_bidders_end_recorded(&self) -> bool {
        self.phase().is_some_and(|phase| phase.ended_at.is_some())
    }

    fn all_keys_came(&self) -> bool {
        self.hall.keys.len() == self.counted().len()
    }

    /// Whether bidders can still come, by the spec: not when all keys are there, the end is on record, or the time past.
    pub fn is_bidders_time_over(&self) -> bool {
        let Some(until) = self.keys_until() else { return true };
        self.is_bidders_end_recorded() || self.now() >= until || self.all_keys_came()
    }

    /// Whether the trustees' turn has come: the bidders' time is over, and nobody who came before is on the way.
    pub fn bidders_are_done(&self) -> bool {
        let Some(until) = self.keys_until() else { return true };
        let past = self.now() >= until && !self.awaits(until);
        self.is_bidders_end_recorded() || past || self.all_keys_came()
    }

    /// A key that came in time is taken before the bidders' time ends.
    pub fn no_key_was_passed_over(&mut self) {
        if self.dual.is_some() && self.is_bidders_end_recorded() && !self.hall.opened && !self.all_keys_came()
        {
            let until = self.keys_until().expect("bids are locked twice");
            self.nobody_was_passed_over(until, true);
        }
    }

    /// What the browser of a bidder, or of the second holder, is given to release keys from.
    fn key_bundle(&self, at: usize, second: bool) -> Result<KeyBundle, Failure> {
        let holder = second.then(|| self.holder.public());
        let member = if second { &self.filled.staff.centre } else { &self.players[at].member };
        self.filled.key_bundle(self.house(), self.kind, (member, holder))
    }

    pub fn a_key_comes(&mut self) {
        let one = self.dice.below(self.counted().len());
        let (at, content) = self.counted()[one].clone();
        let plan = self.players[at].plan;
        if self.is_waiting(at) || plan == KeyPlan::Absent || plan == KeyPlan::Comes && content.key.is_none() {
            return;
        }
        let second = plan == KeyPlan::Second;
        let bundle = match self.key_bundle(at, second) {
            Ok(bundle) => bundle,
            Err(Failure::Refused(refused)) => {
                assert_eq!((&*refused.key, self.is_bidders_time_over()), ("opening.refusal.keys_over", true));
                return;
            }
            Err(fault) => panic!("{fault}"),
        };
        let Some(manifest) = bundle.manifests.iter().find(|manifest| manifest.id() == content.m) else {
            // the second holder is not named in a bid that was spoilt
            let named = !second || content.cause.is_none();
            return assert!(!named || self.hall.keys.contains(&at), "nobody is asked for a key");
        };
        let wrong = plan == KeyPlan::Wrong || second && self.dice.comes(20);
        let file = if second { key_of_second(manifest, &self.holder).ok() } else { content.key.clone() };
        if file.is_none() && !wrong {
            // the box for the second holder was copied from another's bid
            return assert!(content.cause.is_some(), "the second holder of an honest bid has its key");
        }
        let release = match wrong {
            // only what the bidder signed is held against it
            true if !second => {
                wrong_key(manifest, &bundle.session).signed(&signer(&self.players[at].member)).unwrap()
            }
            true => wrong_key(manifest, &bundle.session),
            false => BidderRelease::make(&file.unwrap(), manifest, &bundle.session.0).unwrap(),
        };
        self.send(at, Form::Key { text: jcs_text(&release), wrong, second });
    }

    pub fn give_key(
        &mut self,
        at: usize,
        text: String,
        (wrong, second): (bool, bool),
        (turn, flight): (Turn, Option<Flight>),
    ) {
        let until = self.keys_until().expect("bids are locked twice");
        let again = self.hall.opened || self.hall.keys.contains(&at);
        let ended = self.is_bidders_end_recorded() || self.all_keys_came();
        let lawful = !again && !ended && turn.moment < until;
        let giver = if second { &self.filled.staff.centre } else { &self.players[at].member };
        let (who, lot, kind) = (giver.who.clone(), self.filled.lot, self.kind);
        let whose = if second { "the second holder" } else { "they" };
        let what = format!("bidder {}: {whose} give a {} key", at + 1, if wrong { "wrong" } else { "true" });
        let authority = self.house().authority().clone();
        let came = self.enter(&what, who.actor(), flight, move |act| {
            bidders::release_key(act, &authority, &who, lot, kind, &text)
        });
        let over = ["keys_over", "key_released", "already_opened", "not_in_this_phase"];
        match came {
            Came::Done(taken) => {
                assert!(lawful, "a key came after its time");
                assert_eq!(taken == Taken::Wrong, wrong);
            }
            Came::No(key) if key.ends_with("too_many_tries") => return assert!(wrong && !second),
            // held against nobody
            Came::No(key) if key.ends_with("wrong_key_unsigned") => {
                return assert!(wrong && second && lawful);
            }
            Came::No(key) => {
                assert!(!lawful && over.iter().any(|end| key.ends_with(end)), "{key}");
                let in_time = turn.arrived && turn.moment < until && !again;
                assert!(!in_time || turn.pardoned, "a key that came in time was refused: {key}");
                return;
            }
            Came::Stopped(point) if point == Point::Working || !lawful || wrong && second => return,
            Came::Stopped(_) => {}
        }
        if turn.arrived && self.now() >= until {
            self.met("a key came in time and was taken after it");
        }
        if wrong {
            self.hall.tried.insert(at);
        } else {
            self.hall.keys.insert(at);
            self.met(if second { "a second holder stepped in" } else { "a bidder's key came" });
        }
    }

    /// The agent says why a key did not come.
    pub fn excuse(&mut self) {
        let Some(at) = self.counted().iter().map(|(at, _)| *at).find(|at| !self.hall.keys.contains(at))
        else {
            return;
        };
        let m = self.players[at].bid(self.kind).map(|bid| Bytes(bid.m)).unwrap();
        let kind = self.kind;
        let (who, lot) = (self.filled.staff.agent.who.clone(), self.filled.lot);
        let lawful = self.dual.is_some()
            && self.bidders_are_done()
            && !self.hall.opened
            && !self.hall.excused.contains(&at);
        let content: &[u8] = "停电通知".as_bytes();
        let kept = self.house().door().files().put(content.into());
        runtime().block_on(kept).unwrap();
        let came = self.attempt(&format!("the agent excuses bidder {}", at + 1), |house| {
            let by = who.clone();
            let paper = Paper { name: "停电通知.pdf".into(), sha256: Bytes(sha256(&[content])) };
            house.act(&who, move |act| bidders::excuse(act, &by, lot, kind, m, ("停电", &paper))).map(drop)
        });
        match came {
            Came::Done(()) => assert!(lawful, "an excuse out of time"),
            Came::No(key) => {
                let with = ["not_absent", "excused", "already_opened"];
                return assert!(!lawful && with.iter().any(|end| key.ends_with(end)), "{key}");
            }
            Came::Stopped(point) if point == Point::Working || !lawful => return,
            Came::Stopped(_) => {}
        }
        self.hall.excused.insert(at);
    }
}
