//! The agent's and the entity's workbench: their tenders, and one tender as a list of tasks.

mod dates;
mod lot;
mod tender;

use super::phase::{Milestone, Phase};
use super::standing::{LotFacts, TenderFacts};
use super::store;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Entity, Who};
use crate::ledger::Door;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/project" [Agent Entity] => list_get;
    GET "/project/new" [Agent] => tender::new_get;
    POST "/project/new" [Agent] => tender::new_post;
    GET "/project/{number}" [Agent Entity] => tasks_get;
    GET "/project/{number}/edit" [Agent] => tender::edit_get;
    POST "/project/{number}/edit" [Agent] => tender::edit_post;
    GET "/project/{number}/schedule" [Agent] => dates::schedule_get;
    POST "/project/{number}/schedule" [Agent] => dates::schedule_post;
    GET "/project/{number}/trustees" [Agent] => dates::trustees_get;
    POST "/project/{number}/trustees" [Agent] => dates::trustees_post;
    GET "/project/{number}/lot/{lot}" [Agent] => lot::lot_get;
    POST "/project/{number}/lot/{lot}" [Agent] => lot::lot_post;
    POST "/project/{number}/lot/{lot}/remove" [Agent] => lot::remove_post;
    POST "/project/{number}/lot/{lot}/cancel" [Entity] => cancel_post;
    POST "/project/{number}/lot/{lot}/unsuccessful" [Agent Entity] => unsuccessful_post;
}

/// How many tenders one page of the list shows.
const PAGE: i64 = 30;

#[derive(Template)]
#[template(path = "project/list.html")]
struct ListPage {
    p: Page,
    rows: Vec<ListRow>,
    older: Option<i64>,
}

struct ListRow {
    number: String,
    title: String,
    category: String,
    state: String,
    draft: bool,
    created: String,
}

#[derive(Deserialize)]
struct Older {
    before: Option<i64>,
}

async fn list_get(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    query: web::Query<Older>,
) -> Answer {
    let before = query.before.map(Moment::from_micros);
    let found = door.look(move |db| Ok(store::tenders_of(db, who.organisation, before, PAGE)?)).await?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count == PAGE);
    let older = found.last().filter(|_| full).map(|last| last.created_at.micros());
    let row = |tender: &TenderFacts| ListRow {
        number: tender.number.to_string(),
        title: tender.title.clone(),
        category: p.t(&format!("project.category.{}", tender.category.code())),
        state: p.t(if tender.announced_at.is_some() { "project.list.public" } else { "project.phase.draft" }),
        draft: tender.announced_at.is_none(),
        created: tender.created_at.beijing_minute(),
    };
    let rows = found.iter().map(row).collect();
    p.html(&ListPage { p: p.clone(), rows, older })
}

/// One line of a task list.
pub struct Task {
    pub label: String,
    pub href: String,
    pub done: bool,
    pub state: String,
}

pub(super) struct LotLine {
    pub number: u8,
    pub title: String,
    pub ceiling: String,
    pub phase: String,
    pub held: bool,
    pub cancellable: bool,
    pub may_fail: bool,
    /// The rooms in which this lot goes on, in the order of the street.
    pub rooms: Vec<Task>,
}

#[derive(Template)]
#[template(path = "project/tasks.html")]
struct TasksPage {
    p: Page,
    number: String,
    title: String,
    entity: String,
    draft: bool,
    agent: bool,
    tasks: Vec<Task>,
    ready: bool,
    lots: Vec<LotLine>,
    /// Whether a notice may still be amended: some lot's bids are not closed.
    amendable: bool,
}

/// The rooms in which a lot goes on once it is announced. Later rooms are named by their addresses: this room does not
/// know them.
fn rooms(p: &Page, lot: &LotFacts, phase: Phase) -> Vec<Task> {
    use Milestone as M;
    let name = lot.name();
    let rooms = [
        ("draw", format!("/expert-draw/{name}"), M::ExpertsDrawn),
        ("opening", format!("/opening/{name}"), M::Opened),
        ("evaluation", format!("/evaluation/{name}"), M::Evaluated),
        ("publication", format!("/publication/{name}"), M::ResultPublished),
    ];
    let ended = matches!(phase, Phase::Draft | Phase::Cancelled | Phase::Unsuccessful);
    let task = |(room, href, milestone): (&str, String, M)| Task {
        label: p.t(&format!("project.tasks.room.{room}")),
        href,
        done: lot.reached(milestone).is_some(),
        state: String::new(),
    };
    if ended { Vec::new() } else { rooms.into_iter().map(task).collect() }
}

