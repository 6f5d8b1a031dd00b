//! What becomes of deposits: frozen, due back, kept.

use super::{check_why, lawful, post, put, refused};
use crate::deposit::double_entry::{Account, Entry};
use crate::deposit::events::{BoundAgain, Forfeited, Frozen, Released};
use crate::deposit::records::{Demand, Deposit, RefundOf, RefundRecord, RefundState};
use crate::deposit::rules::{ForfeitReason, RefundReason, Refusal, State, Step};
use crate::deposit::store;
use crate::ledger::{Act, Subject};
use crate::party::rules::Organisation;
use crate::platform::calendar::Calendar;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault};
use crate::project::rulebook::DepositRule;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use chrono::NaiveDate;

/// Whose deposits of a lot.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    All,
    Only(&'a [Id<Organisation>]),
    AllBut(&'a [Id<Organisation>]),
}

impl Whose<'_> {
    fn means(self, bidder: Id<Organisation>) -> bool {
        match self {
            Self::All => true,
            Self::Only(bidders) => bidders.contains(&bidder),
            Self::AllBut(bidders) => !bidders.contains(&bidder),
        }
    }
}

/// 退还期限 The last day on which a deposit that goes back for `reason` must be paid, when the event that starts the period
/// (withdrawal, award, contract, end) happened at `event`. The period and its unit are the rulebook's.
///
/// # Errors
/// The holiday calendar of that year is not known.
pub fn due_date(book: &DepositRule, reason: RefundReason, event: Moment) -> Result<NaiveDate, Refusal> {
    let rule = match reason {
        RefundReason::Withdrawn => &book.refund_withdrawn,
        RefundReason::TooFewBids | RefundReason::Terminated => &book.refund_terminated,
        RefundReason::NoBid | RefundReason::NotAwarded => &book.refund_losers,
        RefundReason::ContractSigned => &book.refund_winner,
    };
    Calendar::official()
        .last_day(event.beijing_date(), rule.value.within)
        .map_err(|uncertain| Refusal::CalendarUncertain { year: uncertain.year })
}

/// 截止冻结 Freezes every paid deposit of a lot whose bidding is closed. Told by the room that closes it; calling it again does nothing
/// more. Returns how many were frozen.
///
/// # Errors
/// A fault.
pub fn freeze_lot(act: &mut Act<'_>, lot: Id<Lot>) -> Result<usize, Failure> {
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let mut deposits = Vec::new();
    for mut demand in store::of_lot(act.db(), &vault, lot)? {
        store::mark_lot(act.db(), &vault, &demand)?;
        if demand.state == State::Paid {
            demand.state = lawful(demand.state.after(Step::Freeze, demand.held))?;
            put(act, &demand)?;
            deposits.push(demand.id);
        }
    }
    let frozen = deposits.len();
    if frozen > 0 {
        act.enter(&Subject::sealed(lot), &Frozen { lot, deposits, why: "bidding closed".into() })?;
    }
    Ok(frozen)
}

/// 封箱 What the closing of a lot's box means for its deposits: those of bidders whose bid is in it are frozen; those who paid and
/// have no bid get theirs back, and everybody does when there are too few bids to open (招标投标法实施条例 第四十四条).
/// A closing never fails for want of a calendar: the refund is then due at once.
///
/// # Errors
/// A fault.
pub fn bidding_closed(
    act: &mut Act<'_>,
    facts: &LotFacts,
    bidders: &[Id<Organisation>],
    opens: bool,
) -> Result<(), Failure> {
    freeze_lot(act, facts.lot)?;
    let (whose, reason) = match opens {
        true => (Whose::AllBut(bidders), RefundReason::NoBid),
        false => (Whose::All, RefundReason::TooFewBids),
    };
    let now = act.now();
    let due = due_date(&facts.book()?.deposit, reason, now).unwrap_or_else(|_| now.beijing_date());
    refunds_due_for(act, facts.lot, whose, reason, due)?;
    Ok(())
}

/// 撤回退还 A bidder has withdrawn before the deadline and no bid of theirs stands any more: the deposit is due back within the
/// rulebook's period from now, without waiting for the closing. Nothing in the log or the database ties it to the lot
/// for others. Does nothing for a bidder without money here.
///
/// # Errors
/// A fault.
pub fn bid_withdrawn(act: &mut Act<'_>, facts: &LotFacts, bidder: Id<Organisation>) -> Result<(), Failure> {
    let (vault, now) = (act.vault().clone(), act.now());
    store::take_turn(act.db())?;
    let Some(demand) = store::demand_of(act.db(), &vault, facts.lot, bidder)? else { return Ok(()) };
    let Ok(next) = demand.state.after(Step::Release, demand.held) else { return Ok(()) };
    let (deposit, reason) = (demand.id, RefundReason::Withdrawn);
    let due = due_date(&facts.book()?.deposit, reason, now).unwrap_or_else(|_| now.beijing_date());
    release(act, demand, next, reason, due)?;
    let event = Released { lot: facts.lot, deposits: vec![deposit], reason, due_on: due };
    act.enter(&Subject::sealed(deposit), &event)?;
    Ok(())
}

