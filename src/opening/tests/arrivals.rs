//! Handed in is what the platform has wholly received before the deadline, however late its turn comes; and no box is
//! closed while such a bid is on the way.

use super::dual::{dual, locked_bids};
use super::rush::{on_the_eve, send_form};
use crate::account::house::House;
use crate::account::testing::{TestHouse, refused};
use crate::ledger::crash::Point;
use crate::ledger::{Actor, Door, arrivals};
use crate::on_both_databases;
use crate::opening::bidders::{self, Taken};
use crate::opening::store::Paper;
use crate::opening::testing::trust;
use crate::opening::{actions, store};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::{MINUTE, SECOND};
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::sealed_bid::actions as sealed_bid;
use crate::sealed_bid::testing::submission;
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::document::Bytes;
use crate::sealing::release::BidderRelease;
use crate::tests::browser::{Served, runtime};
use crate::tests::guards::patiently;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

on_both_databases! {
    a_form_that_is_here_before_the_deadline_counts_however_late_its_turn_comes
    a_form_that_breaks_off_has_not_arrived_and_holds_nobody_up
    no_box_is_closed_while_somebody_who_came_in_time_is_on_the_way
    nobody_is_called_absent_whose_key_came_in_time_and_waits_for_its_turn
}

fn close(door: &Door, lot: Id<Lot>) -> Result<(), &'static str> {
    match door.write(Actor::system("opening"), move |act| actions::close(act, None, lot)) {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refused)) if refused.key == "opening.refusal.arriving" => Err("arriving"),
        Err(other) => panic!("{other:?}"),
    }
}

fn a_form_that_is_here_before_the_deadline_counts_however_late_its_turn_comes(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, 6);
    house.clock.move_to(deadline.plus(-1));
    let served = Served::start(house);
    let (door, lot) = (served.house.door().clone(), filled.lot);
    let mut browsers: Vec<_> = ready.iter().map(|(member, ..)| served.browser(member)).collect();

    let (begun, has_begun) = mpsc::channel();
    let (go_on, until_told) = mpsc::channel::<()>();
    let answers = std::thread::scope(|scope| {
        let slow = door.clone();
        let gates: BTreeSet<String> =
            ready.iter().map(|(member, ..)| sealed_bid::lane_gate(lot, member.who.organisation)).collect();
        // whoever was before them takes long: nobody else's turn comes meanwhile
        scope.spawn(move || {
            let dawdle = slow.write(Actor::system("test"), move |act| {
                for gate in gates {
                    act.exclude(&gate)?;
                }
                begun.send(()).unwrap();
                let _ = until_told.recv();
                Ok(())
            });
            dawdle.unwrap();
        });
        has_begun.recv().unwrap();
        let (last, others) = browsers.split_last_mut().unwrap();
        let sending: Vec<_> = others
            .iter_mut()
            .zip(&ready)
            .map(|(browser, ready)| scope.spawn(move || send_form(browser, ready)))
            .collect();
        assert!(patiently(|| door.on_the_way() >= sending.len()));
        served.house.clock.move_to(deadline);
        let late = scope.spawn(|| send_form(last, &ready[5]));
        let closer = door.clone();
        let closing = scope.spawn(move || {
            actions::close_box(&closer, Actor::system("opening"), None, lot).expect("everybody is through")
        });
        assert!(patiently(|| door.on_the_way() > sending.len()));
        std::thread::sleep(Duration::from_millis(200));
        drop(go_on);
        closing.join().unwrap();
        late.join().unwrap().expect_status(422);
        sending.into_iter().map(|form| form.join().unwrap()).collect::<Vec<_>>()
    });

    let closing = door.read(|db| store::closing(db, lot)).unwrap().unwrap();
    assert_eq!(closing.bidders, 5, "who came in time, and not who came at the very deadline");
    for (answer, browser) in answers.into_iter().zip(&mut browsers) {
        let receipt = answer.expect_status(303).location();
        let page = browser.get(&receipt).expect_status(200).text();
        assert!(page.contains("2026-03-25 09:29:59"), "the receipt says when the bid was handed in: {page}");
        let proof = browser.get(&format!("{receipt}/proof")).expect_status(200).text();
        let index: u64 = proof.lines().find_map(|line| line.strip_prefix("index ")).unwrap().parse().unwrap();
        assert!(index < closing.size, "a receipt at {index}, closed at {}", closing.size);
    }
    assert_eq!(door.on_the_way(), 0);
}

fn a_form_that_breaks_off_has_not_arrived_and_holds_nobody_up(engine: Engine) {
    use std::io::{Read, Write};
    let house = TestHouse::new(engine);
    let (filled, ready, deadline) = on_the_eve(&house, 1);
    house.clock.move_to(deadline.plus(-1));
    let served = Served::start(house);
    let mut browser = served.browser(&ready[0].0);
    let address = served.base.strip_prefix("http://").unwrap();
    let mut half = std::net::TcpStream::connect(address).unwrap();
    half.write_all(
        b"POST /sealed-bid/TEST-0001/1/single/submit HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nmanifest=",
    )
    .unwrap();
    // the server has read the half when it has answered somebody who came later on the same worker or another
    std::thread::sleep(Duration::from_millis(200));
    let door = served.house.door();
    assert_eq!(door.on_the_way(), 0, "half a form has not arrived");
    send_form(&mut browser, &ready[0]).expect_status(303);
    served.house.clock.move_to(deadline);
    close(door, filled.lot).expect("nobody is on the way");
    half.write_all(&[b'x'; 91]).unwrap();
    let mut answer = [0; 12];
    half.read_exact(&mut answer).unwrap();
    assert_ne!(&answer, b"HTTP/1.1 200", "its end came too late, from nobody");
    assert_eq!(door.on_the_way(), 0);
}

