//! Refunds on their way: ordered in batches, confirmed or returned by the bank.

use super::{check_declared, check_why, lawful, post, put, refused, tell_bidder};
use crate::deposit::double_entry::{Account, Entry, Posting};
use crate::deposit::events::{BatchMade, Refunded, Returned};
use crate::deposit::pain001::{self, Batch, TRANSFERS_MAX, Transfer};
use crate::deposit::records::{
    BatchRecord, Declared, Demand, Money, Refund, RefundOf, RefundRecord, RefundState,
};
use crate::deposit::rules::{self, Refusal, Step};
use crate::deposit::store;
use crate::ledger::{Act, Subject};
use crate::message::rules::Notice;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault};
use crate::project;
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// What the treasurer decides about a batch. Rates are per cent a year.
#[derive(Clone, Copy, Debug)]
pub struct BatchOrder {
    /// The day on which the bank shall pay.
    pub execute_on: NaiveDate,
    /// What the bank paid on the deposit account, passed on where the rulebook says so.
    pub deposit_rate: Decimal,
    /// The base lending rate, for refunds that are late where the rulebook has a factor.
    pub lending_rate: Decimal,
    /// 360 or 365.
    pub day_base: u32,
}

/// 生成退款批次 Orders all refunds that are due (the most urgent first, at most 5,000) in one message to the bank.
///
/// # Errors
/// Nothing is due; a day that is over; rates that can not be meant; a transfer that can not be written; a fault.
pub fn make_batch(act: &mut Act<'_>, order: &BatchOrder) -> Result<BatchRecord, Failure> {
    lawful(check_order(order, act.now().beijing_date()))?;
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(centre) = store::centre_account(act.db(), &vault)? else {
        return refused(Refusal::NoCentreAccount);
    };
    let due = store::open_refunds(act.db(), &vault)?.into_iter().filter(|r| r.state == RefundState::Due);
    let due: Vec<RefundRecord> = due.take(TRANSFERS_MAX).collect();
    if due.is_empty() {
        return refused(Refusal::NoRefundsDue);
    }
    let id = Id::random();
    let mut transfers = Vec::new();
    for refund in due {
        let refund = instruct(act, refund, order, id)?;
        transfers.push(Transfer {
            end_to_end: refund.id.to_string(),
            amount: refund.total(),
            to: refund.to.for_payment(),
            remark: remark(refund.of).into(),
        });
    }
    let refunds = transfers.iter().filter_map(|t| Id::parse(&t.end_to_end)).collect();
    let batch = Batch {
        message: id.to_string(),
        created_at: act.now(),
        execute_on: order.execute_on,
        from: centre.account.for_payment(),
        transfers,
    };
    let unwritable = |e: pain001::Unwritable| Refusal::Unpayable { reason: e.to_string() };
    let total = lawful(pain001::total(&batch.transfers).map_err(unwritable))?;
    let xml = lawful(pain001::write(&batch).map_err(unwritable))?;
    let record = BatchRecord { id, made_at: act.now(), execute_on: order.execute_on, refunds, total, xml };
    store::insert_batch(act.db(), &vault, &record)?;
    let event = BatchMade {
        batch: id,
        refunds: record.refunds.clone(),
        total,
        execute_on: order.execute_on,
        sha256: b64u(&sha256(&[record.xml.as_bytes()])),
    };
    act.enter(&Subject::None, &event)?;
    Ok(record)
}

fn check_order(order: &BatchOrder, today: NaiveDate) -> Result<(), Refusal> {
    if order.execute_on < today {
        return Err(Refusal::ExecutionInThePast);
    }
    let rate_is_meant = |rate: Decimal| (Decimal::ZERO..=Decimal::from(24)).contains(&rate);
    let meant = rate_is_meant(order.deposit_rate) && rate_is_meant(order.lending_rate);
    if meant && matches!(order.day_base, 360 | 365) { Ok(()) } else { Err(Refusal::InterestUnreadable) }
}

fn remark(of: RefundOf) -> &'static str {
    match of {
        RefundOf::Deposit(_) => "退还投标保证金",
        RefundOf::Money(_) => "退回来款",
    }
}

/// One refund becomes part of the batch: interest is fixed, the debt moves from the deposit to the refund.
fn instruct(
    act: &mut Act<'_>,
    mut refund: RefundRecord,
    order: &BatchOrder,
    batch: Id<crate::deposit::records::RefundBatch>,
) -> Result<RefundRecord, Failure> {
    let vault = act.vault().clone();
    if let RefundOf::Deposit(deposit) = refund.of {
        let mut demand = store::demand(act.db(), &vault, deposit)?.ok_or_else(no_deposit)?;
        demand.state = lawful(demand.state.after(Step::Instruct, demand.held))?;
        refund.interest = interest_on(act, &demand, &refund, order)?;
        let line = |account, part: String, amount| Posting { account, part, amount };
        let mut postings = vec![
            line(Account::Held, deposit.to_string(), refund.principal),
            line(Account::Payable, refund.id.to_string(), Fen(-refund.total().0)),
        ];
        if refund.interest > Fen(0) {
            postings.push(line(Account::Interest, String::new(), refund.interest));
        }
        post(act, Entry::new(postings), "refund_ordered")?;
        demand.held = Fen(0);
        put(act, &demand)?;
    }
    refund.state = RefundState::Instructed;
    refund.batch = Some(batch);
    refund.returned = None;
    store::put_refund(act.db(), &vault, &refund)?;
    Ok(refund)
}

