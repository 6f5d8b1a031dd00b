//! Canonical JSON (RFC 8785, JCS): the bytes that are hashed, signed and logged.
//!
//! Our documents hold no JSON numbers except small counts; money, times, ids and scores are strings, because
//! canonicalisers silently round integers above 2^53.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The JCS bytes of `document`.
///
/// # Panics
/// Never for the document types of this crate: they hold only strings, small integers, lists and objects.
pub fn jcs<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(document)
        .unwrap_or_else(|e| panic!("a document type that is not JSON: {e}"))
}

/// The JCS text of `document`; see [`jcs`].
pub fn jcs_text<T: Serialize>(document: &T) -> String {
    String::from_utf8(jcs(document)).unwrap_or_default()
}

/// Reads a document that must already be in canonical form. Anything else, even one space, is refused, so
/// that one document has exactly one byte string and one hash. Unknown and duplicate fields are refused by
/// the types (`deny_unknown_fields`).
pub fn from_jcs<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, NotCanonical> {
    let document: T = serde_json::from_slice(bytes).map_err(|e| NotCanonical(e.to_string()))?;
    if jcs(&document) == bytes { Ok(document) } else { Err(NotCanonical("not in RFC 8785 form".into())) }
}

/// Why bytes are not a canonical document of the expected type.
#[derive(Debug, thiserror::Error)]
#[error("not a canonical JSON document: {0}")]
pub struct NotCanonical(pub String);
