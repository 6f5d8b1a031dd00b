//! Pages of the room: the list of draws, one draw with everything that can be done to it, its names. Setting up, the
//! pool and the experts' invitations have files of their own.

mod invitations;
mod pool;
mod set_up;

use self::invitations::{invitations_get, invitations_post};
use self::pool::{account_post, pool_get, pool_post};
use self::set_up::{coefficient_check_post, coefficient_post, experts_check_post, experts_post, lot_get};
use super::actions;
use super::draw::Draw;
use super::hex_bytes::Hex;
use super::public_value::PublicSource;
use super::rules::{Progress, Step, Subject};
use super::store::{self, DrawRow, PartyRow};
use super::tasks::Task;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Anybody, Supervisor, Who};
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/expert-draw" [Agent Entity Supervisor Centre] => list_get;
    GET "/expert-draw/pool" [Centre] => pool_get;
    POST "/expert-draw/pool" [Centre] => pool_post;
    POST "/expert-draw/pool/account" [Centre] => account_post;
    GET "/expert-draw/invitations" [Expert] => invitations_get;
    POST "/expert-draw/invitations" [Expert] => invitations_post;
    GET "/expert-draw/draw/{draw}" [Agent Entity Supervisor Centre] => draw_get;
    POST "/expert-draw/draw/{draw}/commit" [Agent Entity Supervisor Centre] => commit_post;
    POST "/expert-draw/draw/{draw}/fix" [Agent Entity] => fix_post;
    POST "/expert-draw/draw/{draw}/reveal" [Agent Entity Supervisor Centre] => reveal_post;
    POST "/expert-draw/draw/{draw}/value" [Agent Entity Supervisor Centre] => value_post;
    POST "/expert-draw/draw/{draw}/carry-out" [Agent Entity Centre] => carry_out_post;
    POST "/expert-draw/draw/{draw}/give-up" [Agent Entity] => give_up_post;
    POST "/expert-draw/draw/{draw}/pass-on" [Agent Entity Supervisor Centre] => pass_on_post;
    POST "/expert-draw/draw/{draw}/names" [Supervisor] => names_post;
    POST "/expert-draw/draw/{draw}/record" [Supervisor] => record_post;
    GET "/expert-draw/{number}/{lot}" [Agent Entity Supervisor Centre] => lot_get;
    POST "/expert-draw/{number}/{lot}/experts/check" [Agent Entity] => experts_check_post;
    POST "/expert-draw/{number}/{lot}/experts" [Agent Entity] => experts_post;
    POST "/expert-draw/{number}/{lot}/coefficient/check" [Agent Entity] => coefficient_check_post;
    POST "/expert-draw/{number}/{lot}/coefficient" [Agent Entity] => coefficient_post;
}

/// Most draws that one list shows; older ones are found from their lots.
const LISTED_MAX: i64 = 200;

/// A draw as a line of a list.
struct DrawLine {
    id: String,
    lot: String,
    title: String,
    subject: String,
    step: String,
    /// Class of the step's tag.
    tag: &'static str,
    set_up_at: String,
    turn: bool,
}

#[derive(Template)]
#[template(path = "expert_draw/list.html")]
struct ListPage {
    p: Page,
    draws: Vec<DrawLine>,
}

async fn list_get(Anybody(who): Anybody, p: Page, door: web::Data<Door>) -> Answer {
    let (page, now) = (p.clone(), p.now);
    let draws = door
        .look(move |db| {
            let mut lines = Vec::new();
            for row in store::newest_draws(db, LISTED_MAX)? {
                let facts = crate::project::store::known_lot(db, row.lot)?;
                if may_see(&facts, &who) {
                    let parties = store::parties(db, row.id)?;
                    lines.push(line(&page, &row, &store::progress(&row, &parties), &facts, &who, now));
                }
            }
            Ok(lines)
        })
        .await?;
    p.html(&ListPage { p: p.clone(), draws })
}

/// Supervisor and centre see all draws, agents and entities those of their own tenders.
fn may_see(facts: &LotFacts, who: &Who) -> bool {
    matches!(who.role, Role::Supervisor | Role::Centre) || facts.is_own(who)
}

fn line(p: &Page, row: &DrawRow, progress: &Progress, facts: &LotFacts, who: &Who, now: Moment) -> DrawLine {
    let step = progress.step(now);
    DrawLine {
        id: row.id.to_string(),
        lot: facts.name(),
        title: facts.tender_title.clone(),
        subject: subject_name(p, row.subject),
        step: p.t(step.key()),
        tag: tag_of(step),
        set_up_at: row.set_up_at.beijing_minute(),
        turn: progress.whose_turn(now).iter().any(|party| party == who.role.code()),
    }
}

