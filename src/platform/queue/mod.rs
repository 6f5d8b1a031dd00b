//! Claims for jobs. The ticker of every server fires every job; whoever inserts the job's slot runs it, the others
//! find it taken. A job that dies is run again at the next slot, so jobs do only what is still due.

use super::database::Db;
use super::moment::Moment;
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
