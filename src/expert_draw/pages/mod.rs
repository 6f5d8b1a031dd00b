//! Pages of the room: the list of draws here; one draw, its steps, setting up, the pool and the experts' invitations
//! in files of their own.

mod invitations;
mod one;
mod pool;
mod set_up;
mod steps;

use self::invitations::{invitations_get, invitations_post};
use self::one::draw_get;
use self::pool::{account_post, pool_get, pool_post};
use self::set_up::{coefficient_check_post, coefficient_post, experts_check_post, experts_post, lot_get};
use self::steps::{
    carry_out_post, commit_post, fix_post, give_up_post, names_post, pass_on_post, record_get, record_post,
    reveal_post, value_post,
};
use super::draw::Draw;
use super::public_value::PublicSource;
use super::rules::{Progress, Step, Subject};
use super::store::{self, DrawRow};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Centre, Entity, Supervisor, Who};
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::standing::LotFacts;
use actix_web::web;
use askama::Template;

crate::routes! {
    GET "/expert-draw" [Agent Entity Supervisor Centre] => list_get;
    GET "/expert-draw/pool" [Centre] => pool_get;
    POST "/expert-draw/pool" [Centre] => pool_post;
    POST "/expert-draw/pool/account" [Centre] => account_post;
    GET "/expert-draw/invitations" [Expert] => invitations_get;
    POST "/expert-draw/invitations" [Expert] => invitations_post;
    GET "/expert-draw/draw/{draw}" [Agent Entity Supervisor Centre] => draw_get;
    POST "/expert-draw/draw/{draw}/commit" [Agent Entity Supervisor Centre] => commit_post;
    POST "/expert-draw/draw/{draw}/fix" [Agent Entity] => fix_post;
    POST "/expert-draw/draw/{draw}/reveal" [Agent Entity Supervisor Centre] => reveal_post;
    POST "/expert-draw/draw/{draw}/value" [Agent Entity Supervisor Centre] => value_post;
    POST "/expert-draw/draw/{draw}/carry-out" [Agent Entity Centre] => carry_out_post;
    POST "/expert-draw/draw/{draw}/give-up" [Agent Entity] => give_up_post;
    POST "/expert-draw/draw/{draw}/pass-on" [Agent Entity Supervisor Centre] => pass_on_post;
    POST "/expert-draw/draw/{draw}/names" [Supervisor] => names_post;
    POST "/expert-draw/draw/{draw}/record" [Supervisor] => record_post;
    GET "/expert-draw/draw/{draw}/record.json" everybody => record_get;
    GET "/expert-draw/{number}/{lot}" [Agent Entity Supervisor Centre] => lot_get;
    POST "/expert-draw/{number}/{lot}/experts/check" [Agent Entity] => experts_check_post;
    POST "/expert-draw/{number}/{lot}/experts" [Agent Entity] => experts_post;
    POST "/expert-draw/{number}/{lot}/coefficient/check" [Agent Entity] => coefficient_check_post;
    POST "/expert-draw/{number}/{lot}/coefficient" [Agent Entity] => coefficient_post;
}

/// Most draws that one list shows; older ones are found from their lots.
const LISTED_MAX: i64 = 200;

/// A draw as a line of a list.
struct DrawLine {
    id: String,
    lot: String,
    title: String,
    subject: String,
    step: String,
    /// Class of the step's tag.
    tag: &'static str,
    set_up_at: String,
    turn: bool,
}

#[derive(Template)]
#[template(path = "expert_draw/list.html")]
struct ListPage {
    p: Page,
    draws: Vec<DrawLine>,
}

async fn list_get(
    Among(who, ..): Among<(Agent, Entity, Supervisor, Centre)>,
    p: Page,
    door: web::Data<Door>,
) -> Answer {
    let (page, now) = (p.clone(), p.now);
    let draws = door
        .look(move |db| {
            let mut lines = Vec::new();
            for row in store::newest_draws(db, LISTED_MAX)? {
                let facts = crate::project::store::known_lot(db, row.lot)?;
                if may_see(&facts, &who) {
                    let parties = store::parties(db, row.id)?;
                    lines.push(line(&page, &row, &store::progress(&row, &parties), &facts, &who, now));
                }
            }
            Ok(lines)
        })
        .await?;
    p.html(&ListPage { p: p.clone(), draws })
}

/// Supervisor and centre see all draws, agents and entities those of their own tenders.
fn may_see(facts: &LotFacts, who: &Who) -> bool {
    matches!(who.role, Role::Supervisor | Role::Centre) || facts.is_own(who)
}

fn line(p: &Page, row: &DrawRow, progress: &Progress, facts: &LotFacts, who: &Who, now: Moment) -> DrawLine {
    let step = progress.step(now);
    DrawLine {
        id: row.id.to_string(),
        lot: facts.name(),
        title: facts.tender_title.clone(),
        subject: subject_name(p, row.subject),
        step: p.t(step.key()),
        tag: tag_of(step),
        set_up_at: row.set_up_at.beijing_minute(),
        turn: progress.whose_turn(now).iter().any(|party| party == who.role.code()),
    }
}

fn subject_name(p: &Page, subject: Subject) -> String {
    match subject {
        Subject::Experts => p.t("expert_draw.subject.experts"),
        Subject::Coefficient => p.t("expert_draw.subject.coefficient"),
    }
}

const fn tag_of(step: Step) -> &'static str {
    match step {
        Step::Drawn => "good",
        Step::Failed => "danger",
        Step::Waiting => "",
        _ => "sun",
    }
}

/// The source of the public value in words.
pub fn source_words(p: &Page, source: &PublicSource) -> String {
    match source {
        PublicSource::Drand { round, .. } => p.tv("expert_draw.source.drand", "round", round),
        PublicSource::Lottery { name, issue, published_at } => {
            let places = [("name", name.clone()), ("issue", issue.clone()), ("place", published_at.clone())];
            p.lang.with("expert_draw.source.lottery", &places)
        }
    }
}

fn id_of(text: &str) -> Result<Id<Draw>, Failure> {
    Ok(Id::parse(text).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?)
}