/// 重新投标 A bidder hands in a bid. If the deposit is due back because of an earlier withdrawal and the bank has no order yet,
/// it is bound again. Money that is already on its way must be paid again: the bidder's page says so.
///
/// # Errors
/// A fault.
pub fn bid_handed_in(act: &mut Act<'_>, facts: &LotFacts, bidder: Id<Organisation>) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let waits = |demand: &Demand| {
        demand.state == State::RefundDue && demand.refund_reason == Some(RefundReason::Withdrawn)
    };
    if facts.terms.deposit <= Fen(0)
        || !store::demand_of(act.db(), &vault, facts.lot, bidder)?.is_some_and(|demand| waits(&demand))
    {
        return Ok(());
    }
    // read again in turn: the treasurer may be writing the order at this moment
    store::take_turn(act.db())?;
    let demand = store::demand_of(act.db(), &vault, facts.lot, bidder)?.filter(waits);
    let Some(mut demand) = demand.filter(|demand| demand.outstanding() == Fen(0)) else { return Ok(()) };
    demand.state = lawful(demand.state.after(Step::BidAgain, demand.held))?;
    remove_refund(act, demand.id)?;
    (demand.refund_reason, demand.refund_due_on) = (None, None);
    put(act, &demand)?;
    act.enter(&Subject::sealed(demand.id), &BoundAgain { lot: facts.lot, deposit: demand.id })?;
    Ok(())
}

fn remove_refund(act: &mut Act<'_>, deposit: Id<Deposit>) -> Result<(), Fault> {
    let (vault, of) = (act.vault().clone(), RefundOf::Deposit(deposit));
    let due = store::open_refunds(act.db(), &vault)?.into_iter().find(|refund| refund.of == of);
    let due = due.ok_or_else(|| Fault::new("a deposit due back without its refund"))?;
    store::remove_due_refund(act.db(), due.id)
}

/// 冻结 Stops one deposit: the treasurer has a written reason, for instance an order of the authority.
///
/// # Errors
/// No reason; the deposit is not held or its refund is with the bank; a fault.
pub fn freeze(act: &mut Act<'_>, deposit: Id<Deposit>, why: &str) -> Result<(), Failure> {
    let why = lawful(check_why(why))?;
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(mut demand) = store::demand(act.db(), &vault, deposit)? else {
        return refused(Refusal::DepositUnknown);
    };
    let was = demand.state;
    demand.state = lawful(demand.state.after(Step::Freeze, demand.held))?;
    if was == State::RefundDue {
        remove_refund(act, deposit)?;
    }
    (demand.refund_reason, demand.refund_due_on) = (None, None);
    demand.note = Some(why.clone());
    put(act, &demand)?;
    act.enter(&Subject::sealed(deposit), &Frozen { lot: demand.lot, deposits: vec![deposit], why })?;
    Ok(())
}

/// 应退 Makes all deposits of a lot due back by `due`; see [`refunds_due_for`].
///
/// # Errors
/// A fault.
pub fn refunds_due(
    act: &mut Act<'_>,
    lot: Id<Lot>,
    reason: RefundReason,
    due: NaiveDate,
) -> Result<usize, Failure> {
    refunds_due_for(act, lot, Whose::All, reason, due)
}

/// 应退 Makes the deposits of a lot that `whose` means due back by `due`. Deposits that hold nothing, or that are already on
/// their way back or kept, stay as they are, so calling it again does nothing more. Returns how many became due.
///
/// # Errors
/// A fault.
pub fn refunds_due_for(
    act: &mut Act<'_>,
    lot: Id<Lot>,
    whose: Whose<'_>,
    reason: RefundReason,
    due: NaiveDate,
) -> Result<usize, Failure> {
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let mut deposits = Vec::new();
    for demand in store::of_lot(act.db(), &vault, lot)? {
        let Ok(next) = demand.state.after(Step::Release, demand.held) else { continue };
        if whose.means(demand.bidder) {
            deposits.push(demand.id);
            release(act, demand, next, reason, due)?;
        }
    }
    let released = deposits.len();
    if released > 0 {
        act.enter(&Subject::sealed(lot), &Released { lot, deposits, reason, due_on: due })?;
    }
    Ok(released)
}

fn release(
    act: &mut Act<'_>,
    mut demand: Demand,
    next: State,
    reason: RefundReason,
    due: NaiveDate,
) -> Result<(), Failure> {
    let vault = act.vault().clone();
    demand.state = next;
    demand.refund_reason = Some(reason);
    demand.refund_due_on = Some(due);
    let refund = RefundRecord {
        id: Id::random(),
        of: RefundOf::Deposit(demand.id),
        to: demand.declared.clone(),
        principal: demand.held,
        interest: Fen(0),
        due_on: due,
        state: RefundState::Due,
        batch: None,
        paid_on: None,
        confirmed_by: None,
        returned: None,
    };
    store::put_refund(act.db(), &vault, &refund)?;
    put(act, &demand)?;
    Ok(())
}

/// 不予退还 Keeps a frozen deposit for a lawful reason; the money is then owed to the procuring entity.
///
/// # Errors
/// No reason in writing; the deposit is not frozen; a fault.
pub fn forfeit(
    act: &mut Act<'_>,
    deposit: Id<Deposit>,
    reason: ForfeitReason,
    why: &str,
) -> Result<(), Failure> {
    let why = lawful(check_why(why))?;
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(mut demand) = store::demand(act.db(), &vault, deposit)? else {
        return refused(Refusal::DepositUnknown);
    };
    demand.state = lawful(demand.state.after(Step::Forfeit, demand.held))?;
    let amount = demand.held;
    let entry = Entry::of((Account::Held, &deposit.to_string()), (Account::Forfeited, ""), amount);
    post(act, entry, "forfeited")?;
    demand.held = Fen(0);
    demand.forfeit_reason = Some(reason);
    demand.note = Some(why.clone());
    put(act, &demand)?;
    let event = Forfeited { deposit, lot: demand.lot, amount, reason, why };
    act.enter(&Subject::sealed(deposit), &event)?;
    Ok(())
}
