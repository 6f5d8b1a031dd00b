//! The embedded style sheet and scripts, served under a name that carries their hash and so never changes.

use crate::platform::digest::sha256;
use actix_web::{HttpResponse, web};
use std::collections::HashMap;
use std::sync::OnceLock;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

struct Asset {
    mime: &'static str,
    bytes: &'static [u8],
    hash: String,
}

fn table() -> &'static HashMap<&'static str, Asset> {
    static TABLE: OnceLock<HashMap<&'static str, Asset>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let entry = |(name, mime, bytes): &(&'static str, &'static str, &'static [u8])| {
            (*name, Asset { mime, bytes, hash: hex::encode(sha256(&[bytes])) })
        };
        ASSETS.iter().map(entry).collect()
    })
}

/// The address of an asset, with its hash: `/assets/0123456789abcdef/main.css`.
pub fn url(name: &str) -> String {
    let hash = table().get(name).and_then(|asset| asset.hash.get(..16)).unwrap_or("missing");
    format!("/assets/{hash}/{name}")
}

/// SHA-256 of an asset in hex: shown to users and logged for the sealing module.
pub fn hash(name: &str) -> Option<&'static str> {
    table().get(name).map(|asset| asset.hash.as_str())
}

/// `GET /assets/{hash}/{name}`: immutable for a year when the hash is right, otherwise not found.
pub async fn get(path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, name) = path.into_inner();
    match table().get(name.as_str()) {
        Some(asset) if asset.hash.starts_with(&hash) && hash.len() == 16 => HttpResponse::Ok()
            .content_type(asset.mime)
            .insert_header(("Cache-Control", "public, max-age=31536000, immutable"))
            .body(asset.bytes),
        _ => HttpResponse::NotFound().finish(),
    }
}
