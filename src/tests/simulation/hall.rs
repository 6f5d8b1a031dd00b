//! What happens at the deadline and in the hall: agents close and open, too early too; bidders give their keys; trustees
//! release, refuse, lie or are lost.

use super::bidders::{Content, KeyPlan};
use super::dice::Dice;
use super::trustees::open_as;
use super::world::{Came, World};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::crash::Point;
use crate::opening::bidders::{self, Taken};
use crate::opening::testing::wrong_key;
use crate::opening::{actions, hall, jobs, store};
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::refusal::{Failure, Fault};
use crate::project::rules::Lot;
use crate::project::store as projects;
use crate::sealing::bidder_key::KeyBundle;
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::release::BidderRelease;
use std::collections::BTreeSet;
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
    /// Who is in it, by number, and with what.
    pub counted: Vec<(usize, Rc<Content>)>,
}

pub struct Hall {
    pub trust: [Trust; 3],
    pub closed: Option<Closed>,
    pub released: BTreeSet<u8>,
    /// Bidders whose keys came.
    pub keys: BTreeSet<usize>,
    /// Bidders who gave a wrong key.
    pub tried: BTreeSet<usize>,
    pub excused: BTreeSet<usize>,
    arrived: BTreeSet<String>,
    pub opened: bool,
    pub given_up: bool,
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
            released: BTreeSet::new(),
            keys: BTreeSet::new(),
            tried: BTreeSet::new(),
            excused: BTreeSet::new(),
            arrived: BTreeSet::new(),
            opened: false,
            given_up: false,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Whether enough came for an opening (招标投标法 第二十八条: three).
    pub fn opens(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.counted.len() >= 3)
    }

    pub fn honest_released(&self) -> usize {
        self.released.iter().filter(|i| self.trust[usize::from(**i) - 1] == Trust::Honest).count()
    }
}

/// Why something is refused before its time.
pub const NOT_YET: [&str; 3] =
    ["opening.refusal.too_early", "opening.refusal.not_closed", "project.refusal.not_in_this_phase"];

/// What this member's browser is given to release keys from.
fn key_bundle(house: &TestHouse, lot: Id<Lot>, member: &Member) -> Result<KeyBundle, Failure> {
    let door = house.door();
    door.read(|db| {
        let facts = projects::known_lot(db, lot)?;
        let sitting = store::sitting(db, lot, Single)?.ok_or_else(|| Fault::new("no session"))?;
        hall::key_bundle(db, door.vault(), &facts, &sitting, (&member.who, None), door.now())
    })
}

impl World {
    /// Somebody does what belongs to a later phase.
    pub fn too_early(&mut self) {
        if self.hall.is_closed() {
            return self.try_to_close();
        }
        let lot = self.filled.lot;
        let opener = self.opener();
        let open = self.now() < self.deadline;
        match self.dice.below(4) {
            0 if open => self.try_to_close(),
            1 => {
                let trustee = self.filled.staff.entity.who.clone();
                self.refused("a trustee releases too early", &NOT_YET, |house| {
                    house.act(&trustee.clone(), move |act| actions::release(act, &trustee, lot, Single, "{}"))
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
                    open_as(house, &opener, lot, false)
                });
                self.met("opened too early and refused");
            }
        }
    }

