//! What an evaluation enters in the log. Numbers 150 to 169.

use super::committee::Seat;
use super::ruled_out::NoPrice;
use super::standing::{Decision, Opinion};
use crate::ledger::Event;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::project::rules::Lot;
use serde::Serialize;
use std::collections::BTreeMap;

/// The committee was formed and the facts from the opening were fixed.
#[derive(Serialize)]
pub(super) struct Convened<'a> {
    pub lot: Id<Lot>,
    /// SHA-256 of the facts that the evaluation works on, base64url.
    pub opened: String,
    pub method: String,
    pub seats: Vec<&'a Seat>,
}

impl Event for Convened<'_> {
    const KIND: &'static str = "evaluation.convened";
    const NUMBER: u8 = 150;
}

/// A member declared that nothing calls for avoidance, or stepped down.
#[derive(Serialize)]
pub(super) struct Declared<'a> {
    pub lot: Id<Lot>,
    pub member: &'a str,
    pub conflict: Conflict,
}

impl Event for Declared<'_> {
    const KIND: &'static str = "evaluation.declared";
    const NUMBER: u8 = 151;
}

/// A seat was filled again.
#[derive(Serialize)]
pub(super) struct SeatFilled<'a> {
    pub lot: Id<Lot>,
    pub left: &'a str,
    pub member: &'a str,
}

impl Event for SeatFilled<'_> {
    const KIND: &'static str = "evaluation.seat_filled";
    const NUMBER: u8 = 152;
}

/// A member signed a review or a score sheet.
#[derive(Serialize)]
pub(super) struct PaperSigned<'a> {
    pub lot: Id<Lot>,
    pub member: &'a str,
    pub paper: &'static str,
    /// SHA-256 of the signed statement, base64url.
    pub statement: String,
}

impl Event for PaperSigned<'_> {
    const KIND: &'static str = "evaluation.paper_signed";
    const NUMBER: u8 = 153;
}

/// A member took a signed score sheet back.
#[derive(Serialize)]
pub(super) struct SheetRecalled<'a> {
    pub lot: Id<Lot>,
    pub member: &'a str,
    pub reason: &'a str,
}

impl Event for SheetRecalled<'_> {
    const KIND: &'static str = "evaluation.sheet_recalled";
    const NUMBER: u8 = 158;
}

/// The committee decided something between review and report.
#[derive(Serialize)]
pub(super) struct Decided<'a> {
    pub lot: Id<Lot>,
    pub decision: &'a Decision,
}

impl Event for Decided<'_> {
    const KIND: &'static str = "evaluation.decided";
    const NUMBER: u8 = 154;
}

/// Prices of the second envelope were taken over from the opening.
#[derive(Serialize)]
pub(super) struct PricesTaken<'a> {
    pub lot: Id<Lot>,
    pub prices: &'a BTreeMap<String, Fen>,
    /// Bids without a price, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub without: &'a BTreeMap<String, NoPrice>,
}

impl Event for PricesTaken<'_> {
    const KIND: &'static str = "evaluation.prices_taken";
    const NUMBER: u8 = 155;
}

/// The leader closed the evaluation: this report is what the members sign.
#[derive(Serialize)]
pub(super) struct Closed<'a> {
    pub lot: Id<Lot>,
    pub report: &'a str,
}

impl Event for Closed<'_> {
    const KIND: &'static str = "evaluation.closed";
    const NUMBER: u8 = 156;
}

/// A member spoke on the report.
#[derive(Serialize)]
pub(super) struct Spoke<'a> {
    pub lot: Id<Lot>,
    pub member: &'a str,
    pub opinion: Opinion,
    pub report: &'a str,
    /// SHA-256 of the signed statement, base64url; absent for an opinion that nobody signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

impl Event for Spoke<'_> {
    const KIND: &'static str = "evaluation.spoke";
    const NUMBER: u8 = 157;
}

/// Whether something calls for avoidance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    None,
    Some,
}
