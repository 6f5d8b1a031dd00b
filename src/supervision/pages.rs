//! The supervisor's pages.

use super::rules::{Shown, is_shown};
use super::store;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Supervisor;
use crate::ledger::act::{Opened, Subject};
use crate::ledger::store::EntryRow;
use crate::ledger::{Door, EntryId};
use crate::platform::digest::from_b64u;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::project::store::{known_lot, lot_named};
use crate::{expert_draw, project, recording};
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/supervision" [Supervisor] => list_get;
    GET "/supervision/entry/{lot}/{entry}/receipt" [Supervisor] => receipt_get;
    GET "/supervision/{number}/{lot}" [Supervisor] => lot_get;
    POST "/supervision/{number}/{lot}/freeze" [Supervisor] => freeze_post;
    POST "/supervision/{number}/{lot}/unfreeze" [Supervisor] => unfreeze_post;
}

const LOTS_PAGE: i64 = 50;
const ENTRIES_PAGE: i64 = 200;

#[derive(Deserialize, Default)]
struct ListQuery {
    #[serde(default)]
    number: String,
    #[serde(default)]
    held: String,
    before: Option<i64>,
    #[serde(default)]
    after: String,
}

struct LotLine {
    name: String,
    title: String,
    entity: String,
    phase: String,
    frozen: bool,
    suspended: bool,
    deadline: String,
}

#[derive(Template)]
#[template(path = "supervision/list.html")]
struct ListPage {
    p: Page,
    number: String,
    held: bool,
    lots: Vec<LotLine>,
    /// Address of the next page.
    next: Option<String>,
}

