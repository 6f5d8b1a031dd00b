//! The evaluation as agent, entity, supervisor and centre see it: who sits (without names before the award), who is done,
//! whether the recording runs. The agent forms the committee and starts.

use super::super::committee::SeatKind;
use super::super::standing::{Evaluation, Holder};
use super::super::{actions, intake};
use super::files::{BidFiles, listed};
use super::{Room, Title, desk, lot_of, member_name, room};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::store as people;
use crate::account::who::{Agent, Among, Centre, Entity, Expert, Supervisor};
use crate::ledger::Door;
use crate::opening;
use crate::platform::database::Db;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use crate::project::phase::{Milestone, Phase};
use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "evaluation/room.html")]
struct RoomPage {
    p: Page,
    title: Title,
    seats: Vec<SeatRow>,
    formed: bool,
    started: bool,
    closed: bool,
    may_form: bool,
    may_start: bool,
    needs_prices: bool,
    session: Option<String>,
    begun: bool,
    /// Who left and was not followed yet: label, name, and whether a representative; for the agent, who fills the seat.
    vacant: Vec<Vacancy>,
    /// For the supervisor, who sees what the members see.
    bids: Vec<BidFiles>,
    plan: (u32, u32),
    representatives: String,
    bids_at_deadline: u32,
    opened: usize,
}

struct Vacancy {
    label: String,
    name: String,
    representative: bool,
}

struct SeatRow {
    member: String,
    kind: &'static str,
    leader: bool,
    declared: bool,
    reviewed: bool,
    scored: bool,
    spoke: bool,
    gone: bool,
}

fn rows(p: &Page, evaluation: &Evaluation) -> Vec<SeatRow> {
    let row = |seat: &super::SeatFacts| SeatRow {
        member: member_name(p, &seat.member),
        kind: match seat.kind {
            SeatKind::Expert => "evaluation.kind.expert",
            SeatKind::Representative => "evaluation.kind.representative",
        },
        leader: seat.leader,
        declared: seat.declared_at.is_some(),
        reviewed: evaluation.reviewed(&seat.member),
        scored: evaluation.scored(&seat.member),
        spoke: evaluation.opinion(&seat.member).is_some(),
        gone: seat.stepped_down_at.is_some(),
    };
    evaluation.seats.iter().map(row).collect()
}

fn vacant(p: &Page, evaluation: &Evaluation) -> Vec<Vacancy> {
    let vacancy = |seat: &super::SeatFacts| Vacancy {
        label: seat.member.clone(),
        name: member_name(p, &seat.member),
        representative: seat.kind == SeatKind::Representative,
    };
    evaluation.vacant().map(vacancy).collect()
}

fn page(p: &Page, room: &Room, role: Role, own: bool, representatives: String) -> RoomPage {
    let (facts, evaluation) = (&room.facts, room.evaluation.as_ref());
    let started = facts.reached(Milestone::EvaluationStarted).is_some();
    let in_time = facts.phase(p.now) == Phase::Evaluation && !facts.hold().is_held();
    RoomPage {
        p: p.clone(),
        title: Title::of(facts),
        seats: evaluation.map(|evaluation| rows(p, evaluation)).unwrap_or_default(),
        formed: evaluation.is_some(),
        started,
        begun: started,
        vacant: evaluation
            .filter(|_| own && role == Role::Agent && in_time)
            .map(|e| vacant(p, e))
            .unwrap_or_default(),
        bids: Vec::new(),
        closed: evaluation.is_some_and(|evaluation| evaluation.closed.is_some()),
        may_form: own && role == Role::Agent && evaluation.is_none() && in_time,
        may_start: evaluation.is_some()
            && !started
            && in_time
            && (own && role == Role::Agent || role == Role::Centre),
        needs_prices: own
            && role == Role::Agent
            && facts.reached(Milestone::SecondOpened).is_some()
            && evaluation.is_some_and(|evaluation| !evaluation.prices_known()),
        session: room.session.map(|session| session.to_string()),
        plan: (facts.terms.committee.size, facts.terms.committee.experts),
        representatives,
        bids_at_deadline: evaluation.map_or(0, |evaluation| evaluation.opened.bids_at_deadline),
        opened: evaluation.map_or(0, |evaluation| evaluation.opened.bids.len()),
    }
}

/// Members see their task here, everybody else how far things are.
pub async fn room_get(
    Among(who, ..): Among<(Agent, Entity, Expert, Supervisor, Centre)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let room = room(&door, &number, &lot).await?;
    if room.evaluation.as_ref().is_some_and(|evaluation| evaluation.seat_of(who.person).is_some()) {
        return desk::desk(p, &door, &who, &number, &lot).await;
    }
    if !room.admits(&who) {
        return Err(Refused::new(404, "platform.refusal.not_found").into());
    }
    let own = room.facts.agent_organisation == who.organisation;
    let mut page = page(&p, &room, who.role, own, String::new());
    if let (Role::Supervisor, Some(evaluation)) = (who.role, &room.evaluation) {
        for bid in evaluation.bids() {
            page.bids.push(listed(&p, &door, (&room.facts, evaluation), &bid).await?);
        }
    }
    p.html(&page)
}

