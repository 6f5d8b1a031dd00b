//! Calendar days, working days, and legal periods (民法典 201 and 203).
//!
//! The day on which a period starts is not counted. It ends at 24:00 of its last day; a last day that is a day
//! off rolls to the next working day. Which days are off is data: one table per year in `rulebooks/calendar/`,
//! as announced by the State Council. A year without a table is [`Uncertain`]: nobody may guess it.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use super::moment::Moment;

/// Tables that are compiled in. A new year is one file and one line here.
const TABLES: [&str; 2] =
    [include_str!("../../rulebooks/calendar/2025.toml"), include_str!("../../rulebooks/calendar/2026.toml")];

/// No State Council table is known for this year, so no lawful answer exists yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no holiday table for the year {year}")]
pub struct Uncertain {
    pub year: i32,
}

/// What a legal period counts: 日 or 工作日. The unit is part of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 日: every day counts; the last one rolls to a working day.
    Calendar,
    /// 工作日: only working days count.
    Working,
}

/// A legal period: a number of days of one unit. Written `5 calendar days` or `5 working days` in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub days: u32,
    pub unit: Unit,
}

impl Period {
    pub const fn calendar(days: u32) -> Self {
        Self { days, unit: Unit::Calendar }
    }

    pub const fn working(days: u32) -> Self {
        Self { days, unit: Unit::Working }
    }

    /// Reads the document form. `None` for anything else or for more than ten thousand days.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let days = words.next()?.parse().ok().filter(|&days| days <= 10_000)?;
        let unit = match words.next()? {
            "calendar" => Unit::Calendar,
            "working" => Unit::Working,
            _ => return None,
        };
        (matches!(words.next(), Some("day" | "days")) && words.next().is_none())
            .then_some(Self { days, unit })
    }

    /// `20 日` or `5 个工作日`: the form of Chinese legal texts.
    pub fn chinese(self) -> String {
        match self.unit {
            Unit::Calendar => format!("{} 日", self.days),
            Unit::Working => format!("{} 个工作日", self.days),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Calendar => "calendar",
            Unit::Working => "working",
        };
        write!(f, "{} {unit} {}", self.days, if self.days == 1 { "day" } else { "days" })
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected `5 calendar days` or `5 working days`"))
    }
}

/// Which days are worked, for the years that have a table.
#[derive(Debug, Clone)]
pub struct Calendar {
    years: BTreeMap<i32, Year>,
}

#[derive(Debug, Clone)]
struct Year {
    source: String,
    off: BTreeSet<NaiveDate>,
    worked: BTreeSet<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    year: i32,
    source: String,
    #[allow(dead_code)] // kept for the reader of the file
    status: String,
    holidays: Vec<Holiday>,
    workdays: Vec<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    name: String,
    from: NaiveDate,
    to: NaiveDate,
}

/// Why a calendar table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTable {
    #[error("calendar table: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("calendar table of {year}: {what}")]
    Content { year: i32, what: String },
}

impl Calendar {
    /// The calendar compiled into the program.
    ///
    /// # Panics
    /// If an embedded table is malformed, which a test excludes.
    pub fn official() -> &'static Self {
        static OFFICIAL: LazyLock<Calendar> =
            LazyLock::new(|| Calendar::read(&TABLES).unwrap_or_else(|bad| panic!("{bad}")));
        &OFFICIAL
    }

    /// Reads tables in the format of `rulebooks/calendar/`. Refuses days outside the table's year, spans that
    /// run backwards, make-up days that are not at a weekend, and a year given twice.
    pub fn read(texts: &[&str]) -> Result<Self, BadTable> {
        let mut years = BTreeMap::new();
        for text in texts {
            let table: Table = toml::from_str(text)?;
            let year = table.year;
            if years.insert(year, Year::from_table(table)?).is_some() {
                return Err(BadTable::Content { year, what: "given twice".into() });
            }
        }
        Ok(Self { years })
    }

    /// The announcement that the table of `year` rests on.
    pub fn source(&self, year: i32) -> Option<&str> {
        self.years.get(&year).map(|table| table.source.as_str())
    }

    /// Whether people work on `date`.
    pub fn is_working_day(&self, date: NaiveDate) -> Result<bool, Uncertain> {
        let table = self.years.get(&date.year()).ok_or(Uncertain { year: date.year() })?;
        let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        Ok(table.worked.contains(&date) || !(weekend || table.off.contains(&date)))
    }

    /// `date` itself if it is worked, else the next working day (民法典 203).
    pub fn working_day_from(&self, date: NaiveDate) -> Result<NaiveDate, Uncertain> {
        let mut day = date;
        while !self.is_working_day(day)? {
            day = next(day);
        }
        Ok(day)
    }

    /// The last day of a period that starts on `start`; `start` is not counted (民法典 201, 203).
    pub fn last_day(&self, start: NaiveDate, period: Period) -> Result<NaiveDate, Uncertain> {
        match period.unit {
            Unit::Calendar => self.working_day_from(after(start, period.days)),
            Unit::Working => {
                let mut day = start;
                for _ in 0..period.days {
                    day = self.working_day_from(next(day))?;
                }
                Ok(day)
            }
        }
    }

    /// The instant at which a period that starts on the day of `start` is over: 24:00 Beijing time of its last
    /// day. Something due within the period is in time if it happens before this instant.
    pub fn end(&self, start: Moment, period: Period) -> Result<Moment, Uncertain> {
        Ok(Moment::start_of(next(self.last_day(start.beijing_date(), period)?)))
    }

    /// The latest day on which a period may start so that its last day is not after `end`: for rules such as
    /// "at least fifteen days before the deadline".
    pub fn latest_start(&self, end: NaiveDate, period: Period) -> Result<NaiveDate, Uncertain> {
        let mut day = before(end, period.days);
        while self.last_day(day, period)? > end {
            day = before(day, 1);
        }
        Ok(day)
    }
}

