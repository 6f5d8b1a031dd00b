//! From key and ciphertext to the files.

use super::archive::{self, Checked, Shelf};
use super::bid_document::BidDocument;
use super::error::SealError;
use super::keys::{Secret, payload_aad};
use super::manifest::Manifest;
use super::stream::{self, StreamOpener};
use std::io::{self, Read};

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

/// As [`open_payload`] for a ciphertext whose slices were hashed when it came: they are not hashed again.
pub(super) fn open_stored(
    manifest: &Manifest,
    key: &Secret,
    ciphertext: impl Read,
    shelf: &mut dyn Shelf,
) -> Result<BidDocument, SealError> {
    let c = manifest.ctx.hash();
    let mut stream = StreamOpener::unhashed(ciphertext, key, &payload_aad(&c))?;
    let document = archive::read(&mut stream, &c, shelf)?;
    stream.end()?;
    Ok(document)
}

/// One file of an opened bid, of which payload key and context hash and the `document` are known: only the slices that
/// it lies in are read. `header` is the first bytes of the ciphertext; `from` gives the ciphertext from an offset on.
pub(super) fn open_file<R: Read>(
    (key, c): (&Secret, &[u8; 32]),
    (document, index): (&BidDocument, usize),
    header: &[u8],
    from: impl FnOnce(u64) -> io::Result<R>,
) -> Result<Checked<StreamOpener<R>>, SealError> {
    let listed = document.files.get(index);
    let listed = listed.ok_or_else(|| SealError::Archive("there is no such file".into()))?;
    let (slice, before) = stream::place_of(archive::content_at(document, index));
    let from = from(slice * stream::SLICE as u64)?;
    let mut stream = StreamOpener::within(from, header, slice, key, &payload_aad(c))?;
    io::copy(&mut (&mut stream).take(before), &mut io::sink()).map_err(SealError::from_io)?;
    Ok(Checked::new(stream, listed))
}
