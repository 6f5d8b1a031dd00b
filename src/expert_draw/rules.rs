//! When a draw may go on, and when not.
//!
//! The order is the whole protection: list and public source are fixed, then everybody commits, then the document
//! is logged, then everybody reveals until T1, and only at T2, at least a minute later, does the world learn
//! the public value. Whoever could choose last would have one free choice; here the last word belongs to nobody.

use super::draw::{BadDraw, Draw, PARTIES_MIN, PUBLIC_VALUE_AFTER, Reveals, commit_of};
use super::eligibility::BadConditions;
use super::hex_bytes::Hex;
use super::public_value::{Agreement, BadPublicValue, PublicSource, PublicValue, agreement};
use crate::platform::id::Id;
use crate::platform::moment::{Deadline, MINUTE, Moment};
use crate::platform::refusal::Refused;
use std::collections::BTreeMap;

/// 《招标投标法》第三十七条: chosen at random; names secret until the result is fixed.
const RANDOM_AND_SECRET: &str = "《招标投标法》第三十七条";
/// 《招标投标法实施条例》第四十六条: nobody may designate a member or replace one without a legal cause.
const NOBODY_DESIGNATES: &str = "《招标投标法实施条例》第四十六条";
/// Least time that parties get between set-up and T1.
pub const TIME_TO_COMMIT_MIN: i64 = 2 * MINUTE;

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Members of an evaluation committee.
    Experts,
    /// A number of a published list, at the opening.
    Coefficient,
}

impl Subject {
    /// The code kept in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Experts => "experts",
            Self::Coefficient => "coefficient",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Experts, Self::Coefficient].into_iter().find(|subject| subject.code() == code)
    }
}

/// All that decides about a draw under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    pub draw: Id<Draw>,
    /// The parties that were asked, and what those who did committed to.
    pub commits: BTreeMap<String, Option<Hex<32>>>,
    /// T1.
    pub reveal_by: Moment,
    /// T2.
    pub public_at: Moment,
    /// When the document was fixed and logged (T0).
    pub fixed_at: Option<Moment>,
    /// Parties named in the fixed document; empty before.
    pub bound: Vec<String>,
    pub reveals: Reveals,
    /// What each party read as public value; the newest of each.
    pub entries: BTreeMap<String, PublicValue>,
    pub drawn_at: Option<Moment>,
    pub failed_at: Option<Moment>,
}

/// Where a draw stands; computed, never stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Parties commit.
    Committing,
    /// Enough committed; the document can be fixed now, or after more have committed.
    ReadyToFix,
    /// Parties reveal, until T1.
    Revealing,
    /// T1 is over, T2 not reached.
    Waiting,
    /// Parties type the public value.
    Reading,
    /// Two parties read the same value; nothing is left but arithmetic.
    ReadyToDraw,
    Drawn,
    /// T1 passed before the document was fixed, or a step that can not be repaired: needs a new draw.
    Failed,
}

impl Step {
    /// Every step in its order.
    pub const ALL: [Self; 8] = [
        Self::Committing,
        Self::ReadyToFix,
        Self::Revealing,
        Self::Waiting,
        Self::Reading,
        Self::ReadyToDraw,
        Self::Drawn,
        Self::Failed,
    ];

    /// Locale key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Committing => "expert_draw.step.committing",
            Self::ReadyToFix => "expert_draw.step.ready_to_fix",
            Self::Revealing => "expert_draw.step.revealing",
            Self::Waiting => "expert_draw.step.waiting",
            Self::Reading => "expert_draw.step.reading",
            Self::ReadyToDraw => "expert_draw.step.ready_to_draw",
            Self::Drawn => "expert_draw.step.drawn",
            Self::Failed => "expert_draw.step.failed",
        }
    }
}

