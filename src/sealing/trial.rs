//! "Can I open this?": what a bidder tries on a sealed bid before it is handed in.
//!
//! While the secrets of a sealing are still here, everything that the opening will do is done with what was written
//! ([`open_again`]). Later nobody but the trustees has the key; then [`check`] shows that the files are still the very ones
//! that opened.

use super::bid_document::{BidDocument, ListedFile};
use super::boxes::second_box;
use super::command::BidParameters;
use super::error::SealError;
use super::keys::{Draw, Secret, payload_key};
use super::manifest::{BidderKeyFile, Manifest};
use super::open::open_payload;
use super::opening_check::{self, Reported, Verdict};
use super::seal::SealedBid;
use super::shamir::split;
use super::signature::Signature;
use super::stream::measure;
use super::trustees::TrusteeSet;
use std::io::{self, Read};

/// Opens a bid that was just sealed, from the ciphertext as it was stored, with the secrets that are still here: the shares give
/// the committed key, every box is the one that the key gives, and the content is what its list says.
///
/// # Errors
/// What was stored is not what was sealed.
pub(super) fn open_again(
    bid: &SealedBid,
    draw: &Draw,
    trustees: &TrusteeSet,
    stored: impl Read,
) -> Result<BidDocument, SealError> {
    let manifest = &bid.manifest;
    manifest.check_signature(&bid.signature)?;
    manifest.check_trustees(trustees)?;
    let c = manifest.ctx.hash();
    let shares = split(&c, &draw.k_t, manifest.lock.t, manifest.lock.n)?;
    let reported: Vec<Reported> =
        shares.into_iter().map(|share| Reported { i: share.i, share: Some(share) }).collect();
    match opening_check::check(&c, &manifest.lock, &trustees.box_keys(), &reported) {
        Verdict::Sound { liars, .. } if liars.is_empty() => {}
        _ => return Err(SealError::Key("the boxes do not give the key that the bid commits to")),
    }
    check_bidder_lock(manifest, draw.k_b.as_ref())?;
    let key = payload_key(&c, &draw.k_t, draw.k_b.as_ref());
    open_payload(manifest, &key, stored, &mut Nowhere)
}

/// The bidder's half of the lock is the key that the bidder keeps, and the second holder's box holds it.
fn check_bidder_lock(manifest: &Manifest, k_b: Option<&Secret>) -> Result<(), SealError> {
    let own = match k_b {
        Some(k_b) => manifest.is_bidder_key(k_b),
        None => manifest.lock.commit_b.is_none(),
    };
    if !own {
        return Err(SealError::Key("the bidder's key is not the one that the bid commits to"));
    }
    if let (Some(second), Some(k_b)) = (&manifest.lock.second, k_b)
        && second_box(&manifest.ctx.hash(), k_b, &second.hpke.0)? != second.sealed.0
    {
        return Err(SealError::Key("the second holder's box does not hold the bidder's key"));
    }
    Ok(())
}

/// What is known of a sealed bid without any trustee.
#[derive(Debug)]
pub struct Checked {
    pub manifest: Manifest,
    /// The certificates of who signed it, leaf first, DER.
    pub signer: Vec<Vec<u8>>,
}

/// Checks a sealed bid that lies in files: made for the tender of `parameters` and its trustees, signed, with the
/// ciphertext that was signed, and, where it is locked twice, with the bidder's own key.
///
/// # Errors
/// Says what does not fit.
pub fn check(
    parameters: &BidParameters,
    (manifest, signature): (&[u8], &[u8]),
    ciphertext: impl Read,
    key_file: Option<&BidderKeyFile>,
) -> Result<Checked, SealError> {
    let manifest = Manifest::read(manifest)?;
    manifest.check_shares()?;
    let signature: Signature = crate::platform::canonical::from_jcs(signature)?;
    manifest.check_signature(&signature)?;
    if manifest.ctx != parameters.ctx || manifest.prev != parameters.prev {
        return Err(SealError::Document(
            "the bid was sealed for another tender, lot, bidder or revision than these parameters say".into(),
        ));
    }
    manifest.check_trustees(&parameters.trustees)?;
    if measure(ciphertext)? != manifest.measured() {
        return Err(SealError::Stream("it is not the ciphertext that the manifest names"));
    }
    if key_file.is_some_and(|file| file.m.0 != manifest.id()) {
        return Err(SealError::Key("the key file is another bid's"));
    }
    check_bidder_lock(&manifest, key_file.map(|file| Secret::from_bytes(file.k_b.0)).as_ref())?;
    Ok(Checked { signer: signature.x5c.into_iter().map(|der| der.0).collect(), manifest })
}

/// Reads and keeps nothing.
struct Nowhere;

impl super::archive::Shelf for Nowhere {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> io::Result<()> {
        io::copy(content, &mut io::sink()).map(drop)
    }
}
