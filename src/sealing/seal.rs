//! From files and form fields to ciphertext, manifest and signature.

use super::archive::{self, ArchiveWriter};
use super::bid_document::{BidDocument, Form, ListedFile, path_of};
use super::boxes::{second_box, share_boxes};
use super::context::{Context, Mode};
use super::document::{Bytes, Count};
use super::error::SealError;
use super::keys::{Draw, Secret, commit_b, commit_share, commit_t, payload_aad, payload_key};
use super::manifest::{
    BidderKeyFile, BidderKeyTyp, Ciphertext, CiphertextAlg, Client, Lock, Manifest, ManifestTyp, SecondHolder,
};
use super::shamir::split;
use super::signature::{Signature, Signer};
use super::stream::StreamSealer;
use super::trustees::TrusteeSet;
use crate::platform::canonical::jcs;
use crate::platform::moment::Moment;
use std::io::{BufReader, Read, Seek, Write};

/// Where a file's bytes come from. They are read once; a source that then has another size is refused.
pub trait Source {
    fn size(&self) -> std::io::Result<u64>;
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>>;
}

impl Source for std::path::PathBuf {
    fn size(&self) -> std::io::Result<u64> {
        Ok(std::fs::metadata(self)?.len())
    }

    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(BufReader::with_capacity(1 << 18, std::fs::File::open(self)?)))
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> std::io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

/// One file to seal.
pub struct FileToSeal<'a> {
    /// The name that the bidder gave it.
    pub name: String,
    pub source: &'a dyn Source,
}

/// Everything that goes into a bid but randomness.
pub struct Content<'a> {
    pub ctx: &'a Context,
    pub trustees: &'a TrusteeSet,
    pub files: &'a [FileToSeal<'a>],
    pub form: Form,
    /// Id of the manifest that this bid replaces.
    pub prev: Option<[u8; 32]>,
    pub signer: &'a Signer,
    pub client: Client,
    /// The sealer's clock.
    pub created: Moment,
}

/// A sealed bid beside its ciphertext.
#[derive(Debug)]
pub struct SealedBid {
    pub manifest: Manifest,
    pub signature: Signature,
    /// What the bidder must keep in mode `dual`.
    pub bidder_key: Option<BidderKeyFile>,
}

/// Seals `content`, writing the ciphertext to `out`, its beginning last.
///
/// # Errors
/// Refuses a trustee set that does not check, that the context does not name, and unlawful names and fields.
pub fn seal(content: &Content<'_>, out: impl Write + Seek) -> Result<SealedBid, SealError> {
    seal_for(content, None, out)
}

/// [`seal`], with the bidder's key locked to a `second` holder too (mode `dual`).
///
/// # Errors
/// As [`seal`]; a second holder in mode `trustees`, or whose key is not a point of P-256.
pub fn seal_for(
    content: &Content<'_>,
    second: Option<&[u8; 65]>,
    out: impl Write + Seek,
) -> Result<SealedBid, SealError> {
    seal_with(content, second, out, &Draw::fresh(content.ctx.mode))
}

/// [`seal_for`] with given randomness, for a caller who opens the bid again before the secrets are dropped.
pub(super) fn seal_with(
    content: &Content<'_>,
    second: Option<&[u8; 65]>,
    out: impl Write + Seek,
    draw: &Draw,
) -> Result<SealedBid, SealError> {
    if second.is_some() && content.ctx.mode != Mode::Dual {
        return Err(SealError::Document("a second key holder needs a bid that is locked twice".into()));
    }
    let mut sealed = seal_drawn(content, out, draw)?;
    if let (Some(holder), Some(file)) = (second, &mut sealed.bidder_key) {
        let (c, k_b) = (content.ctx.hash(), Secret(file.k_b.0));
        let second = SecondHolder { sealed: Bytes(second_box(&c, &k_b, holder)?), hpke: Bytes(*holder) };
        sealed.manifest.lock.second = Some(second);
        sealed.signature = content.signer.sign(&sealed.manifest.message())?;
        file.m = Bytes(sealed.manifest.id());
    }
    Ok(sealed)
}

