//! Deposits: states, what may follow what, the cap, interest, and the refusals of this room. Pure.

use super::bank_notice::{Direction, Movement, Trouble};
use super::double_entry::{Account, Entry, Unbalanced};
use super::matching::{self, Reason};
use crate::platform::moment::{Deadline, Moment};
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;
use crate::project::schedule::Schedule;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// 保证金状态 Where a deposit stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// 待缴 An account number was given out; the money is not there, or not all of it.
    Demanded,
    /// 已缴 The whole amount is held.
    Paid,
    /// 已冻结 Bound to a bid that is being opened or judged, or stopped by the treasurer.
    Frozen,
    /// 待退 To be given back by a date.
    RefundDue,
    /// 退款中 Ordered from the bank, not yet confirmed.
    Instructed,
    /// 已退 Given back.
    Refunded,
    /// 不予退还 Kept, for a reason that the law knows.
    Forfeited,
}

/// What happens to a deposit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The last of the money was credited.
    Complete,
    /// The bid becomes binding at the deadline, or the treasurer stops a refund.
    Freeze,
    /// A refund becomes due.
    Release,
    /// The refund goes to the bank in a batch.
    Instruct,
    /// The bank says that it paid.
    Confirm,
    /// The bank says that it could not pay.
    Return,
    /// The deposit is kept.
    Forfeit,
    /// Whoever withdrew hands in a bid again before the refund was ordered.
    BidAgain,
    /// Whoever withdrew and was paid back asks for a number again.
    AskAgain,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Demanded,
        Self::Paid,
        Self::Frozen,
        Self::RefundDue,
        Self::Instructed,
        Self::Refunded,
        Self::Forfeited,
    ];

    /// The word stored in the database and used in locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Demanded => "demanded",
            Self::Paid => "paid",
            Self::Frozen => "frozen",
            Self::RefundDue => "refund_due",
            Self::Instructed => "instructed",
            Self::Refunded => "refunded",
            Self::Forfeited => "forfeited",
        }
    }

    /// Reads [`State::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether the money counts for the bid: all of it came, and it was neither given back nor kept.
    pub const fn is_secured(self) -> bool {
        matches!(self, Self::Paid | Self::Frozen)
    }

    /// Whether nothing more can happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Refunded | Self::Forfeited)
    }

    /// The state after `step`, or the refusal. `held` tells whether any money is held: an unpaid demand has nothing
    /// to release.
    pub fn after(self, step: Step, held: Fen) -> Result<Self, Refusal> {
        match (self, step) {
            (Self::Demanded, Step::Complete) => Ok(Self::Paid),
            (Self::Demanded, Step::Release) if held > Fen(0) => Ok(Self::RefundDue),
            (Self::Paid | Self::RefundDue, Step::Freeze) => Ok(Self::Frozen),
            (Self::Paid | Self::Frozen, Step::Release) => Ok(Self::RefundDue),
            (Self::Frozen, Step::Forfeit) => Ok(Self::Forfeited),
            (Self::RefundDue, Step::Instruct) => Ok(Self::Instructed),
            (Self::Instructed, Step::Confirm) => Ok(Self::Refunded),
            (Self::Instructed, Step::Return) => Ok(Self::RefundDue),
            (Self::RefundDue, Step::BidAgain) => Ok(Self::Paid),
            (Self::Refunded, Step::AskAgain) => Ok(Self::Demanded),
            _ => Err(Refusal::NotInThisState { state: self }),
        }
    }
}

/// 退还事由 Why a deposit goes back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// 投标截止前撤回 The bid was withdrawn before the deadline.
    Withdrawn,
    /// 未投标 The money came but no bid did, or the money was not complete.
    NoBid,
    /// 投标人不足三个 Fewer bidders than the law needs: not opened.
    TooFewBids,
    /// 招标终止 The tender was ended.
    Terminated,
    /// 未中标 Another won.
    NotAwarded,
    /// 合同已签订 The winner signed the contract.
    ContractSigned,
}

