//! What is done in an evaluation. One function is one act; every act enters the log.

mod report;

pub use self::report::{close, opinion_of, record_refusal, sign_report, take_prices};
use super::committee::{Seat, SeatKind};
pub use super::events::Conflict;
use super::events::{Convened, Decided, Declared, PaperSigned, SeatFilled, SheetRecalled};
use super::report::method_digest;
use super::responsiveness::{self, Review};
use super::rules::Refusal;
use super::score_sheet::{self, ScoreSheet};
use super::seating::{check_interests, check_seats, public_seat};
use super::standing::{Decision, Evaluation, Holder, Opened, SeatFacts, SignedPaper, Task};
use super::store::{self, PaperKind};
use crate::account::authority::Authority;
use crate::account::role::Role;
use crate::account::signature::{self, SignedFields};
use crate::account::who::Who;
use crate::ledger::{Act, Subject};
use crate::platform::canonical::{jcs, jcs_text};
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::project;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A person to be seated.
#[derive(Clone, Debug)]
pub struct Invited {
    pub holder: Holder,
    pub kind: SeatKind,
}

fn refuse(refusal: Refusal) -> Failure {
    Refused::from(refusal).into()
}

/// The topic that tells open pages of this evaluation to look again.
pub fn topic(lot: Id<Lot>) -> String {
    format!("evaluation/{lot}")
}

/// Forms the committee and fixes the facts on which it works. The first expert leads.
///
/// # Errors
/// Refused for other people, in the wrong phase, if it was formed before, if the committee is not lawful or not the one
/// that the tender documents announced, or if a member is tied to a bidder.
pub fn convene(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    opened: &Opened,
    invited: &[Invited],
) -> Result<(), Failure> {
    let now = act.now();
    let facts = project::store::known_lot(act.db(), lot)?;
    facts.may_own(Step::FormCommittee, who, now)?;
    let vault = act.vault().clone();
    if store::evaluation(act.db(), &vault, lot)?.is_some() {
        return Err(refuse(Refusal::Phase));
    }
    let first = invited.iter().position(|invited| invited.kind == SeatKind::Expert);
    let seat = |(i, invited): (usize, &Invited)| SeatFacts {
        member: format!("m{}", i + 1),
        holder: invited.holder.clone(),
        kind: invited.kind,
        leader: Some(i) == first,
        seated_at: now,
        declared_at: None,
        stepped_down_at: None,
    };
    let seats: Vec<SeatFacts> = invited.iter().enumerate().map(seat).collect();
    check_seats(&facts, &seats)?;
    check_interests(act, &facts, opened, &seats)?;
    let method = super::standing::method_of(&facts).map_err(refuse)?;
    store::insert_session(act.db(), lot, opened, now)?;
    for seat in &seats {
        store::insert_seat(act.db(), &vault, lot, seat)?;
    }
    let public: Vec<Seat> = seats.iter().map(public_seat).collect();
    let event = Convened {
        lot,
        opened: b64u(&sha256(&[&jcs(opened)])),
        method: method_digest(&method),
        seats: public.iter().collect(),
    };
    act.enter(&Subject::open(facts.tender), &event)?;
    super::sources::record_committee(act, &facts, seats.iter())?;
    act.tell(topic(lot));
    Ok(())
}

/// Everything that an act of a member begins with: the lot, the evaluation, and the member's own seat.
struct Sitting {
    facts: LotFacts,
    evaluation: Evaluation,
    seat: SeatFacts,
}

impl Sitting {
    /// Loads the sitting of `who`, if the phase lets committee members act.
    fn of(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, step: Step) -> Result<Self, Failure> {
        let (now, vault) = (act.now(), act.vault().clone());
        let facts = project::store::known_lot(act.db(), lot)?;
        // a representative of the entity acts as a member here, and members act as experts
        facts.may(step, Role::Expert, now)?;
        let evaluation =
            store::evaluation(act.db(), &vault, lot)?.ok_or_else(|| refuse(Refusal::NotFound))?;
        let seat = evaluation.seat_of(who.person).cloned();
        let seat = seat.ok_or_else(|| refuse(Refusal::NotAMember { member: who.name.clone() }))?;
        if seat.stepped_down_at.is_some() {
            return Err(refuse(Refusal::SteppedDown));
        }
        Ok(Self { facts, evaluation, seat })
    }

