//! Forms: what a bidder sends, how long it then waits for its turn, and what must come of it. Who came in time is in time,
//! however late the turn; who came too late holds nothing up.

use super::bidders::{Content, Deed, Draft, NOT_KNOWN, OUT_OF_TIME};
use super::servers::Flight;
use super::world::{Came, Given, World};
use crate::account::signature::SignedFields;
use crate::ledger::crash::Point;
use crate::platform::moment::Moment;
use crate::sealed_bid::actions::{self, own_bid};
use crate::sealed_bid::rules::{Deed as KeptDeed, Kept};
use crate::sealed_bid::testing::{submission, withdrawal};
use crate::sealing::context::EnvelopeKind;
use std::rc::Rc;

/// What a bidder sends.
pub enum Form {
    Bid(Box<Draft>),
    Withdrawal(EnvelopeKind, Box<SignedFields>),
    /// The bidder's key, locked to the session, and whether it is the right one.
    Key {
        text: String,
        wrong: bool,
        /// It comes from the second holder.
        second: bool,
    },
}

/// When something has been handed in, and how.
#[derive(Clone, Copy)]
pub struct Turn {
    pub moment: Moment,
    /// Its form was there before its turn came.
    pub arrived: bool,
    /// The line had been drawn before it came, or its server was taken for dead.
    pub pardoned: bool,
    /// Its server was taken for dead, and lives after all.
    pub outlived: bool,
}

/// Why a form that came in time may be refused all the same.
const SHUT: &str = "sealed_bid.refusal.shut";

impl World {
    pub fn hand_in_bid(&mut self, at: usize) {
        let draft = self.players[at].draft.take().unwrap();
        self.send(at, Form::Bid(Box::new(draft)));
    }

    pub fn withdraw(&mut self, at: usize, kind: EnvelopeKind) {
        let fields = withdrawal(self.house(), &self.players[at].member, self.filled.lot, kind);
        self.send(at, Form::Withdrawal(kind, Box::new(fields)));
    }

    /// The act of a form, at once or when its turn has come.
    pub fn act_on(&mut self, at: usize, form: Form, flight: Option<Flight>) {
        let turn = self.turn_of(flight.as_ref());
        match form {
            Form::Bid(draft) => self.submit(at, *draft, (turn, flight)),
            Form::Withdrawal(kind, fields) => self.withdraw_by(at, (kind, *fields), (turn, flight)),
            Form::Key { text, wrong, second } => self.give_key(at, text, (wrong, second), (turn, flight)),
        }
    }

    fn is_in_time(&self, turn: Turn) -> bool {
        turn.moment < self.deadline && !self.hall.is_closed()
    }

    fn meet_late_turn(&mut self, turn: Turn) {
        if turn.arrived && self.now() >= self.deadline {
            self.met("came in time and was taken after the deadline");
        }
    }

    /// Refused because of the time, which must be so.
    fn too_late(&mut self, key: &str, turn: Turn) {
        if turn.arrived && turn.moment < self.deadline {
            assert!(turn.pardoned, "somebody who came in time was refused: {key}");
            assert_eq!(key, SHUT, "who came in time is never called late");
            self.met(if turn.outlived {
                "came in time to a server that was taken for dead and lives after all"
            } else {
                "came in time by a clock that went back"
            });
        } else if self.is_stale() && !self.hall.is_closed() {
            assert_eq!(key, NOT_KNOWN, "nobody is late whose deadline may move");
            self.met("not called late before it was known whether the platform was away");
        } else {
            assert!(OUT_OF_TIME.contains(&key), "{key}");
            self.met("late and refused");
        }
    }

