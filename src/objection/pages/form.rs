//! Filing and answering: write, see the exact text, sign.

use super::lot::named_case;
use crate::account::authority::Authority;
use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Among, Bidder, Entity, Who};
use crate::ledger::Door;
use crate::objection::actions;
use crate::objection::rules::{self, Outcome, Refusal, Subject};
use crate::objection::store::CaseFacts;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::flow::Step;
use crate::project::standing::LotFacts;
use crate::project::store::seen_lot;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

type Place = web::Path<(String, String, String)>;

#[derive(Template)]
#[template(path = "objection/form.html")]
struct FormPage {
    p: Page,
    number: String,
    lot: String,
    /// Where the form goes; the check goes to `/check` below it.
    action: String,
    title: String,
    lead: String,
    /// Names and texts that the form is about.
    about: Vec<(String, String)>,
    asked: Vec<Asked>,
    statement: String,
    kept: Vec<(String, String)>,
}

/// What the page shows beside the form.
struct Shown {
    action: String,
    title: String,
    lead: String,
    about: Vec<(String, String)>,
    asked: Vec<Asked>,
}

fn show(p: &Page, number: String, lot: String, shown: Shown, fields: &Fields, statement: String) -> Answer {
    let kept = shown.asked.iter().map(|asked| (asked.name.to_owned(), fields.get(asked.name).to_owned()));
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = FormPage {
        p: p.clone(),
        number,
        lot,
        action: shown.action,
        title: shown.title,
        lead: shown.lead,
        about: shown.about,
        kept: kept.collect(),
        asked: shown.asked,
        statement,
    };
    p.html_with(status, &page)
}

/// Which lot, and what of it, an objection is about.
fn about(p: &Page, facts: &LotFacts, subject: Subject) -> [(String, String); 2] {
    let lot = format!("{} · {} · {}", facts.name(), facts.tender_title, facts.title);
    [
        (p.t("publication.notice.lot"), lot),
        (p.t("objection.subject"), p.t(&format!("objection.subject.{}", subject.code()))),
    ]
}

fn named_subject(code: &str) -> Result<Subject, Refused> {
    Subject::from_code(code).ok_or_else(|| Refused::from(Refusal::NotFound))
}

/// Whether `who` may file now, before anything was written.
fn check_file(
    db: &mut Db,
    vault: &Vault,
    who: &Who,
    facts: &LotFacts,
    subject: Subject,
    now: Moment,
) -> Result<(), Failure> {
    let standing = actions::standing(db, vault, who, facts)?;
    let window = actions::window(db, facts, subject)?;
    rules::may_file(subject, standing, window.as_ref(), now).map_err(Refused::from)?;
    facts.may(Step::RaiseObjection, who.role, now)?;
    Ok(())
}

async fn file_page(
    p: Page,
    door: &Door,
    who: Who,
    place: (String, String, Subject),
    fields: Option<Fields>,
) -> Answer {
    let (number, lot, subject) = place;
    let (vault, now) = (door.vault().clone(), p.now);
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let facts = door
        .look(move |db| {
            let facts = seen_lot(db, &tender_name, &lot_name, None)?;
            check_file(db, &vault, &who, &facts, subject, now)?;
            Ok(facts)
        })
        .await?;
    let checked = fields.as_ref().map(|fields| rules::check_text(fields.get("text"), "text"));
    let fields = fields.unwrap_or_default();
    let (p, statement) = match checked {
        None => (p, String::new()),
        Some(Ok(())) => (p, jcs_text(&actions::objection_of(&facts, subject, fields.get("text")))),
        Some(Err(refusal)) => (p.with_problem(&Refused::from(refusal)), String::new()),
    };
    let lead =
        if rules::suspends(facts.book()?) { "objection.file.suspends" } else { "objection.file.goes_on" };
    let shown = Shown {
        action: format!("/objection/{number}/{lot}/file/{}", subject.code()),
        title: p.t("objection.file.title"),
        lead: p.t(lead),
        about: about(&p, &facts, subject).into(),
        asked: vec![Asked::new(&p, "objection.file", "text", Input::Area, &fields)],
    };
    show(&p, number, lot, shown, &fields, statement)
}

pub(super) async fn file_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>, path: Place) -> Answer {
    let (number, lot, subject) = path.into_inner();
    let subject = named_subject(&subject)?;
    file_page(p, &door, who, (number, lot, subject), None).await
}

