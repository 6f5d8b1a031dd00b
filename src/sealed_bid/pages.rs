//! The bidder's pages: my bids, a lot's envelopes, seal and submit, receipt, withdraw.

use super::actions::{self, Submission};
use super::arrival::Came;
use super::drill::{self, Readiness};
use super::rules::{Deed, Kept, Refusal, Step, envelopes_of, standing_bid, withdrawal_statement};
use super::{expiry, program, tus};
use crate::account::authority::Authority;
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::signature::SignedFields;
use crate::account::who::{Bidder, Who};
use crate::ledger::{self, Door};
use crate::platform::canonical::jcs_text;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::{Answer, assets};
use crate::project::flow::Step as FlowStep;
use crate::project::phase::Milestone;
use crate::project::standing::LotFacts;
use crate::project::store as project;
use crate::sealing::command::BidParameters;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

crate::routes! {
    GET "/sealed-bid" [Bidder] => mine_get;
    GET "/sealed-bid/receipt/{id}" [Bidder] => receipt_get;
    GET "/sealed-bid/receipt/{id}/proof" [Bidder] => proof_get;
    GET "/sealed-bid/receipt/{id}/manifest" [Bidder] => manifest_get;
    GET "/sealed-bid/{number}/{lot}" [Bidder] => lot_get;
    GET "/sealed-bid/{number}/{lot}/{envelope}" [Bidder] => prepare_get;
    GET "/sealed-bid/{number}/{lot}/{envelope}/parameters.json" [Bidder] => parameters_get;
    POST "/sealed-bid/{number}/{lot}/{envelope}/submit" [Bidder] => submit_post;
    GET "/sealed-bid/{number}/{lot}/{envelope}/withdraw" [Bidder] => withdraw_get;
    POST "/sealed-bid/{number}/{lot}/{envelope}/withdraw" [Bidder] => withdraw_post;
}

/// One step in a list.
struct Line {
    id: String,
    lot: String,
    title: String,
    envelope: &'static str,
    /// `submitted`, `replaced`, `withdrawal`, `withdrawn`, or `incomplete`: it stands and counts as taken back.
    state: &'static str,
    rev: u32,
    at: String,
}

fn line(step: &Kept, lot: &str, title: &str, later: Option<&Kept>) -> Line {
    let state = match (&step.record.deed, later.map(|later| &later.record.deed)) {
        (Deed::Withdrawn { .. }, _) => "withdrawal",
        (Deed::Submitted { .. }, None) => "submitted",
        (Deed::Submitted { .. }, Some(Deed::Submitted { .. })) => "replaced",
        (Deed::Submitted { .. }, Some(Deed::Withdrawn { .. })) => "withdrawn",
    };
    Line {
        id: step.id.to_string(),
        lot: lot.to_owned(),
        title: title.to_owned(),
        envelope: step.record.envelope.code(),
        state,
        rev: step.manifest().map_or(0, |manifest| manifest.ctx.rev),
        at: step.at.beijing(),
    }
}

impl Line {
    /// As it is once the box is closed and `missing` envelopes did not come.
    fn among(mut self, lot: &LotFacts, missing: &[EnvelopeKind]) -> Self {
        if self.state == "submitted" && counts_as_taken_back(lot, missing) {
            self.state = "incomplete";
        }
        self
    }
}

/// Whether the box was closed without these envelopes of a bidder.
fn counts_as_taken_back(lot: &LotFacts, missing: &[EnvelopeKind]) -> bool {
    !missing.is_empty() && lot.reached(Milestone::BiddingClosed).is_some()
}

#[derive(Template)]
#[template(path = "sealed_bid/mine.html")]
struct MinePage {
    p: Page,
    lines: Vec<Line>,
}

