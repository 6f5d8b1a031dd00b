//! Who may object to what and until when, and by when it must be answered. Pure; periods come from the rulebook.
//!
//! Tendering calls it 异议, procurement 质疑; the steps are the same, the times and the effect differ: an objection in
//! tendering suspends until it is answered (条例第二十二、五十四条), a challenge in procurement does not (政府采购法第五十七条 leaves
//! that to the finance department).

use crate::platform::calendar::{Calendar, Period, Uncertain};
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::project::rulebook::{DocumentObjection, ResultObjection, Rulebook};
use serde::{Deserialize, Serialize};

/// What an objection is about. Objections at the opening are raised and answered on the spot, in the opening hall.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// 招标文件、采购文件
    Documents,
    /// 评标结果、中标结果
    Result,
}

impl Subject {
    pub const ALL: [Self; 2] = [Self::Documents, Self::Result];

    /// The word in forms, documents, databases and locale keys (`objection.subject.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Result => "result",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.code() == code)
    }
}

/// What has happened to the lot, as far as objections depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Facts {
    pub announced_at: Option<Moment>,
    /// When documents were first issued.
    pub documents_from: Moment,
    pub bids_until: Moment,
    /// When the candidates went on display and until when.
    pub displayed: Option<(Moment, Moment)>,
    pub result_published_at: Option<Moment>,
}

/// The time in which an objection is in time: from `from`, before `until`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    pub from: Moment,
    pub until: Moment,
    pub article: String,
}

/// Who wants to object, as far as it decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// Took the documents of this lot.
    TookDocuments,
    /// Has a bid in this lot that counts (known only after the opening).
    Bid,
    /// Neither.
    None,
}

/// The window for objections to `subject`; `None` while it has not opened and can not be dated yet.
pub fn window(
    book: &Rulebook,
    subject: Subject,
    facts: &Facts,
    calendar: &Calendar,
) -> Result<Option<Window>, Refusal> {
    match subject {
        Subject::Documents => documents_window(book, facts, calendar),
        Subject::Result => result_window(book, facts, calendar),
    }
}

fn documents_window(book: &Rulebook, facts: &Facts, calendar: &Calendar) -> Result<Option<Window>, Refusal> {
    let Some(announced_at) = facts.announced_at else { return Ok(None) };
    let rule = &book.periods.document_objection;
    let until = match rule.value {
        DocumentObjection::BeforeDeadline(period) => {
            // the last day that still lies the whole period before the day of the deadline
            let last = calendar.latest_start(facts.bids_until.beijing_date(), period)?;
            Moment::start_of(last.succ_opt().unwrap_or(last))
        }
        DocumentObjection::AfterDocuments(period) => {
            // from receipt, or from the end of the notice period: the later one never cuts anybody short
            let notice = book.periods.notice_min.as_ref();
            let notice_end = match notice {
                Some(notice) => last_instant(calendar.end(announced_at, notice.value)?),
                None => announced_at,
            };
            calendar.end(notice_end.max(facts.documents_from), period)?
        }
    };
    let from = facts.documents_from.max(announced_at);
    Ok(Some(Window { from, until, article: rule.article.clone() }))
}

fn result_window(book: &Rulebook, facts: &Facts, calendar: &Calendar) -> Result<Option<Window>, Refusal> {
    let rule = &book.periods.result_objection;
    let window = match rule.value {
        ResultObjection::WithinPublicity => facts.displayed,
        ResultObjection::AfterResultNotice(period) => match facts.result_published_at {
            None => None,
            Some(published_at) => Some((published_at, after_notice(book, published_at, period, calendar)?)),
        },
    };
    Ok(window.map(|(from, until)| Window { from, until, article: rule.article.clone() }))
}

/// The end of a period that runs from the end of the result notice period.
fn after_notice(
    book: &Rulebook,
    published_at: Moment,
    period: Period,
    calendar: &Calendar,
) -> Result<Moment, Uncertain> {
    let notice_end = match &book.periods.result_notice_min {
        Some(notice) => last_instant(calendar.end(published_at, notice.value)?),
        None => published_at,
    };
    calendar.end(notice_end, period)
}

/// The last instant before `end`: an end at 24:00 still belongs to the day that ends.
fn last_instant(end: Moment) -> Moment {
    end.plus(-1)
}

