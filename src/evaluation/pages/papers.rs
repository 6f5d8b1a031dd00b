//! What members sign: the review, the score sheet, the opinion on the report. A page shows what would be signed, as a
//! table, and the exact text; the form carries the signature.

use super::bid::{in_words, review_draft, sheet_draft};
use super::{Seated, Title, damaged, lot_of, report, seated};
use crate::account::authority::Authority;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Among, Entity, Expert, Who};
use crate::evaluation::standing::{Opinion, OpinionPaper, Task, method_of};
use crate::evaluation::{actions, responsiveness, responsiveness::Outcome, score_sheet};
use crate::ledger::Door;
use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use rust_decimal::Decimal;
use serde::Deserialize;

/// A paper of a member.
#[derive(Clone, PartialEq, Eq)]
enum Paper {
    Review,
    Sheet,
    /// Agreement, or disagreement with its reasons.
    Opinion(Opinion, String),
}

impl Paper {
    /// When it is signed.
    const fn task(&self) -> Task {
        match self {
            Self::Review => Task::Review,
            Self::Sheet => Task::Score,
            Self::Opinion(..) => Task::Sign,
        }
    }

    /// Where its form goes, below the lot.
    const fn action(&self) -> &'static str {
        match self {
            Self::Review => "review/sign",
            Self::Sheet => "scores/sign",
            Self::Opinion(..) => "report/sign",
        }
    }

    const fn heading(&self) -> &'static str {
        match self {
            Self::Review => "evaluation.sign.review",
            Self::Sheet => "evaluation.sign.sheet",
            Self::Opinion(..) => "evaluation.sign.report",
        }
    }
}

/// A table as a person reads it: a line for each bid.
struct Line {
    bidder: String,
    /// The part of the address at which it is changed.
    change: String,
    cells: Vec<String>,
    bad: bool,
}

/// What would be signed: as a table, and as the exact text.
struct Shown {
    heads: Vec<String>,
    lines: Vec<Line>,
    statement: String,
}

#[derive(Template)]
#[template(path = "evaluation/sign.html")]
struct SignPage {
    p: Page,
    title: Title,
    action: &'static str,
    heading: &'static str,
    /// Numbers stand to the right, words to the left.
    numbers: bool,
    heads: Vec<String>,
    lines: Vec<Line>,
    statement: String,
    person: String,
    opinion: Option<&'static str>,
    reason: String,
    session: Option<String>,
    begun: bool,
}

async fn review(p: &Page, door: &Door, found: &Seated) -> Result<Shown, Failure> {
    let (facts, evaluation) = (&found.facts, &found.evaluation);
    let draft = review_draft(door, facts.lot, &found.seat.member).await?;
    let paper = actions::review_of(facts, evaluation, &found.seat.member, &draft).map_err(Refused::from)?;
    let method = method_of(facts).map_err(Refused::from)?;
    responsiveness::check(&paper, &method, &evaluation.bids()).map_err(Refused::from)?;
    let line = |bid: String| {
        let of_bid: Vec<_> = paper.verdicts.iter().filter(|verdict| verdict.bid == bid).collect();
        let cell = |outcome: Outcome, reason: &str| match outcome {
            Outcome::Pass => p.t("evaluation.pass"),
            Outcome::Fail => p.tv("evaluation.fail_because", "reason", reason),
        };
        Line {
            bidder: super::bid_name(p, evaluation, &bid),
            change: format!("review/{bid}"),
            cells: of_bid.iter().map(|verdict| cell(verdict.outcome, &verdict.reason)).collect(),
            bad: of_bid.iter().any(|verdict| verdict.outcome == Outcome::Fail),
        }
    };
    Ok(Shown {
        heads: method.review.iter().map(|item| item.title.clone()).collect(),
        lines: evaluation.bids().into_iter().map(line).collect(),
        statement: jcs_text(&paper),
    })
}

