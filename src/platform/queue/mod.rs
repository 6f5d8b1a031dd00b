//! What is done later: messages that acts queue, and claims for jobs.
//!
//! A message is written in the transaction of the act that it is about and stays until a job of its kind has delivered it.
//! Who delivers it marks it finished in the transaction of the delivery, so that it is never lost and takes effect once.
//! What it says is sealed by the vault.
//!
//! The ticker of every server fires every job; whoever inserts the job's slot runs it, the others
//! find it taken. A job that dies is run again at the next slot, so jobs do only what is still due.

use super::database::Db;
use super::id::Id;
use super::moment::{MINUTE, Moment};
use super::refusal::Fault;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

diesel::table! {
    queue_run (job, slot) {
        job -> Text,
        slot -> BigInt,
        claimed_at -> BigInt,
    }
}

diesel::table! {
    queue_message (id) {
        id -> Text,
        kind -> Text,
        body -> Binary,
        created_at -> BigInt,
        due_at -> BigInt,
        tries -> Integer,
        done_at -> Nullable<BigInt>,
    }
}

/// Marker for the id of a queued message.
enum Message {}

/// A message that waits for delivery; `body` is sealed by the vault under its kind.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: String,
    pub body: Vec<u8>,
    pub created_at: Moment,
}

/// Queues a message that is due at once.
pub(crate) fn put(db: &mut Db, kind: &str, body: &[u8], now: Moment) -> Result<(), Fault> {
    diesel::insert_into(queue_message::table)
        .values((
            queue_message::id.eq(Id::<Message>::random().to_string()),
            queue_message::kind.eq(kind),
            queue_message::body.eq(body),
            queue_message::created_at.eq(now.micros()),
            queue_message::due_at.eq(now.micros()),
            queue_message::tries.eq(0),
        ))
        .execute(db)?;
    Ok(())
}

/// Messages of a kind that are due, those that wait longest first.
pub(crate) fn due(db: &mut Db, kind: &str, now: Moment, most: i64) -> Result<Vec<Waiting>, Fault> {
    let rows: Vec<(String, Vec<u8>, i64)> = queue_message::table
        .filter(queue_message::done_at.is_null().and(queue_message::due_at.le(now.micros())))
        .filter(queue_message::kind.eq(kind))
        .order((queue_message::due_at, queue_message::id))
        .limit(most)
        .select((queue_message::id, queue_message::body, queue_message::created_at))
        .load(db)?;
    let waiting = |(id, body, at)| Waiting { id, body, created_at: Moment::from_micros(at) };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Marks a message as delivered, in the transaction that delivers it. `false`: somebody else did.
pub(crate) fn finish(db: &mut Db, id: &str, now: Moment) -> Result<bool, Fault> {
    let waiting = queue_message::table.filter(queue_message::id.eq(id).and(queue_message::done_at.is_null()));
    Ok(diesel::update(waiting).set(queue_message::done_at.eq(Some(now.micros()))).execute(db)? == 1)
}

/// Puts a message off after a failed delivery: a minute, then twice as long each time, up to a day.
pub(crate) fn try_later(db: &mut Db, id: &str, now: Moment) -> Result<(), Fault> {
    let waiting = queue_message::table.filter(queue_message::id.eq(id).and(queue_message::done_at.is_null()));
    let tries: Option<i32> = waiting.select(queue_message::tries).first(db).optional()?;
    let Some(tries) = tries else { return Ok(()) };
    let due = now.plus(MINUTE << tries.clamp(0, 10));
    diesel::update(queue_message::table.filter(queue_message::id.eq(id)))
        .set((queue_message::due_at.eq(due.micros()), queue_message::tries.eq(tries.saturating_add(1))))
        .execute(db)?;
    Ok(())
}

/// Claims the run of `job` for the time slot that `now` lies in, slots being `every` microseconds long. Returns whether
/// it is ours. Run it in a transaction of its own.
///
/// # Errors
/// The database fails.
pub(crate) fn claim(db: &mut Db, job: &str, every: i64, now: Moment) -> Result<bool, Fault> {
    let slot = now.micros().div_euclid(every.max(1));
    let taken: i64 = queue_run::table
        .filter(queue_run::job.eq(job).and(queue_run::slot.ge(slot)))
        .count()
        .get_result(db)?;
    if taken > 0 {
        return Ok(false);
    }
    let row = (queue_run::job.eq(job), queue_run::slot.eq(slot), queue_run::claimed_at.eq(now.micros()));
    match diesel::insert_into(queue_run::table).values(row).execute(db) {
        Ok(_) => {}
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => return Ok(false),
        Err(e) => return Err(e.into()),
    }
    // older claims have done their work
    diesel::delete(queue_run::table.filter(queue_run::job.eq(job).and(queue_run::slot.lt(slot))))
        .execute(db)?;
    Ok(true)
}
