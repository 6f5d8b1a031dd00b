//! 密封程序 The program that seals bids in browsers: one script, `seal.js`, whose SHA-256 stands in the log, on a page for
//! everybody, in the page that loads it, and in every bid that it sealed. Whoever builds it from the source
//! (`bin/seal-hash`) must get the same bytes. A bidder who keeps an eye on this sees when the script changes.

use crate::account::page::Page;
use crate::ledger::act::Opened;
use crate::ledger::from_log::FromLog;
use crate::ledger::{Actor, Door, EntryId, Event, Subject, store as log};
use crate::platform::database::Db;
use crate::platform::digest::{b64, b64u, from_b64u};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::{Answer, assets};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

crate::routes! {
    GET "/sealed-bid/program" everybody => program_get;
    GET "/sealed-bid/program/{entry}/{what}" everybody => entry_get;
}

/// The script's name.
pub const SCRIPT: &str = "seal.js";
/// What its entries are about.
const SUBJECT: &str = "sealing-program";

/// The platform begins to serve this script.
#[derive(Serialize)]
struct ProgramServed<'a> {
    file: &'a str,
    /// SHA-256, hex.
    sha256: &'a str,
    version: &'a str,
}

impl Event for ProgramServed<'_> {
    const KIND: &'static str = "sealed_bid.program_served";
    const NUMBER: u8 = 80;
}

/// A version of the script that is in the log.
struct Served {
    id: String,
    index: Option<i64>,
    at: String,
    sha256: String,
    version: String,
}

fn served(db: &mut Db, vault: &Vault) -> Result<Vec<Served>, Fault> {
    #[derive(Deserialize)]
    struct Told {
        sha256: String,
        version: String,
    }
    #[derive(Deserialize)]
    struct Entered {
        event: Told,
    }
    let mut found = Vec::new();
    for row in log::entries_about(db, &[Subject::open(SUBJECT).column(vault)])? {
        let object = from_b64u(&Opened::open(vault, &row.body)?.object).unwrap_or_default();
        let Entered { event: Told { sha256, version } } = serde_json::from_slice(&object)?;
        let at = Moment::from_micros(row.at).beijing();
        found.push(Served { id: row.id, index: row.log_index, at, sha256, version });
    }
    Ok(found)
}

/// Enters the script that this server serves, if the last one in the log is another. Safe to run at any time.
///
/// # Errors
/// Faults of the database.
pub fn log_served(door: &Door) -> Result<(), Fault> {
    let Some(sha256) = assets::hash(SCRIPT) else { return Ok(()) };
    let vault = door.vault().clone();
    let known: Vec<Served> = door.read(|db| served(db, &vault))?;
    if known.last().is_some_and(|last| last.sha256 == sha256) {
        return Ok(());
    }
    let event = ProgramServed { file: SCRIPT, sha256, version: env!("CARGO_PKG_VERSION") };
    let done = door.write(Actor::system("sealing program"), move |act| {
        act.enter(&Subject::open(SUBJECT), &event)?;
        Ok(())
    });
    done.map(|_| ()).map_err(Failure::into_fault)
}

/// The script's hash as the attribute `integrity` has it; empty if this server was built without it.
pub fn integrity() -> String {
    let bytes = assets::hash(SCRIPT).and_then(|hash| hex::decode(hash).ok());
    bytes.map(|bytes| format!("sha256-{}", b64(&bytes))).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "sealed_bid/program.html")]
struct ProgramPage {
    p: Page,
    sha256: String,
    /// The same as it stands in a bid's manifest, `client.bundle`.
    bundle: String,
    address: String,
    /// Newest first.
    served: Vec<Served>,
}

async fn program_get(p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let mut served = door.look(move |db| Ok(served(db, &vault)?)).await?;
    served.reverse();
    let sha256 = assets::hash(SCRIPT).unwrap_or_default().to_owned();
    let bundle = b64u(&hex::decode(&sha256).unwrap_or_default());
    p.html(&ProgramPage { p: p.clone(), sha256, bundle, address: assets::url(SCRIPT), served })
}

async fn entry_get(door: web::Data<Door>, path: web::Path<(String, String)>) -> Answer {
    let (entry, what) = path.into_inner();
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let what = FromLog::from_name(&what).ok_or_else(missing)?;
    let id: EntryId = Id::parse(&entry).ok_or_else(missing)?;
    let house = door.as_ref().clone();
    let content = door.look(move |db| {
        let known = served(db, house.vault())?;
        if !known.iter().any(|one| one.id == entry) {
            return Err(missing().into());
        }
        what.content(&house, db, id)
    });
    let (kind, ending) = what.kind();
    let name = format!("attachment; filename=\"{SCRIPT}.{ending}\"");
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("content-disposition", name))
        .body(content.await?))
}
