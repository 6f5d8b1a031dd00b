//! What a witness decides (C2SP tlog-witness, `add-checkpoint`): whether a checkpoint extends everything that it has
//! seen of this log. Pure: the caller keeps what was cosigned last and answers over HTTP.

use super::checkpoint::{Checkpoint, parse_decimal, parse_hash};
use super::note::{Note, NoteError, VerifierKey};
use super::rotation::Rotations;
use super::tree::{self, Hash};
use crate::platform::digest::b64;
use std::fmt;

/// A proof of more lines than this is refused (C2SP tlog-witness).
const MAX_PROOF_LINES: usize = 63;
/// A request larger than this is refused unread.
pub const MAX_REQUEST: usize = 1 << 16;

/// What a log sends: where the witness stood, how the tree grew from there, and the new checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Size of the checkpoint that the witness cosigned last; 0 for none.
    pub old: u64,
    /// Consistency proof from `old` to the checkpoint's size (RFC 6962, 2.1.2); empty from 0.
    pub proof: Vec<Hash>,
    pub checkpoint: Note,
}

/// Why a witness does not cosign; each has the status that the protocol gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the request is not an add-checkpoint request")]
    Malformed,
    #[error("this witness does not know the log {0}")]
    UnknownLog(String),
    #[error("no key that this witness knows for the log signed the checkpoint")]
    NotSigned,
    #[error("the old size is above the checkpoint's")]
    Backwards,
    #[error("{0}")]
    OtherSize(u64),
    #[error("another tree of the same size was cosigned before")]
    OtherRoot(u64),
    #[error("the checkpoint is not shown to extend what was cosigned before")]
    NotAnExtension,
}

impl Denied {
    /// HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::Backwards => 400,
            Self::NotSigned => 403,
            Self::UnknownLog(_) => 404,
            Self::OtherSize(_) | Self::OtherRoot(_) => 409,
            Self::NotAnExtension => 422,
        }
    }
}

impl Request {
    /// Reads the body of a request.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_REQUEST)?;
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ").and_then(parse_decimal)?;
        let proof: Vec<Hash> = lines.map(parse_hash).collect::<Option<_>>()?;
        if proof.len() > MAX_PROOF_LINES {
            return None;
        }
        Some(Self { old, proof, checkpoint: Note::parse(checkpoint.as_bytes()).ok()? })
    }

    /// Decides. `logs` are the keys of the known logs, `rotations` what this log said of its own; `last` is size and root of what was cosigned last of the log
    /// with this origin. The caller must keep `last` from changing until the new state is durable.
    ///
    /// # Errors
    /// The protocol's refusals.
    pub fn judge(
        &self,
        logs: &[VerifierKey],
        rotations: &Rotations,
        last: impl FnOnce(&str) -> Option<(u64, Hash)>,
    ) -> Result<Checkpoint, Denied> {
        let checkpoint = Checkpoint::parse(self.checkpoint.text()).map_err(|_| Denied::Malformed)?;
        let keys: Vec<VerifierKey> =
            logs.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        if keys.is_empty() {
            return Err(Denied::UnknownLog(checkpoint.origin));
        }
        match self.checkpoint.verify(&keys) {
            Ok(signers) if signers.iter().any(|key| rotations.allow(key, &checkpoint)) => {}
            Ok(_) | Err(NoteError::Unsigned | NoteError::BadSignature(_)) => return Err(Denied::NotSigned),
            Err(_) => return Err(Denied::Malformed),
        }
        if self.old > checkpoint.size {
            return Err(Denied::Backwards);
        }
        let (size, root) = last(&checkpoint.origin).unwrap_or((0, tree::empty_root()));
        if self.old != size {
            return Err(Denied::OtherSize(size));
        }
        if size == checkpoint.size && root != checkpoint.root {
            return Err(Denied::OtherRoot(size));
        }
        if tree::verify_consistency(size, checkpoint.size, &root, &checkpoint.root, &self.proof) {
            Ok(checkpoint)
        } else {
            Err(Denied::NotAnExtension)
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", b64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
