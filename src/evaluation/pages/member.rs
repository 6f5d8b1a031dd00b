//! What a member of the committee sees: one task at a time, one bid on a page, large and plain.

use super::super::decimal::Exact;
use super::super::report::{Competition, LowPrice, LowPriceDecision, StillCompetes};
use super::super::responsiveness::{Outcome, Verdict};
use super::super::ruled_out::DepositStanding;
use super::super::score_sheet::Score;
use super::super::standing::{Decision, Evaluation, Task, method_of};
use super::super::store::{self, PaperKind};
use super::super::{actions, actions::Conflict};
use super::{BidTask, Seated, Title, damaged, lot_of, seated};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Anybody, Expert, Who};
use crate::ledger::Door;
use crate::opening;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use crate::project::rules::Lot;
use crate::sealed_bid::rules::envelopes_of;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;
use futures_util::StreamExt;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "evaluation/mine.html")]
struct MinePage {
    p: Page,
    rows: Vec<(Title, &'static str, bool)>,
}

/// Evaluations in which this person has a seat.
pub async fn mine_get(Anybody(who): Anybody, p: Page, door: Data<Door>) -> Answer {
    let (vault, person) = (door.vault().clone(), who.person);
    let lots = door.look(move |db| Ok(store::lots_of(db, &vault, person)?)).await?;
    let mut rows = Vec::new();
    for lot in lots {
        let facts = door.look(move |db| project::store::known_lot(db, lot)).await?;
        let found = seated(&door, &who, facts.number.as_str(), &facts.lot_number.to_string()).await?;
        let turn = matches!(
            found.task,
            Task::Declare | Task::Review | Task::Decide | Task::Score | Task::Close | Task::Sign
        );
        rows.push((Title::of(&found.facts), found.task.key(), turn));
    }
    p.html(&MinePage { p: p.clone(), rows })
}

#[derive(Template)]
#[template(path = "evaluation/desk.html")]
struct DeskPage {
    p: Page,
    title: Title,
    member: String,
    leader: bool,
    task: &'static str,
    name: &'static str,
    bids: Vec<BidTask>,
    ready: bool,
    session: Option<String>,
    low: Vec<(String, String, String)>,
}

/// The member's own page, reached through the room's address.
pub(super) async fn desk(p: Page, door: &Door, who: &Who, number: &str, lot: &str) -> Answer {
    let found = seated(door, who, number, lot).await?;
    let bids = progress(door, &found).await?;
    let name = task_name(found.task);
    let page = DeskPage {
        p: p.clone(),
        title: Title::of(&found.facts),
        member: found.seat.member.clone(),
        leader: found.seat.leader,
        task: found.task.key(),
        name,
        ready: !bids.is_empty() && bids.iter().all(|bid| bid.done == bid.of),
        bids,
        session: found.session.map(|session| session.to_string()),
        low: prices(&found.evaluation),
    };
    p.html(&page)
}

fn prices(evaluation: &Evaluation) -> Vec<(String, String, String)> {
    let row =
        |bid: &super::super::report::BidInput| (bid.bid.clone(), bid.bidder.clone(), bid.price.to_string());
    evaluation.opened.bids.iter().map(row).collect()
}

/// The template's word for a task.
const fn task_name(task: Task) -> &'static str {
    match task {
        Task::Declare => "declare",
        Task::Review => "review",
        Task::Decide => "decide",
        Task::Score => "score",
        Task::Close => "close",
        Task::Sign => "sign",
        Task::WaitForSignatures | Task::Done => "report",
        _ => "wait",
    }
}

async fn progress(door: &Door, found: &Seated) -> Result<Vec<BidTask>, Failure> {
    let method = method_of(&found.facts).map_err(Refused::from)?;
    let (bids, of) = match found.task {
        Task::Review => (found.evaluation.bids(), method.review.len()),
        Task::Score => {
            let inputs = found.evaluation.inputs(&found.facts)?;
            (found.evaluation.to_score(&inputs).map_err(Refused::from)?, method.items.len())
        }
        _ => return Ok(Vec::new()),
    };
    let done = drafts(door, found).await?;
    let row = |label: String| BidTask {
        bidder: found.evaluation.bidder(&label),
        done: done.iter().filter(|bid| **bid == label).count(),
        of,
        label,
    };
    Ok(bids.into_iter().map(row).collect())
}

