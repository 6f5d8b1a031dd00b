//! Asking and answering.

use serde::Serialize;

use super::rules::{
    ANSWER_TYPE, Answer, QUESTIONS_MAX, Question, check_text, check_time_to_answer, check_time_to_ask,
};
use super::store::{self, Asked};
use crate::account::authority::Authority;
use crate::account::role::Role;
use crate::account::signature::{self, Signed, SignedFields};
use crate::account::who::Who;
use crate::ledger::{Act, EntryId, Event, Subject};
use crate::platform::calendar::Calendar;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::project;
use crate::project::flow::Step;
use crate::project::rules::Tender;
use crate::project::schedule::{Schedule, Weight};

#[derive(Serialize)]
struct QuestionAsked {
    tender: Id<Tender>,
    question: Id<Question>,
    /// Base64url SHA-256 of the text.
    text: String,
}

impl Event for QuestionAsked {
    const KIND: &'static str = "clarification.question_asked";
    const NUMBER: u8 = 40;
}

#[derive(Serialize)]
struct QuestionAnswered<'a> {
    tender: Id<Tender>,
    question: Id<Question>,
    answer: &'a Signed,
}

impl Event for QuestionAnswered<'_> {
    const KIND: &'static str = "clarification.question_answered";
    const NUMBER: u8 = 41;
}

/// The schedule of a tender, if `role` may take `step` on one of its lots at `now`.
pub(super) fn schedule_for(
    db: &mut Db,
    tender: Id<Tender>,
    step: Step,
    role: Role,
    now: Moment,
) -> Result<Schedule, Failure> {
    let lots = project::store::lots_of(db, tender)?;
    let judged = lots.iter().map(|lot| lot.may(step, role, now).map(drop));
    let missing = || Refused::new(404, "project.refusal.not_found");
    judged.reduce(Result::or).unwrap_or_else(|| Err(missing()))?;
    let schedule = lots.iter().find_map(|lot| lot.schedule);
    Ok(schedule.ok_or_else(missing)?)
}

/// A bidder asks. Nobody learns who.
///
/// # Errors
/// Refused after the question deadline, on hold, for an empty or endless text, and beyond the bidder's twenty
/// questions.
pub fn ask(act: &mut Act<'_>, who: &Who, tender: Id<Tender>, text: &str) -> Result<Id<Question>, Failure> {
    let now = act.now();
    let vault = act.vault().clone();
    let schedule = schedule_for(act.db(), tender, Step::AskQuestion, who.role, now)?;
    check_time_to_ask(&schedule, now)?;
    let text = check_text(text, "question")?;
    let mine = store::asked_by(act.db(), &vault, who.person, tender)?;
    if mine.len() >= QUESTIONS_MAX {
        let many = Refused::new(429, "clarification.refusal.too_many").with("max", QUESTIONS_MAX);
        return Err(many.field("question").into());
    }
    let question = Id::random();
    let digest = b64u(&sha256(&[text.as_bytes()]));
    let asked = Asked { id: question, tender, text, at: now };
    store::insert_question(act.db(), &vault, who.person, &asked)?;
    let subject = Subject::sealed(format!("{tender}/{}", who.person));
    act.enter(&subject, &QuestionAsked { tender, question, text: digest })?;
    act.tell(project::actions::topic(tender));
    Ok(question)
}

/// The answer document as it would be published, once it is lawful to publish it at `now`.
///
/// # Errors
/// Refused for other people, in the wrong phase, for an answered question, and while too few days are left.
pub fn check_answer(
    db: &mut Db,
    who: &Who,
    question: Id<Question>,
    text: &str,
    weight: Weight,
    now: Moment,
) -> Result<Answer, Failure> {
    let asked = store::question(db, question)?;
    let tender = project::store::tender(db, asked.tender)?
        .ok_or_else(|| Refused::new(404, "project.refusal.not_found"))?;
    tender.check_own(who)?;
    let schedule = schedule_for(db, asked.tender, Step::AnswerQuestion, who.role, now)?;
    if store::is_answered(db, question)? {
        return Err(Refused::new(409, "clarification.refusal.answered").into());
    }
    let answer = check_text(text, "answer")?;
    check_time_to_answer(tender.book()?, Calendar::official(), &schedule, weight, now)?;
    Ok(Answer { typ: ANSWER_TYPE.into(), number: tender.number, question, asked: asked.text, answer, weight })
}

/// The agent answers, signed; the answer is public at once.
///
/// # Errors
/// As [`check_answer`]; also if the signature does not count.
pub fn answer(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    question: Id<Question>,
    (text, weight): (&str, Weight),
    fields: &SignedFields,
) -> Result<EntryId, Failure> {
    let now = act.now();
    let document = check_answer(act.db(), who, question, text, weight, now)?;
    let signed = signature::check(act.db(), authority, who, now, &document.statement(), fields)?;
    let tender = store::question(act.db(), question)?.tender;
    let event = QuestionAnswered { tender, question, answer: &signed };
    let entry = act.enter(&Subject::open(tender), &event)?;
    store::insert_answer(act.db(), question, &signed, entry, now)?;
    act.tell(project::actions::topic(tender));
    Ok(entry)
}
