//! The public log over HTTP, as C2SP tlog-tiles has it, and a page that explains it to people.

use crate::account::page::Page;
use crate::ledger::Door;
use crate::ledger::policy::Policy;
use crate::ledger::rotation::Rotations;
use crate::ledger::rotation_store::{self, Rotated};
use crate::ledger::store::{self, Tiles};
use crate::ledger::tiles::Resource;
use crate::ledger::tree;
use crate::platform::database::Db;
use crate::platform::digest::{b64, sha256};
use crate::platform::moment::{Moment, SECOND};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

crate::routes! {
    GET "/log" everybody => log_get;
    GET "/log/checkpoint" everybody => checkpoint_get;
    GET "/log/witnessed" everybody => witnessed_get;
    GET "/log/policy" everybody => policy_get;
    GET "/log/closing/{size}" everybody => closing_get;
    GET "/log/closing/{size}/timestamp" everybody => timestamp_get;
    GET "/log/rotations" everybody => rotations_get;
    GET "/log/rotation/{size}/checkpoint" everybody => rotation_get;
    GET "/log/rotation/{size}/proof" everybody => rotation_proof_get;
    GET "/log/entry/{index}" everybody => entry_get;
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
    /// Address of the log, for the command line.
    url: String,
    witnesses: Vec<WitnessLine>,
    closings: Vec<ClosingLine>,
    rotations: Vec<RotationLine>,
}

/// A change of the log's key.
struct RotationLine {
    size: u64,
    at: Moment,
    old: String,
    new: String,
}

/// A witness of the policy and what it cosigned last.
struct WitnessLine {
    name: String,
    key: String,
    /// Size and time, by the witness's own clock.
    last: Option<(u64, Moment)>,
}

/// A closing checkpoint of a lot.
struct ClosingLine {
    size: u64,
    cosigners: usize,
    stamped_at: Option<Moment>,
}

/// How many closing checkpoints the page shows.
const CLOSINGS_SHOWN: i64 = 50;

/// What the log is, for people, with the newest checkpoint, its witnesses and the closings of lots.
async fn log_get(p: Page, door: web::Data<Door>) -> Answer {
    let (head, newest, closings, changes) = door
        .look(|db| {
            let newest = store::newest_met(db)?;
            Ok((store::head(db)?, newest, store::closings(db, CLOSINGS_SHOWN)?, changes(db)?))
        })
        .await?;
    let (key, origin) = (door.log_key().to_string(), door.config().origin.clone());
    let url = format!("{}/log", door.config().public_url);
    let (followed, rotations) = changes;
    let policy = door.log_policy().map(|policy| policy.following(&followed));
    let cosigned = |note: &str| policy.as_ref().and_then(|policy| policy.read(note.as_bytes()).ok());
    let newest = newest.and_then(|kept| cosigned(&kept.note));
    let witnesses =
        policy.as_ref().map(Policy::witnesses).unwrap_or_default().iter().map(|witness| WitnessLine {
            name: witness.name.clone(),
            key: witness.key.to_string(),
            last: newest.as_ref().and_then(|(checkpoint, cosigners)| {
                let (_, seconds) = cosigners.iter().find(|(name, _)| *name == witness.name)?;
                let at = i64::try_from(*seconds).ok()?.checked_mul(SECOND)?;
                Some((checkpoint.size, Moment::from_micros(at)))
            }),
        });
    let closings = closings.into_iter().map(|kept| ClosingLine {
        size: kept.size,
        cosigners: cosigned(&kept.note).map_or(0, |(_, cosigners)| cosigners.len()),
        stamped_at: kept.stamped_at,
    });
    let (witnesses, closings) = (witnesses.collect(), closings.collect());
    p.html(&LogPage { p: p.clone(), head, key, origin, url, witnesses, closings, rotations })
}

/// The log's changes of key, for the computer and for people.
fn changes(db: &mut Db) -> Result<(Rotations, Vec<RotationLine>), Fault> {
    let (rotations, kept) = (rotation_store::rotations(db)?, rotation_store::rotated(db)?);
    let lines = rotations.list().iter().zip(kept).map(|(rotation, kept)| RotationLine {
        size: rotation.size,
        at: kept.at,
        old: rotation.old.to_string(),
        new: rotation.new.to_string(),
    });
    let lines = lines.collect();
    Ok((rotations, lines))
}

/// Every change of the log's key, signed by both keys; nothing for a log that still has its first one.
async fn rotations_get(request: HttpRequest, door: web::Data<Door>) -> Answer {
    let rotations = door.look(|db| Ok(rotation_store::rotations(db)?)).await?;
    Ok(note(&request, rotations.to_string()))
}

fn rotated(db: &mut Db, size: u64) -> Result<Rotated, Failure> {
    let found = rotation_store::rotated(db)?.into_iter().find(|kept| kept.size == size);
    found.ok_or_else(|| Refused::new(404, "ledger.refusal.no_rotation").into())
}

/// The first checkpoint under the new key, signed by both.
async fn rotation_get(request: HttpRequest, door: web::Data<Door>, size: web::Path<u64>) -> Answer {
    let kept = door.look(move |db| rotated(db, *size)).await?;
    Ok(note(&request, kept.checkpoint))
}

/// The proof that the rotation note is itself an entry of the log.
async fn rotation_proof_get(request: HttpRequest, door: web::Data<Door>, size: web::Path<u64>) -> Answer {
    let inner = door.clone();
    let receipt = door.look(move |db| {
        let entry = rotated(db, *size)?.entry;
        Ok(inner.receipt(db, entry)?.to_string())
    });
    Ok(note(&request, receipt.await?))
}

