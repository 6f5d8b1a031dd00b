//! What rules a bid out whatever the members think of it: no price that could be compared, or no deposit where the
//! tender demands one. Pure; the facts are part of the report, so that anybody can see and compute them again.

use super::report::BidInput;
use super::responsiveness::{Ground, Rejection};
use super::rules::System;
use crate::platform::money::Fen;
use serde::{Deserialize, Serialize};

/// Why a bid has no price that could be compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoPrice {
    pub why: WhyNoPrice,
    /// What stands in the place of the price, as the bid says it; often empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
}

/// The cause of a missing price.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNoPrice {
    /// The bid names none.
    Missing,
    /// What it names is not an amount.
    Unreadable,
    /// The amount is not above zero.
    NotPositive,
    /// The envelope with the price did not open, and the bidder caused it: revoked (撤销).
    Revoked,
    /// The envelope with the price did not open, and the bidder did not cause it: withdrawn (撤回).
    TakenBack,
}

impl WhyNoPrice {
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Unreadable, Self::NotPositive, Self::Revoked, Self::TakenBack];

    /// The end of the locale key `evaluation.no_price.…`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::NotPositive => "not_positive",
            Self::Revoked => "revoked",
            Self::TakenBack => "taken_back",
        }
    }

    const fn ground(self) -> Ground {
        match self {
            Self::Missing | Self::Unreadable | Self::NotPositive => Ground::NoPrice,
            Self::Revoked => Ground::EnvelopeRevoked,
            Self::TakenBack => Ground::EnvelopeTakenBack,
        }
    }
}

/// Reads the price of a bid's form.
///
/// # Errors
/// Why it is none.
pub fn price_said(said: Option<&str>) -> Result<Fen, NoPrice> {
    let said = said.map(str::trim).unwrap_or_default();
    let no = |why| NoPrice { why, said: said.to_owned() };
    match Fen::parse(said) {
        _ if said.is_empty() => Err(no(WhyNoPrice::Missing)),
        None => Err(no(WhyNoPrice::Unreadable)),
        Some(price) if price.0 <= 0 => Err(no(WhyNoPrice::NotPositive)),
        Some(price) => Ok(price),
    }
}

/// The deposit of a bidder, where the tender demands one and the rulebook makes it a condition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositFound {
    pub demanded: Fen,
    /// What the bank had credited by the deadline.
    pub held: Fen,
    pub standing: DepositStanding,
}

/// Whether the deposit counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DepositStanding {
    /// All of it was there at the deadline.
    Secured,
    /// Nothing, or not all of it.
    NotSecured,
}

/// The rule's own rejection of `bid` for want of a deposit (87号令第六十三条第一项; 条例第五十一条第六项), known from the closing on.
pub fn for_deposit(bid: &BidInput, system: System) -> Option<Rejection> {
    let found = bid.deposit.as_ref().filter(|found| found.standing == DepositStanding::NotSecured)?;
    Some(rejection(Ground::NoDeposit, system, found.held.plain()))
}

/// The rule's own rejection of `bid` for want of a price, known when the envelope with the prices has been opened.
pub fn for_price(bid: &BidInput, system: System) -> Option<Rejection> {
    match &bid.no_price {
        Some(no) => Some(rejection(no.why.ground(), system, no.said.clone())),
        None if bid.price.0 <= 0 => Some(rejection(Ground::NoPrice, system, bid.price.plain())),
        None => None,
    }
}

/// A rejection that no member voted for.
pub(super) fn rejection(ground: Ground, system: System, reason: String) -> Rejection {
    Rejection {
        ground,
        article: ground.article(system).unwrap_or_default().to_owned(),
        item: String::new(),
        against: 0,
        of: 0,
        reasons: Some(reason).filter(|reason| !reason.is_empty()).into_iter().collect(),
    }
}
