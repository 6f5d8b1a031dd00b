//! What happens at the deadline and in the hall: agents close and open, too early too; bidders give their keys; trustees
//! release, refuse, lie or are lost.

use super::bidders::{Content, Player};
use super::dice::Dice;
use super::trustees::open_as;
use super::world::{Came, World};
use crate::ledger::Actor;
use crate::ledger::crash::Point;
use crate::opening::{actions, jobs, store};
use crate::platform::moment::{MINUTE, Moment};
use crate::sealing::context::EnvelopeKind;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a trustee is going to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    Honest,
    Liar,
    Lost,
}

/// The box once it is closed.
pub struct Closed {
    pub at: Moment,
    pub size: u64,
    /// How many have handed in every envelope.
    pub complete: usize,
    /// Of each envelope, who is in the box, by number, and with what.
    pub boxes: BTreeMap<EnvelopeKind, Vec<(usize, Rc<Content>)>>,
}

pub struct Hall {
    pub trust: [Trust; 3],
    pub closed: Option<Closed>,
    /// The envelopes that are open.
    pub read_out: Vec<EnvelopeKind>,
    /// When the present session began. What follows is of this session.
    pub began: Option<Moment>,
    pub released: BTreeSet<u8>,
    /// Bidders whose keys came.
    pub keys: BTreeSet<usize>,
    /// Bidders who gave a wrong key.
    pub tried: BTreeSet<usize>,
    pub excused: BTreeSet<usize>,
    arrived: BTreeSet<String>,
    pub opened: bool,
    pub given_up: bool,
    /// Of each envelope that is open, how many bids were opened.
    pub found: Vec<usize>,
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "trustees {:?}", self.trust)
    }
}

impl Hall {
    /// At most one trustee is not honest: with more nobody could open anything, with a threshold of two.
    pub fn new(seed: u64, dice: &mut Dice) -> Self {
        let mut trust = [Trust::Honest; 3];
        trust[dice.below(3)] = match seed % 3 {
            0 => Trust::Honest,
            1 => Trust::Liar,
            _ => Trust::Lost,
        };
        Self {
            trust,
            closed: None,
            read_out: Vec::new(),
            began: None,
            released: BTreeSet::new(),
            keys: BTreeSet::new(),
            tried: BTreeSet::new(),
            excused: BTreeSet::new(),
            arrived: BTreeSet::new(),
            opened: false,
            given_up: false,
            found: Vec::new(),
        }
    }

    /// Trustees and bidders begin anew.
    fn next_session(&mut self, now: Moment) {
        self.began = Some(now);
        self.released.clear();
        self.keys.clear();
        self.tried.clear();
        self.excused.clear();
        (self.opened, self.given_up) = (false, false);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Whether enough came for an opening (招标投标法 第二十八条: three).
    pub fn opens(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.complete >= 3)
    }

    pub fn honest_released(&self) -> usize {
        self.released.iter().filter(|i| self.trust[usize::from(**i) - 1] == Trust::Honest).count()
    }
}

/// Why something is refused before its time.
pub const NOT_YET: [&str; 3] =
    ["opening.refusal.too_early", "opening.refusal.not_closed", "project.refusal.not_in_this_phase"];

impl World {
    /// Somebody does what belongs to a later phase.
    pub fn too_early(&mut self) {
        if self.hall.is_closed() {
            return self.try_to_close();
        }
        let (lot, kind) = (self.filled.lot, self.kind);
        let opener = self.opener();
        let open = self.now() < self.deadline;
        match self.dice.below(4) {
            0 if open => self.try_to_close(),
            1 => {
                let trustee = self.filled.staff.entity.who.clone();
                self.refused("a trustee releases too early", &NOT_YET, |house| {
                    house.act(&trustee.clone(), move |act| actions::release(act, &trustee, lot, kind, "{}"))
                });
                self.met("released too early and refused");
            }
            2 => {
                self.refused("somebody signs in too early", &NOT_YET, |house| {
                    house.act(&opener.who.clone(), move |act| actions::sign_in(act, &opener.who, lot))
                });
            }
            _ => {
                self.refused("the agent opens too early", &NOT_YET, |house| {
                    open_as(house, &opener, (lot, kind), false)
                });
                self.met("opened too early and refused");
            }
        }
    }

