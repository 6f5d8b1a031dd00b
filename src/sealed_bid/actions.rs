//! Submit, replace, withdraw: each one act, each in the log.

use super::rules::{
    self, Deed, Kept, Refusal, StepRecord, Upload, check_manifest, envelopes_of, fields_of, next_revision,
    standing_bid, withdrawal_statement,
};
use super::store::{self, CountedEnvelope, UploadState};
use super::{drill, trustees_store, uploads};
use crate::account::authority::Authority;
use crate::account::signature::{self, SignedFields};
use crate::account::who::Who;
use crate::announcement::store as announcement;
use crate::deposit::actions as deposit;
use crate::ledger::{Act, Actor, Event, Subject};
use crate::outage::actions as outage;
use crate::party::rules::Organisation;
use crate::platform::canonical::from_jcs;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::tries::Tries;
use crate::platform::vault::Vault;
use crate::project::flow::Step as FlowStep;
use crate::project::phase::Milestone;
use crate::project::rules::{Lot, Tender};
use crate::project::standing::LotFacts;
use crate::project::{actions as project_actions, store as project};
use crate::sealing::bid_set::{BidSet, Closing, CountedBid};
use crate::sealing::command::{BidParameters, ParametersTyp};
use crate::sealing::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use crate::sealing::document::{Blob, Bytes, Count};
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::Signature;
use serde::Serialize;
use std::sync::LazyLock;

/// The manifest enters the log as what the bidder signed, so that the receipt speaks of the manifest itself.
#[derive(Serialize)]
struct Submitted<'a> {
    manifest: &'a Manifest,
}

impl Event for Submitted<'_> {
    const KIND: &'static str = "sealed_bid.submitted";
    const NUMBER: u8 = 70;
    const PAD: usize = rules::ROW_PAD;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        self.manifest.message()
    }
}

#[derive(Serialize)]
struct Withdrawn<'a> {
    lot: Id<Lot>,
    m: &'a Bytes<32>,
    signed: &'a signature::Signed,
}

impl Event for Withdrawn<'_> {
    const KIND: &'static str = "sealed_bid.withdrawn";
    const NUMBER: u8 = 71;
    const PAD: usize = rules::ROW_PAD;
}

/// A try after the deadline. Kept so that nobody can say that it was, or was not, in time.
#[derive(Serialize)]
struct RefusedLate<'a> {
    lot: Id<Lot>,
    organisation: Id<Organisation>,
    deadline: Moment,
    /// Id of the manifest that came late, if there was one.
    m: Option<&'a Bytes<32>>,
    /// It had arrived before the deadline, and the box was closed before its turn came: the platform's fault, not the bidder's.
    shut: bool,
}

impl Event for RefusedLate<'_> {
    const KIND: &'static str = "sealed_bid.refused_late";
    const NUMBER: u8 = 72;
}

/// What a bid is handed in with.
#[derive(Clone, Debug)]
pub struct Submission {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    /// JCS text of the manifest.
    pub manifest: String,
    /// JCS text of the signature.
    pub signature: String,
    pub upload: Id<Upload>,
}

/// The bidder's pseudonym in a tender: 16 bytes that only the platform's key and the bidder connect with the bidder.
fn pseudonym(vault: &Vault, tender: Id<Tender>, bidder: Id<Organisation>) -> Bytes<16> {
    first_16(&vault.tag("sealed_bid/pseudonym", &[&tender.to_bytes(), &bidder.to_bytes()]))
}

/// The id of a bid, the same through all its revisions.
fn bid_id(vault: &Vault, lot: Id<Lot>, kind: EnvelopeKind, bidder: Id<Organisation>) -> Bytes<16> {
    first_16(&vault.tag("sealed_bid/bid", &[&lot.to_bytes(), kind.code().as_bytes(), &bidder.to_bytes()]))
}

fn first_16(tag: &str) -> Bytes<16> {
    let hash = crate::platform::digest::sha256(&[tag.as_bytes()]);
    let mut out = [0; 16];
    out.iter_mut().zip(hash).for_each(|(slot, byte)| *slot = byte);
    Bytes(out)
}

/// The certificate with which a person signs now: the newest that is valid.
pub(super) fn signing_certificate(db: &mut Db, who: &Who, now: Moment) -> Result<Option<Vec<u8>>, Fault> {
    let all = crate::account::store::certificates(db, who.person)?;
    let valid = all.into_iter().find(|c| c.revoked_at.is_none() && c.not_before <= now && now < c.not_after);
    Ok(valid.map(|certificate| certificate.der))
}

