//! A notice in words, for `templates/publication/_notice.html`: made from the very text that is or was signed.

use super::paper::Paper;
use crate::account::page::Page;
use crate::evaluation::capital_amount;
use crate::evaluation::decimal::Exact;
use crate::evaluation::pages::ReasonView;
use crate::platform::refusal::Fault;
use crate::publication::notice::{
    AwardDecision, CandidatesNotice, ContractNotice, FailureNotice, Heading, Line, Rejected, ResultNotice,
};

/// One bid.
pub(super) struct LineView {
    pub rank: u32,
    pub bidder: String,
    pub price: String,
    /// Price, technical, commercial and total points; empty where the method gives none.
    pub points: [String; 4],
}

/// A rejected bid with its reasons.
pub(super) struct RejectedView {
    pub bidder: String,
    pub reasons: Vec<ReasonView>,
}

/// A notice or decision.
#[derive(Default)]
pub(super) struct NoticeView {
    pub tender: String,
    pub lot: String,
    pub tender_title: String,
    pub lot_title: String,
    pub entity: String,
    pub report: String,
    /// Names and values that stand above the tables.
    pub facts: Vec<(String, String)>,
    pub tables: Vec<(String, Vec<LineView>)>,
    pub scored: bool,
    pub rejected: Vec<RejectedView>,
}

impl NoticeView {
    /// Reads the text of `paper`.
    ///
    /// # Errors
    /// It is of another kind, or damaged.
    pub fn of(p: &Page, paper: Paper, text: &str) -> Result<Self, Fault> {
        match paper {
            Paper::Candidates => Ok(Self::candidates(p, serde_json::from_str(text)?)),
            Paper::Award => Ok(Self::award(p, serde_json::from_str(text)?)),
            Paper::Result => Ok(Self::result(p, serde_json::from_str(text)?)),
            Paper::Contract => Ok(Self::contract(p, serde_json::from_str(text)?)),
            Paper::Failure => Ok(Self::failure(p, serde_json::from_str(text)?)),
        }
    }

    fn new(heading: Heading) -> Self {
        Self {
            tender: heading.tender,
            lot: heading.lot,
            tender_title: heading.tender_title,
            lot_title: heading.lot_title,
            entity: heading.entity,
            report: heading.report,
            ..Self::default()
        }
    }

    fn with_bids(mut self, p: &Page, ranking: &[Line], rejected: &[Rejected]) -> Self {
        self.scored = ranking.iter().any(|line| line.total.is_some());
        self.tables.push((p.t("publication.notice.ranking"), ranking.iter().map(LineView::new).collect()));
        self.rejected = rejected.iter().map(|bid| RejectedView::new(p, bid)).collect();
        self
    }

    fn candidates(p: &Page, notice: CandidatesNotice) -> Self {
        let mut view = Self::new(notice.heading);
        let candidates = notice.candidates.iter().map(LineView::new).collect();
        view.tables.push((p.t("publication.notice.candidates"), candidates));
        view.with_bids(p, &notice.ranking, &notice.rejected)
    }

    fn award(p: &Page, decision: AwardDecision) -> Self {
        let mut view = Self::new(decision.heading);
        view.facts = winner(p, &decision.winner);
        view.scored = decision.candidates.iter().any(|line| line.total.is_some());
        let candidates = decision.candidates.iter().map(LineView::new).collect();
        view.tables.push((p.t("publication.notice.candidates"), candidates));
        if !decision.basis.is_empty() {
            view.facts.push((p.t("publication.award.basis"), decision.basis));
        }
        if let Some(by) = decision.decide_by {
            view.facts.push((p.t("publication.award.decide_by"), by.beijing_minute()));
        }
        if decision.cause.is_none() && decision.winner.rank == 1 {
            view.facts.push((p.t("publication.award.reason"), p.t("publication.award.first")));
        }
        if let Some(cause) = decision.cause {
            let cause = p.t(&format!("publication.passed_over.{}", cause.code()));
            view.facts.push((p.t("publication.sign.cause"), cause));
            view.facts.push((p.t("publication.sign.cause_facts"), decision.cause_facts));
        }
        view
    }

    fn result(p: &Page, notice: ResultNotice) -> Self {
        let mut view = Self::new(notice.heading);
        view.facts = winner(p, &notice.winner);
        view.facts.push((p.t("publication.notice.credit_code"), notice.winner_credit_code));
        view.facts.push((p.t("publication.notice.agent"), notice.agent));
        if !notice.experts.is_empty() {
            view.facts.push((p.t("publication.notice.experts"), notice.experts.join("、")));
        }
        view.with_bids(p, &notice.ranking, &notice.rejected)
    }

    fn contract(p: &Page, notice: ContractNotice) -> Self {
        let mut view = Self::new(notice.heading);
        view.facts = vec![
            (p.t("publication.notice.supplier"), notice.supplier),
            (p.t("publication.notice.price"), notice.price.to_string()),
            (p.t("publication.sign.contract_number"), notice.contract_number),
        ];
        view
    }

    fn failure(p: &Page, notice: FailureNotice) -> Self {
        let mut view = Self::new(notice.heading);
        let conclusion = serde_json::to_value(notice.conclusion).unwrap_or_default();
        let code = conclusion.as_str().unwrap_or_default();
        view.facts = vec![
            (p.t("publication.notice.conclusion"), p.t(&format!("publication.conclusion.{code}"))),
            (p.t("publication.sign.reason"), notice.reason),
        ];
        view.rejected = notice.rejected.iter().map(|bid| RejectedView::new(p, bid)).collect();
        view
    }
}

fn winner(p: &Page, line: &Line) -> Vec<(String, String)> {
    let words = capital_amount::write(line.price).unwrap_or_default();
    vec![
        (p.t("publication.notice.winner"), line.bidder.clone()),
        (p.t("publication.notice.price"), format!("{} {words}", line.price)),
        (p.t("publication.notice.rank"), line.rank.to_string()),
    ]
}

impl LineView {
    pub fn new(line: &Line) -> Self {
        let points = |points: Option<Exact>| points.map(|points| points.to_string()).unwrap_or_default();
        Self {
            rank: line.rank,
            bidder: line.bidder.clone(),
            price: line.price.to_string(),
            points: [
                points(line.price_score),
                points(line.technical),
                points(line.commercial),
                points(line.total),
            ],
        }
    }
}

impl RejectedView {
    fn new(p: &Page, bid: &Rejected) -> Self {
        let reasons = bid.reasons.iter().map(|reason| ReasonView::new(p, reason)).collect();
        Self { bidder: bid.bidder.clone(), reasons }
    }
}
