//! All SQL on notices, documents and downloads.

use diesel::prelude::*;

use super::rules::{Document, Listed, Notice, NoticeText};
use crate::account::rules::Person;
use crate::account::signature::Signed;
use crate::ledger::EntryId;
use crate::platform::database::Db;
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::rules::Tender;

diesel::table! {
    announcement_draft (tender_id) {
        tender_id -> Text,
        text -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    announcement_notice (tender_id, version) {
        tender_id -> Text,
        version -> Integer,
        signed -> Text,
        entry -> Text,
        at -> BigInt,
    }
}
diesel::table! {
    announcement_document (id) {
        id -> Text,
        tender_id -> Text,
        place -> Integer,
        name -> Text,
        content -> Text,
        kind -> Text,
        bytes -> BigInt,
        version -> Nullable<Integer>,
        at -> BigInt,
    }
}
diesel::table! {
    announcement_download (pair) {
        pair -> Text,
        person -> Text,
        body -> Binary,
    }
}

/// A notice as it was published.
#[derive(Clone, Debug)]
pub struct Published {
    pub notice: Notice,
    pub signed: Signed,
    pub entry: EntryId,
    pub at: Moment,
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    pub id: Id<Document>,
    pub tender: Id<Tender>,
    pub name: String,
    /// Name of the content in the file store: its SHA-256.
    pub content: String,
    pub kind: Content,
    pub bytes: u64,
    /// The notice that published it; `None` while it waits.
    pub version: Option<u32>,
}

impl DocumentRow {
    pub fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            name: self.name.clone(),
            sha256: self.content.clone(),
            bytes: self.bytes.to_string(),
        }
    }
}

fn damaged(what: &str) -> Fault {
    Fault::new(format!("a damaged {what} in the database"))
}

/// What the agent has written so far.
pub fn draft(db: &mut Db, tender: Id<Tender>) -> Result<Option<NoticeText>, Fault> {
    let row: Option<String> = announcement_draft::table
        .filter(announcement_draft::tender_id.eq(tender.to_string()))
        .select(announcement_draft::text)
        .first(db)
        .optional()?;
    Ok(row.map(|text| serde_json::from_str(&text)).transpose()?)
}

type NoticeRow = (String, String, i64);

fn published((signed, entry, at): NoticeRow) -> Result<Published, Fault> {
    let signed: Signed = serde_json::from_str(&signed)?;
    Ok(Published {
        notice: serde_json::from_str(&signed.statement)?,
        signed,
        entry: Id::parse(&entry).ok_or_else(|| damaged("entry id"))?,
        at: Moment::from_micros(at),
    })
}

/// All published notices of a tender, oldest first.
pub fn notices(db: &mut Db, tender: Id<Tender>) -> Result<Vec<Published>, Fault> {
    let rows: Vec<NoticeRow> = announcement_notice::table
        .filter(announcement_notice::tender_id.eq(tender.to_string()))
        .order(announcement_notice::version)
        .select((announcement_notice::signed, announcement_notice::entry, announcement_notice::at))
        .load(db)?;
    rows.into_iter().map(published).collect()
}

/// The newest notice of a tender.
pub fn newest(db: &mut Db, tender: Id<Tender>) -> Result<Option<Published>, Fault> {
    let row: Option<NoticeRow> = announcement_notice::table
        .filter(announcement_notice::tender_id.eq(tender.to_string()))
        .order(announcement_notice::version.desc())
        .select((announcement_notice::signed, announcement_notice::entry, announcement_notice::at))
        .first(db)
        .optional()?;
    row.map(published).transpose()
}

type DocumentColumns = (String, String, String, String, String, i64, Option<i32>);

fn document_of(
    (id, tender, name, content, kind, bytes, version): DocumentColumns,
) -> Result<DocumentRow, Fault> {
    Ok(DocumentRow {
        id: Id::parse(&id).ok_or_else(|| damaged("document id"))?,
        tender: Id::parse(&tender).ok_or_else(|| damaged("tender id"))?,
        name,
        content,
        kind: Content::from_code(&kind).ok_or_else(|| damaged("document kind"))?,
        bytes: u64::try_from(bytes)?,
        version: version.map(u32::try_from).transpose()?,
    })
}

const DOCUMENT: (
    announcement_document::id,
    announcement_document::tender_id,
    announcement_document::name,
    announcement_document::content,
    announcement_document::kind,
    announcement_document::bytes,
    announcement_document::version,
) = (
    announcement_document::id,
    announcement_document::tender_id,
    announcement_document::name,
    announcement_document::content,
    announcement_document::kind,
    announcement_document::bytes,
    announcement_document::version,
);

/// The documents of a tender in the order in which they were added, those that still wait among them.
pub fn documents(db: &mut Db, tender: Id<Tender>) -> Result<Vec<DocumentRow>, Fault> {
    let rows: Vec<DocumentColumns> = announcement_document::table
        .filter(announcement_document::tender_id.eq(tender.to_string()))
        .order(announcement_document::place)
        .select(DOCUMENT)
        .load(db)?;
    rows.into_iter().map(document_of).collect()
}

/// One document.
///
/// # Errors
/// 404 if there is none.
pub fn document(db: &mut Db, id: Id<Document>) -> Result<DocumentRow, Failure> {
    let row: Option<DocumentColumns> = announcement_document::table
        .filter(announcement_document::id.eq(id.to_string()))
        .select(DOCUMENT)
        .first(db)
        .optional()
        .map_err(Fault::from)?;
    let row = row.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    Ok(document_of(row)?)
}