    fn task(&self) -> Result<Task, Failure> {
        let started = self.facts.reached(Milestone::EvaluationStarted).is_some();
        Ok(self.evaluation.task(&self.seat, started, &self.evaluation.inputs(&self.facts)?))
    }

    /// Refuses unless it is this member's turn for `task`.
    fn expect(&self, task: Task) -> Result<(), Failure> {
        let now = self.task()?;
        if now == task {
            return Ok(());
        }
        Err(refuse(match (now, task) {
            (Task::Declare, _) => Refusal::NotDeclared,
            (_, Task::Review) if self.evaluation.reviewed(&self.seat.member) => Refusal::AlreadySigned,
            (_, Task::Score) if self.evaluation.scored(&self.seat.member) => Refusal::AlreadySigned,
            (_, Task::Sign) if self.evaluation.opinion(&self.seat.member).is_some() => Refusal::AlreadySigned,
            (_, Task::Decide | Task::Close) if !self.seat.leader => Refusal::OnlyLeader,
            (other, _) => Refusal::NotReady { what: other.key() },
        }))
    }
}

/// A member says whether anything calls for avoidance. Who has a conflict steps down; the seat must be filled again.
///
/// # Errors
/// Refused for people without a seat, in the wrong phase, or a second time.
pub fn declare(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, conflict: Conflict) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Declare)?;
    let (now, member) = (act.now(), sitting.seat.member.as_str());
    match conflict {
        Conflict::None => store::set_declared(act.db(), lot, member, now)?,
        Conflict::Some => {
            store::set_stepped_down(act.db(), lot, member, now)?;
            super::sources::member_left(act, &sitting.facts, &sitting.evaluation, &sitting.seat)?;
        }
    }
    act.enter(&Subject::open(sitting.facts.tender), &Declared { lot, member, conflict })?;
    act.tell(topic(lot));
    Ok(())
}

/// Agent or entity fill a seat again: with the next alternate of the draw, or with another representative. What the one
/// who left has signed no longer counts (条例第四十八条).
///
/// # Errors
/// Refused for other people, in the wrong phase, after the report was closed, or if the seat is not free.
pub fn fill_seat(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    left: &str,
    invited: &Invited,
) -> Result<(), Failure> {
    let (now, vault) = (act.now(), act.vault().clone());
    let facts = project::store::known_lot(act.db(), lot)?;
    facts.may_own(Step::FormCommittee, who, now)?;
    let evaluation = store::evaluation(act.db(), &vault, lot)?.ok_or_else(|| refuse(Refusal::NotFound))?;
    if evaluation.closed.is_some() {
        return Err(refuse(Refusal::Phase));
    }
    let gone = evaluation.vacant().find(|seat| seat.member == left);
    let gone = gone.filter(|seat| seat.kind == invited.kind).ok_or_else(|| refuse(Refusal::NotFound))?;
    let member = format!("m{}", evaluation.seats.len() + 1);
    let seat = SeatFacts {
        member: member.clone(),
        holder: invited.holder.clone(),
        kind: gone.kind,
        leader: !evaluation.active().any(|seat| seat.leader) && gone.kind == SeatKind::Expert,
        seated_at: now,
        declared_at: None,
        stepped_down_at: None,
    };
    if evaluation.seats.iter().any(|known| known.holder.person == seat.holder.person) {
        return Err(refuse(Refusal::CommitteeSamePersonTwice { person: seat.holder.name.clone() }));
    }
    check_interests(act, &facts, &evaluation.opened, std::slice::from_ref(&seat))?;
    store::insert_seat(act.db(), &vault, lot, &seat)?;
    act.enter(&Subject::open(facts.tender), &SeatFilled { lot, left, member: &member })?;
    super::sources::record_committee(act, &facts, evaluation.active().chain([&seat]))?;
    act.tell(topic(lot));
    Ok(())
}

