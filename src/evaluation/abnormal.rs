//! Prices that look too low to be honest. A sign is not a verdict: the bidder explains, the committee decides.
//!
//! 87号令第六十条; shares after 财办库〔2024〕265号, set by the method of each lot. In tendering the committee may ask the same
//! when a price looks below cost (条例第五十一条).

use super::decimal::{product, sum};
use super::method::AbnormalRule;
use super::rules::Refusal;
use crate::platform::money::Fen;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Why a price looks abnormally low.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Below the share of the mean of all bids that passed the review, this one included.
    BelowMean,
    /// Below the share of the next lowest price.
    BelowNextLowest,
    /// Below the share of the price ceiling.
    BelowCeiling,
    /// The committee itself asked.
    Committee,
}

/// A bid that must explain its price.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub bid: String,
    pub signs: Vec<Sign>,
}

/// The bids whose price shows at least one sign, in the order given. A price exactly at a share is not below it.
pub fn findings(
    prices: &[(String, Fen)],
    ceiling: Option<Fen>,
    rule: &AbnormalRule,
) -> Result<Vec<Finding>, Refusal> {
    let yuan: Vec<Decimal> = prices.iter().map(|(_, price)| price.yuan()).collect();
    let total = sum(&yuan).ok_or(Refusal::NotExact)?;
    let count = Decimal::from(prices.len());
    let mut sorted: Vec<Fen> = prices.iter().map(|(_, price)| *price).collect();
    sorted.sort_unstable();
    let mut findings = Vec::new();
    for (bid, price) in prices {
        let mut signs = Vec::new();
        // price < share × total / count, without dividing
        if times(price.yuan(), count)? < times(rule.of_mean.0, total)? {
            signs.push(Sign::BelowMean);
        }
        if let Some(next) = next_lowest(&sorted, *price)
            && price.yuan() < times(rule.of_next_lowest.0, next.yuan())?
        {
            signs.push(Sign::BelowNextLowest);
        }
        if let Some(ceiling) = ceiling
            && price.yuan() < times(rule.of_ceiling.0, ceiling.yuan())?
        {
            signs.push(Sign::BelowCeiling);
        }
        if !signs.is_empty() {
            findings.push(Finding { bid: bid.clone(), signs });
        }
    }
    Ok(findings)
}

/// The price that follows the first occurrence of `price` in the sorted list.
fn next_lowest(sorted: &[Fen], price: Fen) -> Option<Fen> {
    let own = sorted.iter().position(|other| *other == price)?;
    sorted.get(own + 1).copied()
}

fn times(a: Decimal, b: Decimal) -> Result<Decimal, Refusal> {
    product(&[a, b]).ok_or(Refusal::NotExact)
}
