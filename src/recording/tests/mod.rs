//! Tests of the recording room. The media are real: `media/samples` holds what Chromium's MediaRecorder gave for a
//! fake camera and a shared tab, blob by blob (each with its length in front, four bytes, big-endian).

mod chain;
mod media;
mod rules;

use std::path::Path;

/// The blobs of a sample recording, in the order in which the browser gave them.
pub(super) fn sample(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("media/samples").join(name).with_extension("blobs");
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut blobs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        blobs.push(bytes[at + 4..at + 4 + length].to_vec());
        at += 4 + length;
    }
    blobs
}
