//! The evaluation report: every input that decided, and what follows from them. Whoever has the report can compute it
//! again: [`recompute`] uses nothing but the inputs.

use super::abnormal::{self, Sign};
use super::arithmetic::{self, PriceStatement};
use super::benchmark::{self, Working};
use super::committee::{self, CommitteeRule, Seat};
use super::decimal::{Exact, sum};
use super::method::{FrozenAt, Method, Price};
use super::price_score::{self, Enterprise, PriceLine, PricedBid, Scale};
use super::ranking::{self, Row, TieDraw};
use super::responsiveness::{self, Ground, Rejection, Review};
use super::ruled_out::{self, DepositFound, NoPrice};
use super::rules::{Refusal, System};
use super::score_sheet::{self, ItemTotals, ScoreSheet};
use crate::platform::canonical::{NotCanonical, from_jcs, jcs};
use crate::platform::digest::{b64u, from_b64u, sha256};
use crate::platform::money::Fen;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Format of a report.
pub const FORMAT: &str = "sunbid/evaluation-report/1";

/// The document that the committee signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: String,
    pub inputs: ReportInputs,
    pub result: Ranking,
}

/// Everything that the result follows from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportInputs {
    /// Public number of the tender.
    pub tender: String,
    /// Number of the lot.
    pub lot: String,
    pub system: System,
    pub committee_rule: CommitteeRule,
    /// Fewest bids at the deadline, and in procurement fewest responsive bids.
    pub minimum_bidders: u32,
    pub method: Method,
    /// Price ceiling or budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Fen>,
    /// Coefficients drawn at the opening, by name.
    pub drawn: BTreeMap<String, Exact>,
    /// Bids received at the deadline, decryptable or not.
    pub bids_at_deadline: u32,
    /// The bids that were opened.
    pub bids: Vec<BidInput>,
    pub seats: Vec<Seat>,
    pub reviews: Vec<Review>,
    pub sheets: Vec<ScoreSheet>,
    /// What the committee decided about low prices.
    pub low_prices: Vec<LowPriceDecision>,
    /// Whether so few bids still compete: asked in tendering when fewer than the minimum are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub competition: Option<Competition>,
    /// Seed of the tie draw, base64url; where it comes from is in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie_seed: Option<String>,
}

/// One opened bid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidInput {
    /// Label of the bid, the same in every document of the evaluation.
    pub bid: String,
    /// Name of the bidder.
    pub bidder: String,
    /// Price as read out; zero if there is none, or none yet.
    pub price: Fen,
    /// Why there is no price, if the envelope that should hold it was to be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_price: Option<NoPrice>,
    /// The deposit at the deadline, where it is a condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<DepositFound>,
    pub enterprise: Enterprise,
    /// What the bid says about its price, if it must be checked for arithmetic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<PriceStatement>,
    /// The bidder's answer to a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<CorrectionAnswer>,
    /// What the tender document adds to or takes off the price for comparison.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment>,
}

/// One adjustment of a price for comparison only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    pub what: String,
    pub amount: Fen,
}

/// A bidder's answer to an arithmetic correction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionAnswer {
    Confirmed,
    Refused,
}

/// What the committee decided about one low price after the bidder explained.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowPriceDecision {
    pub bid: String,
    /// The bidder's explanation, or empty if none came in time.
    pub explanation: String,
    pub decision: LowPrice,
    pub reason: String,
}

/// Whether a low price stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LowPrice {
    Accepted,
    Rejected,
}

/// The committee's word on whether the bids that are left compete (12号令第二十七条).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competition {
    pub enough: StillCompetes,
    pub reason: String,
}

/// Whether the bids that are left compete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StillCompetes {
    Yes,
    No,
}

/// How an evaluation ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Bids are ranked and candidates recommended.
    Ranked,
    /// Fewer bids at the deadline than the law asks: nothing may be opened or judged.
    TooFewAtDeadline,
    /// 废标: fewer responsive bids than the law asks (《政府采购法》第三十六条).
    TooFewResponsive,
    /// The committee finds that the bids left obviously do not compete (12号令第二十七条).
    NoCompetition,
    /// 否决所有投标 (《招标投标法》第四十二条).
    AllRejected,
}

/// What follows from the inputs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranking {
    pub conclusion: Conclusion,
    /// Rejected bids with the reasons.
    pub rejected: BTreeMap<String, Vec<Rejection>>,
    /// How the base price came about, where the method has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working: Option<Working>,
    /// The lowest compared price, where it is the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest: Option<Exact>,
    /// Best first.
    pub rows: Vec<Row>,
    /// Labels of the recommended bids, best first.
    pub candidates: Vec<String>,
}

