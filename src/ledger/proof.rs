//! Receipts: C2SP `tlog-proof@v1` files, with which a holder shows offline that an entry is in the log.
//!
//! A receipt is a proof about an object that its holder has (a bid's manifest, a notice). The `extra` line carries
//! what is needed to get from the object to the leaf: its id, its kind and the blind. Nothing in it is trusted:
//! a wrong value only makes the check fail.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, CheckpointError, parse_decimal, parse_hash};
use super::leaf::{self, Blind};
use super::note::{Note, NoteError, VerifierKey};
use super::rotation::Rotations;
use super::tree::{self, Hash, MAX_PROOF};
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::{b64, b64u, b64u_32, from_b64, sha256};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A receipt larger than this is refused unread.
pub const MAX_RECEIPT: usize = 1 << 20;

/// What is wrong with a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("not a tlog-proof file")]
    Malformed,
    #[error("the receipt's extra line is not ours")]
    Extra,
    #[error("the receipt is for another object")]
    OtherObject,
    #[error("the receipt is for an entry of kind {found}, not {expected}")]
    OtherKind { expected: u8, found: u8 },
    #[error("the entry is not under the root of the checkpoint")]
    NotIncluded,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// The way from an object to its leaf, carried in the receipt's `extra` line as base64 of
/// JCS `{"blind","kind","m"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// SHA-256 of the logged object (for a bid: of the labelled manifest bytes).
    pub object_hash: Hash,
    /// The kind byte of the entry; see the kinds table of `docs/formats/log.md`.
    pub kind: u8,
    pub blind: Blind,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    blind: String,
    kind: u8,
    m: String,
}

impl Opening {
    /// The tree's leaf hash that this opening leads to.
    pub fn leaf_hash(&self) -> Hash {
        leaf::hash_for(&self.blind, self.kind, &self.object_hash)
    }

    fn to_extra(&self) -> Vec<u8> {
        jcs(&Extra { blind: b64u(&self.blind), kind: self.kind, m: b64u(&self.object_hash) })
    }

    fn from_extra(bytes: &[u8]) -> Option<Self> {
        let extra: Extra = from_jcs(bytes).ok()?;
        Some(Self { object_hash: b64u_32(&extra.m)?, kind: extra.kind, blind: b64u_32(&extra.blind)? })
    }
}

/// A receipt as it was read; nothing is verified until [`Receipt::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub opening: Opening,
    /// Zero-based number of the leaf.
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub proof: Vec<Hash>,
    /// The checkpoint note that the proof leads to.
    pub checkpoint: Note,
}

/// What a verified receipt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    pub index: u64,
    pub checkpoint: Checkpoint,
    /// Names of the trusted keys that signed the checkpoint.
    pub signers: Vec<String>,
}

impl Receipt {
    /// Reads a receipt file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let malformed = ReceiptError::Malformed;
        if bytes.len() > MAX_RECEIPT {
            return Err(malformed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed.clone())?;
        let (head, note) = text.split_once("\n\n").ok_or(malformed.clone())?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed);
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or(ReceiptError::Extra)?;
        let extra = from_b64(extra).ok_or(malformed.clone())?;
        let opening = Opening::from_extra(&extra).ok_or(ReceiptError::Extra)?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(malformed.clone())?;
        let proof: Vec<Hash> = lines.map(parse_hash).collect::<Option<_>>().ok_or(malformed.clone())?;
        if proof.len() > MAX_PROOF {
            return Err(malformed);
        }
        Ok(Self { opening, index, proof, checkpoint: Note::parse(note.as_bytes())? })
    }

    /// Checks the receipt for `object` (the very bytes that were logged) offline: that it opens to this object and
    /// to `kind`, that the leaf is under the checkpoint's root, and that the checkpoint is of the log `origin` and
    /// signed with its key, one of `trusted`.
    pub fn verify(
        &self,
        object: &[u8],
        kind: u8,
        origin: &str,
        trusted: &[VerifierKey],
    ) -> Result<Included, ReceiptError> {
        self.verify_hash(&sha256(&[object]), kind, origin, trusted)
    }

    /// As [`Receipt::verify`], for a holder who has only the SHA-256 of the object.
    pub fn verify_hash(
        &self,
        object_hash: &Hash,
        kind: u8,
        origin: &str,
        trusted: &[VerifierKey],
    ) -> Result<Included, ReceiptError> {
        self.verify_in_term(object_hash, kind, origin, trusted, &Rotations::default())
    }

    /// As [`Receipt::verify_hash`] for a log that changed its key: `trusted` may hold several keys of it, each of which
    /// counts for the sizes that it signed.
    pub fn verify_in_term(
        &self,
        object_hash: &Hash,
        kind: u8,
        origin: &str,
        trusted: &[VerifierKey],
        rotations: &Rotations,
    ) -> Result<Included, ReceiptError> {
        if self.opening.object_hash != *object_hash {
            return Err(ReceiptError::OtherObject);
        }
        if self.opening.kind != kind {
            return Err(ReceiptError::OtherKind { expected: kind, found: self.opening.kind });
        }
        let note = self.checkpoint.to_string();
        let (checkpoint, signers) = Checkpoint::open_in_term(note.as_bytes(), origin, trusted, rotations)?;
        let leaf = self.opening.leaf_hash();
        if !tree::verify_inclusion(&leaf, self.index, checkpoint.size, &self.proof, &checkpoint.root) {
            return Err(ReceiptError::NotIncluded);
        }
        let signers = signers.into_iter().map(|key| key.name().to_owned()).collect();
        Ok(Included { index: self.index, checkpoint, signers })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", b64(&self.opening.to_extra()), self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", b64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