    /// Somebody, or the clock, closes the box, if it may be.
    pub fn try_to_close(&mut self) {
        let (lot, was_closed) = (self.filled.lot, self.hall.is_closed());
        let lawful = self.now() >= self.deadline && !was_closed;
        let closer = self.opener();
        let by_clock = self.dice.comes(33);
        let came = self.attempt(if by_clock { "the clock closes" } else { "somebody closes" }, |house| {
            if by_clock {
                return Ok(jobs::due(house.door())?);
            }
            house.act(&closer.who.clone(), move |act| actions::close(act, Some(&closer.who), lot)).map(drop)
        });
        let closed = self.house().door().read(|db| store::closing(db, lot)).unwrap().is_some();
        match came {
            Came::Done(()) if by_clock => assert_eq!(closed, lawful || was_closed),
            Came::Done(()) => assert!(lawful, "the box was closed when it may not be"),
            Came::No(key) => {
                assert!(!lawful, "refused: {key}");
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
        let players = self.players.iter().enumerate();
        let counted = players.filter_map(|(at, player)| Some((at, player.bid()?.clone()))).collect();
        self.hall.closed = Some(Closed { at: closing.at, size: closing.size, counted });
        self.met(if self.hall.opens() { "closed with enough" } else { "closed with too few" });
    }

    pub fn close_for_sure(&mut self) {
        while !self.hall.is_closed() {
            self.move_clock(self.deadline.max(self.now()));
            self.try_to_close();
        }
    }

    pub fn in_the_hall(&mut self) {
        match self.dice.below(100) {
            0..12 => self.sign_in(),
            12..34 if self.dual.is_some() => self.a_key_comes(),
            12..56 => self.a_trustee_acts(),
            56..66 => self.try_to_open(),
            66..74 => {
                // back to the very deadline too: earlier than the closing, and no bid may come in again
                let to = self.now().plus(self.dice.between(-3 * MINUTE, 20 * MINUTE));
                let back = self.dice.comes(40);
                self.move_clock(if back { self.deadline } else { to.max(self.deadline.plus(-MINUTE)) });
            }
            74..80 => self.stop_between_acts(),
            80..84 => self.excuse(),
            84..90 => self.jobs(),
            90..94 => self.try_to_close(),
            _ => self.a_bidder_acts(),
        }
    }

    pub fn closing(&self) -> &Closed {
        self.hall.closed.as_ref().expect("the box is closed")
    }

    fn is_counted(&self, at: usize) -> bool {
        self.closing().counted.iter().any(|(number, _)| *number == at)
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
        let lawful = with.len() == 1 && !self.hall.opened;
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

    /// Whether the bidders' time is over by the spec: all keys there, the end on record, or the time past.
    pub fn bidders_are_done(&self) -> bool {
        let Some(minutes) = self.dual else { return true };
        let closed = self.closing();
        let until = closed.at.plus(minutes * MINUTE);
        let phase =
            self.house().door().read(|db| store::bidders(db, self.filled.lot, Single)).unwrap().unwrap();
        assert_eq!(phase.until, until, "the bidders' time");
        phase.ended_at.is_some() || self.now() >= until || self.hall.keys.len() == closed.counted.len()
    }

    fn a_key_comes(&mut self) {
        let one = self.dice.below(self.closing().counted.len());
        let (at, content) = self.closing().counted[one].clone();
        let plan = self.players[at].plan;
        if plan == KeyPlan::Absent || plan == KeyPlan::Comes && content.key.is_none() {
            return;
        }
        let (member, lot) = (self.players[at].member.clone(), self.filled.lot);
        let lawful = !self.hall.opened && !self.bidders_are_done() && !self.hall.keys.contains(&at);
        let came = self.attempt(&format!("bidder {} gives a key ({plan:?})", at + 1), |house| {
            let bundle = key_bundle(house, lot, &member)?;
            let Some(manifest) = bundle.manifests.first() else {
                return Err(
                    crate::platform::refusal::Refused::new(409, "opening.refusal.key_released").into()
                );
            };
            let release = match plan {
                KeyPlan::Wrong => wrong_key(manifest, &bundle.session),
                _ => BidderRelease::make(content.key.as_ref().unwrap(), manifest, &bundle.session.0)
                    .map_err(Fault::from)?,
            };
            let (who, text) = (member.who.clone(), jcs_text(&release));
            let given =
                house.act(&member.who, move |act| bidders::release_key(act, &who, lot, Single, &text));
            given.map(|done| done.value)
        });
        let over = ["keys_over", "key_released", "already_opened", "too_many_tries"];
        match came {
            Came::Done(taken) => {
                assert!(lawful, "a key came after its time");
                assert_eq!(taken == Taken::Wrong, plan == KeyPlan::Wrong);
            }
            Came::No(key) if key.ends_with("too_many_tries") => assert_eq!(plan, KeyPlan::Wrong),
            Came::No(key) => {
                assert!(!lawful && over.iter().any(|end| key.ends_with(end)), "{key}");
                return;
            }
            Came::Stopped(point) if point == Point::Working || !lawful => return,
            Came::Stopped(_) => {}
        }
        if plan == KeyPlan::Wrong {
            self.hall.tried.insert(at);
        } else {
            self.hall.keys.insert(at);
            self.met("a bidder's key came");
        }
    }
}
