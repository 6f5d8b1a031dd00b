//! The platform was away before a deadline: the deadline moves by the published rule, whatever else was going on.

use super::browser::{Browser, Served};
use super::program::Server;
use super::street::day::{Day, NUMBER};
use crate::account::house::House;
use crate::account::testing::TestHouse;
use crate::app::{pulse, run_due_jobs};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, bids_in_shape, trust};
use crate::outage::rules::OutageRule;
use crate::outage::{jobs, store};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::project::phase::{Milestone, Phase};
use crate::project::standing::LotFacts;
use crate::project::testing::Shape;
use crate::sealed_bid::able;
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealing::context::EnvelopeKind;

on_both_databases! {
    an_outage_before_the_deadline_moves_it_and_bids_are_taken_until_then
    no_box_closes_before_it_is_known_whether_the_platform_was_away
    nobody_is_late_before_it_is_known_whether_the_platform_was_away
    a_box_that_is_closed_stays_closed
    a_tender_that_was_given_up_stays_as_it_is
    a_platform_that_runs_and_can_take_no_bid_is_away
    a_disk_nearly_full_takes_no_document_and_is_no_outage
    everybody_reads_the_rule_and_what_it_moved
}

/// What a server does every ten seconds: a pulse if it can keep bids, then the jobs.
fn tick(house: &TestHouse) {
    drop(pulse(house.door()));
    run_due_jobs(&house.house);
}

fn at(beijing: &str) -> Moment {
    Moment::parse_beijing(beijing).unwrap()
}

fn moved(was: &str, from: &str, to: &str) -> Option<String> {
    let moved = OutageRule::published().moved(at(was), at(from), at(to));
    moved.map(|moved| moved.beijing_minute())
}

#[test]
fn the_deadline_goes_where_the_rule_says() {
    let was = "2026-03-25 09:30";
    // short, long, and one that ate the deadline itself
    assert_eq!(moved(was, "2026-03-25 08:30", "2026-03-25 09:00").unwrap(), "2026-03-25 11:30");
    assert_eq!(moved(was, "2026-03-25 06:00", "2026-03-25 08:30").unwrap(), "2026-03-26 09:30");
    assert_eq!(moved(was, "2026-03-25 09:00", "2026-03-25 09:20").unwrap(), "2026-03-25 11:30");
    // two hours are the short outage still, and not a moment more
    assert_eq!(moved(was, "2026-03-25 07:10", "2026-03-25 09:10").unwrap(), "2026-03-25 11:30");
    let (from, to) = (at("2026-03-25 07:10"), at("2026-03-25 09:10").plus(1));
    assert_eq!(OutageRule::published().moved(at(was), from, to), Some(at("2026-03-26 09:30")));
    // two hours are left in any case
    assert_eq!(moved(was, "2026-03-25 08:00", "2026-03-25 09:30").unwrap(), "2026-03-25 11:30");
    assert_eq!(moved(was, "2026-03-25 08:00", "2026-03-25 09:31").unwrap(), "2026-03-25 11:31");
    assert_eq!(moved(was, "2026-03-25 09:00", "2026-03-28 10:00").unwrap(), "2026-03-29 09:30");
    // not near, and passed before
    assert_eq!(moved(was, "2026-03-25 05:00", "2026-03-25 06:30"), None);
    assert_eq!(moved(was, "2026-03-25 09:30", "2026-03-25 10:00"), None);
    let rule = OutageRule::published();
    assert!(rule.counts(5 * MINUTE) && !rule.counts(5 * MINUTE - 1));
    assert_eq!(rule.reach(at(was)), at("2026-03-25 12:30"));
}

fn filled(engine: Engine) -> (TestHouse, BidBox) {
    let house = TestHouse::new(engine);
    let shape = Shape { deposit: Fen(0), ..Shape::default() };
    let filled = bids_in_shape(&house, &shape, &["4900000.00", "4800000.00", "4700000.00"]);
    (house, filled)
}

fn facts(house: &TestHouse, filled: &BidBox) -> LotFacts {
    house.door().read(|db| crate::project::store::known_lot(db, filled.lot)).unwrap()
}

fn leave_pulse(house: &TestHouse, at: Moment) {
    house.door().write(Actor::system("test"), move |act| Ok(store::put_pulse(act.db(), at)?)).unwrap();
}

/// As if a pulse had been left every ten seconds until now.
fn lives(house: &TestHouse) {
    leave_pulse(house, house.door().now());
}

fn closes(house: &TestHouse, filled: &BidBox) -> Result<(), Failure> {
    let lot = filled.lot;
    house
        .door()
        .write(Actor::system("opening"), move |act| crate::opening::actions::close(act, None, lot))
        .map(drop)
}

