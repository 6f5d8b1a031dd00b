//! Account numbers: the centre's own, and one for each bidder and lot.

use super::{check_declared, lawful, refused};
use crate::account::role::Role;
use crate::deposit::events::{AccountIssued, AccountSet};
use crate::deposit::records::{CentreAccount, Declared, Demand};
use crate::deposit::rules::{self, RefundReason, Refusal, State, check_demand};
use crate::deposit::store;
use crate::deposit::virtual_account::{BankRange, VirtualAccount};
use crate::ledger::{Act, Subject};
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault};
use crate::project::flow::Step;
use crate::project::{self, rules::Lot};

/// How often a fresh number is drawn before giving up; a clash is one in a million millions.
const TRIES: usize = 8;

/// 维护专户 Enters the centre's deposit account and the number range that its bank gave.
///
/// # Errors
/// A field that a bank would not accept; a fault.
pub fn set_centre_account(act: &mut Act<'_>, account: &Declared, range: &str) -> Result<(), Failure> {
    let account = lawful(check_declared(account))?;
    if BankRange::parse(range.trim()).is_none() {
        return refused(Refusal::BankAccountUnreadable { field: "range" });
    }
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let record = CentreAccount { account, range: range.trim().to_string() };
    store::put_centre_account(act.db(), &vault, &record)?;
    let CentreAccount { account, range } = record;
    act.enter(&Subject::None, &AccountSet { number: account.number, bank_code: account.bank_code, range })?;
    Ok(())
}

/// 申请保证金账号 Gives `bidder` the account number for `lot`, or the same one again. `declared` is the account that the bidder
/// will pay from; its holder is always the bidder. It can be changed while no money has come. Whoever withdrew and was paid
/// back may ask again and pay again.
///
/// # Errors
/// The lot asks for no deposit, bidding is over, the account can not be read, the centre has no account; a fault.
pub fn request_account(
    act: &mut Act<'_>,
    (bidder, bidder_name): (Id<Organisation>, &str),
    lot: Id<Lot>,
    declared: &Declared,
) -> Result<Demand, Failure> {
    let vault = act.vault().clone();
    store::take_turn(act.db())?;
    let now = act.now();
    let facts = project::store::known_lot(act.db(), lot)?;
    facts.may(Step::RequestDepositAccount, Role::Bidder, now)?;
    if !facts.plan()?.bid_deadline().is_open(now) {
        return refused(Refusal::NotPayableNow);
    }
    let terms = &facts.terms;
    if terms.deposit <= Fen(0) {
        return refused(Refusal::NoDepositDemanded);
    }
    let (cap, article) = facts.book()?.deposit.cap_for(terms.budget, terms.design);
    lawful(check_demand(terms.deposit, cap, article))?;
    let declared = Declared { holder: bidder_name.to_string(), ..declared.clone() };
    let declared = lawful(check_declared(&declared))?;
    let Some(centre) = store::centre_account(act.db(), &vault)? else {
        return refused(Refusal::NoCentreAccount);
    };
    if let Some(mut known) = store::demand_of(act.db(), &vault, lot, bidder)? {
        if known.state == State::Demanded && known.held == Fen(0) && known.declared != declared {
            known.declared = declared;
            super::put(act, &known)?;
        } else if may_ask_again(&known) {
            known.state = lawful(known.state.after(rules::Step::AskAgain, known.held))?;
            (known.refund_reason, known.refund_due_on, known.paid_on) = (None, None, None);
            known.declared = declared;
            super::put(act, &known)?;
            let event = AccountIssued { deposit: known.id, lot, amount: known.amount };
            act.enter(&Subject::sealed(known.id), &event)?;
        }
        return Ok(known);
    }
    let demand = Demand {
        id: Id::random(),
        tender: facts.tender,
        lot,
        bidder,
        bidder_name: bidder_name.to_string(),
        account: fresh_number(act, &centre)?,
        declared,
        amount: terms.deposit,
        held: Fen(0),
        credited: Fen(0),
        state: State::Demanded,
        asked_at: now,
        paid_on: None,
        paid_from: Vec::new(),
        refund_reason: None,
        refund_due_on: None,
        forfeit_reason: None,
        note: None,
    };
    store::insert_demand(act.db(), &vault, &demand)?;
    let event = AccountIssued { deposit: demand.id, lot, amount: demand.amount };
    act.enter(&Subject::sealed(demand.id), &event)?;
    Ok(demand)
}

/// Whether the bidder withdrew, was paid back, and may pay for another bid.
pub fn may_ask_again(demand: &Demand) -> bool {
    demand.state == State::Refunded && demand.refund_reason == Some(RefundReason::Withdrawn)
}

fn fresh_number(act: &mut Act<'_>, centre: &CentreAccount) -> Result<VirtualAccount, Fault> {
    let vault = act.vault().clone();
    let range =
        BankRange::parse(&centre.range).ok_or_else(|| Fault::new("the stored number range is damaged"))?;
    for _ in 0..TRIES {
        let number = VirtualAccount::choose(&range, random::bytes());
        if store::demand_behind(act.db(), &vault, &number)?.is_none() {
            return Ok(number);
        }
    }
    Err(Fault::new("the number range of the deposit account is exhausted"))
}
