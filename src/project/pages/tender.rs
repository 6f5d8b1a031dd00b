//! The form with which a tender begins: name, category, region, rulebook, procuring entity.

use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Agent;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::actions::{self, TenderPlan};
use crate::project::place::{Category, Region};
use crate::project::rulebook::{Rulebook, RulebookId};
use crate::project::rules::TenderNumber;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "project/form.html")]
struct TenderPage {
    p: Page,
    heading: String,
    lead: String,
    action: String,
    back: String,
    fields: Vec<Asked>,
}

fn page(p: &Page, fields: &Fields, number: Option<&str>) -> TenderPage {
    let lang = p.lang.code();
    let choice = |name: &'static str, options: Vec<(String, String)>| {
        Asked::new(p, "project.tender", name, Input::Choice(options), fields)
    };
    let categories = Category::ALL
        .iter()
        .map(|c| (c.code().to_owned(), p.t(&format!("project.category.{}", c.code()))))
        .collect();
    let regions = Region::all().iter().map(|r| (r.code.clone(), r.name.in_locale(lang).to_owned())).collect();
    let today = p.now.beijing_date();
    let books = Rulebook::all()
        .filter(|book| book.in_force(today))
        .map(|book| (book.id.to_string(), book.name.in_locale(lang).to_owned()))
        .collect();
    let line = |name: &'static str| Asked::new(p, "project.tender", name, Input::Line, fields);
    let mut asked = vec![
        line("name"),
        choice("category", categories),
        choice("rulebook", books),
        choice("region", regions),
    ];
    asked.push(line("entity_code"));
    if number.is_none() {
        asked.push(line("number"));
    }
    TenderPage {
        p: p.clone(),
        heading: p.t(if number.is_some() { "project.tender.edit" } else { "project.tender.new" }),
        lead: p.t("project.tender.lead"),
        action: number.map_or_else(|| "/project/new".into(), |number| format!("/project/{number}/edit")),
        back: number.map_or_else(|| "/project".into(), |number| format!("/project/{number}")),
        fields: asked,
    }
}

fn read(fields: &Fields) -> Result<TenderPlan, Refused> {
    let bad = |field: &'static str| Refused::new(422, "platform.refusal.field_bad").field(field);
    let number = match fields.get("number").trim() {
        "" => None,
        text => Some(TenderNumber::parse(text).ok_or_else(|| bad("number"))?),
    };
    Ok(TenderPlan {
        number,
        name: fields.text("name")?,
        category: Category::from_code(fields.get("category")).ok_or_else(|| bad("category"))?,
        region: fields.text("region")?,
        rulebook: RulebookId::parse(fields.get("rulebook")).ok_or_else(|| bad("rulebook"))?,
        entity_code: fields.text("entity_code")?,
    })
}

pub(super) async fn new_get(Agent(_): Agent, p: Page) -> Answer {
    let mut fields = Fields::default();
    fields.set("region", "210200");
    p.html(&page(&p, &fields, None))
}

pub(super) async fn new_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let fields = Fields(form.0);
    let made = match read(&fields) {
        Ok(plan) => door.act(who.actor(), move |act| actions::create(act, &who, &plan)).await,
        Err(refused) => Err(Failure::from(refused)),
    };
    match p.or_problem(made)? {
        Ok(done) => Ok(Page::see(format!("/project/{}", done.value.number))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, &fields, None)),
    }
}

pub(super) async fn edit_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let number = path.into_inner();
    let (tender, entity) = door
        .look(move |db| {
            let (tender, _) = super::own_draft(db, &who, &number)?;
            let entity = crate::party::store::get(db, tender.entity_organisation)?;
            Ok((tender, entity))
        })
        .await?;
    let mut fields = Fields::default();
    fields.set("name", &tender.title);
    fields.set("category", tender.category.code());
    fields.set("rulebook", &tender.rulebook);
    fields.set("region", &tender.region);
    fields.set("entity_code", entity.map(|entity| entity.credit_code).unwrap_or_default());
    p.html(&page(&p, &fields, Some(tender.number.as_str())))
}

pub(super) async fn edit_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let named = number.clone();
    let done = match read(&fields) {
        Ok(plan) => {
            door.act(who.actor(), move |act| {
                let tender = super::own(act.db(), &who, &named)?.0.tender;
                actions::edit(act, &who, tender, &plan)
            })
            .await
        }
        Err(refused) => Err(Failure::from(refused)),
    };
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/project/{number}"))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&p, &fields, Some(&number))),
    }
}
