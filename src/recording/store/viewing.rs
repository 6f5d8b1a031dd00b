//! SQL on what else happened, and on who watched.

use super::tables::{recording_access, recording_mark};
use super::{AccessRow, MarkRow, id};
use crate::account::rules::Person;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::platform::refusal::Fault;
use crate::recording::rules::{Session, Track};
use diesel::prelude::*;

/// How often at most one person's watching of one track is put on record again, in microseconds.
const WATCHED_EVERY: i64 = 600 * SECOND;

pub(in crate::recording) fn insert_mark(
    db: &mut Db,
    session: Id<Session>,
    mark: &MarkRow,
) -> Result<(), Fault> {
    diesel::insert_into(recording_mark::table)
        .values((
            recording_mark::id.eq(Id::<MarkRow>::random().to_string()),
            recording_mark::session_id.eq(session.to_string()),
            recording_mark::at.eq(mark.at.micros()),
            recording_mark::sentence.eq(&mark.sentence),
            recording_mark::what.eq(&mark.what),
        ))
        .execute(db)?;
    Ok(())
}

/// What else happened, in order of time.
pub fn marks(db: &mut Db, session: Id<Session>) -> Result<Vec<MarkRow>, Fault> {
    let rows: Vec<(i64, String, String)> = recording_mark::table
        .filter(recording_mark::session_id.eq(session.to_string()))
        .order((recording_mark::at, recording_mark::id))
        .limit(5_000)
        .select((recording_mark::at, recording_mark::sentence, recording_mark::what))
        .load(db)?;
    Ok(rows
        .into_iter()
        .map(|(at, sentence, what)| MarkRow { at: Moment::from_micros(at), sentence, what })
        .collect())
}

pub(in crate::recording) fn insert_access(
    db: &mut Db,
    session: Id<Session>,
    access: &AccessRow,
) -> Result<(), Fault> {
    diesel::insert_into(recording_access::table)
        .values((
            recording_access::id.eq(Id::<AccessRow>::random().to_string()),
            recording_access::session_id.eq(session.to_string()),
            recording_access::track_id.eq(access.track.map(|t| t.to_string())),
            recording_access::person_id.eq(access.person.to_string()),
            recording_access::way.eq(&access.way),
            recording_access::at.eq(access.at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// Who watched, newest first, at most 200.
pub fn accesses(db: &mut Db, session: Id<Session>) -> Result<Vec<AccessRow>, Fault> {
    let rows: Vec<(String, Option<String>, String, i64)> = recording_access::table
        .filter(recording_access::session_id.eq(session.to_string()))
        .order((recording_access::at.desc(), recording_access::id))
        .limit(200)
        .select((
            recording_access::person_id,
            recording_access::track_id,
            recording_access::way,
            recording_access::at,
        ))
        .load(db)?;
    let read = |(person, track, way, at): (String, Option<String>, String, i64)| -> Result<AccessRow, Fault> {
        let track = track.as_deref().map(id).transpose()?;
        Ok(AccessRow { person: id(&person)?, track, way, at: Moment::from_micros(at) })
    };
    rows.into_iter().map(read).collect()
}

/// Whether this person's watching was put on record within the last ten minutes before `now`.
pub fn watched_lately(
    db: &mut Db,
    session: Id<Session>,
    person: Id<Person>,
    track: Option<Id<Track>>,
    way: &str,
    now: Moment,
) -> Result<bool, Fault> {
    let mut query = recording_access::table
        .filter(recording_access::session_id.eq(session.to_string()))
        .filter(recording_access::person_id.eq(person.to_string()))
        .filter(recording_access::way.eq(way))
        .filter(recording_access::at.gt(now.plus(-WATCHED_EVERY).micros()))
        .into_boxed();
    query = match track {
        Some(track) => query.filter(recording_access::track_id.eq(track.to_string())),
        None => query.filter(recording_access::track_id.is_null()),
    };
    let count: i64 = query.count().get_result(db)?;
    Ok(count > 0)
}
