//! Checkpoints (C2SP tlog-checkpoint): the signed statement of how large the log is and what its root is; and the
//! signer that never contradicts itself.

use std::fmt;

use super::note::{KeyKind, Note, NoteError, SignerKey, VerifierKey};
use super::rotation::{Rotation, RotationError, Rotations};
use super::tree::{self, Hash};
use crate::platform::digest::{b64, from_b64};

/// What a checkpoint says: which log, how many leaves, which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// What is wrong with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("not a checkpoint")]
    Malformed,
    #[error("a checkpoint of the log {found}, not of {expected}")]
    OtherLog { expected: String, found: String },
    #[error("the checkpoint is not signed by its own log")]
    NotTheLog,
    #[error(
        "a checkpoint of {size} entries is signed only with a key that was not the log's key then: {key}"
    )]
    OutOfTerm { key: String, size: u64 },
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Checkpoint {
    /// Reads the text of a checkpoint note. Lines behind the third (extensions) are allowed and ignored.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let mut lines = text.strip_suffix('\n').ok_or(malformed.clone())?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed);
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(malformed);
        }
        let size = parse_decimal(size).ok_or(malformed.clone())?;
        let root = parse_hash(root).ok_or(malformed.clone())?;
        if size == 0 && root != tree::empty_root() {
            return Err(malformed);
        }
        Ok(Self { origin: origin.into(), size, root })
    }

    /// Reads a checkpoint note of the log `origin`, which must be signed by at least one of `trusted`, and by one
    /// whose name is the origin. Returns the keys that signed.
    pub fn open<'k>(
        note: &[u8],
        origin: &str,
        trusted: &'k [VerifierKey],
    ) -> Result<(Self, Vec<&'k VerifierKey>), CheckpointError> {
        Self::open_in_term(note, origin, trusted, &Rotations::default())
    }

    /// As [`Checkpoint::open`] for a log that changed its key: the key of the log that signed must have been its key at
    /// this size. Keys that were not are left out of those returned.
    pub fn open_in_term<'k>(
        note: &[u8],
        origin: &str,
        trusted: &'k [VerifierKey],
        rotations: &Rotations,
    ) -> Result<(Self, Vec<&'k VerifierKey>), CheckpointError> {
        let note = Note::parse(note)?;
        let mut signers = note.verify(trusted)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::OtherLog { expected: origin.into(), found: checkpoint.origin });
        }
        let of_the_log = |key: &&VerifierKey| key.name() == origin && key.kind() == KeyKind::Signer;
        let claimed = *signers.iter().find(|key| of_the_log(key)).ok_or(CheckpointError::NotTheLog)?;
        signers.retain(|key| rotations.allow(key, &checkpoint));
        if !signers.iter().any(of_the_log) {
            return Err(CheckpointError::OutOfTerm { key: claimed.to_string(), size: checkpoint.size });
        }
        Ok((checkpoint, signers))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, b64(&self.root))
    }
}

/// A number in plain decimal: digits only, no leading zero, below 2^64.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A hash in base64 with padding.
pub(super) fn parse_hash(text: &str) -> Option<Hash> {
    from_b64(text)?.try_into().ok()
}

/// Why the signer did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerRefusal {
    #[error("the log shrank: {asked} leaves after {signed} were signed")]
    Shrank { signed: u64, asked: u64 },
    #[error("the log of {asked} leaves is not shown to extend the {signed} leaves that were signed before")]
    NotAnExtension { signed: u64, asked: u64 },
}

/// Signs the checkpoints of one log and remembers what it signed last. It refuses everything that is not proven
/// to extend that, so that a log rolled back or rewritten underneath it can not get a signature.
#[derive(Debug)]
pub struct Signer {
    key: SignerKey,
    size: u64,
    root: Hash,
}

impl Signer {
    /// A signer of the log named like the key, that signed the state `size`, `root` last. A log that was never
    /// signed has size 0 and the [`tree::empty_root`].
    pub fn resume(key: SignerKey, size: u64, root: Hash) -> Self {
        Self { key, size, root }
    }

    /// The signer of a log that was never signed.
    pub fn new(key: SignerKey) -> Self {
        Self::resume(key, 0, tree::empty_root())
    }

    pub fn origin(&self) -> &str {
        self.key.verifier().name()
    }

    pub fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Size and root that were signed last.
    pub fn last(&self) -> (u64, Hash) {
        (self.size, self.root)
    }

    /// Signs the state `size`, `root`. `proof` is the consistency proof from the size that was signed last. The
    /// caller must make the new state durable before it lets the note out.
    pub fn sign(&mut self, size: u64, root: Hash, proof: &[Hash]) -> Result<Note, SignerRefusal> {
        if size < self.size {
            return Err(SignerRefusal::Shrank { signed: self.size, asked: size });
        }
        let refusal = SignerRefusal::NotAnExtension { signed: self.size, asked: size };
        if !tree::verify_consistency(self.size, size, &self.root, &root, proof) {
            return Err(refusal);
        }
        let text = Checkpoint { origin: self.origin().into(), size, root }.to_string();
        let note = Note::sign(&text, &[&self.key]).map_err(|_| refusal)?;
        (self.size, self.root) = (size, root);
        Ok(note)
    }

    /// Ends this key's term at what it signed last: the rotation note, and the checkpoint of that state, both signed by
    /// this key and by `next`. The caller must make both durable, and sign with `next` alone from then on.
    pub fn hand_over(&self, next: &SignerKey) -> Result<(Rotation, Note), RotationError> {
        let rotation = Rotation::sign(&self.key, next, self.size, &self.root)?;
        let state = Checkpoint { origin: self.origin().into(), size: self.size, root: self.root };
        Ok((rotation, Note::sign(&state.to_string(), &[&self.key, next])?))
    }
}
