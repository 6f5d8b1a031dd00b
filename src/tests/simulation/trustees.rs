//! Trustees release, and the agent opens: what must come of it follows from who is honest, not from what the platform says.

use super::hall::{NOT_YET, Trust};
use super::world::{Came, World};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::crash::Point;
use crate::ledger::store as log;
use crate::opening::progress::Progress;
use crate::opening::rules::Cause;
use crate::opening::{actions, hall};
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, HOUR, SECOND};
use crate::platform::refusal::Failure;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::log_proof::Shown;
use crate::sealing::manifest::Manifest;
use crate::sealing::release::{OpeningBundle, Release};
use crate::tests::hostile_bids::lie;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Has `member` open the bids.
pub fn open_as(
    house: &TestHouse,
    member: &Member,
    (lot, kind): (Id<Lot>, EnvelopeKind),
    given_up: bool,
) -> Result<(), Failure> {
    let how = (kind, given_up);
    hall::open_blocking(house.door(), house.authority(), &member.who, lot, how, &Progress::default())
}

/// Whether it lies in some trustees' boxes or commitments alone: which two of three have told the truth decides what is proven.
fn is_of_one_box(cause: &Cause) -> bool {
    matches!(cause, Cause::BoxDiffers(_) | Cause::CommitmentDiffers(_) | Cause::SharesDoNotFit)
}

impl World {
    /// What a trustee who lies hands in; such a program looks neither at the clock nor at the papers.
    fn lied(&self, i: u8) -> Release {
        let (house, back) = (self.house(), self.now());
        house.clock.move_to(self.latest.plus(DAY));
        let release = lie(house, &self.filled, self.kind, i);
        house.clock.move_to(back);
        release
    }

    pub fn a_trustee_acts(&mut self) {
        let i = u8::try_from(1 + self.dice.below(3)).unwrap();
        let trust = self.hall.trust[usize::from(i) - 1];
        let release = if trust == Trust::Liar { Some(self.lied(i)) } else { self.checked(i, 75) };
        let Some(release) = release else { return };
        if trust == Trust::Lost || self.dice.comes(15) {
            return self.in_a_wrong_hand(i, &release);
        }
        self.hand_in(i, &release);
    }

    /// What the program of a trustee makes of the papers that the hall gives: a release, if there is nothing against them.
    /// In so many of a hundred cases the operator first tries something else.
    fn checked(&mut self, i: u8, lies: usize) -> Option<Release> {
        let papers = self.papers(i)?;
        let behind = if self.dice.comes(15) { self.dice.between(0, 2 * HOUR) } else { 0 };
        let clock = self.latest.plus(-behind);
        let phase = papers.bidders.as_ref().filter(|phase| !phase.absent.is_empty());
        let early = clock < papers.opens_at || phase.is_some_and(|phase| clock < phase.until);
        if !early && self.dice.comes(lies) {
            self.lie_to(i, &papers, clock);
        }
        match papers.check(&self.outside.policy, clock) {
            Ok(shown) => {
                assert!(!early, "trustee {i} releases before it is time by its clock");
                self.are_true(&papers, &shown);
                Some(papers.release(&self.filled.key(i), &self.outside.policy, clock).unwrap())
            }
            Err(why) => {
                assert!(early, "trustee {i} does not believe what is true: {why}");
                self.met("a trustee's clock was behind");
                None
            }
        }
    }

    /// What the hall hands a trustee, if it is time.
    fn papers(&mut self, i: u8) -> Option<OpeningBundle> {
        let (filled, kind, done) = (Rc::clone(&self.filled), self.kind, self.bidders_are_done());
        let asks = format!("trustee {i} asks for the papers");
        let came = self.attempt(&asks, |house| filled.try_bundle(house, kind));
        match came {
            Came::Done(papers) => {
                assert!(done, "papers while bidders can still come");
                return Some(papers);
            }
            Came::No(key) if key == "opening.refusal.not_witnessed" => {
                let (size, at) = self.outside.seen;
                let head = self.house().door().read(log::head).unwrap().unwrap();
                let since = self.keys_until().unwrap_or(self.deadline);
                assert!(head.size > size || at < since.plus(SECOND), "the witness has seen all of it");
                self.met("papers had to wait for the witness");
            }
            Came::No(key) => assert_eq!((key.as_str(), done), ("opening.refusal.bidders_first", false)),
            Came::Stopped(_) => {}
        }
        self.no_key_was_passed_over();
        None
    }