const BODY: &str = "announcement/download";

fn pair_tag(vault: &Vault, person: Id<Person>, tender: Id<Tender>) -> String {
    vault.tag("announcement/pair", &[&person.to_bytes(), &tender.to_bytes()])
}

fn person_tag(vault: &Vault, person: Id<Person>) -> String {
    vault.tag("announcement/person", &[&person.to_bytes()])
}

/// Whether this person has documents of this tender. For the person's own pages only.
pub fn has_documents(
    db: &mut Db,
    vault: &Vault,
    person: Id<Person>,
    tender: Id<Tender>,
) -> Result<bool, Fault> {
    let found: Option<String> = announcement_download::table
        .filter(announcement_download::pair.eq(pair_tag(vault, person, tender)))
        .select(announcement_download::pair)
        .first(db)
        .optional()?;
    Ok(found.is_some())
}

/// The tenders whose documents this person has. For the person's own pages only.
pub fn downloaded_by(db: &mut Db, vault: &Vault, person: Id<Person>) -> Result<Vec<Id<Tender>>, Fault> {
    let rows: Vec<Vec<u8>> = announcement_download::table
        .filter(announcement_download::person.eq(person_tag(vault, person)))
        .select(announcement_download::body)
        .load(db)?;
    let mut tenders = Vec::new();
    for body in rows {
        let text = String::from_utf8(vault.open(BODY, &body)?)?;
        tenders.push(Id::parse(&text).ok_or_else(|| damaged("download"))?);
    }
    Ok(tenders)
}

pub(super) fn put_draft(
    db: &mut Db,
    tender: Id<Tender>,
    text: &NoticeText,
    now: Moment,
) -> Result<(), Fault> {
    let mine = announcement_draft::tender_id.eq(tender.to_string());
    diesel::delete(announcement_draft::table.filter(mine)).execute(db)?;
    diesel::insert_into(announcement_draft::table)
        .values((
            announcement_draft::tender_id.eq(tender.to_string()),
            announcement_draft::text.eq(serde_json::to_string(text)?),
            announcement_draft::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_notice(
    db: &mut Db,
    tender: Id<Tender>,
    version: u32,
    signed: &Signed,
    entry: EntryId,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(announcement_notice::table)
        .values((
            announcement_notice::tender_id.eq(tender.to_string()),
            announcement_notice::version.eq(i32::try_from(version)?),
            announcement_notice::signed.eq(serde_json::to_string(signed)?),
            announcement_notice::entry.eq(entry.to_string()),
            announcement_notice::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// The place after the last one.
pub(super) fn next_place(db: &mut Db, tender: Id<Tender>) -> Result<i32, Fault> {
    let last: Option<i32> = announcement_document::table
        .filter(announcement_document::tender_id.eq(tender.to_string()))
        .order(announcement_document::place.desc())
        .select(announcement_document::place)
        .first(db)
        .optional()?;
    Ok(last.map_or(1, |last| last + 1))
}

pub(super) fn insert_document(db: &mut Db, row: &DocumentRow, place: i32, now: Moment) -> Result<(), Fault> {
    diesel::insert_into(announcement_document::table)
        .values((
            announcement_document::id.eq(row.id.to_string()),
            announcement_document::tender_id.eq(row.tender.to_string()),
            announcement_document::place.eq(place),
            announcement_document::name.eq(&row.name),
            announcement_document::content.eq(&row.content),
            announcement_document::kind.eq(row.kind.code()),
            announcement_document::bytes.eq(i64::try_from(row.bytes)?),
            announcement_document::at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}

pub(super) fn delete_waiting(db: &mut Db, id: Id<Document>) -> Result<bool, Fault> {
    let waiting = announcement_document::id.eq(id.to_string()).and(announcement_document::version.is_null());
    Ok(diesel::delete(announcement_document::table.filter(waiting)).execute(db)? > 0)
}

pub(super) fn publish_waiting(db: &mut Db, tender: Id<Tender>, version: u32) -> Result<(), Fault> {
    let waiting =
        announcement_document::tender_id.eq(tender.to_string()).and(announcement_document::version.is_null());
    diesel::update(announcement_document::table.filter(waiting))
        .set(announcement_document::version.eq(i32::try_from(version)?))
        .execute(db)?;
    Ok(())
}

pub(super) fn insert_download(
    db: &mut Db,
    vault: &Vault,
    person: Id<Person>,
    tender: Id<Tender>,
) -> Result<(), Fault> {
    diesel::insert_into(announcement_download::table)
        .values((
            announcement_download::pair.eq(pair_tag(vault, person, tender)),
            announcement_download::person.eq(person_tag(vault, person)),
            announcement_download::body.eq(vault.seal(BODY, tender.to_string().as_bytes())),
        ))
        .execute(db)?;
    Ok(())
}

/// The rows about downloads as a thief of the database would see them.
#[cfg(test)]
pub(super) fn raw_downloads(db: &mut Db) -> Result<Vec<(String, String, Vec<u8>)>, Fault> {
    let columns = (announcement_download::pair, announcement_download::person, announcement_download::body);
    Ok(announcement_download::table.select(columns).load(db)?)
}