async fn mine_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let lines = door.look(move |db| {
        let steps = actions::own_steps(db, &vault, &who)?;
        let mut lines = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let Some(lot) = project::lot(db, step.record.lot)? else { continue };
            // newest first: the step after this one on the same envelope stands before it in the list
            let same = |later: &&Kept| {
                later.record.lot == step.record.lot && later.record.envelope == step.record.envelope
            };
            let later = steps.get(..at).unwrap_or_default().iter().rev().find(same);
            let missing = actions::own_missing(db, &vault, &who, &lot)?;
            lines.push(line(step, &lot.name(), &lot.tender_title, later).among(&lot, &missing));
        }
        Ok(lines)
    });
    let lines = lines.await?;
    p.html(&MinePage { p: p.clone(), lines })
}

/// What every page about one lot shows of it.
pub(super) struct LotView {
    pub(super) name: String,
    pub(super) tender: String,
    pub(super) title: String,
    pub(super) deadline: String,
    pub(super) deadline_micros: i64,
    pub(super) open: bool,
}

pub(super) fn view(lot: &LotFacts, p: &Page) -> LotView {
    let deadline = lot.schedule.map(|schedule| schedule.bid_deadline());
    LotView {
        name: lot.name(),
        tender: lot.number.to_string(),
        title: format!("{} · {}", lot.tender_title, lot.title),
        deadline: deadline.map(|deadline| deadline.0.beijing()).unwrap_or_default(),
        deadline_micros: deadline.map_or(0, |deadline| deadline.0.micros()),
        open: deadline.is_some_and(|deadline| deadline.is_open(p.now)),
    }
}

/// What its bidder reads of a bid that is not whole: what is missing while it can be handed in, and what follows once it can not.
fn incomplete(p: &Page, lot: &LotFacts, missing: &[EnvelopeKind]) -> Option<String> {
    let names: Vec<String> =
        missing.iter().map(|kind| p.t(&format!("sealed_bid.envelope.{}", kind.code()))).collect();
    let open = lot.plan().is_ok_and(|plan| plan.bid_deadline().is_open(p.now));
    let key = match (counts_as_taken_back(lot, missing), open) {
        (true, _) => "sealed_bid.incomplete.taken_back",
        (false, true) => "sealed_bid.incomplete.missing",
        (false, false) => return None,
    };
    (!missing.is_empty()).then(|| p.tv(key, "envelopes", names.join(&p.t("sealed_bid.incomplete.and"))))
}

#[derive(Template)]
#[template(path = "sealed_bid/lot.html")]
struct LotPage {
    p: Page,
    lot: LotView,
    /// What is still to be done before bids can come: `no_set`, `no_drill`, or nothing.
    missing: Option<&'static str>,
    /// Why the agent goes on without a drill.
    waived: Option<String>,
    certificate: bool,
    /// When the bidder's certificate ends, if that is before the opening.
    expires: Option<String>,
    /// The reason why nothing can be submitted now, if there is one.
    why_not: Option<String>,
    /// What is missing of the bidder's bid, in a sentence.
    incomplete: Option<String>,
    envelopes: Vec<EnvelopeView>,
}

/// One envelope of a lot as its bidder sees it: only their own steps.
struct EnvelopeView {
    code: &'static str,
    stands: bool,
    /// It stands and counts as taken back, because another envelope did not come.
    incomplete: bool,
    /// Something was handed in before, or bids are taken: see [`drill::may_bid`].
    may: bool,
    lines: Vec<Line>,
}

