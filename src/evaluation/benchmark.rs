//! The base price (评标基准价) of works: which prices count, what is trimmed, the mean, the drawn coefficients.

use super::decimal::{Exact, mean, product, rounded, sum};
use super::method::{Band, Base, Coefficient, CutTies, Precision, Trim};
use super::rules::Refusal;
use crate::platform::money::Fen;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a base came about, every number as shown, so that it can be followed line by line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Working {
    /// Prices left out because they lie outside the band, lowest first.
    pub outside_band: Vec<Fen>,
    /// Lowest prices left out.
    pub dropped_low: Vec<Fen>,
    /// Prices in the mean, lowest first.
    pub kept: Vec<Fen>,
    /// Highest prices left out.
    pub dropped_high: Vec<Fen>,
    /// Mean of the kept prices in yuan.
    pub mean: Exact,
    /// Value of each coefficient, in the order of the formula.
    pub coefficients: Vec<Exact>,
    /// The base in yuan.
    pub base: Exact,
}

/// Computes the base from the prices that count. `ceiling` is the price ceiling of the lot, needed for a band and for
/// the composite formula; `drawn` holds the coefficients drawn at the opening by name.
pub fn base(
    formula: &Base,
    band: Option<&Band>,
    prices: &[Fen],
    ceiling: Option<Fen>,
    drawn: &BTreeMap<String, Exact>,
    precision: &Precision,
) -> Result<Working, Refusal> {
    let (inside, outside_band) = filter(prices, band, ceiling)?;
    let (low, high) = cut(formula.trim(), &inside);
    let kept_end = inside.len().saturating_sub(high);
    let kept = inside.get(low..kept_end).unwrap_or_default().to_vec();
    if kept.is_empty() {
        return Err(Refusal::NoPrices);
    }
    let yuan: Vec<Decimal> = kept.iter().map(|price| price.yuan()).collect();
    let mean = mean(&yuan, precision.money).ok_or(Refusal::NotExact)?;
    let coefficients: Result<Vec<Exact>, Refusal> =
        formula.coefficients().into_iter().map(|coefficient| value(coefficient, drawn)).collect();
    let coefficients = coefficients?;
    let base = combine(formula, mean, &coefficients, ceiling)?;
    Ok(Working {
        outside_band,
        dropped_low: inside.get(..low).unwrap_or_default().to_vec(),
        dropped_high: inside.get(kept_end..).unwrap_or_default().to_vec(),
        kept,
        mean: mean.into(),
        coefficients,
        base: rounded(base, precision.money).into(),
    })
}

/// How many of the lowest and highest of `sorted` prices are cut.
pub fn cut(trim: &Trim, sorted: &[Fen]) -> (usize, usize) {
    let bids = sorted.len();
    match trim {
        Trim::Steps { steps } => {
            let step = steps.iter().filter(|step| step.from_bids <= bids).max_by_key(|step| step.from_bids);
            step.map_or((0, 0), |step| (step.low, step.high))
        }
        Trim::Share { from_bids, .. } if bids < *from_bids => (0, 0),
        Trim::Share { share, ties, .. } => {
            let each = share_of(*share, bids);
            match ties {
                CutTies::Dropped => (each, each),
                CutTies::Kept => (untie(sorted.iter(), each), untie(sorted.iter().rev(), each)),
            }
        }
    }
}

/// A share of a number of prices, half up (E4c: 20 % of 7 → 1, 8 → 2, 10 → 2, 12 → 2, 13 → 3).
pub fn share_of(share: Exact, bids: usize) -> usize {
    let part = product(&[share.0, Decimal::from(bids)]).unwrap_or_default();
    usize::try_from(rounded(part, 0).mantissa()).unwrap_or(0)
}

/// Fewer than `count` if the last to be cut equals the first to be kept: then all of that price are kept.
fn untie<'a>(from_the_end: impl Iterator<Item = &'a Fen>, count: usize) -> usize {
    let ordered: Vec<&Fen> = from_the_end.collect();
    let Some(first_kept) = ordered.get(count) else { return count };
    ordered.iter().take(count).take_while(|price| **price != *first_kept).count()
}

/// The prices that count and those that do not, both lowest first.
fn filter(
    prices: &[Fen],
    band: Option<&Band>,
    ceiling: Option<Fen>,
) -> Result<(Vec<Fen>, Vec<Fen>), Refusal> {
    let mut sorted = prices.to_vec();
    sorted.sort_unstable();
    let Some(band) = band else { return Ok((sorted, Vec::new())) };
    let ceiling = ceiling.ok_or(Refusal::Method { what: "ceiling" })?.yuan();
    let least = product(&[ceiling, band.least.0]).ok_or(Refusal::NotExact)?;
    let most = product(&[ceiling, band.most.0]).ok_or(Refusal::NotExact)?;
    Ok(sorted.into_iter().partition(|price| (least..=most).contains(&price.yuan())))
}

/// The value of a coefficient: as fixed, or as drawn, if what was drawn is one of the published choices.
fn value(coefficient: &Coefficient, drawn: &BTreeMap<String, Exact>) -> Result<Exact, Refusal> {
    match coefficient {
        Coefficient::Fixed { value } => Ok(*value),
        Coefficient::Drawn { name, choices } => {
            let found = drawn.get(name).filter(|value| choices.contains(value)).copied();
            found.ok_or_else(|| Refusal::Coefficient { name: name.clone() })
        }
    }
}

fn combine(
    formula: &Base,
    mean: Decimal,
    values: &[Exact],
    ceiling: Option<Fen>,
) -> Result<Decimal, Refusal> {
    let exact = match (formula, values) {
        (Base::FloatDown { .. }, [k]) => product(&[mean, Decimal::ONE - k.0]),
        (Base::Factor { .. }, [k]) => product(&[mean, k.0]),
        (Base::Composite { .. }, [k1, k2, q]) => {
            let ceiling = ceiling.ok_or(Refusal::Method { what: "ceiling" })?.yuan();
            let own = product(&[mean, k1.0, q.0]).ok_or(Refusal::NotExact)?;
            let limit = product(&[ceiling, k2.0, Decimal::ONE - q.0]).ok_or(Refusal::NotExact)?;
            sum(&[own, limit])
        }
        _ => None,
    };
    exact.filter(|base| *base > Decimal::ZERO).ok_or(Refusal::NotExact)
}
