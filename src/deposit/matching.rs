//! Which deposit does this money belong to? The virtual account answers, and nothing else: names, amounts and remarks
//! only confirm. Whatever is not entirely right goes to the work list with every reason, for a treasurer to decide.

use super::bank_notice::{Arrival, Direction, Movement};
use super::virtual_account::{BankRange, VirtualAccount};
use crate::platform::moment::Deadline;
use crate::platform::money::Fen;
use serde::{Deserialize, Serialize};

/// Why money went to the work list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The number lies in our range but its check digits are wrong: mistyped.
    CheckDigits,
    /// The number is not a virtual account of ours, or one that was never given out.
    UnknownAccount,
    /// The deposit is paid already, or closed.
    NotAwaited,
    /// The notice does not name the payer completely, so that he can not be compared.
    PayerUnknown,
    /// The payer's name is not the bidder's.
    WrongPayer,
    /// The bidder's name, but not the account that the bidder declared (the basic account).
    OtherAccount,
    /// Booked at or after the deadline.
    Late,
    /// Booked on the day of the deadline, and the notice does not tell the time; or it tells nothing.
    TimeUncertain,
    /// Less than what is still owed.
    Underpaid,
    /// More than what is still owed.
    Overpaid,
    /// Money left the account and no refund of ours explains it.
    UnknownDebit,
}

impl Reason {
    pub const ALL: [Self; 11] = [
        Self::CheckDigits,
        Self::UnknownAccount,
        Self::NotAwaited,
        Self::PayerUnknown,
        Self::WrongPayer,
        Self::OtherAccount,
        Self::Late,
        Self::TimeUncertain,
        Self::Underpaid,
        Self::Overpaid,
        Self::UnknownDebit,
    ];

    /// The word used in storage, exports and locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CheckDigits => "check_digits",
            Self::UnknownAccount => "unknown_account",
            Self::NotAwaited => "not_awaited",
            Self::PayerUnknown => "payer_unknown",
            Self::WrongPayer => "wrong_payer",
            Self::OtherAccount => "other_account",
            Self::Late => "late",
            Self::TimeUncertain => "time_uncertain",
            Self::Underpaid => "underpaid",
            Self::Overpaid => "overpaid",
            Self::UnknownDebit => "unknown_debit",
        }
    }
}

/// What is known about the deposit behind a virtual account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Whether the deposit still waits for money.
    pub awaited: bool,
    /// What is still owed: demanded minus held.
    pub outstanding: Fen,
    pub deadline: Deadline,
    pub bidder_name: String,
    /// The account that the bidder declared to pay from.
    pub bidder_account: String,
}

/// What an incoming movement turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// It pays the deposit completely: credit it.
    Pays,
    /// A person must look at it.
    WorkList(Vec<Reason>),
}

/// Judges `movement` against what is expected on the account that it was paid to (`None`: no such account).
pub fn judge(movement: &Movement, expected: Option<&Expected>, range: &BankRange) -> Finding {
    if movement.direction == Direction::Out {
        return Finding::WorkList(vec![Reason::UnknownDebit]);
    }
    let Some(expected) = expected else {
        let ours = range.holds(&movement.paid_to) && VirtualAccount::parse(&movement.paid_to).is_none();
        return Finding::WorkList(vec![if ours { Reason::CheckDigits } else { Reason::UnknownAccount }]);
    };
    let mut reasons = Vec::new();
    if expected.awaited {
        reasons.extend(amount_against(movement.amount, expected.outstanding));
        reasons.extend(time_against(movement.arrival, expected.deadline));
    } else {
        reasons.push(Reason::NotAwaited);
    }
    reasons.extend(payer_against(movement, expected));
    reasons.sort_unstable();
    if reasons.is_empty() { Finding::Pays } else { Finding::WorkList(reasons) }
}

/// Whether money that arrived at `arrival` was in time. The equal instant is late.
pub fn time_against(arrival: Arrival, deadline: Deadline) -> Option<Reason> {
    match arrival {
        Arrival::At(at) => (!deadline.is_open(at)).then_some(Reason::Late),
        Arrival::On(date) => match date.cmp(&deadline.0.beijing_date()) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(Reason::TimeUncertain),
            std::cmp::Ordering::Greater => Some(Reason::Late),
        },
        Arrival::Unknown => Some(Reason::TimeUncertain),
    }
}

fn amount_against(amount: Fen, outstanding: Fen) -> Option<Reason> {
    match amount.cmp(&outstanding) {
        std::cmp::Ordering::Less => Some(Reason::Underpaid),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Reason::Overpaid),
    }
}

fn payer_against(movement: &Movement, expected: &Expected) -> Option<Reason> {
    let payer = &movement.payer;
    match (&payer.name, &payer.account) {
        (Some(name), _) if !same_name(name, &expected.bidder_name) => Some(Reason::WrongPayer),
        (Some(_), Some(account)) if !same_account(account, &expected.bidder_account) => {
            Some(Reason::OtherAccount)
        }
        (Some(_), Some(_)) => None,
        _ => Some(Reason::PayerUnknown),
    }
}

/// Whether two names are the same when written alike: blanks do not count, full-width letters, digits and brackets
/// equal half-width ones, case does not count. Nothing is abbreviated or guessed.
pub fn same_name(one: &str, other: &str) -> bool {
    let one = written_alike(one);
    !one.is_empty() && one == written_alike(other)
}

/// Whether a movement that comes again under the same reference is the same money: direction, amount and destination as
/// before, and no other payer's account. What one of the two notices leaves out is no difference, for banks complete
/// their notices later.
pub fn same_money(known: &Movement, again: &Movement) -> bool {
    let named =
        |movement: &Movement| movement.payer.account.clone().filter(|number| !number.trim().is_empty());
    let payer = match (named(known), named(again)) {
        (Some(one), Some(other)) => same_account(&one, &other),
        _ => true,
    };
    payer && known.fingerprint() == again.fingerprint()
}

/// Whether two account numbers are the same, blanks and hyphens aside.
pub fn same_account(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>();
    let one = digits(one);
    !one.is_empty() && one == digits(other)
}

fn written_alike(name: &str) -> String {
    let half = |c: char| match u32::from(c) {
        // the full-width forms of ASCII lie at a fixed distance
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(c),
        _ => c,
    };
    name.chars().filter(|c| !c.is_whitespace()).map(half).flat_map(char::to_lowercase).collect()
}
