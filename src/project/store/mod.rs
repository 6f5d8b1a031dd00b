//! All SQL on tenders, lots, schedules and milestones: reading here, writing in `write`.

mod write;

pub(super) use write::*;

use diesel::prelude::*;

use super::phase::{Milestone, Reached};
use super::place::Category;
use super::rulebook::RulebookId;
use super::rules::{Lot, LotNumber, Tender, TenderNumber};
use super::schedule::Schedule;
use super::standing::{LotFacts, TenderFacts};
use crate::account::rules::Person;
use crate::account::who::Who;
use crate::party::rules::Organisation;
use crate::party::store::party_organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};

diesel::table! {
    project_tender (id) {
        id -> Text,
        number -> Text,
        name -> Text,
        category -> Text,
        region -> Text,
        rulebook -> Text,
        rulebook_digest -> Text,
        agent_id -> Text,
        entity_id -> Text,
        custody -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        announced_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    project_lot (id) {
        id -> Text,
        tender_id -> Text,
        number -> Integer,
        name -> Text,
        terms -> Text,
        category -> Text,
        region -> Text,
        announced_at -> Nullable<BigInt>,
        documents_from -> BigInt,
        bids_until -> BigInt,
        reached -> Text,
        held_since -> Nullable<BigInt>,
    }
}
diesel::table! {
    project_schedule (tender_id, version) {
        tender_id -> Text,
        version -> Integer,
        documents_from -> BigInt,
        documents_until -> BigInt,
        questions_until -> BigInt,
        bids_until -> BigInt,
        at -> BigInt,
    }
}
diesel::table! {
    project_milestone (lot_id, place) {
        lot_id -> Text,
        place -> Integer,
        milestone -> Text,
        at -> BigInt,
        entry -> Text,
    }
}
diesel::table! {
    project_word (gram, announced_at, lot_id) {
        gram -> Text,
        announced_at -> BigInt,
        lot_id -> Text,
    }
}
diesel::table! {
    project_reason (entry) {
        entry -> Text,
        reason -> Text,
    }
}
diesel::table! {
    project_number (year) {
        year -> Integer,
        last -> Integer,
    }
}
diesel::joinable!(project_lot -> project_tender (tender_id));
diesel::joinable!(project_tender -> party_organisation (entity_id));
diesel::allow_tables_to_appear_in_same_query!(
    project_tender,
    project_lot,
    party_organisation,
    project_word,
    project_milestone
);

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the database"))
}

fn id<T>(text: &str) -> Result<Id<T>, Fault> {
    Id::parse(text).ok_or_else(|| damaged("id"))
}

type TenderColumns = (
    project_tender::id,
    project_tender::number,
    project_tender::name,
    project_tender::category,
    project_tender::region,
    project_tender::rulebook,
    project_tender::created_by,
    project_tender::agent_id,
    project_tender::entity_id,
    party_organisation::name,
    project_tender::custody,
    project_tender::created_at,
    project_tender::announced_at,
);
const TENDER: TenderColumns = (
    project_tender::id,
    project_tender::number,
    project_tender::name,
    project_tender::category,
    project_tender::region,
    project_tender::rulebook,
    project_tender::created_by,
    project_tender::agent_id,
    project_tender::entity_id,
    party_organisation::name,
    project_tender::custody,
    project_tender::created_at,
    project_tender::announced_at,
);

#[derive(Queryable)]
struct TenderRow {
    id: String,
    number: String,
    name: String,
    category: String,
    region: String,
    rulebook: String,
    created_by: String,
    agent_id: String,
    entity_id: String,
    entity_name: String,
    custody: Option<String>,
    created_at: i64,
    announced_at: Option<i64>,
}

impl TenderRow {
    fn facts(self) -> Result<TenderFacts, Fault> {
        let custody = self.custody.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok(TenderFacts {
            tender: id(&self.id)?,
            number: TenderNumber::parse(&self.number).ok_or_else(|| damaged("tender number"))?,
            title: self.name,
            category: Category::from_code(&self.category).ok_or_else(|| damaged("category"))?,
            region: self.region,
            rulebook: RulebookId::parse(&self.rulebook).ok_or_else(|| damaged("rulebook id"))?,
            agent: id(&self.created_by)?,
            agent_organisation: id(&self.agent_id)?,
            entity_organisation: id(&self.entity_id)?,
            entity_name: self.entity_name,
            custody,
            created_at: Moment::from_micros(self.created_at),
            announced_at: self.announced_at.map(Moment::from_micros),
        })
    }
}

