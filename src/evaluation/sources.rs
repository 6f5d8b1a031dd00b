//! What the evaluation takes from earlier rooms and tells them: who must be recorded, what stands on the recording's
//! timeline, whether the recording runs, and when the hall opens the second envelope.

use super::committee::SeatKind;
use super::standing::{Evaluation, SeatFacts, Task};
use super::store;
use crate::ledger::Act;
use crate::opening;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::recording::actions::{self as recording, NewSession};
use crate::recording::rules::Source;
use crate::sealing::context::EnvelopeKind;

/// The recording's name for what is recorded here.
pub const PURPOSE: &str = "evaluation";

/// Sees to it that camera and screen of exactly the active members must be recorded: when the committee is formed, and
/// whenever it changes.
///
/// # Errors
/// The rulebook is not known, or the database fails.
pub fn record_committee<'a>(
    act: &mut Act<'_>,
    facts: &LotFacts,
    active: impl Iterator<Item = &'a SeatFacts>,
) -> Result<(), Failure> {
    let persons: Vec<_> = active.map(|seat| seat.holder.person).collect();
    let retention_days = i64::from(facts.book()?.retention.recording_hot_days.value);
    let (lot, sources) = (facts.lot, &Source::ALL);
    let wanted = NewSession { lot, purpose: PURPOSE, persons: &persons, sources, retention_days };
    recording::attend(act, &wanted)?;
    Ok(())
}

/// A member left. Who remains must be recorded; and if the leader left, the first expert who is still there leads.
///
/// # Errors
/// As [`record_committee`].
pub fn member_left(
    act: &mut Act<'_>,
    facts: &LotFacts,
    evaluation: &Evaluation,
    left: &SeatFacts,
) -> Result<(), Failure> {
    let stay = || evaluation.active().filter(|seat| seat.member != left.member);
    if let Some(next) = stay().find(|seat| left.leader && seat.kind == SeatKind::Expert) {
        store::set_leader(act.db(), facts.lot, &next.member)?;
    }
    record_committee(act, facts, stay())
}

/// Puts a step of the evaluation on the recording's timeline: a locale key, and the number of the member who took it.
///
/// # Errors
/// The database fails.
pub fn mark(act: &mut Act<'_>, lot: Id<Lot>, sentence: &str, member: &str) -> Result<(), Failure> {
    recording::mark_of(act, lot, PURPOSE, sentence, member.trim_start_matches('m'))
}

/// The evaluation is over: recorders may stop, and the recording is sealed.
///
/// # Errors
/// The database fails.
pub fn end_recording(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    recording::dismiss(act, lot, PURPOSE)
}

/// Whether every required track is recording now, so that the evaluation may start.
///
/// # Errors
/// Refused with what is missing.
pub fn check_recording_may_start(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    let now = act.now();
    let standing = recording::standing_of(act.db(), lot, PURPOSE, now)?;
    Ok(standing.may_start().map_err(Refused::from)?)
}

/// Whether the evaluation may go on: every required track is recording, or silent within the grace.
///
/// # Errors
/// Refused with what is missing.
pub fn check_recording(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    let now = act.now();
    let standing = recording::standing_of(act.db(), lot, PURPOSE, now)?;
    Ok(standing.may_go_on().map_err(Refused::from)?)
}

/// With two envelopes: once all technical papers are signed and only the prices are missing, the hall begins the session
/// of the envelope that holds them. Happens in the act of the last signature.
///
/// # Errors
/// The database fails.
pub fn open_prices_if_scored(
    act: &mut Act<'_>,
    facts: &LotFacts,
    evaluation: &Evaluation,
) -> Result<(), Failure> {
    if evaluation.prices_known() || prices_are_opening(act, facts.lot)? {
        return Ok(());
    }
    let inputs = evaluation.inputs(facts)?;
    let waits = |seat: &SeatFacts| evaluation.task(seat, true, &inputs) == Task::WaitForPrices;
    if evaluation.active().all(waits) {
        opening::actions::start_second(act, facts.lot)?;
    }
    Ok(())
}

/// Whether the session of the envelope with the prices has begun.
///
/// # Errors
/// The database fails.
pub fn prices_are_opening(act: &mut Act<'_>, lot: Id<Lot>) -> Result<bool, Failure> {
    Ok(opening::store::sitting(act.db(), lot, EnvelopeKind::Commercial)?.is_some())
}