/// For every judged pair of bid and item the bid's label.
async fn drafts(door: &Door, found: &Seated) -> Result<Vec<String>, Failure> {
    if found.task == Task::Review {
        let kept = review_draft(door, found.facts.lot, &found.seat.member).await?;
        return Ok(kept.into_iter().map(|verdict| verdict.bid).collect());
    }
    let kept = sheet_draft(door, found.facts.lot, &found.seat.member).await?;
    Ok(kept.into_iter().map(|score| score.bid).collect())
}

pub(super) async fn review_draft(door: &Door, lot: Id<Lot>, member: &str) -> Result<Vec<Verdict>, Failure> {
    let (vault, member) = (door.vault().clone(), member.to_owned());
    let kept = door.look(move |db| Ok(store::draft(db, &vault, lot, &member, PaperKind::Review)?)).await?;
    Ok(kept.unwrap_or_default())
}

pub(super) async fn sheet_draft(door: &Door, lot: Id<Lot>, member: &str) -> Result<Vec<Score>, Failure> {
    let (vault, member) = (door.vault().clone(), member.to_owned());
    let kept = door.look(move |db| Ok(store::draft(db, &vault, lot, &member, PaperKind::Sheet)?)).await?;
    Ok(kept.unwrap_or_default())
}

#[derive(Deserialize)]
pub struct DeclareForm {
    conflict: String,
}

pub async fn declare_post(
    Anybody(who): Anybody,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<DeclareForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let conflict = match form.0.conflict.as_str() {
        "none" => Conflict::None,
        "some" => Conflict::Some,
        _ => return Err(Refused::new(422, "evaluation.refusal.choose").into()),
    };
    door.act(who.actor(), move |act| actions::declare(act, &who, id, conflict)).await?;
    Ok(Page::see(format!("/evaluation/{number}/{lot}")))
}

/// One thing to judge or score on a bid's page.
struct ItemRow {
    id: String,
    title: String,
    hint: String,
    value: String,
    reason: String,
    most: String,
}

/// A fact about a bid beside what the members judge.
struct Fact {
    name: &'static str,
    words: String,
    /// Where the fact comes from.
    source: &'static str,
    /// The bid is out because of it.
    out: bool,
}

#[derive(Template)]
#[template(path = "evaluation/bid.html")]
struct BidPage {
    p: Page,
    title: Title,
    bid: String,
    bidder: String,
    scoring: bool,
    items: Vec<ItemRow>,
    /// What the opening and the books say about the bid: name and words, and whether it rules the bid out.
    facts: Vec<Fact>,
    files: Vec<(usize, String, String)>,
    previous: Option<String>,
    next: Option<String>,
}

async fn bid_page(
    p: Page,
    door: &Door,
    found: &Seated,
    bid: &str,
    typed: &[(String, String)],
) -> Result<BidPage, Failure> {
    let method = method_of(&found.facts).map_err(Refused::from)?;
    let scoring = found.task == Task::Score;
    let given = |name: String| typed.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
    let mut items = Vec::new();
    if scoring {
        let kept = sheet_draft(door, found.facts.lot, &found.seat.member).await?;
        for item in &method.items {
            let known = kept.iter().find(|score| score.bid == bid && score.item == item.id);
            items.push(ItemRow {
                id: item.id.clone(),
                title: item.title.clone(),
                hint: item.guide.clone(),
                value: given(format!("score-{}", item.id))
                    .or(known.map(|score| score.score.to_string()))
                    .unwrap_or_default(),
                reason: String::new(),
                most: format!("{} – {}", item.least, item.most),
            });
        }
    } else {
        let kept = review_draft(door, found.facts.lot, &found.seat.member).await?;
        for item in &method.review {
            let known = kept.iter().find(|verdict| verdict.bid == bid && verdict.item == item.id);
            let outcome = known.map(|verdict| if verdict.outcome == Outcome::Pass { "pass" } else { "fail" });
            items.push(ItemRow {
                id: item.id.clone(),
                title: item.title.clone(),
                hint: String::new(),
                value: given(format!("outcome-{}", item.id))
                    .or(outcome.map(str::to_owned))
                    .unwrap_or_default(),
                reason: given(format!("reason-{}", item.id))
                    .or(known.map(|verdict| verdict.reason.clone()))
                    .unwrap_or_default(),
                most: String::new(),
            });
        }
    }
    let all = found.evaluation.bids();
    let at = all
        .iter()
        .position(|label| label == bid)
        .ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let files = files_of(door, found, bid).await?;
    let listed = |(i, file): (usize, &opening::store::FileRow)| (i + 1, file.name.clone(), human(file.size));
    Ok(BidPage {
        title: Title::of(&found.facts),
        bid: bid.to_owned(),
        bidder: found.evaluation.bidder(bid),
        scoring,
        items,
        facts: facts_of(&p, found, bid),
        files: files.iter().enumerate().map(listed).collect(),
        previous: at.checked_sub(1).and_then(|at| all.get(at)).cloned(),
        next: all.get(at + 1).cloned(),
        p,
    })
}

