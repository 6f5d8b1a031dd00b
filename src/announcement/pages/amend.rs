//! Amending a notice: say what changes, see the whole next version, sign and publish it.

use super::notice::{DocumentView, View};
use super::write::own;
use crate::account::authority::Authority;
use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Who};
use crate::announcement::actions::{self, Amendment};
use crate::announcement::store;
use crate::ledger::Door;
use crate::platform::calendar::Calendar;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::schedule::{Schedule, Weight, deadline_after_amendment};
use crate::project::standing::TenderFacts;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

const DATES: [&str; 4] = ["documents_from", "documents_until", "questions_until", "bids_until"];

#[derive(Template)]
#[template(path = "announcement/amend.html")]
struct AmendPage {
    p: Page,
    number: String,
    title: String,
    fields: Vec<Asked>,
    waiting: Vec<DocumentView>,
    earliest: String,
}

/// What the form stands on.
struct Current {
    tender: TenderFacts,
    schedule: Schedule,
    waiting: Vec<DocumentView>,
}

async fn current(door: &Door, who: Who, number: String) -> Result<Current, Failure> {
    door.look(move |db| {
        let tender = own(db, &who, &number)?;
        let newest = store::newest(db, tender.tender)?;
        let newest = newest.ok_or_else(|| Refused::new(409, "project.refusal.not_ready"))?;
        let waiting = store::documents(db, tender.tender)?;
        let waiting = waiting.iter().filter(|document| document.version.is_none());
        let waiting = waiting.map(|document| DocumentView::new(&document.listed())).collect();
        Ok(Current { schedule: newest.notice.schedule, tender, waiting })
    })
    .await
}

fn page(p: &Page, current: Current, fields: &Fields) -> Result<AmendPage, Failure> {
    let weights = ["affects_bids", "editorial"]
        .map(|code| (code.to_owned(), p.t(&format!("announcement.weight.{code}"))));
    let mut asked = vec![
        Asked::new(p, "announcement.amend", "summary", Input::Area, fields),
        Asked::new(p, "announcement.amend", "weight", Input::Radio(weights.into()), fields),
    ];
    asked.extend(DATES.map(|name| Asked::new(p, "project.schedule", name, Input::When, fields)));
    let book = current.tender.book()?;
    let earliest = deadline_after_amendment(book, Calendar::official(), &current.schedule, p.now);
    Ok(AmendPage {
        p: p.clone(),
        number: current.tender.number.to_string(),
        title: current.tender.title.clone(),
        fields: asked,
        waiting: current.waiting,
        earliest: earliest.map_or_else(|_| "?".into(), |moment| moment.beijing_minute()),
    })
}

pub(super) async fn amend_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let current = current(&door, who, path.into_inner()).await?;
    let mut fields = Fields::default();
    let schedule = current.schedule;
    let times =
        [schedule.documents_from, schedule.documents_until, schedule.questions_until, schedule.bids_until];
    for (name, time) in DATES.into_iter().zip(times) {
        fields.set(name, time.beijing_field());
    }
    fields.set("weight", "affects_bids");
    p.html(&page(&p, current, &fields)?)
}

fn read(fields: &Fields) -> Result<Amendment, Vec<Refused>> {
    let [from, until, questions, bids] = DATES.map(|name| fields.moment(name));
    let weight = match fields.get("weight") {
        "affects_bids" => Ok(Weight::AffectsBids),
        "editorial" => Ok(Weight::Editorial),
        _ => Err(Refused::new(422, "platform.refusal.field_missing").field("weight")),
    };
    match (from, until, questions, bids, weight) {
        (Ok(documents_from), Ok(documents_until), Ok(questions_until), Ok(bids_until), Ok(weight)) => {
            Ok(Amendment {
                schedule: Schedule { documents_from, documents_until, questions_until, bids_until },
                summary: fields.get("summary").to_owned(),
                weight,
            })
        }
        (from, until, questions, bids, weight) => {
            let dates = [from, until, questions, bids].into_iter().filter_map(Result::err);
            Err(dates.chain(weight.err()).collect())
        }
    }
}

#[derive(Template)]
#[template(path = "announcement/amend_check.html")]
struct AmendCheckPage {
    p: Page,
    number: String,
    n: View,
    statement: String,
    fields: Vec<(String, String)>,
}

/// The form came in: show the whole next version, or the form again with its problems.
pub(super) async fn amend_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    review(p, &door, who, path.into_inner(), Fields(form.0)).await
}

async fn review(p: Page, door: &Door, who: Who, number: String, fields: Fields) -> Answer {
    let current = current(door, who, number.clone()).await?;
    let tender = current.tender.tender;
    let now = p.now;
    let checked = match read(&fields) {
        Ok(amendment) => door.look(move |db| actions::check_amended(db, tender, &amendment, now)).await,
        Err(problems) => {
            let p = problems.iter().fold(p, |p, problem| p.with_problem(problem));
            return p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, current, &fields)?);
        }
    };
    let (notice, problems) = checked?;
    if !problems.is_empty() {
        let p = problems.iter().fold(p, |p, problem| p.with_problem(problem));
        return p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, current, &fields)?);
    }
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let kept = DATES
        .into_iter()
        .chain(["summary", "weight"])
        .map(|name| (name.to_owned(), fields.get(name).to_owned()));
    let view = View::new(&p, &notice);
    let page = AmendCheckPage {
        p: p.clone(),
        number,
        n: view,
        statement: notice.statement(),
        fields: kept.collect(),
    };
    p.html_with(status, &page)
}

pub(super) async fn publish_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let signed = SignedFields {
        statement: fields.get("statement").to_owned(),
        signature: fields.get("signature").to_owned(),
        certificate: fields.get("certificate").to_owned(),
    };
    let (named, asker) = (number.clone(), who.clone());
    let authority = authority.as_ref().clone();
    let done = match read(&fields) {
        Ok(amendment) => {
            door.act(who.actor(), move |act| {
                let tender = own(act.db(), &asker, &named)?.tender;
                actions::amend(act, &authority, &asker, tender, &amendment, &signed)?;
                Ok(store::newest(act.db(), tender)?.map_or(1, |newest| newest.notice.version))
            })
            .await
        }
        Err(_) => Err(Failure::from(Refused::new(422, "platform.refusal.field_bad"))),
    };
    match p.or_problem(done)? {
        Ok(done) => Ok(Page::see(format!("/announcement/{number}/version/{}?published=1", done.value))),
        Err(p) => review(p, &door, who, number, fields).await,
    }
}
