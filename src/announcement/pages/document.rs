//! Documents: the agent adds them, a bidder takes them. Nobody else learns who did.

use super::notice::{DocumentView, size_of};
use super::write::own;
use crate::account::form::{Posted, one_file};
use crate::account::page::Page;
use crate::account::who::{Agent, Among, Bidder, Entity, Who};
use crate::announcement::actions::{self, Stored};
use crate::announcement::rules::{DOCUMENT_BYTES_MAX, Document};
use crate::announcement::store::{self, DocumentRow};
use crate::ledger::Door;
use crate::platform::files::content::Content;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::{Answer, attached};
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "announcement/documents.html")]
struct DocumentsPage {
    p: Page,
    number: String,
    title: String,
    announced: bool,
    rows: Vec<Row>,
    size_max: String,
}

struct Row {
    document: DocumentView,
    waiting: bool,
}

async fn documents_page(p: Page, door: &Door, who: Who, number: String, status: StatusCode) -> Answer {
    let (tender, documents) = door
        .look(move |db| {
            let tender = own(db, &who, &number)?;
            let documents = store::documents(db, tender.tender)?;
            Ok((tender, documents))
        })
        .await?;
    let row = |document: &DocumentRow| Row {
        document: DocumentView::new(&document.listed()),
        waiting: document.version.is_none(),
    };
    let page = DocumentsPage {
        p: p.clone(),
        number: tender.number.to_string(),
        title: tender.title,
        announced: tender.announced_at.is_some(),
        rows: documents.iter().map(row).collect(),
        size_max: size_of(DOCUMENT_BYTES_MAX as u64),
    };
    p.html_with(status, &page)
}

pub(super) async fn list_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    documents_page(p, &door, who, path.into_inner(), StatusCode::OK).await
}

pub(super) async fn upload_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    parts: Multipart,
) -> Answer {
    let number = path.into_inner();
    let (named, asker) = (number.clone(), who.clone());
    let tender = door.look(move |db| Ok(own(db, &asker, &named)?.tender)).await?;
    let max = size_of(DOCUMENT_BYTES_MAX as u64);
    let (name, content) = one_file(parts, &p.csrf, DOCUMENT_BYTES_MAX, &max).await?;
    let asker = who.clone();
    let done = async {
        let unknown = || Refused::new(415, "announcement.refusal.content").field("file");
        let (kind, bytes) = (Content::judge(&content).ok_or_else(unknown)?, content.len() as u64);
        door.look(move |db| actions::check_count(db, tender)).await?;
        let stored = Stored { name, content: door.keep_document(content).await?, kind, bytes };
        door.act(asker.actor(), move |act| actions::add_document(act, &asker, tender, &stored)).await
    };
    match done.await {
        Ok(_) => Ok(Page::see(format!("/announcement/{number}/documents"))),
        Err(Failure::Refused(refused)) if matches!(refused.status, 409 | 415 | 422) => {
            let p = p.with_problem(&refused);
            documents_page(p, &door, who, number, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(other) => Err(other.into()),
    }
}

fn parse(document: &str) -> Result<Id<Document>, Refused> {
    Id::parse(document).ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))
}

pub(super) async fn remove_post(
    Agent(who): Agent,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let (number, document) = path.into_inner();
    let document = parse(&document)?;
    door.act(who.actor(), move |act| actions::remove_document(act, &who, document)).await?;
    Ok(Page::see(format!("/announcement/{number}/documents")))
}

/// Agent and entity look at their own documents; that leaves no trace.
pub(super) async fn own_get(
    Among(who, ..): Among<(Agent, Entity)>,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (number, document) = path.into_inner();
    let document = parse(&document)?;
    let row = door
        .look(move |db| {
            let tender = own(db, &who, &number)?;
            let row = store::document(db, document)?;
            if row.tender == tender.tender {
                Ok(row)
            } else {
                Err(Refused::new(404, "platform.refusal.not_found").into())
            }
        })
        .await?;
    send(&door, row).await
}

/// A bidder takes a document.
pub(super) async fn download_post(
    Bidder(who): Bidder,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    _form: Posted<Vec<(String, String)>>,
) -> Answer {
    let document = parse(&path.into_inner().1)?;
    let done = door.act(who.actor(), move |act| actions::download(act, &who, document)).await?;
    send(&door, done.value).await
}

/// Sends the content, which the file store checks against its hash: a document that was altered on disk is never handed
/// out. One that can not be read is told with its name, and the centre finds why in its log.
async fn send(door: &Door, row: DocumentRow) -> Answer {
    let content = door.files().get(&row.content).await.map_err(|fault| {
        tracing::error!(document = %row.id, fault = %fault.chain(), "a document can not be read");
        Refused::new(503, "announcement.refusal.unreadable").with("name", &row.name)
    })?;
    Ok(attached::answer(row.kind.media_type(), &row.name, content))
}
