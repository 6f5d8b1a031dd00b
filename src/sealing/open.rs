//! From key and ciphertext to the files.

use super::archive::{self, Shelf};
use super::bid_document::BidDocument;
use super::error::SealError;
use super::keys::{Secret, payload_aad};
use super::manifest::Manifest;
use super::stream::StreamOpener;
use std::io::Read;

/// Decrypts and reads the archive of `manifest`'s bid, and checks that the ciphertext was the manifest's. Memory is
/// flat. Nothing on the shelf may be used unless this returns `Ok`.
pub(super) fn open_payload(
    manifest: &Manifest,
    key: &Secret,
    ciphertext: impl Read,
    shelf: &mut dyn Shelf,
) -> Result<BidDocument, SealError> {
    let c = manifest.ctx.hash();
    let mut stream = StreamOpener::new(ciphertext, key, &payload_aad(&c))?;
    let document = archive::read(&mut stream, &c, shelf)?;
    if stream.finish()? != manifest.measured() {
        return Err(SealError::Stream("it is not the ciphertext that the manifest names"));
    }
    Ok(document)
}
