//! What a member signs: the review, the score sheet, the opinion on the report. Each is shown whole, as people read it and
//! as it will be signed, before the one button.

use super::super::standing::{Evaluation, Opinion, Task, method_of};
use super::super::{actions, responsiveness::Outcome};
use super::member::{review_draft, sheet_draft};
use super::{Seated, Title, damaged, lot_of, seated};
use crate::account::authority::Authority;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Anybody, Expert, Who};
use crate::ledger::Door;
use crate::platform::canonical::jcs_text;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use rust_decimal::Decimal;
use serde::Deserialize;

/// A table as a person reads it: a line for each bid.
pub(super) struct Line {
    pub bidder: String,
    pub cells: Vec<String>,
    pub bad: bool,
}

#[derive(Template)]
#[template(path = "evaluation/sign.html")]
struct SignPage {
    p: Page,
    title: Title,
    /// `review`, `scores` or `report/sign`.
    action: String,
    heading: &'static str,
    heads: Vec<String>,
    lines: Vec<Line>,
    statement: String,
    person: String,
    opinion: Option<&'static str>,
    reason: String,
}

fn bidder(evaluation: &Evaluation, bid: &str) -> String {
    format!("{bid} {}", evaluation.bidder(bid))
}

async fn review_page(p: Page, door: &Door, who: &Who, found: &Seated) -> Result<SignPage, Failure> {
    let draft = review_draft(door, found.facts.lot, &found.seat.member).await?;
    let paper = actions::review_of(&found.facts, &found.evaluation, &found.seat.member, &draft)
        .map_err(Refused::from)?;
    let method = method_of(&found.facts).map_err(Refused::from)?;
    super::super::responsiveness::check(&paper, &method, &found.evaluation.bids()).map_err(Refused::from)?;
    let line = |bid: String| {
        let of_bid: Vec<_> = paper.verdicts.iter().filter(|verdict| verdict.bid == bid).collect();
        let cell = |outcome: Outcome, reason: &str| match outcome {
            Outcome::Pass => p.t("evaluation.pass"),
            Outcome::Fail => format!("{} {reason}", p.t("evaluation.fail")),
        };
        Line {
            bidder: bidder(&found.evaluation, &bid),
            cells: of_bid.iter().map(|verdict| cell(verdict.outcome, &verdict.reason)).collect(),
            bad: of_bid.iter().any(|verdict| verdict.outcome == Outcome::Fail),
        }
    };
    Ok(SignPage {
        title: Title::of(&found.facts),
        action: "review/sign".into(),
        heading: "evaluation.sign.review",
        heads: method.review.iter().map(|item| item.title.clone()).collect(),
        lines: found.evaluation.bids().into_iter().map(line).collect(),
        statement: jcs_text(&paper),
        person: who.person.to_string(),
        opinion: None,
        reason: String::new(),
        p,
    })
}

async fn sheet_page(p: Page, door: &Door, who: &Who, found: &Seated) -> Result<SignPage, Failure> {
    let draft = sheet_draft(door, found.facts.lot, &found.seat.member).await?;
    let inputs = found.evaluation.inputs(&found.facts)?;
    let bids = found.evaluation.to_score(&inputs).map_err(Refused::from)?;
    let paper = actions::sheet_of(&found.facts, &found.seat.member, &bids, &draft).map_err(Refused::from)?;
    super::super::score_sheet::check(&paper, &inputs.method, &bids, &bids).map_err(Refused::from)?;
    let line = |bid: &String| {
        let scores: Vec<Decimal> =
            paper.scores.iter().filter(|score| score.bid == *bid).map(|score| score.score.0).collect();
        let sum: Decimal = scores.iter().sum();
        let mut cells: Vec<String> = scores.iter().map(Decimal::to_string).collect();
        cells.push(sum.to_string());
        Line { bidder: bidder(&found.evaluation, bid), cells, bad: false }
    };
    let mut heads: Vec<String> = inputs
        .method
        .items
        .iter()
        .map(|item| format!("{} ({}–{})", item.title, item.least, item.most))
        .collect();
    heads.push(p.t("evaluation.sum"));
    Ok(SignPage {
        title: Title::of(&found.facts),
        action: "scores/sign".into(),
        heading: "evaluation.sign.sheet",
        heads,
        lines: bids.iter().map(line).collect(),
        statement: jcs_text(&paper),
        person: who.person.to_string(),
        opinion: None,
        reason: String::new(),
        p,
    })
}

