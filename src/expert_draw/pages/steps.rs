//! The steps of a draw: each handler reads a form, calls one action and shows the draw again.

use super::id_of;
use super::one::{cause_words, draw_page, see_draw};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Who};
use crate::expert_draw::actions;
use crate::expert_draw::draw::Draw;
use crate::expert_draw::hex_bytes::Hex;
use crate::expert_draw::rules::Answer::Replaced;
use crate::ledger::{Act, Door};
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

/// Shows the draw again with what was wrong, or goes back to it.
async fn after<T>(p: Page, who: Who, door: &Door, draw: Id<Draw>, result: Result<T, Failure>) -> Answer {
    match p.or_problem(result)? {
        Ok(_) => Ok(Page::see(format!("/expert-draw/draw/{draw}"))),
        Err(p) => {
            let seen = see_draw(door, &who, draw).await?;
            let page = draw_page(&p, &who, seen);
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// Takes one step of a draw for `who`, and shows the draw again.
async fn take<T: Send + 'static>(
    (who, p): (Who, Page),
    door: &Door,
    draw: &str,
    step: impl FnOnce(&mut Act<'_>, &Who, Id<Draw>) -> Result<T, Failure> + Send + 'static,
) -> Answer {
    let draw = id_of(draw)?;
    let own = who.clone();
    let result = door.act(who.actor(), move |act| step(act, &own, draw)).await;
    after(p, who, door, draw, result).await
}

/// Hex from the browser module or typed by hand.
fn hex_32(text: &str, field: &'static str) -> Result<Hex<32>, Failure> {
    let text = text.trim().to_ascii_lowercase();
    Ok(Hex::parse(&text).ok_or_else(|| Refused::new(422, "expert_draw.refusal.hex").field(field))?)
}

type Place = web::Path<String>;

#[derive(Deserialize)]
pub(super) struct CommitForm {
    commit: String,
}

pub(super) async fn commit_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<CommitForm>,
) -> Answer {
    let step = move |act: &mut Act<'_>, who: &Who, draw| {
        actions::commit(act, who, draw, hex_32(&form.0.commit, "commit")?)
    };
    take((who, p), &door, &path, step).await
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn fix_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    _form: Posted<Nothing>,
) -> Answer {
    take((who, p), &door, &path, actions::fix).await
}

#[derive(Deserialize)]
pub(super) struct RevealForm {
    reveal: String,
}

pub(super) async fn reveal_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<RevealForm>,
) -> Answer {
    let step = move |act: &mut Act<'_>, who: &Who, draw| {
        actions::reveal(act, who, draw, hex_32(&form.0.reveal, "reveal")?)
    };
    take((who, p), &door, &path, step).await
}

#[derive(Deserialize)]
pub(super) struct ValueForm {
    value: String,
}

pub(super) async fn value_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<ValueForm>,
) -> Answer {
    let step = move |act: &mut Act<'_>, who: &Who, draw| actions::read_value(act, who, draw, &form.0.value);
    take((who, p), &door, &path, step).await
}

pub(super) async fn carry_out_post(
    Among(who, ..): Among<(Agent, Entity, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    _form: Posted<Nothing>,
) -> Answer {
    take((who, p), &door, &path, actions::carry_out).await
}

#[derive(Deserialize)]
pub(super) struct CauseForm {
    cause: String,
    #[serde(default)]
    candidate: String,
}

pub(super) async fn give_up_post(
    Among(who, ..): Among<(Agent, Entity)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<CauseForm>,
) -> Answer {
    let step = move |act: &mut Act<'_>, who: &Who, draw| actions::give_up(act, who, draw, &form.0.cause);
    take((who, p), &door, &path, step).await
}

pub(super) async fn pass_on_post(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
    path: Place,
    form: Posted<CauseForm>,
) -> Answer {
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let candidate = Hex::parse(&form.0.candidate).ok_or_else(missing)?;
    let step =
        move |act: &mut Act<'_>, who: &Who, draw| actions::pass_on(act, who, draw, candidate, &form.0.cause);
    take((who, p), &door, &path, step).await
}

/// A called expert by name, for the supervisor.
struct NameLine {
    stratum: String,
    name: String,
    registry_id: String,
    employer: String,
    region: String,
    phone: String,
    candidate: String,
    answer: String,
    cause: String,
    linked: bool,
}

#[derive(Template)]
#[template(path = "expert_draw/names.html")]
pub(super) struct NamesPage {
    p: Page,
    id: String,
    lot: String,
    names: Vec<NameLine>,
}

/// A POST, because the look is entered in the log.
pub(super) async fn names_post(
    Supervisor(who): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let seen = see_draw(&door, &who, draw).await?;
    let own = who.clone();
    let members = door.act(who.actor(), move |act| actions::read_names(act, &own, draw)).await?.value;
    let name_line = |member: actions::Member| NameLine {
        stratum: member.stratum,
        name: member.holder.name,
        registry_id: member.holder.registry_id,
        employer: member.holder.employer,
        region: member.holder.region,
        phone: member.holder.phone,
        candidate: member.candidate.to_string(),
        cause: match member.answer {
            Replaced => cause_words(&p, &member.cause.unwrap_or_default(), who.role),
            _ => String::new(),
        },
        answer: p.t(member.answer.key()),
        linked: member.person.is_some(),
    };
    let names = members.into_iter().map(name_line).collect();
    p.html(&NamesPage { p: p.clone(), id: draw.to_string(), lot: seen.facts.name(), names })
}

/// The record as a file, for `sunbid draw`. A POST, because the look is entered in the log.
pub(super) async fn record_post(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    path: web::Path<String>,
    _form: Posted<Nothing>,
) -> Answer {
    let draw = id_of(&path)?;
    let own = who.clone();
    let record = door.act(who.actor(), move |act| actions::read_record(act, &own, draw)).await?.value;
    Ok(file(draw, record))
}

fn file(draw: Id<Draw>, record: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{draw}.draw.json\"")))
        .body(record)
}

/// The same for everybody, once the award is decided.
pub(super) async fn record_get(door: web::Data<Door>, path: web::Path<String>) -> Answer {
    let (draw, vault) = (id_of(&path)?, door.vault().clone());
    Ok(file(draw, door.look(move |db| actions::public_record(db, &vault, draw)).await?))
}
