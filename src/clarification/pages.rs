//! The public page of questions and answers; asking for bidders, answering for the agent.

use super::actions;
use super::rules::Question;
use super::store;
use crate::account::authority::Authority;
use crate::account::field::{Asked as Field, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Bidder, Who};
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer as Reply;
use crate::project;
use crate::project::flow::Step;
use crate::project::schedule::Weight;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

crate::routes! {
    GET "/clarification/{number}" everybody => questions_get;
    POST "/clarification/{number}" [Bidder] => ask_post;
    GET "/clarification/{number}/{question}" [Agent] => answer_get;
    POST "/clarification/{number}/{question}" [Agent] => answer_post;
    POST "/clarification/{number}/{question}/publish" [Agent] => publish_post;
}

#[derive(Template)]
#[template(path = "clarification/questions.html")]
struct QuestionsPage {
    p: Page,
    number: String,
    title: String,
    until: String,
    until_micros: i64,
    open: bool,
    /// Why a bidder cannot ask now; empty if they can.
    why_not: String,
    answers: Vec<AnswerView>,
    mine: Vec<Line>,
    waiting: Vec<Line>,
    is_agent: bool,
    field: Field,
}

struct AnswerView {
    asked: String,
    answer: String,
    at: String,
    weight: String,
    entry: String,
}

struct Line {
    id: String,
    text: String,
    at: String,
    answered: bool,
}

async fn page(p: Page, door: &Door, number: String, fields: &Fields, status: StatusCode) -> Reply {
    let vault = door.vault().clone();
    let (now, who) = (p.now, p.who.clone());
    let found = door
        .look(move |db| {
            let tender = project::store::seen_tender(db, &number, None)?;
            let own = who.as_ref().is_some_and(|who| who.role == Role::Agent && tender.is_own(who));
            let schedule = project::store::schedule(db, tender.tender)?;
            let answers = store::answers(db, tender.tender)?;
            let waiting = if own { store::waiting(db, tender.tender)? } else { Vec::new() };
            let bidder = who.filter(|who| who.role == Role::Bidder);
            let mine = match &bidder {
                Some(who) => store::asked_by(db, &vault, who.person, tender.tender)?,
                None => Vec::new(),
            };
            let may = actions::schedule_for(db, tender.tender, Step::AskQuestion, Role::Bidder, now)
                .and_then(|schedule| Ok(super::rules::check_time_to_ask(&schedule, now)?));
            Ok((tender, own, schedule, answers, waiting, mine, may))
        })
        .await;
    let (tender, own, schedule, answers, waiting, mine, may) = found?;
    let why_not = match may {
        Ok(()) => String::new(),
        Err(Failure::Refused(refused)) => p.lang.refusal(&refused),
        Err(fault) => return Err(fault.into()),
    };
    let answered = |id: Id<Question>| answers.iter().any(|found| found.answer.question == id);
    let line = |asked: &store::Asked| Line {
        id: asked.id.to_string(),
        text: asked.text.clone(),
        at: asked.at.beijing_minute(),
        answered: answered(asked.id),
    };
    let view = |found: &store::Answered| AnswerView {
        asked: found.answer.asked.clone(),
        answer: found.answer.answer.clone(),
        at: found.at.beijing_minute(),
        weight: p.t(weight_key(found.answer.weight)),
        entry: found.entry.to_string(),
    };
    let until = schedule.map(|plan| plan.questions_until);
    let page = QuestionsPage {
        number: tender.number.to_string(),
        title: tender.title.clone(),
        until: until.map(|at| at.beijing_minute()).unwrap_or_default(),
        until_micros: until.map(|at| at.micros()).unwrap_or_default(),
        open: why_not.is_empty(),
        why_not,
        mine: mine.iter().map(line).collect(),
        waiting: waiting.iter().map(line).collect(),
        answers: answers.iter().map(view).collect(),
        is_agent: own,
        field: Field::new(&p, "clarification", "question", Input::Area, fields),
        p: p.clone(),
    };
    p.html_with(status, &page)
}

fn weight_key(weight: Weight) -> &'static str {
    match weight {
        Weight::AffectsBids => "announcement.weight.affects_bids",
        Weight::Editorial => "announcement.weight.editorial",
    }
}

async fn questions_get(p: Page, door: web::Data<Door>, path: web::Path<String>) -> Reply {
    page(p, &door, path.into_inner(), &Fields::default(), StatusCode::OK).await
}

