//! Importing a bank's notice.

use super::treasury::NoticeView;
use crate::account::form::{broken_off, check_csrf};
use crate::account::page::Page;
use crate::account::who::Treasurer;
use crate::deposit::bank_notice::NOTICE_BYTES_MAX;
use crate::deposit::rules::Refusal;
use crate::deposit::{actions, store};
use crate::ledger::Door;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::web::Answer;
use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use futures_util::TryStreamExt;

#[derive(Template)]
#[template(path = "deposit/import.html")]
struct ImportPage {
    p: Page,
    notices: Vec<NoticeView>,
}

/// How many imports are shown.
const NOTICES_SHOWN: i64 = 20;

async fn page(p: Page, door: &Door) -> Result<ImportPage, Failure> {
    let vault = door.vault().clone();
    let notices = door.look(move |db| Ok(store::notices(db, &vault, NOTICES_SHOWN)?)).await?;
    let notices = notices.into_iter().map(|notice| NoticeView::of(&p, notice)).collect();
    Ok(ImportPage { p, notices })
}

pub(super) async fn import_get(Treasurer(_): Treasurer, p: Page, door: web::Data<Door>) -> Answer {
    p.html(&page(p.clone(), &door).await?)
}

/// A form with a file, read whole because notices are bounded.
struct Upload {
    csrf: String,
    file_name: String,
    bytes: Vec<u8>,
}

async fn read_upload(mut form: Multipart) -> Result<Upload, Refused> {
    let problem = |e: actix_multipart::MultipartError| broken_off(&e);
    let mut upload = Upload { csrf: String::new(), file_name: String::new(), bytes: Vec::new() };
    while let Some(mut field) = form.try_next().await.map_err(problem)? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name =
            field.content_disposition().and_then(|d| d.get_filename()).unwrap_or_default().to_owned();
        let most = if name == "file" { NOTICE_BYTES_MAX } else { 1024 };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.try_next().await.map_err(problem)? {
            if bytes.len() + chunk.len() > most {
                return Err(Refused::new(413, "platform.refusal.too_large")
                    .with("max", "16 MiB")
                    .field("file"));
            }
            bytes.extend_from_slice(&chunk);
        }
        match name.as_str() {
            "csrf" => upload.csrf = String::from_utf8_lossy(&bytes).into_owned(),
            "file" => (upload.file_name, upload.bytes) = (file_name, bytes),
            _ => {}
        }
    }
    Ok(upload)
}

pub(super) async fn import_post(
    Treasurer(who): Treasurer,
    p: Page,
    door: web::Data<Door>,
    form: Multipart,
) -> Answer {
    let upload = read_upload(form).await?;
    check_csrf(&upload.csrf, &p.csrf)?;
    let by = who.name.clone();
    let imported = match read(upload).await {
        Ok(notice) => door.act(who.actor(), move |act| actions::import(act, &by, &notice)).await,
        Err(failure) => Err(failure),
    };
    match p.or_problem(imported)? {
        Ok(_) => Ok(Page::see("/deposit/treasury/import")),
        Err(p) => p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(p.clone(), &door).await?),
    }
}

/// Reads the file off the async threads: the largest takes a second.
async fn read(upload: Upload) -> Result<actions::ReadNotice, Failure> {
    if upload.bytes.is_empty() {
        return Err(Refused::from(Refusal::NothingToImport).into());
    }
    let read = web::block(move || actions::read_notice(&upload.file_name, &upload.bytes)).await;
    read.map_err(|e| Fault::new(e.to_string()))?.map_err(|refusal| Refused::from(refusal).into())
}