/// [`seal`] with given randomness: for pinned vectors and for attacks in tests, never for a real bid.
pub(super) fn seal_drawn(
    content: &Content<'_>,
    out: impl Write + Seek,
    draw: &Draw,
) -> Result<SealedBid, SealError> {
    check_content(content)?;
    let c = content.ctx.hash();
    let ct = write_payload(content, &c, out, draw)?;
    let lock = make_lock(content, &c, draw)?;
    let (ctx, client, prev) = (content.ctx.clone(), content.client.clone(), content.prev.map(Bytes));
    let manifest = Manifest { client, created: content.created, ct, ctx, lock, prev, typ: ManifestTyp };
    let signature = content.signer.sign(&manifest.message())?;
    let m = Bytes(manifest.id());
    let bidder_key = draw.k_b.as_ref().map(|k_b| BidderKeyFile { k_b: Bytes(k_b.0), m, typ: BidderKeyTyp });
    Ok(SealedBid { manifest, signature, bidder_key })
}

fn check_content(content: &Content<'_>) -> Result<(), SealError> {
    content.ctx.check()?;
    content.trustees.check()?;
    if content.ctx.trustees.0 != content.trustees.hash() || content.ctx.tender != content.trustees.tender {
        return Err(SealError::Trustees("it is not the set that the bid's context names".into()));
    }
    if (content.ctx.rev == 1) != content.prev.is_none() {
        return Err(SealError::Document(
            "a replacement names the bid that it replaces, a first bid none".into(),
        ));
    }
    Ok(())
}

/// Names and measures the files; their hashes are known when they have been read.
fn list(files: &[FileToSeal<'_>]) -> Result<Vec<ListedFile>, SealError> {
    let listed = files.iter().enumerate().map(|(at, file)| {
        let size = Count(file.source.size()?);
        Ok(ListedFile { name: file.name.clone(), path: path_of(at + 1), sha256: Bytes([0; 32]), size })
    });
    listed.collect()
}

/// Reads every file once: hashes it for `bid.json` while the segments behind that are encrypted. `bid.json` comes last,
/// into the place that was left for it; its length does not depend on the hashes.
fn write_payload(
    content: &Content<'_>,
    c: &[u8; 32],
    out: impl Write + Seek,
    draw: &Draw,
) -> Result<Ciphertext, SealError> {
    let document = BidDocument::draft(*c, list(content.files)?, content.form.clone(), content.signer)?;
    let room = archive::head(&jcs(&document))?.len();
    let key = payload_key(c, &draw.k_t, draw.k_b.as_ref());
    let stream = StreamSealer::new(out, &key, &payload_aad(c), &draw.salt, draw.nonce_prefix, room)?;
    let mut archive = ArchiveWriter::behind(stream, room);
    let mut hashes = Vec::with_capacity(content.files.len());
    for (file, listed) in content.files.iter().zip(&document.files) {
        hashes.push(archive.entry(&listed.path, listed.size.0, file.source.open()?)?);
    }
    let stream = archive.finish()?;
    let document = document.sign(hashes, content.signer)?;
    let (mut out, measured) = stream.finish(&archive::head(&jcs(&document))?)?;
    out.flush()?;
    Ok(Ciphertext { alg: CiphertextAlg, root: Bytes(measured.root), size: Count(measured.size) })
}

fn make_lock(content: &Content<'_>, c: &[u8; 32], draw: &Draw) -> Result<Lock, SealError> {
    debug_assert_eq!(content.ctx.mode == Mode::Dual, draw.k_b.is_some());
    let (t, n) = (content.trustees.t, content.trustees.n());
    let shares = split(c, &draw.k_t, t, n)?;
    let boxes = share_boxes(c, &draw.k_t, &shares, &content.trustees.box_keys())?;
    Ok(Lock {
        boxes: boxes.into_iter().map(Bytes).collect(),
        commit_b: draw.k_b.as_ref().map(|k_b| Bytes(commit_b(c, k_b))),
        commit_t: Bytes(commit_t(c, &draw.k_t)),
        n,
        second: None,
        shares: Some(shares.iter().map(|share| Bytes(commit_share(c, share))).collect()),
        t,
    })
}
