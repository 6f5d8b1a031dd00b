//! One draw: what has happened, whose turn it is, and everything that can be done to it. Names nobody.

use super::{id_of, may_see, source_words, subject_name, tag_of};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Who};
use crate::expert_draw::actions;
use crate::expert_draw::draw::Draw;
use crate::expert_draw::public_value::PublicSource;
use crate::expert_draw::rules::{Answer as Given, Progress, Step, Subject};
use crate::expert_draw::store::{self, DrawRow, PartyRow};
use crate::expert_draw::tasks::Task;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use actix_web::web;
use askama::Template;

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
pub(super) struct DrawPage {
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
pub(super) struct Seen {
    row: DrawRow,
    parties: Vec<PartyRow>,
    seats: Vec<store::seats::SeatRow>,
    pub facts: LotFacts,
    coefficient: Option<String>,
}

pub(super) async fn see_draw(door: &Door, who: &Who, draw: Id<Draw>) -> Result<Seen, Failure> {
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

pub(super) async fn draw_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let seen = see_draw(&door, &who, id_of(&path)?).await?;
    let page = draw_page(&p, &who, seen);
    p.html(&page)
}

pub(super) fn draw_page(p: &Page, who: &Who, seen: Seen) -> DrawPage {
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
        seats: seats.iter().map(|seat| seat_line(p, seat, who.role)).collect(),
        coefficient,
    }
}

/// A cause in words. Which tie to a bidder made somebody leave is for the supervisor; others learn that it was one.
pub(super) fn cause_words(p: &Page, cause: &str, reader: Role) -> String {
    match cause.strip_prefix("avoidance.") {
        None => cause.to_owned(),
        Some(tie) if reader == Role::Supervisor => p.t(&format!("expert_draw.avoidance.{tie}")),
        Some(_) => p.t("expert_draw.avoidance"),
    }
}

fn seat_line(p: &Page, seat: &store::seats::SeatRow, reader: Role) -> SeatLine {
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
        cause: match &seat.cause {
            Some(cause) if seat.answer == Given::Replaced => cause_words(p, cause, reader),
            _ => String::new(),
        },
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