/// Tells open pages of this evaluation that something changed.
pub async fn events_get(
    Among(who, ..): Among<(Agent, Entity, Expert, Supervisor, Centre)>,
    door: Data<Door>,
    path: Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let room = room(&door, &number, &lot).await?;
    if !room.admits(&who) {
        return Err(Refused::new(404, "platform.refusal.not_found").into());
    }
    Ok(opening::live::events(&door, vec![actions::topic(room.facts.lot)]))
}

#[derive(Deserialize)]
pub struct CommitteeForm {
    /// Sign-in names of the entity's representatives, separated by blanks or commas.
    #[serde(default)]
    representatives: String,
}

pub async fn committee_post(
    Agent(who): Agent,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<CommitteeForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let logins: Vec<String> = form
        .0
        .representatives
        .split([' ', ',', '，', '、', '\r', '\n'])
        .map(|login| login.trim().to_ascii_lowercase())
        .filter(|login| !login.is_empty())
        .collect();
    let actor = who.actor();
    let formed = door
        .act(actor, move |act| {
            let vault = act.vault().clone();
            let facts = project::store::known_lot(act.db(), id)?;
            let mut holders = Vec::new();
            for login in logins {
                holders.push(representative(act.db(), &login)?);
            }
            let opened = intake::opened(act.db(), &vault, &facts)?;
            let invited = intake::invited(act.db(), &vault, &facts, &holders)?;
            actions::convene(act, &who, id, &opened, &invited)
        })
        .await;
    back(p, &door, (&number, &lot), form.0.representatives, formed.map(|_| ())).await
}

/// The procuring entity's person with this sign-in name.
fn representative(db: &mut Db, login: &str) -> Result<Holder, Failure> {
    let found = people::by_login(db, login)?.filter(|found| found.role == Role::Entity);
    let unknown = || Refused::new(422, "evaluation.refusal.representative").with("login", login);
    let found = found.ok_or_else(|| unknown().field("representatives"))?;
    Ok(Holder { person: found.person, name: found.name, organisation: found.organisation_name })
}

#[derive(Deserialize)]
pub struct SeatForm {
    /// Label of the seat whose holder left.
    #[serde(default)]
    left: String,
    /// Sign-in name of the new representative; empty for an expert, who comes from the draw.
    #[serde(default)]
    representatives: String,
}

/// Fills the seat of a member who left: with the next alternate who has accepted, or another representative.
pub async fn seat_post(
    Agent(who): Agent,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<SeatForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let (left, login) = (form.0.left, form.0.representatives.trim().to_ascii_lowercase());
    let typed = login.clone();
    let filled = door
        .act(who.actor(), move |act| {
            let vault = act.vault().clone();
            let facts = project::store::known_lot(act.db(), id)?;
            let named = if login.is_empty() { vec![] } else { vec![representative(act.db(), &login)?] };
            let waiting = intake::invited(act.db(), &vault, &facts, &named)?;
            actions::fill_next(act, &who, id, &left, waiting)
        })
        .await;
    back(p, &door, (&number, &lot), typed, filled.map(|_| ())).await
}

async fn back(
    p: Page,
    door: &Door,
    (number, lot): (&str, &str),
    representatives: String,
    result: Result<(), Failure>,
) -> Answer {
    let role = p.who.as_ref().map_or(Role::Agent, |who| who.role);
    match p.or_problem(result)? {
        Ok(()) => Ok(Page::see(format!("/evaluation/{number}/{lot}"))),
        Err(p) => {
            let room = room(door, number, lot).await?;
            let page = page(&p, &room, role, true, representatives);
            p.html_with(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub async fn start_post(
    Among(who, ..): Among<(Agent, Centre)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let started = door.act(who.actor(), move |act| actions::start(act, &who, id)).await;
    back(p, &door, (&number, &lot), String::new(), started.map(|_| ())).await
}

/// Takes over the prices of the second envelope, once the hall has opened it.
pub async fn prices_post(
    Agent(who): Agent,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let Room { facts, evaluation, .. } = room(&door, &number, &lot).await?;
    facts.may_own(project::flow::Step::FormCommittee, &who, p.now)?;
    let bidders = evaluation.map(|evaluation| evaluation.opened.bidders).unwrap_or_default();
    let id = facts.lot;
    let taken = door
        .act(who.actor(), move |act| {
            let prices = intake::prices(act.db(), id, &bidders)?;
            actions::take_prices(act, id, &prices)
        })
        .await;
    back(p, &door, (&number, &lot), String::new(), taken.map(|_| ())).await
}
