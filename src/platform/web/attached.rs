//! Files that people download: under their own name, and never run by a browser.

use actix_web::HttpResponseBuilder;
use actix_web::{HttpResponse, http::header};
use bytes::Bytes;

/// The header of a download under this name, whatever letters it has (RFC 6266, RFC 8187).
pub fn disposition(name: &str) -> (header::HeaderName, String) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let letter = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    let name: String = name.bytes().map(letter).collect();
    (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}"))
}

/// The answer that sends a file of this media type under this name.
pub fn answer(media_type: &str, name: &str, content: Bytes) -> HttpResponse {
    started(media_type, name).body(content)
}

/// As [`answer`], for a body that is still to come.
pub fn started(media_type: &str, name: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.content_type(media_type).insert_header(disposition(name));
    answer
}