async fn lot_get(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (vault, now) = (door.vault().clone(), p.now);
    let bidder = who.clone();
    let found = door.look(move |db| {
        let lot = project::seen_lot(db, &number, &lot, None)?;
        let certificate = actions::signing_certificate(db, &bidder, now)?.is_some();
        let expires = match lot.schedule {
            Some(schedule) => expiry::too_early(db, &bidder, now, schedule.bids_until)?,
            None => None,
        };
        let readiness = drill::readiness(db, lot.tender)?;
        let missing = actions::own_missing(db, &vault, &bidder, &lot)?;
        let mut envelopes = Vec::new();
        for kind in envelopes_of(&lot.terms) {
            let steps = actions::own_bid(db, &vault, &bidder, lot.lot, *kind)?;
            let lines = steps
                .iter()
                .enumerate()
                .map(|(at, step)| line(step, &lot.name(), &lot.tender_title, steps.get(at + 1)))
                .map(|line| line.among(&lot, &missing));
            let (lines, stands) = (lines.rev().collect(), standing_bid(&steps).is_some());
            let may = drill::may_bid(&readiness, &steps);
            envelopes.push(EnvelopeView {
                code: kind.code(),
                stands,
                incomplete: stands && counts_as_taken_back(&lot, &missing),
                may,
                lines,
            });
        }
        Ok((lot, readiness, certificate, expires, missing, envelopes))
    });
    let (lot, readiness, certificate, expires, missing_envelopes, envelopes) = found.await?;
    let (missing, waived) = match readiness {
        Readiness::NoSet => (Some("no_set"), None),
        Readiness::Untried | Readiness::Trying => (Some("no_drill"), None),
        Readiness::Done => (None, None),
        Readiness::Waived(words) => (None, Some(words)),
    };
    let expires = expires.map(Moment::beijing);
    let why_not = lot.may(FlowStep::SubmitBid, who.role, p.now).err().map(|refused| p.lang.refusal(&refused));
    let incomplete = incomplete(&p, &lot, &missing_envelopes);
    let lot = view(&lot, &p);
    let p_too = p.clone();
    p.html(&LotPage { p: p_too, lot, missing, waived, certificate, expires, why_not, incomplete, envelopes })
}

/// The lot and envelope that an address names, with what the bidder seals with.
pub(super) struct Envelope {
    pub(super) lot: LotFacts,
    pub(super) kind: EnvelopeKind,
    parameters: BidParameters,
    steps: Vec<Kept>,
    /// When the bidder's certificate ends, if that is before the opening.
    expires: Option<Moment>,
}

pub(super) async fn found_envelope(
    door: &Door,
    who: &Who,
    (number, lot, kind): (String, String, String),
) -> Result<Envelope, Failure> {
    let kind = EnvelopeKind::from_code(&kind).ok_or_else(|| Refused::from(Refusal::NoSuchEnvelope))?;
    let (vault, origin, now) = (door.vault().clone(), door.config().origin.clone(), door.now());
    let who = who.clone();
    door.look(move |db| {
        let lot = project::seen_lot(db, &number, &lot, None)?;
        let parameters = actions::parameters(db, &vault, &origin, &who, &lot, kind, now)?;
        let steps = actions::own_bid(db, &vault, &who, lot.lot, kind)?;
        let expires = match lot.schedule {
            Some(schedule) => expiry::too_early(db, &who, now, schedule.bids_until)?,
            None => None,
        };
        Ok(Envelope { lot, kind, parameters, steps, expires })
    })
    .await
}

#[derive(Template)]
#[template(path = "sealed_bid/prepare.html")]
struct PreparePage {
    p: Page,
    lot: LotView,
    envelope: &'static str,
    rev: u32,
    fields: Vec<String>,
    parameters: String,
    upload_url: &'static str,
    bundle: String,
    /// The script's hash, which the browser checks before it runs it.
    integrity: String,
    /// From which ceiling on the command line is recommended, if this lot's is not below it.
    recommended_from: Option<Fen>,
    size_max: u64,
    /// Address that the command line sends to.
    server: String,
    expires: Option<String>,
    why_not: Option<String>,
    threshold: u8,
    trustees: usize,
    /// Where bids are locked twice: minutes that bidders have to give their key.
    dual: Option<u32>,
}

/// The configured value, if the lot's ceiling is not below it.
fn recommended_from(door: &Door, found: &Envelope) -> Option<Fen> {
    let fen = i64::try_from(door.config().command_line_from).ok()?.checked_mul(100)?;
    Some(Fen(fen)).filter(|from| found.lot.terms.ceiling >= *from)
}