/// The tender with this id.
pub fn tender(db: &mut Db, tender: Id<Tender>) -> Result<Option<TenderFacts>, Fault> {
    let row: Option<TenderRow> = project_tender::table
        .inner_join(party_organisation::table)
        .filter(project_tender::id.eq(tender.to_string()))
        .select(TENDER)
        .first(db)
        .optional()?;
    row.map(TenderRow::facts).transpose()
}

/// The tender with this public number.
pub fn tender_by_number(db: &mut Db, number: &TenderNumber) -> Result<Option<TenderFacts>, Fault> {
    let row: Option<TenderRow> = project_tender::table
        .inner_join(party_organisation::table)
        .filter(project_tender::number.eq(number.as_str()))
        .select(TENDER)
        .first(db)
        .optional()?;
    row.map(TenderRow::facts).transpose()
}

/// The tender that an address names.
///
/// # Errors
/// 404 for a text that is no number, and for a number that is not known.
pub fn tender_named(db: &mut Db, text: &str) -> Result<TenderFacts, Failure> {
    let number = TenderNumber::parse(text).ok_or_else(missing)?;
    Ok(tender_by_number(db, &number)?.ok_or_else(missing)?)
}

/// The tender that the address of a public page names. A draft is there for its agent, entity and trustees only; to
/// everybody else it is as if it did not exist.
///
/// # Errors
/// 404.
pub fn seen_tender(db: &mut Db, text: &str, who: Option<&Who>) -> Result<TenderFacts, Failure> {
    let tender = tender_named(db, text)?;
    if tender.may_be_seen(who) { Ok(tender) } else { Err(missing().into()) }
}

/// The lot that the address of a public page names, by the same rule.
///
/// # Errors
/// 404.
pub fn seen_lot(db: &mut Db, tender: &str, number: &str, who: Option<&Who>) -> Result<LotFacts, Failure> {
    let lot = lot_named(db, tender, number)?;
    if lot.may_be_seen(who) { Ok(lot) } else { Err(missing().into()) }
}

fn missing() -> Refused {
    Refused::new(404, "project.refusal.not_found")
}

/// Tenders of an agent or entity, newest first, at most `limit`, older than `before`.
pub fn tenders_of(
    db: &mut Db,
    organisation: Id<Organisation>,
    before: Option<Moment>,
    limit: i64,
) -> Result<Vec<TenderFacts>, Fault> {
    let organisation = organisation.to_string();
    let before = before.map_or(i64::MAX, Moment::micros);
    let rows: Vec<TenderRow> = project_tender::table
        .inner_join(party_organisation::table)
        .filter(
            project_tender::agent_id.eq(organisation.clone()).or(project_tender::entity_id.eq(organisation)),
        )
        .filter(project_tender::created_at.lt(before))
        .order((project_tender::created_at.desc(), project_tender::id))
        .limit(limit)
        .select(TENDER)
        .load(db)?;
    rows.into_iter().map(TenderRow::facts).collect()
}

/// Announced tenders whose evaluation is not over and whose key this person holds a share of, newest first.
pub fn entrusted_to(db: &mut Db, person: Id<Person>, limit: i64) -> Result<Vec<TenderFacts>, Fault> {
    let going_on = [
        Milestone::Announced.code(),
        Milestone::BiddingClosed.code(),
        Milestone::ExpertsDrawn.code(),
        Milestone::Opened.code(),
        Milestone::EvaluationStarted.code(),
    ];
    let lots = project_lot::table
        .filter(project_lot::reached.eq_any(going_on))
        .filter(project_lot::announced_at.is_not_null())
        .select(project_lot::tender_id);
    let rows: Vec<TenderRow> = project_tender::table
        .inner_join(party_organisation::table)
        .filter(project_tender::id.eq_any(lots))
        .filter(project_tender::custody.like(format!("%{person}%")))
        .order((project_tender::created_at.desc(), project_tender::id))
        .limit(limit)
        .select(TENDER)
        .load(db)?;
    let tenders: Vec<TenderFacts> = rows.into_iter().map(TenderRow::facts).collect::<Result<_, _>>()?;
    let holds = |tender: &TenderFacts| {
        tender.custody.iter().flat_map(|custody| &custody.trustees).any(|held| held.person == person)
    };
    Ok(tenders.into_iter().filter(holds).collect())
}

