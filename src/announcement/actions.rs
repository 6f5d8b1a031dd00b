//! What an agent does with notices and documents, and what a bidder does with documents.

use serde::Serialize;

use super::rules::{DOCUMENTS_MAX, Document, Notice, NoticeText, check_file_name, check_text};
use super::store::{self, DocumentRow};
use crate::account::authority::Authority;
use crate::account::role::Role;
use crate::account::signature::{self, Signed, SignedFields};
use crate::account::who::Who;
use crate::ledger::{Act, EntryId, Event, Subject};
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, sha256};
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project;
use crate::project::flow::Step;
use crate::project::phase::{Hold, Phase};
use crate::project::rules::Tender;
use crate::project::schedule::{Schedule, Weight, check_amendment, check_announcement};
use crate::project::standing::{LotFacts, TenderFacts};

#[derive(Serialize)]
struct DraftWritten {
    tender: Id<Tender>,
    /// Base64url SHA-256 of the text.
    text: String,
}

impl Event for DraftWritten {
    const KIND: &'static str = "announcement.draft_written";
    const NUMBER: u8 = 30;
}

#[derive(Serialize)]
struct DocumentAdded<'a> {
    tender: Id<Tender>,
    document: Id<Document>,
    name: &'a str,
    sha256: &'a str,
}

impl Event for DocumentAdded<'_> {
    const KIND: &'static str = "announcement.document_added";
    const NUMBER: u8 = 31;
}

#[derive(Serialize)]
struct DocumentRemoved {
    tender: Id<Tender>,
    document: Id<Document>,
}

impl Event for DocumentRemoved {
    const KIND: &'static str = "announcement.document_removed";
    const NUMBER: u8 = 32;
}

#[derive(Serialize)]
struct NoticePublished<'a> {
    tender: Id<Tender>,
    version: u32,
    notice: &'a Signed,
}

impl Event for NoticePublished<'_> {
    const KIND: &'static str = "announcement.notice_published";
    const NUMBER: u8 = 33;
}

#[derive(Serialize)]
struct DocumentDownloaded {
    tender: Id<Tender>,
    document: Id<Document>,
}

impl Event for DocumentDownloaded {
    const KIND: &'static str = "announcement.document_downloaded";
    const NUMBER: u8 = 34;
}

fn tender_of(db: &mut Db, tender: Id<Tender>) -> Result<TenderFacts, Failure> {
    Ok(project::store::tender(db, tender)?.ok_or_else(|| Refused::new(404, "project.refusal.not_found"))?)
}

/// The tender, if `who` may take `step` on at least one of its lots.
fn may(db: &mut Db, who: &Who, tender: Id<Tender>, step: Step, now: Moment) -> Result<TenderFacts, Failure> {
    let facts = tender_of(db, tender)?;
    facts.check_own(who)?;
    let lots = project::store::lots_of(db, tender)?;
    let mut verdict = project::flow::may(step, who.role, Phase::Draft, Hold::default()).map(drop);
    if facts.announced_at.is_some() || !lots.is_empty() {
        let judged =
            lots.iter().map(|lot| project::flow::may(step, who.role, lot.phase(now), lot.hold()).map(drop));
        verdict = judged.reduce(Result::or).unwrap_or(verdict);
    }
    verdict.map_err(Refused::from)?;
    Ok(facts)
}

/// Keeps what the agent has written so far; problems are for [`check_draft`], so that half a text can be kept.
///
/// # Errors
/// Refused for other people, once the notice is out, and for texts that are too long.
pub fn write_draft(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    text: NoticeText,
) -> Result<(), Failure> {
    let now = act.now();
    may(act.db(), who, tender, Step::EditTender, now)?;
    let text = text.tidy();
    for (field, part) in [
        ("scope", &text.scope),
        ("qualification", &text.qualification),
        ("contact", &text.contact),
        ("remarks", &text.remarks),
    ] {
        check_text(part, field)?;
    }
    store::put_draft(act.db(), tender, &text, now)?;
    let digest = b64u(&sha256(&[&jcs(&text)]));
    act.enter(&Subject::open(tender), &DraftWritten { tender, text: digest })?;
    Ok(())
}

/// A file that was stored and judged, on its way to become a document.
#[derive(Clone, Debug)]
pub struct Stored {
    pub name: String,
    /// SHA-256 in hex: its name in the file store.
    pub content: String,
    pub kind: Content,
    pub bytes: u64,
}