/// Fills a seat with the first of `waiting` who fits it and has no seat here: for an expert's seat the alternate who was
/// called next and accepted.
///
/// # Errors
/// As [`fill_seat`]; also while nobody is waiting.
pub fn fill_next(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    left: &str,
    waiting: Vec<Invited>,
) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let evaluation = store::evaluation(act.db(), &vault, lot)?.ok_or_else(|| refuse(Refusal::NotFound))?;
    let gone = evaluation.vacant().find(|seat| seat.member == left);
    let kind = gone.ok_or_else(|| refuse(Refusal::NotFound))?.kind;
    let seated = |person| evaluation.seats.iter().any(|seat| seat.holder.person == person);
    let next = waiting.into_iter().find(|one| one.kind == kind && !seated(one.holder.person));
    let next = next.ok_or_else(|| Refused::new(409, "evaluation.refusal.no_alternate"))?;
    fill_seat(act, who, lot, left, &next)
}

/// The agent or the centre starts the evaluation once all have declared and every required track is recording.
///
/// # Errors
/// Refused for others, in the wrong phase, or while something is missing.
pub fn start(act: &mut Act<'_>, who: &Who, lot: Id<Lot>) -> Result<(), Failure> {
    let (now, vault) = (act.now(), act.vault().clone());
    let facts = project::store::known_lot(act.db(), lot)?;
    if who.role == Role::Agent {
        facts.may_own(Step::StartEvaluation, who, now)?;
    } else {
        facts.may(Step::StartEvaluation, who.role, now)?;
    }
    let evaluation = store::evaluation(act.db(), &vault, lot)?.ok_or_else(|| refuse(Refusal::NotFound))?;
    let seats: Vec<SeatFacts> = evaluation.active().cloned().collect();
    check_seats(&facts, &seats)?;
    check_interests(act, &facts, &evaluation.opened, &seats)?;
    if seats.iter().any(|seat| seat.declared_at.is_none()) {
        return Err(refuse(Refusal::NotDeclared));
    }
    super::sources::check_recording_may_start(act, lot)?;
    project::actions::reach(act, lot, Milestone::EvaluationStarted)?;
    super::sources::mark(act, lot, "evaluation.mark.started", "")?;
    act.tell(topic(lot));
    Ok(())
}

/// Keeps what a member has filled in of the review, without signing it.
///
/// # Errors
/// Refused when it is not the time, or while the recording is not running.
pub fn save_review(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    verdicts: Vec<responsiveness::Verdict>,
) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Review)?;
    super::sources::check_recording(act, lot)?;
    let same = |old: &responsiveness::Verdict, new: &responsiveness::Verdict| {
        old.bid == new.bid && old.item == new.item
    };
    keep(act, (lot, sitting.seat.member.as_str(), PaperKind::Review), verdicts, same)
}

/// Puts `filled` into the member's draft, in the place of what was filled in before for the same.
fn keep<T: Serialize + DeserializeOwned>(
    act: &mut Act<'_>,
    place: (Id<Lot>, &str, PaperKind),
    filled: Vec<T>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<(), Failure> {
    let (now, vault) = (act.now(), act.vault().clone());
    let known: Option<Vec<T>> = store::draft(act.db(), &vault, place)?;
    let mut kept = known.unwrap_or_default();
    kept.retain(|old| !filled.iter().any(|new| same(old, new)));
    kept.extend(filled);
    Ok(store::save_draft(act.db(), &vault, place, &kept, now)?)
}

/// Keeps what a member has filled in of the score sheet, without signing it. Every score must be within its bounds.
///
/// # Errors
/// As [`save_review`]; also for a score out of bounds.
pub fn save_scores(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    scores: Vec<score_sheet::Score>,
) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Score)?;
    super::sources::check_recording(act, lot)?;
    let method = super::standing::method_of(&sitting.facts).map_err(refuse)?;
    for score in &scores {
        let item = method.item(&score.item);
        let item = item.ok_or_else(|| refuse(Refusal::UnknownItem { item: score.item.clone() }))?;
        score_sheet::check_score(&score.bid, item, score.score)
            .map_err(|refusal| Failure::from(Refused::from(refusal).field("scores")))?;
    }
    let same =
        |old: &score_sheet::Score, new: &score_sheet::Score| old.bid == new.bid && old.item == new.item;
    keep(act, (lot, sitting.seat.member.as_str(), PaperKind::Sheet), scores, same)
}

