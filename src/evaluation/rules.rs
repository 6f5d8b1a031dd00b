//! What the evaluation room may refuse, and the two bodies of law that it works under.

use super::committee::Interest;
use crate::platform::refusal::Refused;
use crate::project::rulebook::Family;
use serde::{Deserialize, Serialize};

/// Which body of law a tender follows. Never mixed: terms, periods and consequences differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// 《招标投标法》: works, and goods and services tendered for works.
    Tendering,
    /// 《政府采购法》: other goods and services bought with fiscal money.
    GovernmentProcurement,
}

impl From<Family> for System {
    fn from(family: Family) -> Self {
        match family {
            Family::Tendering => Self::Tendering,
            Family::Procurement => Self::GovernmentProcurement,
        }
    }
}

/// Why the evaluation room says no. The sentences are in `locales/evaluation.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The committee has an even number of members.
    CommitteeEven { size: usize },
    /// The committee is smaller than the rulebook allows.
    CommitteeTooSmall { size: usize, least: usize },
    /// Fewer than two thirds of the members are experts.
    CommitteeTooFewExperts { experts: usize, least: usize },
    /// Two seats hold the same person.
    CommitteeSamePersonTwice { person: String },
    /// The committee has another size than the tender documents say.
    CommitteeNotAsAnnounced { size: usize, planned: usize },
    /// Fewer experts than the tender documents say.
    CommitteeFewerExperts { experts: usize, planned: usize },
    /// A member has an interest in a bidder and must step down.
    CommitteeConflict { member: String, interest: Interest },
    /// The method document of the lot is not lawful or not complete; `what` names the place.
    Method { what: &'static str },
    /// A coefficient that had to be drawn at the opening is missing or not one of the published choices.
    Coefficient { name: String },
    /// Numbers so large that they can not be computed exactly.
    NotExact,
    /// No price to compute a base from.
    NoPrices,
    /// A price that is zero or negative.
    PriceNotPositive { bid: String },
    /// Amount words or figures that do not state an amount.
    AmountUnreadable { text: String },
    /// The price document states no price at all, or a quantity that can not be.
    PriceStatement,
    /// A bid is named that is not one of the bids to be judged, or one is named twice.
    UnknownBid { bid: String },
    /// A review item or score item that the method does not have.
    UnknownItem { item: String },
    /// A verdict of failure without a reason.
    ReasonMissing { bid: String, item: String },
    /// Not every bid and item has been judged.
    Incomplete { bid: String, item: String },
    /// A score outside its bounds.
    ScoreOutOfBounds { bid: String, item: String, least: String, most: String },
    /// A score with more digits than the method allows.
    ScoreTooFine { bid: String, item: String, places: u32 },
    /// An objective item that members scored differently (《政府采购法实施条例》第三十四条).
    ObjectiveDiffers { bid: String, item: String },
    /// Someone who does not sit on the committee.
    NotAMember { member: String },
    /// A member whose sheet or review is missing.
    MemberMissing { member: String },
    /// The document does not belong to this lot or this method.
    OtherLot,
    /// A draw is needed to part bids that are equal in everything else.
    TieNeedsDraw { bids: String },
    /// The committee must first say whether so few bids still compete.
    CompetitionUndecided { left: usize },
    /// A bidder must first explain a price that looks abnormally low, and the committee must decide.
    AbnormalUndecided { bid: String },
    /// A corrected price that the bidder has not confirmed or refused.
    CorrectionUnanswered { bid: String },
    /// The phase of the lot does not allow this.
    Phase,
    /// Evaluation may not go on because a required recording is not running.
    NotRecording { why: String },
    /// The person has not yet declared whether anything calls for avoidance.
    NotDeclared,
    /// The person stepped down.
    SteppedDown,
    /// Already signed: a signed document is not changed.
    AlreadySigned,
    /// Not everything that must be there before this step is there; `what` is a locale key.
    NotReady { what: &'static str },
    /// The signed bytes are not the bytes that were shown.
    SignedOtherText,
    /// Only the leader of the committee may do this.
    OnlyLeader,
    /// Nothing of that name here.
    NotFound,
}

impl Refusal {
    /// HTTP status that fits.
    fn status(&self) -> u16 {
        match self {
            Self::NotAMember { .. } | Self::OnlyLeader => 403,
            Self::NotFound => 404,
            Self::Phase
            | Self::NotRecording { .. }
            | Self::CommitteeConflict { .. }
            | Self::NotDeclared
            | Self::SteppedDown
            | Self::AlreadySigned
            | Self::NotReady { .. }
            | Self::TieNeedsDraw { .. }
            | Self::CompetitionUndecided { .. }
            | Self::AbnormalUndecided { .. }
            | Self::CorrectionUnanswered { .. } => 409,
            _ => 422,
        }
    }

    /// The last part of the locale key, and the article if the law itself says no.
    fn words(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::CommitteeEven { .. } => ("committee_even", Some("committee")),
            Self::CommitteeTooSmall { .. } => ("committee_too_small", Some("committee")),
            Self::CommitteeTooFewExperts { .. } => ("committee_too_few_experts", Some("committee")),
            Self::CommitteeSamePersonTwice { .. } => ("committee_same_person_twice", None),
            Self::CommitteeNotAsAnnounced { .. } => ("committee_not_as_announced", None),
            Self::CommitteeFewerExperts { .. } => ("committee_fewer_experts", None),
            Self::CommitteeConflict { interest, .. } => (interest.refusal(), Some("avoidance")),
            Self::Method { .. } => ("method", None),
            Self::Coefficient { .. } => ("coefficient", None),
            Self::NotExact => ("not_exact", None),
            Self::NoPrices => ("no_prices", None),
            Self::PriceNotPositive { .. } => ("price_not_positive", None),
            Self::AmountUnreadable { .. } => ("amount_unreadable", None),
            Self::PriceStatement => ("price_statement", None),
            Self::UnknownBid { .. } => ("unknown_bid", None),
            Self::UnknownItem { .. } => ("unknown_item", None),
            Self::ReasonMissing { .. } => ("reason_missing", None),
            Self::Incomplete { .. } => ("incomplete", None),
            Self::ScoreOutOfBounds { .. } => ("score_out_of_bounds", None),
            Self::ScoreTooFine { .. } => ("score_too_fine", None),
            Self::ObjectiveDiffers { .. } => ("objective_differs", Some("objective")),
            Self::NotAMember { .. } => ("not_a_member", None),
            Self::MemberMissing { .. } => ("member_missing", None),
            Self::OtherLot => ("other_lot", None),
            Self::TieNeedsDraw { .. } => ("tie_needs_draw", None),
            Self::CompetitionUndecided { .. } => ("competition_undecided", Some("competition")),
            Self::AbnormalUndecided { .. } => ("abnormal_undecided", Some("abnormal")),
            Self::CorrectionUnanswered { .. } => ("correction_unanswered", Some("correction")),
            Self::Phase => ("phase", None),
            Self::NotRecording { .. } => ("not_recording", None),
            Self::NotDeclared => ("not_declared", Some("avoidance")),
            Self::SteppedDown => ("stepped_down", Some("avoidance")),
            Self::AlreadySigned => ("already_signed", None),
            Self::NotReady { .. } => ("not_ready", None),
            Self::SignedOtherText => ("signed_other_text", None),
            Self::OnlyLeader => ("only_leader", None),
            Self::NotFound => ("not_found", None),
        }
    }

    /// The values for the places of the sentence.
    fn values(&self) -> Vec<(&'static str, String)> {
        let one = |name, value: &dyn std::fmt::Display| vec![(name, value.to_string())];
        match self {
            Self::CommitteeEven { size } => one("size", size),
            Self::CommitteeTooSmall { size, least } => {
                vec![("size", size.to_string()), ("least", least.to_string())]
            }
            Self::CommitteeTooFewExperts { experts, least } => {
                vec![("experts", experts.to_string()), ("least", least.to_string())]
            }
            Self::CommitteeSamePersonTwice { person } => one("person", person),
            Self::CommitteeNotAsAnnounced { size, planned } => {
                vec![("size", size.to_string()), ("planned", planned.to_string())]
            }
            Self::CommitteeFewerExperts { experts, planned } => {
                vec![("experts", experts.to_string()), ("planned", planned.to_string())]
            }
            Self::CommitteeConflict { member, .. } => {
                vec![("member", member.clone()), ("place", member.trim_start_matches('m').to_owned())]
            }
            Self::Method { what } | Self::NotReady { what } => one("what", what),
            Self::Coefficient { name } => one("name", name),
            Self::AmountUnreadable { text } => one("text", text),
            Self::PriceNotPositive { bid }
            | Self::UnknownBid { bid }
            | Self::AbnormalUndecided { bid }
            | Self::CorrectionUnanswered { bid } => one("bid", bid),
            Self::UnknownItem { item } => one("item", item),
            Self::ReasonMissing { bid, item }
            | Self::Incomplete { bid, item }
            | Self::ObjectiveDiffers { bid, item } => vec![("bid", bid.clone()), ("item", item.clone())],
            Self::ScoreOutOfBounds { bid, item, least, most } => vec![
                ("bid", bid.clone()),
                ("item", item.clone()),
                ("least", least.clone()),
                ("most", most.clone()),
            ],
            Self::ScoreTooFine { bid, item, places } => {
                vec![("bid", bid.clone()), ("item", item.clone()), ("places", places.to_string())]
            }
            Self::NotAMember { member } | Self::MemberMissing { member } => one("member", member),
            Self::TieNeedsDraw { bids } => one("bids", bids),
            Self::CompetitionUndecided { left } => one("left", left),
            Self::NotRecording { why } => one("why", why),
            _ => Vec::new(),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (name, article) = refusal.words();
        let key = match refusal {
            // the sentence that says whose turn it is also says why this is not the time
            Refusal::NotReady { what } => what.to_owned(),
            _ => format!("evaluation.refusal.{name}"),
        };
        let mut refused = Self::new(refusal.status(), key);
        refused.with = refusal.values();
        refused.article =
            article.map(|article| rust_i18n::t!(format!("evaluation.article.{article}")).into_owned());
        refused
    }
}
