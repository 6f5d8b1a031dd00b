//! Corrections of sums in a bid, in the order that the law fixes. The bidder must confirm a corrected price; who
//! refuses is rejected. Nothing else in a bid may be corrected.
//!
//! Government procurement: 87号令第五十九条 (opening table, words, misplaced point, unit prices). Tendering:
//! 30号令第五十三条 and 12号令第十九条 (words over figures, unit price over total but for an obvious decimal error).

use super::capital_amount;
use super::decimal::{Exact, product, rounded, sum};
use super::rules::{Refusal, System};
use crate::platform::money::Fen;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How far a decimal point may have slipped and still be an obvious slip, in places.
const SLIP_PLACES_MAX: u32 = 4;

/// What a bid says about its price.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceStatement {
    /// Total on the opening table (开标一览表), as read out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_table: Option<Fen>,
    /// Total in figures in the body of the bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Fen>,
    /// Total in formal numerals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The bill of quantities, if it has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<StatementLine>,
}

/// One line of the bill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementLine {
    pub name: String,
    pub quantity: Exact,
    /// Yuan per unit.
    pub unit_price: Exact,
    pub total: Fen,
}

/// Which rule corrected something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionRule {
    /// The opening table rules over the body.
    OpeningTable,
    /// Words rule over figures.
    Words,
    /// The unit price has an obviously misplaced point: the total rules, the unit price is mended.
    MisplacedPoint,
    /// Unit price times quantity rules over the total of the line.
    UnitPrice,
    /// The sum of the lines rules over the total.
    LineSum,
}

/// One correction, as shown to the bidder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    pub rule: CorrectionRule,
    /// Name of the line; empty for the total of the bid.
    pub line: String,
    pub from: String,
    pub to: String,
}

/// The corrected price and how it came about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrected {
    pub total: Fen,
    pub corrections: Vec<Correction>,
}

/// Corrects a price statement under the given body of law. No corrections means that the statement is sound.
pub fn correct(statement: &PriceStatement, system: System) -> Result<Corrected, Refusal> {
    let mut corrections = Vec::new();
    let mut total = match (system, statement.opening_table, statement.body) {
        (System::GovernmentProcurement, Some(table), Some(body)) if table != body => {
            corrections.push(note(CorrectionRule::OpeningTable, "", body, table));
            table
        }
        (_, Some(stated), _) | (_, None, Some(stated)) => stated,
        (_, None, None) => return Err(Refusal::PriceStatement),
    };
    if let Some(words) = &statement.words {
        let worded =
            capital_amount::parse(words).ok_or_else(|| Refusal::AmountUnreadable { text: words.clone() })?;
        if worded != total {
            corrections.push(note(CorrectionRule::Words, "", total, worded));
            total = worded;
        }
    }
    if statement.lines.is_empty() {
        return Ok(Corrected { total, corrections });
    }
    let mut totals = Vec::with_capacity(statement.lines.len());
    for line in &statement.lines {
        totals.push(line_total(line, &mut corrections)?.yuan());
    }
    let lines = sum(&totals).and_then(Fen::from_yuan).ok_or(Refusal::NotExact)?;
    if lines != total {
        corrections.push(note(CorrectionRule::LineSum, "", total, lines));
        total = lines;
    }
    Ok(Corrected { total, corrections })
}

/// The total of a line after the rule on unit prices.
fn line_total(line: &StatementLine, corrections: &mut Vec<Correction>) -> Result<Fen, Refusal> {
    if line.quantity.0 <= Decimal::ZERO || line.unit_price.0 < Decimal::ZERO {
        return Err(Refusal::PriceStatement);
    }
    let computed = product(&[line.quantity.0, line.unit_price.0]).ok_or(Refusal::NotExact)?;
    let computed = Fen::from_yuan(rounded(computed, 2)).ok_or(Refusal::NotExact)?;
    if computed == line.total {
        return Ok(computed);
    }
    if let Some(mended) = mended_unit_price(line)? {
        corrections.push(Correction {
            rule: CorrectionRule::MisplacedPoint,
            line: line.name.clone(),
            from: line.unit_price.to_string(),
            to: mended.to_string(),
        });
        return Ok(line.total);
    }
    corrections.push(note(CorrectionRule::UnitPrice, &line.name, line.total, computed));
    Ok(computed)
}

/// The unit price with its point moved so that the line comes out exactly, if a move of a few places does that.
fn mended_unit_price(line: &StatementLine) -> Result<Option<Exact>, Refusal> {
    for places in 1..=SLIP_PLACES_MAX {
        let shift = Decimal::from(10_u32.pow(places));
        for factor in [shift, Decimal::new(1, places)] {
            let unit = product(&[line.unit_price.0, factor]).ok_or(Refusal::NotExact)?;
            let total = product(&[line.quantity.0, unit]).ok_or(Refusal::NotExact)?;
            if total == line.total.yuan() && !total.is_zero() {
                let digits = unit.normalize().scale().max(2);
                return Ok(Some(rounded(unit, digits).into()));
            }
        }
    }
    Ok(None)
}

fn note(rule: CorrectionRule, line: &str, from: Fen, to: Fen) -> Correction {
    Correction { rule, line: line.to_owned(), from: from.plain(), to: to.plain() }
}