impl RefundReason {
    pub const ALL: [Self; 6] = [
        Self::Withdrawn,
        Self::NoBid,
        Self::TooFewBids,
        Self::Terminated,
        Self::NotAwarded,
        Self::ContractSigned,
    ];

    /// The word stored in the database and used in locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::NoBid => "no_bid",
            Self::TooFewBids => "too_few_bids",
            Self::Terminated => "terminated",
            Self::NotAwarded => "not_awarded",
            Self::ContractSigned => "contract_signed",
        }
    }

    /// Reads [`RefundReason::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// 不予退还事由 Why a deposit is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForfeitReason {
    /// 截止后撤销投标 The bid was revoked after the deadline (招标投标法实施条例 第三十五条).
    RevokedAfterDeadline,
    /// 拒签合同 The winner refused the contract or set conditions (同 第七十四条).
    ContractRefused,
    /// 未交履约保证金 The winner gave no performance bond (同 第七十四条).
    NoPerformanceBond,
    /// 串通或弄虚作假 Collusion or false material, found by the authority.
    CollusionOrFalsehood,
}

impl ForfeitReason {
    pub const ALL: [Self; 4] = [
        Self::RevokedAfterDeadline,
        Self::ContractRefused,
        Self::NoPerformanceBond,
        Self::CollusionOrFalsehood,
    ];

    /// The word stored in the database and used in locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RevokedAfterDeadline => "revoked_after_deadline",
            Self::ContractRefused => "contract_refused",
            Self::NoPerformanceBond => "no_performance_bond",
            Self::CollusionOrFalsehood => "collusion_or_falsehood",
        }
    }

    /// Reads [`ForfeitReason::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// What the treasurer decides about a work-list item.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It belongs to this deposit after all.
    Assign,
    /// It goes back to whoever sent it.
    SendBack,
    /// It is the bank's interest on the account.
    Interest,
    /// The bank took it: charges, or a credit that the bank took back.
    Charge,
}

impl Resolution {
    pub const ALL: [Self; 4] = [Self::Assign, Self::SendBack, Self::Interest, Self::Charge];

    /// The word stored in the database and used in forms.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::SendBack => "send_back",
            Self::Interest => "interest",
            Self::Charge => "charge",
        }
    }

    /// Reads [`Resolution::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.code() == code)
    }
}

/// How money of a work-list item is divided when it is assigned: what the deposit takes, and what goes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Division {
    pub to_deposit: Fen,
    pub back: Fen,
    /// Whether the deposit is complete with it.
    pub completes: bool,
}

/// Divides `movement` for a deposit that still lacks `outstanding` and had to be paid before `deadline`. Money that the
/// bank booked late can not become a deposit whatever anybody decides (政府采购法实施条例 第三十三条: 未按规定提交的，投标无效).
pub fn assign(movement: &Movement, outstanding: Fen, deadline: Deadline) -> Result<Division, Refusal> {
    if movement.direction == Direction::Out {
        return Err(Refusal::ResolutionDoesNotFit);
    }
    if matching::time_against(movement.arrival, deadline) == Some(Reason::Late) {
        return Err(Refusal::LateMoneyCanNotBeAssigned);
    }
    if outstanding <= Fen(0) {
        return Err(Refusal::NothingOutstanding);
    }
    let to_deposit = movement.amount.min(outstanding);
    let back = movement.amount.checked_sub(to_deposit).unwrap_or_default();
    Ok(Division { to_deposit, back, completes: to_deposit == outstanding })
}

/// 上限 Checks a demanded deposit against the cap of the rulebook, whose article is named in the refusal.
pub fn check_demand(amount: Fen, cap: Fen, article: &str) -> Result<(), Refusal> {
    if amount <= Fen(0) {
        return Err(Refusal::AmountNotPositive);
    }
    if amount > cap {
        return Err(Refusal::AboveCap { amount, cap, article: article.to_string() });
    }
    Ok(())
}