/// The bids after review, corrections and price limits, before scoring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screened {
    /// Contract price of each bid that is left.
    pub left: BTreeMap<String, Fen>,
    pub rejected: BTreeMap<String, Vec<Rejection>>,
    /// How the evaluation ends already here, if it does.
    pub ends: Option<Conclusion>,
}

impl Report {
    /// Computes the result of `inputs` and puts both into a report.
    pub fn of(inputs: ReportInputs) -> Result<Self, Refusal> {
        let result = recompute(&inputs)?;
        Ok(Self { format: FORMAT.into(), inputs, result })
    }

    /// Reads a report in canonical form; whether its result is right is for [`Report::holds`] to say.
    pub fn from_jcs(bytes: &[u8]) -> Result<Self, NotCanonical> {
        let report: Self = from_jcs(bytes)?;
        if report.format == FORMAT {
            Ok(report)
        } else {
            Err(NotCanonical("not an evaluation report".into()))
        }
    }

    /// The bytes that the members sign.
    pub fn jcs(&self) -> Vec<u8> {
        jcs(self)
    }

    /// Whether the result is what follows from the inputs, to the last byte.
    pub fn holds(&self) -> bool {
        recompute(&self.inputs).is_ok_and(|result| jcs(&result) == jcs(&self.result))
    }
}

/// The digest by which reviews and score sheets name the method that they follow.
pub fn method_digest(method: &Method) -> String {
    b64u(&sha256(&[&jcs(method)]))
}

/// The result that follows from the inputs, or what is still missing or wrong in them. Depends on nothing else.
pub fn recompute(inputs: &ReportInputs) -> Result<Ranking, Refusal> {
    let screened = screen(inputs)?;
    if let Some(conclusion) = screened.ends {
        let (rows, candidates) = (Vec::new(), Vec::new());
        return Ok(Ranking {
            conclusion,
            rejected: screened.rejected,
            working: None,
            lowest: None,
            rows,
            candidates,
        });
    }
    let left: Vec<String> = screened.left.keys().cloned().collect();
    check_sheets(inputs, &left)?;
    let (working, lowest, lines) = price_lines(inputs, &screened)?;
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let price = screened.left.get(&line.bid).copied().unwrap_or_default();
        rows.push(row(inputs, line, price)?);
    }
    let seed = inputs.tie_seed.as_deref().and_then(from_b64u);
    let draw = seed.as_deref().map(|seed| TieDraw { seed, tender: &inputs.tender, lot: &inputs.lot });
    ranking::rank(&mut rows, &inputs.method, draw)?;
    let candidates = ranking::candidates(&rows, &inputs.method)?;
    let rejected = screened.rejected;
    Ok(Ranking { conclusion: Conclusion::Ranked, rejected, working, lowest, rows, candidates })
}

/// The steps before scoring: committee, review, corrections, ceiling, low prices, and whether enough bids are left.
pub fn screen(inputs: &ReportInputs) -> Result<Screened, Refusal> {
    inputs.method.check()?;
    if inputs.bids_at_deadline < inputs.minimum_bidders {
        let ends = Some(Conclusion::TooFewAtDeadline);
        return Ok(Screened { left: BTreeMap::new(), rejected: BTreeMap::new(), ends });
    }
    committee::check(&inputs.seats, &inputs.committee_rule)?;
    check_bids(inputs)?;
    check_reviews(inputs)?;
    let mut rejected = rejected_before_prices(inputs);
    for bid in &inputs.bids {
        if let Some(rejection) = ruled_out::for_price(bid, inputs.system) {
            rejected.entry(bid.bid.clone()).or_default().push(rejection);
        }
    }
    let mut left = BTreeMap::new();
    for bid in inputs.bids.iter().filter(|bid| !rejected.contains_key(&bid.bid)) {
        left.insert(bid.bid.clone(), contract_price(bid, inputs.system)?);
    }
    let mut reject = |left: &mut BTreeMap<String, Fen>, bid: &str, ground: Ground, reasons: String| {
        left.remove(bid);
        let rejection = ruled_out::rejection(ground, inputs.system, reasons);
        rejected.entry(bid.to_owned()).or_default().push(rejection);
    };
    for bid in &inputs.bids {
        let Some(price) = left.get(&bid.bid).copied() else { continue };
        if bid.correction == Some(CorrectionAnswer::Refused) {
            reject(&mut left, &bid.bid, Ground::CorrectionRefused, String::new());
        } else if inputs.ceiling.is_some_and(|ceiling| price > ceiling) {
            reject(&mut left, &bid.bid, Ground::AboveCeiling, price.plain());
        }
    }
    for decision in low_price_decisions(inputs, &left)? {
        if decision.decision == LowPrice::Rejected {
            reject(&mut left, &decision.bid, Ground::TooLow, decision.reason.clone());
        }
    }
    let ends = ends_here(inputs, left.len())?;
    Ok(Screened { left, rejected, ends })
}