/// What a bidder needs to seal the next revision of an envelope: the complete context, the trustee set, the fields.
///
/// # Errors
/// Refused for an envelope that the lot does not have, while the trustee set is not complete, and before its drill.
pub fn parameters(
    db: &mut Db,
    vault: &Vault,
    origin: &str,
    who: &Who,
    lot: &LotFacts,
    envelope: EnvelopeKind,
    now: Moment,
) -> Result<BidParameters, Failure> {
    if !envelopes_of(&lot.terms).contains(&envelope) {
        return Err(Refused::from(Refusal::NoSuchEnvelope).into());
    }
    let trustees =
        trustees_store::complete_set(db, lot.tender)?.ok_or_else(|| Refused::from(Refusal::NoTrustees))?;
    let steps = store::steps_of_bid(db, vault, lot.lot, envelope, who.organisation)?;
    // whoever has bid before there was a drill may change the bid: see `drill::may_bid`
    if steps.is_empty() && !drill::takes_bids(db, lot.tender)? {
        return Err(Refused::from(Refusal::NoDrill).into());
    }
    let (rev, prev) = next_revision(&steps);
    let documents = announcement::documents(db, lot.tender)?;
    let documents: Vec<String> = documents
        .into_iter()
        .filter(|document| document.version.is_some())
        .map(|document| document.content)
        .collect();
    let ctx = Context {
        bid: bid_id(vault, lot.lot, envelope, who.organisation),
        bidder: pseudonym(vault, lot.tender, who.organisation),
        envelope,
        lot: lot.lot_number.to_string(),
        mode: if lot.terms.dual.is_some() { Mode::Dual } else { Mode::Trustees },
        origin: origin.to_owned(),
        rev,
        suite: Suite,
        tender: lot.number.to_string(),
        tender_doc: rules::tender_documents_hash(&lot.terms, &documents),
        trustees: Bytes(trustees.hash()),
        typ: ContextTyp,
    };
    let x5c = signing_certificate(db, who, now)?.map(Blob).into_iter().collect();
    let fields = fields_of(envelope, lot.book()?).into_iter().map(str::to_owned).collect();
    Ok(BidParameters { ctx, fields, prev, trustees, typ: ParametersTyp, x5c })
}

/// Takes a sealed bid. It is handed in at the moment of this act, which is when its form had arrived; what it returns is the
/// step whose receipt the bidder gets.
///
/// # Errors
/// Refused after the deadline (and the refusal is entered in the log), when the manifest, its signature or the uploaded
/// bytes are not what they must be; see [`Refusal`].
pub fn submit(
    act: &mut Act<'_>,
    authority: &Authority,
    origin: &str,
    who: &Who,
    submission: &Submission,
) -> Result<Kept, Failure> {
    let manifest =
        Manifest::read(submission.manifest.as_bytes()).map_err(|why| Refused::from(Refusal::from(why)));
    let m = manifest.as_ref().ok().map(|manifest| Bytes(manifest.id()));
    let lot = in_time(act, who, submission.lot, FlowStep::SubmitBid, m.as_ref())?;
    let manifest = manifest?;
    let signature: Signature = from_jcs(submission.signature.as_bytes())
        .map_err(|why| Refused::from(Refusal::Malformed { cause: "signature", why: why.to_string() }))?;
    let (vault, now) = (act.vault().clone(), act.now());
    let expected = parameters(act.db(), &vault, origin, who, &lot, submission.envelope, now)?;
    let upload = uploads::own(act.db(), &vault, who, submission.upload, now)?;
    let parts = store::parts(act.db(), upload.id)?;
    let measured = store::measured(&parts);
    if measured.size != upload.size {
        return Err(Refused::from(Refusal::Unfinished { have: measured.size, size: upload.size }).into());
    }
    check_manifest(&manifest, &expected.ctx, expected.prev, measured).map_err(Refused::from)?;
    manifest.check_trustees(&expected.trustees).map_err(|_| Refused::from(Refusal::OtherTrustees))?;
    let leaf = signature.x5c.first().map_or(&[][..], |leaf| &leaf.0);
    signature::check_registered(act.db(), authority, who, now, &manifest.message(), &signature.sig.0, leaf)?;
    // whoever verifies later has no other time than the manifest's own to judge its certificate by
    let created = manifest.created;
    authority.check(leaf, created).map_err(|_| Refused::from(Refusal::SealedWhen { created }))?;
    if !store::end_upload(act.db(), upload.id, UploadState::Used)? {
        return Err(Refused::from(Refusal::NoUpload).into());
    }
    if expected.prev.is_some() {
        let earlier = store::steps_of_bid(act.db(), &vault, lot.lot, submission.envelope, who.organisation)?;
        drop_ciphertext(act, &earlier)?;
    }
    // the manifest goes into the log under a subject of its own: a subject of the lot would count its bids
    let id = Id::random();
    let entry = act.enter(&Subject::sealed(id), &Submitted { manifest: &manifest })?;
    deposit::bid_handed_in(act, &lot, who.organisation)?;
    let deed = Deed::Submitted { manifest: Box::new(manifest), signature, upload: upload.id };
    keep(act, Kept { id, at: now, entry, record: record(who, &lot, submission.envelope, deed) })
}

