//! All deposits that are held or awaited, and what the treasurer does to one.

use super::{AccountForm, DemandView, parse_id, unknown};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::actions::{self, Whose};
use crate::deposit::records::{Demand, Deposit};
use crate::deposit::rules::{ForfeitReason, RefundReason, Refusal, State, Step};
use crate::deposit::store;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

#[derive(Template)]
#[template(path = "deposit/deposits.html")]
struct ListPage {
    p: Page,
    rows: Vec<DemandView>,
    states: Vec<(&'static str, String)>,
    chosen: String,
    signals: Vec<Vec<DemandView>>,
}

#[derive(serde::Deserialize, Default)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
}

pub(super) async fn list_get(
    Treasurer(_): Treasurer,
    p: Page,
    door: web::Data<Door>,
    filter: web::Query<Filter>,
) -> Answer {
    let vault = door.vault().clone();
    let (demands, names) = door
        .look(move |db| {
            let demands = store::open_demands(db, &vault)?;
            let mut names = HashMap::new();
            for demand in &demands {
                if let Entry::Vacant(new) = names.entry(demand.lot) {
                    new.insert(project::store::known_lot(db, demand.lot)?.name());
                }
            }
            Ok((demands, names))
        })
        .await?;
    let view =
        |demand: &Demand| DemandView::of(&p, demand, names.get(&demand.lot).cloned().unwrap_or_default());
    let mut signals = Vec::new();
    for lot in names.keys() {
        let of_lot: Vec<Demand> = demands.iter().filter(|d| d.lot == *lot).cloned().collect();
        signals.extend(
            store::grouped_payers(&of_lot).iter().map(|group| group.iter().map(view).collect::<Vec<_>>()),
        );
    }
    let chosen = State::from_code(&filter.state);
    let shown = demands.iter().filter(|d| chosen.is_none_or(|state| d.state == state));
    let open_states = State::ALL.into_iter().filter(|state| !state.is_final());
    p.html(&ListPage {
        rows: shown.map(view).collect(),
        states: open_states.map(|s| (s.code(), p.t(&format!("deposit.state.{}", s.code())))).collect(),
        chosen: chosen.map(|s| s.code().to_owned()).unwrap_or_default(),
        signals,
        p: p.clone(),
    })
}

#[derive(Template)]
#[template(path = "deposit/deposit.html")]
struct OnePage {
    p: Page,
    row: DemandView,
    tender: String,
    declared: AccountForm,
    note: String,
    refund_reason: String,
    forfeit_reason: String,
    may_freeze: bool,
    may_release: bool,
    may_forfeit: bool,
    release_reasons: Vec<(&'static str, String)>,
    forfeit_reasons: Vec<(&'static str, String)>,
    form: ActForm,
}

#[derive(serde::Deserialize, Clone, Default)]
pub(super) struct ActForm {
    #[serde(default)]
    why: String,
    #[serde(default)]
    reason: String,
}

async fn page(p: Page, door: &Door, id: &str, form: ActForm) -> Result<OnePage, Failure> {
    let vault = door.vault().clone();
    let id = parse_id::<Deposit>(id)?;
    let (demand, facts) = door
        .look(move |db| {
            let demand = store::demand(db, &vault, id)?.ok_or_else(unknown)?;
            let facts = project::store::known_lot(db, demand.lot)?;
            Ok((demand, facts))
        })
        .await?;
    let may = |step| demand.state.after(step, demand.held).is_ok();
    let word = |prefix: &str, code: &'static str| (code, p.t(&format!("deposit.{prefix}.{code}")));
    Ok(OnePage {
        row: DemandView::of(&p, &demand, facts.name()),
        tender: facts.tender_title,
        declared: AccountForm::of(&demand.declared),
        note: demand.note.clone().unwrap_or_default(),
        refund_reason: demand.refund_reason.map(|r| word("refund_reason", r.code()).1).unwrap_or_default(),
        forfeit_reason: demand.forfeit_reason.map(|r| word("forfeit_reason", r.code()).1).unwrap_or_default(),
        may_freeze: may(Step::Freeze),
        may_release: may(Step::Release),
        may_forfeit: may(Step::Forfeit),
        release_reasons: RefundReason::ALL.into_iter().map(|r| word("refund_reason", r.code())).collect(),
        forfeit_reasons: ForfeitReason::ALL.into_iter().map(|r| word("forfeit_reason", r.code())).collect(),
        form,
        p,
    })
}

pub(super) async fn one_get(
    Treasurer(_): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    p.html(&page(p.clone(), &door, &path, ActForm::default()).await?)
}

async fn shown_again(p: Page, door: &Door, id: &str, form: ActForm, done: Result<(), Failure>) -> Answer {
    match p.or_problem(done)? {
        Ok(()) => Ok(Page::see(format!("/deposit/treasury/deposits/{id}"))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(p.clone(), door, id, form).await?),
    }
}

pub(super) async fn freeze_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ActForm>,
) -> Answer {
    let (id, why) = (parse_id(&path)?, form.0.why.clone());
    let done = door.act(who.actor(), move |act| actions::freeze(act, id, &why)).await.map(|_| ());
    shown_again(p, &door, &path, form.0, done).await
}

pub(super) async fn forfeit_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ActForm>,
) -> Answer {
    let (id, why) = (parse_id(&path)?, form.0.why.clone());
    let done = match ForfeitReason::from_code(&form.0.reason) {
        None => Err(Refused::from(Refusal::ReasonMissing).into()),
        Some(reason) => {
            door.act(who.actor(), move |act| actions::forfeit(act, id, reason, &why)).await.map(|_| ())
        }
    };
    shown_again(p, &door, &path, form.0, done).await
}

pub(super) async fn release_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ActForm>,
) -> Answer {
    let id = parse_id::<Deposit>(&path)?;
    let done = match RefundReason::from_code(&form.0.reason) {
        None => Err(Refused::from(Refusal::ReasonMissing).into()),
        Some(reason) => release(&door, who.actor(), id, reason, p.now).await,
    };
    shown_again(p, &door, &path, form.0, done).await
}

async fn release(
    door: &Door,
    actor: crate::ledger::Actor,
    id: Id<Deposit>,
    reason: RefundReason,
    now: Moment,
) -> Result<(), Failure> {
    let vault = door.vault().clone();
    let (demand, due) = door
        .look(move |db| {
            let demand = store::demand(db, &vault, id)?.ok_or_else(unknown)?;
            let facts = project::store::known_lot(db, demand.lot)?;
            let due = actions::due_date(&facts.book()?.deposit, reason, now).map_err(Refused::from)?;
            Ok((demand, due))
        })
        .await?;
    let whose = demand.bidder;
    let lot = demand.lot;
    let released = door
        .act(actor, move |act| actions::refunds_due_for(act, lot, Whose::Only(&[whose]), reason, due))
        .await?
        .value;
    let state = demand.state;
    if released == 1 { Ok(()) } else { Err(Refused::from(Refusal::NotInThisState { state }).into()) }
}
