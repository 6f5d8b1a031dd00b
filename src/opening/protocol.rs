//! 开标记录 Making, publishing and signing the opening record.

use super::events::{RecordPublished, RecordSigned};
use super::record::{BidderKeyLine, BidderKeys, DrawnNumber, OpeningRecord, ReadOut, RecordTyp, TrusteeLine};
use super::rules::Refusal;
use super::{actions, store};
use crate::account::authority::Authority;
use crate::account::signature::{self, SignedFields};
use crate::account::who::Who;
use crate::expert_draw::actions::{NumberDraw, number_draws};
use crate::ledger::{Act, Subject};
use crate::message;
use crate::message::rules::Notice;
use crate::platform::canonical::jcs;
use crate::platform::database::Db;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::flow::Step;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::project::store as projects;
use crate::sealed_bid::trustees_store;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, Count};

/// The record of an envelope as it stands: the published one, or what it would be if it were published now. `None`
/// before the envelope is opened.
pub fn record_of(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    envelope: EnvelopeKind,
) -> Result<Option<OpeningRecord>, Failure> {
    if let Some((published, _)) = store::record(db, facts.lot, envelope)? {
        return Ok(Some(published));
    }
    let (closing, sitting) = (store::closing(db, facts.lot)?, store::sitting(db, facts.lot, envelope)?);
    let (Some(closing), Some(sitting)) = (closing, sitting) else { return Ok(None) };
    let Some(opened_at) = sitting.opened_at else { return Ok(None) };
    let objections = store::objections(db, facts.lot)?.into_iter().map(|row| row.objection);
    Ok(Some(OpeningRecord {
        arrivals: store::arrivals(db, facts.lot)?,
        bidder_keys: bidder_keys(db, facts.lot, envelope)?,
        bid_set: Bytes(sitting.bid_set.hash()),
        bidders: closing.bidders,
        closed_at: closing.at,
        closing_root: Bytes(closing.root),
        closing_size: Count(closing.size),
        drawn: drawn(db, vault, facts)?,
        envelope,
        lot: facts.lot_number.to_string(),
        objections: objections.collect(),
        opened_at,
        opens_at: facts.plan()?.bids_until,
        read_out: read_out(db, facts.lot, envelope)?,
        tender: facts.number.to_string(),
        title: facts.tender_title.clone(),
        trustees: trustee_lines(db, facts, envelope)?,
        typ: RecordTyp::V2,
    }))
}

