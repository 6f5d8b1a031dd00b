//! The Atom feed (RFC 4287) of what happens to tenders.

use crate::account::page::Page;
use crate::ledger::Door;
use crate::platform::web::Answer;
use crate::portal::store::{self, Happened};
use actix_web::{HttpResponse, web};
use askama::Template;

const ENTRIES: i64 = 60;

#[derive(Template)]
#[template(path = "portal/feed.xml")]
struct Feed {
    p: Page,
    base: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    href: String,
    title: String,
    summary: String,
    updated: String,
}

pub(super) async fn feed_get(p: Page, door: web::Data<Door>) -> Answer {
    let news = door.look(|db| Ok(store::news(db, None, ENTRIES)?)).await?;
    let base = door.config().public_url.trim_end_matches('/').to_owned();
    let entry = |happened: &Happened| Entry {
        // a ledger entry has one id for ever, which is what atom:id asks for
        id: format!("urn:sunbid:entry:{}", happened.entry),
        href: format!("{base}/tender/{}#lot-{}", happened.number, happened.lot_number),
        title: format!(
            "{}：{}",
            p.t(&format!("project.milestone.{}", happened.milestone.code())),
            happened.title
        ),
        summary: format!(
            "{} · {} {} · {}",
            happened.number, happened.lot_number, happened.lot_title, happened.entity
        ),
        updated: happened.at.rfc3339(),
    };
    let updated = news.first().map_or(p.now, |newest| newest.at).rfc3339();
    let feed = Feed { entries: news.iter().map(entry).collect(), base, updated, p };
    Ok(HttpResponse::Ok()
        .content_type("application/atom+xml; charset=utf-8")
        .insert_header(("Cache-Control", "public, max-age=60"))
        .body(feed.render()?))
}
