//! What is known of one evaluation, and what that means: the inputs so far, who has done what, whose turn it is.

use super::committee::{CommitteeRule, Seat, SeatKind};
use super::decimal::Exact;
use super::method::Method;
use super::report::{
    BidInput, Competition, CorrectionAnswer, LowPriceDecision, Report, ReportInputs, Screened,
    rejected_before_prices, screen,
};
use super::responsiveness::Review;
use super::ruled_out::NoPrice;
use super::rules::{Refusal, System};
use super::score_sheet::ScoreSheet;
use crate::account::rules::Person;
use crate::account::signature::Signed;
use crate::party::rules::Organisation;
use crate::platform::canonical::jcs;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the opening found: the facts on which an evaluation works.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Bids received at the deadline.
    pub bids_at_deadline: u32,
    /// The bids that were opened, in the order in which they were read out.
    pub bids: Vec<BidInput>,
    /// Prices are in a second envelope, which is opened after the technical scoring.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prices_follow: bool,
    /// Who bid: label of the bid to the bidder's organisation.
    pub bidders: BTreeMap<String, Id<Organisation>>,
    /// Coefficients drawn at the opening.
    pub drawn: BTreeMap<String, Exact>,
    /// Seed for a tie draw, base64url: a value that was fixed and unknown to the bidders when they bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_seed: Option<String>,
}

/// What the second opening found: by label either the price, or why there is none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondPrices {
    pub prices: BTreeMap<String, Fen>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub without: BTreeMap<String, NoPrice>,
}

impl SecondPrices {
    /// Whether it says something about `bid`.
    pub fn covers(&self, bid: &str) -> bool {
        self.prices.contains_key(bid) || self.without.contains_key(bid)
    }
}

/// A person who sits on the committee, and for whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    pub person: Id<Person>,
    pub name: String,
    pub organisation: String,
}

/// One seat as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeatFacts {
    pub member: String,
    pub holder: Holder,
    pub kind: SeatKind,
    pub leader: bool,
    pub seated_at: Moment,
    pub declared_at: Option<Moment>,
    pub stepped_down_at: Option<Moment>,
}

/// What a member says about the report (条例第五十三条).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    Agree,
    /// Disagrees, with reasons that become part of the report.
    Dissent,
    /// Refused to sign and gave no reasons: counts as agreement.
    Deemed,
}

/// Format of a member's opinion on a report.
pub const OPINION_FORMAT: &str = "sunbid/report-opinion/1";

/// What a member signs about the report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpinionPaper {
    /// Always [`OPINION_FORMAT`].
    pub format: String,
    pub tender: String,
    pub lot: String,
    pub member: String,
    /// SHA-256 of the report's canonical form, base64url.
    pub report: String,
    pub opinion: Opinion,
    /// Why, for a dissent; empty otherwise.
    pub reason: String,
}

/// A decision of the committee between review and report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    LowPrice(LowPriceDecision),
    Competition(Competition),
    Correction { bid: String, answer: CorrectionAnswer },
}

impl Decision {
    /// The word in the database.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LowPrice(_) => "low_price",
            Self::Competition(_) => "competition",
            Self::Correction { .. } => "correction",
        }
    }

    /// The bid that it is about, or empty.
    pub fn bid(&self) -> &str {
        match self {
            Self::LowPrice(decision) => &decision.bid,
            Self::Correction { bid, .. } => bid,
            Self::Competition(_) => "",
        }
    }
}

/// A closed report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedReport {
    pub report: Report,
    /// SHA-256 of its canonical form, base64url.
    pub digest: String,
    pub closed_at: Moment,
}

/// A paper with its signature; a deemed opinion has none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedPaper<T> {
    pub paper: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// Everything about one evaluation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluation {
    pub lot: Id<Lot>,
    pub opened: Opened,
    /// What the second envelope said, once it was opened.
    pub prices: Option<SecondPrices>,
    pub convened_at: Moment,
    /// All seats ever, those who stepped down included.
    pub seats: Vec<SeatFacts>,
    pub reviews: Vec<SignedPaper<Review>>,
    pub sheets: Vec<SignedPaper<ScoreSheet>>,
    pub opinions: Vec<SignedPaper<OpinionPaper>>,
    pub decisions: Vec<Decision>,
    pub closed: Option<ClosedReport>,
}

/// What a member can do now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Task {
    Declare,
    SteppedDown,
    WaitForStart,
    Review,
    WaitForReviews,
    /// The leader records what the committee decides.
    Decide,
    WaitForDecision,
    Score,
    WaitForSheets,
    WaitForPrices,
    /// The leader closes.
    Close,
    WaitForClose,
    Sign,
    WaitForSignatures,
    Done,
}