fn refusal(result: Result<(), Failure>) -> String {
    match result {
        Err(Failure::Refused(refused)) => refused.key.to_string(),
        other => panic!("{other:?}"),
    }
}

fn an_outage_before_the_deadline_moves_it_and_bids_are_taken_until_then(engine: Engine) {
    let (house, filled) = filled(engine);
    house.at("2026-03-25 08:40:00");
    jobs::due(house.door()).unwrap();
    // a restart of four minutes is none
    house.at("2026-03-25 08:44:00");
    jobs::due(house.door()).unwrap();
    assert_eq!(house.door().read(|db| store::newest(db, 9)).unwrap(), []);
    house.at("2026-03-25 09:31:00");
    jobs::due(house.door()).unwrap();

    let outages = house.door().read(|db| store::newest(db, 9)).unwrap();
    assert_eq!(outages.len(), 1);
    assert_eq!((outages[0].from, outages[0].to), (at("2026-03-25 08:44"), at("2026-03-25 09:31")));
    let lot = facts(&house, &filled);
    let until = lot.schedule.unwrap().bids_until;
    assert_eq!((outages[0].moved[0].tender, outages[0].moved[0].now), (lot.tender, until));
    // two hours after the end, which is later than two hours after the old deadline
    assert_eq!(until, at("2026-03-25 11:31"));
    assert_eq!(lot.phase(house.door().now()), Phase::Bidding);
    assert!(lot.reached(Milestone::Extended).is_some());
    assert_eq!(refusal(closes(&house, &filled)), "opening.refusal.too_early");

    // away again, within the last hours of the new deadline, and for longer
    house.at("2026-03-25 11:40:00");
    jobs::due(house.door()).unwrap();
    assert_eq!(house.door().read(|db| store::newest(db, 9)).unwrap().len(), 2);
    assert_eq!(facts(&house, &filled).schedule.unwrap().bids_until, at("2026-03-26 11:31"));
    let late = house.member(crate::account::role::Role::Bidder, "latecomer");
    bid(&house, &late, filled.lot, EnvelopeKind::Single, &Offer::priced("4600000.00")).unwrap();
    // a living platform closes at the new deadline, and all four count
    house.at("2026-03-26 11:30:55");
    lives(&house);
    house.at("2026-03-26 11:31:00");
    closes(&house, &filled).unwrap();
    let closing = house.door().read(|db| crate::opening::store::closing(db, filled.lot)).unwrap();
    assert_eq!(closing.unwrap().bidders, 4);
    // the log shows trustees both moves
    let bundle = filled.bundle(&house, EnvelopeKind::Single);
    let announced = bundle.check(&trust(&house), house.door().now()).unwrap().announced;
    assert_eq!((announced.opens_at, announced.moved), (at("2026-03-26 11:31"), 2));
}

fn no_box_closes_before_it_is_known_whether_the_platform_was_away(engine: Engine) {
    let (house, filled) = filled(engine);
    house.at("2026-03-25 09:29:55");
    jobs::due(house.door()).unwrap();
    house.at("2026-03-25 09:36:00");
    assert_eq!(refusal(closes(&house, &filled)), "outage.refusal.stale_pulse");
    crate::opening::jobs::due(house.door()).unwrap();
    assert!(facts(&house, &filled).reached(Milestone::BiddingClosed).is_none());
    jobs::due(house.door()).unwrap();
    assert_eq!(refusal(closes(&house, &filled)), "opening.refusal.too_early");
    assert_eq!(facts(&house, &filled).schedule.unwrap().bids_until, at("2026-03-25 11:36"));
}

fn nobody_is_late_before_it_is_known_whether_the_platform_was_away(engine: Engine) {
    let (house, filled) = filled(engine);
    let late = house.member(crate::account::role::Role::Bidder, "latecomer");
    let hand_in =
        || bid(&house, &late, filled.lot, EnvelopeKind::Single, &Offer::priced("4600000.00")).map(drop);
    house.at("2026-03-25 09:29:55");
    jobs::due(house.door()).unwrap();
    house.at("2026-03-25 09:36:00");
    assert_eq!(refusal(hand_in()), "sealed_bid.refusal.may_move");
    jobs::due(house.door()).unwrap();
    hand_in().expect("the deadline has moved");
    // and when it is known, late is late
    house.at("2026-03-25 11:36:00");
    lives(&house);
    assert_eq!(refusal(hand_in()), "sealed_bid.refusal.late");
}