/// Who came with their key, where bids are locked twice.
///
/// # Errors
/// Faults of the database.
pub fn bidder_keys(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Option<BidderKeys>, Failure> {
    let Some(bidders) = store::bidders(db, lot, envelope)? else { return Ok(None) };
    let (keys, tries) = (store::keys(db, lot, envelope)?, store::tries(db, lot, envelope)?);
    let excuses = store::excuses(db, lot, envelope)?;
    let line = |m: &Bytes<32>| {
        let key = keys.iter().find(|key| key.release.m == *m);
        let wrong = tries.iter().filter(|tried| tried.m == *m).count();
        let excuse = excuses.iter().find(|excuse| excuse.m == *m);
        BidderKeyLine {
            excuse: excuse.map(|excuse| excuse.words.clone()),
            paper: excuse.and_then(|excuse| excuse.paper.as_ref()).map(|paper| paper.sha256),
            m: *m,
            released_at: key.map(|key| key.at),
            second: key.is_some_and(|key| key.second),
            wrong: u32::try_from(wrong).unwrap_or(u32::MAX),
        }
    };
    let bids = bidders.dual.iter().map(line).collect();
    Ok(Some(BidderKeys { bids, ended_at: bidders.ended_at, until: bidders.until }))
}

fn drawn(db: &mut Db, vault: &Vault, facts: &LotFacts) -> Result<Vec<DrawnNumber>, Failure> {
    let line = |number: NumberDraw| {
        let (row, _) = number.draw?;
        Some(DrawnNumber { draw: row.id, name: number.name, value: number.value? })
    };
    Ok(number_draws(db, vault, facts)?.into_iter().filter_map(line).collect())
}

fn read_out(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<ReadOut>, Failure> {
    let mut lines = Vec::new();
    for bid in store::bids(db, lot, envelope)? {
        let organisation = crate::party::store::get(db, bid.organisation)?;
        let organisation = organisation.ok_or_else(|| Fault::new("a bid of no organisation"))?;
        lines.push(ReadOut {
            bidder: organisation.name,
            credit_code: organisation.credit_code,
            form: bid.document.as_ref().map(|document| document.form.clone()).unwrap_or_default(),
            leaf: Count(bid.leaf),
            m: bid.m,
            document: bid.document.as_ref().map(|document| Bytes(sha256(&[&jcs(document)]))),
            not_opened: bid.not_opened,
            submitted_at: bid.submitted_at,
        });
    }
    Ok(lines)
}

fn trustee_lines(db: &mut Db, facts: &LotFacts, envelope: EnvelopeKind) -> Result<Vec<TrusteeLine>, Failure> {
    let set = trustees_store::complete_set(db, facts.tender)?.ok_or_else(|| Fault::new("no trustee set"))?;
    let releases = store::releases(db, facts.lot, envelope)?;
    let bids = store::bids(db, facts.lot, envelope)?;
    let line = |member: &crate::sealing::trustees::Member| {
        let released = releases.iter().find(|found| found.release.i == member.i);
        let wrong = bids.iter().filter(|bid| bid.liars.contains(&member.i)).map(|bid| bid.m);
        TrusteeLine {
            i: member.i,
            organisation: member.org.clone(),
            release: released.map(|found| Bytes(found.release.hash())),
            released_at: released.map(|found| found.at),
            wrong: wrong.collect(),
        }
    };
    Ok(set.members.iter().map(line).collect())
}

/// The agent signs the record and publishes it. From then on it is fixed.
///
/// # Errors
/// Refused before the opening, twice, while objections wait for an answer, and if the record has changed since it was
/// shown.
pub fn publish(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may_own(Step::SignOpeningRecord, who, now)?;
    if store::record(act.db(), lot, envelope)?.is_some() {
        return Err(Refused::from(Refusal::Published).into());
    }
    let vault = act.vault().clone();
    let record = record_of(act.db(), &vault, &facts, envelope)?.ok_or(Refused::from(Refusal::NotOpened))?;
    let count = record.objections.iter().filter(|objection| objection.answer.is_none()).count();
    if count > 0 {
        return Err(Refused::from(Refusal::Unanswered { count }).into());
    }
    let signed = signature::check(act.db(), authority, who, now, &record.statement(), fields)?;
    let event = RecordPublished { lot, envelope, record: Bytes(record.hash()), signed: &signed };
    let entry = act.enter(&Subject::open(facts.tender), &event)?;
    store::insert_record(act.db(), lot, &record, entry, now)?;
    store::insert_signature(act.db(), lot, envelope, who, &signed, now)?;
    for bid in store::bids(act.db(), lot, envelope)? {
        let name = facts.name();
        let href = format!("/opening/{name}");
        message::actions::send(act, bid.organisation, Notice::RecordPublished, &name, href)?;
    }
    act.tell(actions::topic(lot));
    Ok(())
}

/// Somebody who signed in signs the published record.
///
/// # Errors
/// Refused before it is published, for people who were not there, and twice.
pub fn sign(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may(Step::SignOpeningRecord, who.role, now)?;
    let (record, _) = store::record(act.db(), lot, envelope)?.ok_or(Refused::from(Refusal::NoRecord))?;
    let person = who.person.to_string();
    if !store::has_arrived(act.db(), lot, &person)? {
        return Err(Refused::from(Refusal::NotPresent).into());
    }
    if store::has_signed(act.db(), lot, envelope, &person)? {
        return Err(Refused::from(Refusal::AlreadySigned).into());
    }
    let signed = signature::check(act.db(), authority, who, now, &record.statement(), fields)?;
    let event = RecordSigned { lot, envelope, record: Bytes(record.hash()), signed: &signed };
    act.enter(&Subject::open(facts.tender), &event)?;
    store::insert_signature(act.db(), lot, envelope, who, &signed, now)?;
    act.tell(actions::topic(lot));
    Ok(())
}
