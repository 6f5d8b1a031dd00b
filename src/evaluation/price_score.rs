//! What a price is worth: the lowest-price formula of government procurement, and the points lost by distance
//! from a base price in works. Pure; every intermediate value that is shown is rounded, and goes on rounded.

use super::decimal::{Exact, product, quotient, rounded};
use super::method::{AboveWeight, Deductions, Deviation, Precision, SmallBonus};
use super::rules::Refusal;
use crate::platform::money::Fen;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What kind of enterprise offers, as far as preferences go (财库〔2022〕19号).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enterprise {
    /// No preference.
    Ordinary,
    /// A small or micro enterprise.
    Small,
    /// A consortium or subcontract with at least 30 % for small or micro enterprises.
    Consortium,
}

impl Enterprise {
    /// The word in bid forms and documents.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Small => "small",
            Self::Consortium => "consortium",
        }
    }

    /// Reads [`Enterprise::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Ordinary, Self::Small, Self::Consortium].into_iter().find(|class| class.code() == code)
    }
}

/// A bid as far as its price goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PricedBid {
    pub bid: String,
    /// The price in yuan that is compared, before any deduction: read out, corrected, evaluated.
    pub price: Decimal,
    pub enterprise: Enterprise,
}

/// The price part of one bid, every number as shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceLine {
    pub bid: String,
    /// Price in yuan after deductions: for comparison only, the contract is at the bid price.
    pub compared: Exact,
    /// Percent above (positive) or below (negative) the base, where the formula uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<Exact>,
    /// Points. Absent where the price earns no points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Exact>,
}

/// The price after the deduction that the bidder is entitled to, at the money precision.
pub fn compared_price(bid: &PricedBid, deductions: &Deductions, places: u32) -> Result<Decimal, Refusal> {
    if bid.price <= Decimal::ZERO {
        return Err(Refusal::PriceNotPositive { bid: bid.bid.clone() });
    }
    let off = match bid.enterprise {
        Enterprise::Ordinary => Decimal::ZERO,
        Enterprise::Small => deductions.small.0,
        Enterprise::Consortium => deductions.consortium.0,
    };
    let price = product(&[bid.price, Decimal::ONE - off]).ok_or(Refusal::NotExact)?;
    Ok(rounded(price, places))
}

/// The lowest-price formula (87号令第五十五条): the lowest compared price is the base and earns the full weight, every
/// other bid `base / price × weight`. Gives the base and a line for each bid, in the order given.
pub fn lowest_price(
    bids: &[PricedBid],
    weight: Exact,
    deductions: &Deductions,
    precision: &Precision,
) -> Result<(Exact, Vec<PriceLine>), Refusal> {
    let compared = compare(bids, deductions, precision.money)?;
    let base = compared.iter().copied().min().ok_or(Refusal::NoPrices)?;
    let mut lines = Vec::with_capacity(bids.len());
    for (bid, price) in bids.iter().zip(compared) {
        let over = product(&[base, weight.0]).ok_or(Refusal::NotExact)?;
        let score = quotient(over, price, precision.score).ok_or(Refusal::NotExact)?;
        let (compared, score) = (price.into(), Some(score.into()));
        lines.push(PriceLine { bid: bid.bid.clone(), compared, deviation: None, score });
    }
    Ok((base.into(), lines))
}

/// Lines for methods in which the lowest evaluated price wins: compared prices without points.
pub fn unscored(
    bids: &[PricedBid],
    deductions: &Deductions,
    precision: &Precision,
) -> Result<Vec<PriceLine>, Refusal> {
    let compared = compare(bids, deductions, precision.money)?;
    let line = |(bid, price): (&PricedBid, Decimal)| PriceLine {
        bid: bid.bid.clone(),
        compared: price.into(),
        deviation: None,
        score: None,
    };
    Ok(bids.iter().zip(compared).map(line).collect())
}

/// How benchmark scores are made, besides the base itself.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub weight: Exact,
    pub deviation: Deviation,
    pub bonus: Option<SmallBonus>,
    pub precision: Precision,
}

/// Points by distance from the base: `weight - d × above` over it, `weight - |d| × below` under it, where `d` is the
/// deviation in percent at the deviation precision; never below the floor. A small enterprise's bonus comes last.
pub fn benchmark(bids: &[PricedBid], base: Exact, scale: &Scale) -> Result<Vec<PriceLine>, Refusal> {
    let mut lines = Vec::with_capacity(bids.len());
    for bid in bids {
        let compared = compared_price(bid, &Deductions::NONE, scale.precision.money)?;
        let over = product(&[compared - base.0, Decimal::ONE_HUNDRED]).ok_or(Refusal::NotExact)?;
        let deviation = quotient(over, base.0, scale.precision.deviation).ok_or(Refusal::NotExact)?;
        let score = distance_score(deviation, scale)?;
        let score = with_bonus(score, bid.enterprise, scale)?;
        lines.push(PriceLine {
            bid: bid.bid.clone(),
            compared: compared.into(),
            deviation: Some(deviation.into()),
            score: Some(score.into()),
        });
    }
    Ok(lines)
}

/// Points for a deviation in percent.
fn distance_score(deviation: Decimal, scale: &Scale) -> Result<Decimal, Refusal> {
    let slope = if deviation > Decimal::ZERO { scale.deviation.above } else { scale.deviation.below };
    let lost = product(&[deviation.abs(), slope.0]).ok_or(Refusal::NotExact)?;
    let score = rounded(scale.weight.0 - lost, scale.precision.score);
    Ok(score.max(rounded(scale.deviation.floor.0, scale.precision.score)))
}

/// E2b: points added to a small enterprise's own price score.
fn with_bonus(score: Decimal, enterprise: Enterprise, scale: &Scale) -> Result<Decimal, Refusal> {
    let Some(bonus) = scale.bonus else { return Ok(score) };
    let rate = match enterprise {
        Enterprise::Ordinary => return Ok(score),
        Enterprise::Small => bonus.small,
        Enterprise::Consortium => bonus.consortium,
    };
    let raised = product(&[score, Decimal::ONE + rate.0]).ok_or(Refusal::NotExact)?;
    let raised = rounded(raised, scale.precision.score);
    let full = rounded(scale.weight.0, scale.precision.score);
    Ok(if bonus.above_weight == AboveWeight::Capped { raised.min(full) } else { raised })
}

fn compare(bids: &[PricedBid], deductions: &Deductions, places: u32) -> Result<Vec<Decimal>, Refusal> {
    bids.iter().map(|bid| compared_price(bid, deductions, places)).collect()
}

/// A bid's price plus what the tender document says must be added or taken off for comparison (E6).
pub fn evaluated_price(price: Fen, adjustments: &[Fen]) -> Result<Fen, Refusal> {
    let add = |total: Fen, amount: &Fen| total.checked_add(*amount).ok_or(Refusal::NotExact);
    adjustments.iter().try_fold(price, add)
}