#[derive(Template)]
#[template(path = "open_data/entry.html")]
struct EntryPage {
    p: Page,
    index: u64,
    /// Size of the log that the proof leads to.
    size: u64,
    leaf: String,
    hash: String,
    root: String,
    /// The inclusion proof, the leaf's sibling first.
    proof: Vec<String>,
    /// Address of the bundle of entries that holds it.
    bundle: String,
}

/// One line of the log: its bytes, and the way from it to the root of the newest checkpoint. Tells nobody what it is about.
async fn entry_get(p: Page, door: web::Data<Door>, index: web::Path<String>) -> Answer {
    let missing = || Refused::new(404, "ledger.refusal.no_entry");
    let index: u64 = index.parse().map_err(|_| missing())?;
    let (head, leaf, proof) = door
        .look(move |db| {
            let head = store::head(db)?.filter(|head| index < head.size).ok_or_else(missing)?;
            let leaf = store::leaves(db, index, index + 1)?.pop().ok_or_else(missing)?;
            let proof = tree::inclusion_proof(&Tiles::new(db), index, head.size).map_err(Fault::from)?;
            Ok((head, leaf, proof))
        })
        .await?;
    let width = (head.size - index / 256 * 256).min(256);
    let full = Resource::Entries { index: index / 256, width: u16::try_from(width).map_err(Fault::from)? };
    p.html(&EntryPage {
        p: p.clone(),
        index,
        size: head.size,
        hash: b64(&tree::leaf_hash(&leaf)),
        leaf: hex::encode(leaf),
        root: b64(&head.root),
        proof: proof.iter().map(|hash| b64(hash)).collect(),
        bundle: format!("/log/{}", full.path()),
    })
}

/// The newest checkpoint that enough witnesses cosigned.
async fn witnessed_get(request: HttpRequest, door: web::Data<Door>) -> Answer {
    let newest = door.look(|db| Ok(store::newest_met(db)?)).await?;
    let newest = newest.ok_or_else(|| Refused::new(404, "ledger.refusal.not_witnessed"))?;
    Ok(note(&request, newest.note))
}

/// Who must cosign, as a C2SP tlog-policy file; without a policy, one that asks for nobody.
async fn policy_get(request: HttpRequest, door: web::Data<Door>) -> Answer {
    let rotations = door.look(|db| Ok(rotation_store::rotations(db)?)).await?;
    let policy = door.log_policy().map(|policy| policy.following(&rotations).to_string());
    let text = policy.unwrap_or_else(|| format!("log {}\nquorum none\n", door.log_key()));
    Ok(note(&request, text))
}

/// A note, which may be another one next time.
fn note(request: &HttpRequest, text: String) -> HttpResponse {
    let sum = sha256(&[text.as_bytes()]);
    tagged(request, "text/plain; charset=utf-8", "no-cache", &sum, text.into_bytes())
}

async fn closing(door: &Door, size: u64) -> Result<store::Kept, Failure> {
    let kept = door.look(move |db| Ok(store::kept(db, size)?)).await?;
    kept.filter(|kept| kept.pinned).ok_or_else(|| Refused::new(404, "ledger.refusal.no_closing").into())
}

/// The closing checkpoint of the lot that was closed at this size, with its cosignatures.
async fn closing_get(request: HttpRequest, door: web::Data<Door>, size: web::Path<u64>) -> Answer {
    Ok(note(&request, closing(&door, *size).await?.note))
}

/// The time-stamp over it, DER; `openssl ts -reply -token_in -in FILE -text` shows it.
async fn timestamp_get(door: web::Data<Door>, size: web::Path<u64>) -> Answer {
    let token = closing(&door, *size).await?.token;
    let token = token.ok_or_else(|| Refused::new(404, "ledger.refusal.no_timestamp"))?;
    let name = format!("attachment; filename=\"closing-{size}.tst\"");
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("Content-Disposition", name))
        .body(token))
}

/// The newest signed checkpoint.
async fn checkpoint_get(request: HttpRequest, door: web::Data<Door>) -> Answer {
    let head = door.look(|db| Ok(store::head(db)?)).await?;
    let head = head.ok_or_else(|| Refused::new(404, "ledger.refusal.empty"))?;
    Ok(note(&request, head.note))
}

/// The log's public key in the text form of signed notes.
async fn key_get(request: HttpRequest, door: web::Data<Door>) -> Answer {
    Ok(note(&request, format!("{}\n", door.log_key())))
}

/// A tile of hashes or a bundle of entries. A full one never changes and comes from its file.
async fn tile_get(request: HttpRequest, door: web::Data<Door>, rest: web::Path<String>) -> Answer {
    let missing = || Refused::new(404, "ledger.refusal.no_tile");
    let resource = Resource::parse(&format!("tile/{rest}")).ok_or_else(missing)?;
    let door = door.get_ref().clone();
    let read = tokio::task::spawn_blocking(move || door.log_file(resource)).await.map_err(Fault::from)?;
    let file = read?.ok_or_else(missing)?;
    let cache = if resource.is_full() { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    Ok(tagged(&request, "application/octet-stream", cache, &file.sum, file.bytes))
}

/// An answer with an entity tag made of the hash of its bytes; without the bytes for somebody who has them already.
fn tagged(
    request: &HttpRequest,
    kind: &'static str,
    cache: &'static str,
    sum: &tree::Hash,
    bytes: Vec<u8>,
) -> HttpResponse {
    let tag = format!("\"{}\"", hex::encode(&sum[..16]));
    let known = request.headers().get("If-None-Match").and_then(|value| value.to_str().ok());
    let known = known
        .is_some_and(|tags| tags.split(',').any(|each| matches!(each.trim(), "*") || each.contains(&tag)));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header(("Cache-Control", cache)).insert_header(("ETag", tag));
    if known { answer.finish() } else { answer.content_type(kind).body(bytes) }
}
