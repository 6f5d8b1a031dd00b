//! 进度: a lot's life on one line: what happened, what is planned, what must still come, whose turn it is.

use crate::platform::moment::Moment;
use crate::project::phase::{Milestone, Phase};
use crate::project::rulebook::Rulebook;
use crate::project::standing::LotFacts;
use crate::sealed_bid::drill::Readiness;

/// Where a point of the line lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Past,
    /// The next thing that happens.
    Next,
    Ahead,
}

/// One point of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Locale key of its name.
    pub key: String,
    /// `None` for a step that has no fixed time yet.
    pub at: Option<Moment>,
    pub place: Place,
    /// The ledger entry, for steps that were taken.
    pub entry: Option<String>,
}

/// The steps after the deadline, in their order.
fn steps(book: &Rulebook) -> Vec<Milestone> {
    let mut steps = vec![Milestone::Opened, Milestone::Evaluated];
    if book.periods.candidate_publicity_min.is_some() {
        steps.push(Milestone::CandidatesPublished);
    }
    steps.extend([Milestone::Awarded, Milestone::ResultPublished, Milestone::ContractSigned]);
    steps
}

/// The line of an announced lot at `now`.
pub fn timeline(lot: &LotFacts, book: &Rulebook, now: Moment) -> Vec<Point> {
    let mut timed: Vec<(Moment, String, Option<String>)> = lot
        .milestones
        .iter()
        .map(|reached| {
            let key = format!("project.milestone.{}", reached.milestone.code());
            (reached.at, key, Some(reached.entry.to_string()))
        })
        .collect();
    let phase = lot.phase(now);
    let ended = matches!(phase, Phase::Unsuccessful | Phase::Cancelled);
    if let Some(plan) = lot.schedule {
        let dates = [
            ("documents_from", plan.documents_from),
            ("questions_until", plan.questions_until),
            ("bids_until", plan.bids_until),
        ];
        let planned = dates.into_iter().filter(|(_, at)| !ended || *at <= now);
        timed.extend(planned.map(|(name, at)| (at, format!("project.schedule.{name}"), None)));
    }
    timed.sort_by_key(|point| point.0);
    let place = |at: Moment| if at <= now { Place::Past } else { Place::Ahead };
    let mut line: Vec<Point> = timed
        .into_iter()
        .map(|(at, key, entry)| Point { key, at: Some(at), place: place(at), entry })
        .collect();
    if !ended {
        let ahead = steps(book).into_iter().filter(|step| lot.reached(*step).is_none());
        line.extend(ahead.map(|step| Point {
            key: format!("project.milestone.{}", step.code()),
            at: None,
            place: Place::Ahead,
            entry: None,
        }));
    }
    if let Some(next) = line.iter_mut().find(|point| point.place == Place::Ahead) {
        next.place = Place::Next;
    }
    line
}

/// Locale key of whose turn it is and what they do: `portal.turn.<code>`. `trustees` are those of the lot's tender.
pub fn turn(lot: &LotFacts, trustees: &Readiness, now: Moment) -> String {
    if lot.hold().is_held() {
        return if lot.hold().frozen { "portal.turn.frozen".into() } else { "portal.turn.suspended".into() };
    }
    let contracted = lot.reached(Milestone::ContractSigned).is_some();
    match lot.phase(now) {
        Phase::Announced | Phase::Bidding if *trustees == Readiness::NoSet => "portal.turn.trustees".into(),
        Phase::Announced | Phase::Bidding if !trustees.takes_bids() => "portal.turn.drill".into(),
        Phase::Completed if contracted => "portal.turn.contracted".into(),
        Phase::Evaluation if lot.reached(Milestone::ExpertsDrawn).is_none() => "portal.turn.draw".into(),
        Phase::Evaluation if lot.reached(Milestone::EvaluationStarted).is_none() => {
            "portal.turn.convene".into()
        }
        phase => format!("portal.turn.{}", phase.code()),
    }
}