    /// Somebody, or the clock, closes the box, if it may be.
    pub fn try_to_close(&mut self) {
        let (lot, was_closed) = (self.filled.lot, self.hall.is_closed());
        let due = self.now() >= self.deadline && !was_closed;
        let awaited = self.awaits(self.deadline);
        let stale = self.is_stale();
        let lawful = due && !awaited && !stale;
        let closer = self.opener();
        let by_clock = self.dice.comes(33);
        let came = self.attempt(if by_clock { "the clock closes" } else { "somebody closes" }, |house| {
            if by_clock && !awaited {
                return Ok(jobs::due(house.door())?);
            }
            let (actor, who) = match by_clock {
                true => (Actor::system("opening"), None),
                false => (closer.who.actor(), Some(closer.who)),
            };
            house.door().write(actor, move |act| actions::close(act, who.as_ref(), lot)).map(drop)
        });
        let closed = self.house().door().read(|db| store::closing(db, lot)).unwrap().is_some();
        match came {
            Came::Done(()) if by_clock && !awaited => assert_eq!(closed, lawful || was_closed),
            Came::Done(()) => assert!(lawful, "the box was closed when it may not be"),
            Came::No(key) if awaited && key == "opening.refusal.arriving" => {
                assert!(!closed || was_closed);
                self.met("a closing waited for those on the way");
            }
            Came::No(key) if stale && key == "outage.refusal.stale_pulse" => {
                self.met("a closing waited until it was known whether the platform was away");
            }
            Came::No(key) => {
                assert!(!due, "refused: {key}");
                let with: &[&str] = if was_closed { &["opening.refusal.closed"] } else { &NOT_YET };
                assert!(with.contains(&key.as_str()), "{key}");
                self.met("closed too early and refused");
            }
            Came::Stopped(point) => {
                assert_eq!(closed, was_closed || lawful && point != Point::Working, "stopped at {point:?}");
            }
        }
        self.notice_closing();
    }

    /// Takes note of a closing: who is in the box is known from what they did, not from what the platform counts.
    pub fn notice_closing(&mut self) {
        let closing = self.house().door().read(|db| store::closing(db, self.filled.lot)).unwrap();
        let Some(closing) = closing.filter(|_| !self.hall.is_closed()) else { return };
        assert!(closing.at >= self.deadline && self.latest >= self.deadline);
        self.nobody_was_passed_over(self.deadline, false);
        let players = || self.players.iter().enumerate();
        let is_complete = |player: &Player| self.kinds.iter().all(|kind| player.bid(*kind).is_some());
        let in_the_box = |kind: EnvelopeKind| {
            let whole = players().filter(|(_, player)| is_complete(player));
            whole.filter_map(|(at, player)| Some((at, player.bid(kind)?.clone()))).collect()
        };
        let boxes = self.kinds.iter().map(|kind| (*kind, in_the_box(*kind))).collect();
        let complete = players().filter(|(_, player)| is_complete(player)).count();
        let half = |player: &Player| self.kinds.iter().any(|kind| player.bid(*kind).is_some());
        let halves = players().filter(|(_, player)| half(player) && !is_complete(player)).count();
        self.hall.closed = Some(Closed { at: closing.at, size: closing.size, complete, boxes });
        self.hall.began = Some(closing.at);
        if halves > 0 {
            self.met("half a bid was in the box");
        }
        self.met(if self.hall.opens() { "closed with enough" } else { "closed with too few" });
    }

    pub fn close_for_sure(&mut self) {
        while !self.hall.is_closed() {
            self.move_clock(self.deadline.max(self.now()));
            if self.awaits(self.deadline) {
                self.a_turn_comes();
                self.outwait();
            }
            self.try_to_close();
            self.check();
        }
    }