fn a_box_that_is_closed_stays_closed(engine: Engine) {
    let (house, filled) = filled(engine);
    house.at("2026-03-25 09:29:55");
    jobs::due(house.door()).unwrap();
    house.at("2026-03-25 09:30:00");
    closes(&house, &filled).unwrap();
    house.at("2026-03-25 10:00:00");
    jobs::due(house.door()).unwrap();
    assert_eq!(facts(&house, &filled).schedule.unwrap().bids_until, at("2026-03-25 09:30"));
    let outages = house.door().read(|db| store::newest(db, 9)).unwrap();
    assert!(outages[0].moved.is_empty());
}

fn a_tender_that_was_given_up_stays_as_it_is(engine: Engine) {
    let (house, filled) = filled(engine);
    let (who, lot) = (filled.staff.entity.who.clone(), filled.lot);
    house
        .act(&filled.staff.entity.who, move |act| {
            crate::project::actions::cancel(act, &who, lot, "规划调整，重新招标。")
        })
        .unwrap();
    house.at("2026-03-25 08:40:00");
    jobs::due(house.door()).unwrap();
    house.at("2026-03-25 09:20:00");
    jobs::due(house.door()).unwrap();
    let outages = house.door().read(|db| store::newest(db, 9)).unwrap();
    assert_eq!(outages.len(), 1);
    assert!(outages[0].moved.is_empty(), "nothing moves where no bids are awaited");
    assert!(facts(&house, &filled).reached(Milestone::Extended).is_none());
}

fn a_platform_that_runs_and_can_take_no_bid_is_away(engine: Engine) {
    let (house, filled) = filled(engine);
    house.at("2026-03-25 08:40:00");
    tick(&house);
    // the folder of the bids is gone, the database lives: people are answered, and no bid can be handed in
    let files = std::path::PathBuf::from(&house.door().config().files);
    let broken = Broken::files_of(&house);
    assert!(able::check(house.door()).is_err());
    for minute in 41..=59 {
        house.at(&format!("2026-03-25 08:{minute}:00"));
        tick(&house);
    }
    assert_eq!(house.door().read(|db| store::newest(db, 9)).unwrap(), [], "it lasts");
    house.at("2026-03-25 09:30:00");
    assert_eq!(refusal(closes(&house, &filled)), "outage.refusal.stale_pulse");
    // whoever comes now is not called late, for the deadline may move
    let size = |house: &TestHouse| house.door().read(crate::ledger::store::head).unwrap().unwrap().size;
    let before = size(&house);
    let late = withdraw(&house, &filled.bidders[0], filled.lot, EnvelopeKind::Single);
    assert_eq!(refusal(late.map(drop)), "sealed_bid.refusal.may_move");
    house.door().write(Actor::system("test"), |act| Ok(act.close_log()?)).unwrap();
    assert_eq!(size(&house), before, "nothing of it is on record");
    drop(broken);
    tick(&house);
    let outages = house.door().read(|db| store::newest(db, 9)).unwrap();
    assert_eq!((outages[0].from, outages[0].to), (at("2026-03-25 08:40"), at("2026-03-25 09:30")));
    assert_eq!(facts(&house, &filled).schedule.unwrap().bids_until, at("2026-03-25 11:30"));
    assert!(able::check(house.door()).is_ok());
    let left = std::fs::read_dir(files.join("pulse")).map_or(0, Iterator::count);
    assert_eq!(left, 1, "one object, written over each time");
    withdraw(&house, &filled.bidders[0], filled.lot, EnvelopeKind::Single).unwrap();
}

/// The folder of a server's files is gone, as long as this lives.
struct Broken(std::path::PathBuf);

impl Broken {
    fn files_of(house: &TestHouse) -> Self {
        let files = std::path::PathBuf::from(&house.door().config().files);
        std::fs::rename(&files, files.with_extension("aside")).unwrap();
        std::fs::write(&files, "no folder").unwrap();
        Self(files)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
        std::fs::rename(self.0.with_extension("aside"), &self.0).unwrap();
    }
}