/// Simple interest on `principal` for `days` at `percent_a_year`, rounded half up to the fen. The day base (360 or 365)
/// is data: sources differ and the amounts do too.
pub fn interest(principal: Fen, days: u32, percent_a_year: Decimal, day_base: u32) -> Option<Fen> {
    let product = principal.yuan().checked_mul(percent_a_year)?.checked_mul(Decimal::from(days))?;
    let exact = product.checked_div(Decimal::from(day_base).checked_mul(Decimal::ONE_HUNDRED)?)?;
    Fen::from_yuan(exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// 同一账户缴款 Which of `payers` (bidder, account paid from) share an account: one account that pays for two bidders of a
/// lot is deemed collusion (招标投标法实施条例 第四十条第六项). Each group lists the places of its members in `payers`.
pub fn same_payer<B: PartialEq>(payers: &[(B, String)]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (place, (bidder, account)) in payers.iter().enumerate() {
        let earlier = payers.iter().take(place).any(|(_, other)| matching::same_account(other, account));
        if earlier {
            continue;
        }
        let group: Vec<usize> = (place..payers.len())
            .filter(|i| payers.get(*i).is_some_and(|(_, other)| matching::same_account(other, account)))
            .collect();
        let strangers = group.iter().filter_map(|i| payers.get(*i)).any(|(other, _)| other != bidder);
        if strangers {
            groups.push(group);
        }
    }
    groups
}

/// The entry of money that pays a deposit straight away.
pub fn credited(deposit: &str, amount: Fen) -> Result<Entry, Unbalanced> {
    Entry::of((Account::Bank, ""), (Account::Held, deposit), amount)
}

/// The entry of a movement that goes to the work list as `item`.
pub fn suspended(item: &str, direction: Direction, amount: Fen) -> Result<Entry, Unbalanced> {
    match direction {
        Direction::In => Entry::of((Account::Bank, ""), (Account::Suspense, item), amount),
        Direction::Out => Entry::of((Account::Suspense, item), (Account::Bank, ""), amount),
    }
}

/// Why this room says no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The lot asks for no deposit.
    NoDepositDemanded,
    AmountNotPositive,
    AboveCap {
        amount: Fen,
        cap: Fen,
        article: String,
    },
    /// Accounts are given out from the announcement until the deadline.
    NotPayableNow,
    /// The step does not follow from the deposit's state.
    NotInThisState {
        state: State,
    },
    BankAccountUnreadable {
        field: &'static str,
    },
    BadFile {
        line: u64,
        reason: Trouble,
    },
    NothingToImport,
    ResolutionDoesNotFit,
    AlreadyResolved,
    ReasonMissing,
    LateMoneyCanNotBeAssigned,
    NothingOutstanding,
    /// The payer's account or bank is not known, so nothing can be sent back.
    PayeeUnknown,
    NoRefundsDue,
    /// One transfer can not be written into a payment order.
    Unpayable {
        reason: String,
    },
    DepositUnknown,
    /// Whose it is, is not shown before the lot's deadline.
    SecretUntilTheDeadline,
    InterestUnreadable,
    /// The treasurer has not entered the centre's account yet.
    NoCentreAccount,
    /// A notice about an account that is not the centre's.
    ForeignAccount {
        line: u64,
        account: String,
    },
    ExecutionInThePast,
    RefundNotWithTheBank,
    CalendarUncertain {
        year: i32,
    },
}

/// Whether it is a secret still who pays deposits for a lot, and how many do: until its deadline, from the treasurer too (招标投标法
/// 22: names and number of the bidders are told to nobody).
pub fn payers_are_secret(schedule: Option<&Schedule>, now: Moment) -> bool {
    schedule.is_none_or(|schedule| now < schedule.bids_until)
}

impl Refusal {
    /// The locale key without its room.
    fn name(&self) -> &'static str {
        match self {
            Self::NoDepositDemanded => "no_deposit_demanded",
            Self::AmountNotPositive => "amount_not_positive",
            Self::AboveCap { .. } => "above_cap",
            Self::NotPayableNow => "not_payable_now",
            Self::NotInThisState { state } => match state {
                State::Demanded => "state_demanded",
                State::Paid => "state_paid",
                State::Frozen => "state_frozen",
                State::RefundDue => "state_refund_due",
                State::Instructed => "state_instructed",
                State::Refunded => "state_refunded",
                State::Forfeited => "state_forfeited",
            },
            Self::BankAccountUnreadable { .. } => "bank_account_unreadable",
            Self::BadFile { .. } => "bad_file",
            Self::NothingToImport => "nothing_to_import",
            Self::ResolutionDoesNotFit => "resolution_does_not_fit",
            Self::AlreadyResolved => "already_resolved",
            Self::ReasonMissing => "reason_missing",
            Self::LateMoneyCanNotBeAssigned => "late_money",
            Self::NothingOutstanding => "nothing_outstanding",
            Self::PayeeUnknown => "payee_unknown",
            Self::NoRefundsDue => "no_refunds_due",
            Self::Unpayable { .. } => "unpayable",
            Self::DepositUnknown => "deposit_unknown",
            Self::SecretUntilTheDeadline => "secret_until_the_deadline",
            Self::InterestUnreadable => "interest_unreadable",
            Self::NoCentreAccount => "no_centre_account",
            Self::ForeignAccount { .. } => "foreign_account",
            Self::ExecutionInThePast => "execution_in_the_past",
            Self::RefundNotWithTheBank => "refund_not_with_the_bank",
            Self::CalendarUncertain { .. } => "calendar_uncertain",
        }
    }

    /// Every name, for the test that each has its sentence in both languages.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        let states = State::ALL.into_iter().map(|state| Self::NotInThisState { state });
        let mut all = vec![
            Self::NoDepositDemanded,
            Self::AmountNotPositive,
            Self::AboveCap { amount: Fen(2), cap: Fen(1), article: "x".into() },
            Self::NotPayableNow,
            Self::BankAccountUnreadable { field: "bank_code" },
            Self::BadFile { line: 1, reason: "doctype".into() },
            Self::NothingToImport,
            Self::ResolutionDoesNotFit,
            Self::AlreadyResolved,
            Self::ReasonMissing,
            Self::LateMoneyCanNotBeAssigned,
            Self::NothingOutstanding,
            Self::PayeeUnknown,
            Self::NoRefundsDue,
            Self::Unpayable { reason: "x".into() },
            Self::DepositUnknown,
            Self::SecretUntilTheDeadline,
            Self::InterestUnreadable,
            Self::NoCentreAccount,
            Self::ForeignAccount { line: 1, account: "x".into() },
            Self::ExecutionInThePast,
            Self::RefundNotWithTheBank,
            Self::CalendarUncertain { year: 2030 },
        ];
        all.extend(states);
        all
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::DepositUnknown => 404,
            Refusal::NotInThisState { .. }
            | Refusal::AlreadyResolved
            | Refusal::NotPayableNow
            | Refusal::SecretUntilTheDeadline
            | Refusal::NothingOutstanding
            | Refusal::NoCentreAccount
            | Refusal::RefundNotWithTheBank
            | Refusal::NoRefundsDue => 409,
            _ => 422,
        };
        let refused = Refused::new(status, format!("deposit.refusal.{}", refusal.name()));
        match refusal {
            Refusal::AboveCap { amount, cap, article } => {
                refused.with("amount", amount).with("cap", cap).article(article).field("deposit")
            }
            Refusal::BankAccountUnreadable { field } => refused.field(field),
            Refusal::BadFile { line, reason } => Refused::new(422, reason.key())
                .with("line", line)
                .with("a", reason.value(0))
                .with("b", reason.value(1))
                .field("file"),
            Refusal::Unpayable { reason } => refused.with("reason", reason),
            Refusal::LateMoneyCanNotBeAssigned => refused.article("政府采购法实施条例 第三十三条"),
            Refusal::SecretUntilTheDeadline => refused.article("招标投标法 第二十二条"),
            Refusal::ReasonMissing => refused.field("reason"),
            Refusal::NothingToImport => refused.field("file"),
            Refusal::InterestUnreadable => refused.field("interest"),
            Refusal::ForeignAccount { line, account } => {
                refused.with("line", line).with("account", account).field("file")
            }
            Refusal::ExecutionInThePast => refused.field("execute_on"),
            Refusal::CalendarUncertain { year } => refused.with("year", year),
            _ => refused,
        }
    }
}