/// Whether somebody of this standing may object to `subject` now. An objector to the documents must have taken them; an
/// objector to the result must have bid.
pub fn may_file(
    subject: Subject,
    standing: Standing,
    window: Option<&Window>,
    now: Moment,
) -> Result<(), Refusal> {
    match (subject, standing) {
        (Subject::Documents, Standing::TookDocuments | Standing::Bid) | (Subject::Result, Standing::Bid) => {}
        _ => return Err(Refusal::NoStanding { subject }),
    }
    let window = window.ok_or(Refusal::NotYet { subject })?;
    if now < window.from {
        return Err(Refusal::NotYet { subject });
    }
    if now >= window.until {
        return Err(Refusal::TooLate { until: window.until, article: window.article.clone() });
    }
    Ok(())
}

/// By when an objection filed at `filed_at` must be answered: the instant after which an answer is late, and the article.
pub fn answer_due(
    book: &Rulebook,
    subject: Subject,
    filed_at: Moment,
    calendar: &Calendar,
) -> Result<(Moment, String), Refusal> {
    let rule = match subject {
        Subject::Documents => &book.periods.document_objection_answer,
        Subject::Result => &book.periods.result_objection_answer,
    };
    Ok((calendar.end(filed_at, rule.value)?, rule.article.clone()))
}

/// Whether an unanswered objection holds the lot up.
pub fn suspends(book: &Rulebook) -> bool {
    book.objections.suspend_until_answered.value
}

/// How an objection was answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 成立: the objection is right; the answer says what will be done.
    Upheld,
    /// 部分成立
    UpheldInPart,
    /// 不成立
    Dismissed,
}

impl Outcome {
    pub const ALL: [Self; 3] = [Self::Upheld, Self::UpheldInPart, Self::Dismissed];

    /// The word in forms, documents, databases and locale keys (`objection.outcome.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Upheld => "upheld",
            Self::UpheldInPart => "upheld_in_part",
            Self::Dismissed => "dismissed",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

/// Longest text of an objection or answer, in characters.
pub const TEXT_MAX: usize = 8_000;

/// Checks the text of an objection or an answer.
pub fn check_text(text: &str, field: &'static str) -> Result<(), Refusal> {
    let length = text.trim().chars().count();
    if length < 10 {
        Err(Refusal::TextTooShort { field })
    } else if length > TEXT_MAX {
        Err(Refusal::TextTooLong { field })
    } else {
        Ok(())
    }
}

/// Why the objection room says no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No holiday table for a year that a period touches.
    CalendarUncertain {
        year: i32,
    },
    /// The person has no part in what is objected to.
    NoStanding {
        subject: Subject,
    },
    /// The time has not begun.
    NotYet {
        subject: Subject,
    },
    /// The time is over.
    TooLate {
        until: Moment,
        article: String,
    },
    TextTooShort {
        field: &'static str,
    },
    TextTooLong {
        field: &'static str,
    },
    /// Answered already: an answer is never changed.
    AlreadyAnswered,
    /// Only the lot's own agent or entity answers.
    NotYours,
    NotFound,
}

impl From<Uncertain> for Refusal {
    fn from(uncertain: Uncertain) -> Self {
        Self::CalendarUncertain { year: uncertain.year }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let key = |name: &str| format!("objection.refusal.{name}");
        match refusal {
            Refusal::CalendarUncertain { year } => {
                Self::new(422, key("calendar_uncertain")).with("year", year)
            }
            Refusal::NoStanding { subject } => {
                Self::new(403, key(&format!("no_standing_{}", subject.code())))
            }
            Refusal::NotYet { subject } => Self::new(409, key(&format!("not_yet_{}", subject.code()))),
            Refusal::TooLate { until, article } => {
                Self::new(409, key("too_late")).with("until", until.beijing_minute()).article(article)
            }
            Refusal::TextTooShort { field } => Self::new(422, key("text_too_short")).field(field),
            Refusal::TextTooLong { field } => {
                Self::new(422, key("text_too_long")).with("most", TEXT_MAX).field(field)
            }
            Refusal::AlreadyAnswered => Self::new(409, key("already_answered")),
            Refusal::NotYours => Self::new(403, key("not_yours")),
            Refusal::NotFound => Self::new(404, key("not_found")),
        }
    }
}