type LotRow = (String, String, i32, String, String);
const LOT: (
    project_lot::id,
    project_lot::tender_id,
    project_lot::number,
    project_lot::name,
    project_lot::terms,
) = (project_lot::id, project_lot::tender_id, project_lot::number, project_lot::name, project_lot::terms);

fn facts(
    db: &mut Db,
    tender: &TenderFacts,
    schedule: Option<Schedule>,
    row: LotRow,
) -> Result<LotFacts, Fault> {
    let (lot, _, number, name, terms) = row;
    let number = u8::try_from(number).ok().and_then(LotNumber::new).ok_or_else(|| damaged("lot number"))?;
    let lot = id(&lot)?;
    let milestones = milestones(db, lot)?;
    Ok(LotFacts::new(tender, (lot, number, name, serde_json::from_str(&terms)?), schedule, milestones))
}

/// The lots of a tender, by number.
pub fn lots_of(db: &mut Db, tender_id: Id<Tender>) -> Result<Vec<LotFacts>, Fault> {
    let Some(tender) = tender(db, tender_id)? else { return Ok(Vec::new()) };
    let rows: Vec<LotRow> = project_lot::table
        .filter(project_lot::tender_id.eq(tender_id.to_string()))
        .order(project_lot::number)
        .select(LOT)
        .load(db)?;
    let schedule = schedule(db, tender_id)?;
    rows.into_iter().map(|row| facts(db, &tender, schedule, row)).collect()
}

/// The lot with this id.
pub fn lot(db: &mut Db, lot: Id<Lot>) -> Result<Option<LotFacts>, Fault> {
    let row: Option<LotRow> =
        project_lot::table.filter(project_lot::id.eq(lot.to_string())).select(LOT).first(db).optional()?;
    let Some(row) = row else { return Ok(None) };
    let tender = tender(db, id(&row.1)?)?.ok_or_else(|| damaged("tender of a lot"))?;
    let schedule = schedule(db, tender.tender)?;
    facts(db, &tender, schedule, row).map(Some)
}

/// The lot with this id, which an action was given.
///
/// # Errors
/// 404 if there is no such lot.
pub fn known_lot(db: &mut Db, id: Id<Lot>) -> Result<LotFacts, Failure> {
    Ok(lot(db, id)?.ok_or_else(missing)?)
}

/// The lot of this tender number and lot number.
pub fn find(db: &mut Db, tender: &TenderNumber, number: LotNumber) -> Result<Option<Id<Lot>>, Fault> {
    let row: Option<String> = project_lot::table
        .inner_join(project_tender::table)
        .filter(project_tender::number.eq(tender.as_str()))
        .filter(project_lot::number.eq(i32::from(number.get())))
        .select(project_lot::id)
        .first(db)
        .optional()?;
    row.map(|text| id(&text)).transpose()
}

/// The lot that an address names by tender number and lot number, in any phase.
///
/// # Errors
/// 404 for texts that are no numbers and for a lot that is not known.
pub fn lot_named(db: &mut Db, tender: &str, number: &str) -> Result<LotFacts, Failure> {
    let tender = TenderNumber::parse(tender).ok_or_else(missing)?;
    let number = LotNumber::parse(number).ok_or_else(missing)?;
    let found = find(db, &tender, number)?.ok_or_else(missing)?;
    known_lot(db, found)
}

