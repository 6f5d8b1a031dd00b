use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::opening::content::Content;
use crate::opening::record::OpeningRecord;
use crate::opening::rules::Outcome;
use crate::opening::testing::{BidBox, bids_in, bids_in_shape};
use crate::opening::{actions, jobs, protocol, store};
use crate::platform::database::testing::Engine;
use crate::platform::digest::sha256;
use crate::platform::refusal::Failure;
use crate::project::phase::{Milestone, Phase};
use crate::project::store as projects;
use crate::project::testing::Shape;
use crate::sealing::context::EnvelopeKind as Kind;
use std::io::Read;

on_both_databases! {
    a_lawful_opening_reads_out_every_price_in_the_order_of_submission
    two_bids_are_not_opened_and_stay_sealed
    the_clock_closes_a_due_box_once
    nothing_opens_before_the_deadline_or_without_quorum
    a_lost_trustee_does_not_stop_the_opening
    thirty_two_trustees_open_by_any_seventeen_of_them
    technical_envelopes_open_first_and_commercial_ones_when_the_evaluation_says_so
    bidders_sign_in_only_after_the_closing_and_only_if_they_have_bid
    a_record_is_published_after_every_answer_and_then_signed_by_who_was_there
}

fn record(house: &TestHouse, filled: &BidBox, kind: Kind) -> OpeningRecord {
    house
        .door()
        .read(|db| {
            let facts = projects::known_lot(db, filled.lot)?;
            protocol::record_of(db, house.door().vault(), &facts, kind)
        })
        .unwrap()
        .expect("a record")
}

fn reached(house: &TestHouse, filled: &BidBox, milestone: Milestone) -> bool {
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    facts.reached(milestone).is_some()
}

fn a_lawful_opening_reads_out_every_price_in_the_order_of_submission(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9500000.00", "9300000.00", "9800000.50"]).opened(&house);
    let record = record(&house, &filled, Kind::Single);
    let prices: Vec<&str> = record.read_out.iter().map(|line| line.form["price"].as_str()).collect();
    assert_eq!(prices, ["9500000.00", "9300000.00", "9800000.50"]);
    let names: Vec<&str> = record.read_out.iter().map(|line| line.bidder.as_str()).collect();
    let expected: Vec<&str> = filled.bidders.iter().map(|b| b.who.organisation_name.as_str()).collect();
    assert_eq!(names, expected);
    assert_eq!((record.bidders, record.trustees.len()), (3, 3));
    assert!(record.trustees[2].release.is_none() && record.trustees.iter().all(|line| line.wrong.is_empty()));
    assert!(reached(&house, &filled, Milestone::Opened));
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    assert_eq!(facts.phase(house.door().now()), Phase::Evaluation);
    // every file is read from the ciphertext that was uploaded: no plaintext lies anywhere
    let (door, vault) = (house.door(), house.door().vault());
    let bids = door.read(|db| store::opened_bids(db, filled.lot, Kind::Single)).unwrap();
    assert_eq!(bids.len(), 3);
    for bid in &bids {
        let content = door.read(|db| Content::of(db, vault, filled.lot, Kind::Single, bid)).unwrap().unwrap();
        let mut text = String::new();
        content.read(door.files(), 0).unwrap().read_to_string(&mut text).unwrap();
        assert!(text.starts_with("投标报价 "));
        assert!(content.read(door.files(), 1).is_err(), "there is one file");
    }
    // the session key is gone; the shares lie in the vault for the evidence
    let key = house
        .door()
        .read(|db| store::session_key(db, house.door().vault(), filled.lot, Kind::Single))
        .unwrap();
    assert!(key.is_none());
    let shares =
        house.door().read(|db| store::shares(db, house.door().vault(), filled.lot, Kind::Single)).unwrap();
    let shares: crate::verify::opening_check::SharesDoc =
        crate::platform::canonical::from_jcs(&shares.unwrap()).unwrap();
    assert_eq!(shares.bids.len(), 3);
}

