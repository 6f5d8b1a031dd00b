//! All SQL of the room: draws and their parties here, pools and seats in files of their own.

pub(super) mod pools;
pub(super) mod seats;

use super::draw::{Draw, Reveals};
use super::hex_bytes::Hex;
use super::public_value::{PublicSource, PublicValue};
use super::rules::{Progress, Subject};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::project::rules::Lot;
use diesel::prelude::*;
use std::collections::BTreeMap;

diesel::table! {
    expert_draw_draw (id) {
        id -> Text,
        lot_id -> Text,
        tender_number -> Text,
        lot_number -> Integer,
        subject -> Text,
        source -> Text,
        reveal_by -> BigInt,
        public_at -> BigInt,
        set_up_at -> BigInt,
        list_hash -> Text,
        setup -> Binary,
        fixed_at -> Nullable<BigInt>,
        doc_hash -> Nullable<Text>,
        document -> Nullable<Binary>,
        drawn_at -> Nullable<BigInt>,
        public_value -> Nullable<Text>,
        result -> Nullable<Binary>,
        failed_at -> Nullable<BigInt>,
        cause -> Nullable<Text>,
        released_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    expert_draw_party (draw_id, party) {
        draw_id -> Text,
        party -> Text,
        committed -> Nullable<Text>,
        committed_at -> Nullable<BigInt>,
        secret -> Nullable<Text>,
        revealed_at -> Nullable<BigInt>,
        public_value -> Nullable<Text>,
        entered_at -> Nullable<BigInt>,
    }
}
/// A draw without its sealed parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawRow {
    pub id: Id<Draw>,
    pub lot: Id<Lot>,
    pub tender_number: String,
    pub lot_number: i32,
    pub subject: Subject,
    pub source: PublicSource,
    pub reveal_by: Moment,
    pub public_at: Moment,
    pub set_up_at: Moment,
    pub list_hash: String,
    pub fixed_at: Option<Moment>,
    pub doc_hash: Option<String>,
    pub drawn_at: Option<Moment>,
    pub public_value: Option<String>,
    pub failed_at: Option<Moment>,
    pub cause: Option<String>,
    pub released_at: Option<Moment>,
}

/// The sealed parts of a draw.
pub struct SealedParts {
    pub setup: Vec<u8>,
    pub document: Option<Vec<u8>>,
    pub result: Option<Vec<u8>>,
}

/// What one party has done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyRow {
    pub party: String,
    pub committed: Option<Hex<32>>,
    pub committed_at: Option<Moment>,
    pub secret: Option<Hex<32>>,
    pub revealed_at: Option<Moment>,
    pub public_value: Option<PublicValue>,
    pub entered_at: Option<Moment>,
}

fn damaged(what: &'static str) -> Fault {
    Fault::new(format!("damaged {what} in the database"))
}

fn id<T>(text: &str) -> Result<Id<T>, Fault> {
    Id::parse(text).ok_or_else(|| damaged("id"))
}

fn hex<const N: usize>(text: Option<String>) -> Result<Option<Hex<N>>, Fault> {
    text.map(|text| Hex::parse(&text).ok_or_else(|| damaged("hex"))).transpose()
}

fn moment(micros: Option<i64>) -> Option<Moment> {
    micros.map(Moment::from_micros)
}

#[derive(Queryable)]
struct RawDraw {
    id: String,
    lot_id: String,
    tender_number: String,
    lot_number: i32,
    subject: String,
    source: String,
    reveal_by: i64,
    public_at: i64,
    set_up_at: i64,
    list_hash: String,
    fixed_at: Option<i64>,
    doc_hash: Option<String>,
    drawn_at: Option<i64>,
    public_value: Option<String>,
    failed_at: Option<i64>,
    cause: Option<String>,
    released_at: Option<i64>,
}

impl RawDraw {
    fn read(self) -> Result<DrawRow, Fault> {
        Ok(DrawRow {
            id: id(&self.id)?,
            lot: id(&self.lot_id)?,
            tender_number: self.tender_number,
            lot_number: self.lot_number,
            subject: Subject::from_code(&self.subject).ok_or_else(|| damaged("subject"))?,
            source: serde_json::from_str(&self.source)?,
            reveal_by: Moment::from_micros(self.reveal_by),
            public_at: Moment::from_micros(self.public_at),
            set_up_at: Moment::from_micros(self.set_up_at),
            list_hash: self.list_hash,
            fixed_at: moment(self.fixed_at),
            doc_hash: self.doc_hash,
            drawn_at: moment(self.drawn_at),
            public_value: self.public_value,
            failed_at: moment(self.failed_at),
            cause: self.cause,
            released_at: moment(self.released_at),
        })
    }
}