pub(super) async fn file_check_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot, subject) = path.into_inner();
    let subject = named_subject(&subject)?;
    file_page(p, &door, who, (number, lot, subject), Some(Fields(form.0))).await
}

pub(super) async fn file_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, lot, subject) = path.into_inner();
    let subject = named_subject(&subject)?;
    let fields = Fields(form.0);
    let (sent, asker, authority) = (SignedFields::of(&fields), who.clone(), authority.as_ref().clone());
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let done = door
        .act(who.actor(), move |act| {
            let lot = seen_lot(act.db(), &tender_name, &lot_name, None)?.lot;
            actions::file(act, &authority, &asker, lot, subject, &sent)
        })
        .await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/objection/{number}/{lot}?done=filed"))),
        Err(p) => file_page(p, &door, who, (number, lot, subject), Some(fields)).await,
    }
}

/// An objection of the person's own lot that can be answered now.
fn answerable(
    db: &mut Db,
    who: &Who,
    (number, lot, case): (&str, &str, &str),
    now: Moment,
) -> Result<(LotFacts, CaseFacts), Failure> {
    let facts = seen_lot(db, number, lot, None)?;
    if !facts.is_own(who) {
        return Err(Refused::from(Refusal::NotYours).into());
    }
    facts.may(Step::AnswerObjection, who.role, now)?;
    let case = named_case(db, &facts, case)?;
    if case.answer.is_some() {
        return Err(Refused::from(Refusal::AlreadyAnswered).into());
    }
    Ok((facts, case))
}

async fn answer_page(
    p: Page,
    door: &Door,
    who: Who,
    place: (String, String, String),
    fields: Option<Fields>,
) -> Answer {
    let (named, now) = (place.clone(), p.now);
    let (number, lot, id) = place;
    let (facts, case) =
        door.look(move |db| answerable(db, &who, (&named.0, &named.1, &named.2), now)).await?;
    let checked = fields.as_ref().map(|fields| {
        rules::check_text(fields.get("text"), "text").map_err(Refused::from)?;
        let outcome = Outcome::from_code(fields.get("outcome"));
        let outcome =
            outcome.ok_or_else(|| Refused::new(422, "platform.refusal.field_missing").field("outcome"))?;
        Ok::<_, Refused>(jcs_text(&actions::answer_of(case.id, outcome, fields.get("text"))))
    });
    let fields = fields.unwrap_or_default();
    let (p, statement) = match checked {
        None => (p, String::new()),
        Some(Ok(statement)) => (p, statement),
        Some(Err(refused)) => (p.with_problem(&refused), String::new()),
    };
    let outcomes = Outcome::ALL
        .map(|outcome| (outcome.code().to_owned(), p.t(&format!("objection.outcome.{}", outcome.code()))));
    let lead = if case.suspends { "objection.answer.resumes" } else { "objection.answer.lead" };
    let shown = Shown {
        action: format!("/objection/{number}/{lot}/case/{id}"),
        title: p.t("objection.answer.title"),
        lead: p.t(lead),
        about: [
            about(&p, &facts, case.subject),
            [
                (p.t("objection.text"), case.text.clone()),
                (p.t("objection.due"), case.answer_due.beijing_minute()),
            ],
        ]
        .concat(),
        asked: vec![
            Asked::new(&p, "objection.answer", "outcome", Input::Radio(outcomes.into()), &fields),
            Asked::new(&p, "objection.answer", "text", Input::Area, &fields),
        ],
    };
    show(&p, number, lot, shown, &fields, statement)
}

pub(super) async fn answer_get(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
) -> Answer {
    answer_page(p, &door, who, path.into_inner(), None).await
}

pub(super) async fn answer_check_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    answer_page(p, &door, who, path.into_inner(), Some(Fields(form.0))).await
}

pub(super) async fn answer_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Place,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let place = path.into_inner();
    let fields = Fields(form.0);
    let (sent, asker, authority) = (SignedFields::of(&fields), who.clone(), authority.as_ref().clone());
    let named = place.clone();
    let done = door
        .act(who.actor(), move |act| {
            let facts = seen_lot(act.db(), &named.0, &named.1, None)?;
            let case = named_case(act.db(), &facts, &named.2)?;
            actions::answer(act, &authority, &asker, case.id, &sent)
        })
        .await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/objection/{}/{}?done=answered", place.0, place.1))),
        Err(p) => answer_page(p, &door, who, place, Some(fields)).await,
    }
}
