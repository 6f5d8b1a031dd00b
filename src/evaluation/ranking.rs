//! From scores to ranks: add up, sort, part equals by the published rules. The order in which bids are given never
//! matters, and the same inputs give the same ranking to the last digit.

use super::decimal::Exact;
use super::method::{Method, Price, TieRule};
use super::rules::Refusal;
use crate::platform::money::Fen;
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// One bid of the ranking, every number as shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// 1 is best. Bids that nothing parts share a rank, and the next rank is skipped (1, 1, 3).
    pub rank: u32,
    pub bid: String,
    /// The contract price: as offered, corrected if the bidder confirmed.
    pub price: Fen,
    /// The price that was compared.
    pub compared: Exact,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<Exact>,
    /// Absent, like the two subtotals and the total, when only the price decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_score: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commercial: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Exact>,
    /// What parted this bid from the one before it, if the main measure did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parted_by: Option<TieRule>,
}

/// A draw that parts bids equal in everything else: who has the smaller `HMAC-SHA-256(seed, message)` goes first, where
/// the message is the lines `sunbid/tie/1`, tender, lot and bid joined by line feeds.
#[derive(Clone, Copy, Debug)]
pub struct TieDraw<'a> {
    pub seed: &'a [u8],
    pub tender: &'a str,
    pub lot: &'a str,
}

impl TieDraw<'_> {
    /// The lot that `bid` draws.
    pub fn ticket(&self, bid: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.seed);
        let message = format!("sunbid/tie/1\n{}\n{}\n{bid}", self.tender, self.lot);
        let mut ticket = [0; 32];
        ticket.copy_from_slice(hmac::sign(&key, message.as_bytes()).as_ref());
        ticket
    }
}

/// Sorts `rows`, gives ranks, and notes what parted equals. Bids that only a draw can part need one if the method
/// asks for it; without that rule they share a rank.
pub fn rank(rows: &mut [Row], method: &Method, draw: Option<TieDraw>) -> Result<(), Refusal> {
    // a fixed starting order, so that the input order can not show through
    rows.sort_by(|a, b| a.bid.cmp(&b.bid));
    rows.sort_by(|a, b| compare(a, b, method, draw).0);
    let mut rank = 0;
    let mut previous: Option<Row> = None;
    for (place, row) in (1_u32..).zip(rows.iter_mut()) {
        row.parted_by = None;
        let (order, parted_by) = match &previous {
            None => (Ordering::Less, None),
            Some(before) => compare(before, row, method, draw),
        };
        if order == Ordering::Equal {
            if method.ties.contains(&TieRule::Draw) {
                let before = previous.as_ref().map_or("", |before| &before.bid);
                return Err(Refusal::TieNeedsDraw { bids: format!("{before}, {}", row.bid) });
            }
        } else {
            rank = place;
            row.parted_by = parted_by;
        }
        row.rank = rank;
        previous = Some(row.clone());
    }
    Ok(())
}

/// Who goes first, and which tie rule decided, if the main measure did not.
fn compare(a: &Row, b: &Row, method: &Method, draw: Option<TieDraw>) -> (Ordering, Option<TieRule>) {
    let main = match method.price {
        Price::LowestEvaluated { .. } => a.compared.cmp(&b.compared),
        // the higher total goes first
        _ => b.total.cmp(&a.total),
    };
    if main != Ordering::Equal {
        return (main, None);
    }
    for &rule in &method.ties {
        let order = match (rule, draw) {
            (TieRule::LowerPrice, _) => a.compared.cmp(&b.compared),
            (TieRule::HigherTechnical, _) => b.technical.cmp(&a.technical),
            (TieRule::Draw, Some(draw)) => draw.ticket(&a.bid).cmp(&draw.ticket(&b.bid)),
            (TieRule::Draw, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return (order, Some(rule));
        }
    }
    (Ordering::Equal, None)
}

/// The bids that the committee recommends: the first ranks, at most as many as the method says (条例第五十三条). Equals on
/// the edge that would make them more need a draw first.
pub fn candidates(rows: &[Row], method: &Method) -> Result<Vec<String>, Refusal> {
    let most = u32::from(method.candidates_max);
    let chosen: Vec<&Row> = rows.iter().filter(|row| row.rank <= most).collect();
    if chosen.len() > usize::from(method.candidates_max) {
        let bids: Vec<&str> = chosen.iter().map(|row| row.bid.as_str()).collect();
        return Err(Refusal::TieNeedsDraw { bids: bids.join(", ") });
    }
    Ok(chosen.into_iter().map(|row| row.bid.clone()).collect())
}
