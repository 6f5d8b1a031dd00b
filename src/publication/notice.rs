//! The documents of this room: what is signed, published and kept, in canonical JSON.

use super::rules::PassedOver;
use crate::evaluation::decimal::Exact;
use crate::evaluation::ranking::Row;
use crate::evaluation::report::{Conclusion, Report};
use crate::evaluation::responsiveness::Rejection;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::project::standing::LotFacts;
use serde::{Deserialize, Serialize};

/// What a notice is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NoticeKind {
    /// 中标候选人公示
    Candidates,
    /// 中标（成交）结果公告
    Result,
    /// 合同公告
    Contract,
    /// 流标、废标公告
    Failure,
}

impl NoticeKind {
    pub const ALL: [Self; 4] = [Self::Candidates, Self::Result, Self::Contract, Self::Failure];

    /// The word in addresses, databases and locale keys (`publication.kind.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Result => "result",
            Self::Contract => "contract",
            Self::Failure => "failure",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One bid as a notice shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub rank: u32,
    /// Label of the bid in the evaluation report.
    pub bid: String,
    pub bidder: String,
    pub price: Fen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_score: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commercial: Option<Exact>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Exact>,
}

/// A rejected bid as a notice shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    pub bidder: String,
    pub reasons: Vec<Rejection>,
}

/// What all notices begin with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heading {
    pub tender: String,
    pub lot: String,
    pub tender_title: String,
    pub lot_title: String,
    pub entity: String,
    /// SHA-256 of the evaluation report, base64url.
    pub report: String,
}

/// 中标候选人公示: who is recommended, how all bids stand, who was rejected and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidatesNotice {
    /// `sunbid/candidates-notice/1`.
    pub format: String,
    pub heading: Heading,
    pub candidates: Vec<Line>,
    /// All ranked bids, the candidates included.
    pub ranking: Vec<Line>,
    pub rejected: Vec<Rejected>,
}

/// The entity's decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwardDecision {
    /// `sunbid/award-decision/1`.
    pub format: String,
    pub heading: Heading,
    /// The candidates as the committee recommends them, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Line>,
    pub winner: Line,
    /// The article under which the winner is determined, as the rulebook cites it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
    /// By when the entity had to decide, where the law sets a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_by: Option<Moment>,
    /// Why a better candidate does not win; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<PassedOver>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause_facts: String,
}

/// 中标结果公告.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultNotice {
    /// `sunbid/result-notice/1`.
    pub format: String,
    pub heading: Heading,
    pub agent: String,
    pub winner: Line,
    pub winner_credit_code: String,
    /// Names of the committee, where the law says so (《政府采购法实施条例》第四十三条).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experts: Vec<String>,
    pub ranking: Vec<Line>,
    pub rejected: Vec<Rejected>,
}

/// 流标、废标公告.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureNotice {
    /// `sunbid/failure-notice/1`.
    pub format: String,
    pub heading: Heading,
    pub conclusion: Conclusion,
    pub rejected: Vec<Rejected>,
    /// In words.
    pub reason: String,
}

/// 合同公告.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractNotice {
    /// `sunbid/contract-notice/1`.
    pub format: String,
    pub heading: Heading,
    pub supplier: String,
    /// The price of the award: a contract may not depart from it (《招标投标法》第四十六条).
    pub price: Fen,
    pub contract_number: String,
}

/// Whether a letter says that its reader won.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// 中标通知书
    Award,
    /// 中标结果通知书: another won.
    Loss,
}

/// A letter to one bidder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// `sunbid/award-letter/1`.
    pub format: String,
    pub heading: Heading,
    pub kind: LetterKind,
    pub to: String,
    pub winner: String,
    pub price: Fen,
    /// The price in formal numerals.
    pub price_words: String,
    /// How the reader's own bid was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Line>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_rejections: Vec<Rejection>,
    pub issued_at: Moment,
    /// Until when the contract must be signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_by: Option<Moment>,
}

/// The heading of every notice of this lot.
pub fn heading(lot: &LotFacts, report: &str) -> Heading {
    Heading {
        tender: lot.number.to_string(),
        lot: lot.lot_number.to_string(),
        tender_title: lot.tender_title.clone(),
        lot_title: lot.title.clone(),
        entity: lot.entity_name.clone(),
        report: report.to_owned(),
    }
}

/// The ranked bids of a report, best first.
pub fn lines(report: &Report) -> Vec<Line> {
    report.result.rows.iter().map(|row| line(report, row)).collect()
}

fn line(report: &Report, row: &Row) -> Line {
    Line {
        rank: row.rank,
        bid: row.bid.clone(),
        bidder: bidder(report, &row.bid),
        price: row.price,
        price_score: row.price_score,
        technical: row.technical,
        commercial: row.commercial,
        total: row.total,
    }
}

fn bidder(report: &Report, bid: &str) -> String {
    let found = report.inputs.bids.iter().find(|known| known.bid == bid);
    found.map(|known| known.bidder.clone()).unwrap_or_default()
}

/// The rejected bids of a report.
pub fn rejected(report: &Report) -> Vec<Rejected> {
    let row = |(bid, reasons): (&String, &Vec<Rejection>)| Rejected {
        bidder: bidder(report, bid),
        reasons: reasons.clone(),
    };
    report.result.rejected.iter().map(row).collect()
}

/// The candidates notice of a report.
pub fn candidates_notice(lot: &LotFacts, report: &Report, digest: &str) -> CandidatesNotice {
    let ranking = lines(report);
    let is_candidate = |line: &&Line| report.result.candidates.contains(&line.bid);
    CandidatesNotice {
        format: "sunbid/candidates-notice/1".into(),
        heading: heading(lot, digest),
        candidates: ranking.iter().filter(is_candidate).cloned().collect(),
        ranking,
        rejected: rejected(report),
    }
}
