//! The last instant: bids that come in on many threads while the clock passes the deadline and the box is being closed.
//! Between a submission and the closing there is one gate, and it decides the same for the receipt and for the count.

use crate::account::house::House;
use crate::account::role::Role;
use crate::account::rules::Person;
use crate::account::testing::{Member, TestHouse};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, empty_box};
use crate::opening::{actions, store};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::project::testing::Shape;
use crate::sealed_bid::actions as sealed_bid;
use crate::sealed_bid::rules::{Kept, Upload};
use crate::sealed_bid::testing::{Offer, parameters, seal_offer, submission, submit, upload};
use crate::sealed_bid::tus::location;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::seal::SealedBid;
use crate::tests::browser::{Browser, Seen, Served};
use crate::tests::guards::{Counts, Over};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

on_both_databases! {
    who_is_in_time_counts_with_a_receipt_and_nobody_else_however_many_come_at_once
    a_bid_that_becomes_durable_while_the_box_is_being_closed_counts
    over_http_the_same_decides_and_pages_stay_up
}

const BIDDERS: usize = 40;
/// So many submit before the clock moves at all, and so many after the deadline is past.
const CERTAIN: usize = 8;
/// How far before the deadline the rush begins, and in which steps the clock goes on, in microseconds.
const BEFORE: i64 = 1_000;
const STEP: i64 = 25;

pub(super) type Ready = (Member, SealedBid, Id<Upload>);

/// A lot the day before its deadline, and bidders whose bids are sealed and uploaded.
pub(super) fn on_the_eve(house: &TestHouse, bidders: usize) -> (BidBox, Vec<Ready>, Moment) {
    let filled = empty_box(house, &Shape { deposit: Fen(0), ..Shape::default() });
    house.at("2026-03-24 10:00:00");
    let one = |number: usize| {
        let member = house.member(Role::Bidder, &format!("rush{number}"));
        let kind = EnvelopeKind::Single;
        let offer = Offer::priced(&format!("{}.00", 4_900_000 - number));
        let (sealed, ciphertext) =
            seal_offer(house, &member, &parameters(house, &member, filled.lot, kind), &offer);
        let upload = upload(house, &member, &ciphertext);
        (member, sealed, upload)
    };
    let ready = (1..=bidders).map(one).collect();
    (filled, ready, Moment::parse_beijing("2026-03-25 09:30").unwrap())
}

/// Sends the form with which a browser hands a bid in.
pub(super) fn send_form(browser: &mut Browser, (_, sealed, upload): &Ready) -> Seen {
    let (manifest, signature) = (jcs_text(&sealed.manifest), jcs_text(&sealed.signature));
    let upload = location(*upload);
    let fields = [("manifest", &*manifest), ("signature", &*signature), ("upload", &*upload)];
    browser.post("/sealed-bid/TEST-0001/1/single/submit", &fields)
}

