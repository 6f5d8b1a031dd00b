//! What a bidder sees of its own deposits.

use super::{AccountForm, DemandView, StateView};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Bidder, Who};
use crate::deposit::records::{CentreAccount, Demand};
use crate::deposit::rules::{RefundReason, State};
use crate::deposit::{actions, store};
use crate::ledger::Door;
use crate::platform::money::Fen;
use crate::platform::refusal::Failure;
use crate::platform::web::Answer;
use crate::project;
use crate::project::standing::LotFacts;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "deposit/mine.html")]
struct MinePage {
    p: Page,
    rows: Vec<(DemandView, String)>,
}

pub(super) async fn mine_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let bidder = who.organisation;
    let found = door
        .look(move |db| {
            let demands = store::demands_by(db, &vault, bidder)?;
            demands
                .into_iter()
                .map(|d| Ok((project::store::known_lot(db, d.lot)?, d)))
                .collect::<Result<Vec<_>, Failure>>()
        })
        .await?;
    let row = |(facts, demand): &(LotFacts, Demand)| {
        let name = format!("{} {}", facts.name(), facts.tender_title);
        (DemandView::of(&p, demand, name), format!("/deposit/{}", facts.name()))
    };
    p.html(&MinePage { p: p.clone(), rows: found.iter().map(row).collect() })
}

/// What the bidder's page shows once there is a number.
struct Paying {
    account: String,
    centre: AccountForm,
    declared: AccountForm,
    state: StateView,
    held: String,
    outstanding: String,
    waits: bool,
    partly: bool,
    secured: bool,
    refund_due: String,
    refund_reason: String,
    forfeit_reason: String,
    refunded: bool,
    /// The bid was withdrawn: what a new one would mean for the deposit must be said.
    withdrawn: bool,
}

#[derive(Template)]
#[template(path = "deposit/lot.html")]
struct LotPage {
    p: Page,
    lot: String,
    tender: String,
    tender_number: String,
    lot_name: String,
    action: String,
    amount: String,
    asked: bool,
    deadline: String,
    deadline_micros: i64,
    open: bool,
    holder: String,
    form: AccountForm,
    may_ask: bool,
    paying: Option<Paying>,
}

struct LotFound {
    facts: LotFacts,
    demand: Option<Demand>,
    centre: Option<CentreAccount>,
}

async fn find(door: &Door, who: &Who, (tender, lot): (String, String)) -> Result<LotFound, Failure> {
    let vault = door.vault().clone();
    let bidder = who.organisation;
    door.look(move |db| {
        let facts = project::store::seen_lot(db, &tender, &lot, None)?;
        let demand = store::demand_of(db, &vault, facts.lot, bidder)?;
        let centre = store::centre_account(db, &vault)?;
        Ok(LotFound { facts, demand, centre })
    })
    .await
}

fn page(p: &Page, who: &Who, found: &LotFound, form: Option<AccountForm>) -> Result<LotPage, Failure> {
    let facts = &found.facts;
    let deadline = facts.plan()?.bid_deadline();
    let empty = AccountForm { holder: who.organisation_name.clone(), ..AccountForm::default() };
    let declared = found.demand.as_ref().map(|d| AccountForm::of(&d.declared));
    Ok(LotPage {
        p: p.clone(),
        lot: facts.name(),
        tender: facts.tender_title.clone(),
        tender_number: facts.number.to_string(),
        lot_name: facts.title.clone(),
        action: format!("/deposit/{}", facts.name()),
        amount: facts.terms.deposit.to_string(),
        asked: facts.terms.deposit > Fen(0),
        deadline: deadline.0.beijing(),
        deadline_micros: deadline.0.micros(),
        open: deadline.is_open(p.now),
        holder: who.organisation_name.clone(),
        form: form.or(declared).unwrap_or(empty),
        may_ask: found
            .demand
            .as_ref()
            .is_none_or(|d| d.state == State::Demanded && d.held == Fen(0) || actions::may_ask_again(d)),
        paying: found.demand.as_ref().map(|demand| paying(p, demand, found.centre.as_ref())),
    })
}

fn paying(p: &Page, demand: &Demand, centre: Option<&CentreAccount>) -> Paying {
    let word = |prefix: &str, code: Option<&str>| {
        code.map(|code| p.t(&format!("{prefix}.{code}"))).unwrap_or_default()
    };
    Paying {
        account: demand.account.grouped(),
        centre: centre.map(|c| AccountForm::of(&c.account)).unwrap_or_default(),
        declared: AccountForm::of(&demand.declared),
        state: StateView::of(p, demand.state),
        held: demand.held.to_string(),
        outstanding: demand.outstanding().to_string(),
        waits: demand.state == State::Demanded,
        partly: demand.state == State::Demanded && demand.held > Fen(0),
        secured: demand.state.is_secured(),
        refund_due: demand.refund_due_on.map(|day| day.to_string()).unwrap_or_default(),
        refund_reason: word("deposit.refund_reason", demand.refund_reason.map(|r| r.code())),
        forfeit_reason: word("deposit.forfeit_reason", demand.forfeit_reason.map(|r| r.code())),
        refunded: demand.state == State::Refunded,
        withdrawn: demand.refund_reason == Some(RefundReason::Withdrawn),
    }
}

pub(super) async fn lot_get(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let found = find(&door, &who, path.into_inner()).await?;
    p.html(&page(&p, &who, &found, None)?)
}

pub(super) async fn lot_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    form: Posted<AccountForm>,
) -> Answer {
    let names = path.into_inner();
    let found = find(&door, &who, names.clone()).await?;
    let (lot, bidder, name) = (found.facts.lot, who.organisation, who.organisation_name.clone());
    let declared = form.0.declared();
    let asked = door
        .act(who.actor(), move |act| actions::request_account(act, (bidder, &name), lot, &declared))
        .await;
    match p.clone().or_problem(asked)? {
        Ok(_) => Ok(Page::see(format!("/deposit/{}/{}", names.0, names.1))),
        Err(p) => {
            let form = AccountForm { holder: who.organisation_name.clone(), ..form.0 };
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, &who, &found, Some(form))?)
        }
    }
}
