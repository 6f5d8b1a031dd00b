//! The bidders' phase of an opening whose bids are locked twice.

use super::damaged;
use crate::opening::lockstep::Bidders;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Lot;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::release::BidderRelease;
use diesel::prelude::*;

diesel::table! {
    opening_bidders (lot_id, envelope) {
        lot_id -> Text,
        envelope -> Text,
        dual -> Text,
        until -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    opening_bidder_key (lot_id, envelope, m) {
        lot_id -> Text,
        envelope -> Text,
        m -> Text,
        document -> Text,
        second -> Bool,
        at -> BigInt,
    }
}
diesel::table! {
    opening_bidder_try (id) {
        id -> Text,
        lot_id -> Text,
        envelope -> Text,
        m -> Text,
        at -> BigInt,
        document -> Text,
    }
}
diesel::table! {
    opening_excuse (lot_id, envelope, m) {
        lot_id -> Text,
        envelope -> Text,
        m -> Text,
        words -> Text,
        at -> BigInt,
        paper_name -> Text,
        paper -> Text,
    }
}

/// A paper that shows a cause, and what the agent's computer calls it. The name is for those who may read the paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    pub name: String,
    pub sha256: Bytes<32>,
}

/// Names a wrong key that was released.
pub enum Try {}

/// A bidder's release that was taken.
#[derive(Clone, Debug)]
pub struct ReleasedKey {
    pub release: BidderRelease,
    /// By the second holder.
    pub second: bool,
    pub at: Moment,
}

/// Why a missing key is not its bidder's fault.
#[derive(Clone, Debug)]
pub struct ExcuseRow {
    pub m: Bytes<32>,
    pub words: String,
    pub at: Moment,
    pub paper: Option<Paper>,
}

