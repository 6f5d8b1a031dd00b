//! 递交已密封的文件 Handing in what `sunbid seal` wrote: three files in a plain form, without any script.

use super::actions::{self, Submission};
use super::pages::{LotView, found_envelope, view};
use super::rules::{Refusal, Step, Upload};
use super::senders::Senders;
use super::tus;
use crate::account::authority::Authority;
use crate::account::form::{broken_off, check_csrf};
use crate::account::page::Page;
use crate::account::who::{Bidder, Who};
use crate::ledger::Door;
use crate::ledger::arrivals::Arrival;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, Failed};
use crate::project::rules::Lot;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::manifest::{MANIFEST_MAX, Manifest};
use actix_multipart::{Field, Multipart};
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use futures_util::{StreamExt, stream};
use std::cell::RefCell;
use std::task::Poll;

crate::routes! {
    GET "/sealed-bid/{number}/{lot}/{envelope}/hand-in" [Bidder] => hand_in_get;
    POST "/sealed-bid/{number}/{lot}/{envelope}/hand-in" [Bidder] => hand_in_post;
}

#[derive(Template)]
#[template(path = "sealed_bid/hand_in.html")]
struct HandInPage {
    p: Page,
    lot: LotView,
    envelope: &'static str,
}

type Place = web::Path<(String, String, String)>;

async fn hand_in_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>, path: Place) -> Answer {
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    let page = HandInPage { p: p.clone(), lot: view(&found.lot, &p), envelope: found.kind.code() };
    p.html(&page)
}

/// Reads a small part of the form as text.
async fn text(mut field: Field) -> Result<String, Refused> {
    let malformed = |why: &str| Refused::from(Refusal::Malformed { cause: "file", why: why.to_owned() });
    let mut bytes = Vec::new();
    while let Some(chunk) = field.next().await {
        bytes.extend_from_slice(&chunk.map_err(|why| broken_off(&why))?);
        if bytes.len() > MANIFEST_MAX {
            return Err(malformed("a file is too long"));
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed("a file is not text"))
}

/// What a form brought.
struct Form {
    manifest: String,
    signature: String,
    upload: Id<Upload>,
    arrival: Arrival,
}

/// Reads the form in its order: token, manifest, signature, ciphertext. The ciphertext streams through; its size is
/// the one that the manifest names.
async fn read_form(desk: &Desk, mut form: Multipart) -> Result<Form, Failure> {
    let malformed = |why: &str| Refused::from(Refusal::Malformed { cause: "form", why: why.to_owned() });
    let (mut trusted, mut manifest, mut signature) = (false, String::new(), String::new());
    while let Some(field) = form.next().await {
        let field = field.map_err(|why| broken_off(&why))?;
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "csrf" => {
                check_csrf(&text(field).await?, &desk.p.csrf)?;
                trusted = true;
            }
            "manifest" => manifest = text(field).await?,
            "signature" => signature = text(field).await?,
            "ciphertext" if trusted => {
                let size =
                    Manifest::read(manifest.as_bytes()).map_err(|why| Refused::from(Refusal::from(why)))?;
                let Desk { door, senders, who, .. } = desk;
                // the form is here when its last byte is; storing what came before may take a while yet
                let came = RefCell::new(None);
                let end = stream::poll_fn(|_| {
                    came.borrow_mut().get_or_insert_with(|| door.arrive());
                    Poll::Ready(None)
                });
                let upload = tus::take_whole(door, senders, who, size.ct.size.0, field.chain(end)).await?;
                let arrival = came.into_inner().unwrap_or_else(|| door.arrive());
                return Ok(Form { manifest, signature, upload, arrival });
            }
            _ => return Err(malformed("the form is not the one of this page").into()),
        }
    }
    Err(malformed("the ciphertext is missing").into())
}

/// Who hands in, and where.
struct Desk {
    p: Page,
    door: web::Data<Door>,
    senders: web::Data<Senders>,
    authority: web::Data<Authority>,
    who: Who,
}

/// Takes the form and submits what it brought. Nobody is told the address of its upload, so after a refusal of any kind nobody
/// could use these bytes again: they go at once, rather than fill the bidder's share for three days.
async fn take_and_submit(
    desk: Desk,
    (lot, envelope): (Id<Lot>, EnvelopeKind),
    form: Multipart,
) -> Result<Id<Step>, Failure> {
    let Form { manifest, signature, upload, arrival } = read_form(&desk, form).await?;
    let Desk { door, authority, who, .. } = desk;
    let submission = Submission { lot, envelope, manifest, signature, upload };
    let (authority, origin, bidder) = (authority.as_ref().clone(), door.config().origin.clone(), who.clone());
    let done = door
        .act_arrived(who.actor(), who.organisation, arrival, move |act| {
            actions::submit(act, &authority, &origin, &bidder, &submission)
        })
        .await;
    if done.is_err() {
        // of an act whose end nobody knows too: what it submitted after all is not touched
        tus::forget(&door, &who, upload).await;
    }
    Ok(done?.value.id)
}

async fn hand_in_post(
    Bidder(who): Bidder,
    p: Page,
    (door, senders, authority): (web::Data<Door>, web::Data<Senders>, web::Data<Authority>),
    path: Place,
    form: Multipart,
) -> Result<actix_web::HttpResponse, Failed> {
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    let desk = Desk { p: p.clone(), door, senders, authority, who };
    // on its own: whoever goes away in the middle must not keep it from tidying up
    let handed = actix_web::rt::spawn(take_and_submit(desk, (found.lot.lot, found.kind), form));
    let handed = handed.await.map_err(Fault::from)?;
    match p.clone().or_problem(handed)? {
        Ok(step) => Ok(Page::see(format!("/sealed-bid/receipt/{step}"))),
        Err(p) => {
            let page = HandInPage { p: p.clone(), lot: view(&found.lot, &p), envelope: found.kind.code() };
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