fn thirty_two_trustees_open_by_any_seventeen_of_them(engine: Engine) {
    let house = TestHouse::new(engine);
    let shape = Shape { custody: (17, 32), ..Shape::default() };
    let filled = bids_in_shape(&house, &shape, &["9500000.00", "9300000.00", "9800000.50"]);
    filled.close(&house);
    let last: Vec<u8> = (16..=31).collect();
    filled.release(&house, Kind::Single, &last);
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.quorum");
    filled.release(&house, Kind::Single, &[32]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    assert_eq!(record.read_out.iter().filter(|line| line.not_opened.is_none()).count(), 3);
    assert_eq!((record.trustees.len(), record.read_out[0].form["price"].as_str()), (32, "9500000.00"));
}

fn two_bids_are_not_opened_and_stay_sealed(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9500000.00", "9300000.00"]);
    let treasurer = crate::deposit::testing::treasury(&house);
    let paid = crate::deposit::testing::paid(&house, &treasurer.who, &filled.bidders[0].who, filled.lot);
    assert_eq!(filled.close(&house), Outcome::TooFew);
    let paid = crate::deposit::testing::again(&house, &paid);
    assert_eq!(paid.refund_reason, Some(crate::deposit::rules::RefundReason::TooFewBids), "deposits go back");
    assert_eq!(paid.refund_due_on.unwrap().to_string(), "2026-03-30");
    assert!(reached(&house, &filled, Milestone::NotOpened));
    let closing = house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    assert_eq!(closing.bidders, 2);
    assert!(house.door().read(|db| store::sitting(db, filled.lot, Kind::Single)).unwrap().is_none());
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.not_closed");
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    assert_eq!(facts.phase(house.door().now()), Phase::Unsuccessful);
}

fn the_clock_closes_a_due_box_once(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    jobs::due(house.door()).unwrap();
    assert!(house.door().read(|db| store::closing(db, filled.lot)).unwrap().is_none(), "a minute too early");
    house.at("2026-03-25 09:30:00");
    jobs::due(house.door()).unwrap();
    let first = house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    house.at("2026-03-25 09:31:00");
    jobs::due(house.door()).unwrap();
    assert_eq!(house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap(), first);
    let set = house.door().read(|db| store::sitting(db, filled.lot, Kind::Single)).unwrap().unwrap().bid_set;
    assert!(set.bids.len() == 3 && set.bids.iter().all(|bid| bid.leaf.0 < first.size));
}

fn nothing_opens_before_the_deadline_or_without_quorum(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let (who, lot) = (filled.staff.agent.who.clone(), filled.lot);
    let early = house.act(&filled.staff.agent.who, move |act| actions::close(act, Some(&who), lot));
    assert_eq!(refused(early).key, "opening.refusal.too_early");
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.not_closed");
    filled.close(&house);
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.quorum");
    filled.release(&house, Kind::Single, &[2]);
    let one = refused(filled.open(&house, Kind::Single, true));
    assert_eq!(one.key, "opening.refusal.quorum", "no declaration replaces the quorum");
    let again = filled.hand_in(&house, Kind::Single, &filled.made(&house, Kind::Single, 2));
    assert_eq!(refused(again).key, "opening.refusal.already_released");
    filled.release(&house, Kind::Single, &[3]);
    filled.open(&house, Kind::Single, false).unwrap();
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.already_opened");
}

fn a_lost_trustee_does_not_stop_the_opening(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    filled.release(&house, Kind::Single, &[2, 3]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    assert!(record.read_out.iter().all(|line| line.not_opened.is_none()));
    assert!(record.trustees[0].release.is_none());
}

fn technical_envelopes_open_first_and_commercial_ones_when_the_evaluation_says_so(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in_shape(&house, &Shape::procurement(), &["1.00", "2.00", "3.00"]);
    let lot = filled.lot;
    let start = || house.act(&filled.staff.agent.who, move |act| actions::start_second(act, lot));
    filled.close(&house);
    assert_eq!(refused(start()).key, "opening.refusal.not_opened");
    filled.release(&house, Kind::Technical, &[1, 2]);
    filled.open(&house, Kind::Technical, false).unwrap();
    let technical = record(&house, &filled, Kind::Technical);
    assert!(
        technical.read_out.iter().all(|line| !line.form.contains_key("price") && line.not_opened.is_none())
    );
    assert_eq!(refused(filled.open(&house, Kind::Commercial, false)).key, "opening.refusal.not_closed");
    start().unwrap();
    filled.release(&house, Kind::Commercial, &[1, 3]);
    filled.open(&house, Kind::Commercial, false).unwrap();
    let commercial = record(&house, &filled, Kind::Commercial);
    assert_eq!(commercial.read_out[1].form["price"], "2.00");
    assert!(reached(&house, &filled, Milestone::SecondOpened));
}

fn sign_in(house: &TestHouse, filled: &BidBox, member: &Member) -> Result<(), Failure> {
    let (who, lot) = (member.who.clone(), filled.lot);
    house.act(&member.who, move |act| actions::sign_in(act, &who, lot)).map(|_| ())
}

fn bidders_sign_in_only_after_the_closing_and_only_if_they_have_bid(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let stranger = house.member(Role::Bidder, "stranger");
    assert_eq!(refused(sign_in(&house, &filled, &filled.bidders[0])).key, "opening.refusal.not_closed");
    filled.close(&house);
    sign_in(&house, &filled, &filled.bidders[0]).unwrap();
    sign_in(&house, &filled, &filled.staff.supervisor).unwrap();
    assert_eq!(
        refused(sign_in(&house, &filled, &filled.bidders[0])).key,
        "opening.refusal.already_signed_in"
    );
    assert_eq!(refused(sign_in(&house, &filled, &stranger)).key, "opening.refusal.not_a_bidder");
    let arrivals = house.door().read(|db| store::arrivals(db, filled.lot)).unwrap();
    assert_eq!(arrivals.len(), 2);
}

fn a_record_is_published_after_every_answer_and_then_signed_by_who_was_there(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    sign_in(&house, &filled, &filled.bidders[0]).unwrap();
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let (lot, bidder) = (filled.lot, filled.bidders[0].who.clone());
    let object = |who: crate::account::who::Who| {
        house.act(&who.clone(), move |act| actions::object(act, &who, lot, "第二名的报价没有按表填写"))
    };
    let id = object(bidder).unwrap().value;
    let publish = |statement: &str| {
        let agent = &filled.staff.agent;
        let (fields, authority, who) = (agent.sign(statement), house.authority().clone(), agent.who.clone());
        house.act(&agent.who, move |act| protocol::publish(act, &authority, &who, lot, Kind::Single, &fields))
    };
    let early = record(&house, &filled, Kind::Single).statement();
    assert_eq!(refused(publish(&early)).key, "opening.refusal.unanswered");
    let agent = filled.staff.agent.who.clone();
    house
        .act(&filled.staff.agent.who, move |act| actions::answer(act, &agent, lot, id, "已核对，按表填写。"))
        .unwrap();
    assert_eq!(refused(publish(&early)).key, "account.refusal.statement_changed");
    let shown = record(&house, &filled, Kind::Single);
    publish(&shown.statement()).unwrap();
    assert_eq!(refused(publish(&shown.statement())).key, "opening.refusal.published");
    assert_eq!(refused(object(filled.bidders[1].who.clone())).key, "opening.refusal.published");
    let sign = |member: &Member| {
        let (fields, authority, who) =
            (member.sign(&shown.statement()), house.authority().clone(), member.who.clone());
        house.act(&member.who, move |act| protocol::sign(act, &authority, &who, lot, Kind::Single, &fields))
    };
    sign(&filled.bidders[0]).unwrap();
    assert_eq!(refused(sign(&filled.bidders[0])).key, "opening.refusal.already_signed");
    assert_eq!(refused(sign(&filled.bidders[1])).key, "opening.refusal.not_present");
    let kept = house.door().read(|db| store::record(db, lot, Kind::Single)).unwrap().unwrap().0;
    assert_eq!(kept, shown);
    assert_eq!(kept.hash(), sha256(&[&crate::platform::canonical::jcs(&shown)]));
    let signatures = house.door().read(|db| store::signatures(db, lot, Kind::Single)).unwrap();
    assert_eq!(signatures.len(), 2);
    for row in signatures {
        crate::account::signature::check_kept(house.authority(), &row.signed).unwrap();
    }
}
