//! A member's desk: where the evaluation stands, and the one thing that is to be done now.

use super::bid::{BidTask, in_words, progress};
use super::{Seated, Title, lot_of, seated};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Among, Entity, Expert, Who};
use crate::evaluation::actions::{self, Conflict};
use crate::evaluation::report::{Competition, LowPrice, LowPriceDecision, StillCompetes};
use crate::evaluation::standing::{Decision, Task};
use crate::evaluation::store;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use crate::project::phase::Milestone;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "evaluation/mine.html")]
struct MinePage {
    p: Page,
    running: Vec<MineLine>,
    over: Vec<MineLine>,
}

struct MineLine {
    title: Title,
    task: &'static str,
    turn: bool,
}

/// Evaluations in which this person has a seat. Those that are over are only named: their papers are not read again.
pub async fn mine_get(Among(who, ..): Among<(Expert, Entity)>, p: Page, door: Data<Door>) -> Answer {
    let (vault, person) = (door.vault().clone(), who.person);
    let lines = door
        .look(move |db| {
            let mut lines = Vec::new();
            for lot in store::lots_of(db, &vault, person)? {
                let facts = project::store::known_lot(db, lot)?;
                let mut task = Task::Done;
                if facts.reached(Milestone::Evaluated).is_none()
                    && let Some(evaluation) = store::evaluation(db, &vault, lot)?
                    && let Some(seat) = evaluation.seat_of(person)
                {
                    let started = facts.reached(Milestone::EvaluationStarted).is_some();
                    task = evaluation.task(seat, started, &evaluation.inputs(&facts)?);
                }
                lines.push((Title::of(&facts), task));
            }
            Ok(lines)
        })
        .await?;
    let (over, running): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|(_, task)| matches!(task, Task::Done | Task::SteppedDown));
    let line = |(title, task): (Title, Task)| MineLine { title, task: task.key(), turn: is_turn(task) };
    let (running, over) = (running.into_iter().map(line).collect(), over.into_iter().map(line).collect());
    p.html(&MinePage { p: p.clone(), running, over })
}

/// Whether somebody with this task has something to do, and does not only wait.
const fn is_turn(task: Task) -> bool {
    matches!(task, Task::Declare | Task::Review | Task::Decide | Task::Score | Task::Close | Task::Sign)
}

/// What was typed into the form of a decision, so that a refusal loses nothing.
#[derive(Deserialize, Clone, Default)]
pub struct DecisionForm {
    /// `low` or `competition`.
    #[serde(default)]
    about: String,
    #[serde(default)]
    bid: String,
    #[serde(default)]
    explanation: String,
    /// `yes` or `no`.
    #[serde(default)]
    answer: String,
    #[serde(default)]
    reason: String,
}

/// A step of the evaluation on the way from the declaration to the report.
struct StageView {
    name: &'static str,
    /// `past`, `now` or nothing.
    class: &'static str,
}

#[derive(Template)]
#[template(path = "evaluation/desk.html")]
struct DeskPage {
    p: Page,
    title: Title,
    member: String,
    leader: bool,
    stages: Vec<StageView>,
    task: &'static str,
    name: &'static str,
    bids: Vec<BidTask>,
    ready: bool,
    session: Option<String>,
    begun: bool,
    bidders: Vec<Bidder>,
    typed: DecisionForm,
    /// A sheet that was signed may be taken back until the report is closed.
    may_recall: bool,
}

struct Bidder {
    label: String,
    name: String,
    price: String,
    price_known: bool,
}

const STAGES: [&str; 5] = [
    "evaluation.stage.declare",
    "evaluation.stage.recording",
    "evaluation.stage.review",
    "evaluation.stage.score",
    "evaluation.stage.report",
];

/// How many stages lie behind a member with this task.
const fn stage_of(task: Task) -> usize {
    match task {
        Task::Declare | Task::SteppedDown => 0,
        Task::WaitForStart => 1,
        Task::Review | Task::WaitForReviews => 2,
        Task::Decide | Task::WaitForDecision | Task::Score | Task::WaitForSheets | Task::WaitForPrices => 3,
        Task::Close | Task::WaitForClose | Task::Sign | Task::WaitForSignatures => 4,
        Task::Done => 5,
    }
}

fn stages(task: Task) -> Vec<StageView> {
    let now = stage_of(task);
    let class = |i: usize| match i.cmp(&now) {
        std::cmp::Ordering::Less => "past",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "",
    };
    STAGES.iter().enumerate().map(|(i, name)| StageView { name, class: class(i) }).collect()
}

/// The member's own page, reached through the room's address.
pub(super) async fn desk(p: Page, door: &Door, who: &Who, number: &str, lot: &str) -> Answer {
    let found = seated(door, who, number, lot).await?;
    let page = desk_page(&p, door, &found, DecisionForm::default()).await?;
    p.html(&page)
}

