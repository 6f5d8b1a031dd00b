//! What people do here, and what later rooms tell this one. Every act that touches money takes its turn at the book first
//! (`store::take_turn`), posts balanced entries, and is undone if the book does not balance afterwards.
//!
//! Doors for later rooms: [`bid_withdrawn`] and [`bid_handed_in`] before the deadline, [`bidding_closed`] when a lot's box is closed, [`refunds_due`] and [`refunds_due_for`] when deposits
//! go back, with [`due_date`] for the lawful day.

mod accounts;
mod batches;
mod fates;
mod import;
mod work_list;

pub use accounts::{may_ask_again, request_account, set_centre_account};
pub use batches::{BatchOrder, confirm_paid, make_batch, returned};
pub use fates::{
    Whose, bid_handed_in, bid_withdrawn, bidding_closed, due_date, forfeit, freeze, freeze_lot, refunds_due,
    refunds_due_for,
};
pub use import::{ReadNotice, import, read_notice};
pub use work_list::{Decision, resolve};

use super::double_entry::{Entry, Unbalanced};
use super::records::{Declared, Demand};
use super::rules::Refusal;
use super::store;
use crate::ledger::Act;
use crate::message;
use crate::message::rules::Notice as Message;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project;

/// Posts an entry; postings that do not balance are a bug of this room and undo the act.
fn post(act: &mut Act<'_>, entry: Result<Entry, Unbalanced>, cause: &str) -> Result<(), Fault> {
    let (vault, now) = (act.vault().clone(), act.now());
    store::post(act.db(), &vault, &entry?, now, cause)
}

/// Writes to the bidder of a deposit, in the act that changed it.
pub(super) fn tell_bidder(act: &mut Act<'_>, demand: &Demand, notice: Message) -> Result<(), Fault> {
    let Some(facts) = project::store::lot(act.db(), demand.lot)? else { return Ok(()) };
    let name = facts.name();
    message::actions::send(act, demand.bidder, notice, &name, format!("/deposit/{name}"))
}

fn put(act: &mut Act<'_>, demand: &Demand) -> Result<(), Fault> {
    let vault = act.vault().clone();
    store::put_demand(act.db(), &vault, demand)
}

fn refused<T>(refusal: Refusal) -> Result<T, Failure> {
    Err(Refused::from(refusal).into())
}

fn lawful<T>(decided: Result<T, Refusal>) -> Result<T, Failure> {
    decided.map_err(|refusal| Refused::from(refusal).into())
}

/// The account `declared` with its texts trimmed, if a payment order could be written for it.
fn check_declared(declared: &Declared) -> Result<Declared, Refusal> {
    let wrong = |field| Refusal::BankAccountUnreadable { field };
    let text = |value: &str, field, least: usize, most: usize| {
        let value = value.trim();
        let fits = (least..=most).contains(&value.chars().count()) && !value.chars().any(char::is_control);
        if fits { Ok(value.to_string()) } else { Err(wrong(field)) }
    };
    let number = declared.number.replace([' ', '-'], "");
    if !(4..=34).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(wrong("number"));
    }
    let bank_code = declared.bank_code.trim().to_string();
    if !super::pain001::is_bank_code(&bank_code) {
        return Err(wrong("bank_code"));
    }
    Ok(Declared {
        holder: text(&declared.holder, "holder", 2, 140)?,
        number,
        bank_code,
        bank_name: text(&declared.bank_name, "bank_name", 2, 140)?,
    })
}

/// A written reason: at least two characters, at most 500.
fn check_why(why: &str) -> Result<String, Refusal> {
    let why = why.trim();
    let fits = (2..=500).contains(&why.chars().count())
        && !why.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
    if fits { Ok(why.to_string()) } else { Err(Refusal::ReasonMissing) }
}
