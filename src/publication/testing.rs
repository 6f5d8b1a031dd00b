//! What later rooms' tests begin with: candidates on display, and a published result, through the real acts.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions;
use super::rules::PassedOver;
use crate::account::testing::{Member, TestHouse};
use crate::evaluation::standing::{ClosedReport, Evaluation};
use crate::ledger::Act;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use crate::project::testing::{Staff, facts};

/// The signed report of a lot.
pub fn report(house: &TestHouse, lot: Id<Lot>) -> (Evaluation, ClosedReport) {
    let vault = house.door().vault().clone();
    house.door().read(|db| actions::signed_report(db, &vault, lot)).unwrap()
}

/// Signs `statement` as `member` and does what `work` says with it.
pub fn signing<T: Send + 'static>(
    house: &TestHouse,
    member: &Member,
    statement: &str,
    work: impl FnOnce(
        &mut Act<'_>,
        &crate::account::authority::Authority,
        &crate::account::who::Who,
        &crate::account::signature::SignedFields,
    ) -> Result<T, Failure>
    + Send
    + 'static,
) -> Result<T, Failure> {
    let (fields, authority, who) = (member.sign(statement), house.authority().clone(), member.who.clone());
    house.act(&member.who, move |act| work(act, &authority, &who, &fields)).map(|done| done.value)
}

/// The agent puts the candidates on display.
pub fn display(house: &TestHouse, staff: &Staff, lot: Id<Lot>) -> Result<(), Failure> {
    let (_, closed) = report(house, lot);
    let statement = actions::candidates_statement(&facts(house, lot), &closed);
    signing(house, &staff.agent, &statement, move |act, authority, who, fields| {
        actions::publish_candidates(act, authority, who, lot, fields)
    })
}

/// The entity awards to a bid.
pub fn award(
    house: &TestHouse,
    staff: &Staff,
    lot: Id<Lot>,
    bid: &str,
    cause: Option<PassedOver>,
) -> Result<(), Failure> {
    let (_, closed) = report(house, lot);
    let words = if cause.is_some() { "书面声明放弃中标" } else { "" };
    let decision = actions::award_statement(&facts(house, lot), &closed, bid, cause, words).unwrap();
    signing(house, &staff.entity, &jcs_text(&decision), move |act, authority, who, fields| {
        actions::decide_award(act, authority, who, lot, fields)
    })
}

/// The agent publishes the result.
pub fn result(house: &TestHouse, staff: &Staff, lot: Id<Lot>) -> Result<(), Failure> {
    let ((known, closed), facts) = (report(house, lot), facts(house, lot));
    let notice = house.door().read(|db| actions::result_notice(db, &facts, &known, &closed))?;
    signing(house, &staff.agent, &jcs_text(&notice), move |act, authority, who, fields| {
        actions::publish_result(act, authority, who, lot, fields)
    })
}

/// The entity records the contract.
pub fn contract(house: &TestHouse, staff: &Staff, lot: Id<Lot>) -> Result<(), Failure> {
    let ((_, closed), facts) = (report(house, lot), facts(house, lot));
    let notice = house.door().read(|db| actions::contract_notice(db, &facts, &closed, "HT-2026-001"))?;
    signing(house, &staff.entity, &jcs_text(&notice), move |act, authority, who, fields| {
        actions::sign_contract(act, authority, who, lot, fields)
    })
}