    fn submit(&mut self, at: usize, draft: Draft, (turn, flight): (Turn, Option<Flight>)) {
        let open = self.is_in_time(turn);
        let uploading = draft.upload.expect("something was uploaded");
        let (whole, m, kind) =
            (uploading.have == draft.ciphertext.len(), draft.content.m, draft.content.kind);
        let house = self.house();
        let (who, given) =
            (self.players[at].member.who.clone(), submission(self.filled.lot, &draft.bid, uploading.id));
        let (authority, origin) = (house.authority().clone(), house.door().config().origin.clone());
        let what = format!("bidder {} submits", at + 1);
        let came = self.enter(&what, who.actor(), flight, move |act| {
            actions::submit(act, &authority, &origin, &who, &given)
        });
        match came {
            Came::Done(kept) => {
                assert!(open, "a bid was taken after its time");
                assert!(whole, "a bid was taken without all its bytes");
                assert_eq!(kept.at, turn.moment, "handed in is when the form was there");
                self.met(if self.players[at].bid(kind).is_some() { "replaced" } else { "submitted" });
                if draft.content.cause.is_some() {
                    self.met("handed in a hostile bid");
                }
                self.meet_late_turn(turn);
                self.players[at].copied = Some((draft.ciphertext, draft.bid));
                self.answered((at, kind), &kept, Some(draft.content));
            }
            Came::No(key) if !open => {
                if key == NOT_KNOWN {
                    self.players[at].draft = Some(draft);
                }
                self.too_late(&key, turn);
            }
            Came::No(key) => {
                self.players[at].draft = Some(draft);
                if key == "sealed_bid.refusal.unfinished" {
                    assert!(!whole);
                    self.met("handed in before all bytes were there");
                } else {
                    self.upload_is_gone(at, &key, uploading.expires_at);
                }
            }
            Came::Stopped(point) => {
                // an upload past its time may be gone, or not yet
                let certain = (self.latest < uploading.expires_at).then_some(open && whole);
                if self.unanswered((at, kind), point, certain, Some(draft.content), |kept| {
                    kept.manifest().is_some_and(|manifest| manifest.id() == m)
                }) {
                    self.players[at].copied = Some((draft.ciphertext, draft.bid));
                }
            }
        }
    }

    fn withdraw_by(
        &mut self,
        at: usize,
        (kind, fields): (EnvelopeKind, SignedFields),
        (turn, flight): (Turn, Option<Flight>),
    ) {
        let open = self.is_in_time(turn);
        let (who, authority) = (self.players[at].member.who.clone(), self.house().authority().clone());
        let place = (self.filled.lot, kind);
        let came = self.enter(&format!("bidder {} withdraws", at + 1), who.actor(), flight, move |act| {
            actions::withdraw(act, &authority, &who, place, &fields)
        });
        match came {
            Came::Done(kept) => {
                assert!(open, "a bid was withdrawn after its time");
                assert_eq!(kept.at, turn.moment, "withdrawn is when the form was there");
                self.met("withdrawn");
                self.meet_late_turn(turn);
                self.answered((at, kind), &kept, None);
            }
            Came::No(key) => {
                assert!(!open, "{key}");
                self.too_late(&key, turn);
            }
            Came::Stopped(point) => {
                let m = self.players[at].bid(kind).unwrap().m;
                let of =
                    |kept: &Kept| matches!(&kept.record.deed, KeptDeed::Withdrawn { m: of, .. } if of.0 == m);
                self.unanswered((at, kind), point, Some(open), None, of);
            }
        }
    }

    /// A bidder was told that it is done, and takes the receipt.
    fn answered(&mut self, (at, kind): (usize, EnvelopeKind), kept: &Kept, bid: Option<Rc<Content>>) {
        let door = self.house().door();
        let receipt = door.read(|db| door.receipt(db, kept.entry)).expect("who was answered gets a receipt");
        let object = kept.manifest().map(crate::sealing::manifest::Manifest::message);
        let number = if bid.is_some() { 70 } else { 71 };
        self.given.push(Given { text: receipt.to_string(), kind: number, object, entry: kept.entry });
        self.players[at].deeds.push(Deed { entry: kept.entry, kind, bid });
    }

    /// The program stopped in the middle: the whole act is there, or nothing of it. Gives which.
    fn unanswered(
        &mut self,
        (at, kind): (usize, EnvelopeKind),
        point: Point,
        lawful: Option<bool>,
        bid: Option<Rc<Content>>,
        is_it: impl Fn(&Kept) -> bool,
    ) -> bool {
        let steps = self.steps_of(at, kind);
        let known = self.players[at].deeds.iter().filter(|deed| deed.kind == kind).count();
        let new = steps.get(known).filter(|step| is_it(step));
        if let Some(lawful) = lawful {
            assert_eq!(
                new.is_some(),
                lawful && point != Point::Working,
                "stopped at {point:?}: all or nothing"
            );
        }
        let Some(entry) = new.map(|step| step.entry) else { return false };
        self.players[at].deeds.push(Deed { entry, kind, bid });
        true
    }

    /// What the platform says that a bidder has done.
    pub fn steps_of(&self, at: usize, kind: EnvelopeKind) -> Vec<Kept> {
        let (door, who) = (self.house().door(), &self.players[at].member.who);
        door.read(|db| own_bid(db, door.vault(), who, self.filled.lot, kind)).unwrap()
    }
}
