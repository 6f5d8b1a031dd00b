//! Pages for the bidder (pay, follow, get back) and for the treasurer (import, work list, book, refunds).

mod bidder;
mod deposits;
mod import;
mod refunds;
mod treasury;
mod work_list;

use super::records::{Declared, Demand, RefundRecord};
use super::rules::{Refusal, State, payers_are_secret};
use super::store;
use crate::account::page::Page;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::project;
use crate::project::rules::Lot;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

crate::routes! {
    GET "/deposit" [Bidder] => bidder::mine_get;
    GET "/deposit/treasury" [Treasurer] => treasury::overview_get;
    GET "/deposit/treasury/account" [Treasurer] => treasury::account_get;
    POST "/deposit/treasury/account" [Treasurer] => treasury::account_post;
    GET "/deposit/treasury/book" [Treasurer] => treasury::book_get;
    GET "/deposit/treasury/import" [Treasurer] => import::import_get;
    POST "/deposit/treasury/import" [Treasurer] => import::import_post;
    GET "/deposit/treasury/work-list" [Treasurer] => work_list::list_get;
    GET "/deposit/treasury/work-list/{item}" [Treasurer] => work_list::item_get;
    POST "/deposit/treasury/work-list/{item}" [Treasurer] => work_list::item_post;
    GET "/deposit/treasury/deposits" [Treasurer] => deposits::list_get;
    GET "/deposit/treasury/deposits/{deposit}" [Treasurer] => deposits::one_get;
    POST "/deposit/treasury/deposits/{deposit}/freeze" [Treasurer] => deposits::freeze_post;
    POST "/deposit/treasury/deposits/{deposit}/release" [Treasurer] => deposits::release_post;
    POST "/deposit/treasury/deposits/{deposit}/forfeit" [Treasurer] => deposits::forfeit_post;
    GET "/deposit/treasury/refunds" [Treasurer] => refunds::list_get;
    POST "/deposit/treasury/refunds" [Treasurer] => refunds::batch_post;
    POST "/deposit/treasury/refunds/{refund}/confirm" [Treasurer] => refunds::confirm_post;
    POST "/deposit/treasury/refunds/{refund}/returned" [Treasurer] => refunds::returned_post;
    GET "/deposit/treasury/batches/{batch}" [Treasurer] => refunds::batch_get;
    GET "/deposit/{tender}/{lot}" [Bidder] => bidder::lot_get;
    POST "/deposit/{tender}/{lot}" [Bidder] => bidder::lot_post;
}

/// A bank account as a form has it.
#[derive(serde::Deserialize, Clone, Default)]
struct AccountForm {
    #[serde(default)]
    holder: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    bank_code: String,
    #[serde(default)]
    bank_name: String,
}

impl AccountForm {
    fn of(declared: &Declared) -> Self {
        Self {
            holder: declared.holder.clone(),
            number: declared.number.clone(),
            bank_code: declared.bank_code.clone(),
            bank_name: declared.bank_name.clone(),
        }
    }

    fn declared(&self) -> Declared {
        Declared {
            holder: self.holder.clone(),
            number: self.number.clone(),
            bank_code: self.bank_code.clone(),
            bank_name: self.bank_name.clone(),
        }
    }

    /// The account, or nothing where all fields were left empty.
    fn given(&self) -> Option<Declared> {
        let empty = [&self.holder, &self.number, &self.bank_code, &self.bank_name];
        (!empty.iter().all(|field| field.trim().is_empty())).then(|| self.declared())
    }
}

/// A state in words and in the colour of its tag.
#[derive(Clone)]
struct StateView {
    word: String,
    tone: &'static str,
}

impl StateView {
    fn of(p: &Page, state: State) -> Self {
        let tone = match state {
            State::Demanded => "sun",
            State::Paid | State::Refunded => "good",
            State::Forfeited => "danger",
            State::Frozen | State::RefundDue | State::Instructed => "",
        };
        Self { word: p.t(&format!("deposit.state.{}", state.code())), tone }
    }
}

/// A deposit as a line of a list.
struct DemandView {
    id: String,
    bidder: String,
    lot: String,
    account: String,
    amount: String,
    held: String,
    state: StateView,
    due: String,
    asked_at: String,
}

impl DemandView {
    fn of(p: &Page, demand: &Demand, lot: String) -> Self {
        Self {
            id: demand.id.to_string(),
            bidder: demand.bidder_name.clone(),
            lot,
            account: demand.account.grouped(),
            amount: demand.amount.to_string(),
            held: demand.held.to_string(),
            state: StateView::of(p, demand.state),
            due: demand.refund_due_on.map(|day| day.to_string()).unwrap_or_default(),
            asked_at: demand.asked_at.beijing_minute(),
        }
    }
}

/// The open deposits, each with the name of its lot, or without as long as it is a secret who pays for that lot.
fn open_demands(db: &mut Db, vault: &Vault, now: Moment) -> Result<Vec<(Demand, Option<String>)>, Failure> {
    let mut names: HashMap<Id<Lot>, Option<String>> = HashMap::new();
    let mut open = Vec::new();
    for demand in store::open_demands(db, vault)? {
        let name = match names.entry(demand.lot) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let facts = project::store::known_lot(db, demand.lot)?;
                let secret = payers_are_secret(facts.schedule.as_ref(), now);
                new.insert((!secret).then(|| facts.name())).clone()
            }
        };
        open.push((demand, name));
    }
    Ok(open)
}

fn parse_id<T>(text: &str) -> Result<Id<T>, Failure> {
    Id::parse(text).ok_or_else(|| Refused::from(Refusal::DepositUnknown).into())
}

fn unknown() -> Failure {
    Refused::from(Refusal::DepositUnknown).into()
}

/// Where the money of a refund came from, in words.
fn refund_of(p: &Page, refund: &RefundRecord) -> String {
    match refund.of {
        super::records::RefundOf::Deposit(_) => p.t("deposit.refunds.of_deposit"),
        super::records::RefundOf::Money(_) => p.t("deposit.refunds.of_money"),
    }
}
