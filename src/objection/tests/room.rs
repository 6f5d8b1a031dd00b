//! The room as a whole, on both databases.

use crate::account::testing::{Member, TestHouse, refused};
use crate::evaluation::testing::{Committee, evaluated};
use crate::objection::actions;
use crate::objection::rules::{Outcome, Subject};
use crate::objection::store::{self, Case};
use crate::on_both_databases;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::testing::{Staff, announced_lot, facts, staff};
use crate::publication::testing::{award, display, signing};

on_both_databases! {
    an_objection_suspends_until_it_is_answered
    who_else_objects_is_heard_and_the_lot_waits_for_every_answer
    the_equal_instant_of_the_end_is_late
    who_did_not_bid_has_no_standing_and_strangers_do_not_answer
    who_objects_is_not_public
}

const TEXT: &str = "第一候选人的项目负责人证书已经过期，请复核其资格。";

fn on_display(house: &TestHouse) -> (Staff, Committee) {
    let staff = staff(house);
    let lot = announced_lot(house, &staff);
    let committee = evaluated(house, &staff, lot);
    display(house, &staff, lot).unwrap();
    (staff, committee)
}

fn object(
    house: &TestHouse,
    committee: &Committee,
    member: &Member,
    text: &str,
) -> Result<Id<Case>, Failure> {
    let lot = committee.lot;
    let paper = actions::objection_of(&facts(house, lot), Subject::Result, text);
    signing(house, member, &jcs_text(&paper), move |act, authority, who, fields| {
        actions::file(act, authority, who, lot, Subject::Result, fields)
    })
}

fn reply(house: &TestHouse, member: &Member, case: Id<Case>) -> Result<(), Failure> {
    let paper = actions::answer_of(case, Outcome::Dismissed, "经核查，该证书在投标截止日仍在有效期内。");
    signing(house, member, &jcs_text(&paper), move |act, authority, who, fields| {
        actions::answer(act, authority, who, case, fields)
    })
}

fn an_objection_suspends_until_it_is_answered(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, committee) = on_display(&house);
    let lot = committee.lot;
    house.at("2026-03-26 10:00:00");
    assert_eq!(refused(object(&house, &committee, &committee.bidders[0], "太短")).field, Some("text"));
    let case = object(&house, &committee, &committee.bidders[0], TEXT).unwrap();
    let known = house.door().read(|db| store::case(db, case)).unwrap().unwrap();
    // three days from Thursday end on Sunday, and so on Monday
    assert_eq!(known.answer_due.beijing(), "2026-03-31 00:00:00");
    assert!(facts(&house, lot).hold().is_held());
    house.at("2026-04-01 09:00:00");
    assert_eq!(refused(award(&house, &staff, lot, "b6", None)).key, "project.refusal.on_hold");
    reply(&house, &staff.agent, case).unwrap();
    assert!(!facts(&house, lot).hold().is_held());
    assert_eq!(refused(reply(&house, &staff.agent, case)).key, "objection.refusal.already_answered");
    award(&house, &staff, lot, "b6", None).unwrap();
}

fn who_else_objects_is_heard_and_the_lot_waits_for_every_answer(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, committee) = on_display(&house);
    house.at("2026-03-26 10:00:00");
    let first = object(&house, &committee, &committee.bidders[0], TEXT).unwrap();
    let second = object(&house, &committee, &committee.bidders[1], TEXT).unwrap();
    reply(&house, &staff.agent, first).unwrap();
    assert!(facts(&house, committee.lot).hold().is_held(), "one is still to be answered");
    reply(&house, &staff.agent, second).unwrap();
    assert!(!facts(&house, committee.lot).hold().is_held());
}

fn the_equal_instant_of_the_end_is_late(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, committee) = on_display(&house);
    house.at("2026-03-31 00:00:00");
    let late = object(&house, &committee, &committee.bidders[1], TEXT);
    assert_eq!(refused(late).key, "objection.refusal.too_late");
    house.at("2026-03-30 23:59:59");
    object(&house, &committee, &committee.bidders[1], TEXT).unwrap();
}

fn who_did_not_bid_has_no_standing_and_strangers_do_not_answer(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, committee) = on_display(&house);
    let stranger = house.member(crate::account::role::Role::Bidder, "stranger");
    let none = object(&house, &committee, &stranger, TEXT);
    assert_eq!(refused(none).key, "objection.refusal.no_standing_result");
    let case = object(&house, &committee, &committee.bidders[2], TEXT).unwrap();
    let other = house.member(crate::account::role::Role::Agent, "other");
    assert_eq!(refused(reply(&house, &other, case)).key, "objection.refusal.not_yours");
}

fn who_objects_is_not_public(engine: Engine) {
    let house = TestHouse::new(engine);
    let (_, committee) = on_display(&house);
    let objector = &committee.bidders[3];
    let case = object(&house, &committee, objector, TEXT).unwrap();
    let (door, vault) = (house.door(), house.door().vault().clone());
    let public = format!("{:?}", door.read(|db| store::case(db, case)).unwrap().unwrap());
    assert!(!public.contains(&objector.who.organisation_name));
    let filer = door.read(|db| store::filer(db, &vault, case)).unwrap().unwrap();
    assert_eq!(filer.organisation, objector.who.organisation);
    let own = door.read(|db| store::filed_by(db, &vault, objector.who.organisation)).unwrap();
    assert_eq!(own.len(), 1);
}