/// The review that a member would sign now, from the draft.
pub fn review_of(
    facts: &LotFacts,
    evaluation: &Evaluation,
    member: &str,
    draft: &[responsiveness::Verdict],
) -> Result<Review, Refusal> {
    let method = super::standing::method_of(facts)?;
    let mut verdicts = Vec::new();
    for bid in evaluation.bids() {
        for item in &method.review {
            let found = draft.iter().find(|verdict| verdict.bid == bid && verdict.item == item.id);
            verdicts.extend(found.cloned());
        }
    }
    Ok(Review {
        format: responsiveness::FORMAT.into(),
        tender: facts.number.to_string(),
        lot: facts.lot_number.to_string(),
        method: method_digest(&method),
        member: member.to_owned(),
        verdicts,
    })
}

/// The score sheet that a member would sign now, from the draft.
pub fn sheet_of(
    facts: &LotFacts,
    member: &str,
    bids: &[String],
    draft: &[score_sheet::Score],
) -> Result<ScoreSheet, Refusal> {
    let method = super::standing::method_of(facts)?;
    let mut scores = Vec::new();
    for bid in bids {
        for item in &method.items {
            let found = draft.iter().find(|score| score.bid == *bid && score.item == item.id);
            scores.extend(found.cloned());
        }
    }
    Ok(ScoreSheet {
        format: score_sheet::FORMAT.into(),
        tender: facts.number.to_string(),
        lot: facts.lot_number.to_string(),
        method: method_digest(&method),
        member: member.to_owned(),
        scores,
    })
}

/// A member signs the review.
///
/// # Errors
/// Refused when it is not the time, while the recording is not running, if anything is not judged, or if what was signed is
/// not what was shown.
pub fn sign_review(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Review)?;
    super::sources::check_recording(act, lot)?;
    let (now, vault) = (act.now(), act.vault().clone());
    let member = sitting.seat.member.as_str();
    let draft: Option<Vec<responsiveness::Verdict>> =
        store::draft(act.db(), &vault, (lot, member, PaperKind::Review))?;
    let paper =
        review_of(&sitting.facts, &sitting.evaluation, member, &draft.unwrap_or_default()).map_err(refuse)?;
    let method = super::standing::method_of(&sitting.facts).map_err(refuse)?;
    responsiveness::check(&paper, &method, &sitting.evaluation.bids()).map_err(refuse)?;
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&paper), fields)?;
    let statement = b64u(&sha256(&[signed.statement.as_bytes()]));
    let paper = SignedPaper { paper, signed: Some(signed) };
    store::insert_paper(act.db(), &vault, (lot, member, PaperKind::Review), &paper, now)?;
    let mut after = sitting.evaluation.clone();
    after.reviews.push(paper);
    super::sources::open_prices_if_scored(act, &sitting.facts, &after)?;
    act.enter(
        &Subject::open(sitting.facts.tender),
        &PaperSigned { lot, member, paper: "review", statement },
    )?;
    super::sources::mark(act, lot, "evaluation.mark.review", member)?;
    act.tell(topic(lot));
    Ok(())
}