async fn desk_page(p: &Page, door: &Door, found: &Seated, typed: DecisionForm) -> Result<DeskPage, Failure> {
    let bids = progress(p, door, found).await?;
    let bidder = |bid: &crate::evaluation::report::BidInput| Bidder {
        label: bid.bid.clone(),
        name: super::bid_name(p, &found.evaluation, &bid.bid),
        price: bid.price.to_string(),
        price_known: bid.price.0 > 0,
    };
    Ok(DeskPage {
        p: p.clone(),
        title: Title::of(&found.facts),
        member: super::member_name(p, &found.seat.member),
        leader: found.seat.leader,
        stages: stages(found.task),
        task: found.task.key(),
        name: task_name(found.task),
        ready: !bids.is_empty() && bids.iter().all(|bid| bid.done == bid.of),
        bids,
        session: found.session.map(|session| session.to_string()),
        begun: found.facts.reached(Milestone::EvaluationStarted).is_some(),
        bidders: found.evaluation.opened.bids.iter().map(bidder).collect(),
        typed,
        may_recall: found.evaluation.closed.is_none() && found.evaluation.scored(&found.seat.member),
    })
}

/// The template's word for a task.
const fn task_name(task: Task) -> &'static str {
    match task {
        Task::Declare => "declare",
        Task::WaitForStart => "record",
        Task::Review => "review",
        Task::Decide => "decide",
        Task::Score => "score",
        Task::Close => "close",
        Task::Sign => "sign",
        Task::WaitForSignatures | Task::Done => "report",
        _ => "wait",
    }
}

/// After a form of the desk: on to `next`, or the desk again with what is wrong and what was typed.
async fn after(
    p: Page,
    door: &Door,
    who: &Who,
    (number, lot): (&str, &str),
    (result, typed, next): (Result<(), Failure>, DecisionForm, &str),
) -> Answer {
    let result = match result {
        Err(Failure::Refused(refused)) if !matches!(refused.status, 403 | 404) => {
            let found = seated(door, who, number, lot).await?;
            Err(Failure::Refused(in_words(&p, &found, refused)))
        }
        other => other,
    };
    match p.or_problem(result)? {
        Ok(()) => Ok(Page::see(format!("/evaluation/{number}/{lot}{next}"))),
        Err(p) => {
            let found = seated(door, who, number, lot).await?;
            let page = desk_page(&p, door, &found, typed).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Deserialize)]
pub struct DeclareForm {
    #[serde(default)]
    conflict: String,
}

pub async fn declare_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<DeclareForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let conflict = match form.0.conflict.as_str() {
        "none" => Ok(Conflict::None),
        "some" => Ok(Conflict::Some),
        _ => Err(Failure::from(Refused::new(422, "evaluation.refusal.choose").field("conflict"))),
    };
    let by = who.clone();
    let done = match conflict {
        Ok(conflict) => {
            door.act(who.actor(), move |act| actions::declare(act, &by, id, conflict)).await.map(|_| ())
        }
        Err(refused) => Err(refused),
    };
    after(p, &door, &who, (&number, &lot), (done, DecisionForm::default(), "")).await
}

fn decision(form: &DecisionForm) -> Result<Decision, Refused> {
    let choose = |field: &'static str| Refused::new(422, "evaluation.refusal.choose").field(field);
    let yes = match form.answer.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(choose("answer")),
    };
    let (reason, explanation) = (form.reason.trim().to_owned(), form.explanation.trim().to_owned());
    match form.about.as_str() {
        "low" => {
            let decision = if yes { LowPrice::Accepted } else { LowPrice::Rejected };
            Ok(Decision::LowPrice(LowPriceDecision { bid: form.bid.clone(), explanation, decision, reason }))
        }
        "competition" => {
            let enough = if yes { StillCompetes::Yes } else { StillCompetes::No };
            Ok(Decision::Competition(Competition { enough, reason }))
        }
        _ => Err(choose("about")),
    }
}

pub async fn decision_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<DecisionForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let by = who.clone();
    let done = match decision(&form.0) {
        Ok(decision) => {
            door.act(who.actor(), move |act| actions::decide(act, &by, id, &decision)).await.map(|_| ())
        }
        Err(refused) => Err(refused.into()),
    };
    after(p, &door, &who, (&number, &lot), (done, form.0, "")).await
}

#[derive(Deserialize)]
pub struct RecallForm {
    #[serde(default)]
    reason: String,
}

/// The member takes the own score sheet back and scores again.
pub async fn recall_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<RecallForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let (by, reason) = (who.clone(), form.0.reason.clone());
    let done = door.act(who.actor(), move |act| actions::recall_sheet(act, &by, id, &reason)).await;
    let typed = DecisionForm { reason: form.0.reason, ..DecisionForm::default() };
    after(p, &door, &who, (&number, &lot), (done.map(|_| ()), typed, "")).await
}

pub async fn close_post(
    Expert(who): Expert,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let by = who.clone();
    let done = door.act(who.actor(), move |act| actions::close(act, &by, id)).await.map(|_| ());
    after(p, &door, &who, (&number, &lot), (done, DecisionForm::default(), "/report")).await
}
