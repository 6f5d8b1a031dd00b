//! What may be asked, and when an answer is lawful.

use serde::{Deserialize, Serialize};

use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use crate::project::rulebook::Rulebook;
use crate::project::rules::TenderNumber;
use crate::project::schedule::{Schedule, Weight, check_amendment};

/// Names a question in `Id<Question>`.
pub enum Question {}

/// `typ` of an answer document.
pub const ANSWER_TYPE: &str = "sunbid/answer/v1";

/// Longest question or answer, in characters.
pub const TEXT_CHARACTERS_MAX: usize = 2_000;
/// Most questions of one bidder on one tender.
pub const QUESTIONS_MAX: usize = 20;

/// Gives lines one kind of end and trims; refuses empty, endless and invisible texts.
pub fn check_text(text: &str, field: &'static str) -> Result<String, Refused> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Err(Refused::new(422, "platform.refusal.field_missing").field(field));
    }
    let long = text.chars().count() > TEXT_CHARACTERS_MAX;
    if long || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(Refused::new(422, "clarification.refusal.text")
            .with("max", TEXT_CHARACTERS_MAX)
            .field(field));
    }
    Ok(text)
}

/// A question may be asked until the question deadline; the equal instant is late.
pub fn check_time_to_ask(schedule: &Schedule, now: Moment) -> Result<(), Refused> {
    if schedule.question_deadline().is_open(now) {
        return Ok(());
    }
    Err(Refused::new(409, "clarification.refusal.too_late")
        .with("until", schedule.questions_until.beijing_minute())
        .article("招标投标法实施条例 第二十一条、第二十二条"))
}

/// An answer of this weight may be given at `now` if the days that the law protects are left.
pub fn check_time_to_answer(
    book: &Rulebook,
    calendar: &Calendar,
    schedule: &Schedule,
    weight: Weight,
    now: Moment,
) -> Result<(), Refused> {
    if weight == Weight::Editorial {
        return Ok(());
    }
    let refusals =
        check_amendment(book, calendar, (schedule, schedule), weight, now).err().unwrap_or_default();
    match refusals.into_iter().next() {
        None => Ok(()),
        Some(refusal) => Err(Refused::from(refusal).field("weight")),
    }
}

/// An answer: one canonical document that the agent signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Always [`ANSWER_TYPE`].
    pub typ: String,
    pub number: TenderNumber,
    pub question: Id<Question>,
    pub asked: String,
    pub answer: String,
    pub weight: Weight,
}

impl Answer {
    /// The very text that is signed.
    pub fn statement(&self) -> String {
        jcs_text(self)
    }
}