fn no_box_is_closed_while_somebody_who_came_in_time_is_on_the_way(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, _, deadline) = on_the_eve(&house, 1);
    let (here, lot) = (house.door(), filled.lot);
    // on PostgreSQL they are on the way in another server
    let second = House::open(here.config().clone(), house.clock.clone()).unwrap();
    let there = if engine == Engine::Postgres { &second.door } else { here };
    house.clock.move_to(deadline.plus(-1));
    there.tell_arrivals().unwrap();
    let on_the_way = there.arrive();
    assert_eq!(on_the_way.at(), deadline.plus(-1));
    house.clock.move_to(deadline);
    let too_late = there.arrive();
    there.tell_arrivals().unwrap();
    assert_eq!(close(here, lot), Err("arriving"));

    if engine == Engine::Postgres {
        // it has gone through, but has not said so; then it says so
        drop(on_the_way);
        assert_eq!(close(here, lot), Err("arriving"), "only the server itself knows");
        there.tell_arrivals().unwrap();
    } else {
        drop(on_the_way);
    }
    close(here, lot).expect("who came at the very deadline holds nothing up");
    drop(too_late);
}

fn nobody_is_called_absent_whose_key_came_in_time_and_waits_for_its_turn(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (0, None));
    filled.close(&house);
    filled.give_key(&house, Single, 1, &files[0]);
    filled.give_key(&house, Single, 2, &files[1]);
    let (door, lot, who) = (house.door(), filled.lot, filled.bidders[2].who.clone());
    let given = filled.key_bundle(&house, Single, (&filled.bidders[2], None)).unwrap();
    let release = jcs_text(&BidderRelease::make(&files[2], &given.manifests[0], &given.session.0).unwrap());
    let until = door.read(|db| store::bidders(db, lot, Single)).unwrap().unwrap().until;
    house.clock.move_to(until.plus(-1));
    let arrival = door.arrive();
    house.clock.move_to(until.plus(SECOND));
    let excused = || {
        let (agent, m) = (filled.staff.agent.who.clone(), files[2].m);
        let paper = Paper { name: "值班记录.pdf".into(), sha256: Bytes([7; 32]) };
        house.act(&filled.staff.agent.who, move |act| {
            bidders::excuse(act, &agent, lot, Single, m, ("停电", &paper))
        })
    };
    assert_eq!(refused(excused()).key, "opening.refusal.not_absent", "the key is here");
    assert_eq!(refused(filled.try_bundle(&house, Single)).key, "opening.refusal.bidders_first");
    let (actor, authority) = (who.actor(), house.authority().clone());
    let taken = runtime().block_on(door.act_arrived(actor, "bidder", arrival, move |act| {
        bidders::release_key(act, &authority, &who, lot, Single, &release)
    }));
    assert_eq!(taken.unwrap().value, Taken::Key);
    assert_eq!(refused(excused()).key, "opening.refusal.not_absent", "the key came");
    filled.try_bundle(&house, Single).expect("all keys are there");
}

/// On PostgreSQL an act is durable a moment before its entries have their places.
#[test]
fn papers_wait_for_entries_without_a_place_and_a_server_that_starts_gives_them_one() {
    let house = TestHouse::new(Engine::Postgres);
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (0, None));
    filled.close(&house);
    filled.give_key(&house, Single, 1, &files[0]);
    house.clock.move_to(house.door().now().plus(31 * MINUTE));
    let lot = filled.lot;
    house.door().crash().arm(Point::Committed);
    let ends = || house.act(&filled.staff.agent.who, move |act| bidders::end(act, lot, Single));
    assert!(catch_unwind(AssertUnwindSafe(ends)).is_err(), "the server stops behind the act");
    assert_eq!(refused(filled.try_bundle(&house, Single)).key, "opening.refusal.not_witnessed");
    let house = house.reopened();
    let papers = filled.try_bundle(&house, Single).expect("everything has its place");
    papers.check(&trust(&house), house.door().now()).expect("and is shown");
}

#[test]
fn a_server_that_is_silent_for_long_holds_no_box_open_and_its_bidders_are_not_called_late() {
    let house = TestHouse::new(Engine::Postgres);
    let (filled, ready, deadline) = on_the_eve(&house, 1);
    let second = House::open(house.door().config().clone(), house.clock.clone()).unwrap();
    house.clock.move_to(deadline.plus(-SECOND));
    let lost = second.door.arrive();
    second.door.tell_arrivals().unwrap();
    house.clock.move_to(deadline.plus(-SECOND).plus(arrivals::SILENT));
    assert_eq!(close(house.door(), filled.lot), Err("arriving"));
    house.clock.move_to(deadline.plus(-SECOND).plus(arrivals::SILENT + 1));
    close(house.door(), filled.lot).expect("it is taken for dead");

    // it lives after all
    let (member, submission) = (&ready[0].0, submission(filled.lot, &ready[0].1, ready[0].2));
    let (authority, who, origin) =
        (house.authority().clone(), member.who.clone(), house.door().config().origin.clone());
    let late = runtime().block_on(second.door.act_arrived(member.who.actor(), "bidder", lost, move |act| {
        sealed_bid::submit(act, &authority, &origin, &who, &submission)
    }));
    assert_eq!(refused(late).key, "sealed_bid.refusal.shut");
}
