//! Names and refusals of the spine. Schedules, phases and the flow have their own files beside this one.

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

use super::flow::Step;
use super::phase::Phase;
use crate::platform::calendar::{Period, Uncertain};
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;

/// 招标项目: one procedure, from announcement to result. Marker for `Id<Tender>`.
pub enum Tender {}

/// 标段（包）: the unit of bidding, opening and award. Marker for `Id<Lot>`.
pub enum Lot {}

/// 项目编号: the number people use, such as `SB-2026-0042`. Never a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenderNumber(String);

impl TenderNumber {
    /// Groups of capital letters and digits joined by single hyphens; 4 to 40 characters, at least one digit.
    pub fn parse(text: &str) -> Option<Self> {
        let group = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        let lawful = (4..=40).contains(&text.len())
            && text.split('-').all(group)
            && text.bytes().any(|b| b.is_ascii_digit());
        lawful.then(|| Self(text.to_owned()))
    }

    /// The number that this platform gives: prefix, year and a running count.
    pub fn running(year: i32, count: u32) -> Self {
        Self(format!("SB-{year}-{count:06}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TenderNumber {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenderNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected a tender number like SB-2026-0042"))
    }
}

/// 标段号: 1 to 99 within its tender; `DEMO-0001/1` names lot 1 of a tender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotNumber(u8);

impl LotNumber {
    pub const MAX: u8 = 99;

    pub fn new(number: u8) -> Option<Self> {
        (1..=Self::MAX).contains(&number).then_some(Self(number))
    }

    /// Plain digits without a leading zero.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.parse().ok().and_then(Self::new)?;
        (number.to_string() == text).then_some(number)
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for LotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `DEMO-0001/1`: tender number and lot number in one text.
pub fn parse_lot_name(text: &str) -> Option<(TenderNumber, LotNumber)> {
    let (tender, lot) = text.split_once('/')?;
    Some((TenderNumber::parse(tender)?, LotNumber::parse(lot)?))
}

/// Which date of a schedule a refusal speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleRule {
    /// 招标文件发售期
    DocumentIssue,
    /// 编制投标文件的时间
    BidPreparation,
    /// 公告期限
    NoticePeriod,
    /// 澄清、修改距投标截止
    Clarification,
}

impl ScheduleRule {
    /// The form field that must change.
    pub const fn field(self) -> &'static str {
        match self {
            Self::DocumentIssue => "documents_until",
            Self::BidPreparation | Self::NoticePeriod | Self::Clarification => "bids_until",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::DocumentIssue => "project.refusal.document_issue_too_short",
            Self::BidPreparation => "project.refusal.bid_preparation_too_short",
            Self::NoticePeriod => "project.refusal.notice_too_short",
            Self::Clarification => "project.refusal.clarification_too_late",
        }
    }
}

/// Why the spine says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A planned date is earlier than the law allows; `earliest` is the first lawful day.
    TooEarly { rule: ScheduleRule, period: Period, article: String, earliest: NaiveDate },
    /// Two dates of the schedule are in the wrong order: `field` must be after `after`.
    OutOfOrder { field: &'static str, after: Moment },
    /// `field` must not be later than `limit`.
    TooLate { field: &'static str, limit: Moment },
    /// Documents would be issued on a day that is over.
    InThePast { field: &'static str, now: Moment },
    /// An amendment may put the deadline off, never bring it forward.
    DeadlineBroughtForward { was: Moment },
    /// Documents have been issued: their first day can no longer change.
    IssueHasBegun { was: Moment },
    /// No holiday table for a year that the schedule touches.
    CalendarUncertain { year: i32 },
    /// The role may not take this step.
    NotYourStep { step: Step, article: &'static str },
    /// The step does not belong to the present phase.
    NotInThisPhase { step: Step, phase: Phase, article: &'static str },
    /// The tender is frozen or suspended.
    OnHold { step: Step },
    /// Something that must be reached or true before the step is not.
    NotReady { step: Step, phase: Phase },
    /// The bid deadline went by while the tender was on hold: it must be amended before work goes on.
    DeadlinePassedOnHold { was: Moment },
}

impl From<Uncertain> for Refusal {
    fn from(uncertain: Uncertain) -> Self {
        Self::CalendarUncertain { year: uncertain.year }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooEarly { rule, period, article, earliest } => Self::new(422, rule.key())
                .with("period", period.chinese())
                .with("period_en", period)
                .with("earliest", earliest)
                .with("days", period.days)
                .article(article)
                .field(rule.field()),
            Refusal::OutOfOrder { field, after } => Self::new(422, "project.refusal.out_of_order")
                .with("after", after.beijing_minute())
                .field(field),
            Refusal::TooLate { field, limit } => {
                Self::new(422, "project.refusal.too_late").with("limit", limit.beijing_minute()).field(field)
            }
            Refusal::InThePast { field, now } => {
                Self::new(422, "project.refusal.in_the_past").with("now", now.beijing_minute()).field(field)
            }
            Refusal::DeadlineBroughtForward { was } => {
                Self::new(422, "project.refusal.deadline_brought_forward")
                    .with("was", was.beijing_minute())
                    .field("bids_until")
            }
            Refusal::IssueHasBegun { was } => Self::new(422, "project.refusal.issue_has_begun")
                .with("was", was.beijing_minute())
                .field("documents_from"),
            Refusal::CalendarUncertain { year } => Self::new(422, "project.refusal.calendar_uncertain")
                .with("year", year)
                .article("民法典 第二百零三条"),
            Refusal::NotYourStep { article, .. } => {
                Self::new(403, "project.refusal.not_your_step").article(article)
            }
            Refusal::NotInThisPhase { article, .. } => {
                Self::new(409, "project.refusal.not_in_this_phase").article(article)
            }
            Refusal::OnHold { .. } => Self::new(409, "project.refusal.on_hold"),
            Refusal::NotReady { .. } => Self::new(409, "project.refusal.not_ready"),
            Refusal::DeadlinePassedOnHold { was } => {
                Self::new(409, "project.refusal.deadline_passed_on_hold").with("was", was.beijing_minute())
            }
        }
    }
}