/// Price and deposit of a bid, with what the rule makes of them.
fn facts_of(p: &Page, found: &Seated, bid: &str) -> Vec<Fact> {
    let opened = found.evaluation.opened.bids.iter().find(|known| known.bid == bid);
    let Some(opened) = opened else { return Vec::new() };
    let mut facts = Vec::new();
    if !found.evaluation.opened.prices_follow {
        let words = match &opened.no_price {
            None => opened.price.to_string(),
            Some(no) => p.tv(&format!("evaluation.no_price.{}", no.why.code()), "said", &no.said),
        };
        let (name, source) = ("evaluation.fact.price", "evaluation.fact.from_opening");
        facts.push(Fact { name, words, source, out: opened.no_price.is_some() });
    }
    let book = found.facts.book().ok();
    if book.is_some_and(|book| book.evaluation.small_business_deduction.is_some()) {
        let words = p.t(&format!("sealed_bid.enterprise.{}", opened.enterprise.code()));
        let (name, source) = ("evaluation.fact.enterprise", "evaluation.fact.from_opening");
        facts.push(Fact { name, words, source, out: false });
    }
    if let Some(deposit) = &opened.deposit {
        let out = deposit.standing == DepositStanding::NotSecured;
        let key = if out { "evaluation.fact.deposit_missing" } else { "evaluation.fact.deposit_secured" };
        let words = p.tvv(key, "held", deposit.held, "demanded", deposit.demanded);
        let (name, source) = ("evaluation.fact.deposit", "evaluation.fact.from_bank");
        facts.push(Fact { name, words, source, out });
    }
    facts
}

fn human(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes.div_ceil(1 << 10)) }
}

/// The files of a bid whose envelopes are open, in order.
async fn files_of(door: &Door, found: &Seated, bid: &str) -> Result<Vec<opening::store::FileRow>, Failure> {
    let organisation = found.evaluation.opened.bidders.get(bid).copied().ok_or_else(damaged)?;
    let (lot, envelopes) = (found.facts.lot, envelopes_of(&found.facts.terms));
    door.look(move |db| {
        let mut files = Vec::new();
        for envelope in envelopes {
            let rows = opening::store::opened_bids(db, lot, *envelope)?;
            let own = rows.iter().find(|row| row.organisation == organisation).map(|row| row.m);
            let all = opening::store::files(db, lot, *envelope)?;
            files.extend(all.into_iter().filter(|file| Some(file.m) == own));
        }
        Ok(files)
    })
    .await
}

/// A file of an opened bid, for those who judge it and those who watch them.
pub async fn file_get(
    Anybody(who): Anybody,
    door: Data<Door>,
    path: Path<(String, String, String, usize)>,
) -> Answer {
    let (number, lot, bid, place) = path.into_inner();
    let found = seated(&door, &who, &number, &lot).await?;
    let files = files_of(&door, &found, &bid).await?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let file = place.checked_sub(1).and_then(|at| files.get(at)).ok_or_else(missing)?;
    let (store, parts) = (door.files().clone(), file.parts.clone());
    let body = futures_util::stream::iter(parts)
        .then(move |part| {
            let store = store.clone();
            async move { store.get(&part).await }
        })
        .map(|part| part.map_err(|fault| actix_web::error::ErrorInternalServerError(fault.to_string())));
    let name: String = file
        .name
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b == b'.' {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", format!("attachment; filename*=UTF-8''{name}")))
        .streaming(body))
}

/// The page of one bid for the task at hand.
async fn one_bid(who: Who, p: Page, door: Data<Door>, path: (String, String, String), task: Task) -> Answer {
    let (number, lot, bid) = path;
    let found = seated(&door, &who, &number, &lot).await?;
    if found.task != task {
        return Ok(Page::see(format!("/evaluation/{number}/{lot}")));
    }
    let page = bid_page(p.clone(), &door, &found, &bid, &[]).await?;
    p.html(&page)
}

pub async fn review_get(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
) -> Answer {
    one_bid(who, p, door, path.into_inner(), Task::Review).await
}

pub async fn scores_get(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
) -> Answer {
    one_bid(who, p, door, path.into_inner(), Task::Score).await
}

