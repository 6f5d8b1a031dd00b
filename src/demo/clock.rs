//! The demonstration clock: forward only, on record, kept over a restart.

use crate::ledger::{Act, Door, Event, Subject};
use crate::platform::database::Db;
use crate::platform::moment::{DAY, Moment};
use crate::platform::refusal::{Failure, Fault, Refused};
use diesel::prelude::*;
use serde::Serialize;

diesel::table! {
    platform_clock (id) {
        id -> Integer,
        offset_micros -> BigInt,
    }
}

#[derive(Serialize)]
struct ClockMoved {
    from: Moment,
    to: Moment,
}

impl Event for ClockMoved {
    const KIND: &'static str = "demo.clock_moved";
    const NUMBER: u8 = 210;
}

/// One jump moves the clock at most this far: no tender is skipped unseen.
pub const JUMP_MICROS_MAX: i64 = 120 * DAY;

/// Whether a demonstration's clock may jump from `now` to `to`.
///
/// # Errors
/// Not a demonstration, backwards, or too far.
pub fn may_move(demo: bool, now: Moment, to: Moment) -> Result<(), Refused> {
    if !demo {
        return Err(Refused::new(403, "demo.refusal.real"));
    }
    if to <= now {
        return Err(Refused::new(422, "demo.refusal.backwards").field("to"));
    }
    if to.micros() - now.micros() > JUMP_MICROS_MAX {
        return Err(Refused::new(422, "demo.refusal.too_far")
            .with("days", JUMP_MICROS_MAX / DAY)
            .field("to"));
    }
    Ok(())
}

/// Enters the jump in the log and keeps the new offset. The caller moves the clock once this is durable.
///
/// # Errors
/// Refused as in [`may_move`].
pub fn record_move(act: &mut Act<'_>, demo: bool, offset: i64, to: Moment) -> Result<(), Failure> {
    let from = act.now();
    may_move(demo, from, to)?;
    keep(act, offset + (to.micros() - from.micros()))?;
    act.enter(&Subject::None, &ClockMoved { from, to })?;
    Ok(())
}

/// Has a new demonstration begin at `to`, whatever the real time is: its clock then runs on from there.
///
/// # Errors
/// The database fails.
pub fn begin(act: &mut Act<'_>, real: Moment, to: Moment) -> Result<(), Failure> {
    keep(act, to.micros() - real.micros())?;
    act.enter(&Subject::None, &ClockMoved { from: real, to })?;
    Ok(())
}

fn keep(act: &mut Act<'_>, offset: i64) -> Result<(), Fault> {
    let set = platform_clock::offset_micros.eq(offset);
    let updated =
        diesel::update(platform_clock::table.filter(platform_clock::id.eq(1))).set(set).execute(act.db())?;
    if updated == 0 {
        diesel::insert_into(platform_clock::table)
            .values((platform_clock::id.eq(1), set))
            .execute(act.db())?;
    }
    Ok(())
}

/// The offset that was kept, in microseconds; none if the clock was never moved.
///
/// # Errors
/// The database fails.
pub fn kept(db: &mut Db) -> Result<Option<i64>, Fault> {
    Ok(platform_clock::table.select(platform_clock::offset_micros).first(db).optional()?)
}

/// As [`kept`]; a clock that was never moved shows the real time.
///
/// # Errors
/// The database fails.
pub fn kept_offset(db: &mut Db) -> Result<i64, Fault> {
    Ok(kept(db)?.unwrap_or(0))
}

/// Sets a demonstration's clock to where it was before the restart.
///
/// # Errors
/// The database fails.
pub fn restore(door: &Door) -> Result<(), Fault> {
    if door.config().demo {
        door.clock().set_offset(door.read(kept_offset)?);
    }
    Ok(())
}
