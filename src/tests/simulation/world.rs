//! What a simulation knows: the house, everybody in it, and what must be true of them. It moves time and stops the program.

use super::bidders::Player;
use super::dice::Dice;
use super::hall::Hall;
use super::invariants::Seen;
use super::outages::Outages;
use super::outsiders::{self, Outsiders};
use super::servers::Servers;
use super::{Tally, Trail};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::deposit::testing::{paid, treasury};
use crate::ledger::EntryId;
use crate::ledger::crash::Point;
use crate::opening::testing::{BidBox, empty_box};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{HOUR, MINUTE, Moment, SECOND};
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::project::terms::DualLock;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::rules::envelopes_of;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::runtime;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// Where the program may stop inside an act.
const POINTS: [Point; 4] = [Point::Working, Point::Committed, Point::Sequenced, Point::Unanswered];

/// Of a hundred acts, in how many the program stops.
const STOPS: usize = 8;

/// What came of an act.
#[derive(Debug)]
pub enum Came<T> {
    Done(T),
    /// Refused with this sentence.
    No(String),
    /// The program stopped and was started again; nobody was answered.
    Stopped(Point),
}

/// A receipt that somebody holds.
pub struct Given {
    pub text: String,
    pub kind: u8,
    /// What the receipt is about, where its holder has it.
    pub object: Option<Vec<u8>>,
    pub entry: EntryId,
}

pub struct World {
    house: Option<TestHouse>,
    pub dice: Dice,
    trail: Trail,
    pub tally: Tally,
    pub filled: Rc<BidBox>,
    /// The envelopes of a bid, in the order in which they are opened.
    pub kinds: Vec<EnvelopeKind>,
    /// The one that is opened next, or was opened last.
    pub kind: EnvelopeKind,
    pub players: Vec<Player>,
    pub hall: Hall,
    pub given: Vec<Given>,
    pub seen: Seen,
    pub outside: Outsiders,
    pub servers: Servers,
    pub outages: Outages,
    pub deadline: Moment,
    pub issued: Moment,
    /// Minutes that bidders have to release their keys, where bids are locked twice.
    pub dual: Option<i64>,
    /// The key of a notary, who is second holder of bidders' keys.
    pub holder: BoxKey,
    pub paid: i64,
    /// The latest that the clock ever showed.
    pub latest: Moment,
    /// Marks all content that must not be seen.
    pub canary: String,
}

impl World {
    /// Announces a tender, names its trustees and brings bidders, some of whom pay their deposit.
    pub fn begin(engine: Engine, seed: u64, trail: Trail) -> Self {
        let mut dice = Dice::new(seed);
        let (house, outside) = outsiders::house(engine);
        // so that seeds that follow each other meet every kind of tender
        let dual = (seed / 3 % 2 == 1).then(|| dice.between(10, 40));
        let lock = dual.map(|minutes| DualLock { minutes: u32::try_from(minutes).unwrap() });
        let two = seed % 4 == 1;
        let shape = if two { Shape::procurement() } else { Shape::default() };
        let shape = Shape { dual: lock, deposit: Fen(20_000_000), ..shape };
        let filled = Rc::new(empty_box(&house, &shape));
        let lot = facts(&house, filled.lot);
        let (schedule, kinds) = (lot.schedule.unwrap(), envelopes_of(&lot.terms).to_vec());
        house.at("2026-03-20 10:00:00");
        let treasurer = treasury(&house);
        let count = 4 + dice.below(3);
        let mut players = Vec::new();
        let mut sum = 0;
        for number in 1..=count {
            let member = house.member(Role::Bidder, &format!("bidder{number}"));
            if dice.comes(50) {
                sum += paid(&house, &treasurer.who, &member.who, filled.lot).amount.0;
            }
            players.push(Player::new(member, &mut dice));
        }
        let latest = house.door().now();
        let servers = Servers::begin(engine, &house, seed);
        let hall = Hall::new(seed, &mut dice);
        let mut world = Self {
            house: Some(house),
            dice,
            trail,
            tally: Tally::new(),
            kind: kinds[0],
            kinds,
            filled,
            players,
            hall,
            given: Vec::new(),
            seen: Seen::default(),
            outside,
            servers,
            outages: Outages::begin(latest),
            deadline: schedule.bids_until,
            issued: schedule.documents_from,
            dual,
            holder: BoxKey::random(),
            paid: sum,
            latest,
            canary: format!("CANARY{seed:x}C"),
        };
        world.say(&format!("{count} bidders, dual {dual:?}, {:?}", world.hall));
        world.live_on();
        world
    }

