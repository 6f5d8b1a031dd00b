//! All SQL on the hall's tables: reading here, writing in `write`.

mod bidders;
mod write;

pub use bidders::{ExcuseRow, Paper, ReleasedKey, bidders, excuses, keys, overdue, tries};
pub(super) use bidders::{end_bidders, insert_bidders, insert_excuse, insert_key, insert_try};
pub(super) use write::*;

use super::record::{Arrival, NotOpened, Objection, OpeningRecord};
use super::rules::Closing;
use crate::account::signature::Signed;
use crate::party::rules::Organisation;
use crate::platform::canonical::from_jcs;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, Moment};
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::project::store::project_lot;
use crate::sealed_bid::rules::Upload;
use crate::sealing::bid_document::BidDocument;
use crate::sealing::bid_set::BidSet;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::envelope::ContentKey;
use crate::sealing::release::Release;
use chrono::NaiveDate;
use diesel::prelude::*;

diesel::table! {
    opening_closing (lot_id) {
        lot_id -> Text,
        size -> BigInt,
        root -> Binary,
        note -> Text,
        bidders -> Integer,
        at -> BigInt,
    }
}
diesel::table! {
    opening_sitting (lot_id, envelope) {
        lot_id -> Text,
        envelope -> Text,
        bid_set -> Text,
        session_public -> Binary,
        session_secret -> Nullable<Binary>,
        shares -> Nullable<Binary>,
        started_at -> BigInt,
        opened_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    opening_arrival (lot_id, person_id) {
        lot_id -> Text,
        person_id -> Text,
        name -> Text,
        organisation -> Text,
        role -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    opening_release (lot_id, envelope, place) {
        lot_id -> Text,
        envelope -> Text,
        place -> Integer,
        document -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    opening_bid (lot_id, envelope, m) {
        lot_id -> Text,
        envelope -> Text,
        m -> Text,
        place -> Integer,
        organisation_id -> Text,
        leaf -> BigInt,
        submitted_at -> BigInt,
        document -> Nullable<Text>,
        not_opened -> Nullable<Text>,
        liars -> Text,
    }
}
diesel::table! {
    opening_content (lot_id, envelope, m) {
        lot_id -> Text,
        envelope -> Text,
        m -> Text,
        upload_id -> Text,
        content_key -> Binary,
    }
}
diesel::table! {
    opening_objection (id) {
        id -> Text,
        lot_id -> Text,
        person_id -> Text,
        organisation -> Text,
        words -> Text,
        at -> BigInt,
        answer -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    opening_record (lot_id, envelope) {
        lot_id -> Text,
        envelope -> Text,
        document -> Text,
        entry -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    opening_signature (lot_id, envelope, person_id) {
        lot_id -> Text,
        envelope -> Text,
        person_id -> Text,
        name -> Text,
        organisation -> Text,
        role -> Text,
        signed -> Text,
        at -> BigInt,
    }
}

/// Purpose under which the vault keeps session keys.
const SESSION: &str = "opening/session";
/// Purpose under which the vault keeps shares after an opening.
const SHARES: &str = "opening/shares";
/// Vault place of the keys of opened bids.
const CONTENT: &str = "opening/content";

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the opening tables"))
}

fn unsigned(number: i64) -> Result<u64, Fault> {
    Ok(u64::try_from(number)?)
}

fn signed(number: u64) -> Result<i64, Fault> {
    Ok(i64::try_from(number)?)
}

/// Names an objection in the hall.
pub enum Objected {}

/// An opening session.
#[derive(Clone, Debug)]
pub struct Sitting {
    pub envelope: EnvelopeKind,
    pub bid_set: BidSet,
    pub session: [u8; 65],
    pub started_at: Moment,
    pub opened_at: Option<Moment>,
}

/// A release that was accepted.
#[derive(Clone, Debug)]
pub struct Released {
    pub release: Release,
    pub at: Moment,
}

/// What became of a bid.
#[derive(Clone, Debug)]
pub struct BidRow {
    pub m: Bytes<32>,
    pub organisation: Id<Organisation>,
    pub leaf: u64,
    pub submitted_at: Moment,
    /// The opened bid's document, signatures already checked; `None` if it was not opened.
    pub document: Option<BidDocument>,
    pub not_opened: Option<NotOpened>,
    /// Trustees who reported another share than their box holds.
    pub liars: Vec<u8>,
}

/// Where the content of an opened bid lies, and what reads it.
pub struct ContentRow {
    pub m: Bytes<32>,
    pub upload: Id<Upload>,
    pub key: ContentKey,
}

/// An objection with its id.
#[derive(Clone, Debug)]
pub struct ObjectionRow {
    pub id: Id<Objected>,
    pub objection: Objection,
}

/// A signature under the record.
#[derive(Clone, Debug)]
pub struct SignatureRow {
    pub name: String,
    pub organisation: String,
    pub role: String,
    pub signed: Signed,
    pub at: Moment,
}

/// Announced lots whose bids are opened on this day, Beijing time, by time; at most `most`.
pub fn lots_of_day(db: &mut Db, day: NaiveDate, most: i64) -> Result<Vec<Id<Lot>>, Fault> {
    let from = Moment::start_of(day);
    let rows: Vec<String> = project_lot::table
        .filter(project_lot::announced_at.is_not_null())
        .filter(
            project_lot::bids_until
                .ge(from.micros())
                .and(project_lot::bids_until.lt(from.plus(DAY).micros())),
        )
        .order((project_lot::bids_until, project_lot::id))
        .limit(most)
        .select(project_lot::id)
        .load(db)?;
    rows.iter().map(|id| Id::parse(id).ok_or_else(|| damaged("lot's id"))).collect()
}

/// The closing checkpoint of a lot; `None` while the box is not closed.
pub fn closing(db: &mut Db, lot: Id<Lot>) -> Result<Option<Closing>, Fault> {
    let row: Option<(i64, Vec<u8>, String, i32, i64)> = opening_closing::table
        .filter(opening_closing::lot_id.eq(lot.to_string()))
        .select((
            opening_closing::size,
            opening_closing::root,
            opening_closing::note,
            opening_closing::bidders,
            opening_closing::at,
        ))
        .first(db)
        .optional()?;
    row.map(|(size, root, note, bidders, at)| {
        Ok(Closing {
            size: unsigned(size)?,
            root: root.try_into().map_err(|_| damaged("root"))?,
            note,
            at: Moment::from_micros(at),
            bidders: u32::try_from(bidders)?,
        })
    })
    .transpose()
}

/// The opening session of an envelope.
pub fn sitting(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Option<Sitting>, Fault> {
    let row: Option<(String, Vec<u8>, i64, Option<i64>)> = opening_sitting::table
        .filter(
            opening_sitting::lot_id.eq(lot.to_string()).and(opening_sitting::envelope.eq(envelope.code())),
        )
        .select((
            opening_sitting::bid_set,
            opening_sitting::session_public,
            opening_sitting::started_at,
            opening_sitting::opened_at,
        ))
        .first(db)
        .optional()?;
    row.map(|(bid_set, session, started, opened)| {
        Ok(Sitting {
            envelope,
            bid_set: from_jcs(bid_set.as_bytes())?,
            session: session.try_into().map_err(|_| damaged("session key"))?,
            started_at: Moment::from_micros(started),
            opened_at: opened.map(Moment::from_micros),
        })
    })
    .transpose()
}

/// The session's private key, from the vault; `None` once the envelope is opened.
pub(super) fn session_key(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
) -> Result<Option<BoxKey>, Fault> {
    let row: Option<Option<Vec<u8>>> = opening_sitting::table
        .filter(
            opening_sitting::lot_id.eq(lot.to_string()).and(opening_sitting::envelope.eq(envelope.code())),
        )
        .select(opening_sitting::session_secret)
        .first(db)
        .optional()?;
    let Some(sealed) = row.flatten() else { return Ok(None) };
    let bytes = zeroize::Zeroizing::new(vault.open(SESSION, &sealed)?);
    Ok(Some(BoxKey::from_bytes(&bytes)?))
}

/// The shares that opened an envelope, as the evidence keeps them (`docs/formats/evidence.md`, JSON); `None` before the
/// opening. Whoever holds them and the ciphertexts can read the bids: for the evidence bundle only.
pub fn shares(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
) -> Result<Option<Vec<u8>>, Fault> {
    let row: Option<Option<Vec<u8>>> = opening_sitting::table
        .filter(
            opening_sitting::lot_id.eq(lot.to_string()).and(opening_sitting::envelope.eq(envelope.code())),
        )
        .select(opening_sitting::shares)
        .first(db)
        .optional()?;
    row.flatten().map(|sealed| vault.open(SHARES, &sealed)).transpose()
}

/// Who signed in, in order.
pub fn arrivals(db: &mut Db, lot: Id<Lot>) -> Result<Vec<Arrival>, Fault> {
    let rows: Vec<(i64, String, String, String)> = opening_arrival::table
        .filter(opening_arrival::lot_id.eq(lot.to_string()))
        .order((opening_arrival::at, opening_arrival::person_id))
        .select((
            opening_arrival::at,
            opening_arrival::name,
            opening_arrival::organisation,
            opening_arrival::role,
        ))
        .load(db)?;
    let arrival =
        |(at, name, organisation, role)| Arrival { at: Moment::from_micros(at), name, organisation, role };
    Ok(rows.into_iter().map(arrival).collect())
}

/// Whether a person has signed in.
pub fn has_arrived(db: &mut Db, lot: Id<Lot>, person: &str) -> Result<bool, Fault> {
    let row: Option<i64> = opening_arrival::table
        .filter(opening_arrival::lot_id.eq(lot.to_string()).and(opening_arrival::person_id.eq(person)))
        .select(opening_arrival::at)
        .first(db)
        .optional()?;
    Ok(row.is_some())
}

/// The releases of an envelope, by trustee.
pub fn releases(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<Released>, Fault> {
    let rows: Vec<(String, i64)> = opening_release::table
        .filter(
            opening_release::lot_id.eq(lot.to_string()).and(opening_release::envelope.eq(envelope.code())),
        )
        .order(opening_release::place)
        .select((opening_release::document, opening_release::at))
        .load(db)?;
    let released = |(document, at): (String, i64)| {
        Ok(Released { release: Release::read(document.as_bytes())?, at: Moment::from_micros(at) })
    };
    rows.into_iter().map(released).collect()
}

type BidColumns = (String, String, i64, i64, Option<String>, Option<String>, String);

/// What became of the bids of an envelope, in the order of the read-out. Empty before the opening.
pub fn bids(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<BidRow>, Fault> {
    let rows: Vec<BidColumns> = opening_bid::table
        .filter(opening_bid::lot_id.eq(lot.to_string()).and(opening_bid::envelope.eq(envelope.code())))
        .order(opening_bid::place)
        .select((
            opening_bid::m,
            opening_bid::organisation_id,
            opening_bid::leaf,
            opening_bid::submitted_at,
            opening_bid::document,
            opening_bid::not_opened,
            opening_bid::liars,
        ))
        .load(db)?;
    rows.into_iter().map(bid_of).collect()
}

/// The bids of an envelope that were opened.
pub fn opened_bids(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<BidRow>, Fault> {
    Ok(bids(db, lot, envelope)?.into_iter().filter(|bid| bid.document.is_some()).collect())
}

fn bid_of((m, organisation, leaf, at, document, not_opened, liars): BidColumns) -> Result<BidRow, Fault> {
    Ok(BidRow {
        m: Bytes::parse(&m).ok_or_else(|| damaged("bid"))?,
        organisation: Id::parse(&organisation).ok_or_else(|| damaged("id"))?,
        leaf: unsigned(leaf)?,
        submitted_at: Moment::from_micros(at),
        document: document.map(|text| from_jcs(text.as_bytes())).transpose()?,
        not_opened: not_opened.map(|text| serde_json::from_str(&text)).transpose()?,
        liars: serde_json::from_str(&liars)?,
    })
}

/// Where the content of an opened bid lies, and its key; `None` if the bid was not opened.
pub(super) fn content(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    m: Bytes<32>,
) -> Result<Option<ContentRow>, Fault> {
    let row: Option<(String, Vec<u8>)> = opening_content::table
        .filter(opening_content::lot_id.eq(lot.to_string()).and(opening_content::m.eq(m.to_string())))
        .filter(opening_content::envelope.eq(envelope.code()))
        .select((opening_content::upload_id, opening_content::content_key))
        .first(db)
        .optional()?;
    row.map(|(upload, key)| {
        let key = zeroize::Zeroizing::new(vault.open(CONTENT, &key)?);
        Ok(ContentRow {
            m,
            upload: Id::parse(&upload).ok_or_else(|| damaged("id"))?,
            key: ContentKey::from_bytes(&key).ok_or_else(|| damaged("content key"))?,
        })
    })
    .transpose()
}

/// Id, organisation, words, time, answer and its time.
type ObjectionColumns = (String, String, String, i64, Option<String>, Option<i64>);

/// The objections raised in the hall of a lot, in order.
pub fn objections(db: &mut Db, lot: Id<Lot>) -> Result<Vec<ObjectionRow>, Fault> {
    let rows: Vec<ObjectionColumns> = opening_objection::table
        .filter(opening_objection::lot_id.eq(lot.to_string()))
        .order((opening_objection::at, opening_objection::id))
        .select((
            opening_objection::id,
            opening_objection::organisation,
            opening_objection::words,
            opening_objection::at,
            opening_objection::answer,
            opening_objection::answered_at,
        ))
        .load(db)?;
    let row = |(id, organisation, words, at, answer, answered): (
        String,
        String,
        String,
        i64,
        Option<String>,
        Option<i64>,
    )| {
        let (at, answered_at) = (Moment::from_micros(at), answered.map(Moment::from_micros));
        let objection = Objection { answer, answered_at, at, organisation, words };
        Ok(ObjectionRow { id: Id::parse(&id).ok_or_else(|| damaged("id"))?, objection })
    };
    rows.into_iter().map(row).collect()
}

/// The published record of an envelope, and when it was published.
pub fn record(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
) -> Result<Option<(OpeningRecord, Moment)>, Fault> {
    let row: Option<(String, i64)> = opening_record::table
        .filter(opening_record::lot_id.eq(lot.to_string()).and(opening_record::envelope.eq(envelope.code())))
        .select((opening_record::document, opening_record::at))
        .first(db)
        .optional()?;
    row.map(|(document, at)| Ok((from_jcs(document.as_bytes())?, Moment::from_micros(at)))).transpose()
}

/// The signatures under a record, in order.
pub fn signatures(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<SignatureRow>, Fault> {
    let rows: Vec<(String, String, String, String, i64)> = opening_signature::table
        .filter(
            opening_signature::lot_id
                .eq(lot.to_string())
                .and(opening_signature::envelope.eq(envelope.code())),
        )
        .order((opening_signature::at, opening_signature::person_id))
        .select((
            opening_signature::name,
            opening_signature::organisation,
            opening_signature::role,
            opening_signature::signed,
            opening_signature::at,
        ))
        .load(db)?;
    let row = |(name, organisation, role, text, at): (String, String, String, String, i64)| {
        Ok(SignatureRow {
            name,
            organisation,
            role,
            signed: serde_json::from_str(&text)?,
            at: Moment::from_micros(at),
        })
    };
    rows.into_iter().map(row).collect()
}
