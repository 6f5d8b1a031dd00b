//! When and what is published after the evaluation: candidates, award, result, refunds. Pure: the rulebook and the
//! calendar come in as arguments, and every answer names its article.

use crate::platform::calendar::{Calendar, Period, Uncertain};
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::project::rulebook::{Anchor, Cited, RefundRule, Rulebook};
use serde::{Deserialize, Serialize};

/// A time by which something must be done. In time is *before* `by`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    pub by: Moment,
    pub article: String,
}

/// The time during which candidates or a result are on display, and may be objected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Display {
    pub from: Moment,
    /// 24:00 of the last day: the first instant at which the display is over.
    pub until: Moment,
    pub article: String,
}

impl Display {
    /// Whether the display is over at `now`.
    pub fn is_over(&self, now: Moment) -> bool {
        now >= self.until
    }
}

/// By when the candidates must be on display after the report was signed; `None` where this law displays no candidates.
pub fn candidates_due(
    book: &Rulebook,
    signed_at: Moment,
    calendar: &Calendar,
) -> Result<Option<Due>, Refusal> {
    within(book.periods.candidates_published_within.as_ref(), signed_at, calendar)
}

/// How long candidates that are put on display at `from` stay there; `None` where this law displays no candidates.
pub fn candidate_display(
    book: &Rulebook,
    from: Moment,
    calendar: &Calendar,
) -> Result<Option<Display>, Refusal> {
    let until = within(book.periods.candidate_publicity_min.as_ref(), from, calendar)?;
    Ok(until.map(|due| Display { from, until: due.by, article: due.article }))
}

/// How long the result notice stays; `None` where this law sets no time (the notice itself stays for good).
pub fn result_display(
    book: &Rulebook,
    from: Moment,
    calendar: &Calendar,
) -> Result<Option<Display>, Refusal> {
    let until = within(book.periods.result_notice_min.as_ref(), from, calendar)?;
    Ok(until.map(|due| Display { from, until: due.by, article: due.article }))
}

/// By when the entity must decide after the report reached it; `None` where this law sets no time.
pub fn award_due(book: &Rulebook, reported_at: Moment, calendar: &Calendar) -> Result<Option<Due>, Refusal> {
    within(book.periods.award_decision_within.as_ref(), reported_at, calendar)
}

/// By when the result must be published after the award; `None` where this law sets no time.
pub fn result_due(book: &Rulebook, awarded_at: Moment, calendar: &Calendar) -> Result<Option<Due>, Refusal> {
    within(book.periods.result_published_within.as_ref(), awarded_at, calendar)
}

/// By when the contract must be signed after the award letter.
pub fn contract_due(book: &Rulebook, awarded_at: Moment, calendar: &Calendar) -> Result<Due, Refusal> {
    due(&book.periods.contract_within, awarded_at, calendar)
}

fn within(period: Option<&Cited<Period>>, from: Moment, calendar: &Calendar) -> Result<Option<Due>, Refusal> {
    period.map(|period| due(period, from, calendar)).transpose()
}

fn due(period: &Cited<Period>, from: Moment, calendar: &Calendar) -> Result<Due, Refusal> {
    Ok(Due { by: calendar.end(from, period.value)?, article: period.article.clone() })
}

/// Whose deposit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    Winner,
    Loser,
}

/// What has happened so far, as far as refunds depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Happened {
    /// 中标通知书 sent.
    pub awarded_at: Option<Moment>,
    pub contract_signed_at: Option<Moment>,
    /// 流标、终止.
    pub ended_at: Option<Moment>,
}

/// By when a deposit must be back; `None` while the event from which the time runs has not happened.
pub fn refund_due(
    book: &Rulebook,
    whose: Whose,
    happened: &Happened,
    calendar: &Calendar,
) -> Result<Option<Due>, Refusal> {
    let rule: &Cited<RefundRule> = match (happened.ended_at, whose) {
        (Some(_), _) => &book.deposit.refund_terminated,
        (None, Whose::Winner) => &book.deposit.refund_winner,
        (None, Whose::Loser) => &book.deposit.refund_losers,
    };
    let from = match rule.value.after {
        Anchor::Awarded => happened.awarded_at,
        Anchor::ContractSigned => happened.contract_signed_at,
        Anchor::Ended => happened.ended_at,
        Anchor::Withdrawn => None,
    };
    let Some(from) = from else { return Ok(None) };
    Ok(Some(Due { by: calendar.end(from, rule.value.within)?, article: rule.article.clone() }))
}