macro_rules! draw_columns {
    ($d:ident) => {
        (
            $d::id,
            $d::lot_id,
            $d::tender_number,
            $d::lot_number,
            $d::subject,
            $d::source,
            $d::reveal_by,
            $d::public_at,
            $d::set_up_at,
            $d::list_hash,
            $d::fixed_at,
            $d::doc_hash,
            $d::drawn_at,
            $d::public_value,
            $d::failed_at,
            $d::cause,
            $d::released_at,
        )
    };
}

/// One draw.
pub(crate) fn draw(db: &mut Db, draw: Id<Draw>) -> Result<Option<DrawRow>, Fault> {
    use expert_draw_draw as d;
    let row: Option<RawDraw> =
        d::table.filter(d::id.eq(draw.to_string())).select(draw_columns!(d)).first(db).optional()?;
    row.map(RawDraw::read).transpose()
}

/// All draws of a lot, newest first.
pub(crate) fn draws_of(db: &mut Db, lot: Id<Lot>) -> Result<Vec<DrawRow>, Fault> {
    use expert_draw_draw as d;
    let rows: Vec<RawDraw> = d::table
        .filter(d::lot_id.eq(lot.to_string()))
        .order((d::set_up_at.desc(), d::id))
        .select(draw_columns!(d))
        .load(db)?;
    rows.into_iter().map(RawDraw::read).collect()
}

/// The newest draws of the house, at most `limit`.
pub(crate) fn newest_draws(db: &mut Db, limit: i64) -> Result<Vec<DrawRow>, Fault> {
    use expert_draw_draw as d;
    let rows: Vec<RawDraw> =
        d::table.order((d::set_up_at.desc(), d::id)).limit(limit).select(draw_columns!(d)).load(db)?;
    rows.into_iter().map(RawDraw::read).collect()
}

/// What is sealed about a draw.
pub(crate) fn sealed_parts(db: &mut Db, draw: Id<Draw>) -> Result<SealedParts, Fault> {
    use expert_draw_draw as d;
    let (setup, document, result) =
        d::table.filter(d::id.eq(draw.to_string())).select((d::setup, d::document, d::result)).first(db)?;
    Ok(SealedParts { setup, document, result })
}

/// A new draw with the parties that are asked to commit.
pub(in crate::expert_draw) fn insert_draw(
    db: &mut Db,
    row: &DrawRow,
    setup: &[u8],
    parties: &[String],
) -> Result<(), Fault> {
    use expert_draw_draw as d;
    diesel::insert_into(d::table)
        .values((
            d::id.eq(row.id.to_string()),
            d::lot_id.eq(row.lot.to_string()),
            d::tender_number.eq(&row.tender_number),
            d::lot_number.eq(row.lot_number),
            d::subject.eq(row.subject.code()),
            d::source.eq(crate::platform::canonical::jcs_text(&row.source)),
            d::reveal_by.eq(row.reveal_by.micros()),
            d::public_at.eq(row.public_at.micros()),
            d::set_up_at.eq(row.set_up_at.micros()),
            d::list_hash.eq(&row.list_hash),
            d::setup.eq(setup),
        ))
        .execute(db)?;
    for party in parties {
        use expert_draw_party as p;
        diesel::insert_into(p::table)
            .values((p::draw_id.eq(row.id.to_string()), p::party.eq(party)))
            .execute(db)?;
    }
    Ok(())
}

pub(in crate::expert_draw) fn set_fixed(
    db: &mut Db,
    draw: Id<Draw>,
    hash: Hex<32>,
    doc: &[u8],
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_draw as d;
    diesel::update(d::table.filter(d::id.eq(draw.to_string()).and(d::fixed_at.is_null())))
        .set((d::fixed_at.eq(now.micros()), d::doc_hash.eq(hash.to_string()), d::document.eq(doc)))
        .execute(db)?;
    Ok(())
}

pub(in crate::expert_draw) fn set_drawn(
    db: &mut Db,
    draw: Id<Draw>,
    value: &PublicValue,
    result: &[u8],
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_draw as d;
    diesel::update(d::table.filter(d::id.eq(draw.to_string()).and(d::drawn_at.is_null())))
        .set((d::drawn_at.eq(now.micros()), d::public_value.eq(value.text()), d::result.eq(result)))
        .execute(db)?;
    Ok(())
}

