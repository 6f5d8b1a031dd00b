//! Uploads over the wire: tus 1.0.0 with creation, creation-with-upload, checksum (sha256), termination and expiration.
//!
//! What is beyond tus: the first bytes must look like a sealed bid, and every byte is durable before it is acknowledged.
//! Requests may end and break anywhere; what is hashed are whole slices ([`super::intake`]). Answers that refuse are one
//! line of plain text in the reader's language.

use super::intake::Intake;
use super::rules::{Refusal, Upload};
use super::senders::Senders;
use super::store::{Standing, UploadRow};
use super::tus_headers;
use super::uploads::{self, Limits};
use crate::account::form::{broken_off, check_csrf};
use crate::account::page::Page;
use crate::account::who::{Bidder, Who};
use crate::ledger::Door;
use crate::platform::digest::finish;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::turns::Turn;
use crate::platform::web::{Answer, Failed};
use actix_multipart::MultipartError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::StreamExt;
use ring::digest::{Context, SHA256};
use std::time::Duration;
use tokio::time::timeout;

crate::routes! {
    OPTIONS "/sealed-bid/upload" everybody => options;
    POST "/sealed-bid/upload" [Bidder] => create;
    HEAD "/sealed-bid/upload/{id}" [Bidder] => head;
    PATCH "/sealed-bid/upload/{id}" [Bidder] => patch;
    DELETE "/sealed-bid/upload/{id}" [Bidder] => delete;
}

const VERSION: (&str, &str) = ("Tus-Resumable", "1.0.0");
/// tus: the checksum of a piece does not match.
const CHECKSUM_MISMATCH: u16 = 460;

/// When it is worth trying again, in seconds, after answers with these statuses.
const RETRY_AFTER: [(u16, u64); 3] = [(408, 1), (423, 1), (503, 5)];

/// Where an upload is found.
pub fn location(id: Id<Upload>) -> String {
    format!("/sealed-bid/upload/{id}")
}

/// The upload that a form's field `upload` names.
pub fn named(location: &str) -> Option<Id<Upload>> {
    Id::parse(location.strip_prefix("/sealed-bid/upload/")?)
}

fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header(VERSION).insert_header((header::CACHE_CONTROL, "no-store"));
    answer
}

/// A refusal as one line of text; faults go the usual way.
fn refuse(p: &Page, failure: Failure) -> Answer {
    match failure {
        Failure::Refused(refused) => {
            let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut answer = answer(status);
            if let Some((_, seconds)) = RETRY_AFTER.iter().find(|(status, _)| *status == refused.status) {
                answer.insert_header((header::RETRY_AFTER, *seconds));
            }
            Ok(answer.content_type("text/plain; charset=utf-8").body(p.lang.refusal(&refused)))
        }
        Failure::Fault(fault) if fault.is_disk_full() => {
            tracing::error!(fault = %fault.chain(), "the disk is full: an upload waits");
            refuse(p, Refused::from(Refusal::DiskFull).into())
        }
        Failure::Fault(fault) => Err(Failed::from(fault)),
    }
}

fn settle(p: &Page, result: Result<HttpResponse, Failure>) -> Answer {
    result.or_else(|failure| refuse(p, failure))
}

async fn options(door: web::Data<Door>) -> HttpResponse {
    answer(StatusCode::NO_CONTENT)
        .insert_header(("Tus-Version", VERSION.1))
        .insert_header(("Tus-Extension", "creation,creation-with-upload,checksum,termination,expiration"))
        .insert_header(("Tus-Max-Size", door.config().upload_bytes_max))
        .insert_header(("Tus-Checksum-Algorithm", "sha256"))
        .finish()
}

/// What every request but OPTIONS must carry: the protocol's version, and on writing ones the session's form token. Gives
/// the answer to a request that does not.
fn check_headers(p: &Page, request: &HttpRequest) -> Option<HttpResponse> {
    if text(request, VERSION.0) != Some(VERSION.1) {
        let refused =
            answer(StatusCode::PRECONDITION_FAILED).insert_header(("Tus-Version", VERSION.1)).finish();
        return Some(refused);
    }
    if request.method().is_safe() {
        return None;
    }
    let forged = check_csrf(text(request, "X-CSRF-Token").unwrap_or_default(), &p.csrf).err()?;
    Some(answer(StatusCode::FORBIDDEN).body(p.lang.refusal(&forged)))
}

fn text<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

fn number(request: &HttpRequest, name: &str) -> Option<u64> {
    tus_headers::count(text(request, name)?)
}

fn has_pieces(request: &HttpRequest) -> bool {
    text(request, "Content-Type") == Some("application/offset+octet-stream")
}

