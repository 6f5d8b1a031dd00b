//! The platform is away for a while: its program has stopped, or runs without its database. What the published rule makes of
//! the deadline is told here a second time, in other words.

use super::world::{Came, World};
use crate::ledger::crash::Point;
use crate::ledger::{Actor, Subject, store as log};
use crate::outage::{jobs, store};
use crate::platform::moment::{DAY, HOUR, MINUTE, Moment, SECOND};
use crate::platform::refusal::Fault;
use crate::project::testing::facts;

/// An outage, and from when to when it put the deadline off.
type Away = (Moment, Moment, Option<(Moment, Moment)>);

pub struct Outages {
    /// The last pulse.
    pulse: Moment,
    /// Every outage so far, the first one first.
    known: Vec<Away>,
}

impl Outages {
    pub fn begin(now: Moment) -> Self {
        Self { pulse: now, known: Vec::new() }
    }

    pub fn moves(&self) -> usize {
        self.known.iter().filter(|(.., moved)| moved.is_some()).count()
    }
}

/// Where a deadline goes when the platform was away from `from` to `to`: within three hours before it or over it, up to two
/// hours put it off by two hours, and longer ones by whole days, and two hours are left in any case.
fn put_off(deadline: Moment, from: Moment, to: Moment) -> Option<Moment> {
    if deadline <= from || to.plus(3 * HOUR) <= deadline {
        return None;
    }
    let least = to.plus(2 * HOUR);
    if from.plus(2 * HOUR) >= to {
        let minutes = least.micros().div_euclid(MINUTE) + i64::from(least.micros().rem_euclid(MINUTE) > 0);
        return Some(deadline.plus(2 * HOUR).max(Moment::from_micros(minutes * MINUTE)));
    }
    (1..).map(|days| deadline.plus(days * DAY)).find(|moved| *moved >= least)
}

impl World {
    /// As if the platform had left its pulse all the time until now.
    pub fn live_on(&mut self) {
        let now = self.now();
        self.house()
            .door()
            .write(Actor::system("test"), move |act| Ok(store::put_pulse(act.db(), now)?))
            .unwrap();
        self.outages.pulse = now;
    }

    /// Whether it is not known yet if the platform was away.
    pub fn is_stale(&self) -> bool {
        self.now() >= self.outages.pulse.plus(5 * MINUTE)
    }

    pub fn the_platform_is_away(&mut self) {
        let lengths =
            [MINUTE, 5 * MINUTE - 1, 5 * MINUTE, 40 * MINUTE, 2 * HOUR, 2 * HOUR + 1, 5 * HOUR, 30 * HOUR];
        let to = self.now().plus(*self.dice.one_of(&lengths) + self.dice.between(0, 1) * 30 * SECOND);
        let stopped = self.dice.comes(50);
        self.say(&format!(
            "the platform is away until {}{}",
            to.rfc3339(),
            if stopped { ", stopped" } else { "" }
        ));
        if stopped {
            self.reopen();
        }
        self.house().clock.move_to(to);
        self.latest = self.latest.max(to);
        self.tell_each_other();
        // a program that starts leaves its pulse before it answers anybody; one that was cut off does so within seconds
        if !stopped {
            for _ in 0..self.dice.below(4) {
                match self.dice.below(4) {
                    0 => self.try_to_close(),
                    1 => self.a_turn_comes(),
                    _ => self.a_bidder_acts(),
                }
                self.check();
            }
        }
        while !self.beat() {}
    }

    /// The pulse. `false` if the program stopped before it was left.
    fn beat(&mut self) -> bool {
        let (from, to) = (self.outages.pulse, self.now());
        let came = self.attempt("the pulse", |house| Ok(jobs::due(house.door())?));
        match came {
            Came::Stopped(Point::Working) => return false,
            Came::Done(()) | Came::Stopped(_) => {}
            Came::No(key) => panic!("{key}"),
        }
        self.outages.pulse = to;
        if to < from.plus(5 * MINUTE) {
            return true;
        }
        let was = self.deadline;
        let moved = put_off(was, from, to).filter(|_| !self.hall.is_closed());
        self.outages.known.push((from, to, moved.map(|now| (was, now))));
        self.met("an outage was put on record");
        if let Some(now) = moved {
            self.deadline = now;
            self.met("the deadline moved");
        }
        true
    }

    /// The deadline is where the rule put it, each outage is on record once, and everybody can read of it.
    pub fn the_deadline_is_where_it_belongs(&self) {
        let lot = facts(self.house(), self.filled.lot);
        assert_eq!(lot.schedule.unwrap().bids_until, self.deadline, "the deadline");
        let mut listed = self.house().door().read(|db| store::newest(db, 999)).unwrap();
        // a clock that was set back can begin two of them at one moment
        listed.sort_by_key(|outage| (outage.from, outage.to));
        let told: Vec<Away> = listed
            .iter()
            .map(|outage| {
                assert!(
                    outage.moved.len() <= 1 && outage.moved.iter().all(|moved| moved.tender == lot.tender)
                );
                (outage.from, outage.to, outage.moved.first().map(|moved| (moved.was, moved.now)))
            })
            .collect();
        let mut known = self.outages.known.clone();
        known.sort_by_key(|(from, to, _)| (*from, *to));
        assert_eq!(told, known, "outages on record");
    }

    /// In the log each outage and each move of the deadline has its line, once, the moves among what is public of the tender.
    pub fn outages_are_in_the_log(&self, kinds: &[String]) {
        let count = |kind: &str| kinds.iter().filter(|other| *other == kind).count();
        assert_eq!(count("outage.recorded"), self.outages.known.len());
        assert_eq!(count("outage.deadline_moved"), self.outages.moves());
        let (door, tender) = (self.house().door(), facts(self.house(), self.filled.lot).tender);
        let rows = door.read(|db| log::entries_about(db, &[Subject::open(tender).column(door.vault())]));
        let public =
            rows.unwrap().iter().map(|row| door.opened(row)).collect::<Result<Vec<_>, Fault>>().unwrap();
        let moved = public.iter().filter(|entry| entry.kind == "outage.deadline_moved").count();
        assert_eq!(moved, self.outages.moves(), "moves that everybody can read");
    }
}
