//! Points in time, and the one door to the clock.
//!
//! A [`Moment`] is UTC in whole microseconds since 1970, the same in memory and in both databases. People see
//! Beijing time (UTC+8, no daylight saving). Nothing outside this file may read the machine's clock.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment(i64);

impl Moment {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment moved by `micros` (negative moves back); saturates at the ends of the range.
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Reads RFC 3339, with any offset. `None` for anything else or a moment out of range.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_micros()))
    }

    /// Reads what a `datetime-local` field sends (`2026-11-22T09:30` or with seconds), meant as Beijing time.
    pub fn parse_beijing(text: &str) -> Option<Self> {
        let text = text.trim().replace(' ', "T");
        let with_seconds = if text.matches(':').count() == 1 { format!("{text}:00") } else { text };
        Self::parse(&format!("{with_seconds}+08:00"))
    }

    /// Beijing midnight at which `date` begins.
    pub fn start_of(date: NaiveDate) -> Self {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
        Self(midnight - 8 * HOUR)
    }

    /// The Beijing calendar date of this moment.
    pub fn beijing_date(self) -> NaiveDate {
        self.beijing_time().date_naive()
    }

    /// `2026-11-22 09:30:00` in Beijing time, for people.
    pub fn beijing(self) -> String {
        self.beijing_time().format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `2026-11-22 09:30` in Beijing time, for lists.
    pub fn beijing_minute(self) -> String {
        self.beijing_time().format("%Y-%m-%d %H:%M").to_string()
    }

    /// `2026-11-22T09:30` in Beijing time, the value of a `datetime-local` field.
    pub fn beijing_field(self) -> String {
        self.beijing_time().format("%Y-%m-%dT%H:%M").to_string()
    }

    /// `2026-11-22T01:30:00.000000Z`: the form used in every signed or logged document.
    pub fn rfc3339(self) -> String {
        self.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    /// The same instant for libraries that speak chrono.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    fn beijing_time(self) -> DateTime<FixedOffset> {
        // eight hours east is always a lawful offset; the fallback can not be reached
        let east =
            FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| FixedOffset::east_opt(0).unwrap_or(Utc.fix()));
        east.from_utc_datetime(&self.utc().naive_utc())
    }
}

use chrono::Offset;

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an RFC 3339 time"))
    }
}

/// The last instant before which something is still in time. The equal instant is late (DESIGN promise 7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline(pub Moment);

impl Deadline {
    /// Whether `now` is still in time.
    pub fn is_open(self, now: Moment) -> bool {
        now < self.0
    }
}

/// The one clock. Cheap to clone; all clones show the same time.
///
/// A real clock reads the machine. Its offset is zero, except in the demonstration centre, where staff may move
/// it forward so that a lawful tender of forty days can be walked in an afternoon. A set clock stands still
/// until it is moved (tests, the demonstration's past).
#[derive(Clone)]
pub struct Clock {
    set: bool,
    micros: Arc<AtomicI64>,
}

impl Clock {
    pub fn real() -> Self {
        Self { set: false, micros: Arc::new(AtomicI64::new(0)) }
    }

    pub fn set_at(moment: Moment) -> Self {
        Self { set: true, micros: Arc::new(AtomicI64::new(moment.micros())) }
    }

    #[allow(clippy::disallowed_methods)] // the one place
    pub fn now(&self) -> Moment {
        let base = self.micros.load(Ordering::SeqCst);
        if self.set { Moment(base) } else { Moment(Utc::now().timestamp_micros().saturating_add(base)) }
    }

    /// Moves a set clock to `moment`, or a real clock so that it shows `moment` now.
    pub fn move_to(&self, moment: Moment) {
        let shift = moment.micros() - self.now().micros();
        self.micros.fetch_add(shift, Ordering::SeqCst);
    }

    /// The time without a demonstration's offset: for sessions, which end by the real day.
    pub fn machine_now(&self) -> Moment {
        self.now().plus(-self.offset())
    }

    /// How far a real clock is ahead of the machine, in microseconds.
    pub fn offset(&self) -> i64 {
        if self.set { 0 } else { self.micros.load(Ordering::SeqCst) }
    }

    /// Restores an offset that was kept from an earlier run.
    pub fn set_offset(&self, micros: i64) {
        if !self.set {
            self.micros.store(micros, Ordering::SeqCst);
        }
    }
}