async fn create(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    senders: web::Data<Senders>,
    request: HttpRequest,
    body: web::Payload,
) -> Answer {
    if let Some(refused) = check_headers(&p, &request) {
        return Ok(refused);
    }
    let Some(size) = number(&request, "Upload-Length") else {
        return Ok(answer(StatusCode::BAD_REQUEST).body("Upload-Length is missing\n"));
    };
    let promised = match promised(&request) {
        Ok(promised) => promised,
        Err(refused) => return refuse(&p, refused.into()),
    };
    let (sender, limits) = (who.clone(), Limits::of(&door));
    let made = door
        .act_in_line(who.actor(), who.organisation, move |act| uploads::create(act, &sender, size, &limits))
        .await;
    let upload = match made {
        Ok(done) => done.value,
        Err(failure) => return refuse(&p, failure),
    };
    let mut offset = 0;
    if has_pieces(&request) {
        let brought = async {
            let turn = senders.turn(upload.id).await.map_err(Refused::from)?;
            let (standing, upload) = (Standing::default(), upload.clone());
            let brought = Brought { door: door.clone(), senders, who, upload, standing, turn, promised };
            take(brought, body).await
        };
        match brought.await {
            Ok(have) => offset = have,
            // the upload is there, so its address must be told: the sender goes on from its beginning
            Err(failure @ Failure::Fault(_)) => {
                tracing::warn!(%failure, "an upload began without its first piece")
            }
            Err(failure) => return refuse(&p, failure),
        }
    }
    let mut created = answer(StatusCode::CREATED);
    created.insert_header((header::LOCATION, location(upload.id)));
    Ok(progress(&mut created, &upload, offset).finish())
}

fn progress<'a>(
    answer: &'a mut HttpResponseBuilder,
    upload: &UploadRow,
    offset: u64,
) -> &'a mut HttpResponseBuilder {
    let expires = upload.expires_at.utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.insert_header(("Upload-Offset", offset)).insert_header(("Upload-Expires", expires))
}

/// The bidder's open upload and how much of it is durable.
async fn find(door: &Door, who: &Who, id: &str) -> Result<(UploadRow, Standing), Failure> {
    let id = Id::parse(id).ok_or_else(|| Refused::from(Refusal::NoUpload))?;
    let (vault, now, who) = (door.vault().clone(), door.now(), who.clone());
    door.look(move |db| {
        let row = uploads::own(db, &vault, &who, id, now)?;
        let standing = uploads::standing(db, id)?;
        Ok((row, standing))
    })
    .await
}

async fn head(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    if let Some(refused) = check_headers(&p, &request) {
        return Ok(refused);
    }
    let found = find(&door, &who, &id).await;
    settle(
        &p,
        found.map(|(upload, standing)| {
            let mut found = answer(StatusCode::OK);
            progress(&mut found, &upload, standing.have)
                .insert_header(("Upload-Length", upload.size))
                .finish()
        }),
    )
}

async fn patch(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    senders: web::Data<Senders>,
    request: HttpRequest,
    id: web::Path<String>,
    body: web::Payload,
) -> Answer {
    if let Some(refused) = check_headers(&p, &request) {
        return Ok(refused);
    }
    if !has_pieces(&request) {
        return Ok(
            answer(StatusCode::UNSUPPORTED_MEDIA_TYPE).body("expected application/offset+octet-stream\n")
        );
    }
    let taken = async {
        let promised = promised(&request)?;
        let (upload, _) = find(&door, &who, &id).await?;
        let turn = senders.turn(upload.id).await.map_err(Refused::from)?;
        // only now: the connection before may have brought more meanwhile
        let (upload, standing) = find(&door, &who, &id).await?;
        if number(&request, "Upload-Offset") != Some(standing.have) {
            return Err(Refused::from(Refusal::WrongOffset { expected: standing.have }).into());
        }
        let brought =
            Brought { door: door.clone(), senders, who, upload: upload.clone(), standing, turn, promised };
        let have = take(brought, body).await?;
        Ok(progress(&mut answer(StatusCode::NO_CONTENT), &upload, have).finish())
    };
    let taken = taken.await;
    if matches!(&taken, Err(Failure::Refused(refused)) if *refused == Refusal::Checksum.into()) {
        let status = StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
        return Ok(answer(status).body("Checksum Mismatch\n"));
    }
    settle(&p, taken)
}

async fn delete(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    if let Some(refused) = check_headers(&p, &request) {
        return Ok(refused);
    }
    let ended = async {
        let id = Id::parse(&id).ok_or_else(|| Refused::from(Refusal::NoUpload))?;
        let sender = who.clone();
        let parts = door
            .act_in_line(who.actor(), who.organisation, move |act| uploads::terminate(act, &sender, id))
            .await?
            .value;
        uploads::remove(door.files(), &parts).await;
        Ok(answer(StatusCode::NO_CONTENT).finish())
    };
    settle(&p, ended.await)
}

/// The checksum that the request promises for its body.
fn promised(request: &HttpRequest) -> Result<Option<[u8; 32]>, Refused> {
    let Some(header) = text(request, "Upload-Checksum") else { return Ok(None) };
    let sum = tus_headers::checksum(header);
    sum.map(Some).ok_or_else(|| Refused { status: 400, ..Refused::from(Refusal::Checksum) })
}

/// What a request brings: where it goes, and the checksum that it promises.
struct Brought {
    door: web::Data<Door>,
    senders: web::Data<Senders>,
    who: Who,
    upload: UploadRow,
    standing: Standing,
    turn: Turn<Id<Upload>>,
    promised: Option<[u8; 32]>,
}