impl Year {
    fn from_table(table: Table) -> Result<Self, BadTable> {
        let year = table.year;
        let bad = |what: String| BadTable::Content { year, what };
        let mut off = BTreeSet::new();
        for holiday in table.holidays {
            if holiday.from > holiday.to || holiday.from.year() != year || holiday.to.year() != year {
                return Err(bad(format!("the span of {} is not inside the year", holiday.name)));
            }
            off.extend(holiday.from.iter_days().take_while(|&day| day <= holiday.to));
        }
        for &day in &table.workdays {
            if day.year() != year
                || !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
                || off.contains(&day)
            {
                return Err(bad(format!("{day} is not a weekend day of the year that could be worked")));
            }
        }
        Ok(Self { source: table.source, off, worked: table.workdays.into_iter().collect() })
    }
}

fn next(day: NaiveDate) -> NaiveDate {
    after(day, 1)
}

fn after(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX)
}

fn before(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_sub_days(Days::new(days.into())).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn last(start: &str, period: &str) -> NaiveDate {
        Calendar::official().last_day(day(start), Period::parse(period).unwrap()).unwrap()
    }

    #[test]
    fn the_embedded_tables_name_their_source() {
        assert!(Calendar::official().source(2025).unwrap().contains("2025"));
        assert!(Calendar::official().source(2026).unwrap().contains("2026"));
    }

    #[test]
    fn a_year_without_a_table_is_uncertain_and_never_guessed() {
        let calendar = Calendar::official();
        assert_eq!(calendar.is_working_day(day("2031-03-05")), Err(Uncertain { year: 2031 }));
        assert_eq!(calendar.is_working_day(day("2031-03-08")), Err(Uncertain { year: 2031 }));
        assert_eq!(calendar.last_day(day("2024-12-20"), Period::working(3)), Err(Uncertain { year: 2024 }));
    }

    #[test]
    fn a_period_does_not_count_its_first_day_and_rolls_over_a_weekend() {
        assert_eq!(last("2025-09-01", "20 calendar days"), day("2025-09-22")); // the 21st is a Sunday
        assert_eq!(last("2025-09-02", "20 calendar days"), day("2025-09-22"));
        assert_eq!(last("2025-09-03", "20 calendar days"), day("2025-09-23"));
    }

    #[test]
    fn a_period_rolls_over_a_long_holiday_but_not_over_a_make_up_day() {
        assert_eq!(last("2025-09-25", "7 calendar days"), day("2025-10-09"));
        assert_eq!(last("2025-09-21", "7 calendar days"), day("2025-09-28")); // a Sunday that is worked
        assert_eq!(last("2026-02-13", "1 calendar day"), day("2026-02-14")); // a Saturday that is worked
    }

    #[test]
    fn working_days_skip_holidays_and_count_make_up_days() {
        assert_eq!(last("2025-09-26", "5 working days"), day("2025-10-10"));
        assert_eq!(last("2026-02-13", "2 working days"), day("2026-02-24"));
        assert_eq!(last("2026-06-18", "1 working day"), day("2026-06-22"));
    }

    #[test]
    fn a_period_ends_at_midnight_after_its_last_day() {
        let start = Moment::parse_beijing("2026-11-02T15:00").unwrap();
        let end = Calendar::official().end(start, Period::calendar(3)).unwrap();
        assert_eq!(end.beijing(), "2026-11-06 00:00:00");
    }

    #[test]
    fn the_latest_start_is_the_last_day_whose_period_still_fits() {
        let calendar = Calendar::official();
        for (end, period) in [
            ("2025-09-22", Period::calendar(15)),
            ("2025-09-27", Period::calendar(15)),
            ("2026-10-12", Period::working(5)),
            ("2026-03-02", Period::calendar(10)),
        ] {
            let start = calendar.latest_start(day(end), period).unwrap();
            assert!(calendar.last_day(start, period).unwrap() <= day(end));
            assert!(calendar.last_day(next(start), period).unwrap() > day(end), "{end} {period}");
        }
    }

    #[test]
    fn periods_are_read_in_one_form_only() {
        assert_eq!(Period::parse("1 working day"), Some(Period::working(1)));
        for wrong in
            ["5", "5 days", "five working days", "-1 calendar days", "5 working days ", "99999 working days"]
        {
            assert_eq!(Period::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Period::calendar(20).to_string(), "20 calendar days");
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let table = |holidays: &str, workdays: &str| {
            let text = format!(
                "year = 2030\nsource = \"x\"\nstatus = \"M\"\nholidays = [{holidays}]\nworkdays = [{workdays}]"
            );
            Calendar::read(&[&text])
        };
        assert!(table("", "").is_ok());
        assert!(table("{ name = \"a\", from = \"2030-01-03\", to = \"2030-01-01\" }", "").is_err());
        assert!(table("{ name = \"a\", from = \"2029-12-31\", to = \"2030-01-01\" }", "").is_err());
        assert!(table("", "\"2030-01-02\"").is_err()); // a Wednesday
        assert!(Calendar::read(&[TABLES[0], TABLES[0]]).is_err());
    }
}
