//! One number out of a published list, drawn the same way as the experts.
//!
//! Works tenders scored against a benchmark price draw their coefficient at the opening. The list of possible
//! values is fixed in the tender documents; the seed is made as for experts; the value with the lowest rank is
//! drawn. Ranking instead of "seed modulo count" leaves no value even slightly more likely than another.

use super::draw::{
    BadDraw, Draw, PartyCommit, Reveals, check_parties, check_public, is_plain_text, rank, seed_of,
};
use super::hex_bytes::Hex;
use super::public_value::{PublicSource, PublicValue};
use crate::platform::canonical;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use ring::hmac;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;

const VALUES_MAX: usize = 1_000;

/// The kind of a document that draws a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CoefficientTyp {
    #[serde(rename = "etrade/draw-coefficient/v1")]
    V1,
}

/// Everything about the draw of a number that is fixed before anybody reveals.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoefficientDoc {
    pub typ: CoefficientTyp,
    pub id: Id<Draw>,
    pub tender: String,
    pub lot: String,
    /// What the number is called in the tender documents, for example `K`.
    pub name: String,
    /// The possible values, as printed in the tender documents. `0.03` and `0.030` would be the same number and
    /// can not both stand here.
    pub values: Vec<String>,
    pub parties: Vec<PartyCommit>,
    pub public: PublicSource,
    pub reveal_by: Moment,
    pub public_at: Moment,
}

/// The number that was drawn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoefficientResult {
    pub seed: Hex<32>,
    /// One of the document's values, in the document's spelling.
    pub value: String,
}

/// All that a stranger needs to recompute the draw of a number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoefficientRecord {
    pub doc: CoefficientDoc,
    pub reveals: Reveals,
    pub public_value: PublicValue,
    pub result: CoefficientResult,
}

impl CoefficientDoc {
    /// Reads a document in canonical form and checks it.
    pub fn from_jcs(bytes: &[u8]) -> anyhow::Result<Self> {
        let doc: Self = canonical::from_jcs(bytes)?;
        doc.check()?;
        Ok(doc)
    }

    /// Checks parties, times, source and the list of values.
    pub fn check(&self) -> Result<(), BadDraw> {
        check_parties(&self.parties)?;
        check_public(&self.public, self.reveal_by, self.public_at)?;
        if ![&self.tender, &self.lot, &self.name].into_iter().all(|text| is_plain_text(text)) {
            return Err(BadDraw::Text);
        }
        check_values(&self.values)
    }
}

/// Checks a list of possible values: 2 to 1000 plain decimals, no number twice.
pub fn check_values(values: &[String]) -> Result<(), BadDraw> {
    let numbers: Option<BTreeSet<Decimal>> = values.iter().map(|text| plain_decimal(text)).collect();
    let distinct = numbers.is_some_and(|numbers| numbers.len() == values.len());
    if distinct && (2..=VALUES_MAX).contains(&values.len()) { Ok(()) } else { Err(BadDraw::Values) }
}

/// The numbers that a tender's method document leaves to a draw: name and choices, in the order in which they stand
/// there (`{"drawn":{"name":…,"choices":[…]}}`, see `docs/formats/evaluation.md`).
pub fn numbers_to_draw(method: &Value) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match method {
        Value::Object(fields) => {
            let drawn = fields.get("drawn").and_then(|drawn| {
                let choices =
                    drawn.get("choices")?.as_array()?.iter().map(text).collect::<Option<Vec<_>>>()?;
                Some((text(drawn.get("name")?)?, choices))
            });
            found.extend(drawn);
            fields.values().for_each(|value| found.extend(numbers_to_draw(value)));
        }
        Value::Array(items) => items.iter().for_each(|item| found.extend(numbers_to_draw(item))),
        _ => {}
    }
    found
}

/// Reads `0.03` or `97`; no sign but a leading minus, no exponent, no spaces, at most 20 characters.
fn plain_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if text.len() > 20 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    Decimal::from_str(text).ok().map(|number| number.normalize())
}

/// Draws one of the values. Pure: the same input gives the same number anywhere.
pub fn draw_coefficient(
    doc: &CoefficientDoc,
    reveals: &Reveals,
    value: &PublicValue,
) -> Result<CoefficientResult, BadDraw> {
    doc.check()?;
    let seed = seed_of(doc, doc.id, &doc.parties, reveals, &doc.public.bytes(value)?)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.0);
    let first = doc.values.iter().min_by_key(|text| rank(&key, text)).ok_or(BadDraw::Values)?;
    Ok(CoefficientResult { seed, value: first.clone() })
}

impl CoefficientRecord {
    /// Draws again and compares.
    pub fn check(&self) -> Result<(), BadDraw> {
        let again = draw_coefficient(&self.doc, &self.reveals, &self.public_value)?;
        if again == self.result { Ok(()) } else { Err(BadDraw::OtherResult) }
    }
}
