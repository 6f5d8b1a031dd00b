//! One bid on a page, large and plain: review it, or score it. What is filled in is kept page by page and signed later.

use super::files::{FileLine, listed};
use super::{Seated, Title, lot_of, seated};
use crate::account::form::Posted;
use crate::account::page::{Page, Problem};
use crate::account::who::{Among, Entity, Expert, Who};
use crate::evaluation::decimal::Exact;
use crate::evaluation::method::{ItemKind, Method};
use crate::evaluation::responsiveness::{Outcome, Verdict};
use crate::evaluation::ruled_out::DepositStanding;
use crate::evaluation::score_sheet::{Score, check_score};
use crate::evaluation::standing::{Task, method_of};
use crate::evaluation::store::{self, PaperKind};
use crate::evaluation::{actions, rules::Refusal};
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::rules::Lot;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;

/// Field names and values of a form, as they came.
type Typed = [(String, String)];

pub(super) async fn review_draft(door: &Door, lot: Id<Lot>, member: &str) -> Result<Vec<Verdict>, Failure> {
    let (vault, member) = (door.vault().clone(), member.to_owned());
    let kept = door.look(move |db| Ok(store::draft(db, &vault, (lot, &member, PaperKind::Review))?)).await?;
    Ok(kept.unwrap_or_default())
}

pub(super) async fn sheet_draft(door: &Door, lot: Id<Lot>, member: &str) -> Result<Vec<Score>, Failure> {
    let (vault, member) = (door.vault().clone(), member.to_owned());
    let kept = door.look(move |db| Ok(store::draft(db, &vault, (lot, &member, PaperKind::Sheet))?)).await?;
    Ok(kept.unwrap_or_default())
}

/// One row of the list of bids to be judged or scored.
pub(super) struct BidTask {
    /// Last part of its address.
    pub label: String,
    pub name: String,
    pub done: usize,
    pub of: usize,
}

/// The bids of the task at hand, and how far each is filled in; empty when there is nothing to fill in.
pub(super) async fn progress(p: &Page, door: &Door, found: &Seated) -> Result<Vec<BidTask>, Failure> {
    let method = method_of(&found.facts).map_err(Refused::from)?;
    let (lot, member) = (found.facts.lot, &found.seat.member);
    let (done, of): (Vec<String>, usize) = match found.task {
        Task::Review => {
            let kept = review_draft(door, lot, member).await?;
            (kept.into_iter().map(|verdict| verdict.bid).collect(), method.review.len())
        }
        Task::Score => {
            let kept = sheet_draft(door, lot, member).await?;
            (kept.into_iter().map(|score| score.bid).collect(), method.items.len())
        }
        _ => return Ok(Vec::new()),
    };
    let row = |label: String| BidTask {
        name: super::bid_name(p, &found.evaluation, &label),
        done: done.iter().filter(|bid| **bid == label).count(),
        of,
        label,
    };
    Ok(bids_of(found)?.into_iter().map(row).collect())
}

/// The labels of the bids of the task at hand.
fn bids_of(found: &Seated) -> Result<Vec<String>, Failure> {
    if found.task != Task::Score {
        return Ok(found.evaluation.bids());
    }
    let inputs = found.evaluation.inputs(&found.facts)?;
    Ok(found.evaluation.to_score(&inputs).map_err(Refused::from)?)
}

/// One thing to judge or score on a bid's page.
struct ItemRow {
    id: String,
    title: String,
    hint: String,
    value: String,
    reason: String,
    /// `0 – 30`.
    bounds: String,
    objective: bool,
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
    /// `review` or `scores`.
    part: &'static str,
    bid: String,
    name: String,
    /// Which of how many.
    place: (usize, usize),
    items: Vec<ItemRow>,
    /// What the opening and the books say about the bid, and whether it rules the bid out.
    facts: Vec<Fact>,
    files: Vec<FileLine>,
    previous: Option<String>,
    next: Option<String>,
    session: Option<String>,
    begun: bool,
}

const fn part_of(task: Task) -> &'static str {
    if matches!(task, Task::Score) { "scores" } else { "review" }
}

