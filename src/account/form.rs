//! Forms: read, bounded, and refused unless they carry the token of the page that they come from.

use super::page::Seen;
use crate::platform::refusal::Refused;
use crate::platform::web::Failed;
use actix_multipart::{Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Largest form that is read, in bytes. Files come by other ways.
const FORM_BYTES_MAX: usize = 1 << 20;

/// A form sent from one of our own pages, read into a `T`. The field `csrf` is checked and taken away, so `T`
/// may deny unknown fields. For repeated fields take `Posted<Vec<(String, String)>>`.
pub struct Posted<T, const MOST: usize = FORM_BYTES_MAX>(pub T);

impl<T: DeserializeOwned + 'static, const MOST: usize> FromRequest for Posted<T, MOST> {
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failed>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = web::Payload::from_request(request, payload).into_inner();
        let expected = request.extensions().get::<Seen>().map(|seen| seen.csrf.clone()).unwrap_or_default();
        Box::pin(async move {
            let unread = |error: &dyn fmt::Display| Failed::from(unread_fields(error));
            let body = body.map_err(|e| Failed::from(broken_off(&e)))?;
            let Ok(bytes) = body.to_bytes_limited(MOST).await else {
                let max = format!("{} MiB", MOST >> 20);
                return Err(Refused::new(413, "platform.refusal.too_large").with("max", max).into());
            };
            let bytes = bytes.map_err(|e| Failed::from(broken_off(&e)))?;
            let mut fields: Vec<(String, String)> =
                serde_urlencoded::from_bytes(&bytes).map_err(|e| unread(&e))?;
            let given = fields.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.clone());
            check_csrf(&given.unwrap_or_default(), &expected)?;
            fields.retain(|(name, _)| name != "csrf");
            let plain = serde_urlencoded::to_string(&fields).map_err(|e| unread(&e))?;
            serde_urlencoded::from_str(&plain).map(Self).map_err(|e| unread(&e))
        })
    }
}

/// Not all of a form has arrived. The English sentence names the technical cause.
pub fn broken_off(error: &dyn fmt::Display) -> Refused {
    Refused::new(422, "platform.refusal.form").word("why", "platform.form.broken_off").with("problem", error)
}

/// A form has other fields than its page, or one that is no text.
fn unread_fields(error: &dyn fmt::Display) -> Refused {
    Refused::new(422, "platform.refusal.form").word("why", "platform.form.fields").with("problem", error)
}

/// Compares a form's token with the session's, in constant time.
///
/// # Errors
/// They differ: the form comes from elsewhere or from an older session.
pub fn check_csrf(given: &str, expected: &str) -> Result<(), Refused> {
    let differing = given.bytes().zip(expected.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    let same = !expected.is_empty() && given.len() == expected.len() && differing == 0;
    if same { Ok(()) } else { Err(Refused::new(403, "platform.refusal.form_expired")) }
}

/// Longest text of a form that comes with a file, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// A file that somebody sent, with the name that they say it has.
pub type Sent = (String, web::Bytes);

/// Reads a form with one file: the token `csrf` first, then `file` of at most `most` bytes, which people read as `max`.
/// Gives the file's name, as the sender says it, and its content.
///
/// # Errors
/// The form is broken, does not carry the token, has no file or one that is too large.
pub async fn one_file(parts: Multipart, csrf: &str, most: usize, max: &str) -> Result<Sent, Refused> {
    let (_, file) = fields_and_file(parts, csrf, most, max).await?;
    Ok(file)
}

/// As [`one_file`], for a form whose other fields come between the token and the file, which ends it.
///
/// # Errors
/// As [`one_file`].
pub async fn fields_and_file(
    mut parts: Multipart,
    csrf: &str,
    most: usize,
    max: &str,
) -> Result<(BTreeMap<String, String>, Sent), Refused> {
    let unread = |e: MultipartError| broken_off(&e);
    let (mut proven, mut fields) = (false, BTreeMap::new());
    while let Some(mut part) = parts.try_next().await.map_err(unread)? {
        let field = part.name().unwrap_or_default().to_owned();
        let limit = if field == "file" { most } else { TEXT_BYTES_MAX };
        let file_name = part.content_disposition().and_then(|found| found.get_filename().map(str::to_owned));
        let mut content = web::BytesMut::new();
        while let Some(chunk) = part.try_next().await.map_err(unread)? {
            if content.len() + chunk.len() > limit {
                return Err(Refused::new(413, "platform.refusal.too_large").with("max", max));
            }
            content.extend_from_slice(&chunk);
        }
        if field == "csrf" {
            check_csrf(std::str::from_utf8(&content).unwrap_or_default(), csrf)?;
            proven = true;
        } else if field == "file" && proven {
            return Ok((fields, (file_name.unwrap_or_default(), content.freeze())));
        } else if proven {
            let text = String::from_utf8(content.to_vec()).map_err(|e| unread_fields(&e))?;
            fields.insert(field, text);
        }
    }
    let key = if proven { "platform.refusal.field_missing" } else { "platform.refusal.form_expired" };
    Err(Refused::new(if proven { 422 } else { 403 }, key).field("file"))
}