/// Why something about a draw was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("not a party of this draw")]
    NotAParty,
    #[error("this party has committed already")]
    CommittedAlready,
    #[error("another party committed to the same value")]
    CopiedCommit,
    #[error("the document is fixed; nobody can commit any more")]
    FixedAlready,
    #[error("fewer than {PARTIES_MIN} parties have committed")]
    TooFewCommits,
    #[error("the document is not fixed yet; a secret revealed now could be used against the party")]
    NotFixed,
    #[error("this party did not commit before the document was fixed")]
    NotBound,
    #[error("the time for revealing is over")]
    RevealTooLate,
    #[error("this party has revealed already")]
    RevealedAlready,
    #[error("the secret is not the one that was committed to")]
    WrongSecret,
    #[error("the public value does not exist yet")]
    PublicTooEarly,
    #[error("no party revealed, so nothing keeps the publisher of the public value honest")]
    NobodyRevealed,
    #[error("fewer than two parties have read the same public value")]
    NotConfirmed,
    #[error("parties read different public values")]
    Split,
    #[error("drawn already; a draw is never repeated")]
    DrawnAlready,
    #[error("this draw has failed; a new one is needed")]
    Failed,
    #[error("not drawn yet")]
    NotDrawn,
    #[error("the record of a draw is for everybody once the award is decided")]
    RecordBeforeAward,
    #[error("the times leave too little room")]
    Times,
    #[error("this invitation has been answered")]
    Answered,
    #[error("this person does not hold a seat of this draw")]
    NoSeat,
    #[error("an invitation can be passed on for a legal cause only, and the cause must be written down")]
    NoCause,
    #[error("another draw of this lot is under way; finish it or give it up first")]
    AnotherDraw,
    #[error("no pool of experts was imported yet")]
    NoPool,
    #[error("no account of an expert signs in under this name")]
    NoExpertAccount,
    #[error("no expert of the newest pool has this registry number")]
    NotInPool,
    #[error("name at least three parties among agent, entity, supervisor and centre")]
    Parties,
    #[error("the tender documents leave no number of this name to a draw")]
    NoSuchNumber,
    #[error("the public value would be known before the bids are opened")]
    NumberBeforeOpening,
    #[error("names are released with the award, not before")]
    NotAwarded,
    #[error("who left an avoided unit less than {0} years ago must avoid")]
    YearsTooFew(u32),
    #[error("{0}")]
    Conditions(#[from] BadConditions),
    #[error("{0}")]
    Value(#[from] BadPublicValue),
    #[error("{0}")]
    Document(#[from] BadDraw),
}

impl Refusal {
    /// Status, sentence and article.
    fn parts(&self) -> (u16, &'static str, Option<&'static str>) {
        match self {
            Self::NotAParty => (403, "not_a_party", None),
            Self::CommittedAlready => (409, "committed_already", None),
            Self::CopiedCommit => (409, "copied_commit", None),
            Self::FixedAlready => (409, "fixed_already", None),
            Self::TooFewCommits => (409, "too_few_commits", None),
            Self::NotFixed => (409, "not_fixed", None),
            Self::NotBound => (409, "not_bound", None),
            Self::RevealTooLate => (409, "reveal_too_late", None),
            Self::RevealedAlready => (409, "revealed_already", None),
            Self::WrongSecret => (422, "wrong_secret", None),
            Self::PublicTooEarly => (409, "public_too_early", None),
            Self::NobodyRevealed => (409, "nobody_revealed", None),
            Self::NotConfirmed => (409, "not_confirmed", None),
            Self::Split => (409, "split", None),
            Self::DrawnAlready => (409, "drawn_already", Some(NOBODY_DESIGNATES)),
            Self::Failed => (409, "failed", None),
            Self::NotDrawn => (409, "not_drawn", None),
            Self::RecordBeforeAward => (409, "record_before_award", None),
            Self::Times => (422, "times", None),
            Self::Answered => (409, "answered", None),
            Self::NoSeat => (404, "no_seat", None),
            Self::NoCause => (422, "no_cause", Some(NOBODY_DESIGNATES)),
            Self::AnotherDraw => (409, "another_draw", None),
            Self::NoPool => (409, "no_pool", None),
            Self::NoExpertAccount => (422, "no_expert_account", None),
            Self::NotInPool => (422, "not_in_pool", None),
            Self::Parties => (422, "parties", None),
            Self::NoSuchNumber => (422, "no_such_number", None),
            Self::NumberBeforeOpening => (422, "number_before_opening", None),
            Self::YearsTooFew(_) => (422, "years_too_few", None),
            Self::NotAwarded => (403, "not_awarded", Some(RANDOM_AND_SECRET)),
            Self::Conditions(_) => (422, "conditions", None),
            Self::Value(_) => (422, "value", None),
            Self::Document(_) => (422, "document", None),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, name, article) = refusal.parts();
        let refused = Self::new(status, format!("expert_draw.refusal.{name}")).with("detail", &refusal);
        match article {
            Some(article) => refused.article(article),
            None => refused,
        }
    }
}

impl Progress {
    /// Where the draw stands at `now`.
    pub fn step(&self, now: Moment) -> Step {
        let committed = self.commits.values().flatten().count();
        let before_t1 = Deadline(self.reveal_by).is_open(now);
        match (self.failed_at, self.drawn_at, self.fixed_at) {
            (Some(_), _, _) => Step::Failed,
            (None, Some(_), _) => Step::Drawn,
            (None, None, None) if !before_t1 => Step::Failed,
            (None, None, None) if committed < PARTIES_MIN => Step::Committing,
            (None, None, None) => Step::ReadyToFix,
            (None, None, Some(_)) if before_t1 => Step::Revealing,
            (None, None, Some(_)) if now < self.public_at => Step::Waiting,
            (None, None, Some(_)) => match agreement(&self.entries) {
                Agreement::Agreed(_) => Step::ReadyToDraw,
                Agreement::Waiting | Agreement::Split => Step::Reading,
            },
        }
    }

    /// Whether `party` may commit to `commit` now.
    pub fn may_commit(&self, party: &str, commit: Hex<32>, now: Moment) -> Result<(), Refusal> {
        let own = self.commits.get(party).ok_or(Refusal::NotAParty)?;
        match self.step(now) {
            Step::Failed => return Err(Refusal::Failed),
            Step::Committing | Step::ReadyToFix => {}
            _ => return Err(Refusal::FixedAlready),
        }
        if own.is_some() {
            return Err(Refusal::CommittedAlready);
        }
        if self.commits.values().flatten().any(|other| *other == commit) {
            Err(Refusal::CopiedCommit)
        } else {
            Ok(())
        }
    }

    /// Whether the document may be fixed and logged now.
    pub fn may_fix(&self, now: Moment) -> Result<(), Refusal> {
        match self.step(now) {
            Step::ReadyToFix => Ok(()),
            Step::Committing => Err(Refusal::TooFewCommits),
            Step::Failed => Err(Refusal::Failed),
            _ => Err(Refusal::FixedAlready),
        }
    }

    /// Whether `party` may reveal `secret` now. The equal instant of T1 is late.
    pub fn may_reveal(&self, party: &str, secret: &Hex<32>, now: Moment) -> Result<(), Refusal> {
        let commit = self.commits.get(party).ok_or(Refusal::NotAParty)?;
        match self.step(now) {
            Step::Failed => return Err(Refusal::Failed),
            Step::Committing | Step::ReadyToFix => return Err(Refusal::NotFixed),
            Step::Revealing => {}
            _ => return Err(Refusal::RevealTooLate),
        }
        let bound = self.bound.iter().any(|id| id == party);
        let commit = commit.filter(|_| bound).ok_or(Refusal::NotBound)?;
        if self.reveals.contains_key(party) {
            return Err(Refusal::RevealedAlready);
        }
        let same = commit_of(self.draw, party, &secret.0) == commit;
        if same { Ok(()) } else { Err(Refusal::WrongSecret) }
    }

    /// Reads what `party` typed as public value, if it may be typed now. A party may correct its entry until the
    /// draw.
    pub fn may_enter(
        &self,
        party: &str,
        source: &PublicSource,
        typed: &str,
        now: Moment,
    ) -> Result<PublicValue, Refusal> {
        if !self.bound.iter().any(|id| id == party) {
            return Err(if self.bound.is_empty() { Refusal::NotFixed } else { Refusal::NotAParty });
        }
        match self.step(now) {
            Step::Failed => Err(Refusal::Failed),
            Step::Drawn => Err(Refusal::DrawnAlready),
            Step::Reading | Step::ReadyToDraw => Ok(source.value(typed)?),
            _ => Err(Refusal::PublicTooEarly),
        }
    }

    /// The value to draw with, if the draw may happen now.
    ///
    /// At least one party must have revealed: with no secret at all the seed would rest on the publisher of
    /// the public value alone. Withholding can not steer the result, because it happens before T2.
    pub fn may_draw(&self, now: Moment) -> Result<PublicValue, Refusal> {
        match self.step(now) {
            Step::Failed => return Err(Refusal::Failed),
            Step::Drawn => return Err(Refusal::DrawnAlready),
            Step::Committing | Step::ReadyToFix => return Err(Refusal::NotFixed),
            Step::Revealing | Step::Waiting => return Err(Refusal::PublicTooEarly),
            Step::Reading | Step::ReadyToDraw => {}
        }
        if self.reveals.is_empty() {
            return Err(Refusal::NobodyRevealed);
        }
        match agreement(&self.entries) {
            Agreement::Agreed(value) => Ok(value),
            Agreement::Waiting => Err(Refusal::NotConfirmed),
            Agreement::Split => Err(Refusal::Split),
        }
    }
}

/// Roles that may take part in a draw, in the order in which pages name them.
pub const PARTIES: [&str; 4] = ["agent", "entity", "supervisor", "centre"];

/// Checks who is asked to commit: at least three of [`PARTIES`], each once.
pub fn may_name_parties(parties: &[String]) -> Result<(), Refusal> {
    let known = parties.iter().all(|party| PARTIES.contains(&party.as_str()));
    let mut distinct = parties.to_vec();
    distinct.sort();
    distinct.dedup();
    let enough = distinct.len() == parties.len() && parties.len() >= PARTIES_MIN;
    if known && enough { Ok(()) } else { Err(Refusal::Parties) }
}

/// Whether a draw may be given up for `cause`: not once it came to a result.
pub fn may_fail(progress: &Progress, cause: &str) -> Result<(), Refusal> {
    match (progress.drawn_at, progress.failed_at) {
        (Some(_), _) => Err(Refusal::DrawnAlready),
        (None, Some(_)) => Err(Refusal::Failed),
        (None, None) if is_written_cause(cause) => Ok(()),
        (None, None) => Err(Refusal::NoCause),
    }
}

/// 4 to 500 characters.
fn is_written_cause(cause: &str) -> bool {
    (4..=500).contains(&cause.trim().chars().count())
}

/// Checks the times of a draw that is being set up.
pub fn may_schedule(
    source: &PublicSource,
    reveal_by: Moment,
    public_at: Moment,
    now: Moment,
) -> Result<(), Refusal> {
    let room = reveal_by >= now.plus(TIME_TO_COMMIT_MIN) && public_at >= reveal_by.plus(PUBLIC_VALUE_AFTER);
    if room { Ok(source.check(public_at)?) } else { Err(Refusal::Times) }
}

/// How an invitation stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    Open,
    Accepted,
    Declined,
    /// Somebody else took the seat for a legal cause: no answer in time, a conflict found later, illness.
    Replaced,
}

impl Answer {
    pub const ALL: [Self; 4] = [Self::Open, Self::Accepted, Self::Declined, Self::Replaced];

    /// The code kept in the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Replaced => "replaced",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.code() == code)
    }

    /// Locale key of its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Open => "expert_draw.answer.open",
            Self::Accepted => "expert_draw.answer.accepted",
            Self::Declined => "expert_draw.answer.declined",
            Self::Replaced => "expert_draw.answer.replaced",
        }
    }

    /// Whether the seat is still the expert's.
    pub const fn holds_seat(self) -> bool {
        matches!(self, Self::Open | Self::Accepted)
    }

    /// Whether the expert may accept or decline.
    pub fn may_answer(self) -> Result<(), Refusal> {
        if self == Self::Open { Ok(()) } else { Err(Refusal::Answered) }
    }

    /// Whether the seat may go to the next alternate for `cause`, which is kept and logged.
    pub fn may_replace(self, cause: &str) -> Result<(), Refusal> {
        match self {
            Self::Open | Self::Accepted if is_written_cause(cause) => Ok(()),
            Self::Open | Self::Accepted => Err(Refusal::NoCause),
            Self::Declined | Self::Replaced => Err(Refusal::NoSeat),
        }
    }
}