async fn sheet(p: &Page, door: &Door, found: &Seated) -> Result<Shown, Failure> {
    let draft = sheet_draft(door, found.facts.lot, &found.seat.member).await?;
    let inputs = found.evaluation.inputs(&found.facts)?;
    let bids = found.evaluation.to_score(&inputs).map_err(Refused::from)?;
    let paper = actions::sheet_of(&found.facts, &found.seat.member, &bids, &draft).map_err(Refused::from)?;
    score_sheet::check(&paper, &inputs.method, &bids, &bids).map_err(Refused::from)?;
    let line = |bid: &String| {
        let of_bid = paper.scores.iter().filter(|score| score.bid == *bid);
        let scores: Vec<Decimal> = of_bid.map(|score| score.score.0).collect();
        let sum: Decimal = scores.iter().sum();
        let mut cells: Vec<String> = scores.iter().map(Decimal::to_string).collect();
        cells.push(sum.to_string());
        let bidder = super::bid_name(p, &found.evaluation, bid);
        Line { bidder, change: format!("scores/{bid}"), cells, bad: false }
    };
    let head =
        |item: &crate::evaluation::method::Item| format!("{} ({}–{})", item.title, item.least, item.most);
    let mut heads: Vec<String> = inputs.method.items.iter().map(head).collect();
    heads.push(p.t("evaluation.sum"));
    Ok(Shown { heads, lines: bids.iter().map(line).collect(), statement: jcs_text(&paper) })
}

fn opinion(found: &Seated, opinion: Opinion, reason: &str) -> Result<Shown, Failure> {
    let closed = found.evaluation.closed.as_ref().ok_or_else(damaged)?;
    let paper = actions::opinion_of(&found.facts, &found.seat.member, &closed.digest, opinion, reason);
    Ok(Shown { heads: Vec::new(), lines: Vec::new(), statement: jcs_text(&paper) })
}

/// Shows what would be signed. What is not complete is completed at the desk first.
async fn show(p: Page, door: &Door, who: &Who, (number, lot): (&str, &str), paper: &Paper) -> Answer {
    let found = seated(door, who, number, lot).await?;
    let home = format!("/evaluation/{number}/{lot}");
    if found.task != paper.task() && p.problems.is_empty() {
        return Ok(Page::see(home));
    }
    let shown = match paper {
        Paper::Review => review(&p, door, &found).await,
        Paper::Sheet => sheet(&p, door, &found).await,
        Paper::Opinion(word, reason) => opinion(&found, *word, reason),
    };
    let shown = match shown {
        Err(Failure::Refused(refused)) if p.problems.is_empty() => {
            return Err(in_words(&p, &found, refused).into());
        }
        Err(other) => return Err(other.into()),
        Ok(shown) => shown,
    };
    let (word, reason) = match paper {
        Paper::Opinion(Opinion::Dissent, reason) => (Some("evaluation.sign.dissent"), reason.clone()),
        Paper::Opinion(_, reason) => (Some("evaluation.sign.agree"), reason.clone()),
        Paper::Review | Paper::Sheet => (None, String::new()),
    };
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = SignPage {
        title: Title::of(&found.facts),
        action: paper.action(),
        heading: paper.heading(),
        numbers: *paper == Paper::Sheet,
        heads: shown.heads,
        lines: shown.lines,
        statement: shown.statement,
        person: who.person.to_string(),
        opinion: word,
        reason,
        session: found.session.map(|session| session.to_string()),
        begun: true,
        p: p.clone(),
    };
    p.html_with(status, &page)
}

/// After signing: on to `next`; a refusal stands above the paper as it is now.
async fn signed(
    p: Page,
    door: &Door,
    who: &Who,
    (number, lot, next): (&str, &str, &str),
    (paper, result): (Paper, Result<(), Failure>),
) -> Answer {
    let result = match result {
        Err(Failure::Refused(refused)) if matches!(refused.status, 409 | 422) => {
            let found = seated(door, who, number, lot).await?;
            // whose turn is over has nothing to sign here any more; the sentence alone says so
            if found.task != paper.task() {
                return Err(refused.into());
            }
            Err(Failure::Refused(in_words(&p, &found, refused)))
        }
        other => other,
    };
    match p.or_problem(result)? {
        Ok(()) => Ok(Page::see(format!("/evaluation/{number}/{lot}{next}"))),
        Err(p) => show(p, door, who, (number, lot), &paper).await,
    }
}

