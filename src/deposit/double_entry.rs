//! Double-entry bookkeeping of deposit money: every act posts an entry whose debits and credits are equal to the fen,
//! and nothing is ever changed or removed, only posted back.
//!
//! Amounts are signed: a debit is positive, a credit negative. The sum over all postings is therefore always zero, and
//! the bank's balance always equals what the centre owes to somebody.

use crate::platform::money::Fen;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The accounts of the book.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// 银行存款 Money on the deposit account at the bank (asset).
    Bank,
    /// 待核款项 Money that arrived and belongs to nobody yet: the work list (liability), one part per item.
    Suspense,
    /// 应付保证金 Deposits held (liability), one part per deposit.
    Held,
    /// 应付退款 Refunds ordered from the bank and not yet confirmed (liability), one part per refund.
    Payable,
    /// 不予退还 Deposits that are not given back, owed to the procuring entity (liability).
    Forfeited,
    /// 存款利息 Interest that the bank paid (credit) and that was passed on (debit).
    Interest,
    /// 银行费用 What the bank took: charges, and credits it took back.
    Charges,
}

impl Account {
    /// All accounts, in the order of the trial balance.
    pub const ALL: [Self; 7] = [
        Self::Bank,
        Self::Suspense,
        Self::Held,
        Self::Payable,
        Self::Forfeited,
        Self::Interest,
        Self::Charges,
    ];

    /// The word stored in the database and printed in exports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Suspense => "suspense",
            Self::Held => "held",
            Self::Payable => "payable",
            Self::Forfeited => "forfeited",
            Self::Interest => "interest",
            Self::Charges => "charges",
        }
    }

    /// Reads [`Account::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.code() == code)
    }

    /// Whether the account is kept in parts (one per deposit, item or refund).
    pub const fn has_parts(self) -> bool {
        matches!(self, Self::Suspense | Self::Held | Self::Payable)
    }

    /// Whether a balance of `amount` on one part of this account can be true. Nobody can be owed less than nothing;
    /// an unknown debit is the one thing that leaves a work-list item on the other side.
    pub const fn may_stand_at(self, amount: Fen) -> bool {
        match self {
            Self::Held | Self::Payable | Self::Forfeited => amount.0 <= 0,
            Self::Charges => amount.0 >= 0,
            Self::Bank | Self::Suspense | Self::Interest => true,
        }
    }
}

/// One line of an entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    pub account: Account,
    /// Which deposit, item or refund; empty for accounts without parts.
    pub part: String,
    /// Debit positive, credit negative, never zero.
    pub amount: Fen,
}

/// A balanced entry. Can only be made by [`Entry::new`], so an unbalanced one does not exist.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Entry(Vec<Posting>);

/// Why postings do not make an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unbalanced {
    #[error("an entry needs two to a thousand postings")]
    Count,
    #[error("a posting of zero")]
    Zero,
    #[error("debits and credits differ")]
    Sum,
    #[error("a posting names a part where there is none, or none where there must be one")]
    Part,
}

const POSTINGS_MAX: usize = 1000;

impl Entry {
    /// Checks that `postings` balance.
    pub fn new(postings: Vec<Posting>) -> Result<Self, Unbalanced> {
        if postings.len() < 2 || postings.len() > POSTINGS_MAX {
            return Err(Unbalanced::Count);
        }
        if postings.iter().any(|posting| posting.amount.0 == 0) {
            return Err(Unbalanced::Zero);
        }
        if postings.iter().any(|posting| posting.account.has_parts() == posting.part.is_empty()) {
            return Err(Unbalanced::Part);
        }
        let sum: i128 = postings.iter().map(|posting| i128::from(posting.amount.0)).sum();
        if sum == 0 { Ok(Self(postings)) } else { Err(Unbalanced::Sum) }
    }

    /// `amount` moved from one side to the other: debit `debit`, credit `credit`.
    pub fn of(debit: (Account, &str), credit: (Account, &str), amount: Fen) -> Result<Self, Unbalanced> {
        let posting =
            |(account, part): (Account, &str), amount| Posting { account, part: part.to_string(), amount };
        Self::new(vec![posting(debit, amount), posting(credit, Fen(-amount.0))])
    }

    /// The lines.
    pub fn postings(&self) -> &[Posting] {
        &self.0
    }

    /// The entry that undoes this one.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|posting| Posting { amount: Fen(-posting.amount.0), ..posting.clone() })
                .collect(),
        )
    }
}

/// Balances of every part of every account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Book(BTreeMap<(Account, String), i128>);

/// One line of the trial balance: the debit or credit balance of an account, parts summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrialLine {
    pub account: Account,
    pub debit: Fen,
    pub credit: Fen,
}

/// The trial balance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialBalance {
    pub lines: Vec<TrialLine>,
    pub debit: Fen,
    pub credit: Fen,
    /// Parts that stand where they can not stand: evidence of a fault.
    pub impossible: Vec<(Account, String)>,
}

impl TrialBalance {
    /// Whether the book is in order: both sides equal and every part possible.
    pub fn balances(&self) -> bool {
        self.debit == self.credit && self.impossible.is_empty()
    }
}

impl Book {
    /// Adds one posting, wherever it comes from; [`Book::trial`] tells whether the whole is in order.
    pub fn add(&mut self, posting: &Posting) {
        *self.0.entry((posting.account, posting.part.clone())).or_default() += i128::from(posting.amount.0);
    }

    /// Adds all lines of `entry`.
    pub fn post(&mut self, entry: &Entry) {
        entry.postings().iter().for_each(|posting| self.add(posting));
    }

    /// The balance of one part: debit positive. A sum beyond all money is shown at the end of the range.
    pub fn balance(&self, account: Account, part: &str) -> Fen {
        clamp(self.0.get(&(account, part.to_string())).copied().unwrap_or_default())
    }

    /// The balance of a whole account.
    pub fn total(&self, account: Account) -> Fen {
        clamp(self.0.iter().filter(|((of, _), _)| *of == account).map(|(_, amount)| amount).sum())
    }

    /// The trial balance over all accounts.
    pub fn trial(&self) -> TrialBalance {
        let mut lines = Vec::new();
        let (mut debits, mut credits) = (0i128, 0i128);
        for account in Account::ALL {
            let total: i128 =
                self.0.iter().filter(|((of, _), _)| *of == account).map(|(_, amount)| amount).sum();
            debits += total.max(0);
            credits += (-total).max(0);
            lines.push(TrialLine { account, debit: clamp(total.max(0)), credit: clamp((-total).max(0)) });
        }
        let impossible =
            self.0.iter().filter(|((account, _), amount)| !account.may_stand_at(clamp(**amount)));
        let impossible = impossible.map(|(key, _)| key.clone()).collect();
        TrialBalance { lines, debit: clamp(debits), credit: clamp(credits), impossible }
    }
}

fn clamp(amount: i128) -> Fen {
    Fen(i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX }))
}