/// Adds a document. Before the notice it goes out with it; later it waits for the next amendment.
///
/// # Errors
/// Refused for other people, a bad name, too many documents, or a document that is already there.
pub fn add_document(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    file: &Stored,
) -> Result<Id<Document>, Failure> {
    let now = act.now();
    may(act.db(), who, tender, Step::UploadDocument, now)?;
    let name = check_file_name(&file.name)?;
    let known = check_count(act.db(), tender)?;
    if known.iter().any(|document| document.content == file.content || document.name == name) {
        return Err(Refused::new(409, "announcement.refusal.same_document").field("file").into());
    }
    let document = Id::random();
    let row = DocumentRow {
        id: document,
        tender,
        name,
        content: file.content.clone(),
        kind: file.kind,
        bytes: file.bytes,
        version: None,
    };
    let place = store::next_place(act.db(), tender)?;
    store::insert_document(act.db(), &row, place, now)?;
    let event = DocumentAdded { tender, document, name: &row.name, sha256: &row.content };
    act.enter(&Subject::open(tender), &event)?;
    Ok(document)
}

/// The tender's documents, if it may have one more. Asked before a file is stored too: what is refused leaves nothing on the disk.
///
/// # Errors
/// Refused when there are as many as there may be.
pub(super) fn check_count(db: &mut Db, tender: Id<Tender>) -> Result<Vec<DocumentRow>, Failure> {
    let known = store::documents(db, tender)?;
    if known.len() < DOCUMENTS_MAX {
        return Ok(known);
    }
    let refused = Refused::new(409, "announcement.refusal.too_many").with("max", DOCUMENTS_MAX);
    Err(refused.field("file").into())
}

/// Takes a waiting document away again.
///
/// # Errors
/// Refused for other people and for a document that was published.
pub fn remove_document(act: &mut Act<'_>, who: &Who, document: Id<Document>) -> Result<Id<Tender>, Failure> {
    let now = act.now();
    let row = store::document(act.db(), document)?;
    may(act.db(), who, row.tender, Step::UploadDocument, now)?;
    if !store::delete_waiting(act.db(), document)? {
        return Err(Refused::new(409, "announcement.refusal.published").into());
    }
    act.enter(&Subject::open(row.tender), &DocumentRemoved { tender: row.tender, document })?;
    Ok(row.tender)
}

/// The first notice of a draft as it would be published at `now`, and everything that still stands in its way.
///
/// # Errors
/// Faults; 404.
pub fn check_draft(
    db: &mut Db,
    who: &Who,
    tender: Id<Tender>,
    now: Moment,
) -> Result<(Option<Notice>, Vec<Refused>), Failure> {
    let facts = tender_of(db, tender)?;
    let lots = project::store::lots_of(db, tender)?;
    let text = store::draft(db, tender)?.unwrap_or_default();
    let documents: Vec<_> = store::documents(db, tender)?.iter().map(DocumentRow::listed).collect();
    let mut problems = text.check().err().unwrap_or_default();
    if lots.is_empty() {
        problems.push(Refused::new(409, "project.refusal.lots_missing").field("lots"));
    }
    if facts.custody.is_none() {
        problems.push(Refused::new(409, "project.refusal.custody_missing").field("custody"));
    }
    if documents.is_empty() {
        problems.push(Refused::new(409, "announcement.refusal.documents_missing").field("documents"));
    }
    let Some(schedule) = project::store::schedule(db, tender)? else {
        problems.push(Refused::new(409, "project.refusal.schedule_missing").field("schedule"));
        return Ok((None, problems));
    };
    let book = facts.book()?;
    if let Err(refusals) = check_announcement(book, Calendar::official(), &schedule, now) {
        problems.extend(refusals.into_iter().map(Refused::from));
    }
    let notice = Notice::first(&facts, &who.organisation_name, &lots, schedule, text, documents);
    Ok((Some(notice), problems))
}

/// Publishes the first notice, signed.
///
/// # Errors
/// Refused with the first problem that stands in the way, or if the signature does not count.
pub fn publish(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    tender: Id<Tender>,
    fields: &SignedFields,
) -> Result<EntryId, Failure> {
    let now = act.now();
    may(act.db(), who, tender, Step::PublishNotice, now)?;
    let (notice, problems) = check_draft(act.db(), who, tender, now)?;
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    let notice = notice.ok_or_else(|| Fault::new("a notice without problems is missing"))?;
    let entry = put_out(act, authority, who, tender, &notice, fields)?;
    project::actions::announce(act, who, tender)?;
    Ok(entry)
}

fn put_out(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    tender: Id<Tender>,
    notice: &Notice,
    fields: &SignedFields,
) -> Result<EntryId, Failure> {
    let now = act.now();
    let signed = signature::check(act.db(), authority, who, now, &notice.statement(), fields)?;
    let event = NoticePublished { tender, version: notice.version, notice: &signed };
    let entry = act.enter(&Subject::open(tender), &event)?;
    store::insert_notice(act.db(), tender, notice.version, &signed, entry, now)?;
    store::publish_waiting(act.db(), tender, notice.version)?;
    Ok(entry)
}

