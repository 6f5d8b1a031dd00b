//! 日程: the planned dates of a tender, and whether the law allows them.
//!
//! Legal periods count days, so a date is judged by its Beijing calendar day; the hour within the lawful day is
//! free (example E13: documents issued on 2025-09-01 make 2025-09-22 the earliest deadline).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::rulebook::{Cited, DocumentObjection, Rulebook};
use super::rules::{Refusal, ScheduleRule};
use crate::platform::calendar::{Calendar, Period, Uncertain};
use crate::platform::moment::{DAY, Deadline, Moment};

/// The dates that bidders plan by. Announced, then only replaced by an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// 招标文件开始发出
    pub documents_from: Moment,
    /// 招标文件停止发出
    pub documents_until: Moment,
    /// 提问截止
    pub questions_until: Moment,
    /// 投标截止时间，即开标时间（招标投标法 第三十四条）
    pub bids_until: Moment,
}

impl Schedule {
    /// The bid deadline. The equal instant is late.
    pub fn bid_deadline(&self) -> Deadline {
        Deadline(self.bids_until)
    }

    /// Until when questions may be asked. The equal instant is late.
    pub fn question_deadline(&self) -> Deadline {
        Deadline(self.questions_until)
    }

    /// Whether the documents are being issued at `now`.
    pub fn issues_documents(&self, now: Moment) -> bool {
        self.documents_from <= now && now < self.documents_until
    }
}

/// Whether `schedule` keeps every period of `book`. All violations are named at once, each with its rule, its
/// article and the earliest lawful day.
pub fn check_schedule(book: &Rulebook, calendar: &Calendar, schedule: &Schedule) -> Result<(), Vec<Refusal>> {
    let mut refusals = order(schedule);
    let issued = schedule.documents_from;
    let mut period = |rule, cited: &Cited<Period>, planned: Moment| {
        refusals.extend(shorter(calendar, rule, cited, issued, planned));
    };
    let periods = &book.periods;
    period(ScheduleRule::DocumentIssue, &periods.document_issue_min, schedule.documents_until);
    period(ScheduleRule::BidPreparation, &periods.bid_preparation_min, schedule.bids_until);
    if let Some(notice) = &periods.notice_min {
        period(ScheduleRule::NoticePeriod, notice, schedule.bids_until);
    }
    refusals.dedup();
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// Whether `schedule` may be announced at `now`: lawful, and not begun on a day that is over.
pub fn check_announcement(
    book: &Rulebook,
    calendar: &Calendar,
    schedule: &Schedule,
    now: Moment,
) -> Result<(), Vec<Refusal>> {
    let mut refusals = check_schedule(book, calendar, schedule).err().unwrap_or_default();
    if schedule.documents_from.beijing_date() < now.beijing_date() {
        refusals.insert(0, Refusal::InThePast { field: "documents_from", now });
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// What an amendment changes for bidders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It may affect how bids are prepared: the law protects the time that is left.
    AffectsBids,
    /// It does not (a telephone number, a misprint).
    Editorial,
}

/// Whether the schedule `old` may become `new` at `now` by an amendment of this weight.
pub fn check_amendment(
    book: &Rulebook,
    calendar: &Calendar,
    (old, new): (&Schedule, &Schedule),
    weight: Weight,
    now: Moment,
) -> Result<(), Vec<Refusal>> {
    let mut refusals = check_schedule(book, calendar, new).err().unwrap_or_default();
    if new.bids_until < old.bids_until {
        refusals.push(Refusal::DeadlineBroughtForward { was: old.bids_until });
    }
    if new.documents_from != old.documents_from && old.documents_from <= now {
        refusals.push(Refusal::IssueHasBegun { was: old.documents_from });
    }
    if new.bids_until <= now {
        refusals.push(Refusal::OutOfOrder { field: "bids_until", after: now });
    }
    if weight == Weight::AffectsBids {
        let cited = &book.periods.clarification_before_deadline;
        refusals.extend(shorter(calendar, ScheduleRule::Clarification, cited, now, new.bids_until));
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals) }
}

/// The deadline that an amendment of weight [`Weight::AffectsBids`] issued at `now` needs: the present one if
/// enough days are left, else the first lawful day at the same time of day (招标投标法 第二十三条).
pub fn deadline_after_amendment(
    book: &Rulebook,
    calendar: &Calendar,
    schedule: &Schedule,
    now: Moment,
) -> Result<Moment, Uncertain> {
    let period = book.periods.clarification_before_deadline.value;
    let first = calendar.last_day(now.beijing_date(), period)?;
    let planned = schedule.bids_until;
    if planned.beijing_date() >= first {
        return Ok(planned);
    }
    let time_of_day = planned.micros() - Moment::start_of(planned.beijing_date()).micros();
    Ok(Moment::start_of(first).plus(time_of_day))
}

/// The last day on which a clarification can be issued without moving the deadline.
pub fn last_clarification_day(
    book: &Rulebook,
    calendar: &Calendar,
    schedule: &Schedule,
) -> Result<NaiveDate, Uncertain> {
    calendar
        .latest_start(schedule.bids_until.beijing_date(), book.periods.clarification_before_deadline.value)
}

/// The instant from which an objection to the documents is late. `received` is when the objector got them.
pub fn document_objections_until(
    book: &Rulebook,
    calendar: &Calendar,
    schedule: &Schedule,
    received: Moment,
) -> Result<Moment, Uncertain> {
    match book.periods.document_objection.value {
        DocumentObjection::BeforeDeadline(period) => {
            let last = calendar.latest_start(schedule.bids_until.beijing_date(), period)?;
            Ok(Moment::start_of(last).plus(DAY))
        }
        DocumentObjection::AfterDocuments(period) => calendar.end(received, period),
    }
}

fn order(schedule: &Schedule) -> Vec<Refusal> {
    let Schedule { documents_from, documents_until, questions_until, bids_until } = *schedule;
    let mut refusals = Vec::new();
    for (field, value) in [
        ("documents_until", documents_until),
        ("questions_until", questions_until),
        ("bids_until", bids_until),
    ] {
        if value <= documents_from {
            refusals.push(Refusal::OutOfOrder { field, after: documents_from });
        }
    }
    for (field, value) in [("documents_until", documents_until), ("questions_until", questions_until)] {
        if value > bids_until {
            refusals.push(Refusal::TooLate { field, limit: bids_until });
        }
    }
    refusals
}

/// `Some` if `planned` lies before the last day of the period that starts at `start`.
fn shorter(
    calendar: &Calendar,
    rule: ScheduleRule,
    cited: &Cited<Period>,
    start: Moment,
    planned: Moment,
) -> Option<Refusal> {
    match calendar.last_day(start.beijing_date(), cited.value) {
        Err(uncertain) => Some(uncertain.into()),
        Ok(earliest) if planned.beijing_date() < earliest => {
            Some(Refusal::TooEarly { rule, period: cited.value, article: cited.article.clone(), earliest })
        }
        Ok(_) => None,
    }
}