type LotPath = Path<(String, String)>;

/// A member signs `paper`, whichever it is.
async fn sign(
    p: Page,
    door: &Door,
    (who, authority): (Who, &Authority),
    path: &LotPath,
    (paper, fields): (Paper, SignedFields),
) -> Answer {
    let id = lot_of(door, &path.0, &path.1).await?;
    let (by, authority, kind) = (who.clone(), authority.clone(), paper.clone());
    let done = door
        .act(who.actor(), move |act| match kind {
            Paper::Review => actions::sign_review(act, &authority, &by, id, &fields),
            Paper::Sheet => actions::sign_sheet(act, &authority, &by, id, &fields),
            Paper::Opinion(..) => actions::sign_report(act, &authority, &by, id, &fields),
        })
        .await;
    let next = if matches!(paper, Paper::Opinion(..)) { "/report" } else { "" };
    signed(p, door, &who, (&path.0, &path.1, next), (paper, done.map(|_| ()))).await
}

pub async fn review_sign_get(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: LotPath,
) -> Answer {
    show(p, &door, &who, (&path.0, &path.1), &Paper::Review).await
}

pub async fn review_sign_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    authority: Data<Authority>,
    path: LotPath,
    form: Posted<SignedFields>,
) -> Answer {
    sign(p, &door, (who, authority.as_ref()), &path, (Paper::Review, form.0)).await
}

pub async fn sheet_sign_get(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: LotPath,
) -> Answer {
    show(p, &door, &who, (&path.0, &path.1), &Paper::Sheet).await
}

pub async fn sheet_sign_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    authority: Data<Authority>,
    path: LotPath,
    form: Posted<SignedFields>,
) -> Answer {
    sign(p, &door, (who, authority.as_ref()), &path, (Paper::Sheet, form.0)).await
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
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: LotPath,
    query: Query<OpinionQuery>,
) -> Answer {
    let reason = query.reason.trim();
    let paper = match query.opinion.as_str() {
        "dissent" if reason.is_empty() => {
            let refused = Refused::new(422, "evaluation.refusal.reason_for_dissent").field("reason");
            return report::show(p.with_problem(&refused), &door, &who, (&path.0, &path.1)).await;
        }
        "dissent" => Paper::Opinion(Opinion::Dissent, reason.to_owned()),
        _ => Paper::Opinion(Opinion::Agree, String::new()),
    };
    show(p, &door, &who, (&path.0, &path.1), &paper).await
}

pub async fn report_sign_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    authority: Data<Authority>,
    path: LotPath,
    form: Posted<SignedFields>,
) -> Answer {
    let paper = match from_jcs::<OpinionPaper>(form.0.text().as_bytes()) {
        Ok(read) if read.opinion == Opinion::Dissent => Paper::Opinion(Opinion::Dissent, read.reason),
        _ => Paper::Opinion(Opinion::Agree, String::new()),
    };
    sign(p, &door, (who, authority.as_ref()), &path, (paper, form.0)).await
}

#[derive(Deserialize)]
pub struct RefusalForm {
    #[serde(default)]
    member: String,
}

/// The leader records that a member would not sign and gave no reasons.
pub async fn refusal_post(
    Expert(who): Expert,
    door: Data<Door>,
    path: LotPath,
    form: Posted<RefusalForm>,
) -> Answer {
    let id = lot_of(&door, &path.0, &path.1).await?;
    door.act(who.actor(), move |act| actions::record_refusal(act, &who, id, &form.0.member)).await?;
    Ok(Page::see(format!("/evaluation/{}/{}/report", path.0, path.1)))
}