    pub fn in_the_hall(&mut self) {
        match self.dice.below(100) {
            0..6 => self.sign_in(),
            6..12 => self.the_witness_looks(),
            12..34 if self.dual.is_some() => self.a_key_comes(),
            12..56 => self.a_trustee_acts(),
            56..66 => self.try_to_open(),
            66..74 => {
                // back to the very deadline too: earlier than the closing, and no bid may come in again
                let to = self.now().plus(self.dice.between(-3 * MINUTE, 20 * MINUTE));
                let back = self.dice.comes(40);
                self.move_clock(if back { self.deadline } else { to.max(self.deadline.plus(-MINUTE)) });
            }
            74..77 => self.stop_between_acts(),
            77..80 => self.the_second_server(),
            80..84 => self.excuse(),
            84..87 => self.jobs(),
            87..92 => self.a_turn_comes(),
            92..94 => self.try_to_close(),
            94 => self.the_platform_is_away(),
            // whoever may begin it waits for the end of this one
            95..98 if !self.hall.opened || self.kind != self.kinds[0] => self.start_second(),
            _ => self.a_bidder_acts(),
        }
    }

    pub fn closing(&self) -> &Closed {
        self.hall.closed.as_ref().expect("the box is closed")
    }

    /// The bids of the envelope in question.
    pub fn counted(&self) -> &[(usize, Rc<Content>)] {
        &self.closing().boxes[&self.kind]
    }

    fn is_counted(&self, at: usize) -> bool {
        self.closing().boxes.values().flatten().any(|(number, _)| *number == at)
    }

    /// The session of the second envelope begins, and not before the first is open.
    pub fn start_second(&mut self) {
        let Some(second) = self.kinds.get(1).copied() else { return };
        let (agent, lot) = (self.filled.staff.agent.who.clone(), self.filled.lot);
        let lawful = self.hall.opened && self.kind != second;
        let came = self.attempt("the second session is to begin", |house| {
            house.act(&agent, move |act| actions::start_second(act, lot)).map(drop)
        });
        match came {
            Came::Done(()) => assert!(lawful, "a second session before its time, or twice"),
            Came::No(key) => {
                let with = ["opening.refusal.not_opened", "opening.refusal.closed"];
                assert!(!lawful && with.contains(&key.as_str()), "{key}");
                return self.met("the second envelope had to wait");
            }
            Came::Stopped(_) => {}
        }
        let begun = self.house().door().read(|db| store::sitting(db, lot, second)).unwrap().is_some();
        if begun && self.kind != second {
            assert!(lawful);
            self.met("the second session began");
            self.kind = second;
            self.hall.next_session(self.now());
        }
    }

    fn sign_in(&mut self) {
        let at = self.dice.below(self.players.len());
        let (who, lot) = (self.players[at].member.who.clone(), self.filled.lot);
        let mut with = vec!["project.refusal.not_in_this_phase"];
        let there = self.hall.arrived.contains(&who.login);
        if !self.is_counted(at) {
            with.push("opening.refusal.not_a_bidder");
        } else if there {
            with.push("opening.refusal.already_signed_in");
        }
        let lawful = with.len() == 1 && self.hall.read_out.is_empty();
        let login = who.login.clone();
        let came = self.attempt(&format!("bidder {} signs in", at + 1), |house| {
            house.act(&who.clone(), move |act| actions::sign_in(act, &who, lot)).map(drop)
        });
        match came {
            Came::Done(()) => assert!(lawful, "somebody signed in who may not"),
            Came::No(key) => assert!(!lawful && with.contains(&key.as_str()), "{key}"),
            Came::Stopped(Point::Working) => return,
            Came::Stopped(_) if !lawful => return,
            Came::Stopped(_) => {}
        }
        if lawful {
            self.hall.arrived.insert(login);
        }
    }
}
