//! A published notice as everybody reads it, under an address that stays; and the signed text as a file.

use super::paper::Paper;
use super::view::NoticeView;
use crate::account::page::Page;
use crate::ledger::act::Opened;
use crate::ledger::{Door, Subject, store as log};
use crate::platform::calendar::Unit;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, from_b64u, sha256};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::rulebook::{ResultObjection, Rulebook};
use crate::project::standing::LotFacts;
use crate::project::store::lot_named;
use crate::publication::notice::NoticeKind;
use crate::publication::store::{self, Notice};
use actix_web::{HttpResponse, web};
use askama::Template;

type Place = web::Path<(String, String, String)>;

#[derive(Template)]
#[template(path = "publication/notice.html")]
struct NoticePage {
    p: Page,
    number: String,
    lot: String,
    kind: &'static str,
    title: String,
    n: NoticeView,
    published: String,
    /// Until when it is on display; empty where no time is set.
    until: String,
    /// The same in microseconds while it is running.
    running: Option<i64>,
    /// How to object to it; empty if it is nothing to object to.
    object: String,
    object_article: String,
    digest: String,
    entry: String,
    index: String,
    /// The other public notices of the lot: (code, name).
    others: Vec<(&'static str, String)>,
}

/// How a reader objects to what the notice says.
fn how_to_object(p: &Page, book: &Rulebook, notice: &Notice) -> (String, String) {
    let rule = &book.periods.result_objection;
    let sentence = match (rule.value, notice.kind, notice.display_until) {
        (ResultObjection::WithinPublicity, NoticeKind::Candidates, Some(until)) => {
            p.tv("publication.object.within", "until", until.beijing_minute())
        }
        (ResultObjection::AfterResultNotice(period), NoticeKind::Result, _) => {
            let unit = match period.unit {
                Unit::Calendar => "publication.object.after_calendar",
                Unit::Working => "publication.object.after_working",
            };
            p.tv(unit, "days", period.days)
        }
        _ => return Default::default(),
    };
    (sentence, rule.article.clone())
}

/// The entry of the log that holds the fingerprint of this notice: its id, and its place in the log.
fn entry_of(db: &mut Db, vault: &Vault, notice: &Notice, digest: &str) -> Result<(String, String), Fault> {
    let column = Subject::open(notice.tender).column(vault);
    for row in log::entries_about(db, &[column])? {
        if row.at != notice.published_at.micros() {
            continue;
        }
        let opened = Opened::open(vault, &row.body)?;
        let object = from_b64u(&opened.object).unwrap_or_default();
        if String::from_utf8_lossy(&object).contains(digest) {
            return Ok((row.id, row.log_index.map(|index| index.to_string()).unwrap_or_default()));
        }
    }
    Ok(Default::default())
}

fn find(db: &mut Db, number: &str, lot: &str, kind: &str) -> Result<(LotFacts, Notice), Failure> {
    let missing = || Refused::new(404, "publication.refusal.not_found");
    let kind = NoticeKind::from_code(kind).ok_or_else(missing)?;
    let facts = lot_named(db, number, lot)?;
    let notice = store::notice(db, facts.lot, kind)?.ok_or_else(missing)?;
    Ok((facts, notice))
}

pub(super) async fn notice_get(p: Page, door: web::Data<Door>, path: Place) -> Answer {
    let (number, lot, kind) = path.into_inner();
    let vault = door.vault().clone();
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let (facts, notice, digest, (entry, index), all) = door
        .look(move |db| {
            let (facts, notice) = find(db, &tender_name, &lot_name, &kind)?;
            let digest = b64u(&sha256(&[notice.body.as_bytes()]));
            let entry = entry_of(db, &vault, &notice, &digest)?;
            let all = store::notices_of(db, facts.lot)?;
            Ok((facts, notice, digest, entry, all))
        })
        .await?;
    let name = |kind: NoticeKind| (kind.code(), p.t(&format!("publication.paper.{}", kind.code())));
    let (object, object_article) = how_to_object(&p, facts.book()?, &notice);
    let page = NoticePage {
        p: p.clone(),
        number,
        lot,
        kind: notice.kind.code(),
        title: name(notice.kind).1,
        n: NoticeView::of(&p, Paper::of(notice.kind), &notice.body)?,
        published: notice.published_at.beijing(),
        until: notice.display_until.map(|until| until.beijing_minute()).unwrap_or_default(),
        running: notice.display_until.filter(|until| p.now < *until).map(|until| until.micros()),
        object,
        object_article,
        digest,
        entry,
        index,
        others: all.iter().filter(|other| other.kind != notice.kind).map(|other| name(other.kind)).collect(),
    };
    p.html(&page)
}

/// The signed notice as a file, for whoever wants to check it without this server.
pub(super) async fn signed_get(door: web::Data<Door>, path: Place) -> Answer {
    let (number, lot, kind) = path.into_inner();
    let name = format!("{kind}-{number}-{lot}.json");
    let (_, notice) = door.look(move |db| find(db, &number, &lot, &kind)).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .body(jcs_text(&notice.signed)))
}
