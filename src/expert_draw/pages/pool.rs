//! The pool: what was imported last, import of a file, accounts of experts.

use crate::account::form::{Posted, broken_off, check_csrf};
use crate::account::page::Page;
use crate::account::who::Centre;
use crate::expert_draw::actions;
use crate::expert_draw::pool::{BadPool, BadRow, FILE_BYTES_MAX, read};
use crate::expert_draw::store::pools;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, Failed};
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use futures_util::StreamExt;
use serde::Deserialize;

struct PoolLine {
    experts: i32,
    active: i32,
    imported_at: String,
    hash: String,
}

struct BadRowLine {
    line: u64,
    reason: String,
    found: String,
}

/// What an import came to.
struct Imported {
    experts: i32,
    bad_rows: Vec<BadRowLine>,
    bad_row_count: usize,
}

#[derive(Template)]
#[template(path = "expert_draw/pool.html")]
struct PoolPage {
    p: Page,
    pool: Option<PoolLine>,
    linked: i64,
    imported: Option<Imported>,
}

async fn page_of(p: &Page, door: &Door, imported: Option<Imported>) -> Result<PoolPage, Failure> {
    let (pool, linked) = door.look(|db| Ok((pools::newest_pool(db)?, pools::linked_accounts(db)?))).await?;
    let pool = pool.map(|pool| PoolLine {
        experts: pool.experts,
        active: pool.active,
        imported_at: pool.imported_at.beijing(),
        hash: pool.hash,
    });
    Ok(PoolPage { p: p.clone(), pool, linked, imported })
}

pub(super) async fn pool_get(Centre(_who): Centre, p: Page, door: web::Data<Door>) -> Answer {
    let page = page_of(&p, &door, None).await?;
    p.html(&page)
}

/// Fields of the upload: `csrf` first, then the file.
async fn file_of(mut form: Multipart, csrf: &str) -> Result<Vec<u8>, Failed> {
    let problem = |e: &dyn std::fmt::Display| Failed::from(broken_off(e));
    let mut admitted = false;
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|e| problem(&e))?;
        let name = field.name().unwrap_or_default().to_owned();
        let max = if name == "file" { FILE_BYTES_MAX } else { 1_000 };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.next().await {
            let chunk = chunk.map_err(|e| problem(&e))?;
            if bytes.len() + chunk.len() > max {
                return Err(Refused::new(413, "platform.refusal.too_large").with("max", "32 MiB").into());
            }
            bytes.extend_from_slice(&chunk);
        }
        if name == "csrf" {
            check_csrf(&String::from_utf8_lossy(&bytes), csrf)?;
            admitted = true;
        } else if name == "file" && admitted {
            return Ok(bytes);
        }
    }
    Err(Refused::new(403, "platform.refusal.form_expired").into())
}

pub(super) async fn pool_post(
    Centre(who): Centre,
    p: Page,
    door: web::Data<Door>,
    form: Multipart,
) -> Answer {
    let bytes = file_of(form, &p.csrf).await?;
    let read = web::block(move || read(&bytes)).await.map_err(|e| Fault::new(e.to_string()))?;
    let refused = |bad: BadPool| bad.refused().field("file");
    let import = match p.clone().or_problem(read.map_err(|bad| Failure::from(refused(bad))))? {
        Ok(import) => import,
        Err(p) => {
            let page = page_of(&p, &door, None).await?;
            return p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let row =
        |bad: &BadRow| BadRowLine { line: bad.line, reason: p.t(bad.reason.key()), found: bad.found.clone() };
    let bad_rows = import.bad_rows.iter().map(row).collect();
    let bad_row_count = import.bad_row_count;
    let own = who.clone();
    let summary = door.act(who.actor(), move |act| actions::import_pool(act, &own, &import)).await?.value;
    let imported = Imported { experts: summary.experts, bad_rows, bad_row_count };
    let page = page_of(&p, &door, Some(imported)).await?;
    p.html(&page)
}

#[derive(Deserialize)]
pub(super) struct AccountForm {
    login: String,
    registry_id: String,
}

pub(super) async fn account_post(
    Centre(who): Centre,
    p: Page,
    door: web::Data<Door>,
    form: Posted<AccountForm>,
) -> Answer {
    let AccountForm { login, registry_id } = form.0;
    let own = who.clone();
    let result =
        door.act(who.actor(), move |act| actions::link_account(act, &own, &login, &registry_id)).await;
    match p.or_problem(result)? {
        Ok(_) => Ok(Page::see("/expert-draw/pool")),
        Err(p) => {
            let page = page_of(&p, &door, None).await?;
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
