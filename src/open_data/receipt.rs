//! Support staff help somebody who shows a receipt. The page tells what this receipt proves and nothing else: that the log
//! holds the entry, where, since when, and whether it is a bid or a withdrawal. It never tells whose it is, on which lot, or
//! whether it was replaced since: a receipt may have come by another way than from its bidder, and what became of the bid
//! stands on the bidder's own page. Nothing is kept of the asking.

use crate::account::form::one_file;
use crate::account::page::Page;
use crate::account::who::{Among, Centre, Supervisor};
use crate::ledger::Door;
use crate::ledger::proof::{Included, Receipt, ReceiptError};
use crate::ledger::rotation_store;
use crate::ledger::store;
use crate::ledger::tree;
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

crate::routes! {
    GET "/open-data/receipt" [Centre Supervisor] => receipt_get;
    POST "/open-data/receipt" [Centre Supervisor] => receipt_post;
}

/// A receipt is about a kilobyte; one with many witnesses a few.
const RECEIPT_BYTES_MAX: usize = 64 << 10;

/// Kinds of entry, as the table of `docs/formats/log.md` has them.
const SUBMITTED: u8 = 70;
const WITHDRAWN: u8 = 71;

/// What a receipt proves.
struct Proven {
    what: &'static str,
    index: u64,
    /// When the entry was made.
    at: String,
    /// Size of the log that the receipt's checkpoint is of.
    size: u64,
    /// Hash of what was entered.
    object: String,
}

#[derive(Template)]
#[template(path = "open_data/receipt.html")]
struct ReceiptPage {
    p: Page,
    proven: Option<Proven>,
}

async fn receipt_get(Among(..): Among<(Centre, Supervisor)>, p: Page) -> Answer {
    p.html(&ReceiptPage { p: p.clone(), proven: None })
}

async fn receipt_post(
    Among(..): Among<(Centre, Supervisor)>,
    p: Page,
    door: web::Data<Door>,
    parts: Multipart,
) -> Answer {
    let (_, content) = one_file(parts, &p.csrf, RECEIPT_BYTES_MAX, "64 KiB").await?;
    let proven = prove(&door, &content).await;
    match p.clone().or_problem(proven)? {
        Ok(proven) => p.html(&ReceiptPage { p: p.clone(), proven: Some(proven) }),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &ReceiptPage { p: p.clone(), proven: None }),
    }
}

/// Checks a receipt as a stranger would, with the log's keys alone, and then against the log as it is now.
async fn prove(door: &Door, content: &[u8]) -> Result<Proven, Failure> {
    let receipt = Receipt::parse(content).map_err(|error| refused(&error))?;
    let rotations = door.look(|db| Ok(rotation_store::rotations(db)?)).await?;
    let (origin, keys) = (&door.config().origin, rotations.lead_from(&[door.log_key()]));
    let opening = receipt.opening.clone();
    let included = receipt.verify_in_term(&opening.object_hash, opening.kind, origin, &keys, &rotations);
    let Included { index, checkpoint, .. } = included.map_err(|error| refused(&error))?;
    let leaf_hash = opening.leaf_hash();
    let row = door.look(move |db| Ok(store::entry_at(db, index)?)).await?;
    let held = row.filter(|row| tree::leaf_hash(&row.leaf) == leaf_hash);
    // a signed checkpoint promised this entry, so a log without it was rewritten
    let held =
        held.ok_or_else(|| Refused::new(409, "open_data.refusal.receipt_contradicts").field("file"))?;
    let what = match opening.kind {
        SUBMITTED => "open_data.receipt.bid",
        WITHDRAWN => "open_data.receipt.withdrawal",
        _ => "open_data.receipt.other",
    };
    let at = Moment::from_micros(held.at).beijing();
    Ok(Proven { what, index, at, size: checkpoint.size, object: b64u(&opening.object_hash) })
}

fn refused(error: &ReceiptError) -> Refused {
    let key = match error {
        ReceiptError::Malformed | ReceiptError::Extra => "open_data.refusal.receipt_unread",
        ReceiptError::Checkpoint(_) | ReceiptError::Note(_) => "open_data.refusal.receipt_foreign",
        ReceiptError::OtherObject | ReceiptError::OtherKind { .. } | ReceiptError::NotIncluded => {
            "open_data.refusal.receipt_altered"
        }
    };
    Refused::new(422, key).field("file")
}