/// The bidders' phase of an envelope; `None` where no bid of it is locked twice.
pub fn bidders(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Option<Bidders>, Fault> {
    let row: Option<(String, i64, Option<i64>)> = opening_bidders::table
        .filter(
            opening_bidders::lot_id.eq(lot.to_string()).and(opening_bidders::envelope.eq(envelope.code())),
        )
        .select((opening_bidders::dual, opening_bidders::until, opening_bidders::ended_at))
        .first(db)
        .optional()?;
    let Some((dual, until, ended)) = row else { return Ok(None) };
    let released = keys(db, lot, envelope)?.into_iter().map(|key| key.release.m).collect();
    Ok(Some(Bidders {
        dual: serde_json::from_str(&dual)?,
        released,
        until: Moment::from_micros(until),
        ended_at: ended.map(Moment::from_micros),
    }))
}

/// Bidders' releases of an envelope, in the order of their coming.
pub fn keys(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<ReleasedKey>, Fault> {
    let rows: Vec<(String, bool, i64)> = opening_bidder_key::table
        .filter(
            opening_bidder_key::lot_id
                .eq(lot.to_string())
                .and(opening_bidder_key::envelope.eq(envelope.code())),
        )
        .order((opening_bidder_key::at, opening_bidder_key::m))
        .select((opening_bidder_key::document, opening_bidder_key::second, opening_bidder_key::at))
        .load(db)?;
    let key = |(document, second, at): (String, bool, i64)| {
        let release = BidderRelease::read(document.as_bytes())?;
        Ok(ReleasedKey { release, second, at: Moment::from_micros(at) })
    };
    rows.into_iter().map(key).collect()
}

/// The wrong keys that bidders released, oldest first.
pub fn tries(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<BidderRelease>, Fault> {
    let rows: Vec<String> = opening_bidder_try::table
        .filter(
            opening_bidder_try::lot_id
                .eq(lot.to_string())
                .and(opening_bidder_try::envelope.eq(envelope.code())),
        )
        .order((opening_bidder_try::at, opening_bidder_try::id))
        .select(opening_bidder_try::document)
        .load(db)?;
    rows.iter().map(|document| Ok(BidderRelease::read(document.as_bytes())?)).collect()
}

/// The excuses of an envelope.
pub fn excuses(db: &mut Db, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Vec<ExcuseRow>, Fault> {
    let rows: Vec<(String, String, i64, String, String)> = opening_excuse::table
        .filter(opening_excuse::lot_id.eq(lot.to_string()).and(opening_excuse::envelope.eq(envelope.code())))
        .order(opening_excuse::m)
        .select((
            opening_excuse::m,
            opening_excuse::words,
            opening_excuse::at,
            opening_excuse::paper_name,
            opening_excuse::paper,
        ))
        .load(db)?;
    let row = |(m, words, at, name, paper): (String, String, i64, String, String)| {
        let m = Bytes::parse(&m).ok_or_else(|| damaged("bid"))?;
        let mut sha256 = [0; 32];
        let held = hex::decode_to_slice(&paper, &mut sha256).is_ok();
        let paper = held.then_some(Paper { name, sha256: Bytes(sha256) });
        Ok(ExcuseRow { m, words, at: Moment::from_micros(at), paper })
    };
    rows.into_iter().map(row).collect()
}

/// Envelopes whose bidders' time is over at `now` and not yet on record as ended, at most `limit`.
pub fn overdue(db: &mut Db, now: Moment, limit: i64) -> Result<Vec<(Id<Lot>, EnvelopeKind)>, Fault> {
    let rows: Vec<(String, String)> = opening_bidders::table
        .filter(opening_bidders::ended_at.is_null().and(opening_bidders::until.le(now.micros())))
        .order(opening_bidders::until)
        .limit(limit)
        .select((opening_bidders::lot_id, opening_bidders::envelope))
        .load(db)?;
    let row = |(lot, envelope): (String, String)| {
        let lot = Id::parse(&lot).ok_or_else(|| damaged("id"))?;
        Ok((lot, EnvelopeKind::from_code(&envelope).ok_or_else(|| damaged("envelope"))?))
    };
    rows.into_iter().map(row).collect()
}

pub(in crate::opening) fn insert_bidders(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    dual: &[Bytes<32>],
    until: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_bidders::table)
        .values((
            opening_bidders::lot_id.eq(lot.to_string()),
            opening_bidders::envelope.eq(envelope.code()),
            opening_bidders::dual.eq(jcs_text(&dual)),
            opening_bidders::until.eq(until.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn end_bidders(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    now: Moment,
) -> Result<(), Fault> {
    let own = opening_bidders::table.filter(
        opening_bidders::lot_id.eq(lot.to_string()).and(opening_bidders::envelope.eq(envelope.code())),
    );
    diesel::update(own).set(opening_bidders::ended_at.eq(Some(now.micros()))).execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_key(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    release: &BidderRelease,
    second: bool,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_bidder_key::table)
        .values((
            opening_bidder_key::lot_id.eq(lot.to_string()),
            opening_bidder_key::envelope.eq(envelope.code()),
            opening_bidder_key::m.eq(release.m.to_string()),
            opening_bidder_key::document.eq(jcs_text(release)),
            opening_bidder_key::second.eq(second),
            opening_bidder_key::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_try(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    release: &BidderRelease,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_bidder_try::table)
        .values((
            opening_bidder_try::id.eq(Id::<Try>::random().to_string()),
            opening_bidder_try::lot_id.eq(lot.to_string()),
            opening_bidder_try::envelope.eq(envelope.code()),
            opening_bidder_try::m.eq(release.m.to_string()),
            opening_bidder_try::at.eq(now.micros()),
            opening_bidder_try::document.eq(jcs_text(release)),
        ))
        .execute(db)?;
    Ok(())
}

pub(in crate::opening) fn insert_excuse(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    m: &Bytes<32>,
    (words, paper): (&str, &Paper),
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(opening_excuse::table)
        .values((
            opening_excuse::lot_id.eq(lot.to_string()),
            opening_excuse::envelope.eq(envelope.code()),
            opening_excuse::m.eq(m.to_string()),
            opening_excuse::words.eq(words),
            opening_excuse::at.eq(now.micros()),
            opening_excuse::paper_name.eq(&paper.name),
            opening_excuse::paper.eq(hex::encode(paper.sha256.0)),
        ))
        .execute(db)?;
    Ok(())
}