/// The bids that are out before any price is known: by the members' majority, and for want of a deposit.
pub fn rejected_before_prices(inputs: &ReportInputs) -> BTreeMap<String, Vec<Rejection>> {
    let mut rejected = responsiveness::rejections(&inputs.reviews, &inputs.method, inputs.system);
    for bid in &inputs.bids {
        if let Some(rejection) = ruled_out::for_deposit(bid, inputs.system) {
            rejected.entry(bid.bid.clone()).or_default().push(rejection);
        }
    }
    rejected
}

/// Whether each bid has one entry and each label one meaning.
fn check_bids(inputs: &ReportInputs) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for bid in &inputs.bids {
        if bid.bid.is_empty() || !seen.insert(bid.bid.as_str()) {
            return Err(Refusal::UnknownBid { bid: bid.bid.clone() });
        }
    }
    if inputs.bids.len() > inputs.bids_at_deadline as usize { Err(Refusal::OtherLot) } else { Ok(()) }
}

/// One review of each member, of this lot and method, complete.
fn check_reviews(inputs: &ReportInputs) -> Result<(), Refusal> {
    let bids: Vec<String> = inputs.bids.iter().map(|bid| bid.bid.clone()).collect();
    let members: Vec<&str> = inputs.reviews.iter().map(|review| review.member.as_str()).collect();
    check_members(&inputs.seats, &members)?;
    let digest = method_digest(&inputs.method);
    for review in &inputs.reviews {
        let same_lot = review.tender == inputs.tender && review.lot == inputs.lot && review.method == digest;
        if review.format != responsiveness::FORMAT || !same_lot {
            return Err(Refusal::OtherLot);
        }
        responsiveness::check(review, &inputs.method, &bids)?;
    }
    Ok(())
}

/// One sheet of each member, of this lot and method, complete, objective items alike. No items, no sheets.
fn check_sheets(inputs: &ReportInputs, left: &[String]) -> Result<(), Refusal> {
    if inputs.method.items.is_empty() {
        return if inputs.sheets.is_empty() { Ok(()) } else { Err(Refusal::OtherLot) };
    }
    let members: Vec<&str> = inputs.sheets.iter().map(|sheet| sheet.member.as_str()).collect();
    check_members(&inputs.seats, &members)?;
    let digest = method_digest(&inputs.method);
    let known: Vec<String> = inputs.bids.iter().map(|bid| bid.bid.clone()).collect();
    for sheet in &inputs.sheets {
        let same_lot = sheet.tender == inputs.tender && sheet.lot == inputs.lot && sheet.method == digest;
        if sheet.format != score_sheet::FORMAT || !same_lot {
            return Err(Refusal::OtherLot);
        }
        score_sheet::check(sheet, &inputs.method, left, &known)?;
    }
    score_sheet::check_objective(&inputs.sheets, &inputs.method)
}

/// Whether `members` are exactly the people on the seats, each once.
fn check_members(seats: &[Seat], members: &[&str]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for &member in members {
        if !seats.iter().any(|seat| seat.member == member) || !seen.insert(member) {
            return Err(Refusal::NotAMember { member: member.to_owned() });
        }
    }
    match seats.iter().find(|seat| !seen.contains(seat.member.as_str())) {
        None => Ok(()),
        Some(seat) => Err(Refusal::MemberMissing { member: seat.member.clone() }),
    }
}

/// The price at which the bid would be contracted: as read out, or corrected.
fn contract_price(bid: &BidInput, system: System) -> Result<Fen, Refusal> {
    let Some(statement) = &bid.statement else { return Ok(bid.price) };
    let corrected = arithmetic::correct(statement, system)?;
    if corrected.total == bid.price {
        return Ok(bid.price);
    }
    match bid.correction {
        Some(CorrectionAnswer::Confirmed) => Ok(corrected.total),
        // it will be rejected; until then its price is what was read out
        Some(CorrectionAnswer::Refused) => Ok(bid.price),
        None => Err(Refusal::CorrectionUnanswered { bid: bid.bid.clone() }),
    }
}

/// The committee's decisions on low prices; every bid that shows a sign must have one.
fn low_price_decisions<'a>(
    inputs: &'a ReportInputs,
    left: &BTreeMap<String, Fen>,
) -> Result<Vec<&'a LowPriceDecision>, Refusal> {
    let mut decided = BTreeSet::new();
    for decision in &inputs.low_prices {
        if !left.contains_key(&decision.bid) || !decided.insert(decision.bid.as_str()) {
            return Err(Refusal::UnknownBid { bid: decision.bid.clone() });
        }
        if decision.reason.trim().is_empty() {
            return Err(Refusal::ReasonMissing { bid: decision.bid.clone(), item: "low_price".into() });
        }
    }
    for finding in low_price_findings(inputs, left)? {
        if !decided.contains(finding.bid.as_str()) {
            return Err(Refusal::AbnormalUndecided { bid: finding.bid });
        }
    }
    Ok(inputs.low_prices.iter().collect())
}