fn home(number: &str, lot: &str) -> Answer {
    Ok(Page::see(format!("/evaluation/{number}/{lot}")))
}

pub async fn review_sign_get(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let found = seated(&door, &who, &number, &lot).await?;
    if found.task != Task::Review {
        return home(&number, &lot);
    }
    let page = review_page(p.clone(), &door, &who, &found).await?;
    p.html(&page)
}

pub async fn review_sign_post(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    authority: Data<Authority>,
    path: Path<(String, String)>,
    form: Posted<SignedFields>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let (by, authority) = (who.clone(), authority.as_ref().clone());
    let signed =
        door.act(who.actor(), move |act| actions::sign_review(act, &authority, &by, id, &form.0)).await;
    match p.or_problem(signed)? {
        Ok(_) => home(&number, &lot),
        Err(p) => {
            let found = seated(&door, &who, &number, &lot).await?;
            let page = review_page(p.clone(), &door, &who, &found).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub async fn sheet_sign_get(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let found = seated(&door, &who, &number, &lot).await?;
    if found.task != Task::Score {
        return home(&number, &lot);
    }
    let page = sheet_page(p.clone(), &door, &who, &found).await?;
    p.html(&page)
}

pub async fn sheet_sign_post(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    authority: Data<Authority>,
    path: Path<(String, String)>,
    form: Posted<SignedFields>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let (by, authority) = (who.clone(), authority.as_ref().clone());
    let signed =
        door.act(who.actor(), move |act| actions::sign_sheet(act, &authority, &by, id, &form.0)).await;
    match p.or_problem(signed)? {
        Ok(_) => home(&number, &lot),
        Err(p) => {
            let found = seated(&door, &who, &number, &lot).await?;
            let page = sheet_page(p.clone(), &door, &who, &found).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

#[derive(Deserialize)]
pub struct OpinionQuery {
    #[serde(default)]
    opinion: String,
    #[serde(default)]
    reason: String,
}

/// The opinion to be signed: agreement, or disagreement with its reasons from the form on the report's page.
pub async fn report_sign_get(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
    query: Query<OpinionQuery>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let found = seated(&door, &who, &number, &lot).await?;
    if found.task != Task::Sign {
        return home(&number, &lot);
    }
    let dissent = query.opinion == "dissent";
    if dissent && query.reason.trim().is_empty() {
        return Err(Refused::new(422, "evaluation.refusal.reason_for_dissent").into());
    }
    let closed = found.evaluation.closed.as_ref().ok_or_else(damaged)?;
    let (opinion, reason) =
        if dissent { (Opinion::Dissent, query.reason.trim()) } else { (Opinion::Agree, "") };
    let paper = actions::opinion_of(&found.facts, &found.seat.member, &closed.digest, opinion, reason);
    let page = SignPage {
        title: Title::of(&found.facts),
        action: "report/sign".into(),
        heading: "evaluation.sign.report",
        heads: Vec::new(),
        lines: Vec::new(),
        statement: jcs_text(&paper),
        person: who.person.to_string(),
        opinion: Some(if dissent { "evaluation.opinion.dissent" } else { "evaluation.opinion.agree" }),
        reason: reason.to_owned(),
        p: p.clone(),
    };
    p.html(&page)
}

pub async fn report_sign_post(
    Anybody(who): Anybody,
    door: Data<Door>,
    authority: Data<Authority>,
    path: Path<(String, String)>,
    form: Posted<SignedFields>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let authority = authority.as_ref().clone();
    door.act(who.actor(), move |act| actions::sign_report(act, &authority, &who, id, &form.0)).await?;
    Ok(Page::see(format!("/evaluation/{number}/{lot}/report")))
}

#[derive(Deserialize)]
pub struct RefusalForm {
    member: String,
}

/// The leader records that a member would not sign and gave no reasons.
pub async fn refusal_post(
    Expert(who): Expert,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<RefusalForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    door.act(who.actor(), move |act| actions::record_refusal(act, &who, id, &form.0.member)).await?;
    Ok(Page::see(format!("/evaluation/{number}/{lot}/report")))
}
