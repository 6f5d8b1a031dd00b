//! Uploads over the wire: tus 1.0.0 with creation, creation-with-upload, checksum (sha256), termination and expiration.
//!
//! What is beyond tus: the first bytes must look like a sealed bid, pieces are taken in whole MiB (a broken-off request
//! keeps its whole MiB, the rest is sent again), and every piece is hashed and durable before it is acknowledged.
//! Answers that refuse are one line of plain text in the reader's language.

use super::rules::{Refusal, Upload};
use super::store::{Part, UploadRow};
use super::tus_headers;
use super::uploads::{self, PART_MAX};
use crate::account::form::check_csrf;
use crate::account::page::Page;
use crate::account::who::{Bidder, Who};
use crate::ledger::Door;
use crate::platform::digest::finish;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, Failed};
use crate::sealing::stream::{SLICE, looks_sealed};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ring::digest::{Context, SHA256};

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
            Ok(answer(status).content_type("text/plain; charset=utf-8").body(p.lang.refusal(&refused)))
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
    request: HttpRequest,
    body: web::Payload,
) -> Answer {
    if let Some(refused) = check_headers(&p, &request) {
        return Ok(refused);
    }
    let Some(size) = number(&request, "Upload-Length") else {
        return Ok(answer(StatusCode::BAD_REQUEST).body("Upload-Length is missing\n"));
    };
    let max = door.config().upload_bytes_max;
    let sender = who.clone();
    let made = door.act(who.actor(), move |act| uploads::create(act, &sender, size, max)).await;
    let upload = match made {
        Ok(done) => done.value,
        Err(failure) => return refuse(&p, failure),
    };
    let mut offset = 0;
    if has_pieces(&request) {
        match take(&door, &who, &upload, 0, &request, body).await {
            Ok(have) => offset = have,
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
async fn find(door: &Door, who: &Who, id: &str) -> Result<(UploadRow, u64), Failure> {
    let id = Id::parse(id).ok_or_else(|| Refused::from(Refusal::NoUpload))?;
    let (vault, now, who) = (door.vault().clone(), door.now(), who.clone());
    door.look(move |db| {
        let row = uploads::own(db, &vault, &who, id, now)?;
        let have = uploads::received(db, id)?;
        Ok((row, have))
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
        found.map(|(upload, have)| {
            let mut found = answer(StatusCode::OK);
            progress(&mut found, &upload, have).insert_header(("Upload-Length", upload.size)).finish()
        }),
    )
}

async fn patch(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
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
        let (upload, have) = find(&door, &who, &id).await?;
        if number(&request, "Upload-Offset") != Some(have) {
            return Err(Refused::from(Refusal::WrongOffset { expected: have }).into());
        }
        let have = take(&door, &who, &upload, have, &request, body).await?;
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
        let parts = door.act(who.actor(), move |act| uploads::terminate(act, &sender, id)).await?.value;
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

/// Takes a request's body as pieces of `upload` from `have` on; gives how much is durable then. Without a checksum each
/// piece counts as soon as it is durable; with one, all of them count at the end or none does.
async fn take(
    door: &Door,
    who: &Who,
    upload: &UploadRow,
    have: u64,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<u64, Failure> {
    let promised = promised(request)?;
    let mut taking = Taking { door, who, upload, have, kept: Vec::new(), at_once: promised.is_none() };
    let mut context = Context::new(&SHA256);
    let broken = match taking.body(body, &mut context).await {
        Ok(broken) => broken,
        Err(failure) => {
            uploads::remove(door.files(), &taking.kept).await;
            return Err(failure);
        }
    };
    if let Some(promised) = promised {
        if broken || finish(context) != promised {
            uploads::remove(door.files(), &taking.kept).await;
            return Err(Refused::from(Refusal::Checksum).into());
        }
        let parts = std::mem::take(&mut taking.kept);
        taking.accept(parts).await?;
    }
    Ok(taking.have)
}

struct Taking<'a> {
    door: &'a Door,
    who: &'a Who,
    upload: &'a UploadRow,
    /// Bytes that lie in the file store; those that count are the same, unless a checksum is awaited.
    have: u64,
    kept: Vec<Part>,
    at_once: bool,
}

impl Taking<'_> {
    /// Reads the body to its end or break (`true`: it broke off). What is left of a broken-off body below a whole MiB
    /// is dropped.
    async fn body(&mut self, mut body: web::Payload, context: &mut Context) -> Result<bool, Failure> {
        let mut piece = BytesMut::new();
        let mut broken = false;
        while let Some(chunk) = body.next().await {
            let Ok(chunk) = chunk else {
                broken = true;
                break;
            };
            context.update(&chunk);
            if self.have + (piece.len() + chunk.len()) as u64 > self.upload.size {
                return Err(Refused::from(Refusal::WrongSize).into());
            }
            piece.extend_from_slice(&chunk);
            while piece.len() >= PART_MAX {
                let full = piece.split_to(PART_MAX).freeze();
                self.keep(full).await?;
            }
        }
        let is_last = self.have + piece.len() as u64 == self.upload.size;
        let whole = if is_last { piece.len() } else { piece.len() - piece.len() % SLICE };
        let rest = piece.len() - whole;
        if whole > 0 {
            let whole = piece.split_to(whole).freeze();
            self.keep(whole).await?;
        }
        if rest > 0 && !broken {
            return Err(Refused::from(Refusal::PartSize).into());
        }
        Ok(broken)
    }

    async fn keep(&mut self, piece: Bytes) -> Result<(), Failure> {
        if self.have == 0 && !looks_sealed(&piece) {
            return Err(Refused::from(Refusal::NotSealed).into());
        }
        let part = uploads::keep(self.door.files(), self.upload.id, self.have, piece).await?;
        if self.at_once {
            return self.accept(vec![part]).await;
        }
        self.have += part.size;
        self.kept.push(part);
        Ok(())
    }

    async fn accept(&mut self, parts: Vec<Part>) -> Result<(), Failure> {
        let (sender, id) = (self.who.clone(), self.upload.id);
        let done =
            self.door.act(self.who.actor(), move |act| uploads::accept(act, &sender, id, &parts)).await;
        self.have = done?.value;
        Ok(())
    }
}

/// A ciphertext that came in a plain form (the command line's, without script): stored like an upload.
///
/// # Errors
/// As for pieces over tus.
pub async fn take_whole(
    door: &Door,
    who: &Who,
    size: u64,
    chunks: impl futures_util::Stream<Item = Result<Bytes, Fault>> + Unpin,
) -> Result<Id<Upload>, Failure> {
    let (sender, max) = (who.clone(), door.config().upload_bytes_max);
    let upload = door.act(who.actor(), move |act| uploads::create(act, &sender, size, max)).await?.value;
    let mut taking = Taking { door, who, upload: &upload, have: 0, kept: Vec::new(), at_once: true };
    let (mut chunks, mut piece) = (chunks, BytesMut::new());
    while let Some(chunk) = chunks.next().await {
        piece.extend_from_slice(&chunk?);
        while piece.len() >= PART_MAX {
            let full = piece.split_to(PART_MAX).freeze();
            taking.keep(full).await?;
        }
    }
    if !piece.is_empty() {
        taking.keep(piece.freeze()).await?;
    }
    Ok(upload.id)
}
