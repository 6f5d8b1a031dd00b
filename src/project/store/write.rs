//! Everything that is written about tenders and lots.

use diesel::prelude::*;

use super::{
    project_lot, project_milestone, project_number, project_reason, project_schedule, project_tender,
    project_word,
};
use crate::ledger::EntryId;
use crate::party::rules::Organisation;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::phase::{self, Milestone};
use crate::project::place::Category;
use crate::project::rulebook::Rulebook;
use crate::project::rules::{Lot, LotNumber, Tender, TenderNumber};
use crate::project::schedule::Schedule;
use crate::project::standing::Custody;
use crate::project::terms::Terms;

/// What an agent decides about a tender before its lots.
pub struct TenderRecord<'a> {
    pub name: &'a str,
    pub category: Category,
    pub region: &'a str,
    pub book: &'a Rulebook,
    pub entity: Id<Organisation>,
}

/// The next running number of a year.
pub(in crate::project) fn next_number(db: &mut Db, year: i32) -> Result<TenderNumber, Fault> {
    let bumped = diesel::update(project_number::table.filter(project_number::year.eq(year)))
        .set(project_number::last.eq(project_number::last + 1))
        .execute(db)?;
    if bumped == 0 {
        diesel::insert_into(project_number::table)
            .values((project_number::year.eq(year), project_number::last.eq(1)))
            .execute(db)?;
    }
    let last: i32 =
        project_number::table.filter(project_number::year.eq(year)).select(project_number::last).first(db)?;
    Ok(TenderNumber::running(year, u32::try_from(last).unwrap_or(0)))
}

