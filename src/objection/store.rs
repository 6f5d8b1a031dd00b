//! All SQL on objections and answers.

use super::rules::{Outcome, Subject};
use crate::account::signature::Signed;
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::{Lot, Tender};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

diesel::table! {
    objection_case (id) {
        id -> Text,
        lot_id -> Text,
        tender_id -> Text,
        subject -> Text,
        body -> Text,
        filer_tag -> Text,
        filer -> Binary,
        suspends -> Bool,
        answer_due -> BigInt,
        filed_at -> BigInt,
    }
}
diesel::table! {
    objection_answer (case_id) {
        case_id -> Text,
        outcome -> Text,
        body -> Text,
        signed -> Text,
        answered_at -> BigInt,
    }
}

/// Marker for `Id<Case>`: one objection.
pub enum Case {}

/// Who objects, sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filer {
    pub organisation: Id<Organisation>,
    pub name: String,
    pub signed: Signed,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub outcome: Outcome,
    pub text: String,
    pub signed: Signed,
    pub answered_at: Moment,
}

/// An objection, with its answer if it has one. Who filed it is not here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseFacts {
    pub id: Id<Case>,
    pub lot: Id<Lot>,
    pub tender: Id<Tender>,
    pub subject: Subject,
    pub text: String,
    pub suspends: bool,
    pub answer_due: Moment,
    pub filed_at: Moment,
    pub answer: Option<Answer>,
}

const FILER: &str = "objection/filer";

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the database"))
}

fn tag(vault: &Vault, organisation: Id<Organisation>) -> String {
    vault.tag("objection/organisation", &[&organisation.to_bytes()])
}

type Row = (String, String, String, String, String, bool, i64, i64);
type Columns = (
    objection_case::id,
    objection_case::lot_id,
    objection_case::tender_id,
    objection_case::subject,
    objection_case::body,
    objection_case::suspends,
    objection_case::answer_due,
    objection_case::filed_at,
);
const CASE: Columns = (
    objection_case::id,
    objection_case::lot_id,
    objection_case::tender_id,
    objection_case::subject,
    objection_case::body,
    objection_case::suspends,
    objection_case::answer_due,
    objection_case::filed_at,
);

fn case_of(db: &mut Db, row: Row) -> Result<CaseFacts, Fault> {
    let (id, lot, tender, subject, text, suspends, due, filed) = row;
    let answer = answer(db, &id)?;
    Ok(CaseFacts {
        id: Id::parse(&id).ok_or_else(|| damaged("id"))?,
        lot: Id::parse(&lot).ok_or_else(|| damaged("id"))?,
        tender: Id::parse(&tender).ok_or_else(|| damaged("id"))?,
        subject: Subject::from_code(&subject).ok_or_else(|| damaged("subject"))?,
        text,
        suspends,
        answer_due: Moment::from_micros(due),
        filed_at: Moment::from_micros(filed),
        answer,
    })
}

fn answer(db: &mut Db, case: &str) -> Result<Option<Answer>, Fault> {
    let row: Option<(String, String, String, i64)> = objection_answer::table
        .filter(objection_answer::case_id.eq(case))
        .select((
            objection_answer::outcome,
            objection_answer::body,
            objection_answer::signed,
            objection_answer::answered_at,
        ))
        .first(db)
        .optional()?;
    row.map(|(outcome, text, signed, at)| {
        Ok(Answer {
            outcome: Outcome::from_code(&outcome).ok_or_else(|| damaged("outcome"))?,
            text,
            signed: serde_json::from_str(&signed)?,
            answered_at: Moment::from_micros(at),
        })
    })
    .transpose()
}

/// The objection with this id.
pub fn case(db: &mut Db, id: Id<Case>) -> Result<Option<CaseFacts>, Fault> {
    let row: Option<Row> = objection_case::table
        .filter(objection_case::id.eq(id.to_string()))
        .select(CASE)
        .first(db)
        .optional()?;
    row.map(|row| case_of(db, row)).transpose()
}

/// The objections to a lot, oldest first.
pub fn cases_of(db: &mut Db, lot: Id<Lot>) -> Result<Vec<CaseFacts>, Fault> {
    let rows: Vec<Row> = objection_case::table
        .filter(objection_case::lot_id.eq(lot.to_string()))
        .order((objection_case::filed_at, objection_case::id))
        .select(CASE)
        .load(db)?;
    rows.into_iter().map(|row| case_of(db, row)).collect()
}

/// Objections that an organisation has filed, newest first, at most 100. For its own pages only.
pub fn filed_by(db: &mut Db, vault: &Vault, organisation: Id<Organisation>) -> Result<Vec<CaseFacts>, Fault> {
    let rows: Vec<Row> = objection_case::table
        .filter(objection_case::filer_tag.eq(tag(vault, organisation)))
        .order(objection_case::filed_at.desc())
        .limit(100)
        .select(CASE)
        .load(db)?;
    rows.into_iter().map(|row| case_of(db, row)).collect()
}

/// Who filed an objection: for the people who answer it, and the supervisor.
pub fn filer(db: &mut Db, vault: &Vault, id: Id<Case>) -> Result<Option<Filer>, Fault> {
    let sealed: Option<Vec<u8>> = objection_case::table
        .filter(objection_case::id.eq(id.to_string()))
        .select(objection_case::filer)
        .first(db)
        .optional()?;
    sealed.map(|sealed| Ok(serde_json::from_slice(&vault.open(FILER, &sealed)?)?)).transpose()
}

pub(super) fn insert_case(db: &mut Db, vault: &Vault, case: &CaseFacts, filer: &Filer) -> Result<(), Fault> {
    diesel::insert_into(objection_case::table)
        .values((
            objection_case::id.eq(case.id.to_string()),
            objection_case::lot_id.eq(case.lot.to_string()),
            objection_case::tender_id.eq(case.tender.to_string()),
            objection_case::subject.eq(case.subject.code()),
            objection_case::body.eq(&case.text),
            objection_case::filer_tag.eq(tag(vault, filer.organisation)),
            objection_case::filer.eq(vault.seal(FILER, &serde_json::to_vec(filer)?)),
            objection_case::suspends.eq(case.suspends),
            objection_case::answer_due.eq(case.answer_due.micros()),
            objection_case::filed_at.eq(case.filed_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_answer(db: &mut Db, case: Id<Case>, answer: &Answer) -> Result<(), Fault> {
    diesel::insert_into(objection_answer::table)
        .values((
            objection_answer::case_id.eq(case.to_string()),
            objection_answer::outcome.eq(answer.outcome.code()),
            objection_answer::body.eq(&answer.text),
            objection_answer::signed.eq(serde_json::to_string(&answer.signed)?),
            objection_answer::answered_at.eq(answer.answered_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}