impl Task {
    /// Locale key of what is to be done: `evaluation.task.<name>`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Declare => "evaluation.task.declare",
            Self::SteppedDown => "evaluation.task.stepped_down",
            Self::WaitForStart => "evaluation.task.wait_start",
            Self::Review => "evaluation.task.review",
            Self::WaitForReviews => "evaluation.task.wait_reviews",
            Self::Decide => "evaluation.task.decide",
            Self::WaitForDecision => "evaluation.task.wait_decision",
            Self::Score => "evaluation.task.score",
            Self::WaitForSheets => "evaluation.task.wait_sheets",
            Self::WaitForPrices => "evaluation.task.wait_prices",
            Self::Close => "evaluation.task.close",
            Self::WaitForClose => "evaluation.task.wait_close",
            Self::Sign => "evaluation.task.sign",
            Self::WaitForSignatures => "evaluation.task.wait_signatures",
            Self::Done => "evaluation.task.done",
        }
    }
}

/// The method document of a lot.
///
/// # Errors
/// The terms hold no lawful method document.
pub fn method_of(lot: &LotFacts) -> Result<Method, Refusal> {
    Method::from_jcs(&jcs(&lot.terms.evaluation))
}

impl Evaluation {
    /// The seats of those who have not stepped down, in order.
    pub fn active(&self) -> impl Iterator<Item = &SeatFacts> {
        self.seats.iter().filter(|seat| seat.stepped_down_at.is_none())
    }

    /// The seats whose holders stepped down and that nobody has taken since, in order. Seats are filled in that order.
    pub fn vacant(&self) -> impl Iterator<Item = &SeatFacts> {
        [SeatKind::Expert, SeatKind::Representative].into_iter().flat_map(|kind| {
            let of_kind = move |seat: &&SeatFacts| seat.kind == kind;
            let seats = || self.seats.iter().filter(of_kind);
            let filled = seats().filter(|seat| seat.seated_at > self.convened_at).count();
            self.seats.iter().filter(of_kind).filter(|seat| seat.stepped_down_at.is_some()).skip(filled)
        })
    }

    /// The seat of this person, the newest if there were several.
    pub fn seat_of(&self, person: Id<Person>) -> Option<&SeatFacts> {
        self.seats.iter().rev().find(|seat| seat.holder.person == person)
    }

    fn is_active(&self, member: &str) -> bool {
        self.active().any(|seat| seat.member == member)
    }

    /// Whether this member has signed a review.
    pub fn reviewed(&self, member: &str) -> bool {
        self.reviews.iter().any(|review| review.paper.member == member)
    }

    /// Whether this member has signed a score sheet.
    pub fn scored(&self, member: &str) -> bool {
        self.sheets.iter().any(|sheet| sheet.paper.member == member)
    }

    /// What this member said about the report.
    pub fn opinion(&self, member: &str) -> Option<Opinion> {
        self.opinions.iter().find(|signed| signed.paper.member == member).map(|signed| signed.paper.opinion)
    }

    /// Whether all active members have an opinion on record.
    pub fn all_spoke(&self) -> bool {
        self.active().all(|seat| self.opinion(&seat.member).is_some())
    }

    /// Whether prices are known: always with one envelope, after the second was opened with two.
    pub fn prices_known(&self) -> bool {
        self.prices.is_some() || !self.opened.prices_follow
    }

    /// The labels of all opened bids.
    pub fn bids(&self) -> Vec<String> {
        self.opened.bids.iter().map(|bid| bid.bid.clone()).collect()
    }

    /// The bidder's name of a label.
    pub fn bidder(&self, bid: &str) -> String {
        self.opened
            .bids
            .iter()
            .find(|known| known.bid == bid)
            .map(|known| known.bidder.clone())
            .unwrap_or_default()
    }