/// A tender of the visitor's own organisation, with its lots.
///
/// # Errors
/// 404 for an unknown number, 403 for other people.
pub(super) fn own(db: &mut Db, who: &Who, number: &str) -> Result<(TenderFacts, Vec<LotFacts>), Failure> {
    let tender = store::tender_named(db, number)?;
    tender.check_own(who)?;
    let lots = store::lots_of(db, tender.tender)?;
    Ok((tender, lots))
}

/// As [`own`], but only while it is a draft.
///
/// # Errors
/// As [`own`]; 409 once it is announced.
pub(super) fn own_draft(
    db: &mut Db,
    who: &Who,
    number: &str,
) -> Result<(TenderFacts, Vec<LotFacts>), Failure> {
    let found = own(db, who, number)?;
    if found.0.announced_at.is_some() {
        return Err(Refused::new(409, "project.refusal.not_in_this_phase").into());
    }
    Ok(found)
}

async fn tasks_get(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let number = path.into_inner();
    let asker = who.clone();
    let (tender, lots, schedule) = door
        .look(move |db| {
            let (tender, lots) = own(db, &asker, &number)?;
            let schedule = store::schedule(db, tender.tender)?;
            Ok((tender, lots, schedule))
        })
        .await?;
    let tasks = tasks(&p, &tender, &lots, schedule.is_some());
    let line = |lot: &LotFacts| LotLine {
        number: lot.lot_number.get(),
        title: lot.title.clone(),
        ceiling: lot.terms.ceiling.to_string(),
        phase: p.t(&format!("project.phase.{}", lot.phase(p.now).code())),
        held: lot.hold().is_held(),
        cancellable: who.role == Role::Entity
            && lot.phase(p.now) != Phase::Draft
            && lot.may(super::flow::Step::CancelTender, who.role, p.now).is_ok(),
        may_fail: lot.may(super::flow::Step::DeclareUnsuccessful, who.role, p.now).is_ok(),
        rooms: rooms(&p, lot, lot.phase(p.now)),
    };
    let open = |lot: &LotFacts| matches!(lot.phase(p.now), Phase::Announced | Phase::Bidding);
    let page = TasksPage {
        p: p.clone(),
        number: tender.number.to_string(),
        title: tender.title.clone(),
        entity: tender.entity_name.clone(),
        draft: tender.announced_at.is_none(),
        agent: who.role == Role::Agent,
        ready: tasks.iter().all(|task| task.done),
        tasks,
        amendable: lots.iter().any(open),
        lots: lots.iter().map(line).collect(),
    };
    p.html(&page)
}

fn tasks(p: &Page, tender: &TenderFacts, lots: &[LotFacts], scheduled: bool) -> Vec<Task> {
    let number = &tender.number;
    let task = |key: &str, href: String, done: bool| Task {
        label: p.t(&format!("project.tasks.{key}")),
        href,
        done,
        state: p.t(if done { "project.tasks.done" } else { "project.tasks.missing" }),
    };
    vec![
        task("basics", format!("/project/{number}/edit"), true),
        task(
            "lots",
            format!("/project/{number}{}", if lots.is_empty() { "/lot/new" } else { "#lots" }),
            !lots.is_empty(),
        ),
        task("schedule", format!("/project/{number}/schedule"), scheduled),
        task("trustees", format!("/project/{number}/trustees"), tender.custody.is_some()),
    ]
}

#[derive(Deserialize)]
struct ReasonForm {
    reason: String,
}

async fn cancel_post(
    Entity(who): Entity,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    form: Posted<ReasonForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let back = format!("/project/{number}");
    let reason = form.0.reason;
    door.act(who.actor(), move |act| {
        let lot = store::lot_named(act.db(), &number, &lot)?.lot;
        super::actions::cancel(act, &who, lot, &reason)
    })
    .await?;
    Ok(Page::see(back))
}

async fn unsuccessful_post(
    Among(who, ..): Among<(Agent, Entity)>,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    form: Posted<ReasonForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let back = format!("/project/{number}");
    let reason = form.0.reason;
    door.act(who.actor(), move |act| {
        let lot = store::lot_named(act.db(), &number, &lot)?.lot;
        super::actions::declare_unsuccessful(act, &who, lot, &reason)
    })
    .await?;
    Ok(Page::see(back))
}