/// How the bytes of a request ended.
enum Ended {
    Whole,
    Broken,
    /// Nothing came for too long.
    Idle,
    /// Nothing came for a moment, and another connection wants to go on.
    Elsewhere,
}

/// Takes a request's body; gives how much of the upload is durable then. It goes on when the sender is gone: what has
/// arrived until then counts.
async fn take(brought: Brought, body: web::Payload) -> Result<u64, Failure> {
    actix_web::rt::spawn(take_all(brought, body)).await.map_err(Fault::from)?
}

async fn take_all(brought: Brought, body: web::Payload) -> Result<u64, Failure> {
    let Brought { door, senders, who, upload, standing, turn, promised } = brought;
    let mut intake = Intake::open(&door, &senders, &who, &upload, standing, promised.is_none());
    let mut context = promised.as_ref().map(|_| Context::new(&SHA256));
    let see = |chunk: &Bytes| context.iter_mut().for_each(|context| context.update(chunk));
    let ended = match pour(&mut intake, &senders, body, see, || turn.is_wanted()).await {
        Ok(ended) => ended,
        Err(failure) => {
            intake.give_up().await;
            return Err(failure);
        }
    };
    if let (Some(context), Some(promised)) = (context, promised)
        && (!matches!(ended, Ended::Whole) || finish(context) != promised)
    {
        intake.give_up().await;
        return Err(ended.refusal(&senders).unwrap_or(Refusal::Checksum).into());
    }
    let finished = intake.finish().await;
    if finished.is_err() {
        intake.give_up().await;
    }
    match ended.refusal(&senders) {
        Some(refusal) => finished.and(Err(refusal.into())),
        None => finished,
    }
}

impl Ended {
    /// What a sender who is still there is told.
    fn refusal(&self, senders: &Senders) -> Option<Refusal> {
        match self {
            Self::Whole | Self::Broken => None,
            Self::Idle => Some(Refusal::Idle { seconds: senders.idle().as_secs() }),
            Self::Elsewhere => Some(Refusal::Elsewhere),
        }
    }
}

/// Pours what comes into `intake`, each chunk shown to `see` first, until all of it is there or it ends otherwise. Whoever is
/// silent keeps no memory, and the place only until somebody wants it.
async fn pour<E>(
    intake: &mut Intake<'_>,
    senders: &Senders,
    mut body: impl futures_util::Stream<Item = Result<Bytes, E>> + Unpin,
    mut see: impl FnMut(&Bytes),
    is_wanted: impl Fn() -> bool,
) -> Result<Ended, Failure> {
    let mut silent = Duration::ZERO;
    loop {
        match timeout(senders.silence(), body.next()).await {
            Ok(None) => return Ok(Ended::Whole),
            Ok(Some(Err(_))) => return Ok(Ended::Broken),
            Ok(Some(Ok(chunk))) => {
                silent = Duration::ZERO;
                see(&chunk);
                intake.push(&chunk).await?;
            }
            Err(_) => {
                silent += senders.silence();
                intake.rest().await?;
                if is_wanted() {
                    return Ok(Ended::Elsewhere);
                }
                if silent >= senders.idle() {
                    return Ok(Ended::Idle);
                }
            }
        }
    }
}

/// A ciphertext that came in a plain form (the command line's, without script): stored like an upload. What comes in a form can
/// not be resumed, so nothing is kept of one that breaks off.
///
/// # Errors
/// As for pieces over tus.
pub async fn take_whole(
    door: &Door,
    senders: &Senders,
    who: &Who,
    size: u64,
    chunks: impl futures_util::Stream<Item = Result<Bytes, MultipartError>> + Unpin,
) -> Result<Id<Upload>, Failure> {
    let (sender, limits) = (who.clone(), Limits::of(door));
    let upload = door
        .act_in_line(who.actor(), who.organisation, move |act| uploads::create(act, &sender, size, &limits))
        .await?
        .value;
    let mut intake = Intake::open(door, senders, who, &upload, Standing::default(), true);
    let taken = async {
        // nobody else knows this upload
        let ended = pour(&mut intake, senders, chunks, |_| (), || false).await?;
        match ended.refusal(senders) {
            Some(refusal) => Err(refusal.into()),
            None if matches!(ended, Ended::Broken) => Err(broken_off(&"the file is not complete").into()),
            None => intake.finish().await,
        }
    };
    if let Err(failure) = taken.await {
        intake.give_up().await;
        forget(door, who, upload.id).await;
        return Err(failure);
    }
    Ok(upload.id)
}

/// Ends an upload that came in a form, and frees its bytes, unless a submission uses it. What fails is left for the clock.
pub async fn forget(door: &Door, who: &Who, upload: Id<Upload>) {
    let sender = who.clone();
    let ended = door.act(who.actor(), move |act| uploads::terminate(act, &sender, upload)).await;
    if let Ok(ended) = ended {
        uploads::remove(door.files(), &ended.value).await;
    }
}
