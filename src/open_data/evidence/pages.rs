//! The supervisor's way to a bundle: a page that says what it is and how to check it, and the file.

use super::{Contents, check_time, write};
use crate::account::authority::Authority;
use crate::account::form::Posted;
use crate::account::house::House;
use crate::account::page::Page;
use crate::account::who::Supervisor;
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, reading};
use crate::project::actions::take_evidence;
use crate::project::standing::LotFacts;
use crate::project::store::lot_named;
use actix_web::{HttpResponse, web};
use askama::Template;
use std::fs::File;
use std::io::{BufWriter, Seek};
use tokio::runtime::Handle;

crate::routes! {
    GET "/open-data/evidence/{tender}/{lot}" [Supervisor] => evidence_get;
    POST "/open-data/evidence/{tender}/{lot}/{file}" [Supervisor] => file_post;
}

/// Bytes that are written at a time.
const PIECE: usize = 1 << 18;

#[derive(Template)]
#[template(path = "open_data/evidence.html")]
struct EvidencePage {
    p: Page,
    name: String,
    here: String,
    /// The page that leads here.
    back: String,
    command: String,
}

async fn named(door: &Door, tender: &str, lot: &str) -> Result<LotFacts, Failure> {
    let (tender, lot) = (tender.to_owned(), lot.to_owned());
    door.look(move |db| lot_named(db, &tender, &lot)).await
}

/// What a bundle is, and where to get it.
async fn evidence_get(
    Supervisor(_): Supervisor,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let lot = named(&door, &path.0, &path.1).await?;
    let (tender, number) = (lot.number.to_string(), lot.lot_number.to_string());
    let key = door.log_key().to_string();
    p.html(&EvidencePage {
        p: p.clone(),
        name: format!("{} · {} · {}", lot.tender_title, tender, lot.title),
        back: format!("/supervision/{tender}/{number}"),
        here: format!("/open-data/evidence/{tender}/{number}"),
        command: format!("sunbid verify --key '{key}' {tender}-{number}.evidence"),
    })
}

/// The bundle itself, written to a nameless file first: what it says must not change while it is sent. A POST, because
/// who took it is entered in the log.
async fn file_post(
    Supervisor(who): Supervisor,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<(String, String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let ciphertexts = match path.2.as_str() {
        "with-bids" => true,
        "without-bids" => false,
        _ => return Err(Refused::new(404, "platform.refusal.not_found").into()),
    };
    let lot = named(&door, &path.0, &path.1).await?;
    let name = format!("{}-{}.evidence", lot.number, lot.lot_number);
    check_time(&lot)?;
    let id = lot.lot;
    door.act(who.actor(), move |act| take_evidence(act, &who, id, ciphertexts)).await?;
    let house = House { door: door.get_ref().clone(), authority: authority.get_ref().clone() };
    let runtime = Handle::current();
    let gathered = tokio::task::spawn_blocking(move || gathered(&house, &lot, ciphertexts, &runtime)).await;
    let (file, size) = gathered.map_err(Fault::from)??;
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{name}\"")))
        // ciphertext does not shrink, and the length is known
        .insert_header(("Content-Encoding", "identity"))
        .insert_header(("Content-Length", size.to_string()))
        .streaming(reading::body(file)))
}

fn gathered(
    house: &House,
    lot: &LotFacts,
    ciphertexts: bool,
    runtime: &Handle,
) -> Result<(File, u64), Failure> {
    let contents = Contents { ciphertexts, media: false };
    let file = tempfile::tempfile().map_err(Fault::from)?;
    let written = write(house, lot, contents, runtime, BufWriter::with_capacity(PIECE, file))?;
    let mut file = written.into_inner().map_err(|e| Fault::new(e.to_string()))?;
    let size = file.stream_position().map_err(Fault::from)?;
    file.rewind().map_err(Fault::from)?;
    Ok((file, size))
}
