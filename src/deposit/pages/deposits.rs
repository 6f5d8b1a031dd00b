//! All deposits that are held or awaited, and what the treasurer does to one.

use super::{AccountForm, DemandView, open_demands, parse_id, unknown};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::actions::{self, Whose};
use crate::deposit::records::{Demand, Deposit};
use crate::deposit::rules::{ForfeitReason, RefundReason, Refusal, State, Step, payers_are_secret};
use crate::deposit::store;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use std::collections::HashMap;

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
    let (vault, now) = (door.vault().clone(), p.now);
    let open = door.look(move |db| open_demands(db, &vault, now)).await?;
    let told: Vec<(Demand, String)> =
        open.into_iter().filter_map(|(demand, lot)| Some((demand, lot?))).collect();
    let mut lots: HashMap<Id<Lot>, (String, Vec<Demand>)> = HashMap::new();
    for (demand, name) in &told {
        lots.entry(demand.lot).or_insert_with(|| (name.clone(), Vec::new())).1.push(demand.clone());
    }
    let mut signals = Vec::new();
    for (name, demands) in lots.values() {
        let view = |demand: &Demand| DemandView::of(&p, demand, name.clone());
        signals.extend(
            store::grouped_payers(demands).iter().map(|group| group.iter().map(view).collect::<Vec<_>>()),
        );
    }
    let chosen = State::from_code(&filter.state);
    let shown = told.iter().filter(|(demand, _)| chosen.is_none_or(|state| demand.state == state));
    let open_states = State::ALL.into_iter().filter(|state| !state.is_final());
    p.html(&ListPage {
        rows: shown.map(|(demand, lot)| DemandView::of(&p, demand, lot.clone())).collect(),
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

/// A deposit that the treasurer may see at this moment, and its lot.
async fn visible(door: &Door, id: &str, now: Moment) -> Result<(Demand, LotFacts), Failure> {
    let vault = door.vault().clone();
    let id = parse_id::<Deposit>(id)?;
    let seen = door.look(move |db| {
        let demand = store::demand(db, &vault, id)?.ok_or_else(unknown)?;
        let facts = project::store::known_lot(db, demand.lot)?;
        if payers_are_secret(facts.schedule.as_ref(), now) {
            return Err(Refused::from(Refusal::SecretUntilTheDeadline).into());
        }
        Ok((demand, facts))
    });
    seen.await
}

async fn page(p: Page, door: &Door, id: &str, form: ActForm) -> Result<OnePage, Failure> {
    let (demand, facts) = visible(door, id, p.now).await?;
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
    let id = visible(&door, &path, p.now).await?.0.id;
    let why = form.0.why.clone();
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
    let id = visible(&door, &path, p.now).await?.0.id;
    let why = form.0.why.clone();
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
    let seen = visible(&door, &path, p.now).await?;
    let done = match RefundReason::from_code(&form.0.reason) {
        None => Err(Refused::from(Refusal::ReasonMissing).into()),
        Some(reason) => release(&door, who.actor(), seen, reason, p.now).await,
    };
    shown_again(p, &door, &path, form.0, done).await
}

async fn release(
    door: &Door,
    actor: crate::ledger::Actor,
    (demand, facts): (Demand, LotFacts),
    reason: RefundReason,
    now: Moment,
) -> Result<(), Failure> {
    let due = actions::due_date(&facts.book()?.deposit, reason, now).map_err(Refused::from)?;
    let Demand { bidder: whose, lot, state, .. } = demand;
    let released = door
        .act(actor, move |act| actions::refunds_due_for(act, lot, Whose::Only(&[whose]), reason, due))
        .await?
        .value;
    if released == 1 { Ok(()) } else { Err(Refused::from(Refusal::NotInThisState { state }).into()) }
}
