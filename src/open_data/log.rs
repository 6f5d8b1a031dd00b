//! The public log over HTTP, as C2SP tlog-tiles has it, and a page that explains it to people.

use crate::account::page::Page;
use crate::ledger::Door;
use crate::ledger::store::{self, Tiles};
use crate::ledger::tiles::{self, Resource};
use crate::ledger::tree::TileSource;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use actix_web::{HttpResponse, web};
use askama::Template;

crate::routes! {
    GET "/log" everybody => log_get;
    GET "/log/checkpoint" everybody => checkpoint_get;
    GET "/log/key" everybody => key_get;
    GET "/log/tile/{rest:.*}" everybody => tile_get;
}

#[derive(Template)]
#[template(path = "open_data/log.html")]
struct LogPage {
    p: Page,
    head: Option<store::Head>,
    key: String,
    origin: String,
}

/// What the log is, for people, with the newest checkpoint.
async fn log_get(p: Page, door: web::Data<Door>) -> Answer {
    let head = door.look(|db| Ok(store::head(db)?)).await?;
    let (key, origin) = (door.log_key().to_string(), door.config().origin.clone());
    p.html(&LogPage { p: p.clone(), head, key, origin })
}

/// The newest signed checkpoint.
async fn checkpoint_get(door: web::Data<Door>) -> Answer {
    let head = door.look(|db| Ok(store::head(db)?)).await?;
    let head = head.ok_or_else(|| Refused::new(404, "ledger.refusal.empty"))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("Cache-Control", "no-cache"))
        .body(head.note))
}

/// The log's public key in the text form of signed notes.
async fn key_get(door: web::Data<Door>) -> Answer {
    let key = door.log_key().to_string();
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!("{key}\n")))
}

/// A tile of hashes or a bundle of entries. Both never change once they exist at this width.
async fn tile_get(door: web::Data<Door>, rest: web::Path<String>) -> Answer {
    let missing = || Refused::new(404, "ledger.refusal.no_tile");
    let resource = Resource::parse(&format!("tile/{rest}")).ok_or_else(missing)?;
    let bytes = door
        .look(move |db| {
            let size = store::head(db)?.map_or(0, |head| head.size);
            if !resource.exists_at(size) {
                return Err(Failure::from(missing()));
            }
            match resource {
                Resource::Tile { level, index, width } => Ok(Tiles::new(db).tile(level, index, width)?),
                Resource::Entries { index, width } => {
                    let leaves = store::leaves(db, index * 256, index * 256 + u64::from(width))?;
                    let bundle = tiles::bundle(leaves.iter().map(Vec::as_slice));
                    bundle.ok_or_else(|| Fault::new("a leaf is too long for a bundle").into())
                }
            }
        })
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Cache-Control", "public, max-age=31536000, immutable"))
        .body(bytes))
}