/// Withdraws the bid that stands. `fields` carry the signed statement of [`withdrawal_statement`]. With the last envelope the
/// deposit becomes due back (招标投标法实施条例 第三十五条).
///
/// # Errors
/// Refused after the deadline (on record), without a bid, and for a statement that is not signed as shown.
pub fn withdraw(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    (lot, envelope): (Id<Lot>, EnvelopeKind),
    fields: &SignedFields,
) -> Result<Kept, Failure> {
    let lot = in_time(act, who, lot, FlowStep::WithdrawBid, None)?;
    let (vault, now) = (act.vault().clone(), act.now());
    let steps = store::steps_of_bid(act.db(), &vault, lot.lot, envelope, who.organisation)?;
    let nothing = || Refused::from(Refusal::NothingToWithdraw);
    let m = Bytes(standing_bid(&steps).and_then(Kept::manifest).ok_or_else(nothing)?.id());
    let expected = withdrawal_statement(&lot.number.to_string(), &lot.lot_number.to_string(), envelope, &m);
    let signed = signature::check(act.db(), authority, who, now, &expected, fields)?;
    let id = Id::random();
    let entry = act.enter(&Subject::sealed(id), &Withdrawn { lot: lot.lot, m: &m, signed: &signed })?;
    let deed = Deed::Withdrawn { m, signed };
    drop_ciphertext(act, &steps)?;
    if nothing_else_stands(act, who, &lot, envelope)? {
        deposit::bid_withdrawn(act, &lot, who.organisation)?;
    }
    keep(act, Kept { id, at: now, entry, record: record(who, &lot, envelope, deed) })
}

/// The bid that stands is replaced or withdrawn in this act: it can never count again, so its bytes need no room. Whoever
/// replaces a large bid many times must not fill the disk.
fn drop_ciphertext(act: &mut Act<'_>, steps: &[Kept]) -> Result<(), Fault> {
    let Some(Deed::Submitted { upload, .. }) = standing_bid(steps).map(|kept| &kept.record.deed) else {
        return Ok(());
    };
    let at = act.now().plus(-rules::LEFTOVERS_KEPT);
    store::supersede(act.db(), *upload, at)
}

