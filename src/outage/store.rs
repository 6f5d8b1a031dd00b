//! All SQL on the pulse and the outages.

use super::rules::OutageMark;
use crate::ledger::EntryId;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Tender;
use diesel::prelude::*;

diesel::table! {
    outage_pulse (id) {
        id -> Integer,
        at -> BigInt,
    }
}

diesel::table! {
    outage (id) {
        id -> Text,
        began_at -> BigInt,
        ended_at -> BigInt,
        entry -> Text,
    }
}

diesel::table! {
    outage_moved (outage_id, tender_id) {
        outage_id -> Text,
        tender_id -> Text,
        was_until -> BigInt,
        now_until -> BigInt,
        entry -> Text,
    }
}

/// An outage, and what it moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    pub id: String,
    pub from: Moment,
    pub to: Moment,
    /// The entry of the log that records it.
    pub entry: String,
    pub moved: Vec<Moved>,
}

/// A deadline that was put off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub tender: Id<Tender>,
    pub was: Moment,
    pub now: Moment,
    pub entry: String,
}

/// When the platform last said that it lives, in the machine's time. `None` before the first pulse.
pub fn pulse(db: &mut Db) -> Result<Option<Moment>, Fault> {
    let at: Option<i64> = outage_pulse::table.select(outage_pulse::at).first(db).optional()?;
    Ok(at.map(Moment::from_micros))
}

pub(crate) fn put_pulse(db: &mut Db, at: Moment) -> Result<(), Fault> {
    if diesel::update(outage_pulse::table).set(outage_pulse::at.eq(at.micros())).execute(db)? == 0 {
        diesel::insert_into(outage_pulse::table)
            .values((outage_pulse::id.eq(1), outage_pulse::at.eq(at.micros())))
            .execute(db)?;
    }
    Ok(())
}

pub(super) fn insert_outage(
    db: &mut Db,
    id: Id<OutageMark>,
    (from, to): (Moment, Moment),
    entry: EntryId,
) -> Result<(), Fault> {
    diesel::insert_into(outage::table)
        .values((
            outage::id.eq(id.to_string()),
            outage::began_at.eq(from.micros()),
            outage::ended_at.eq(to.micros()),
            outage::entry.eq(entry.to_string()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_moved(
    db: &mut Db,
    outage: Id<OutageMark>,
    tender: Id<Tender>,
    (was, now): (Moment, Moment),
    entry: EntryId,
) -> Result<(), Fault> {
    diesel::insert_into(outage_moved::table)
        .values((
            outage_moved::outage_id.eq(outage.to_string()),
            outage_moved::tender_id.eq(tender.to_string()),
            outage_moved::was_until.eq(was.micros()),
            outage_moved::now_until.eq(now.micros()),
            outage_moved::entry.eq(entry.to_string()),
        ))
        .execute(db)?;
    Ok(())
}

/// The newest outages, newest first, each with what it moved.
pub fn newest(db: &mut Db, most: i64) -> Result<Vec<Outage>, Fault> {
    let rows: Vec<(String, i64, i64, String)> = outage::table
        .order((outage::began_at.desc(), outage::id))
        .limit(most)
        .select((outage::id, outage::began_at, outage::ended_at, outage::entry))
        .load(db)?;
    let with_moved = |(id, from, to, entry): (String, i64, i64, String)| {
        let rows: Vec<(String, i64, i64, String)> = outage_moved::table
            .filter(outage_moved::outage_id.eq(&id))
            .order((outage_moved::was_until, outage_moved::tender_id))
            .select((
                outage_moved::tender_id,
                outage_moved::was_until,
                outage_moved::now_until,
                outage_moved::entry,
            ))
            .load(db)?;
        let moved = rows.into_iter().map(|(tender, was, now, entry)| {
            let tender = Id::parse(&tender).ok_or_else(|| Fault::new("a damaged tender id"))?;
            Ok(Moved { tender, was: Moment::from_micros(was), now: Moment::from_micros(now), entry })
        });
        let moved = moved.collect::<Result<_, Fault>>()?;
        Ok(Outage { id, from: Moment::from_micros(from), to: Moment::from_micros(to), entry, moved })
    };
    rows.into_iter().map(with_moved).collect()
}