fn subject_name(p: &Page, subject: Subject) -> String {
    match subject {
        Subject::Experts => p.t("expert_draw.subject.experts"),
        Subject::Coefficient => p.t("expert_draw.subject.coefficient"),
    }
}

const fn tag_of(step: Step) -> &'static str {
    match step {
        Step::Drawn => "good",
        Step::Failed => "danger",
        Step::Waiting => "",
        _ => "sun",
    }
}

/// The source of the public value in words.
fn source_words(p: &Page, source: &PublicSource) -> String {
    match source {
        PublicSource::Drand { round, .. } => p.tv("expert_draw.source.drand", "round", round),
        PublicSource::Lottery { name, issue, published_at } => {
            let places = [("name", name.clone()), ("issue", issue.clone()), ("place", published_at.clone())];
            p.lang.with("expert_draw.source.lottery", &places)
        }
    }
}

/// A party of the draw as a row of its table.
struct PartyLine {
    name: String,
    committed: String,
    revealed: String,
    value: String,
    own: bool,
}

/// A seat without its holder's name.
struct SeatLine {
    stratum: String,
    candidate: String,
    called_at: String,
    answer: String,
    tag: &'static str,
    cause: String,
    holds: bool,
}

/// A step of the timeline.
struct Milestone {
    name: String,
    at: String,
    class: &'static str,
}

#[derive(Template)]
#[template(path = "expert_draw/draw.html")]
struct DrawPage {
    p: Page,
    id: String,
    lot: String,
    lot_path: String,
    title: String,
    subject: String,
    is_experts: bool,
    step: String,
    tag: &'static str,
    turn: String,
    own_turn: bool,
    tasks: Vec<Task>,
    party: String,
    timeline: Vec<Milestone>,
    /// The moment at which the page changes by itself, microseconds.
    next_change: Option<i64>,
    source: String,
    is_drand: bool,
    list_hash: String,
    doc_hash: String,
    public_value: String,
    cause: String,
    parties: Vec<PartyLine>,
    seats: Vec<SeatLine>,
    coefficient: Option<String>,
}

impl DrawPage {
    fn can(&self, task: &str) -> bool {
        let wanted = match task {
            "commit" => Task::Commit,
            "fix" => Task::Fix,
            "reveal" => Task::Reveal,
            "read" => Task::ReadValue,
            "draw" => Task::Draw,
            "give_up" => Task::GiveUp,
            "pass_on" => Task::PassOn,
            _ => Task::ReadNames,
        };
        self.tasks.contains(&wanted)
    }
}

/// A draw with everything that its page shows.
struct Seen {
    row: DrawRow,
    parties: Vec<PartyRow>,
    seats: Vec<store::seats::SeatRow>,
    facts: LotFacts,
    coefficient: Option<String>,
}

fn id_of(text: &str) -> Result<Id<Draw>, Failure> {
    Ok(Id::parse(text).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?)
}

async fn see_draw(door: &Door, who: &Who, draw: Id<Draw>) -> Result<Seen, Failure> {
    let (vault, who) = (door.vault().clone(), who.clone());
    door.look(move |db| {
        let missing = || Refused::new(404, "platform.refusal.not_found");
        let row = store::draw(db, draw)?.ok_or_else(missing)?;
        let facts = crate::project::store::known_lot(db, row.lot)?;
        if !may_see(&facts, &who) {
            return Err(missing().into());
        }
        let coefficient = match row.subject {
            Subject::Coefficient => actions::value_of(db, &vault, &row)?,
            Subject::Experts => None,
        };
        Ok(Seen {
            parties: store::parties(db, draw)?,
            seats: store::seats::seats(db, draw)?,
            row,
            facts,
            coefficient,
        })
    })
    .await
}

async fn draw_get(Anybody(who): Anybody, p: Page, door: web::Data<Door>, path: web::Path<String>) -> Answer {
    let seen = see_draw(&door, &who, id_of(&path)?).await?;
    let page = draw_page(&p, &who, seen);
    p.html(&page)
}