/// A member signs the score sheet. The last to sign finds out if an objective item was scored differently by others.
///
/// # Errors
/// As [`sign_review`].
pub fn sign_sheet(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Score)?;
    super::sources::check_recording(act, lot)?;
    let (now, vault) = (act.now(), act.vault().clone());
    let (member, evaluation) = (sitting.seat.member.as_str(), &sitting.evaluation);
    let inputs = evaluation.inputs(&sitting.facts)?;
    let bids = evaluation.to_score(&inputs).map_err(refuse)?;
    let draft: Option<Vec<score_sheet::Score>> =
        store::draft(act.db(), &vault, (lot, member, PaperKind::Sheet))?;
    let paper = sheet_of(&sitting.facts, member, &bids, &draft.unwrap_or_default()).map_err(refuse)?;
    score_sheet::check(&paper, &inputs.method, &bids, &bids).map_err(refuse)?;
    let mut sheets = inputs.sheets.clone();
    sheets.push(paper.clone());
    score_sheet::check_objective(&sheets, &inputs.method).map_err(refuse)?;
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&paper), fields)?;
    let statement = b64u(&sha256(&[signed.statement.as_bytes()]));
    let paper = SignedPaper { paper, signed: Some(signed) };
    store::insert_paper(act.db(), &vault, (lot, member, PaperKind::Sheet), &paper, now)?;
    let mut after = sitting.evaluation.clone();
    after.sheets.push(paper);
    super::sources::open_prices_if_scored(act, &sitting.facts, &after)?;
    act.enter(&Subject::open(sitting.facts.tender), &PaperSigned { lot, member, paper: "sheet", statement })?;
    super::sources::mark(act, lot, "evaluation.mark.sheet", member)?;
    act.tell(topic(lot));
    Ok(())
}

/// A member takes the own score sheet back before the report is closed, because a sum, a bound or an objective item was
/// wrong (87号令第六十四条), and scores again. The old sheet stays in the record.
///
/// # Errors
/// Refused without reasons, without a signed sheet, after the report was closed, or once the envelopes with the prices
/// are being opened: nobody scores a technical part again who may know the prices.
pub fn recall_sheet(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, reason: &str) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    let (now, member) = (act.now(), sitting.seat.member.as_str());
    let prices_opening = super::sources::prices_are_opening(act, lot)?;
    if sitting.evaluation.closed.is_some() || prices_opening || !sitting.evaluation.scored(member) {
        return Err(refuse(Refusal::Phase));
    }
    let reason = reason.trim();
    if !(2..=500).contains(&reason.chars().count()) {
        return Err(Refused::from(Refusal::ReasonMissing { bid: String::new(), item: String::new() })
            .field("reason")
            .into());
    }
    super::sources::check_recording(act, lot)?;
    store::recall_paper(act.db(), lot, member, PaperKind::Sheet, now)?;
    act.enter(&Subject::open(sitting.facts.tender), &SheetRecalled { lot, member, reason })?;
    act.tell(topic(lot));
    Ok(())
}

/// The leader records what the committee decided: about a low price, a correction, or whether the bids left compete.
///
/// # Errors
/// Refused for others than the leader, when nothing is to be decided, or a second time.
pub fn decide(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, decision: &Decision) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Decide)?;
    super::sources::check_recording(act, lot)?;
    let known = &sitting.evaluation.decisions;
    if known.iter().any(|old| old.code() == decision.code() && old.bid() == decision.bid()) {
        return Err(refuse(Refusal::AlreadySigned));
    }
    // the decision must be one that the screening asks for or allows; else recording it would block everything after
    let mut with = sitting.evaluation.clone();
    with.decisions.push(decision.clone());
    match super::report::screen(&with.inputs(&sitting.facts)?) {
        Ok(_)
        | Err(
            Refusal::AbnormalUndecided { .. }
            | Refusal::CompetitionUndecided { .. }
            | Refusal::CorrectionUnanswered { .. },
        ) => {}
        Err(other) => return Err(refuse(other)),
    }
    let now = act.now();
    store::insert_decision(act.db(), lot, decision, now)?;
    act.enter(&Subject::open(sitting.facts.tender), &Decided { lot, decision })?;
    act.tell(topic(lot));
    Ok(())
}