/// Whether this bidder has a standing bid in no other envelope of the lot.
fn nothing_else_stands(
    act: &mut Act<'_>,
    who: &Who,
    lot: &LotFacts,
    withdrawn: EnvelopeKind,
) -> Result<bool, Fault> {
    let vault = act.vault().clone();
    for envelope in envelopes_of(&lot.terms).iter().filter(|envelope| **envelope != withdrawn) {
        let steps = store::steps_of_bid(act.db(), &vault, lot.lot, *envelope, who.organisation)?;
        if standing_bid(&steps).is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn record(who: &Who, lot: &LotFacts, envelope: EnvelopeKind, deed: Deed) -> StepRecord {
    StepRecord {
        tender: lot.tender,
        lot: lot.lot,
        envelope,
        person: who.person,
        organisation: who.organisation,
        deed,
    }
}

fn keep(act: &mut Act<'_>, step: Kept) -> Result<Kept, Failure> {
    let vault = act.vault().clone();
    store::insert_step(act.db(), &vault, &step)?;
    Ok(step)
}

static LATE_ON_RECORD: LazyLock<Tries> = LazyLock::new(|| Tries::a_minute(LATE_ON_RECORD_MAX));

/// Late tries of one bidder for one lot that go on record in a minute, at each server.
pub const LATE_ON_RECORD_MAX: u32 = 20;

/// Whether this late try goes on record: more than [`LATE_ON_RECORD_MAX`] tell nothing more, and nobody may fill the log by
/// pressing a button.
pub(crate) fn goes_on_record(lot: Id<Lot>, organisation: Id<Organisation>) -> bool {
    LATE_ON_RECORD.admits(&format!("{lot}/{organisation}"))
}

/// The gate of the lane in which a bidder's steps on a lot are numbered.
pub(crate) fn lane_gate(lot: Id<Lot>, bidder: Id<Organisation>) -> String {
    format!("bids/{lot}/{}", store::lane(bidder))
}

/// Goes through the gate: shares it with other bidders, so that the closing act comes wholly before or after; takes the
/// lot's lane and the bidder's series for this act alone; then compares the act's moment, which is that of the form's arrival. The
/// equal instant is late.
fn in_time(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    step: FlowStep,
    m: Option<&Bytes<32>>,
) -> Result<LotFacts, Failure> {
    act.share(&project_actions::gate(lot))?;
    act.exclude(&lane_gate(lot, who.organisation))?;
    act.exclude(&format!("bidder/{}", who.organisation))?;
    let mut facts = project::known_lot(act.db(), lot)?;
    // a server that was taken for dead, or whose clock is behind, may find the box closed
    let closed = facts.reached(Milestone::BiddingClosed).is_some();
    let was = facts.plan()?.bid_deadline();
    if !closed && !was.is_open(act.now()) {
        // nobody is late before it is known whether the platform was away, and where the deadline went
        if outage::is_silent(act)? {
            return Err(Refused::from(Refusal::MayMove { deadline: was.0 }).into());
        }
        facts = project::known_lot(act.db(), lot)?;
    }
    let (now, deadline) = (act.now(), facts.plan()?.bid_deadline());
    let shut = act.has_arrival() && deadline.is_open(now) && closed;
    if shut || !deadline.is_open(now) {
        let late = RefusedLate { lot, organisation: who.organisation, deadline: deadline.0, m, shut };
        if shut || goes_on_record(lot, who.organisation) {
            act.enter_on_refusal(&Subject::sealed(lot), &late)?;
        }
        let refusal = if shut { Refusal::Shut { at: now } } else { Refusal::Late { deadline: deadline.0 } };
        return Err(Refused::from(refusal).into());
    }
    facts.may(step, who.role, now)?;
    Ok(facts)
}

/// The bid set of an envelope of a closed box, with these bids.
pub fn bid_set(
    lot: &LotFacts,
    envelope: EnvelopeKind,
    closing: Closing,
    counted: &[CountedEnvelope],
) -> BidSet {
    let bids = counted.iter().map(|c| CountedBid { leaf: Count(c.leaf), m: Bytes(c.m) }).collect();
    BidSet::new(&lot.number.to_string(), &lot.lot_number.to_string(), envelope, closing, bids)
}

/// The bidder's own step, for its receipt.
///
/// # Errors
/// 404 for a step that is not this bidder's.
pub fn own_step(db: &mut Db, vault: &Vault, who: &Who, id: Id<rules::Step>) -> Result<Kept, Failure> {
    let step = store::step(db, vault, id)?.filter(|step| step.record.organisation == who.organisation);
    Ok(step.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?)
}

/// The envelopes that a bidder must still hand in for the bid on a lot to count; see [`rules::missing_envelopes`].
///
/// # Errors
/// Faults of the database.
pub fn own_missing(
    db: &mut Db,
    vault: &Vault,
    who: &Who,
    lot: &LotFacts,
) -> Result<Vec<EnvelopeKind>, Fault> {
    let mut standing = Vec::new();
    for kind in envelopes_of(&lot.terms) {
        if standing_bid(&own_bid(db, vault, who, lot.lot, *kind)?).is_some() {
            standing.push(*kind);
        }
    }
    Ok(rules::missing_envelopes(&standing))
}

/// Everything that a bidder's organisation did, newest first.
///
/// # Errors
/// Faults of the database.
pub fn own_steps(db: &mut Db, vault: &Vault, who: &Who) -> Result<Vec<Kept>, Fault> {
    let mut steps = store::steps(db, vault, store::Series::Bidder(who.organisation))?;
    steps.reverse();
    Ok(steps)
}

/// What a bidder's organisation did on one envelope, oldest first.
///
/// # Errors
/// Faults of the database.
pub fn own_bid(
    db: &mut Db,
    vault: &Vault,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
) -> Result<Vec<Kept>, Fault> {
    store::steps_of_bid(db, vault, lot, envelope, who.organisation)
}
