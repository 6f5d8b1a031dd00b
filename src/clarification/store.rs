//! All SQL on questions and answers.

use diesel::prelude::*;

use super::rules::{Answer, Question};
use crate::account::rules::Person;
use crate::account::signature::Signed;
use crate::ledger::EntryId;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::rules::Tender;

diesel::table! {
    clarification_question (id) {
        id -> Text,
        tender_id -> Text,
        asker -> Text,
        text -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    clarification_answer (question_id) {
        question_id -> Text,
        signed -> Text,
        entry -> Text,
        at -> BigInt,
    }
}
diesel::joinable!(clarification_answer -> clarification_question (question_id));
diesel::allow_tables_to_appear_in_same_query!(clarification_question, clarification_answer);

/// A question without its asker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub id: Id<Question>,
    pub tender: Id<Tender>,
    pub text: String,
    pub at: Moment,
}

/// A published answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub answer: Answer,
    pub signed: Signed,
    pub entry: EntryId,
    pub asked_at: Moment,
    pub at: Moment,
}

fn damaged() -> Fault {
    Fault::new("a damaged question in the database")
}

type QuestionRow = (String, String, String, i64);
const QUESTION: (
    clarification_question::id,
    clarification_question::tender_id,
    clarification_question::text,
    clarification_question::at,
) = (
    clarification_question::id,
    clarification_question::tender_id,
    clarification_question::text,
    clarification_question::at,
);

fn asked((id, tender, text, at): QuestionRow) -> Result<Asked, Fault> {
    Ok(Asked {
        id: Id::parse(&id).ok_or_else(damaged)?,
        tender: Id::parse(&tender).ok_or_else(damaged)?,
        text,
        at: Moment::from_micros(at),
    })
}

/// The keyed tag of an asker on one tender: the same person is recognised, nobody is named.
fn asker_tag(vault: &Vault, person: Id<Person>, tender: Id<Tender>) -> String {
    vault.tag("clarification/asker", &[&person.to_bytes(), &tender.to_bytes()])
}

/// One question.
///
/// # Errors
/// 404 if there is none.
pub fn question(db: &mut Db, id: Id<Question>) -> Result<Asked, Failure> {
    let row: Option<QuestionRow> = clarification_question::table
        .filter(clarification_question::id.eq(id.to_string()))
        .select(QUESTION)
        .first(db)
        .optional()
        .map_err(Fault::from)?;
    Ok(asked(row.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?)?)
}

/// Questions of a tender that wait for their answer, oldest first: for its agent.
pub fn waiting(db: &mut Db, tender: Id<Tender>) -> Result<Vec<Asked>, Fault> {
    let rows: Vec<QuestionRow> = clarification_question::table
        .left_join(clarification_answer::table)
        .filter(clarification_question::tender_id.eq(tender.to_string()))
        .filter(clarification_answer::question_id.is_null())
        .order((clarification_question::at, clarification_question::id))
        .select(QUESTION)
        .load(db)?;
    rows.into_iter().map(asked).collect()
}

/// What this person asked on this tender, newest first: for that person only.
pub fn asked_by(
    db: &mut Db,
    vault: &Vault,
    person: Id<Person>,
    tender: Id<Tender>,
) -> Result<Vec<Asked>, Fault> {
    let rows: Vec<QuestionRow> = clarification_question::table
        .filter(clarification_question::asker.eq(asker_tag(vault, person, tender)))
        .order((clarification_question::at.desc(), clarification_question::id))
        .select(QUESTION)
        .load(db)?;
    rows.into_iter().map(asked).collect()
}

/// Published answers of a tender, newest first.
pub fn answers(db: &mut Db, tender: Id<Tender>) -> Result<Vec<Answered>, Fault> {
    let rows: Vec<(i64, String, String, i64)> = clarification_answer::table
        .inner_join(clarification_question::table)
        .filter(clarification_question::tender_id.eq(tender.to_string()))
        .order((clarification_answer::at.desc(), clarification_answer::question_id))
        .select((
            clarification_question::at,
            clarification_answer::signed,
            clarification_answer::entry,
            clarification_answer::at,
        ))
        .load(db)?;
    let answered = rows.into_iter().map(|(asked_at, signed, entry, at)| {
        let signed: Signed = serde_json::from_str(&signed)?;
        Ok(Answered {
            answer: serde_json::from_str(&signed.statement)?,
            signed,
            entry: Id::parse(&entry).ok_or_else(damaged)?,
            asked_at: Moment::from_micros(asked_at),
            at: Moment::from_micros(at),
        })
    });
    answered.collect()
}

/// Whether a question has its answer.
pub fn is_answered(db: &mut Db, question: Id<Question>) -> Result<bool, Fault> {
    let found: Option<String> = clarification_answer::table
        .filter(clarification_answer::question_id.eq(question.to_string()))
        .select(clarification_answer::question_id)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn insert_question(
    db: &mut Db,
    vault: &Vault,
    person: Id<Person>,
    asked: &Asked,
) -> Result<(), Fault> {
    diesel::insert_into(clarification_question::table)
        .values((
            clarification_question::id.eq(asked.id.to_string()),
            clarification_question::tender_id.eq(asked.tender.to_string()),
            clarification_question::asker.eq(asker_tag(vault, person, asked.tender)),
            clarification_question::text.eq(&asked.text),
            clarification_question::at.eq(asked.at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_answer(
    db: &mut Db,
    question: Id<Question>,
    signed: &Signed,
    entry: EntryId,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(clarification_answer::table)
        .values((
            clarification_answer::question_id.eq(question.to_string()),
            clarification_answer::signed.eq(serde_json::to_string(signed)?),
            clarification_answer::entry.eq(entry.to_string()),
            clarification_answer::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// The asker columns as a thief of the database would see them.
#[cfg(test)]
pub(super) fn raw_askers(db: &mut Db) -> Result<Vec<String>, Fault> {
    Ok(clarification_question::table.select(clarification_question::asker).load(db)?)
}
