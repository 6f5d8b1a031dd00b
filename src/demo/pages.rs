//! The page of the demonstration clock.

use super::{bank_notice, clock, keys, story};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::{Centre, Treasurer};
use crate::ledger::Door;
use crate::platform::moment::{DAY, HOUR, MINUTE, Moment};
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/demo" everybody => demo_get;
    GET "/demo/bank-notice.xml" [Treasurer] => notice_get;
    GET "/demo/keys/{name}" everybody => key_get;
    POST "/demo/clock" [Centre] => clock_post;
}

#[derive(Template)]
#[template(path = "demo/demo.html")]
struct DemoPage {
    p: Page,
    may: bool,
    to: String,
    /// The tenders whose boxes are still shut, and their trustees' key files.
    numbers: &'static [&'static str],
    keys: Vec<keys::Row>,
    /// The tender whose bids are locked twice, and its bidders' key files.
    locked_twice: &'static str,
    bidder_keys: Vec<(&'static str, String)>,
}

fn page(p: Page, to: String) -> DemoPage {
    let may = p.is(crate::account::role::Role::Centre);
    DemoPage {
        p,
        may,
        to,
        numbers: &story::SHUT,
        keys: keys::rows(),
        locked_twice: story::LOCKED_TWICE,
        bidder_keys: keys::bidder_rows(),
    }
}

/// Nothing of this is in a real centre.
fn check_demo(p: &Page) -> Result<(), Refused> {
    if p.demo { Ok(()) } else { Err(Refused::new(404, "platform.refusal.not_found")) }
}

async fn demo_get(p: Page) -> Answer {
    check_demo(&p)?;
    let to = p.now.plus(DAY).beijing_field();
    p.html(&page(p.clone(), to))
}

async fn notice_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    check_demo(&p)?;
    let (vault, now) = (door.vault().clone(), p.now);
    let notice = door.look(move |db| bank_notice::write(db, &vault, now)).await?;
    Ok(HttpResponse::Ok().content_type("application/xml").body(notice))
}

async fn key_get(p: Page, door: web::Data<Door>, name: web::Path<String>) -> Answer {
    check_demo(&p)?;
    let found = keys::read(door.files(), &name).await?;
    let file = found.ok_or_else(|| Refused::new(404, "demo.refusal.no_key"))?;
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(file))
}

#[derive(Deserialize)]
struct ClockForm {
    /// A Beijing time, as the field sends it; empty if `by` says how far.
    #[serde(default)]
    to: String,
    /// `minute`, `hour` or `day`.
    #[serde(default)]
    by: String,
}

async fn clock_post(Centre(who): Centre, p: Page, door: web::Data<Door>, form: Posted<ClockForm>) -> Answer {
    let form = form.0;
    let moved = move_clock(&door, who.actor(), &form).await;
    match p.or_problem(moved)? {
        Ok(()) => Ok(Page::see("/demo")),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(p.clone(), form.to)),
    }
}

async fn move_clock(door: &Door, actor: crate::ledger::Actor, form: &ClockForm) -> Result<(), Failure> {
    let now = door.now();
    let to = match form.by.as_str() {
        "minute" => Some(now.plus(MINUTE)),
        "hour" => Some(now.plus(HOUR)),
        "day" => Some(now.plus(DAY)),
        _ => Moment::parse_beijing(&form.to),
    };
    let to = to.ok_or_else(|| Refused::new(422, "demo.refusal.time").field("to"))?;
    let (demo, offset) = (door.config().demo, door.clock().offset());
    door.act(actor, move |act| clock::record_move(act, demo, offset, to)).await?;
    door.clock().move_to(to);
    Ok(())
}
