//! The list of messages.

use super::actions;
use super::rules::Notice;
use super::store;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::who::Bidder;
use crate::ledger::Door;
use crate::platform::moment::Moment;
use crate::platform::web::Answer;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/message" [Bidder] => list_get;
    POST "/message/read" [Bidder] => read_post;
}

/// How many messages the page shows.
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "message/list.html")]
struct ListPage {
    p: Page,
    letters: Vec<Line>,
    unread: bool,
    /// What the page shows has arrived until here, microseconds.
    until: i64,
}

struct Line {
    text: String,
    href: String,
    at: String,
    read: bool,
}

fn text(p: &Page, notice: Notice, lot: &str) -> String {
    p.tv(&format!("message.{}", notice.code()), "lot", lot)
}

async fn list_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let rows = door.look(move |db| Ok(store::newest(db, &vault, who.organisation, SHOWN)?)).await?;
    let letters: Vec<Line> = rows
        .iter()
        .map(|row| Line {
            text: text(&p, row.content.notice, &row.content.lot),
            href: row.content.href.clone(),
            at: row.at.beijing_minute(),
            read: row.read,
        })
        .collect();
    let unread = letters.iter().any(|letter| !letter.read);
    let until = rows.first().map_or(0, |row| row.at.micros());
    p.html(&ListPage { p: p.clone(), letters, unread, until })
}

#[derive(Deserialize)]
struct ReadForm {
    until: i64,
}

async fn read_post(Bidder(who): Bidder, door: web::Data<Door>, form: Posted<ReadForm>) -> Answer {
    let until = Moment::from_micros(form.0.until);
    door.act(who.actor(), move |act| actions::read(act, &who, until)).await?;
    Ok(Page::see("/message"))
}