fn prepare_page(p: &Page, door: &Door, who: &Who, found: &Envelope) -> PreparePage {
    let refused = found.lot.may(FlowStep::SubmitBid, who.role, p.now).err();
    let bundle = assets::hash(program::SCRIPT).and_then(|hash| hex::decode(hash).ok());
    PreparePage {
        p: p.clone(),
        lot: view(&found.lot, p),
        envelope: found.kind.code(),
        rev: found.parameters.ctx.rev,
        fields: found.parameters.fields.clone(),
        parameters: jcs_text(&found.parameters),
        upload_url: "/sealed-bid/upload",
        bundle: bundle.map(|hash| b64u(&hash)).unwrap_or_default(),
        integrity: program::integrity(),
        recommended_from: recommended_from(door, found),
        // what the archive and the segments add to the files
        size_max: door.config().upload_bytes_max / 100 * 96,
        server: door.config().public_url.trim_end_matches('/').to_owned(),
        expires: found.expires.map(Moment::beijing),
        why_not: refused.map(|refused| p.lang.refusal(&refused)),
        threshold: found.parameters.trustees.t,
        trustees: found.parameters.trustees.members.len(),
        dual: found.lot.terms.dual.map(|dual| dual.minutes),
    }
}

async fn prepare_get(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, String)>,
) -> Answer {
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    p.html(&prepare_page(&p, &door, &who, &found))
}

async fn parameters_get(
    Bidder(who): Bidder,
    door: web::Data<Door>,
    path: web::Path<(String, String, String)>,
) -> Answer {
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    let name = format!("{}-{}-{}.json", found.lot.number, found.lot.lot_number, found.kind.code());
    Ok(download("application/json", &name, jcs_text(&found.parameters)))
}

fn download(mime: &str, name: &str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(mime)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

#[derive(Deserialize)]
struct SubmitForm {
    manifest: String,
    signature: String,
    upload: String,
}

async fn submit_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<(String, String, String)>,
    form: Posted<SubmitForm>,
    came: Came,
) -> Answer {
    let arrival = came.or_now(&door);
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    let upload = tus::named(&form.0.upload).ok_or_else(|| Refused::from(Refusal::NoUpload))?;
    let submission = Submission {
        lot: found.lot.lot,
        envelope: found.kind,
        manifest: form.0.manifest,
        signature: form.0.signature,
        upload,
    };
    let (authority, origin, bidder) = (authority.as_ref().clone(), door.config().origin.clone(), who.clone());
    let done = door
        .act_arrived(who.actor(), who.organisation, arrival, move |act| {
            actions::submit(act, &authority, &origin, &bidder, &submission)
        })
        .await;
    match p.or_problem(done)? {
        Ok(done) => Ok(Page::see(format!("/sealed-bid/receipt/{}", done.value.id))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &prepare_page(&p, &door, &who, &found)),
    }
}

#[derive(Template)]
#[template(path = "sealed_bid/withdraw.html")]
struct WithdrawPage {
    p: Page,
    lot: LotView,
    envelope: &'static str,
    rev: u32,
    statement: String,
}

fn withdraw_page(p: &Page, found: &Envelope) -> Result<WithdrawPage, Refused> {
    let standing = standing_bid(&found.steps).and_then(Kept::manifest);
    let standing = standing.ok_or_else(|| Refused::from(Refusal::NothingToWithdraw))?;
    let (number, lot) = (found.lot.number.to_string(), found.lot.lot_number.to_string());
    let statement = withdrawal_statement(&number, &lot, found.kind, &Bytes(standing.id()));
    let rev = standing.ctx.rev;
    Ok(WithdrawPage { p: p.clone(), lot: view(&found.lot, p), envelope: found.kind.code(), rev, statement })
}

async fn withdraw_get(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, String)>,
) -> Answer {
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    p.html(&withdraw_page(&p, &found)?)
}

async fn withdraw_post(
    Bidder(who): Bidder,
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<(String, String, String)>,
    form: Posted<SignedFields>,
    came: Came,
) -> Answer {
    let arrival = came.or_now(&door);
    let found = found_envelope(&door, &who, path.into_inner()).await?;
    let (authority, bidder, target) = (authority.as_ref().clone(), who.clone(), (found.lot.lot, found.kind));
    let done = door
        .act_arrived(who.actor(), who.organisation, arrival, move |act| {
            actions::withdraw(act, &authority, &bidder, target, &form.0)
        })
        .await;
    match p.or_problem(done)? {
        Ok(done) => Ok(Page::see(format!("/sealed-bid/receipt/{}", done.value.id))),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &withdraw_page(&p, &found)?),
    }
}

