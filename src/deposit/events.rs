//! What this room tells the log. Entries about one deposit are kept under the sealed id of the deposit, so that until the
//! opening nobody can count a lot's deposits in the log; what happens to a whole lot afterwards is kept under the lot.

use super::records::{Deposit, ImportedNotice, Money, Refund, RefundBatch};
use super::rules::{ForfeitReason, RefundReason, Resolution};
use crate::ledger::Event;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::project::rules::Lot;
use chrono::NaiveDate;
use serde::Serialize;

/// A bidder got an account number for a lot.
#[derive(Serialize)]
pub struct AccountIssued {
    pub deposit: Id<Deposit>,
    pub lot: Id<Lot>,
    pub amount: Fen,
}
impl Event for AccountIssued {
    const KIND: &'static str = "deposit.account_issued";
    const NUMBER: u8 = 50;
}

/// Money was credited to a deposit.
#[derive(Serialize)]
pub struct Credited {
    pub deposit: Id<Deposit>,
    pub lot: Id<Lot>,
    pub amount: Fen,
    /// Whether the deposit is complete with it.
    pub complete: bool,
    pub movement: Id<Money>,
}
impl Event for Credited {
    const KIND: &'static str = "deposit.credited";
    const NUMBER: u8 = 51;
}

/// A bank notice was imported.
#[derive(Serialize)]
pub struct Imported {
    pub notice: Id<ImportedNotice>,
    /// Base64url of the SHA-256 of the file.
    pub sha256: String,
    pub credited: u32,
    pub work_list: u32,
    pub duplicates: u32,
    pub conflicts: u32,
}
impl Event for Imported {
    const KIND: &'static str = "deposit.imported";
    const NUMBER: u8 = 52;
}

/// The treasurer decided about a work-list item.
#[derive(Serialize)]
pub struct Resolved {
    pub movement: Id<Money>,
    pub decision: Resolution,
    pub deposit: Option<Id<Deposit>>,
    pub amount: Fen,
    pub why: String,
}
impl Event for Resolved {
    const KIND: &'static str = "deposit.resolved";
    const NUMBER: u8 = 53;
}

/// Deposits of a lot whose bidding is closed, or one deposit, were frozen.
#[derive(Serialize)]
pub struct Frozen {
    pub lot: Id<Lot>,
    pub deposits: Vec<Id<Deposit>>,
    pub why: String,
}
impl Event for Frozen {
    const KIND: &'static str = "deposit.frozen";
    const NUMBER: u8 = 54;
}

/// Deposits became due back.
#[derive(Serialize)]
pub struct Released {
    pub lot: Id<Lot>,
    pub deposits: Vec<Id<Deposit>>,
    pub reason: RefundReason,
    pub due_on: NaiveDate,
}
impl Event for Released {
    const KIND: &'static str = "deposit.released";
    const NUMBER: u8 = 55;
}

/// A deposit that was due back after a withdrawal is bound to a new bid.
#[derive(Serialize)]
pub struct BoundAgain {
    pub lot: Id<Lot>,
    pub deposit: Id<Deposit>,
}
impl Event for BoundAgain {
    const KIND: &'static str = "deposit.bound_again";
    const NUMBER: u8 = 61;
}

/// A deposit is kept.
#[derive(Serialize)]
pub struct Forfeited {
    pub deposit: Id<Deposit>,
    pub lot: Id<Lot>,
    pub amount: Fen,
    pub reason: ForfeitReason,
    pub why: String,
}
impl Event for Forfeited {
    const KIND: &'static str = "deposit.forfeited";
    const NUMBER: u8 = 56;
}

/// A payment order was written.
#[derive(Serialize)]
pub struct BatchMade {
    pub batch: Id<RefundBatch>,
    pub refunds: Vec<Id<Refund>>,
    pub total: Fen,
    pub execute_on: NaiveDate,
    /// Base64url of the SHA-256 of the message.
    pub sha256: String,
}
impl Event for BatchMade {
    const KIND: &'static str = "deposit.batch_made";
    const NUMBER: u8 = 57;
}

/// The bank paid a refund.
#[derive(Serialize)]
pub struct Refunded {
    pub refund: Id<Refund>,
    pub deposit: Option<Id<Deposit>>,
    pub total: Fen,
}
impl Event for Refunded {
    const KIND: &'static str = "deposit.refunded";
    const NUMBER: u8 = 58;
}

/// The bank could not pay a refund.
#[derive(Serialize)]
pub struct Returned {
    pub refund: Id<Refund>,
    pub why: String,
}
impl Event for Returned {
    const KIND: &'static str = "deposit.returned";
    const NUMBER: u8 = 59;
}

/// The centre's bank account was entered or changed.
#[derive(Serialize)]
pub struct AccountSet {
    pub number: String,
    pub bank_code: String,
    pub range: String,
}
impl Event for AccountSet {
    const KIND: &'static str = "deposit.account_set";
    const NUMBER: u8 = 60;
}