/// What an agent wants to change.
#[derive(Clone, Debug)]
pub struct Amendment {
    pub schedule: Schedule,
    pub summary: String,
    pub weight: Weight,
}

/// The next notice as this amendment makes it, and everything that stands in its way at `now`.
///
/// # Errors
/// Faults; 404; 409 before the first notice.
pub fn check_amended(
    db: &mut Db,
    tender: Id<Tender>,
    amendment: &Amendment,
    now: Moment,
) -> Result<(Notice, Vec<Refused>), Failure> {
    let facts = tender_of(db, tender)?;
    let current = store::newest(db, tender)?.ok_or_else(|| Refused::new(409, "project.refusal.not_ready"))?;
    let waiting: Vec<_> = store::documents(db, tender)?
        .iter()
        .filter(|document| document.version.is_none())
        .map(DocumentRow::listed)
        .collect();
    let summary = amendment.summary.replace("\r\n", "\n").trim().to_owned();
    let mut problems: Vec<Refused> = check_text(&summary, "summary").err().into_iter().collect();
    if summary.is_empty() {
        problems.push(Refused::new(422, "project.refusal.field_missing").field("summary"));
    }
    // an outage may have moved the deadline since the last notice
    let now_in_force = project::store::schedule(db, tender)?.unwrap_or(current.notice.schedule);
    let schedules = (&now_in_force, &amendment.schedule);
    let checked = check_amendment(facts.book()?, Calendar::official(), schedules, amendment.weight, now);
    if let Err(refusals) = checked {
        problems.extend(refusals.into_iter().map(Refused::from));
    }
    Ok((current.notice.amended(amendment.schedule, waiting, summary, amendment.weight), problems))
}

/// Publishes an amendment, signed: the next version of the notice.
///
/// # Errors
/// As [`publish`].
pub fn amend(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    tender: Id<Tender>,
    amendment: &Amendment,
    fields: &SignedFields,
) -> Result<EntryId, Failure> {
    // one after the other: the second is an amendment of the first, or is refused because it was not signed as that
    act.exclude(&format!("notice/{tender}"))?;
    // no box may be closed by the old deadline meanwhile
    for lot in project::store::lots_of(act.db(), tender)? {
        act.share(&project::actions::gate(lot.lot))?;
    }
    let now = act.now();
    may(act.db(), who, tender, Step::AmendNotice, now)?;
    let (notice, problems) = check_amended(act.db(), tender, amendment, now)?;
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    let entry = put_out(act, authority, who, tender, &notice, fields)?;
    project::actions::amend(act, tender, &notice.schedule)?;
    Ok(entry)
}

/// Whether a bidder may have the documents at `now`: while they are issued, and for ever once the bidder has them.
///
/// # Errors
/// Refused with the time of issue.
pub fn check_issue(lots: &[LotFacts], has_them: bool, now: Moment) -> Result<(), Refused> {
    if has_them {
        return Ok(());
    }
    let open = lots.iter().find(|lot| lot.may(Step::DownloadDocument, Role::Bidder, now).is_ok());
    match open.and_then(|lot| lot.schedule) {
        Some(schedule) if schedule.issues_documents(now) => Ok(()),
        _ => {
            let plan = lots.first().and_then(|lot| lot.schedule);
            let refused =
                Refused::new(409, "announcement.refusal.not_issued").article("电子招标投标办法 第二十条");
            Err(plan.map_or(refused.clone(), |plan| {
                refused
                    .with("from", plan.documents_from.beijing_minute())
                    .with("until", plan.documents_until.beijing_minute())
            }))
        }
    }
}

/// A bidder takes a document. That they did is kept where only they can see it.
///
/// # Errors
/// Refused outside the time of issue; 404 for a document that is not published.
pub fn download(act: &mut Act<'_>, who: &Who, document: Id<Document>) -> Result<DocumentRow, Failure> {
    let now = act.now();
    let vault = act.vault().clone();
    let row = store::document(act.db(), document)?;
    if row.version.is_none() || who.role != Role::Bidder {
        return Err(Refused::new(404, "platform.refusal.not_found").into());
    }
    let has_them = store::has_documents(act.db(), &vault, who.person, row.tender)?;
    let lots = project::store::lots_of(act.db(), row.tender)?;
    check_issue(&lots, has_them, now)?;
    if !has_them {
        store::insert_download(act.db(), &vault, who.person, row.tender)?;
    }
    let event = DocumentDownloaded { tender: row.tender, document };
    act.enter(&Subject::sealed(format!("{}/{}", row.tender, who.person)), &event)?;
    Ok(row)
}