/// 利息 Bank interest that the rulebook passes on, and interest for a late refund.
fn interest_on(
    act: &mut Act<'_>,
    demand: &Demand,
    refund: &RefundRecord,
    order: &BatchOrder,
) -> Result<Fen, Failure> {
    let facts = project::store::known_lot(act.db(), demand.lot)?;
    let book = &facts.book()?.deposit;
    let days = |from: NaiveDate| u32::try_from((order.execute_on - from).num_days()).unwrap_or(0);
    let at = |days, rate| {
        rules::interest(refund.principal, days, rate, order.day_base).ok_or(Refusal::InterestUnreadable)
    };
    let mut interest = Fen(0);
    if let Some(paid_on) = demand.paid_on.filter(|_| book.bank_interest_due.value) {
        interest = lawful(at(days(paid_on), order.deposit_rate))?;
    }
    if let Some(factor) = &book.late_refund_rate_factor {
        let rate =
            order.lending_rate.checked_mul(factor.value).ok_or_else(|| Fault::new("a rate out of range"))?;
        let late = lawful(at(days(refund.due_on), rate))?;
        interest = interest.checked_add(late).ok_or_else(|| Fault::new("more interest than money"))?;
    }
    Ok(interest)
}

/// 确认已退 The treasurer saw in the bank's books that a refund was paid.
///
/// # Errors
/// The refund is not with the bank; a fault.
pub fn confirm_paid(act: &mut Act<'_>, refund: Id<Refund>) -> Result<(), Failure> {
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    match store::refund(act.db(), &vault, refund)? {
        None => refused(Refusal::DepositUnknown),
        Some(found) if found.state != RefundState::Instructed => refused(Refusal::RefundNotWithTheBank),
        Some(_) => Ok(settle(act, refund, None)?),
    }
}

/// Books a refund as paid. `report` is the bank's movement; a report of a refund that the treasurer had confirmed before is only noted.
pub(super) fn settle(act: &mut Act<'_>, refund: Id<Refund>, report: Option<Id<Money>>) -> Result<(), Fault> {
    let vault = act.vault().clone();
    let missing = || Fault::new("a refund that is gone");
    let mut record = store::refund(act.db(), &vault, refund)?.ok_or_else(missing)?;
    record.confirmed_by = report;
    if record.state == RefundState::Paid {
        return store::put_refund(act.db(), &vault, &record);
    }
    let entry = Entry::of((Account::Payable, &refund.to_string()), (Account::Bank, ""), record.total());
    post(act, entry, "refunded")?;
    record.state = RefundState::Paid;
    record.paid_on = Some(act.now().beijing_date());
    store::put_refund(act.db(), &vault, &record)?;
    let deposit = match record.of {
        RefundOf::Deposit(deposit) => {
            let mut demand = store::demand(act.db(), &vault, deposit)?.ok_or_else(no_deposit)?;
            let wrong = |_| Fault::new("a refund was paid whose deposit waits for none");
            demand.state = demand.state.after(Step::Confirm, demand.held).map_err(wrong)?;
            put(act, &demand)?;
            tell_bidder(act, &demand, Notice::DepositRefunded)?;
            Some(deposit)
        }
        RefundOf::Money(_) => None,
    };
    act.enter(&Subject::sealed(refund), &Refunded { refund, deposit, total: record.total() })?;
    Ok(())
}

/// 退款失败 The bank could not pay a refund. It becomes due again, to a corrected account if one is given.
///
/// # Errors
/// No reason; the refund is not with the bank; the corrected account can not be read; a fault.
pub fn returned(
    act: &mut Act<'_>,
    refund: Id<Refund>,
    corrected: Option<&Declared>,
    why: &str,
) -> Result<(), Failure> {
    let why = lawful(check_why(why))?;
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(mut record) = store::refund(act.db(), &vault, refund)? else {
        return refused(Refusal::DepositUnknown);
    };
    if record.state != RefundState::Instructed {
        return refused(Refusal::RefundNotWithTheBank);
    }
    if let RefundOf::Deposit(deposit) = record.of {
        let mut demand = store::demand(act.db(), &vault, deposit)?.ok_or_else(no_deposit)?;
        let line = |account, part: String, amount| Posting { account, part, amount };
        let mut postings = vec![
            line(Account::Payable, refund.to_string(), record.total()),
            line(Account::Held, deposit.to_string(), Fen(-record.principal.0)),
        ];
        if record.interest > Fen(0) {
            postings.push(line(Account::Interest, String::new(), Fen(-record.interest.0)));
        }
        post(act, Entry::new(postings), "refund_returned")?;
        demand.held = record.principal;
        demand.state = lawful(demand.state.after(Step::Return, demand.held))?;
        put(act, &demand)?;
    }
    if let Some(corrected) = corrected {
        record.to = lawful(check_declared(corrected))?;
    }
    record.state = RefundState::Due;
    record.interest = Fen(0);
    record.batch = None;
    record.returned = Some(why.clone());
    store::put_refund(act.db(), &vault, &record)?;
    act.enter(&Subject::sealed(refund), &Returned { refund, why })?;
    Ok(())
}

fn no_deposit() -> Fault {
    Fault::new("a refund whose deposit is gone")
}