/// Facts on which an award rests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AwardFacts {
    /// Labels of the recommended bids, best first.
    pub candidates: Vec<String>,
    /// The display of the candidates, where this law asks for one.
    pub display: Option<Display>,
    /// Whether candidates were displayed at all.
    pub displayed: bool,
    /// Objections that have no answer yet.
    pub unanswered: u32,
}

/// Whether the award may go to `bid` now. Where the rulebook makes the first rank win, another candidate needs a cause
/// that the law knows (条例第五十五条): the first gave up, cannot perform, or an illegal act was found.
pub fn may_award(
    book: &Rulebook,
    facts: &AwardFacts,
    bid: &str,
    cause: Option<PassedOver>,
    now: Moment,
) -> Result<(), Refusal> {
    if book.periods.candidate_publicity_min.is_some() && !facts.displayed {
        return Err(Refusal::NotDisplayed);
    }
    if let Some(display) = facts.display.as_ref().filter(|display| !display.is_over(now)) {
        return Err(Refusal::DisplayRunning { until: display.until, article: display.article.clone() });
    }
    if facts.unanswered > 0 && book.objections.suspend_until_answered.value {
        let article = book.objections.suspend_until_answered.article.clone();
        return Err(Refusal::Unanswered { count: facts.unanswered, article });
    }
    let place =
        facts.candidates.iter().position(|candidate| candidate == bid).ok_or(Refusal::NotACandidate)?;
    let first_must_win = &book.candidates.first_must_win;
    if place > 0 && first_must_win.value && cause.is_none() {
        return Err(Refusal::FirstMustWin { article: first_must_win.article.clone() });
    }
    Ok(())
}

/// Why a better candidate does not win (条例第五十五条).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// Gave up.
    GaveUp,
    /// Force majeure keeps the bidder from performing.
    ForceMajeure,
    /// No performance bond in time.
    NoPerformanceBond,
    /// An illegal act that touches the result was found.
    IllegalAct,
}

impl PassedOver {
    pub const ALL: [Self; 4] = [Self::GaveUp, Self::ForceMajeure, Self::NoPerformanceBond, Self::IllegalAct];

    /// The word in forms, documents and locale keys (`publication.passed_over.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::GaveUp => "gave_up",
            Self::ForceMajeure => "force_majeure",
            Self::NoPerformanceBond => "no_performance_bond",
            Self::IllegalAct => "illegal_act",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }
}

/// Why the publication room says no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No holiday table for a year that a period touches.
    CalendarUncertain { year: i32 },
    /// This law displays no candidates before the award.
    NoDisplayHere,
    /// The candidates must be displayed first.
    NotDisplayed,
    /// The display is still running.
    DisplayRunning { until: Moment, article: String },
    /// Objections wait for an answer.
    Unanswered { count: u32, article: String },
    /// The bid is not one of the candidates.
    NotACandidate,
    /// A later candidate needs a legal cause.
    FirstMustWin { article: String },
    /// The evaluation has no ranking to publish.
    NothingRanked,
    /// The evaluation has a ranking, so that it did not fail.
    BidsAreRanked,
    /// Published already.
    AlreadyPublished,
    /// A text that must be given is missing.
    Missing { field: &'static str },
    /// Only the lot's own agent or entity.
    NotYours,
    /// No such notice or letter, or not for this reader.
    NotFound,
}

impl From<Uncertain> for Refusal {
    fn from(uncertain: Uncertain) -> Self {
        Self::CalendarUncertain { year: uncertain.year }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let key = |name: &str| format!("publication.refusal.{name}");
        match refusal {
            Refusal::CalendarUncertain { year } => {
                Self::new(422, key("calendar_uncertain")).with("year", year)
            }
            Refusal::NoDisplayHere => Self::new(409, key("no_display_here")),
            Refusal::NotDisplayed => Self::new(409, key("not_displayed")),
            Refusal::DisplayRunning { until, article } => {
                Self::new(409, key("display_running")).with("until", until.beijing_minute()).article(article)
            }
            Refusal::Unanswered { count, article } => {
                Self::new(409, key("unanswered")).with("count", count).article(article)
            }
            Refusal::NotACandidate => Self::new(422, key("not_a_candidate")).field("bid"),
            Refusal::FirstMustWin { article } => {
                Self::new(422, key("first_must_win")).article(article).field("cause")
            }
            Refusal::NothingRanked => Self::new(409, key("nothing_ranked")),
            Refusal::BidsAreRanked => Self::new(409, key("bids_are_ranked")),
            Refusal::AlreadyPublished => Self::new(409, key("already_published")),
            Refusal::Missing { field } => Self::new(422, key("missing")).with("field", field).field(field),
            Refusal::NotYours => Self::new(403, key("not_yours")),
            Refusal::NotFound => Self::new(404, key("not_found")),
        }
    }
}