async fn list_get(
    Supervisor(_who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    query: web::Query<ListQuery>,
) -> Answer {
    let query = query.into_inner();
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let number: String = query.number.trim().to_ascii_uppercase().chars().filter(plain).take(40).collect();
    let held = !query.held.is_empty();
    let (wanted, before, after) = (number.clone(), query.before.unwrap_or(i64::MAX), query.after);
    let found = door
        .look(move |db| {
            let mut found = Vec::new();
            for (lot, at) in store::lots(db, &wanted, held, (before, &after), LOTS_PAGE)? {
                found.push((known_lot(db, lot)?, at));
            }
            Ok(found)
        })
        .await?;
    let last = found.last().filter(|_| found.len() == usize::try_from(LOTS_PAGE).unwrap_or_default());
    let next = last.map(|(facts, at)| {
        let held = if held { "&held=1" } else { "" };
        format!("/supervision?number={number}{held}&before={at}&after={}", facts.lot)
    });
    let lots = found.iter().map(|(facts, _)| lot_line(&p, facts)).collect();
    p.html(&ListPage { p: p.clone(), number, held, lots, next })
}

fn lot_line(p: &Page, facts: &LotFacts) -> LotLine {
    let hold = facts.hold();
    LotLine {
        name: facts.name(),
        title: format!("{} · {}", facts.tender_title, facts.title),
        entity: facts.entity_name.clone(),
        phase: p.t(&format!("project.phase.{}", facts.phase(p.now).code())),
        frozen: hold.frozen,
        suspended: hold.suspensions > 0,
        deadline: facts.schedule.map(|schedule| schedule.bids_until.beijing_minute()).unwrap_or_default(),
    }
}

/// A line of the log, as far as it may be seen.
struct EntryLine {
    id: String,
    index: String,
    at: String,
    room: String,
    /// What happened, in words.
    what: String,
    /// The word in the log.
    kind: String,
    by: String,
    /// The logged object, if it may be seen.
    content: Option<String>,
    /// Older entries of the same kind right below this one, folded away: a recording makes many.
    folded: Vec<EntryLine>,
}

struct SessionLine {
    id: String,
    purpose: String,
    opened_at: String,
    running: bool,
}

struct DrawLine {
    id: String,
    set_up_at: String,
    subject: String,
}

#[derive(Template)]
#[template(path = "supervision/lot.html")]
struct LotPage {
    p: Page,
    line: LotLine,
    lot: String,
    /// Whether there is evidence to take.
    evidence: bool,
    can_freeze: bool,
    can_unfreeze: bool,
    why_not: String,
    since: String,
    milestones: Vec<(String, String)>,
    sessions: Vec<SessionLine>,
    draws: Vec<DrawLine>,
    entries: Vec<EntryLine>,
    next: Option<String>,
}

/// Everything that was entered about a lot or its tender, in clear or sealed: under both names.
fn subjects(vault: &Vault, facts: &LotFacts) -> Vec<String> {
    let (tender, lot) = (facts.tender.to_string(), facts.lot.to_string());
    let both = [Subject::open(&tender), Subject::open(&lot), Subject::sealed(&tender), Subject::sealed(&lot)];
    both.iter().map(|subject| subject.column(vault)).collect()
}

fn is_sealed(row: &EntryRow, facts: &LotFacts) -> bool {
    row.subject != facts.tender.to_string() && row.subject != facts.lot.to_string()
}

fn entry_line(p: &Page, row: &EntryRow, opened: &Opened, shown: Shown) -> EntryLine {
    let room = opened.kind.split('.').next().unwrap_or_default();
    let bytes = from_b64u(&opened.object).filter(|_| shown == Shown::Whole);
    let reached = bytes.as_deref().and_then(|bytes| milestone_of(&opened.kind, bytes));
    EntryLine {
        id: row.id.clone(),
        index: row.log_index.map(|index| index.to_string()).unwrap_or_default(),
        at: Moment::from_micros(row.at).beijing(),
        room: p.t(&format!("supervision.room.{room}")),
        what: reached.map_or_else(
            || p.t(&format!("supervision.kind.{}", opened.kind)),
            |code| p.tv("supervision.milestone", "name", p.t(&format!("project.milestone.{code}"))),
        ),
        kind: opened.kind.clone(),
        by: match opened.by.role.as_str() {
            "system" => p.t("supervision.by_system"),
            role => p.t(&format!("account.role.{role}")),
        },
        content: bytes.and_then(|bytes| String::from_utf8(bytes).ok()),
        folded: Vec::new(),
    }
}

/// Which milestone an entry says was reached.
fn milestone_of(kind: &str, object: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Reached {
        milestone: crate::project::phase::Milestone,
    }
    #[derive(Deserialize)]
    struct Entered {
        event: Reached,
    }
    let entered =
        (kind == "project.milestone_reached").then(|| serde_json::from_slice::<Entered>(object).ok());
    entered.flatten().map(|entered| entered.event.milestone.code().to_owned())
}

/// Of this kind there is one every few seconds while people are recorded.
const FOLDED: &str = "recording.record";

/// Adds a line; one of a kind that comes in long runs goes into the fold of the line above.
fn add(entries: &mut Vec<EntryLine>, line: EntryLine) {
    match entries.last_mut() {
        Some(above) if line.kind == FOLDED && above.kind == FOLDED => above.folded.push(line),
        _ => entries.push(line),
    }
}

#[derive(Deserialize)]
struct Older {
    before: Option<i64>,
}

async fn lot_get(
    Supervisor(_who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    query: web::Query<Older>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let page = page_of(&p, &door, number, lot, query.before.unwrap_or(i64::MAX)).await?;
    p.html(&page)
}

async fn page_of(
    p: &Page,
    door: &Door,
    number: String,
    lot: String,
    before: i64,
) -> Result<LotPage, Failure> {
    let (page, vault) = (p.clone(), door.vault().clone());
    door.look(move |db| {
        let facts = lot_named(db, &number, &lot)?;
        let rows = store::entries(db, &subjects(&vault, &facts), before, ENTRIES_PAGE)?;
        let mut entries = Vec::new();
        for row in &rows {
            let opened = Opened::open(&vault, &row.body)?;
            let shown = is_shown(&opened.kind, is_sealed(row, &facts), &facts);
            if shown != Shown::Nothing {
                add(&mut entries, entry_line(&page, row, &opened, shown));
            }
        }
        let sessions = recording::store::sessions_of(db, facts.lot)?;
        let draws = expert_draw::store::draws_of(db, facts.lot)?;
        let more = rows.last().filter(|_| rows.len() == usize::try_from(ENTRIES_PAGE).unwrap_or_default());
        let next = more.map(|row| format!("/supervision/{}?before={}", facts.name(), row.arrival));
        Ok(LotPage { entries, next, ..frame(&page, &facts, sessions, draws) })
    })
    .await
}

/// The page without its log.
fn frame(
    p: &Page,
    facts: &LotFacts,
    sessions: Vec<recording::store::SessionRow>,
    draws: Vec<expert_draw::store::DrawRow>,
) -> LotPage {
    use crate::project::flow::Step;
    let hold = facts.hold();
    let role = crate::account::role::Role::Supervisor;
    let may_freeze = facts.may(Step::Freeze, role, p.now);
    let may_unfreeze = facts.may(Step::Unfreeze, role, p.now).and_then(|_| facts.check_lift(p.now));
    let refusal = if hold.frozen { may_unfreeze.as_ref().err() } else { may_freeze.as_ref().err() };
    let milestone = |reached: &crate::project::phase::Reached| {
        (p.t(&format!("project.milestone.{}", reached.milestone.code())), reached.at.beijing())
    };
    let session = |row: recording::store::SessionRow| SessionLine {
        id: row.id.to_string(),
        purpose: p.t(&format!("supervision.session.{}", row.purpose)),
        opened_at: row.opened_at.beijing_minute(),
        running: row.closed_at.is_none(),
    };
    let draw = |row: expert_draw::store::DrawRow| DrawLine {
        id: row.id.to_string(),
        set_up_at: row.set_up_at.beijing_minute(),
        subject: p.t(&format!("expert_draw.subject.{}", row.subject.code())),
    };
    LotPage {
        p: p.clone(),
        line: lot_line(p, facts),
        lot: facts.lot.to_string(),
        evidence: facts.is_past_opening(),
        can_freeze: !hold.frozen && may_freeze.is_ok(),
        can_unfreeze: hold.frozen && may_unfreeze.is_ok(),
        why_not: refusal.map(|refused| p.lang.refusal(refused)).unwrap_or_default(),
        since: hold.since.map(Moment::beijing).unwrap_or_default(),
        milestones: facts.milestones.iter().map(milestone).collect(),
        sessions: sessions.into_iter().map(session).collect(),
        draws: draws.into_iter().map(draw).collect(),
        entries: vec![],
        next: None,
    }
}

/// The receipt of an entry, as a file: proof that it is in the log. Only for entries that the lot's page shows.
async fn receipt_get(
    Supervisor(_who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (lot, entry) = path.into_inner();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let lot: Id<Lot> = Id::parse(&lot).ok_or_else(missing)?;
    let entry: EntryId = Id::parse(&entry).ok_or_else(missing)?;
    let (vault, house) = (door.vault().clone(), door.clone());
    let receipt = door
        .look(move |db| {
            let facts = known_lot(db, lot)?;
            let row = crate::ledger::store::entry(db, entry)?.ok_or_else(missing)?;
            let opened = Opened::open(&vault, &row.body)?;
            let ours = subjects(&vault, &facts).contains(&row.subject);
            if !ours || is_shown(&opened.kind, is_sealed(&row, &facts), &facts) == Shown::Nothing {
                return Err(missing().into());
            }
            Ok(house.receipt(db, entry)?.to_string())
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{entry}.tlog-proof\"")))
        .body(receipt))
}

#[derive(Deserialize)]
struct ReasonForm {
    reason: String,
}

type LotPath = web::Path<(String, String)>;

async fn freeze_post(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: LotPath,
    form: Posted<ReasonForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (own, tender, place) = (who.clone(), number.clone(), lot.clone());
    let act = door.act(who.actor(), move |act| {
        let lot = lot_named(act.db(), &tender, &place)?.lot;
        project::actions::freeze(act, &own, lot, &form.0.reason)
    });
    let result = act.await.map(|_| ());
    after(p, &door, number, lot, result).await
}

async fn unfreeze_post(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: LotPath,
    form: Posted<ReasonForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (own, tender, place) = (who.clone(), number.clone(), lot.clone());
    let act = door.act(who.actor(), move |act| {
        let lot = lot_named(act.db(), &tender, &place)?.lot;
        project::actions::unfreeze(act, &own, lot, &form.0.reason)
    });
    let result = act.await.map(|_| ());
    after(p, &door, number, lot, result).await
}

async fn after(p: Page, door: &Door, number: String, lot: String, result: Result<(), Failure>) -> Answer {
    match p.or_problem(result)? {
        Ok(()) => Ok(Page::see(format!("/supervision/{number}/{lot}"))),
        Err(p) => {
            let page = page_of(&p, door, number, lot, i64::MAX).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