/// Every version of the schedule, oldest first. Version 0 is the draft's.
pub fn schedules(db: &mut Db, tender: Id<Tender>) -> Result<Vec<(i32, Schedule, Moment)>, Fault> {
    let rows: Vec<(i32, i64, i64, i64, i64, i64)> = project_schedule::table
        .filter(project_schedule::tender_id.eq(tender.to_string()))
        .order(project_schedule::version)
        .select((
            project_schedule::version,
            project_schedule::documents_from,
            project_schedule::documents_until,
            project_schedule::questions_until,
            project_schedule::bids_until,
            project_schedule::at,
        ))
        .load(db)?;
    let versions = rows.into_iter().map(|(version, from, until, questions, bids, at)| {
        let schedule = Schedule {
            documents_from: Moment::from_micros(from),
            documents_until: Moment::from_micros(until),
            questions_until: Moment::from_micros(questions),
            bids_until: Moment::from_micros(bids),
        };
        (version, schedule, Moment::from_micros(at))
    });
    Ok(versions.collect())
}

/// The schedule that holds now.
pub fn schedule(db: &mut Db, tender: Id<Tender>) -> Result<Option<Schedule>, Fault> {
    Ok(schedules(db, tender)?.pop().map(|(_, schedule, _)| schedule))
}

/// What a lot has reached, in the order of the ledger.
pub fn milestones(db: &mut Db, lot: Id<Lot>) -> Result<Vec<Reached>, Fault> {
    let rows: Vec<(String, i64, String)> = project_milestone::table
        .filter(project_milestone::lot_id.eq(lot.to_string()))
        .order(project_milestone::place)
        .select((project_milestone::milestone, project_milestone::at, project_milestone::entry))
        .load(db)?;
    let reached = rows.into_iter().map(|(milestone, at, entry)| {
        Ok(Reached {
            milestone: Milestone::from_code(&milestone).ok_or_else(|| damaged("milestone"))?,
            at: Moment::from_micros(at),
            entry: id(&entry)?,
        })
    });
    reached.collect()
}

/// Lots whose bid deadline lies in `after..=until` and whose box is not closed, for the job that closes boxes.
pub fn past_deadline(db: &mut Db, now: Moment, limit: i64) -> Result<Vec<Id<Lot>>, Fault> {
    let rows: Vec<String> = project_lot::table
        .filter(project_lot::reached.eq(Milestone::Announced.code()))
        .filter(project_lot::held_since.is_null())
        .filter(project_lot::bids_until.le(now.micros()))
        .order(project_lot::bids_until)
        .limit(limit)
        .select(project_lot::id)
        .load(db)?;
    rows.iter().map(|text| id(text)).collect()
}

/// Tenders whose bids are still taken or not yet counted, whose deadline lies after `after` and before `before`, nearest
/// first. A tender of which any box is closed is not among them: its deadline is past for good.
pub fn bidding_until(db: &mut Db, after: Moment, before: Moment) -> Result<Vec<Id<Tender>>, Fault> {
    let open = Milestone::Announced.code();
    let mut tenders: Vec<String> = project_lot::table
        .filter(project_lot::bids_until.gt(after.micros()).and(project_lot::bids_until.lt(before.micros())))
        .filter(project_lot::reached.eq(open))
        .order((project_lot::bids_until, project_lot::tender_id))
        .select(project_lot::tender_id)
        .load(db)?;
    // the lots of a tender have one deadline, so they stand side by side
    tenders.dedup();
    let closed: Vec<String> = project_lot::table
        .filter(project_lot::tender_id.eq_any(&tenders))
        .filter(project_lot::reached.ne_all([
            open,
            Milestone::Cancelled.code(),
            Milestone::Unsuccessful.code(),
        ]))
        .select(project_lot::tender_id)
        .load(db)?;
    tenders.iter().filter(|tender| !closed.contains(tender)).map(|tender| id(tender)).collect()
}

/// The public reason behind a milestone, where one was given.
pub fn reason(db: &mut Db, entry: crate::ledger::EntryId) -> Result<Option<String>, Fault> {
    let row = project_reason::table
        .filter(project_reason::entry.eq(entry.to_string()))
        .select(project_reason::reason)
        .first(db)
        .optional()?;
    Ok(row)
}
