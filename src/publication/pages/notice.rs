//! A published notice and the award decision as everybody reads them, under addresses that stay; and the signed texts as
//! files. The decision is public from the moment of the result: until then only its own people and the supervisor read it.

use super::paper::Paper;
use super::view::NoticeView;
use crate::account::authority::Authority;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::signature::{self, Signed};
use crate::account::who::Who;
use crate::ledger::act::Opened;
use crate::ledger::from_log::FromLog;
use crate::ledger::{Door, EntryId, Subject, store as log};
use crate::platform::calendar::Unit;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, from_b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::phase::Milestone;
use crate::project::rulebook::{ResultObjection, Rulebook};
use crate::project::rules::Tender;
use crate::project::standing::LotFacts;
use crate::project::store::seen_lot;
use crate::publication::notice::NoticeKind;
use crate::publication::store::{self, Award, Notice};
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
    /// What happened at `published`: a locale key.
    when: &'static str,
    published: String,
    /// Name and credit code of who signed it, as the certificate says, if that can be checked here.
    signer: Option<(String, String)>,
    /// The decision came after its lawful time.
    late: bool,
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

/// The entry of the log that holds the fingerprint of what was signed at `at`: its id, and its place in the log.
fn entry_of(
    db: &mut Db,
    vault: &Vault,
    (tender, at): (Id<Tender>, Moment),
    digest: &str,
) -> Result<(String, String), Fault> {
    let column = Subject::open(tender).column(vault);
    for row in log::entries_about(db, &[column])? {
        if row.at != at.micros() {
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

/// Who signed: name and credit code of the certificate, if signature and chain hold.
fn signer_of(authority: &Authority, signed: &Signed) -> Option<(String, String)> {
    let subject = signature::check_kept(authority, signed).ok()?;
    Some((subject.name, subject.credit_code.to_string()))
}

fn find(db: &mut Db, number: &str, lot: &str, kind: &str) -> Result<(LotFacts, Notice), Failure> {
    let missing = || Refused::new(404, "publication.refusal.not_found");
    let kind = NoticeKind::from_code(kind).ok_or_else(missing)?;
    let facts = seen_lot(db, number, lot, None)?;
    let notice = store::notice(db, facts.lot, kind)?.ok_or_else(missing)?;
    Ok((facts, notice))
}

pub(super) async fn notice_get(
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: Place,
) -> Answer {
    let (number, lot, kind) = path.into_inner();
    let vault = door.vault().clone();
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let (facts, notice, digest, (entry, index), all) = door
        .look(move |db| {
            let (facts, notice) = find(db, &tender_name, &lot_name, &kind)?;
            let digest = b64u(&sha256(&[notice.body.as_bytes()]));
            let entry = entry_of(db, &vault, (notice.tender, notice.published_at), &digest)?;
            let all = store::notices_of(db, facts.lot)?;
            Ok((facts, notice, digest, entry, all))
        })
        .await?;
    let name = |paper: Paper| (paper.code(), p.t(&format!("publication.paper.{}", paper.code())));
    let (object, object_article) = how_to_object(&p, facts.book()?, &notice);
    let page = NoticePage {
        p: p.clone(),
        number,
        lot,
        kind: notice.kind.code(),
        title: name(Paper::of(notice.kind)).1,
        when: "publication.notice.published",
        signer: signer_of(&authority, &notice.signed),
        late: false,
        n: NoticeView::of(&p, Paper::of(notice.kind), &notice.body)?,
        published: notice.published_at.beijing(),
        until: notice.display_until.map(|until| until.beijing_minute()).unwrap_or_default(),
        running: notice.display_until.filter(|until| p.now < *until).map(|until| until.micros()),
        object,
        object_article,
        digest,
        entry,
        index,
        others: others(&all, Paper::of(notice.kind)).into_iter().map(name).collect(),
    };
    p.html(&page)
}

/// The other public papers of a lot; the decision is among them once there is a result.
fn others(all: &[Notice], but: Paper) -> Vec<Paper> {
    let mut papers: Vec<Paper> = all.iter().map(|notice| Paper::of(notice.kind)).collect();
    if let Some(at) = papers.iter().position(|paper| *paper == Paper::Result) {
        papers.insert(at, Paper::Award);
    }
    papers.retain(|paper| *paper != but);
    papers
}

/// The award of a lot, if this reader may see it now.
fn find_award(db: &mut Db, who: Option<&Who>, number: &str, lot: &str) -> Result<(LotFacts, Award), Failure> {
    let missing = || Refused::new(404, "publication.refusal.not_found");
    let facts = seen_lot(db, number, lot, None)?;
    let insider = who.is_some_and(|who| who.role == Role::Supervisor || facts.is_own(who));
    if facts.reached(Milestone::ResultPublished).is_none() && !insider {
        return Err(missing().into());
    }
    let award = store::award(db, facts.lot)?.ok_or_else(missing)?;
    Ok((facts, award))
}

/// 定标决定 The award decision: who wins, under which article and for which reason, decided when and signed by whom.
pub(super) async fn award_get(
    p: Page,
    door: web::Data<Door>,
    authority: web::Data<Authority>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (vault, who) = (door.vault().clone(), p.who.clone());
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let (award, digest, (entry, index), all) = door
        .look(move |db| {
            let (facts, award) = find_award(db, who.as_ref(), &tender_name, &lot_name)?;
            let digest = b64u(&sha256(&[award.signed.statement.as_bytes()]));
            let entry = entry_of(db, &vault, (facts.tender, award.decided_at), &digest)?;
            let all = store::notices_of(db, facts.lot)?;
            Ok((award, digest, entry, all))
        })
        .await?;
    let name = |paper: Paper| (paper.code(), p.t(&format!("publication.paper.{}", paper.code())));
    let page = NoticePage {
        p: p.clone(),
        number,
        lot,
        kind: Paper::Award.code(),
        title: name(Paper::Award).1,
        n: NoticeView::of(&p, Paper::Award, &award.signed.statement)?,
        when: "publication.award.decided",
        published: award.decided_at.beijing(),
        signer: signer_of(&authority, &award.signed),
        late: award.decision.decide_by.is_some_and(|by| award.decided_at >= by),
        until: String::new(),
        running: None,
        object: String::new(),
        object_article: String::new(),
        digest,
        entry,
        index,
        others: others(&all, Paper::Award).into_iter().map(name).collect(),
    };
    p.html(&page)
}

/// The signed decision as a file.
pub(super) async fn award_signed_get(
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let name = format!("award-{number}-{lot}.json");
    let who = p.who.clone();
    let (_, award) = door.look(move |db| find_award(db, who.as_ref(), &number, &lot)).await?;
    Ok(signed_file(&name, &award.signed))
}

fn signed_file(name: &str, signed: &Signed) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")))
        .body(jcs_text(signed))
}

/// The paper's entry in the log, or the proof of it. Whoever may read the paper may have both: the entry holds what the
/// paper says, its digest and its signature.
pub(super) async fn log_get(
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String, String, String)>,
) -> Answer {
    let (number, lot, kind, what) = path.into_inner();
    let what = FromLog::from_name(&what).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let name = format!("{kind}-{number}-{lot}");
    let (house, who) = (door.as_ref().clone(), p.who.clone());
    let file = door.look(move |db| {
        let (tender, at, text) = if kind == Paper::Award.code() {
            let (facts, award) = find_award(db, who.as_ref(), &number, &lot)?;
            (facts.tender, award.decided_at, award.signed.statement)
        } else {
            let (_, notice) = find(db, &number, &lot, &kind)?;
            (notice.tender, notice.published_at, notice.body)
        };
        let digest = b64u(&sha256(&[text.as_bytes()]));
        let (entry, _) = entry_of(db, house.vault(), (tender, at), &digest)?;
        let id: EntryId = Id::parse(&entry).ok_or_else(|| Refused::new(404, "ledger.refusal.no_entry"))?;
        what.content(&house, db, id)
    });
    let (kind, ending) = what.kind();
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("content-disposition", format!("attachment; filename=\"{name}.{ending}\"")))
        .body(file.await?))
}

/// The signed notice as a file, for whoever wants to check it without this server.
pub(super) async fn signed_get(door: web::Data<Door>, path: Place) -> Answer {
    let (number, lot, kind) = path.into_inner();
    let name = format!("{kind}-{number}-{lot}.json");
    let (_, notice) = door.look(move |db| find(db, &number, &lot, &kind)).await?;
    Ok(signed_file(&name, &notice.signed))
}