#[derive(Template)]
#[template(path = "sealed_bid/receipt.html")]
struct ReceiptPage {
    p: Page,
    lot: LotView,
    envelope: &'static str,
    id: String,
    withdrawn: bool,
    rev: u32,
    /// Id of the manifest, base64url.
    m: String,
    at: String,
    index: u64,
    size: u64,
    root: String,
    proof: String,
    bidder: String,
    /// What is missing of the bid that this one belongs to, in a sentence.
    incomplete: Option<String>,
}

/// A bidder's own step with its lot and its receipt.
struct Proven {
    step: Kept,
    lot: LotFacts,
    index: u64,
    /// The proof file.
    proof: String,
    /// The logged object, base64url.
    object: String,
    /// The envelopes that are missing, if this one stands.
    missing: Vec<EnvelopeKind>,
}

async fn receipt(door: &Door, who: &Who, id: &str) -> Result<Proven, Failure> {
    let id: Id<Step> = Id::parse(id).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let (house, who) = (door.clone(), who.clone());
    door.look(move |db| {
        let step = actions::own_step(db, house.vault(), &who, id)?;
        let lot = project::known_lot(db, step.record.lot)?;
        let receipt = house.receipt(db, step.entry)?;
        let row =
            ledger::store::entry(db, step.entry)?.ok_or_else(|| Fault::new("a step without its entry"))?;
        let object = house.opened(&row)?.object;
        let bid = actions::own_bid(db, house.vault(), &who, lot.lot, step.record.envelope)?;
        let stands = standing_bid(&bid).is_some_and(|standing| standing.id == step.id);
        let missing = if stands { actions::own_missing(db, house.vault(), &who, &lot)? } else { Vec::new() };
        Ok(Proven { step, lot, index: receipt.index, proof: receipt.to_string(), object, missing })
    })
    .await
}

async fn receipt_get(Bidder(who): Bidder, p: Page, door: web::Data<Door>, id: web::Path<String>) -> Answer {
    let Proven { step, lot, index, proof, missing, .. } = receipt(&door, &who, &id).await?;
    let (m, size, root) = match &step.record.deed {
        Deed::Submitted { manifest, .. } => {
            (b64u(&manifest.id()), manifest.ct.size.0, manifest.ct.root.to_string())
        }
        Deed::Withdrawn { m, .. } => (m.to_string(), 0, String::new()),
    };
    let page = ReceiptPage {
        p: p.clone(),
        lot: view(&lot, &p),
        envelope: step.record.envelope.code(),
        id: step.id.to_string(),
        withdrawn: step.manifest().is_none(),
        rev: step.manifest().map_or(0, |manifest| manifest.ctx.rev),
        m,
        at: step.at.beijing(),
        index,
        size,
        root,
        proof,
        bidder: who.organisation_name,
        incomplete: incomplete(&p, &lot, &missing),
    };
    p.html(&page)
}

async fn proof_get(Bidder(who): Bidder, door: web::Data<Door>, id: web::Path<String>) -> Answer {
    let Proven { step, lot, proof, .. } = receipt(&door, &who, &id).await?;
    let name = format!("{}-{}-{}.tlog-proof", lot.number, lot.lot_number, step.record.envelope.code());
    Ok(download("text/plain; charset=utf-8", &name, proof))
}

/// What the proof speaks of: the manifest (without its label), or the event of the withdrawal.
async fn manifest_get(Bidder(who): Bidder, door: web::Data<Door>, id: web::Path<String>) -> Answer {
    let Proven { step, lot, object, .. } = receipt(&door, &who, &id).await?;
    let stem = format!("{}-{}-{}", lot.number, lot.lot_number, step.record.envelope.code());
    Ok(match &step.record.deed {
        Deed::Submitted { manifest, .. } => {
            download("application/json", &format!("{stem}.manifest.json"), jcs_text(manifest))
        }
        Deed::Withdrawn { .. } => {
            let event =
                from_b64u(&object).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            download("application/json", &format!("{stem}.withdrawal.json"), event)
        }
    })
}
