//! Trustees release, and the agent opens: what must come of it follows from who is honest, not from what the platform says.

use super::hall::{NOT_YET, Trust};
use super::world::{Came, World};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::crash::Point;
use crate::opening::progress::Progress;
use crate::opening::rules::Cause;
use crate::opening::store::Paper;
use crate::opening::{actions, bidders, hall};
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::moment::DAY;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::document::Bytes;
use crate::sealing::release::Release;
use crate::tests::hostile_bids::lie;
use std::rc::Rc;

/// Has `member` open the bids.
pub fn open_as(house: &TestHouse, member: &Member, lot: Id<Lot>, given_up: bool) -> Result<(), Failure> {
    let how = (Single, given_up);
    hall::open_blocking(house.door(), house.authority(), &member.who, lot, how, &Progress::default())
}

impl World {
    /// What a trustee would hand in whose program does not look at the clock.
    fn made(&self, i: u8) -> Release {
        let (house, back) = (self.house(), self.now());
        house.clock.move_to(self.closing().at.plus(DAY));
        let lies = self.hall.trust[usize::from(i) - 1] == Trust::Liar;
        let release =
            if lies { lie(house, &self.filled, i) } else { self.filled.made_believing(house, Single, i) };
        house.clock.move_to(back);
        release
    }

    pub fn a_trustee_acts(&mut self) {
        let i = u8::try_from(1 + self.dice.below(3)).unwrap();
        let release = self.made(i);
        if self.hall.trust[usize::from(i) - 1] == Trust::Lost || self.dice.comes(15) {
            return self.in_a_wrong_hand(i, &release);
        }
        self.hand_in(i, &release);
    }

    /// Somebody else hands in what a trustee made, or a trustee what is no release at all.
    fn in_a_wrong_hand(&mut self, i: u8, release: &Release) {
        let other = self.filled.trustee(i % 3 + 1).who.clone();
        let garbage = self.dice.comes(50);
        let text = if garbage { "{\"typ\":\"etrade/release/v1\"}".to_owned() } else { jcs_text(release) };
        let with: Vec<&str> = [
            "opening.refusal.not_a_trustee",
            "opening.refusal.bad_release",
            "opening.refusal.already_opened",
        ]
        .into_iter()
        .chain(NOT_YET)
        .collect();
        let lot = self.filled.lot;
        self.refused("a release in a wrong hand", &with, |house| {
            house.act(&other.clone(), move |act| actions::release(act, &other, lot, Single, &text))
        });
    }

    fn hand_in(&mut self, i: u8, release: &Release) {
        let again = self.hall.released.contains(&i);
        let lawful = !self.hall.opened && !again && self.bidders_are_done();
        let filled = Rc::clone(&self.filled);
        let came =
            self.attempt(&format!("trustee {i} releases"), |house| filled.hand_in(house, Single, release));
        match came {
            Came::Done(()) => assert!(lawful, "a share was taken that may not be"),
            Came::No(key) => {
                let expected = if self.hall.opened {
                    "opening.refusal.already_opened"
                } else if again {
                    "opening.refusal.already_released"
                } else {
                    "opening.refusal.bidders_first"
                };
                assert_eq!((key.as_str(), lawful), (expected, false));
                return;
            }
            Came::Stopped(point) if point == Point::Working || !lawful => return,
            Came::Stopped(_) => {}
        }
        self.hall.released.insert(i);
        if self.hall.trust[usize::from(i) - 1] == Trust::Liar {
            self.met("a trustee lied");
        }
    }

    /// Whether a bid needs more than two honest shares to be judged: its key does not prove itself.
    fn needs_all(&self) -> bool {
        let by_key = |cause: &Cause| matches!(cause, Cause::BoxDiffers(_) | Cause::SharesDoNotFit);
        self.closing().counted.iter().any(|(_, bid)| bid.cause.as_ref().is_some_and(by_key))
    }

    pub fn try_to_open(&mut self) {
        let lost = self.hall.trust.contains(&Trust::Lost);
        // an agent who gave up on a trustee that is only late would lose bids that could be opened
        let give_up = lost && self.hall.honest_released() == 2 && self.dice.comes(60);
        let (opener, lot) = (self.opener(), self.filled.lot);
        let in_time = self.now() >= self.closing().at && self.bidders_are_done();
        let quorum = self.hall.released.len() >= 2;
        let lawful = in_time && quorum && !self.hall.opened;
        let all = self.hall.released.len() == 3 || give_up;
        let came = self.attempt("somebody opens", |house| open_as(house, &opener, lot, give_up));
        let may_wait = lawful && !all && (self.needs_all() || self.hall.honest_released() < 2);
        match came {
            Came::Done(()) => {
                assert!(lawful, "the bids were opened when they may not be");
                assert!(self.hall.honest_released() >= 2 || self.nothing_to_prove(), "opened with one share");
            }
            Came::No(key) if key == "opening.refusal.wait_for" => return assert!(may_wait),
            Came::No(key) => {
                let with: &[&str] = if self.hall.opened {
                    &["opening.refusal.already_opened", NOT_YET[0]]
                } else if !in_time {
                    &["opening.refusal.bidders_first", NOT_YET[0]]
                } else {
                    &["opening.refusal.quorum"]
                };
                return assert!(!lawful && with.contains(&key.as_str()), "{key}");
            }
            Came::Stopped(_) => {}
        }
        self.notice_opening(give_up);
    }

    /// Whether no bid is left whose key must be made of shares: no bidder gave theirs.
    fn nothing_to_prove(&self) -> bool {
        self.dual.is_some() && self.hall.keys.is_empty()
    }

    /// Takes note of an opening.
    fn notice_opening(&mut self, give_up: bool) {
        let facts = crate::project::testing::facts(self.house(), self.filled.lot);
        let opened = facts.reached(crate::project::phase::Milestone::Opened).is_some();
        if opened && !self.hall.opened {
            self.hall.opened = true;
            self.hall.given_up = give_up;
            self.met("opened");
            if self.hall.trust.contains(&Trust::Lost) {
                self.met("opened although a trustee was lost");
            }
        }
    }

    /// The agent says why a key did not come.
    pub fn excuse(&mut self) {
        let Some(at) =
            self.closing().counted.iter().map(|(at, _)| *at).find(|at| !self.hall.keys.contains(at))
        else {
            return;
        };
        let m = self.players[at].bid().map(|bid| Bytes(bid.m)).unwrap();
        let (who, lot) = (self.filled.staff.agent.who.clone(), self.filled.lot);
        let lawful = self.dual.is_some()
            && self.bidders_are_done()
            && !self.hall.opened
            && !self.hall.excused.contains(&at);
        let came = self.attempt(&format!("the agent excuses bidder {}", at + 1), |house| {
            let by = who.clone();
            let paper = Paper { name: "停电通知.pdf".into(), sha256: Bytes([7; 32]) };
            house.act(&who, move |act| bidders::excuse(act, &by, lot, Single, m, ("停电", &paper))).map(drop)
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

    /// The day goes on until the bids are open.
    pub fn open_for_sure(&mut self) {
        for _ in 0..200 {
            if self.hall.opened {
                return;
            }
            let later = self.closing().at.plus(2 * crate::platform::moment::HOUR);
            self.move_clock(later.max(self.now()));
            self.jobs();
            let i = u8::try_from(1 + self.dice.below(3)).unwrap();
            if self.hall.trust[usize::from(i) - 1] != Trust::Lost {
                let release = self.made(i);
                self.hand_in(i, &release);
            }
            self.try_to_open();
            self.check();
        }
        panic!("the bids were never opened");
    }
}
