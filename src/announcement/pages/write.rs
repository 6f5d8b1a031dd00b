//! Writing a notice, checking every answer, signing and publishing it.

use super::notice::View;
use crate::account::authority::Authority;
use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Agent, Who};
use crate::announcement::actions;
use crate::announcement::rules::{Notice, NoticeText};
use crate::announcement::store;
use crate::ledger::Door;
use crate::platform::database::Db;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project;
use crate::project::standing::TenderFacts;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

/// A draft of the agent's own.
pub(super) fn own(db: &mut Db, who: &Who, number: &str) -> Result<TenderFacts, Failure> {
    let tender = project::store::tender_named(db, number)?;
    tender.check_own(who)?;
    Ok(tender)
}

#[derive(Template)]
#[template(path = "announcement/write.html")]
struct WritePage {
    p: Page,
    number: String,
    title: String,
    fields: Vec<Asked>,
}

fn write_page(p: &Page, tender: &TenderFacts, fields: &Fields) -> WritePage {
    let ask = |name: &'static str| Asked::new(p, "announcement.write", name, Input::Area, fields);
    WritePage {
        p: p.clone(),
        number: tender.number.to_string(),
        title: tender.title.clone(),
        fields: ["scope", "qualification", "contact", "remarks"].map(ask).into(),
    }
}

pub(super) async fn write_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let number = path.into_inner();
    let (tender, draft) = door
        .look(move |db| {
            let tender = own(db, &who, &number)?;
            let draft = store::draft(db, tender.tender)?.unwrap_or_default();
            Ok((tender, draft))
        })
        .await?;
    let mut fields = Fields::default();
    fields.set("scope", draft.scope);
    fields.set("qualification", draft.qualification);
    fields.set("contact", draft.contact);
    fields.set("remarks", draft.remarks);
    p.html(&write_page(&p, &tender, &fields))
}

pub(super) async fn write_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let (named, asker) = (number.clone(), who.clone());
    let tender = door.look(move |db| own(db, &asker, &named)).await?;
    let text = NoticeText {
        scope: fields.get("scope").to_owned(),
        qualification: fields.get("qualification").to_owned(),
        contact: fields.get("contact").to_owned(),
        remarks: fields.get("remarks").to_owned(),
    };
    let id = tender.tender;
    let done = door.act(who.actor(), move |act| actions::write_draft(act, &who, id, text)).await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/announcement/{number}/documents"))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &write_page(&p, &tender, &fields)),
    }
}

#[derive(Template)]
#[template(path = "announcement/check.html")]
struct CheckPage {
    p: Page,
    number: String,
    n: Option<View>,
    statement: String,
    ready: bool,
}

async fn check_page(p: Page, door: &Door, who: Who, number: String, status: StatusCode) -> Answer {
    let named = number.clone();
    let now = p.now;
    let (notice, problems): (Option<Notice>, Vec<Refused>) = door
        .look(move |db| {
            let tender = own(db, &who, &named)?;
            if tender.announced_at.is_some() {
                return Err(Refused::new(409, "project.refusal.not_in_this_phase").into());
            }
            actions::check_draft(db, &who, tender.tender, now)
        })
        .await?;
    // all texts are mended on one page, to which the link with this id leads
    let there = |problem: &Refused| match problem.field {
        Some("qualification" | "contact" | "remarks") => problem.clone().field("scope"),
        _ => problem.clone(),
    };
    let p = problems.iter().fold(p, |p, problem| p.with_problem(&there(problem)));
    let page = CheckPage {
        p: p.clone(),
        number,
        n: notice.as_ref().map(|notice| View::new(&p, notice)),
        statement: notice.map(|notice| notice.statement()).unwrap_or_default(),
        ready: problems.is_empty(),
    };
    p.html_with(status, &page)
}

pub(super) async fn check_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    check_page(p, &door, who, path.into_inner(), StatusCode::OK).await
}

pub(super) async fn check_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<String>,
    form: Posted<SignedFields>,
) -> Answer {
    let number = path.into_inner();
    let (named, asker, fields) = (number.clone(), who.clone(), form.0);
    let authority = authority.as_ref().clone();
    let done = door
        .act(who.actor(), move |act| {
            let tender = own(act.db(), &asker, &named)?.tender;
            actions::publish(act, &authority, &asker, tender, &fields)
        })
        .await;
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/announcement/{number}/version/1?published=1"))),
        Err(p) => check_page(p, &door, who, number, StatusCode::UNPROCESSABLE_ENTITY).await,
    }
}
