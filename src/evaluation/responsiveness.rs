//! The preliminary review (初步评审): every member judges every bid on every review item; a majority against rejects.
//!
//! 《招标投标法实施条例》第五十一条 and 87号令第六十三条 list the grounds; a rejection always names one, with the members' reasons.

use super::method::Method;
use super::rules::{Refusal, System};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Format of a member's review document.
pub const FORMAT: &str = "sunbid/review/1";

/// The legal ground on which a bid is rejected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Not sealed by the unit and signed by its head.
    NotSigned,
    /// A consortium without an agreement.
    ConsortiumWithoutAgreement,
    /// The bidder does not meet the conditions of qualification.
    Unqualified,
    /// Two different bids or prices from one bidder.
    TwoBids,
    /// Below cost (tendering), or abnormally low without a good explanation (procurement).
    TooLow,
    /// Above the price ceiling or the budget.
    AboveCeiling,
    /// Does not answer the substance of the tender document.
    NotResponsive,
    /// Collusion, fraud, bribery.
    Dishonest,
    /// No deposit where one was asked.
    NoDeposit,
    /// A condition that the buyer can not accept.
    UnacceptableCondition,
    /// The bidder refused the correction of an arithmetic error.
    CorrectionRefused,
    /// No price, or none that is an amount above zero.
    NoPrice,
    /// The envelope with the price did not open by the bidder's own fault: deemed revoked (撤销).
    EnvelopeRevoked,
    /// The envelope with the price did not open by nobody's or somebody else's fault: deemed withdrawn (撤回).
    EnvelopeTakenBack,
}

impl Ground {
    /// Code of the article that the ground rests on; `locales/evaluation.yml` has its full name under
    /// `evaluation.article.<code>`. `None` if that body of law does not know the ground.
    pub fn article(self, system: System) -> Option<&'static str> {
        let (tendering, procurement) = match self {
            Self::NotSigned => (Some("ztb_r_51_1"), Some("mof87_63_2")),
            Self::ConsortiumWithoutAgreement => (Some("ztb_r_51_2"), Some("mof87_63_6")),
            Self::Unqualified => (Some("ztb_r_51_3"), Some("mof87_63_3")),
            Self::TwoBids => (Some("ztb_r_51_4"), Some("mof87_63_6")),
            Self::TooLow => (Some("ztb_r_51_5"), Some("mof87_60")),
            Self::AboveCeiling => (Some("ztb_r_51_5"), Some("mof87_63_4")),
            Self::NotResponsive => (Some("ztb_r_51_6"), Some("mof87_63_6")),
            Self::Dishonest => (Some("ztb_r_51_7"), Some("mof87_37")),
            Self::NoDeposit => (Some("ztb_r_51_6"), Some("mof87_63_1")),
            Self::UnacceptableCondition => (Some("ztb_r_51_6"), Some("mof87_63_5")),
            Self::CorrectionRefused => (Some("order12_19"), Some("mof87_59")),
            Self::NoPrice => (Some("ztb_r_51_6"), Some("mof87_63_6")),
            Self::EnvelopeRevoked | Self::EnvelopeTakenBack => (Some("order20_31"), Some("mof87_63_6")),
        };
        match system {
            System::Tendering => tendering,
            System::GovernmentProcurement => procurement,
        }
    }
}

/// One member's judgement of one bid on one item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    pub bid: String,
    pub item: String,
    pub outcome: Outcome,
    /// Why not. Must be given for a failure; empty for a pass.
    pub reason: String,
}

/// Pass or fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
}

/// A member's review: the document that the member signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Always [`FORMAT`].
    pub format: String,
    /// Public number of the tender.
    pub tender: String,
    /// Number of the lot.
    pub lot: String,
    /// Digest of the method document, base64url SHA-256 of its canonical form.
    pub method: String,
    /// Label of the seat.
    pub member: String,
    /// Sorted by bid, then by item in the order of the method.
    pub verdicts: Vec<Verdict>,
}

/// Why a bid is out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    pub ground: Ground,
    /// Code of the article.
    pub article: String,
    /// Id of the review item, or empty if the rule and not a review item rejects.
    pub item: String,
    /// Members against, of how many.
    pub against: u32,
    pub of: u32,
    /// The members' reasons, each once, sorted.
    pub reasons: Vec<String>,
}

/// Checks that `review` judges exactly these bids on every review item, with a reason for every failure.
pub fn check(review: &Review, method: &Method, bids: &[String]) -> Result<(), Refusal> {
    let known: BTreeSet<&str> = bids.iter().map(String::as_str).collect();
    let mut judged = BTreeSet::new();
    for verdict in &review.verdicts {
        if !known.contains(verdict.bid.as_str())
            || !judged.insert((verdict.bid.as_str(), verdict.item.as_str()))
        {
            return Err(Refusal::UnknownBid { bid: verdict.bid.clone() });
        }
        if !method.review.iter().any(|item| item.id == verdict.item) {
            return Err(Refusal::UnknownItem { item: verdict.item.clone() });
        }
        if verdict.outcome == Outcome::Fail && verdict.reason.trim().is_empty() {
            return Err(Refusal::ReasonMissing { bid: verdict.bid.clone(), item: verdict.item.clone() });
        }
    }
    for bid in bids {
        for item in &method.review {
            if !judged.contains(&(bid.as_str(), item.id.as_str())) {
                return Err(Refusal::Incomplete { bid: bid.clone(), item: item.id.clone() });
            }
        }
    }
    Ok(())
}

/// Which bids the committee rejects, and why: an item fails when more than half of all members say so. The reviews
/// must have been checked with [`check`].
pub fn rejections(reviews: &[Review], method: &Method, system: System) -> BTreeMap<String, Vec<Rejection>> {
    let mut against: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for verdict in reviews.iter().flat_map(|review| &review.verdicts) {
        if verdict.outcome == Outcome::Fail {
            against.entry((&verdict.bid, &verdict.item)).or_default().push(verdict.reason.trim());
        }
    }
    let mut rejected: BTreeMap<String, Vec<Rejection>> = BTreeMap::new();
    for item in &method.review {
        for ((bid, _), reasons) in against.iter().filter(|((_, id), _)| *id == item.id) {
            if reasons.len() * 2 <= reviews.len() {
                continue;
            }
            let reasons_once: BTreeSet<String> = reasons.iter().map(|reason| (*reason).to_owned()).collect();
            rejected.entry((*bid).to_owned()).or_default().push(Rejection {
                ground: item.ground,
                article: item.ground.article(system).unwrap_or_default().to_owned(),
                item: item.id.clone(),
                against: u32::try_from(reasons.len()).unwrap_or(u32::MAX),
                of: u32::try_from(reviews.len()).unwrap_or(u32::MAX),
                reasons: reasons_once.into_iter().collect(),
            });
        }
    }
    rejected
}
