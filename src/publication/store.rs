//! All SQL on notices, awards and letters.

use super::notice::{AwardDecision, Letter, NoticeKind};
use crate::account::signature::Signed;
use crate::party::rules::Organisation;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::{Lot, Tender};
use diesel::prelude::*;
use serde::de::DeserializeOwned;

diesel::table! {
    publication_notice (lot_id, kind) {
        lot_id -> Text,
        kind -> Text,
        tender_id -> Text,
        body -> Text,
        signed -> Text,
        published_at -> BigInt,
        display_until -> Nullable<BigInt>,
    }
}
diesel::table! {
    publication_award (lot_id) {
        lot_id -> Text,
        body -> Text,
        signed -> Text,
        decided_at -> BigInt,
    }
}
diesel::table! {
    publication_letter (lot_id, organisation_tag) {
        lot_id -> Text,
        organisation_tag -> Text,
        body -> Binary,
        issued_at -> BigInt,
    }
}

const LETTER: &str = "publication/letter";

/// A published notice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    pub lot: Id<Lot>,
    pub tender: Id<Tender>,
    pub kind: NoticeKind,
    /// The document, canonical JSON.
    pub body: String,
    pub signed: Signed,
    pub published_at: Moment,
    pub display_until: Option<Moment>,
}

impl Notice {
    /// The document as its type.
    ///
    /// # Errors
    /// It is of another kind, or damaged.
    pub fn document<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

/// The award of a lot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Award {
    pub decision: AwardDecision,
    pub signed: Signed,
    pub decided_at: Moment,
}

type NoticeRow = (String, String, String, String, String, i64, Option<i64>);
type NoticeColumns = (
    publication_notice::lot_id,
    publication_notice::kind,
    publication_notice::tender_id,
    publication_notice::body,
    publication_notice::signed,
    publication_notice::published_at,
    publication_notice::display_until,
);
const NOTICE: NoticeColumns = (
    publication_notice::lot_id,
    publication_notice::kind,
    publication_notice::tender_id,
    publication_notice::body,
    publication_notice::signed,
    publication_notice::published_at,
    publication_notice::display_until,
);

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the database"))
}

fn notice_of((lot, kind, tender, body, signed, published, until): NoticeRow) -> Result<Notice, Fault> {
    Ok(Notice {
        lot: Id::parse(&lot).ok_or_else(|| damaged("id"))?,
        tender: Id::parse(&tender).ok_or_else(|| damaged("id"))?,
        kind: NoticeKind::from_code(&kind).ok_or_else(|| damaged("kind of notice"))?,
        body,
        signed: serde_json::from_str(&signed)?,
        published_at: Moment::from_micros(published),
        display_until: until.map(Moment::from_micros),
    })
}

/// One notice of a lot.
pub fn notice(db: &mut Db, lot: Id<Lot>, kind: NoticeKind) -> Result<Option<Notice>, Fault> {
    let row: Option<NoticeRow> = publication_notice::table
        .filter(publication_notice::lot_id.eq(lot.to_string()).and(publication_notice::kind.eq(kind.code())))
        .select(NOTICE)
        .first(db)
        .optional()?;
    row.map(notice_of).transpose()
}

/// All notices of a lot, oldest first.
pub fn notices_of(db: &mut Db, lot: Id<Lot>) -> Result<Vec<Notice>, Fault> {
    let rows: Vec<NoticeRow> = publication_notice::table
        .filter(publication_notice::lot_id.eq(lot.to_string()))
        .order((publication_notice::published_at, publication_notice::kind))
        .select(NOTICE)
        .load(db)?;
    rows.into_iter().map(notice_of).collect()
}

/// The newest notices of all lots, at most `limit`, older than `before`.
pub fn newest(db: &mut Db, before: Option<Moment>, limit: i64) -> Result<Vec<Notice>, Fault> {
    let rows: Vec<NoticeRow> = publication_notice::table
        .filter(publication_notice::published_at.lt(before.map_or(i64::MAX, Moment::micros)))
        .order((publication_notice::published_at.desc(), publication_notice::lot_id))
        .limit(limit)
        .select(NOTICE)
        .load(db)?;
    rows.into_iter().map(notice_of).collect()
}

/// The award of a lot.
pub fn award(db: &mut Db, lot: Id<Lot>) -> Result<Option<Award>, Fault> {
    let row: Option<(String, String, i64)> = publication_award::table
        .filter(publication_award::lot_id.eq(lot.to_string()))
        .select((publication_award::body, publication_award::signed, publication_award::decided_at))
        .first(db)
        .optional()?;
    row.map(|(body, signed, at)| {
        Ok(Award {
            decision: serde_json::from_str(&body)?,
            signed: serde_json::from_str(&signed)?,
            decided_at: Moment::from_micros(at),
        })
    })
    .transpose()
}

fn organisation_tag(vault: &Vault, organisation: Id<Organisation>) -> String {
    vault.tag("publication/organisation", &[&organisation.to_bytes()])
}

/// The letter to one bidder of a lot. For that bidder's own pages only.
pub fn letter(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    organisation: Id<Organisation>,
) -> Result<Option<Letter>, Fault> {
    let body: Option<Vec<u8>> = publication_letter::table
        .filter(publication_letter::lot_id.eq(lot.to_string()))
        .filter(publication_letter::organisation_tag.eq(organisation_tag(vault, organisation)))
        .select(publication_letter::body)
        .first(db)
        .optional()?;
    body.map(|body| Ok(serde_json::from_slice(&vault.open(LETTER, &body)?)?)).transpose()
}

pub(super) fn insert_notice(db: &mut Db, notice: &Notice) -> Result<(), Fault> {
    diesel::insert_into(publication_notice::table)
        .values((
            publication_notice::lot_id.eq(notice.lot.to_string()),
            publication_notice::kind.eq(notice.kind.code()),
            publication_notice::tender_id.eq(notice.tender.to_string()),
            publication_notice::body.eq(&notice.body),
            publication_notice::signed.eq(serde_json::to_string(&notice.signed)?),
            publication_notice::published_at.eq(notice.published_at.micros()),
            publication_notice::display_until.eq(notice.display_until.map(Moment::micros)),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_award(db: &mut Db, lot: Id<Lot>, award: &Award) -> Result<(), Fault> {
    diesel::insert_into(publication_award::table)
        .values((
            publication_award::lot_id.eq(lot.to_string()),
            publication_award::body.eq(jcs_text(&award.decision)),
            publication_award::signed.eq(serde_json::to_string(&award.signed)?),
            publication_award::decided_at.eq(award.decided_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_letter(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    to: Id<Organisation>,
    letter: &Letter,
) -> Result<(), Fault> {
    diesel::insert_into(publication_letter::table)
        .values((
            publication_letter::lot_id.eq(lot.to_string()),
            publication_letter::organisation_tag.eq(organisation_tag(vault, to)),
            publication_letter::body.eq(vault.seal(LETTER, &serde_json::to_vec(letter)?)),
            publication_letter::issued_at.eq(letter.issued_at.micros()),
        ))
        .execute(db)?;
    Ok(())
}
