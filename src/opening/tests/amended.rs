//! An amendment that moves the opening, and the closing of the box by the old time: whichever comes first, the other is
//! refused, however many knock at once.

use super::rush::on_the_eve;
use crate::account::testing::TestHouse;
use crate::announcement::actions::{self as notices, Amendment};
use crate::announcement::store as published;
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::testing::BidBox;
use crate::opening::{actions, store};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, Moment};
use crate::platform::refusal::Failure;
use crate::project::schedule::{Schedule, Weight};
use crate::project::testing::facts;
use crate::sealed_bid::testing::submit;
use crate::tests::guards::{Counts, Over};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

on_both_databases! {
    an_amendment_and_the_closing_never_both_win_however_many_knock
    no_box_is_closed_by_the_old_time_while_an_amendment_is_being_written
}

const AMENDING: usize = 4;
const CLOSING: usize = 6;
/// How far before the deadline it begins, and in which steps the clock goes on, in microseconds.
const BEFORE: i64 = 1_000;
const STEP: i64 = 100;

/// A lot with three bids, a moment before its deadline.
fn filled(engine: Engine) -> (TestHouse, BidBox, Moment) {
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, 3);
    for (member, sealed, upload) in &ready {
        submit(&house, member, filled.lot, sealed, *upload).unwrap();
    }
    house.clock.move_to(deadline.plus(-BEFORE));
    (house, filled, deadline)
}

/// The agent puts the opening off by a day, and then `lingers` before the act ends.
fn amend(house: &TestHouse, filled: &BidBox, lingers: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let lot = facts(house, filled.lot);
    let was = lot.schedule.unwrap();
    let schedule = Schedule { bids_until: was.bids_until.plus(DAY), ..was };
    let amendment = Amendment { schedule, summary: "延期一天".into(), weight: Weight::Editorial };
    let (agent, authority) = (&filled.staff.agent, house.authority().clone());
    let (tender, now) = (lot.tender, house.door().now());
    let (notice, _) = house.door().read(|db| notices::check_amended(db, tender, &amendment, now))?;
    let (fields, who) = (agent.sign(&notice.statement()), agent.who.clone());
    let amended = house.act(&agent.who, move |act| {
        notices::amend(act, &authority, &who, tender, &amendment, &fields)?;
        lingers();
        Ok(())
    });
    refused_at_most(amended.map(drop))
}

/// The agent, the centre and the clock try to close.
fn close(house: &TestHouse, filled: &BidBox, number: usize) -> Result<(), Failure> {
    let (staff, lot) = (&filled.staff, filled.lot);
    let who = [Some(staff.agent.who.clone()), Some(staff.centre.who.clone()), None][number % 3].clone();
    let actor = who.as_ref().map_or_else(|| Actor::system("opening"), |who| who.actor());
    refused_at_most(house.door().write(actor, move |act| actions::close(act, who.as_ref(), lot)).map(drop))
}

/// Whoever loses is refused at a gate, and not cut off by the database half-way.
fn refused_at_most(result: Result<(), Failure>) -> Result<(), Failure> {
    assert!(!matches!(result, Err(Failure::Fault(_))), "{result:?}");
    result
}

/// Who won: the closing by the old time, or the amendments, of which so many were taken. One that comes when another was taken is an
/// amendment of that.
fn closed(house: &TestHouse, filled: &BidBox, deadline: Moment, taken: usize) -> bool {
    let lot = facts(house, filled.lot);
    let closing = house.door().read(|db| store::closing(db, filled.lot)).unwrap();
    let notice = house.door().read(|db| published::newest(db, lot.tender)).unwrap().unwrap().notice;
    let moved = lot.schedule.unwrap().bids_until != deadline;
    assert_eq!((usize::try_from(notice.version).unwrap(), moved), (1 + taken, taken > 0));
    assert_eq!(notice.schedule, lot.schedule.unwrap());
    assert_eq!(closing.is_some(), !moved, "closed: {}, moved: {moved}", closing.is_some());
    if let Some(closing) = closing {
        assert_eq!(closing.bidders, 3);
    }
    !moved
}

fn an_amendment_and_the_closing_never_both_win_however_many_knock(engine: Engine) {
    let (house, filled, deadline) = filled(engine);
    let (won, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..AMENDING {
            let (house, filled, won, ended) = (&house, &filled, &won, &ended);
            scope.spawn(move || {
                // each a little nearer to the deadline than the one before
                let due = deadline.plus(-BEFORE / 2 + i64::try_from(number).unwrap() * BEFORE / 4);
                while house.door().now() < due {
                    std::thread::sleep(Duration::from_micros(50));
                }
                let _ended = Counts(ended);
                won.fetch_add(usize::from(amend(house, filled, || ()).is_ok()), Ordering::SeqCst);
            });
        }
        for number in 0..CLOSING {
            let (house, filled, ended) = (&house, &filled, &ended);
            scope.spawn(move || {
                loop {
                    let last = ended.load(Ordering::SeqCst) == AMENDING && house.door().now() >= deadline;
                    if close(house, filled, number).is_ok() || last {
                        break;
                    }
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        }
        scope.spawn(|| {
            while house.door().now() < deadline.plus(BEFORE) {
                std::thread::sleep(Duration::from_millis(2));
                house.clock.move_to(house.door().now().plus(STEP));
            }
        });
    });
    closed(&house, &filled, deadline, won.load(Ordering::SeqCst));
}

/// The amendment was in time and becomes durable after the old deadline, while everybody knocks.
fn no_box_is_closed_by_the_old_time_while_an_amendment_is_being_written(engine: Engine) {
    let (house, filled, deadline) = filled(engine);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let amending = scope.spawn(|| {
            let (clock, _over) = (house.clock.clone(), Over(&done));
            amend(&house, &filled, move || {
                clock.move_to(deadline);
                std::thread::sleep(Duration::from_millis(300));
            })
        });
        for number in 0..CLOSING {
            let (house, filled, done) = (&house, &filled, &done);
            scope.spawn(move || {
                while close(house, filled, number).is_err() && !done.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        }
        amending.join().unwrap().expect("it was in time");
    });
    assert!(!closed(&house, &filled, deadline, 1));
    house.clock.move_to(deadline.plus(DAY));
    close(&house, &filled, 0).expect("the new time has come");
}