/// The bids among `left` whose prices must be explained: by the rule of the method, or because the committee asked.
pub fn low_price_findings(
    inputs: &ReportInputs,
    left: &BTreeMap<String, Fen>,
) -> Result<Vec<abnormal::Finding>, Refusal> {
    let prices: Vec<(String, Fen)> = left.iter().map(|(bid, price)| (bid.clone(), *price)).collect();
    let mut findings = match &inputs.method.abnormal {
        Some(rule) => abnormal::findings(&prices, inputs.ceiling, rule)?,
        None => Vec::new(),
    };
    for decision in &inputs.low_prices {
        if !findings.iter().any(|finding| finding.bid == decision.bid) {
            findings.push(abnormal::Finding { bid: decision.bid.clone(), signs: vec![Sign::Committee] });
        }
    }
    Ok(findings)
}

/// Whether so few bids are left that the evaluation ends without a ranking.
fn ends_here(inputs: &ReportInputs, left: usize) -> Result<Option<Conclusion>, Refusal> {
    if left >= inputs.minimum_bidders as usize {
        return Ok(None);
    }
    if inputs.system == System::GovernmentProcurement {
        return Ok(Some(Conclusion::TooFewResponsive));
    }
    if left == 0 {
        return Ok(Some(Conclusion::AllRejected));
    }
    match &inputs.competition {
        None => Err(Refusal::CompetitionUndecided { left }),
        Some(Competition { enough: StillCompetes::Yes, .. }) => Ok(None),
        Some(Competition { enough: StillCompetes::No, .. }) => Ok(Some(Conclusion::NoCompetition)),
    }
}

type PriceLines = (Option<Working>, Option<Exact>, Vec<PriceLine>);

/// Price lines of the bids that are left, with the working that they rest on.
fn price_lines(inputs: &ReportInputs, screened: &Screened) -> Result<PriceLines, Refusal> {
    let mut priced = Vec::with_capacity(screened.left.len());
    for bid in &inputs.bids {
        let Some(price) = screened.left.get(&bid.bid) else { continue };
        let amounts: Vec<Fen> = bid.adjustments.iter().map(|adjustment| adjustment.amount).collect();
        let price = price_score::evaluated_price(*price, &amounts)?.yuan();
        priced.push(PricedBid { bid: bid.bid.clone(), price, enterprise: bid.enterprise });
    }
    let precision = inputs.method.precision;
    match &inputs.method.price {
        Price::LowestPrice { weight, deductions } => {
            let (lowest, lines) = price_score::lowest_price(&priced, *weight, deductions, &precision)?;
            Ok((None, Some(lowest), lines))
        }
        Price::LowestEvaluated { deductions } => {
            Ok((None, None, price_score::unscored(&priced, deductions, &precision)?))
        }
        Price::Benchmark { weight, base, deviation, frozen_at, band, small_bonus } => {
            let counted: Vec<Fen> = match frozen_at {
                // a bid without a price has nothing to count
                FrozenAt::Opening => {
                    inputs.bids.iter().map(|bid| bid.price).filter(|price| price.0 > 0).collect()
                }
                FrozenAt::PreliminaryReview => screened.left.values().copied().collect(),
            };
            let (ceiling, drawn) = (inputs.ceiling, &inputs.drawn);
            let working = benchmark::base(base, band.as_ref(), &counted, ceiling, drawn, &precision)?;
            let scale = Scale { weight: *weight, deviation: *deviation, bonus: *small_bonus, precision };
            let lines = price_score::benchmark(&priced, working.base, &scale)?;
            Ok((Some(working), None, lines))
        }
    }
}

/// One row without its rank.
fn row(inputs: &ReportInputs, line: PriceLine, price: Fen) -> Result<Row, Refusal> {
    let mut row = Row {
        rank: 0,
        bid: line.bid,
        price,
        compared: line.compared,
        deviation: line.deviation,
        price_score: line.score,
        technical: None,
        commercial: None,
        total: None,
        parted_by: None,
    };
    if let Some(score) = line.score {
        let ItemTotals { technical, commercial } = if inputs.method.items.is_empty() {
            ItemTotals::default()
        } else {
            score_sheet::totals(&inputs.sheets, &inputs.method, &row.bid)?
        };
        let total = sum(&[technical.0, commercial.0, score.0]).ok_or(Refusal::NotExact)?;
        (row.technical, row.commercial, row.total) = (Some(technical), Some(commercial), Some(total.into()));
    }
    Ok(row)
}