    /// The whole tender.
    pub fn live(mut self) -> Tally {
        for _ in 0..self.dice.between(65, 100) {
            self.while_bids_are_taken();
            self.check();
        }
        self.prepare_for_the_rush();
        self.move_clock(self.deadline.plus(-30 * SECOND));
        self.rush();
        for _ in 0..20 {
            self.around_the_deadline();
            self.check();
        }
        self.close_for_sure();
        self.check();
        if self.hall.opens() {
            self.session(40);
            if self.kinds.len() > 1 {
                while self.kind == self.kinds[0] {
                    self.start_second();
                    self.check();
                }
                self.session(25);
            }
        }
        self.end();
        self.tally
    }

    /// From the beginning of a session until its envelope is open.
    fn session(&mut self, steps: usize) {
        let of = self.kind;
        for _ in 0..steps {
            self.in_the_hall();
            self.check();
            if self.kind != of {
                return;
            }
        }
        self.open_for_sure();
        self.every_turn_comes();
        self.bids_are_what_they_were();
        self.check();
    }

    /// Some have their bids uploaded, and will hand them in at the last moment.
    fn prepare_for_the_rush(&mut self) {
        for at in 0..self.players.len() {
            // of two envelopes one is in the box already, of most bidders both
            let early = self.kinds.len() > 1 && self.dice.comes(75);
            for _ in 0..17 * self.kinds.len() {
                let player = &self.players[at];
                let missing = self.kinds.iter().filter(|kind| player.bid(**kind).is_none()).count();
                if if early { missing == 0 } else { player.is_ready() && missing <= 1 } {
                    break;
                }
                if self.is_waiting(at) {
                    self.a_turn_comes();
                } else {
                    self.bidder_acts(at);
                }
                self.check();
            }
        }
    }

    fn rush(&mut self) {
        if self.is_to_be_outlived() {
            return self.the_second_server_outlives_the_closing();
        }
        for at in 0..self.players.len() {
            if !self.is_waiting(at) && self.players[at].is_ready() && self.dice.comes(85) {
                self.hand_in_bid(at);
                self.check();
            }
        }
        if self.dice.comes(60) {
            self.move_clock(self.deadline);
            self.try_to_close();
            self.check();
            self.a_turn_comes();
            self.a_turn_comes();
            self.check();
        }
    }

    fn while_bids_are_taken(&mut self) {
        match self.dice.below(100) {
            0..58 => self.a_bidder_acts(),
            58..60 => self.the_platform_is_away(),
            60..66 => self.a_turn_comes(),
            66..79 => {
                let by = self.dice.between(-2 * HOUR, 7 * HOUR);
                let most = self.deadline.plus(-HOUR);
                let to = self.now().plus(by).max(self.issued.plus(HOUR)).min(most);
                self.move_clock(to);
            }
            79..81 => self.the_second_server(),
            81..88 => self.stop_between_acts(),
            88..94 => self.too_early(),
            94..96 => self.the_witness_looks(),
            _ => self.jobs(),
        }
    }

    fn around_the_deadline(&mut self) {
        match self.dice.below(100) {
            0..37 => self.a_bidder_acts(),
            37..42 => self.the_platform_is_away(),
            42..49 => self.a_turn_comes(),
            49..51 => self.the_second_server(),
            51..72 => {
                let near = [-2 * MINUTE, -SECOND, -1, 0, 1, 5 * SECOND];
                let to = self.deadline.plus(*self.dice.one_of(&near));
                self.move_clock(to);
            }
            72..77 => self.stop_between_acts(),
            77..82 => self.too_early(),
            82..84 => self.the_witness_looks(),
            _ => self.try_to_close(),
        }
    }