    /// The inputs as far as they are known. Papers of members who stepped down do not count (条例第四十八条).
    ///
    /// # Errors
    /// The lot's method document or rulebook can not be read.
    pub fn inputs(&self, lot: &LotFacts) -> Result<ReportInputs, crate::platform::refusal::Failure> {
        let book = lot.book()?;
        let method = method_of(lot).map_err(crate::platform::refusal::Refused::from)?;
        let mut bids = self.opened.bids.clone();
        for bid in &mut bids {
            let Some(found) = &self.prices else { break };
            bid.price = found.prices.get(&bid.bid).copied().unwrap_or_default();
            bid.no_price = found.without.get(&bid.bid).cloned();
        }
        let mut inputs = ReportInputs {
            tender: lot.number.to_string(),
            lot: lot.lot_number.to_string(),
            system: System::from(book.family),
            committee_rule: CommitteeRule::of(book, lot.terms.budget),
            minimum_bidders: lot.terms.minimum_bidders,
            method,
            ceiling: Some(lot.terms.ceiling).filter(|ceiling| ceiling.0 > 0),
            drawn: self.opened.drawn.clone(),
            bids_at_deadline: self.opened.bids_at_deadline,
            bids,
            seats: self.active().map(seat).collect(),
            reviews: papers(&self.reviews, |review| self.is_active(&review.member)),
            sheets: papers(&self.sheets, |sheet| self.is_active(&sheet.member)),
            low_prices: Vec::new(),
            competition: None,
            tie_seed: self.opened.tie_seed.clone(),
        };
        for decision in &self.decisions {
            match decision.clone() {
                Decision::LowPrice(decision) => inputs.low_prices.push(decision),
                Decision::Competition(competition) => inputs.competition = Some(competition),
                Decision::Correction { bid, answer } => {
                    if let Some(known) = inputs.bids.iter_mut().find(|known| known.bid == bid) {
                        known.correction = Some(answer);
                    }
                }
            }
        }
        Ok(inputs)
    }

    /// Labels of the bids that must be scored: those that the committee's reviews did not reject, and that no rule has
    /// rejected yet.
    pub fn to_score(&self, inputs: &ReportInputs) -> Result<Vec<String>, Refusal> {
        if self.prices_known() {
            return Ok(screen(inputs)?.left.into_keys().collect());
        }
        let rejected = rejected_before_prices(inputs);
        Ok(self.bids().into_iter().filter(|bid| !rejected.contains_key(bid)).collect())
    }

    /// What `seat` can do now.
    pub fn task(&self, seat: &SeatFacts, started: bool, inputs: &ReportInputs) -> Task {
        let own = &seat.member;
        let all = |done: &dyn Fn(&str) -> bool| self.active().all(|seat| done(&seat.member));
        if seat.stepped_down_at.is_some() {
            return Task::SteppedDown;
        }
        if self.closed.is_some() {
            return match (self.opinion(own).is_some(), self.all_spoke()) {
                (false, _) => Task::Sign,
                (true, false) => Task::WaitForSignatures,
                (true, true) => Task::Done,
            };
        }
        if seat.declared_at.is_none() {
            return Task::Declare;
        }
        if !started {
            return Task::WaitForStart;
        }
        if !self.reviewed(own) {
            return Task::Review;
        }
        if !all(&|member| self.reviewed(member)) {
            return Task::WaitForReviews;
        }
        self.task_after_review(seat, inputs)
    }

    fn task_after_review(&self, seat: &SeatFacts, inputs: &ReportInputs) -> Task {
        let lead = |leader, other| if seat.leader { leader } else { other };
        let screened: Option<Screened> = if self.prices_known() {
            match screen(inputs) {
                Ok(screened) => Some(screened),
                Err(_) => return lead(Task::Decide, Task::WaitForDecision),
            }
        } else {
            None
        };
        let ends = screened.is_some_and(|screened| screened.ends.is_some());
        if !inputs.method.items.is_empty() && !ends {
            if !self.scored(&seat.member) {
                return Task::Score;
            }
            if !self.active().all(|seat| self.scored(&seat.member)) {
                return Task::WaitForSheets;
            }
        }
        if !self.prices_known() {
            return Task::WaitForPrices;
        }
        lead(Task::Close, Task::WaitForClose)
    }
}

fn seat(facts: &SeatFacts) -> Seat {
    Seat { member: facts.member.clone(), kind: facts.kind, leader: facts.leader }
}

fn papers<T: Clone>(signed: &[SignedPaper<T>], counts: impl Fn(&T) -> bool) -> Vec<T> {
    signed.iter().map(|signed| &signed.paper).filter(|paper| counts(paper)).cloned().collect()
}

/// The kind of a seat in the database.
pub const fn seat_kind_code(kind: SeatKind) -> &'static str {
    match kind {
        SeatKind::Expert => "expert",
        SeatKind::Representative => "representative",
    }
}

/// Reads [`seat_kind_code`].
///
/// # Errors
/// An unknown word.
pub fn seat_kind(code: &str) -> Result<SeatKind, Fault> {
    match code {
        "expert" => Ok(SeatKind::Expert),
        "representative" => Ok(SeatKind::Representative),
        _ => Err(Fault::new("an unknown kind of seat in the database")),
    }
}