async fn kept(
    p: Page,
    door: &Door,
    who: &Who,
    (number, lot, bid): (String, String, String),
    fields: &[(String, String)],
    result: Result<(), Failure>,
) -> Answer {
    match p.or_problem(result)? {
        Ok(()) => {
            let found = seated(door, who, &number, &lot).await?;
            let rest = progress(door, &found).await?;
            let part = if found.task == Task::Score { "scores" } else { "review" };
            let next = rest.iter().find(|bid| bid.done < bid.of).map_or("sign", |bid| bid.label.as_str());
            Ok(Page::see(format!("/evaluation/{number}/{lot}/{part}/{next}")))
        }
        Err(p) => {
            let found = seated(door, who, &number, &lot).await?;
            let page = bid_page(p.clone(), door, &found, &bid, fields).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub async fn review_post(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let path = path.into_inner();
    let id = lot_of(&door, &path.0, &path.1).await?;
    let verdicts = verdicts(&path.2, &form.0);
    let by = who.clone();
    let result = match verdicts {
        Ok(verdicts) => {
            door.act(who.actor(), move |act| actions::save_review(act, &by, id, verdicts)).await.map(|_| ())
        }
        Err(refused) => Err(refused.into()),
    };
    kept(p, &door, &who, path, &form.0, result).await
}

fn verdicts(bid: &str, fields: &[(String, String)]) -> Result<Vec<Verdict>, Refused> {
    let mut verdicts = Vec::new();
    for (name, value) in fields {
        let Some(item) = name.strip_prefix("outcome-") else { continue };
        let reason = fields.iter().find(|(name, _)| name.strip_prefix("reason-") == Some(item));
        let reason = reason.map(|(_, reason)| reason.trim().to_owned()).unwrap_or_default();
        let outcome = match value.as_str() {
            "pass" => Outcome::Pass,
            "fail" if reason.is_empty() => {
                return Err(Refused::new(422, "evaluation.refusal.reason_for_fail"));
            }
            "fail" => Outcome::Fail,
            _ => return Err(Refused::new(422, "evaluation.refusal.choose")),
        };
        let reason = if outcome == Outcome::Pass { String::new() } else { reason };
        verdicts.push(Verdict { bid: bid.to_owned(), item: item.to_owned(), outcome, reason });
    }
    Ok(verdicts)
}

pub async fn scores_post(
    Anybody(who): Anybody,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let path = path.into_inner();
    let id = lot_of(&door, &path.0, &path.1).await?;
    let mut scores = Vec::new();
    let mut bad = None;
    for (name, value) in &form.0 {
        let Some(item) = name.strip_prefix("score-") else { continue };
        match Exact::parse(value.trim()) {
            Some(score) => scores.push(Score { bid: path.2.clone(), item: item.to_owned(), score }),
            None => bad = Some(Refused::new(422, "evaluation.refusal.not_a_score").with("typed", value)),
        }
    }
    let by = who.clone();
    let result = match bad {
        None => {
            door.act(who.actor(), move |act| actions::save_scores(act, &by, id, scores)).await.map(|_| ())
        }
        Some(refused) => Err(refused.into()),
    };
    kept(p, &door, &who, path, &form.0, result).await
}

#[derive(Deserialize)]
pub struct DecisionForm {
    /// `low` or `competition`.
    about: String,
    #[serde(default)]
    bid: String,
    #[serde(default)]
    explanation: String,
    /// `yes` or `no`.
    answer: String,
    reason: String,
}

pub async fn decision_post(
    Anybody(who): Anybody,
    door: Data<Door>,
    path: Path<(String, String)>,
    form: Posted<DecisionForm>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    let form = form.0;
    let yes = match form.answer.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Refused::new(422, "evaluation.refusal.choose").into()),
    };
    let decision = if form.about == "low" {
        let decision = if yes { LowPrice::Accepted } else { LowPrice::Rejected };
        Decision::LowPrice(LowPriceDecision {
            bid: form.bid,
            explanation: form.explanation,
            decision,
            reason: form.reason,
        })
    } else {
        let enough = if yes { StillCompetes::Yes } else { StillCompetes::No };
        Decision::Competition(Competition { enough, reason: form.reason })
    };
    door.act(who.actor(), move |act| actions::decide(act, &who, id, &decision)).await?;
    Ok(Page::see(format!("/evaluation/{number}/{lot}")))
}

pub async fn close_post(
    Expert(who): Expert,
    door: Data<Door>,
    path: Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let id = lot_of(&door, &number, &lot).await?;
    door.act(who.actor(), move |act| actions::close(act, &who, id)).await?;
    Ok(Page::see(format!("/evaluation/{number}/{lot}/report")))
}