pub(in crate::expert_draw) fn set_failed(
    db: &mut Db,
    draw: Id<Draw>,
    cause: &str,
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_draw as d;
    diesel::update(d::table.filter(d::id.eq(draw.to_string()).and(d::failed_at.is_null())))
        .set((d::failed_at.eq(now.micros()), d::cause.eq(cause)))
        .execute(db)?;
    Ok(())
}

pub(in crate::expert_draw) fn set_released(db: &mut Db, draw: Id<Draw>, now: Moment) -> Result<(), Fault> {
    use expert_draw_draw as d;
    diesel::update(d::table.filter(d::id.eq(draw.to_string()).and(d::released_at.is_null())))
        .set(d::released_at.eq(now.micros()))
        .execute(db)?;
    Ok(())
}

type RawParty =
    (String, Option<String>, Option<i64>, Option<String>, Option<i64>, Option<String>, Option<i64>);

/// The parties of a draw, by name.
pub(crate) fn parties(db: &mut Db, draw: Id<Draw>) -> Result<Vec<PartyRow>, Fault> {
    use expert_draw_party as p;
    let rows: Vec<RawParty> = p::table
        .filter(p::draw_id.eq(draw.to_string()))
        .order(p::party)
        .select((
            p::party,
            p::committed,
            p::committed_at,
            p::secret,
            p::revealed_at,
            p::public_value,
            p::entered_at,
        ))
        .load(db)?;
    let read = |(party, committed, committed_at, secret, revealed_at, value, entered_at): RawParty| {
        let value = value.map(|text| serde_json::from_value(text.into())).transpose()?;
        Ok(PartyRow {
            party,
            committed: hex(committed)?,
            committed_at: moment(committed_at),
            secret: hex(secret)?,
            revealed_at: moment(revealed_at),
            public_value: value,
            entered_at: moment(entered_at),
        })
    };
    rows.into_iter().map(read).collect()
}

pub(in crate::expert_draw) fn set_commit(
    db: &mut Db,
    draw: Id<Draw>,
    party: &str,
    commit: Hex<32>,
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_party as p;
    let row = p::table.filter(p::draw_id.eq(draw.to_string()).and(p::party.eq(party)));
    diesel::update(row)
        .set((p::committed.eq(commit.to_string()), p::committed_at.eq(now.micros())))
        .execute(db)?;
    Ok(())
}

pub(in crate::expert_draw) fn set_secret(
    db: &mut Db,
    draw: Id<Draw>,
    party: &str,
    secret: Hex<32>,
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_party as p;
    let row = p::table.filter(p::draw_id.eq(draw.to_string()).and(p::party.eq(party)));
    diesel::update(row)
        .set((p::secret.eq(secret.to_string()), p::revealed_at.eq(now.micros())))
        .execute(db)?;
    Ok(())
}

pub(in crate::expert_draw) fn set_entry(
    db: &mut Db,
    draw: Id<Draw>,
    party: &str,
    value: &PublicValue,
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_party as p;
    let row = p::table.filter(p::draw_id.eq(draw.to_string()).and(p::party.eq(party)));
    diesel::update(row)
        .set((p::public_value.eq(value.text()), p::entered_at.eq(now.micros())))
        .execute(db)?;
    Ok(())
}

/// The facts that the rules judge.
pub(crate) fn progress(row: &DrawRow, parties: &[PartyRow]) -> Progress {
    let committed_in_time = |party: &&PartyRow| row.fixed_at.is_some() && party.committed.is_some();
    let reveals: Reveals = parties.iter().filter_map(|p| Some((p.party.clone(), p.secret?))).collect();
    let entries: BTreeMap<String, PublicValue> =
        parties.iter().filter_map(|p| Some((p.party.clone(), p.public_value.clone()?))).collect();
    Progress {
        draw: row.id,
        commits: parties.iter().map(|party| (party.party.clone(), party.committed)).collect(),
        reveal_by: row.reveal_by,
        public_at: row.public_at,
        fixed_at: row.fixed_at,
        bound: parties.iter().filter(committed_in_time).map(|party| party.party.clone()).collect(),
        reveals,
        entries,
        drawn_at: row.drawn_at,
        failed_at: row.failed_at,
    }
}
