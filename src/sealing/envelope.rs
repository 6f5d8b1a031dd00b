//! A submitted bid before and after the opening, as two types.

use super::archive::{Checked, Shelf};
use super::bid_document::{BidDocument, Form, ListedFile};
use super::error::SealError;
use super::keys::Secret;
use super::manifest::Manifest;
use super::opening_check::{Reported, Verdict, check};
use super::stream::StreamOpener;
use super::trustees::TrusteeSet;
use super::warrant::OpeningWarrant;
use std::io::Read;
use zeroize::Zeroizing;

/// A sealed bid. It shows its manifest and nothing else: there is no accessor to its content.
#[derive(Clone, Debug)]
pub struct Envelope {
    manifest: Manifest,
}

impl Envelope {
    pub fn new(manifest: Manifest) -> Self {
        Self { manifest }
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Judges the trustees' reports on this bid (section 6 of the format page). Gives the keyed envelope, and the
    /// trustees who lied, or the verdict that says who is at fault.
    ///
    /// # Errors
    /// [`Unopened::NoWarrant`] if the warrant does not cover this bid, [`Unopened::WrongTrustees`] if the bid is sealed
    /// to another set, [`Unopened::BidderKey`] if the mode wants a bidder's key and it is missing or not the committed one,
    /// [`Unopened::Verdict`] for every outcome of the check but a sound one.
    pub fn unlock(
        &self,
        warrant: &OpeningWarrant,
        trustees: &TrusteeSet,
        reported: &[Reported],
        k_b: Option<&Secret>,
    ) -> Result<Unlocked<'_>, Unopened> {
        if !warrant.covers(&self.manifest.id()) {
            return Err(Unopened::NoWarrant);
        }
        self.manifest.check_trustees(trustees).map_err(|_| Unopened::WrongTrustees)?;
        let c = self.manifest.ctx.hash();
        let (k_t, liars) = match check(&c, &self.manifest.lock, &trustees.box_keys(), reported) {
            Verdict::Sound { key, liars } => (key, liars),
            other => return Err(Unopened::Verdict(other)),
        };
        match (self.manifest.lock.commit_b, k_b) {
            (None, None) => {}
            (Some(_), Some(k_b)) if self.manifest.is_bidder_key(k_b) => {}
            _ => return Err(Unopened::BidderKey),
        }
        let key = super::keys::payload_key(&c, &k_t, k_b);
        Ok(Unlocked { envelope: self, key, liars })
    }
}

/// An envelope whose key is known and proven; still closed.
#[derive(Debug)]
pub struct Unlocked<'a> {
    envelope: &'a Envelope,
    key: Secret,
    /// Trustees whose report was not what their box holds.
    pub liars: Vec<u8>,
}

impl Unlocked<'_> {
    /// Decrypts `ciphertext` and puts the files onto `shelf`. What is on the shelf counts only if this returns a bid.
    ///
    /// # Errors
    /// Any content fault (cut-off or changed ciphertext, other root, archive that is not strict, inner signature that does
    /// not fit) is the bidder's, if the ciphertext has the manifest's root; see [`SealError`]. `SealError::Io` is a fault
    /// of the reader or the shelf and blames nobody.
    pub fn open(&self, ciphertext: impl Read, shelf: &mut dyn Shelf) -> Result<OpenedBid, SealError> {
        let document = super::open::open_payload(&self.envelope.manifest, &self.key, ciphertext, shelf)?;
        Ok(OpenedBid { manifest: self.envelope.manifest.clone(), document })
    }

    /// As [`Unlocked::open`], but takes the slices for those that were hashed when they came. What is read is safe all
    /// the same: every byte is under the payload key, and the files are those that the bidder signed. Only whether the
    /// ciphertext still has the manifest's root is not said: after an error [`measure`](super::stream::measure) it, to know
    /// who made it wrong.
    ///
    /// # Errors
    /// As [`Unlocked::open`].
    pub fn open_stored(&self, ciphertext: impl Read, shelf: &mut dyn Shelf) -> Result<OpenedBid, SealError> {
        let document = super::open::open_stored(&self.envelope.manifest, &self.key, ciphertext, shelf)?;
        Ok(OpenedBid { manifest: self.envelope.manifest.clone(), document })
    }

    /// What reads single files later, once the whole was opened and recorded.
    pub fn content_key(&self) -> ContentKey {
        ContentKey { key: self.key.clone(), c: self.envelope.manifest.ctx.hash() }
    }
}

/// What decrypts the files of one opened bid. A secret of those who may read the bid.
pub struct ContentKey {
    key: Secret,
    c: [u8; 32],
}

impl ContentKey {
    /// Length of its bytes.
    pub const LENGTH: usize = 64;

    /// For the vault and nowhere else.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.key.0, self.c].concat())
    }

    /// `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, c) = bytes.split_first_chunk::<32>()?;
        Some(Self { key: Secret::from_bytes(*key), c: c.try_into().ok()? })
    }

    /// The content of the listed file number `index` (from 0) of the bid `document`, decrypted from where it lies: only
    /// the slices with this file are read. `header` is the first [`HEADER`](super::stream::HEADER) bytes of the
    /// ciphertext; `from` gives the ciphertext from an offset on, always a whole number of slices. The reader fails at the
    /// end if the content is not the listed one.
    ///
    /// # Errors
    /// There is no such file, `from` fails, or the ciphertext is not this bid's.
    pub fn file<R: Read>(
        &self,
        (document, index): (&BidDocument, usize),
        header: &[u8],
        from: impl FnOnce(u64) -> std::io::Result<R>,
    ) -> Result<Checked<StreamOpener<R>>, SealError> {
        super::open::open_file((&self.key, &self.c), (document, index), header, from)
    }
}

/// Why an envelope was not unlocked.
#[derive(Debug)]
pub enum Unopened {
    NoWarrant,
    WrongTrustees,
    BidderKey,
    Verdict(Verdict),
}

impl std::fmt::Display for Unopened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoWarrant => f.write_str("there is no warrant to open this bid"),
            Self::WrongTrustees => f.write_str("the bid is sealed to another trustee set"),
            Self::BidderKey => f.write_str("the bidder's key is missing, or is not the committed one"),
            Self::Verdict(Verdict::Sound { .. }) => f.write_str("the bid is sound"),
            Self::Verdict(Verdict::BidderAtFault(fault)) => {
                write!(f, "the bid is malformed by its bidder: {fault:?}")
            }
            Self::Verdict(Verdict::NotEnough { have, need }) => {
                write!(f, "{have} of the {need} true shares that it takes are there")
            }
        }
    }
}

/// A bid after its opening: the only type with content.
#[derive(Clone, Debug)]
pub struct OpenedBid {
    manifest: Manifest,
    document: BidDocument,
}

impl OpenedBid {
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The fields that are read out.
    pub fn form(&self) -> &Form {
        &self.document.form
    }

    /// The files, in the order in which they were put onto the shelf.
    pub fn files(&self) -> &[ListedFile] {
        &self.document.files
    }

    /// The whole of `bid.json`, with the inner signature (already checked against its own certificate).
    pub fn document(&self) -> &BidDocument {
        &self.document
    }
}