async fn bid_page(
    p: Page,
    door: &Door,
    found: &Seated,
    bid: &str,
    typed: &Typed,
) -> Result<BidPage, Failure> {
    let method = method_of(&found.facts).map_err(Refused::from)?;
    let all = bids_of(found)?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let at = all.iter().position(|label| label == bid).ok_or_else(missing)?;
    let items = if found.task == Task::Score {
        let kept = sheet_draft(door, found.facts.lot, &found.seat.member).await?;
        score_rows(&method, bid, &kept, typed)
    } else {
        let kept = review_draft(door, found.facts.lot, &found.seat.member).await?;
        review_rows(&method, bid, &kept, typed)
    };
    let listed = listed(&p, door, (&found.facts, &found.evaluation), bid).await?;
    Ok(BidPage {
        title: Title::of(&found.facts),
        part: part_of(found.task),
        bid: bid.to_owned(),
        name: listed.name,
        place: (at + 1, all.len()),
        items,
        facts: facts_of(&p, found, bid),
        files: listed.files,
        previous: at.checked_sub(1).and_then(|at| all.get(at)).cloned(),
        next: all.get(at + 1).cloned(),
        session: found.session.map(|session| session.to_string()),
        begun: true,
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

fn given(typed: &Typed, kind: &str, item: &str) -> Option<String> {
    let of = |field: &str| field.strip_prefix(kind).and_then(|rest| rest.strip_prefix('-')) == Some(item);
    typed.iter().find(|(field, _)| of(field)).map(|(_, value)| value.clone())
}

fn score_rows(method: &Method, bid: &str, kept: &[Score], typed: &Typed) -> Vec<ItemRow> {
    let row = |item: &crate::evaluation::method::Item| {
        let known = kept.iter().find(|score| score.bid == bid && score.item == item.id);
        ItemRow {
            id: item.id.clone(),
            title: item.title.clone(),
            hint: item.guide.clone(),
            value: given(typed, "score", &item.id)
                .or(known.map(|score| score.score.to_string()))
                .unwrap_or_default(),
            reason: String::new(),
            bounds: format!("{} – {}", item.least, item.most),
            objective: item.kind == ItemKind::Objective,
        }
    };
    method.items.iter().map(row).collect()
}

fn review_rows(method: &Method, bid: &str, kept: &[Verdict], typed: &Typed) -> Vec<ItemRow> {
    let row = |item: &crate::evaluation::method::ReviewItem| {
        let known = kept.iter().find(|verdict| verdict.bid == bid && verdict.item == item.id);
        let outcome = known.map(|verdict| if verdict.outcome == Outcome::Pass { "pass" } else { "fail" });
        ItemRow {
            id: item.id.clone(),
            title: item.title.clone(),
            hint: String::new(),
            value: given(typed, "outcome", &item.id).or(outcome.map(str::to_owned)).unwrap_or_default(),
            reason: given(typed, "reason", &item.id)
                .or(known.map(|verdict| verdict.reason.clone()))
                .unwrap_or_default(),
            bounds: String::new(),
            objective: false,
        }
    };
    method.review.iter().map(row).collect()
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
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
) -> Answer {
    one_bid(who, p, door, path.into_inner(), Task::Review).await
}

pub async fn scores_get(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
) -> Answer {
    one_bid(who, p, door, path.into_inner(), Task::Score).await
}

/// What is wrong with a form, each beside its field.
type Problems = Vec<(String, Refused)>;

/// Says what is wrong in the words of the page: items by their titles, bids by the names of the bidders.
pub(super) fn in_words(p: &Page, found: &Seated, mut refused: Refused) -> Refused {
    let method = method_of(&found.facts).ok();
    let title = |id: &str| {
        let method = method.as_ref()?;
        let review = method.review.iter().find(|item| item.id == id).map(|item| item.title.clone());
        review.or_else(|| method.item(id).map(|item| item.title.clone()))
    };
    for (name, value) in &mut refused.with {
        match *name {
            "item" => *value = title(value).unwrap_or_else(|| value.clone()),
            "bid" if !found.evaluation.bidder(value).is_empty() => {
                *value = super::bid_name(p, &found.evaluation, value);
            }
            _ => {}
        }
    }
    refused
}

/// Shows the form again with what was typed.
async fn again(
    mut p: Page,
    door: &Door,
    found: &Seated,
    bid: &str,
    (typed, problems): (&Typed, Problems),
) -> Answer {
    for (field, refused) in problems {
        let refused = in_words(&p, found, refused);
        let sentence = p.lang.refusal(&refused);
        p.problems.push(Problem { field, sentence, article: refused.article });
    }
    let page = bid_page(p.clone(), door, found, bid, typed).await?;
    p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// Nothing is kept for a bid that is not there to be judged.
fn known(found: &Seated, task: Task, bid: &str) -> Result<(), Failure> {
    if found.task != task || bids_of(found)?.iter().any(|label| label == bid) {
        return Ok(());
    }
    Err(Refused::new(404, "platform.refusal.not_found").into())
}

/// After the page was kept: the next bid that is not complete, or the signing.
async fn onward(p: &Page, door: &Door, who: &Who, (number, lot, _): &(String, String, String)) -> Answer {
    let found = seated(door, who, number, lot).await?;
    let rest = progress(p, door, &found).await?;
    let next = rest.iter().find(|bid| bid.done < bid.of).map_or("sign", |bid| bid.label.as_str());
    Ok(Page::see(format!("/evaluation/{number}/{lot}/{}/{next}", part_of(found.task))))
}

/// The answer to a form whose content is as it should be: kept, or refused by the room.
async fn answered(
    p: Page,
    door: &Door,
    who: &Who,
    path: (String, String, String),
    (typed, kept): (&Typed, Result<(), Failure>),
) -> Answer {
    match kept {
        Ok(()) => onward(&p, door, who, &path).await,
        Err(Failure::Refused(refused)) if matches!(refused.status, 409 | 422) => {
            let found = seated(door, who, &path.0, &path.1).await?;
            again(p, door, &found, &path.2, (typed, vec![(String::new(), refused)])).await
        }
        Err(other) => Err(other.into()),
    }
}

/// What a form about one bid needs to be read: the lot, who sits there, and the method with its items.
async fn judged(
    door: &Door,
    who: &Who,
    (number, lot, bid): &(String, String, String),
    task: Task,
) -> Result<(Id<Lot>, Seated, Method), Failure> {
    let id = lot_of(door, number, lot).await?;
    let found = seated(door, who, number, lot).await?;
    known(&found, task, bid)?;
    let method = method_of(&found.facts).map_err(Refused::from)?;
    Ok((id, found, method))
}

pub async fn review_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let path = path.into_inner();
    let (id, found, method) = judged(&door, &who, &path, Task::Review).await?;
    let (verdicts, problems) = verdicts(&method, &path.2, &form.0);
    if found.task == Task::Review && !problems.is_empty() {
        return again(p, &door, &found, &path.2, (&form.0, problems)).await;
    }
    let by = who.clone();
    let kept = door.act(who.actor(), move |act| actions::save_review(act, &by, id, verdicts)).await;
    answered(p, &door, &who, path, (&form.0, kept.map(|_| ()))).await
}

fn verdicts(method: &Method, bid: &str, typed: &Typed) -> (Vec<Verdict>, Problems) {
    let (mut verdicts, mut problems) = (Vec::new(), Vec::new());
    for item in &method.review {
        let refuse = |name: &str| {
            let refused = Refused::new(422, format!("evaluation.refusal.{name}"));
            (format!("reason-{}", item.id), refused.with("item", &item.title))
        };
        let reason = given(typed, "reason", &item.id).unwrap_or_default().trim().to_owned();
        let (outcome, reason) = match given(typed, "outcome", &item.id).unwrap_or_default().as_str() {
            "pass" => (Outcome::Pass, String::new()),
            "fail" if reason.is_empty() => {
                problems.push(refuse("reason_for_fail"));
                continue;
            }
            "fail" => (Outcome::Fail, reason),
            _ => {
                problems.push(refuse("choose_outcome"));
                continue;
            }
        };
        verdicts.push(Verdict { bid: bid.to_owned(), item: item.id.clone(), outcome, reason });
    }
    (verdicts, problems)
}

pub async fn scores_post(
    Among(who, ..): Among<(Expert, Entity)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let path = path.into_inner();
    let (id, found, method) = judged(&door, &who, &path, Task::Score).await?;
    let (scores, problems) = scores(&method, &path.2, &form.0);
    if found.task == Task::Score && !problems.is_empty() {
        return again(p, &door, &found, &path.2, (&form.0, problems)).await;
    }
    let by = who.clone();
    let kept = door.act(who.actor(), move |act| actions::save_scores(act, &by, id, scores)).await;
    answered(p, &door, &who, path, (&form.0, kept.map(|_| ()))).await
}

/// Digits as a Chinese keyboard may give them (`８．５`, `8。5`) in the form that everything else expects.
fn plain_digits(typed: &str) -> String {
    let plain = |c: char| match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        '．' | '。' => '.',
        '－' => '-',
        other => other,
    };
    typed.chars().map(plain).collect()
}

fn scores(method: &Method, bid: &str, typed: &Typed) -> (Vec<Score>, Problems) {
    let (mut scores, mut problems) = (Vec::new(), Vec::new());
    for item in &method.items {
        let value = plain_digits(given(typed, "score", &item.id).unwrap_or_default().trim());
        let refused = match Exact::parse(&value) {
            Some(score) => match check_score(bid, item, score) {
                Ok(()) => {
                    scores.push(Score { bid: bid.to_owned(), item: item.id.clone(), score });
                    continue;
                }
                Err(refusal) => Refused::from(refusal),
            },
            None if value.is_empty() => {
                Refused::from(Refusal::Incomplete { bid: bid.to_owned(), item: item.id.clone() })
            }
            None => Refused::new(422, "evaluation.refusal.not_a_score").with("typed", &value),
        };
        problems.push((format!("score-{}", item.id), refused));
    }
    (scores, problems)
}
