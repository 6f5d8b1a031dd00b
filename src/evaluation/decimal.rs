//! Exact decimals of scores, coefficients and rates: text in documents, integers in sums, one rounding rule.
//!
//! The rule: *half up on the magnitude* (四舍五入). 0.005 becomes 0.01 and -0.005 becomes -0.01 at two places. A
//! quotient is rounded once, from the exact fraction, by integer arithmetic; a value that is shown to people is the
//! value that goes on into the next step, so that everyone can check every line with a pocket calculator.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A decimal that documents carry as text (`"0.97"`), never as a JSON or TOML number. Keeps its written digits
/// (`"60.00"` stays so); compares by value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Exact(pub Decimal);

impl Exact {
    /// Reads `12`, `-0.5`, `51.60`: an optional minus, digits, at most one point with digits on both sides, at most
    /// 24 digits in all. Anything else (exponents, spaces, grouping) is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let short = whole.len() + fraction.len() <= 24;
        if plain(whole) && plain(fraction) && short {
            Decimal::from_str_exact(text).ok().map(Self)
        } else {
            None
        }
    }

    /// Number of digits after the point, trailing zeros not counted.
    pub fn places(self) -> u32 {
        self.0.normalize().scale()
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<Decimal> for Exact {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("expected a decimal as text, like \"0.97\""))
    }
}

/// `value` at exactly `places` digits after the point, half up on the magnitude.
pub fn rounded(value: Decimal, places: u32) -> Decimal {
    let mut value = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    value.rescale(places);
    // no negative zero: it would print as "-0.00"
    if value.is_zero() { Decimal::new(0, places) } else { value }
}

/// `over / under` at exactly `places` digits, rounded once from the exact fraction, half up on the magnitude.
/// `None` if `under` is zero or the numbers are too large to be exact.
pub fn quotient(over: Decimal, under: Decimal, places: u32) -> Option<Decimal> {
    let (over, under) = (over.normalize(), under.normalize());
    let numerator = over.mantissa().checked_mul(10_i128.checked_pow(under.scale() + places)?)?;
    let denominator = under.mantissa().checked_mul(10_i128.checked_pow(over.scale())?)?;
    if denominator == 0 {
        return None;
    }
    let negative = (numerator < 0) != (denominator < 0);
    let (numerator, denominator) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let (whole, rest) = (numerator / denominator, numerator % denominator);
    let up = rest >= denominator - rest;
    let magnitude = i128::try_from(whole).ok()?.checked_add(i128::from(up))?;
    Decimal::try_from_i128_with_scale(if negative { -magnitude } else { magnitude }, places).ok()
}

/// The mean of `values` at `places` digits, half up. `None` for no values or numbers too large to be exact.
pub fn mean(values: &[Decimal], places: u32) -> Option<Decimal> {
    quotient(sum(values)?, Decimal::from(values.len()), places)
}

/// The exact sum. `None` if it is too large.
pub fn sum(values: &[Decimal]) -> Option<Decimal> {
    values.iter().try_fold(Decimal::ZERO, |total, value| total.checked_add(*value))
}

/// The exact product. `None` if it has more digits than can be kept exactly.
pub fn product(factors: &[Decimal]) -> Option<Decimal> {
    factors.iter().try_fold(Decimal::ONE, |product, factor| {
        let (left, right) = (product.normalize(), factor.normalize());
        let mantissa = left.mantissa().checked_mul(right.mantissa())?;
        Decimal::try_from_i128_with_scale(mantissa, left.scale() + right.scale()).ok()
    })
}