pub(in crate::project) fn insert_tender(
    db: &mut Db,
    tender: Id<Tender>,
    number: &TenderNumber,
    agent: Id<Organisation>,
    record: &TenderRecord<'_>,
    by: &str,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(project_tender::table)
        .values((
            project_tender::id.eq(tender.to_string()),
            project_tender::number.eq(number.as_str()),
            project_tender::name.eq(record.name),
            project_tender::category.eq(record.category.code()),
            project_tender::region.eq(record.region),
            project_tender::rulebook.eq(record.book.id.as_str()),
            project_tender::rulebook_digest.eq(hex::encode(record.book.digest())),
            project_tender::agent_id.eq(agent.to_string()),
            project_tender::entity_id.eq(record.entity.to_string()),
            project_tender::created_by.eq(by),
            project_tender::created_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::project) fn update_tender(
    db: &mut Db,
    tender: Id<Tender>,
    record: &TenderRecord<'_>,
) -> Result<(), Fault> {
    diesel::update(project_tender::table.filter(project_tender::id.eq(tender.to_string())))
        .set((
            project_tender::name.eq(record.name),
            project_tender::category.eq(record.category.code()),
            project_tender::region.eq(record.region),
            project_tender::rulebook.eq(record.book.id.as_str()),
            project_tender::rulebook_digest.eq(hex::encode(record.book.digest())),
            project_tender::entity_id.eq(record.entity.to_string()),
        ))
        .execute(db)?;
    diesel::update(project_lot::table.filter(project_lot::tender_id.eq(tender.to_string())))
        .set((project_lot::category.eq(record.category.code()), project_lot::region.eq(record.region)))
        .execute(db)?;
    Ok(())
}

pub(in crate::project) fn set_custody(
    db: &mut Db,
    tender: Id<Tender>,
    custody: &Custody,
) -> Result<(), Fault> {
    diesel::update(project_tender::table.filter(project_tender::id.eq(tender.to_string())))
        .set(project_tender::custody.eq(jcs_text(custody)))
        .execute(db)?;
    Ok(())
}

/// Adds a lot, or replaces name and terms of the lot with this number.
pub(in crate::project) fn put_lot(
    db: &mut Db,
    tender: Id<Tender>,
    number: LotNumber,
    (category, region): (Category, &str),
    name: &str,
    terms: &Terms,
) -> Result<(), Fault> {
    let same =
        project_lot::tender_id.eq(tender.to_string()).and(project_lot::number.eq(i32::from(number.get())));
    let replaced = diesel::update(project_lot::table.filter(same))
        .set((project_lot::name.eq(name), project_lot::terms.eq(jcs_text(terms))))
        .execute(db)?;
    if replaced == 0 {
        diesel::insert_into(project_lot::table)
            .values((
                project_lot::id.eq(Id::<Lot>::random().to_string()),
                project_lot::tender_id.eq(tender.to_string()),
                project_lot::number.eq(i32::from(number.get())),
                project_lot::name.eq(name),
                project_lot::terms.eq(jcs_text(terms)),
                project_lot::category.eq(category.code()),
                project_lot::region.eq(region),
                project_lot::documents_from.eq(0),
                project_lot::bids_until.eq(0),
                project_lot::reached.eq(""),
            ))
            .execute(db)?;
    }
    Ok(())
}

pub(in crate::project) fn remove_lot(db: &mut Db, lot: Id<Lot>) -> Result<(), Fault> {
    diesel::delete(project_lot::table.filter(project_lot::id.eq(lot.to_string()))).execute(db)?;
    Ok(())
}

/// Writes version `version` of the schedule; version 0, the draft's, is replaced, every other one only added.
pub(in crate::project) fn put_schedule(
    db: &mut Db,
    tender: Id<Tender>,
    version: i32,
    schedule: &Schedule,
    now: Moment,
) -> Result<(), Fault> {
    if version == 0 {
        let draft = project_schedule::tender_id.eq(tender.to_string()).and(project_schedule::version.eq(0));
        diesel::delete(project_schedule::table.filter(draft)).execute(db)?;
    }
    diesel::insert_into(project_schedule::table)
        .values((
            project_schedule::tender_id.eq(tender.to_string()),
            project_schedule::version.eq(version),
            project_schedule::documents_from.eq(schedule.documents_from.micros()),
            project_schedule::documents_until.eq(schedule.documents_until.micros()),
            project_schedule::questions_until.eq(schedule.questions_until.micros()),
            project_schedule::bids_until.eq(schedule.bids_until.micros()),
            project_schedule::at.eq(now.micros()),
        ))
        .execute(db)?;
    diesel::update(project_lot::table.filter(project_lot::tender_id.eq(tender.to_string())))
        .set((
            project_lot::documents_from.eq(schedule.documents_from.micros()),
            project_lot::bids_until.eq(schedule.bids_until.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Marks the tender and its lots as public, for the lists.
pub(in crate::project) fn mark_announced(db: &mut Db, tender: Id<Tender>, now: Moment) -> Result<(), Fault> {
    diesel::update(project_tender::table.filter(project_tender::id.eq(tender.to_string())))
        .set(project_tender::announced_at.eq(now.micros()))
        .execute(db)?;
    diesel::update(project_lot::table.filter(project_lot::tender_id.eq(tender.to_string())))
        .set(project_lot::announced_at.eq(now.micros()))
        .execute(db)?;
    Ok(())
}

/// Adds the words under which a lot is found.
pub(in crate::project) fn insert_words(
    db: &mut Db,
    lot: Id<Lot>,
    words: &[String],
    announced_at: Moment,
) -> Result<(), Fault> {
    for gram in words {
        diesel::insert_into(project_word::table)
            .values((
                project_word::gram.eq(gram),
                project_word::announced_at.eq(announced_at.micros()),
                project_word::lot_id.eq(lot.to_string()),
            ))
            .execute(db)?;
    }
    Ok(())
}

/// Appends a milestone and brings the columns up to date by which lists are filtered.
pub(in crate::project) fn insert_milestone(
    db: &mut Db,
    lot: Id<Lot>,
    milestone: Milestone,
    at: Moment,
    entry: EntryId,
) -> Result<(), Fault> {
    let before = super::milestones(db, lot)?;
    diesel::insert_into(project_milestone::table)
        .values((
            project_milestone::lot_id.eq(lot.to_string()),
            project_milestone::place.eq(i32::try_from(before.len())?),
            project_milestone::milestone.eq(milestone.code()),
            project_milestone::at.eq(at.micros()),
            project_milestone::entry.eq(entry.to_string()),
        ))
        .execute(db)?;
    let all = super::milestones(db, lot)?;
    let furthest = phase::furthest(&all).map_or("", Milestone::code);
    diesel::update(project_lot::table.filter(project_lot::id.eq(lot.to_string())))
        .set((
            project_lot::reached.eq(furthest),
            project_lot::held_since.eq(phase::hold(&all).since.map(Moment::micros)),
        ))
        .execute(db)?;
    Ok(())
}

/// Keeps the public reason behind a milestone.
pub(in crate::project) fn insert_reason(db: &mut Db, entry: EntryId, reason: &str) -> Result<(), Fault> {
    diesel::insert_into(project_reason::table)
        .values((project_reason::entry.eq(entry.to_string()), project_reason::reason.eq(reason)))
        .execute(db)?;
    Ok(())
}