    /// The house as it runs now.
    pub fn house(&self) -> &TestHouse {
        self.house.as_ref().expect("the house runs")
    }

    pub fn now(&self) -> Moment {
        self.house().door().now()
    }

    /// Writes a step down.
    pub fn say(&self, what: &str) {
        let now = self.house().door().now();
        self.trail.say(format!("{} {what}", now.rfc3339()));
    }

    /// Counts something that happened.
    pub fn met(&mut self, what: &str) {
        self.say(&format!("  {what}"));
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    pub fn move_clock(&mut self, to: Moment) {
        if to < self.now() {
            self.met("the clock went back");
        }
        self.say(&format!("the clock goes to {}", to.rfc3339()));
        self.house().clock.move_to(to);
        self.latest = self.latest.max(to);
        self.live_on();
        self.tell_each_other();
    }

    /// Stops the program between two acts.
    pub fn stop_between_acts(&mut self) {
        self.met("stopped between acts");
        self.reopen();
    }

    pub fn reopen(&mut self) {
        let house = self.house.take().expect("the house runs");
        self.house = Some(house.reopened());
        self.lose_flights();
    }

    /// Tries an act, in some of them the program stops.
    pub fn attempt<T>(&mut self, what: &str, act: impl FnOnce(&TestHouse) -> Result<T, Failure>) -> Came<T> {
        self.say(what);
        let stop = self.dice.comes(STOPS).then(|| *self.dice.one_of(&POINTS));
        let house = self.house();
        if let Some(point) = stop {
            house.door().crash().arm(point);
        }
        let came = catch_unwind(AssertUnwindSafe(|| act(house)));
        let stopped = stop.filter(|_| !house.door().crash().disarm());
        if let Some(point) = stopped {
            self.met(&format!("stopped: {point:?}"));
            self.reopen();
        }
        match (came, stopped) {
            (Ok(Ok(value)), _) => Came::Done(value),
            (_, Some(point)) => Came::Stopped(point),
            (Ok(Err(Failure::Refused(refused))), None) => {
                self.say(&format!("  refused: {}", refused.key));
                Came::No(refused.key.into_owned())
            }
            (Ok(Err(fault)), None) => panic!("{what}: {fault}"),
            (Err(panic), None) => resume_unwind(panic),
        }
    }

    /// An act that must be refused with one of these sentences, whatever stops.
    pub fn refused<T>(
        &mut self,
        what: &str,
        with: &[&str],
        act: impl FnOnce(&TestHouse) -> Result<T, Failure>,
    ) {
        match self.attempt(what, act) {
            Came::Done(_) => panic!("{what} succeeded and should be refused with {with:?}"),
            Came::No(key) => {
                assert!(with.contains(&key.as_str()), "{what}: refused with {key}, not {with:?}")
            }
            Came::Stopped(_) => {}
        }
    }

    /// What the clock does of itself.
    pub fn jobs(&mut self) {
        self.say("the jobs run");
        let door = self.house().door();
        crate::sealed_bid::uploads::expire(door).unwrap();
        crate::sealed_bid::uploads::sweep(door).unwrap();
        // what looks like a bid and is none: no count, set or proof may meet it
        runtime().block_on(crate::sealed_bid::cover::leave(door, async || {})).unwrap();
        // it would wait, and meanwhile nobody's turn would come
        if self.hall.is_closed() || self.now() < self.deadline || !self.awaits(self.deadline) {
            crate::opening::jobs::due(door).unwrap();
        }
        self.notice_closing();
    }

    /// The people of the tender who may close and open.
    pub fn opener(&mut self) -> Member {
        let staff = &self.filled.staff;
        self.dice.one_of(&[staff.agent.clone(), staff.centre.clone()]).clone()
    }
}
