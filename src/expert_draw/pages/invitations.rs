//! The expert's own page: invitations, to be accepted or declined once.

use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Expert;
use crate::expert_draw::actions::{self, Accept, Invitation};
use crate::ledger::Door;
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

struct InvitationLine {
    draw: String,
    lot: String,
    title: String,
    stratum: String,
    called_at: String,
    answer: String,
    tag: &'static str,
    open: bool,
}

#[derive(Template)]
#[template(path = "expert_draw/invitations.html")]
struct InvitationsPage {
    p: Page,
    invitations: Vec<InvitationLine>,
}

async fn page_of(
    p: &Page,
    door: &Door,
    person: crate::platform::id::Id<crate::account::rules::Person>,
) -> Result<InvitationsPage, crate::platform::refusal::Failure> {
    let vault = door.vault().clone();
    let found = door
        .look(move |db| {
            let mut found = Vec::new();
            for invitation in actions::invitations(db, &vault, person)? {
                let facts = crate::project::store::known_lot(db, invitation.draw.lot)?;
                found.push((invitation, facts.name(), facts.tender_title));
            }
            Ok(found)
        })
        .await?;
    let line = |(Invitation { draw, seat }, lot, title): (Invitation, String, String)| InvitationLine {
        draw: draw.id.to_string(),
        lot,
        title,
        stratum: seat.stratum,
        called_at: seat.called_at.beijing_minute(),
        answer: p.t(seat.answer.key()),
        tag: if seat.answer.may_answer().is_ok() { "sun" } else { "" },
        open: seat.answer.may_answer().is_ok(),
    };
    Ok(InvitationsPage { p: p.clone(), invitations: found.into_iter().map(line).collect() })
}

pub(super) async fn invitations_get(Expert(who): Expert, p: Page, door: web::Data<Door>) -> Answer {
    let page = page_of(&p, &door, who.person).await?;
    p.html(&page)
}

#[derive(Deserialize)]
pub(super) struct AnswerForm {
    draw: String,
    answer: String,
}

pub(super) async fn invitations_post(
    Expert(who): Expert,
    p: Page,
    door: web::Data<Door>,
    form: Posted<AnswerForm>,
) -> Answer {
    let draw = super::id_of(&form.0.draw)?;
    let accept = if form.0.answer == "accept" { Accept::Yes } else { Accept::No };
    let own = who.clone();
    let result = door.act(who.actor(), move |act| actions::answer(act, &own, draw, accept)).await;
    match p.or_problem(result)? {
        Ok(_) => Ok(Page::see("/expert-draw/invitations")),
        Err(p) => {
            let page = page_of(&p, &door, who.person).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
