//! The work list: money that only a person can place.

use super::import::fill;
use super::{check_declared, check_why, lawful, post, refused};
use crate::deposit::bank_notice::Direction;
use crate::deposit::double_entry::{Account, Entry, Posting};
use crate::deposit::events::Resolved;
use crate::deposit::records::{
    Declared, Deposit, Money, Outcome, Posted, RefundOf, RefundRecord, RefundState,
};
use crate::deposit::rules::{self, Refusal, Resolution, State};
use crate::deposit::store;
use crate::ledger::{Act, Subject};
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::project;

/// What the treasurer decides about an item.
#[derive(Clone, Debug)]
pub struct Decision {
    pub resolution: Resolution,
    /// The deposit that an assigned item belongs to.
    pub deposit: Option<Id<Deposit>>,
    /// Where money that goes back is sent; without it, to the account that the bank named.
    pub payee: Option<Declared>,
    /// The reason, in writing.
    pub why: String,
}

/// 处理待核款项 Carries out a decision about a work-list item.
///
/// # Errors
/// No reason was given; the item is settled already; the decision does not fit the money (late money is never assigned, money that
/// came in is no charge, …); nobody knows where to send it back; a fault.
pub fn resolve(act: &mut Act<'_>, by: &str, item: Id<Money>, decision: &Decision) -> Result<(), Failure> {
    let why = lawful(check_why(&decision.why))?;
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let Some(posted) = store::movement(act.db(), &vault, item)? else {
        return refused(Refusal::DepositUnknown);
    };
    let Outcome::Waiting(reasons) = posted.outcome.clone() else { return refused(Refusal::AlreadyResolved) };
    let (amount, direction) = (posted.movement.amount, posted.movement.direction);
    let part = item.to_string();
    match (decision.resolution, direction) {
        (Resolution::Assign, Direction::In) => assign(act, &posted, decision)?,
        (Resolution::SendBack, Direction::In) => {
            let refund = send_back(act, &posted, amount, decision.payee.as_ref())?;
            let entry =
                Entry::of((Account::Suspense, &part), (Account::Payable, &refund.id.to_string()), amount);
            post(act, entry, "sent_back")?;
        }
        (Resolution::Interest, Direction::In) => {
            post(act, Entry::of((Account::Suspense, &part), (Account::Interest, ""), amount), "interest")?;
        }
        (Resolution::Charge, Direction::Out) => {
            post(act, Entry::of((Account::Charges, ""), (Account::Suspense, &part), amount), "charge")?;
        }
        _ => return refused(Refusal::ResolutionDoesNotFit),
    }
    let deposit = decision.deposit.filter(|_| decision.resolution == Resolution::Assign);
    let resolved = Posted {
        outcome: Outcome::Resolved {
            reasons,
            decision: decision.resolution,
            deposit,
            why: why.clone(),
            by: by.to_string(),
            at: act.now(),
        },
        ..posted
    };
    store::put_movement(act.db(), &vault, &resolved)?;
    let event = Resolved { movement: item, decision: decision.resolution, deposit, amount, why };
    act.enter(&Subject::sealed(item), &event)?;
    Ok(())
}

fn assign(act: &mut Act<'_>, posted: &Posted, decision: &Decision) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let Some(id) = decision.deposit else { return refused(Refusal::DepositUnknown) };
    let Some(demand) = store::demand(act.db(), &vault, id)? else { return refused(Refusal::DepositUnknown) };
    if demand.state != State::Demanded {
        return refused(Refusal::NotInThisState { state: demand.state });
    }
    let deadline = project::store::known_lot(act.db(), demand.lot)?.plan()?.bid_deadline();
    let division = lawful(rules::assign(&posted.movement, demand.outstanding(), deadline))?;
    let line = |account, part: String, amount| Posting { account, part, amount };
    let mut postings = vec![
        line(Account::Suspense, posted.id.to_string(), posted.movement.amount),
        line(Account::Held, demand.id.to_string(), Fen(-division.to_deposit.0)),
    ];
    if division.back > Fen(0) {
        let refund = send_back(act, posted, division.back, decision.payee.as_ref())?;
        postings.push(line(Account::Payable, refund.id.to_string(), Fen(-division.back.0)));
    }
    post(act, Entry::new(postings), "assigned")?;
    fill(act, demand, posted, division.to_deposit)?;
    Ok(())
}

/// A refund of `amount` to whoever sent `posted`, due at once; the posting is the caller's.
fn send_back(
    act: &mut Act<'_>,
    posted: &Posted,
    amount: Fen,
    payee: Option<&Declared>,
) -> Result<RefundRecord, Failure> {
    let payer = &posted.movement.payer;
    let named = || {
        Some(Declared {
            holder: payer.name.clone()?,
            number: payer.account.clone()?,
            bank_code: payer.bank_code.clone()?,
            bank_name: payer.bank_name.clone().unwrap_or_else(|| payer.bank_code.clone().unwrap_or_default()),
        })
    };
    let Some(to) = payee.cloned().or_else(named) else { return refused(Refusal::PayeeUnknown) };
    let refund = RefundRecord {
        id: Id::random(),
        of: RefundOf::Money(posted.id),
        to: lawful(check_declared(&to))?,
        principal: amount,
        interest: Fen(0),
        due_on: act.now().beijing_date(),
        state: RefundState::Due,
        batch: None,
        paid_on: None,
        confirmed_by: None,
        returned: None,
    };
    let vault = act.vault().clone();
    store::put_refund(act.db(), &vault, &refund)?;
    Ok(refund)
}