async fn ask_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Reply {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let (named, text) = (number.clone(), fields.get("question").to_owned());
    let done = door
        .act(who.actor(), move |act| {
            let tender = project::store::seen_tender(act.db(), &named, None)?.tender;
            actions::ask(act, &who, tender, &text)
        })
        .await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/clarification/{number}#mine"))),
        Err(p) => page(p, &door, number, &fields, StatusCode::UNPROCESSABLE_ENTITY).await,
    }
}

#[derive(Template)]
#[template(path = "clarification/answer.html")]
struct AnswerPage {
    p: Page,
    number: String,
    question: String,
    asked: String,
    fields: Vec<Field>,
}

#[derive(Template)]
#[template(path = "clarification/check.html")]
struct CheckPage {
    p: Page,
    number: String,
    question: String,
    asked: String,
    answer: String,
    weight: String,
    weight_code: String,
    statement: String,
}

fn parse(question: &str) -> Result<Id<Question>, Refused> {
    Id::parse(question).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))
}

async fn form(
    p: Page,
    door: &Door,
    who: Who,
    at: (String, String),
    fields: &Fields,
    status: StatusCode,
) -> Reply {
    let (number, question) = at;
    let id = parse(&question)?;
    let asked = door
        .look(move |db| {
            let asked = store::question(db, id)?;
            let tender = project::store::tender(db, asked.tender)?;
            tender.ok_or_else(|| Refused::new(404, "project.refusal.not_found"))?.check_own(&who)?;
            Ok(asked)
        })
        .await?;
    let weights = ["affects_bids", "editorial"]
        .map(|code| (code.to_owned(), p.t(&format!("announcement.weight.{code}"))));
    let page = AnswerPage {
        number,
        question,
        asked: asked.text,
        fields: vec![
            Field::new(&p, "clarification", "answer", Input::Area, fields),
            Field::new(&p, "clarification", "weight", Input::Radio(weights.into()), fields),
        ],
        p: p.clone(),
    };
    p.html_with(status, &page)
}

async fn answer_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Reply {
    form(p, &door, who, path.into_inner(), &Fields::default(), StatusCode::OK).await
}

fn read(fields: &Fields) -> Result<(String, Weight), Refused> {
    let weight = match fields.get("weight") {
        "affects_bids" => Weight::AffectsBids,
        "editorial" => Weight::Editorial,
        _ => return Err(Refused::new(422, "platform.refusal.field_missing").field("weight")),
    };
    Ok((fields.get("answer").to_owned(), weight))
}

/// The answer as it will stand, before it is signed; or the form again with its problems.
async fn review(p: Page, door: &Door, who: Who, at: (String, String), fields: Fields) -> Reply {
    let id = parse(&at.1)?;
    let (now, asker) = (p.now, who.clone());
    let checked = match read(&fields) {
        Ok((text, weight)) => {
            door.look(move |db| actions::check_answer(db, &asker, id, &text, weight, now)).await
        }
        Err(refused) => Err(Failure::from(refused)),
    };
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    match p.clone().or_problem(checked)? {
        Ok(answer) => {
            let page = CheckPage {
                number: at.0,
                question: at.1,
                asked: answer.asked.clone(),
                answer: answer.answer.clone(),
                weight: p.t(weight_key(answer.weight)),
                weight_code: fields.get("weight").to_owned(),
                statement: answer.statement(),
                p: p.clone(),
            };
            p.html_with(status, &page)
        }
        Err(p) => form(p, door, who, at, &fields, StatusCode::UNPROCESSABLE_ENTITY).await,
    }
}

async fn answer_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Reply {
    review(p, &door, who, path.into_inner(), Fields(form.0)).await
}

async fn publish_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<(String, String)>,
    form: Posted<Vec<(String, String)>>,
) -> Reply {
    let at = path.into_inner();
    let fields = Fields(form.0);
    let signed = SignedFields {
        statement: fields.get("statement").to_owned(),
        signature: fields.get("signature").to_owned(),
        certificate: fields.get("certificate").to_owned(),
    };
    let id = parse(&at.1)?;
    let authority = authority.as_ref().clone();
    let asker = who.clone();
    let done = match read(&fields) {
        Ok((text, weight)) => {
            door.act(who.actor(), move |act| {
                actions::answer(act, &authority, &asker, id, (&text, weight), &signed)
            })
            .await
        }
        Err(refused) => Err(Failure::from(refused)),
    };
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/clarification/{}", at.0))),
        Err(p) => review(p, &door, who, at, fields).await,
    }
}