fn draw_page(p: &Page, who: &Who, seen: Seen) -> DrawPage {
    let Seen { row, parties, seats, facts, coefficient } = seen;
    let progress = store::progress(&row, &parties);
    let step = progress.step(p.now);
    let turn = progress.whose_turn(p.now);
    let party_line = |party: &PartyRow| PartyLine {
        name: p.t(&format!("account.role.{}", party.party)),
        committed: party.committed_at.map(Moment::beijing).unwrap_or_default(),
        revealed: party.revealed_at.map(Moment::beijing).unwrap_or_default(),
        value: party.public_value.as_ref().map(|value| value.text().to_owned()).unwrap_or_default(),
        own: party.party == who.role.code(),
    };
    DrawPage {
        p: p.clone(),
        id: row.id.to_string(),
        lot: facts.name(),
        lot_path: format!("/expert-draw/{}", facts.name()),
        title: facts.tender_title.clone(),
        subject: subject_name(p, row.subject),
        is_experts: row.subject == Subject::Experts,
        step: p.t(step.key()),
        tag: tag_of(step),
        turn: turn_words(p, &progress, &turn),
        own_turn: turn.iter().any(|party| party == who.role.code()),
        tasks: progress.tasks(&facts, who.role, facts.is_own(who), p.now),
        party: who.role.code().to_owned(),
        timeline: timeline(p, &row, step),
        next_change: match step {
            Step::Committing | Step::ReadyToFix | Step::Revealing => Some(row.reveal_by.micros()),
            Step::Waiting => Some(row.public_at.micros()),
            _ => None,
        },
        source: source_words(p, &row.source),
        is_drand: matches!(row.source, PublicSource::Drand { .. }),
        list_hash: row.list_hash,
        doc_hash: row.doc_hash.unwrap_or_default(),
        public_value: row.public_value.unwrap_or_default(),
        cause: row.cause.unwrap_or_default(),
        parties: parties.iter().map(party_line).collect(),
        seats: seats.iter().map(|seat| seat_line(p, seat)).collect(),
        coefficient,
    }
}

fn seat_line(p: &Page, seat: &store::seats::SeatRow) -> SeatLine {
    use super::rules::Answer as Given;
    SeatLine {
        stratum: seat.stratum.clone(),
        candidate: seat.candidate.to_string(),
        called_at: seat.called_at.beijing_minute(),
        answer: p.t(seat.answer.key()),
        tag: match seat.answer {
            Given::Accepted => "good",
            Given::Open => "sun",
            Given::Declined | Given::Replaced => "",
        },
        cause: seat.cause.clone().filter(|_| seat.answer == Given::Replaced).unwrap_or_default(),
        holds: seat.answer.holds_seat(),
    }
}

/// Whose turn it is and what happens next, in one sentence.
fn turn_words(p: &Page, progress: &Progress, turn: &[String]) -> String {
    let names: Vec<String> = turn.iter().map(|party| p.t(&format!("account.role.{party}"))).collect();
    let names = names.join(&p.t("expert_draw.and"));
    match progress.step(p.now) {
        Step::Committing => {
            p.tvv("expert_draw.turn.committing", "who", names, "missing", progress.commits_missing())
        }
        Step::ReadyToFix => p.t("expert_draw.turn.ready_to_fix"),
        Step::Revealing if names.is_empty() => p.t("expert_draw.turn.all_revealed"),
        Step::Revealing => p.tv("expert_draw.turn.revealing", "who", names),
        Step::Waiting => p.tv("expert_draw.turn.waiting", "at", progress.public_at.beijing()),
        Step::Reading => p.t("expert_draw.turn.reading"),
        Step::ReadyToDraw => p.t("expert_draw.turn.ready_to_draw"),
        Step::Drawn => p.t("expert_draw.turn.drawn"),
        Step::Failed => p.t("expert_draw.turn.failed"),
    }
}

fn timeline(p: &Page, row: &DrawRow, step: Step) -> Vec<Milestone> {
    let rank = Step::ALL.iter().position(|other| *other == step).unwrap_or_default();
    let failed = step == Step::Failed;
    let item = |key: &str, at: Option<Moment>, from: usize, until: usize| Milestone {
        name: p.t(key),
        at: at.map(Moment::beijing).unwrap_or_default(),
        class: match rank {
            _ if failed => "",
            rank if rank > until => "past",
            rank if rank >= from => "now",
            _ => "",
        },
    };
    vec![
        Milestone { name: p.t("expert_draw.time.set_up"), at: row.set_up_at.beijing(), class: "past" },
        item("expert_draw.time.commit", row.fixed_at, 0, 1),
        item("expert_draw.time.reveal", Some(row.reveal_by), 2, 2),
        item("expert_draw.time.public", Some(row.public_at), 3, 4),
        item("expert_draw.time.drawn", row.drawn_at, 5, 5),
    ]
}

