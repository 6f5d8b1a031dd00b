//! What this room remembers, as values. Everything here is stored sealed: a reader of the database sees random ids,
//! keyed tags and ciphertext of a few fixed lengths, so it tells neither who deposits for which lot nor how many do.

use super::bank_notice::{Direction, Movement, Trouble};
use super::double_entry::{Account, Posting};
use super::matching::Reason;
use super::pain001::BankAccount;
use super::rules::{ForfeitReason, RefundReason, Resolution, State};
use super::virtual_account::VirtualAccount;
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::project::rules::{Lot, Tender};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Marker for the id of a deposit.
pub enum Deposit {}
/// Marker for the id of a movement, which names a work-list item too.
pub enum Money {}
/// Marker for the id of a refund.
pub enum Refund {}
/// Marker for the id of a batch of refunds.
pub enum RefundBatch {}
/// Marker for the id of an imported notice.
pub enum ImportedNotice {}

/// A bank account as an organisation declares it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    pub holder: String,
    pub number: String,
    /// CNAPS number, 12 digits.
    pub bank_code: String,
    pub bank_name: String,
}

impl Declared {
    /// The same account as a payment order names it.
    pub fn for_payment(&self) -> BankAccount {
        let bank_name = Some(self.bank_name.clone()).filter(|name| !name.is_empty());
        let (holder, number) = (self.holder.clone(), self.number.clone());
        BankAccount { holder, number, bank_code: self.bank_code.clone(), bank_name }
    }
}

/// The centre's deposit account at its bank (保证金专用账户).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreAccount {
    pub account: Declared,
    /// First six digits of all virtual account numbers.
    pub range: String,
}

/// A deposit of one bidder for one lot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    pub id: Id<Deposit>,
    pub tender: Id<Tender>,
    pub lot: Id<Lot>,
    pub bidder: Id<Organisation>,
    pub bidder_name: String,
    pub account: VirtualAccount,
    /// The account that the bidder pays from and is paid back to.
    pub declared: Declared,
    pub amount: Fen,
    pub held: Fen,
    /// All that was ever credited to it; stays when the money goes back.
    pub credited: Fen,
    pub state: State,
    pub asked_at: Moment,
    /// When the last of the money was credited.
    pub paid_on: Option<NaiveDate>,
    /// Accounts that money came from, for the comparison of payers.
    pub paid_from: Vec<String>,
    pub refund_reason: Option<RefundReason>,
    pub refund_due_on: Option<NaiveDate>,
    pub forfeit_reason: Option<ForfeitReason>,
    /// What the treasurer wrote at a freeze or when the deposit was kept.
    pub note: Option<String>,
}

impl Demand {
    /// What is still owed.
    pub fn outstanding(&self) -> Fen {
        self.amount.checked_sub(self.held).unwrap_or_default()
    }
}

/// What became of a movement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It paid this deposit at once.
    Credited(Id<Deposit>),
    /// It is the bank's report of this refund.
    Confirmed(Id<Refund>),
    /// It waits in the work list.
    Waiting(Vec<Reason>),
    /// The treasurer decided.
    Resolved {
        reasons: Vec<Reason>,
        decision: Resolution,
        deposit: Option<Id<Deposit>>,
        why: String,
        by: String,
        at: Moment,
    },
}

/// A movement of the bank that was posted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posted {
    pub id: Id<Money>,
    pub movement: Movement,
    pub notice: Id<ImportedNotice>,
    pub imported_at: Moment,
    pub outcome: Outcome,
}

impl Posted {
    /// Whether it waits in the work list.
    pub fn waits(&self) -> bool {
        matches!(self.outcome, Outcome::Waiting(_))
    }

    /// The amount as the work list owes it: money in is owed to somebody.
    pub fn is_in(&self) -> bool {
        self.movement.direction == Direction::In
    }
}

/// Where a refund stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    Due,
    Instructed,
    Paid,
}

/// What a refund gives back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOf {
    Deposit(Id<Deposit>),
    Money(Id<Money>),
}

/// A refund to one receiver.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundRecord {
    pub id: Id<Refund>,
    pub of: RefundOf,
    pub to: Declared,
    /// Without interest.
    pub principal: Fen,
    pub interest: Fen,
    pub due_on: NaiveDate,
    pub state: RefundState,
    pub batch: Option<Id<RefundBatch>>,
    pub paid_on: Option<NaiveDate>,
    /// The bank's movement that confirmed it.
    pub confirmed_by: Option<Id<Money>>,
    /// Why the bank sent it back, if it did.
    pub returned: Option<String>,
}

impl RefundRecord {
    /// What the receiver gets; a sum beyond all money is refused when the batch is written.
    pub fn total(&self) -> Fen {
        self.principal.checked_add(self.interest).unwrap_or(Fen(i64::MAX))
    }
}

/// A payment order that was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchRecord {
    pub id: Id<RefundBatch>,
    pub made_at: Moment,
    pub execute_on: NaiveDate,
    pub refunds: Vec<Id<Refund>>,
    pub total: Fen,
    /// The message, byte for byte as it is downloaded.
    pub xml: String,
}

/// What an import did, kept for the treasurer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRecord {
    pub id: Id<ImportedNotice>,
    pub file_name: String,
    /// Base64url of the SHA-256 of the file.
    pub sha256: String,
    pub at: Moment,
    pub by: String,
    pub credited: u32,
    pub confirmed: u32,
    pub work_list: u32,
    pub duplicates: u32,
    /// References that came again with another content: only the bank can explain them.
    pub conflicts: Vec<String>,
    /// Pending or informational entries: (reference, status).
    pub not_booked: Vec<(String, String)>,
    /// Lines that could not be read: (line, reason).
    pub bad_lines: Vec<(u64, Trouble)>,
}

/// A posting as it stands in the journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalLine {
    pub posting: Posting,
    pub at: Moment,
    /// Which act posted it.
    pub cause: String,
}

/// Totals of all accounts, debit positive: kept so that an act can check the whole book without reading it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Totals(pub BTreeMap<String, Fen>);

impl Totals {
    /// Adds a posting; `None` if the sum leaves the range of money.
    pub fn add(&mut self, posting: &Posting) -> Option<()> {
        let total = self.0.entry(posting.account.code().to_string()).or_default();
        *total = total.checked_add(posting.amount)?;
        Some(())
    }

    /// Whether debits equal credits and no account that must be on one side is on the other.
    pub fn balance(&self) -> bool {
        let sum: i128 = self.0.values().map(|total| i128::from(total.0)).sum();
        let known = |code: &str| Account::from_code(code);
        sum == 0
            && self
                .0
                .iter()
                .all(|(code, total)| known(code).is_some_and(|account| account.may_stand_at(*total)))
    }
}