    /// What a trustee believed is what everybody did.
    fn are_true(&mut self, papers: &OpeningBundle, shown: &Shown) {
        let closed = self.closing();
        assert_eq!((papers.opens_at, shown.closed_at), (self.deadline, closed.at), "the times");
        let announced = (shown.announced.opens_at, shown.announced.moved);
        assert_eq!(announced, (self.deadline, self.outages.moves()), "the announced time");
        let line = papers.bid_set.closing;
        assert_eq!((line.size.0, line.root.0), (closed.size, self.seen.roots[closed.size as usize]));
        let shown_bids: BTreeSet<[u8; 32]> = papers.manifests.iter().map(Manifest::id).collect();
        let counted: BTreeSet<[u8; 32]> = self.counted().iter().map(|(_, bid)| bid.m).collect();
        assert_eq!(shown_bids, counted, "the bids");
        let m = |came: bool| -> Vec<Bytes<32>> {
            let those = self.counted().iter().filter(|(at, _)| self.hall.keys.contains(at) == came);
            let mut all: Vec<Bytes<32>> = those.map(|(_, bid)| Bytes(bid.m)).collect();
            all.sort();
            all
        };
        let told = papers.bidders.as_ref().map(|phase| (phase.released.clone(), phase.absent.clone()));
        assert_eq!(told, self.dual.map(|_| (m(true), m(false))), "whose keys came");
        assert!(shown.checkpoint.size <= self.outside.seen.0, "no witness has seen this");
        assert!(shown.witnesses.iter().any(|(_, at)| *at >= self.deadline), "nobody saw it in time");
        self.met("a trustee believed what is true");
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
            "opening.refusal.not_witnessed",
            "opening.refusal.arriving",
        ]
        .into_iter()
        .chain(NOT_YET)
        .collect();
        let (lot, kind) = (self.filled.lot, self.kind);
        self.refused("a release in a wrong hand", &with, |house| {
            house.act(&other.clone(), move |act| actions::release(act, &other, lot, kind, &text))
        });
    }

    fn hand_in(&mut self, i: u8, release: &Release) {
        let again = self.hall.released.contains(&i);
        let witnessed = self.outside.seen.0 >= self.closing().size;
        let lawful = !self.hall.opened && witnessed && !again && self.bidders_are_done();
        let (filled, kind) = (Rc::clone(&self.filled), self.kind);
        let came =
            self.attempt(&format!("trustee {i} releases"), |house| filled.hand_in(house, kind, release));
        match came {
            Came::Done(()) => assert!(lawful, "a share was taken that may not be"),
            Came::No(key) => {
                let expected = if self.hall.opened {
                    "opening.refusal.already_opened"
                } else if !witnessed {
                    "opening.refusal.not_witnessed"
                } else if again {
                    "opening.refusal.already_released"
                } else if self.is_bidders_time_over() {
                    "opening.refusal.arriving"
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

    /// Whether a bid may need more than two honest shares to be judged: its key does not prove itself.
    fn needs_all(&self) -> bool {
        self.counted().iter().any(|(_, bid)| bid.cause.as_ref().is_some_and(is_of_one_box))
    }

    pub fn try_to_open(&mut self) {
        let lost = self.hall.trust.contains(&Trust::Lost);
        // an agent who gave up on a trustee that is only late would lose bids that could be opened
        let give_up = lost && self.hall.honest_released() == 2 && self.dice.comes(60);
        let (opener, place) = (self.opener(), (self.filled.lot, self.kind));
        let in_time = self.now() >= self.closing().at && self.is_bidders_time_over();
        let quorum = self.hall.released.len() >= 2;
        let lawful = in_time && quorum && !self.hall.opened;
        let all = self.hall.released.len() == 3 || give_up;
        let came = self.attempt("somebody opens", |house| open_as(house, &opener, place, give_up));
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
        let first = self.kind == self.kinds[0];
        let opened = facts.reached(if first { Milestone::Opened } else { Milestone::SecondOpened }).is_some();
        if opened && !self.hall.opened {
            self.hall.opened = true;
            self.hall.read_out.push(self.kind);
            self.hall.given_up = give_up;
            self.met(if first { "opened" } else { "opened the second envelope" });
            if self.hall.trust.contains(&Trust::Lost) {
                self.met("opened although a trustee was lost");
            }
        }
    }

    /// The day goes on until the bids are open.
    pub fn open_for_sure(&mut self) {
        // keys at the last moment, of which some have their turn when it is past
        for _ in 0..3 {
            if self.dual.is_some() && !self.hall.opened {
                self.a_key_comes();
            }
        }
        for _ in 0..200 {
            if self.hall.opened {
                return;
            }
            let later = self.hall.began.expect("a session").plus(2 * HOUR);
            self.move_clock(later.max(self.now()));
            self.jobs();
            self.a_turn_comes();
            if self.keys_until().is_some_and(|until| self.awaits(until)) {
                self.outwait();
            }
            let i = u8::try_from(1 + self.dice.below(3)).unwrap();
            self.the_witness_looks();
            let release = match self.hall.trust[usize::from(i) - 1] {
                Trust::Lost => None,
                Trust::Liar => Some(self.lied(i)),
                Trust::Honest => self.checked(i, 10),
            };
            if let Some(release) = release {
                self.hand_in(i, &release);
            }
            self.try_to_open();
            self.check();
        }
        panic!("the bids were never opened");
    }
}
