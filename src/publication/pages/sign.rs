//! Preview and signing: the page shows the whole paper in words and the exact text, and takes its signature.

use super::paper::{self, Paper};
use super::view::NoticeView;
use crate::account::authority::Authority;
use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Among, Entity, Who};
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::flow;
use crate::project::store::seen_lot;
use crate::publication::actions;
use crate::publication::notice::{Line, lines};
use crate::publication::rules::PassedOver;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

type Place = web::Path<(String, String, String)>;

#[derive(Template)]
#[template(path = "publication/sign.html")]
struct SignPage {
    p: Page,
    number: String,
    lot: String,
    paper: &'static str,
    title: String,
    lead: String,
    article: &'static str,
    asked: Vec<Asked>,
    n: Option<NoticeView>,
    statement: String,
    /// What was filled in, to travel with the signature.
    kept: Vec<(String, String)>,
}

/// What a place of the address names.
fn named(code: &str) -> Result<Paper, Refused> {
    Paper::from_code(code).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))
}

fn asked(p: &Page, paper: Paper, candidates: &[Line], fields: &Fields) -> Vec<Asked> {
    let input = |name: &str| match name {
        "bid" => {
            let option = |line: &Line| {
                let label = format!("{} · {} · {}", line.rank, line.bidder, line.price);
                (line.bid.clone(), label)
            };
            Input::Radio(candidates.iter().map(option).collect())
        }
        "cause" => {
            let none = (String::new(), p.t("publication.sign.no_cause"));
            let cause = |cause: PassedOver| {
                (cause.code().to_owned(), p.t(&format!("publication.passed_over.{}", cause.code())))
            };
            Input::Choice(std::iter::once(none).chain(PassedOver::ALL.map(cause)).collect())
        }
        "contract_number" => Input::Line,
        _ => Input::Area,
    };
    paper.asks().iter().map(|name| Asked::new(p, "publication.sign", name, input(name), fields)).collect()
}

/// Shows the paper: the form if something must be filled in, and the text as soon as there is one.
async fn show(
    p: Page,
    door: &Door,
    who: Who,
    place: (String, String, Paper),
    fields: Option<Fields>,
) -> Answer {
    let (number, lot, paper) = place;
    let (vault, now) = (door.vault().clone(), p.now);
    let fields = fields.or_else(|| paper.asks().is_empty().then(Fields::default));
    let (filled, tender_name, lot_name) = (fields.clone(), number.clone(), lot.clone());
    let (candidates, text) = door
        .look(move |db| {
            let facts = seen_lot(db, &tender_name, &lot_name, None)?;
            facts.may_own(paper.step(), &who, now)?;
            let (_, closed) = actions::signed_report(db, &vault, facts.lot)?;
            let all = lines(&closed.report);
            let place_of = |bid: &String| all.iter().find(|line| line.bid == *bid).cloned();
            let candidates: Vec<Line> = closed.report.result.candidates.iter().filter_map(place_of).collect();
            let text = match filled {
                None => Ok(String::new()),
                Some(filled) => match paper::statement(db, &vault, &facts, (paper, &filled), now) {
                    Ok(text) => Ok(text),
                    Err(Failure::Refused(refused)) => Err(refused),
                    Err(fault) => return Err(fault),
                },
            };
            Ok((candidates, text))
        })
        .await?;
    let (p, statement) = match text {
        Ok(text) => (p, text),
        Err(refused) => (p.with_problem(&refused), String::new()),
    };
    let n = if statement.is_empty() { None } else { Some(NoticeView::of(&p, paper, &statement)?) };
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let fields = fields.unwrap_or_default();
    let page = SignPage {
        p: p.clone(),
        number,
        lot,
        paper: paper.code(),
        title: p.t(&format!("publication.paper.{}", paper.code())),
        lead: p.t(&format!("publication.sign.lead.{}", paper.code())),
        article: flow::row_of(paper.step()).map_or("", |row| row.article),
        asked: asked(&p, paper, &candidates, &fields),
        n,
        statement,
        kept: paper.asks().iter().map(|&name| (name.to_owned(), fields.get(name).to_owned())).collect(),
    };
    p.html_with(status, &page)
}

pub(super) async fn sign_get(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
) -> Answer {
    let (number, lot, paper) = path.into_inner();
    let paper = named(&paper)?;
    show(p, &door, who, (number, lot, paper), None).await
}

/// The form came in: show the paper as it would be signed, or the form again with its problems.
pub(super) async fn check_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot, paper) = path.into_inner();
    let paper = named(&paper)?;
    show(p, &door, who, (number, lot, paper), Some(Fields(form.0))).await
}

pub(super) async fn sign_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot, paper) = path.into_inner();
    let paper = named(&paper)?;
    let fields = Fields(form.0);
    let signed = SignedFields::of(&fields);
    let (tender_name, lot_name, asker) = (number.clone(), lot.clone(), who.clone());
    let authority = authority.as_ref().clone();
    let done = door
        .act(who.actor(), move |act| {
            let lot = seen_lot(act.db(), &tender_name, &lot_name, None)?.lot;
            match paper {
                Paper::Candidates => actions::publish_candidates(act, &authority, &asker, lot, &signed),
                Paper::Award => actions::decide_award(act, &authority, &asker, lot, &signed),
                Paper::Result => actions::publish_result(act, &authority, &asker, lot, &signed),
                Paper::Contract => actions::sign_contract(act, &authority, &asker, lot, &signed),
                Paper::Failure => actions::publish_failure(act, &authority, &asker, lot, &signed),
            }
        })
        .await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/publication/{number}/{lot}?signed={}", paper.code()))),
        Err(p) => show(p, &door, who, (number, lot, paper), Some(fields)).await,
    }
}
