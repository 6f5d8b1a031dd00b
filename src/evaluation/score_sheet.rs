//! A member's score sheet: bounded items, one sheet signed by each member, and the means of all sheets.

use super::decimal::{Exact, mean, sum};
use super::method::{Item, ItemClass, ItemKind, MemberMean, Method};
use super::rules::Refusal;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Format of a score sheet.
pub const FORMAT: &str = "sunbid/score-sheet/1";

/// One score.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    pub bid: String,
    pub item: String,
    pub score: Exact,
}

/// What one member signs: the document is hashed and signed in canonical JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreSheet {
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
    pub scores: Vec<Score>,
}

/// One bid's subtotals from all members.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ItemTotals {
    pub technical: Exact,
    pub commercial: Exact,
}

/// Whether a score keeps the bounds and the digits of its item.
pub fn check_score(bid: &str, item: &Item, score: Exact) -> Result<(), Refusal> {
    if score < item.least || score > item.most {
        return Err(Refusal::ScoreOutOfBounds {
            bid: bid.to_owned(),
            item: item.id.clone(),
            least: item.least.to_string(),
            most: item.most.to_string(),
        });
    }
    if score.places() > item.places {
        return Err(Refusal::ScoreTooFine {
            bid: bid.to_owned(),
            item: item.id.clone(),
            places: item.places,
        });
    }
    Ok(())
}

/// Whether a sheet scores at least the bids of `needed`, and no other than those of `known`, once on every item of
/// the method, within bounds. A bid that was scored and is rejected later for its price leaves scores behind that count
/// for nothing.
pub fn check(
    sheet: &ScoreSheet,
    method: &Method,
    needed: &[String],
    known: &[String],
) -> Result<(), Refusal> {
    let mut scored: BTreeMap<(&str, &str), Exact> = BTreeMap::new();
    for score in &sheet.scores {
        if !known.contains(&score.bid) {
            return Err(Refusal::UnknownBid { bid: score.bid.clone() });
        }
        let item =
            method.item(&score.item).ok_or_else(|| Refusal::UnknownItem { item: score.item.clone() })?;
        check_score(&score.bid, item, score.score)?;
        if scored.insert((&score.bid, &score.item), score.score).is_some() {
            return Err(Refusal::UnknownBid { bid: score.bid.clone() });
        }
    }
    for bid in needed {
        for item in &method.items {
            if !scored.contains_key(&(bid.as_str(), item.id.as_str())) {
                return Err(Refusal::Incomplete { bid: bid.clone(), item: item.id.clone() });
            }
        }
    }
    Ok(())
}

/// Objective items must have one score from all members (《政府采购法实施条例》第三十四条). Names the first that has not.
pub fn check_objective(sheets: &[ScoreSheet], method: &Method) -> Result<(), Refusal> {
    let mut first: BTreeMap<(&str, &str), Exact> = BTreeMap::new();
    for score in sheets.iter().flat_map(|sheet| &sheet.scores) {
        let objective = method.item(&score.item).is_some_and(|item| item.kind == ItemKind::Objective);
        if objective && *first.entry((&score.bid, &score.item)).or_insert(score.score) != score.score {
            return Err(Refusal::ObjectiveDiffers { bid: score.bid.clone(), item: score.item.clone() });
        }
    }
    Ok(())
}

/// One member's subtotal of one class for one bid.
pub fn subtotal(
    sheet: &ScoreSheet,
    method: &Method,
    bid: &str,
    class: ItemClass,
) -> Result<Decimal, Refusal> {
    let of_class = |id: &str| method.item(id).is_some_and(|item| item.class == class);
    let scores: Vec<Decimal> = sheet
        .scores
        .iter()
        .filter(|score| score.bid == bid && of_class(&score.item))
        .map(|score| score.score.0)
        .collect();
    sum(&scores).ok_or(Refusal::NotExact)
}

/// The subtotals of one bid over all members: for each class the members' subtotals, trimmed as the method says, and
/// their mean at the score precision.
pub fn totals(sheets: &[ScoreSheet], method: &Method, bid: &str) -> Result<ItemTotals, Refusal> {
    let of = |class| -> Result<Exact, Refusal> {
        let mut members = Vec::with_capacity(sheets.len());
        for sheet in sheets {
            members.push(subtotal(sheet, method, bid, class)?);
        }
        let kept = trimmed(&mut members, method.member_mean);
        Ok(mean(kept, method.precision.score).ok_or(Refusal::NotExact)?.into())
    };
    Ok(ItemTotals { technical: of(ItemClass::Technical)?, commercial: of(ItemClass::Commercial)? })
}

/// The members' subtotals that enter the mean, sorted.
fn trimmed(members: &mut [Decimal], rule: MemberMean) -> &[Decimal] {
    members.sort_unstable();
    match rule {
        MemberMean::TrimOneEach { from_members } if members.len() >= from_members.max(3) => {
            members.get(1..members.len() - 1).unwrap_or_default()
        }
        _ => members,
    }
}

/// A member whose total for a bid lies far from the mean of the other members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outlier {
    pub member: String,
    pub bid: String,
    pub total: Exact,
    /// Mean of the other members, at the score precision.
    pub others: Exact,
}

/// Totals that lie more than `share` of the others' mean away from it (畸高畸低, 87号令第六十四条): to be looked at again
/// before the report is signed, never changed by the system.
pub fn outliers(
    sheets: &[ScoreSheet],
    method: &Method,
    bids: &[String],
    share: Exact,
) -> Result<Vec<Outlier>, Refusal> {
    let mut found = Vec::new();
    for bid in bids {
        let mut totals = Vec::with_capacity(sheets.len());
        for sheet in sheets {
            let technical = subtotal(sheet, method, bid, ItemClass::Technical)?;
            totals.push(technical + subtotal(sheet, method, bid, ItemClass::Commercial)?);
        }
        for (i, (sheet, &total)) in sheets.iter().zip(&totals).enumerate() {
            let rest: Vec<Decimal> =
                totals.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| *other).collect();
            let Some(others) = mean(&rest, method.precision.score) else { continue };
            if (total - others).abs() > others * share.0 {
                found.push(Outlier {
                    member: sheet.member.clone(),
                    bid: bid.clone(),
                    total: total.into(),
                    others: others.into(),
                });
            }
        }
    }
    Ok(found)
}