/// Shows the draw again with what was wrong, or goes back to it.
async fn after<T>(p: Page, who: Who, door: &Door, draw: Id<Draw>, result: Result<T, Failure>) -> Answer {
    match p.or_problem(result)? {
        Ok(_) => Ok(Page::see(format!("/expert-draw/draw/{draw}"))),
        Err(p) => {
            let seen = see_draw(door, &who, draw).await?;
            let page = draw_page(&p, &who, seen);
            p.html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// Hex from the browser module or typed by hand.
fn hex_32(text: &str, field: &'static str) -> Result<Hex<32>, Failure> {
    let text = text.trim().to_ascii_lowercase();
    Ok(Hex::parse(&text).ok_or_else(|| Refused::new(422, "expert_draw.refusal.hex").field(field))?)
}

#[derive(Deserialize)]
struct CommitForm {
    commit: String,
}

async fn commit_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<CommitForm>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = match hex_32(&form.0.commit, "commit") {
        Ok(commit) => {
            door.act(who.actor(), move |act| actions::commit(act, &own, draw, commit)).await.map(|_| ())
        }
        Err(failure) => Err(failure),
    };
    after(p, who, &door, draw, result).await
}

#[derive(Deserialize)]
struct Nothing {}

async fn fix_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = door.act(who.actor(), move |act| actions::fix(act, &own, draw)).await;
    after(p, who, &door, draw, result).await
}

#[derive(Deserialize)]
struct RevealForm {
    reveal: String,
}

async fn reveal_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<RevealForm>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = match hex_32(&form.0.reveal, "reveal") {
        Ok(secret) => {
            door.act(who.actor(), move |act| actions::reveal(act, &own, draw, secret)).await.map(|_| ())
        }
        Err(failure) => Err(failure),
    };
    after(p, who, &door, draw, result).await
}

#[derive(Deserialize)]
struct ValueForm {
    value: String,
}

async fn value_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<ValueForm>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = door.act(who.actor(), move |act| actions::read_value(act, &own, draw, &form.0.value)).await;
    after(p, who, &door, draw, result).await
}

async fn carry_out_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = door.act(who.actor(), move |act| actions::carry_out(act, &own, draw)).await;
    after(p, who, &door, draw, result).await
}

#[derive(Deserialize)]
struct CauseForm {
    cause: String,
    #[serde(default)]
    candidate: String,
}

async fn give_up_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<CauseForm>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let result = door.act(who.actor(), move |act| actions::give_up(act, &own, draw, &form.0.cause)).await;
    after(p, who, &door, draw, result).await
}

async fn pass_on_post(
    Anybody(who): Anybody,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<CauseForm>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let candidate = Hex::parse(&form.0.candidate).ok_or_else(missing)?;
    let pass =
        move |act: &mut crate::ledger::Act<'_>| actions::pass_on(act, &own, draw, candidate, &form.0.cause);
    let result = door.act(who.actor(), pass).await;
    after(p, who, &door, draw, result).await
}

/// A called expert by name, for the supervisor.
struct NameLine {
    stratum: String,
    name: String,
    registry_id: String,
    employer: String,
    region: String,
    phone: String,
    candidate: String,
    answer: String,
    linked: bool,
}

#[derive(Template)]
#[template(path = "expert_draw/names.html")]
struct NamesPage {
    p: Page,
    id: String,
    lot: String,
    names: Vec<NameLine>,
}

/// A POST, because the look is entered in the log.
async fn names_post(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let seen = see_draw(&door, &who, draw).await?;
    let own = who.clone();
    let members = door.act(who.actor(), move |act| actions::read_names(act, &own, draw)).await?.value;
    let name_line = |member: actions::Member| NameLine {
        stratum: member.stratum,
        name: member.holder.name,
        registry_id: member.holder.registry_id,
        employer: member.holder.employer,
        region: member.holder.region,
        phone: member.holder.phone,
        candidate: member.candidate.to_string(),
        answer: p.t(member.answer.key()),
        linked: member.person.is_some(),
    };
    let names = members.into_iter().map(name_line).collect();
    p.html(&NamesPage { p: p.clone(), id: draw.to_string(), lot: seen.facts.name(), names })
}

/// The record as a file, for `sunbid draw`. A POST, because the look is entered in the log.
async fn record_post(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let record = door.act(who.actor(), move |act| actions::read_record(act, &own, draw)).await?.value;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{draw}.draw.json\"")))
        .body(record))
}