/// Two servers of one centre, each with its own way to the files: one that is broken says so to the proxy and is no outage, whoever
/// does the jobs; if both are, it is one.
#[test]
fn of_two_servers_one_that_can_keep_bids_is_enough_and_the_other_says_so() {
    let (house, filled) = filled(Engine::Postgres);
    let mut config = house.door().config().clone();
    config.files = std::path::Path::new(&config.files).with_file_name("second").display().to_string();
    let second = House::open(config, house.clock.clone()).unwrap();
    let second = Served::start(TestHouse::of(second, house.clock.clone(), ""));
    let first = Served::start(house);
    // the broken one comes first, and takes every job
    let both = || [&first, &second].iter().for_each(|served| tick(&served.house));
    let ready = |served: &Served| served.visitor().get("/readyz").status;
    first.house.at("2026-03-25 08:40:00");
    both();
    assert_eq!((ready(&first), ready(&second)), (200, 200));

    let one = Broken::files_of(&first.house);
    for minute in 41..=50 {
        first.house.at(&format!("2026-03-25 08:{minute}:00"));
        both();
    }
    assert_eq!((ready(&first), ready(&second)), (503, 200));
    assert_eq!(first.house.door().read(|db| store::newest(db, 9)).unwrap(), []);

    let other = Broken::files_of(&second.house);
    for minute in 51..=59 {
        first.house.at(&format!("2026-03-25 08:{minute}:00"));
        both();
    }
    assert_eq!((ready(&first), ready(&second)), (503, 503));
    drop(other);
    both();
    assert_eq!((ready(&first), ready(&second)), (503, 200));
    let outages = first.house.door().read(|db| store::newest(db, 9)).unwrap();
    assert_eq!((outages[0].from, outages[0].to), (at("2026-03-25 08:50"), at("2026-03-25 08:59")));
    assert_eq!(facts(&first.house, &filled).schedule.unwrap().bids_until, at("2026-03-25 11:30"));
    drop(one);
    tick(&first.house);
    assert_eq!(ready(&first), 200);
}

fn a_disk_nearly_full_takes_no_document_and_is_no_outage(engine: Engine) {
    let house = TestHouse::configured(engine, |config| config.disk_reserve_bytes = 1 << 60);
    let staff = crate::project::testing::staff(&house);
    crate::project::testing::draft(&house, &staff, &Shape::default());
    tick(&house);
    assert!(
        house.door().read(store::pulse).unwrap().is_some(),
        "whoever fills the disk moves no deadline by it"
    );
    let served = Served::start(house);
    let mut agent = served.browser(&staff.agent);
    let page = "/announcement/TEST-0001/documents";
    agent.get(page).expect_status(200);
    let refused = agent.post_file(page, "招标文件.pdf", b"%PDF-1.7 words").expect_status(507).text();
    assert!(refused.contains("磁盘空间不足") && refused.contains("不受影响"), "{refused}");
    assert!(!agent.get(page).text().contains("招标文件.pdf"));
}

fn everybody_reads_the_rule_and_what_it_moved(engine: Engine) {
    let day = Day::announced(engine, "away", "3", 0);
    let served = &day.served;
    served.house.at("2026-03-25 08:00:00");
    let mut visitor = served.visitor();
    assert!(visitor.get("/outage").expect_status(200).text().contains("还没有发生过故障"));
    served.house.at("2026-03-25 08:30:00");
    jobs::due(served.house.door()).unwrap();
    assert!(!visitor.get("/outage").text().contains("平台不可用或不能保存投标文件"));
    served.house.at("2026-03-25 09:00:00");
    let lasting = visitor.get("/outage").text();
    assert!(lasting.contains("自 2026-03-25 08:30:00 起，平台不可用"), "{lasting}");
    jobs::due(served.house.door()).unwrap();
    let page = visitor.get("/outage").expect_status(200).text();
    assert!(page.contains("平台 30 分钟不可用") && page.contains("2026-03-25 11:30"), "{page}");
    let tender = visitor.get(&format!("/tender/{NUMBER}")).expect_status(200).text();
    assert!(tender.contains("平台故障，投标截止时间顺延") && tender.contains("2026-03-25 11:30"));
    assert!(visitor.get("/feed.atom").expect_status(200).text().contains("平台故障，投标截止时间顺延"));
    assert!(
        visitor
            .get(&format!("/announcement/{NUMBER}"))
            .expect_status(200)
            .text()
            .contains("2026-03-25 11:30")
    );
    assert!(
        visitor.get(&format!("/opening/{NUMBER}/1")).expect_status(200).text().contains("2026-03-25 11:30")
    );
}

/// Waits until the server answers, and does not only listen.
fn answering(server: &Server) {
    Browser::at(&server.base()).get("/healthz").expect_status(200);
}

#[test]
fn a_server_that_was_away_says_so_before_it_answers_anybody() {
    let house = TestHouse::new(Engine::Sqlite);
    answering(&Server::start(&house));
    let last = house.door().read(store::pulse).unwrap().expect("a pulse at the start");
    leave_pulse(&house, last.plus(-40 * MINUTE));
    answering(&Server::start(&house));
    let outages = house.door().read(|db| store::newest(db, 9)).unwrap();
    assert_eq!(outages.len(), 1);
    assert!(outages[0].to.micros() - outages[0].from.micros() >= 40 * MINUTE);
}