/// Waits until it is `moment`.
fn await_clock(house: &TestHouse, moment: Moment) {
    while house.door().now() < moment {
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// The clock's job, impatient.
pub(super) fn close_when_due(house: &TestHouse, filled: &BidBox) {
    let lot = filled.lot;
    let close = || house.door().write(Actor::system("opening"), move |act| actions::close(act, None, lot));
    let closed = || house.door().read(|db| store::closing(db, lot)).unwrap().is_some();
    // a server has a clock's job of its own, which may come first
    while close().is_err() && !closed() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Everybody hands in, the clock passes the deadline, the box is closed as soon as it may be.
fn rush<T: Send>(
    house: &TestHouse,
    filled: &BidBox,
    ready: &[Ready],
    deadline: Moment,
    hand_in: impl Fn(&Ready) -> T + Sync,
) -> Vec<T> {
    let answered = AtomicUsize::new(0);
    let spread = i64::try_from(BIDDERS).unwrap();
    std::thread::scope(|scope| {
        let submitting: Vec<_> = (0i64..)
            .zip(ready)
            .map(|(at, ready)| {
                let (answered, hand_in, late) =
                    (&answered, &hand_in, at >= spread - i64::try_from(CERTAIN).unwrap());
                let due = if late { deadline } else { deadline.plus(-BEFORE + at * BEFORE / spread) };
                let due = if at < i64::try_from(CERTAIN).unwrap() { deadline.plus(-BEFORE) } else { due };
                scope.spawn(move || {
                    await_clock(house, due);
                    let _answered = Counts(answered);
                    hand_in(ready)
                })
            })
            .collect();
        scope.spawn(|| {
            while answered.load(Ordering::SeqCst) < CERTAIN {
                std::thread::sleep(Duration::from_millis(1));
            }
            while house.door().now() < deadline.plus(BEFORE) {
                house.clock.move_to(house.door().now().plus(STEP));
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        scope.spawn(|| close_when_due(house, filled));
        submitting.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A bid that is handed in before the deadline and becomes durable after it: its act lingers until the clock has passed
/// and the closing has knocked for a while.
fn submit_slowly(
    house: &TestHouse,
    filled: &BidBox,
    ready: &Ready,
    deadline: Moment,
) -> Result<Kept, Failure> {
    let (member, submission) = (&ready.0, submission(filled.lot, &ready.1, ready.2));
    let (authority, who, clock) = (house.authority().clone(), member.who.clone(), house.clock.clone());
    let origin = house.door().config().origin.clone();
    let done = house.act(&member.who, move |act| {
        let kept = sealed_bid::submit(act, &authority, &origin, &who, &submission)?;
        clock.move_to(deadline);
        std::thread::sleep(Duration::from_millis(300));
        Ok(kept)
    });
    done.map(|done| done.value)
}

fn a_bid_that_becomes_durable_while_the_box_is_being_closed_counts(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, 4);
    for (member, sealed, upload) in &ready[1..] {
        submit(&house, member, filled.lot, sealed, *upload).unwrap();
    }
    house.clock.move_to(deadline.plus(-BEFORE));
    let kept = std::thread::scope(|scope| {
        let slow = scope.spawn(|| submit_slowly(&house, &filled, &ready[0], deadline));
        scope.spawn(|| close_when_due(&house, &filled));
        slow.join().unwrap().unwrap()
    });
    let door = house.door();
    let closing = door.read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    let index = door.read(|db| crate::ledger::store::index_of(db, kept.entry)).unwrap().unwrap();
    assert!(index < closing.size, "a receipt at {index}, closed at {}", closing.size);
    assert_eq!(closing.bidders, 4);
}

fn who_is_in_time_counts_with_a_receipt_and_nobody_else_however_many_come_at_once(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, BIDDERS);
    house.clock.move_to(deadline.plus(-BEFORE));

    let results = rush(&house, &filled, &ready, deadline, |(member, sealed, upload)| {
        submit(&house, member, filled.lot, sealed, *upload)
    });

    let door = house.door();
    let closing = door.read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    let (mut in_time, mut late) = (0, 0);
    for result in &results {
        match result {
            Ok(kept) => {
                let index = door.read(|db| crate::ledger::store::index_of(db, kept.entry)).unwrap().unwrap();
                assert!(kept.at < deadline, "a receipt for {}", kept.at.rfc3339());
                assert!(index < closing.size, "a receipt at {index}, closed at {}", closing.size);
                in_time += 1;
            }
            Err(Failure::Refused(refused)) => {
                assert_eq!(refused.key, "sealed_bid.refusal.late");
                late += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(
        usize::try_from(closing.bidders).unwrap(),
        in_time,
        "who has a receipt counts, and nobody else"
    );
    assert!(in_time >= CERTAIN && late >= CERTAIN, "{in_time} in time, {late} late: no rush at all");
}

/// The same through the browser's door: forms that come in while the clock passes, receipts on pages, and visitors who
/// read meanwhile.
fn over_http_the_same_decides_and_pages_stay_up(engine: Engine) {
    let house = TestHouse::new(engine);
    over_http(house, |_| Vec::new());
}

/// The same where the bidders' forms go to two servers of one database, by turns.
#[test]
fn over_two_servers_the_same_decides() {
    let house = TestHouse::new(Engine::Postgres);
    over_http(house, |first| {
        let second = House::open(first.door().config().clone(), first.clock.clone()).unwrap();
        vec![Served::start(TestHouse::of(second, first.clock.clone(), ""))]
    });
}

fn over_http(house: TestHouse, further: impl FnOnce(&TestHouse) -> Vec<Served>) {
    let (filled, ready, deadline) = on_the_eve(&house, BIDDERS);
    house.clock.move_to(deadline.plus(-BEFORE));
    let mut servers = further(&house);
    servers.push(Served::start(house));
    let served = servers.last().unwrap();
    // only now: sessions end by the same clock
    let browsers: BTreeMap<Id<Person>, Mutex<Browser>> = ready
        .iter()
        .zip(servers.iter().cycle())
        .map(|((member, ..), server)| (member.who.person, Mutex::new(server.browser(member))))
        .collect();

    let done = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let over = Over(&done);
        let reading = scope.spawn(|| {
            let (mut visitor, mut pages) = (served.visitor(), 0);
            while !done.load(Ordering::SeqCst) || pages < 5 {
                visitor.get("/tender/TEST-0001").expect_status(200);
                visitor.get("/opening/TEST-0001/1").expect_status(200);
                pages += 2;
            }
        });
        // what the ticker of each server does every second
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                servers.iter().for_each(|server| server.house.door().tell_arrivals().unwrap());
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let answers = rush(&served.house, &filled, &ready, deadline, |ready| {
            let mut browser = browsers[&ready.0.who.person].lock().unwrap();
            send_form(&mut browser, ready)
        });
        drop(over);
        reading.join().unwrap();
        answers
    });

    let mut in_time = 0;
    for ((member, ..), answer) in ready.iter().zip(answers) {
        let mut browser = browsers[&member.who.person].lock().unwrap();
        if answer.status == 303 {
            assert!(answer.location().starts_with("/sealed-bid/receipt/"), "{}", answer.location());
            let proof = browser.get(&format!("{}/proof", answer.location())).expect_status(200);
            assert!(proof.text().starts_with("c2sp.org/tlog-proof@v1"), "a proof: {}", proof.text());
            in_time += 1;
        } else {
            assert!(answer.expect_status(422).text().contains("截止"), "a late one is told so");
        }
    }
    let closing = served.house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    assert_eq!(
        usize::try_from(closing.bidders).unwrap(),
        in_time,
        "who has a receipt counts, and nobody else"
    );
    assert!((CERTAIN..=BIDDERS - CERTAIN).contains(&in_time), "{in_time} in time: no rush at all");
}
