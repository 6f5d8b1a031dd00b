//! How a log changes its key: a note that the old key and the new one both sign (`docs/formats/log.md`, section 10). It says
//! up to which size and root the old key signs, and that the new one signs from there. Whoever knows one key of the chain
//! is led to all others; whoever stole a key that was rotated away can sign nothing that the note does not hold already.

use super::checkpoint::{Checkpoint, parse_decimal, parse_hash};
use super::note::{KeyKind, Note, NoteError, SignerKey, VerifierKey};
use super::tree::Hash;
use crate::platform::digest::b64;
use std::fmt;

/// First line of a rotation note's text.
const FIRST_LINE: &str = "sunbid/log-rotation/v1";
/// More rotations than this are refused: a witness is told all of them in one request.
const MAX_ROTATIONS: usize = 64;

/// What is wrong with rotation notes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    #[error("not a rotation note")]
    Malformed,
    #[error("the rotation note is not signed by both keys")]
    NotBoth,
    #[error("the rotation from {0} does not follow the one before it")]
    NotAChain(VerifierKey),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// One rotation, signed by both keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that signs sizes up to `size`.
    pub old: VerifierKey,
    /// The key that signs sizes from `size` on.
    pub new: VerifierKey,
    pub size: u64,
    /// Root of the first `size` leaves.
    pub root: Hash,
    /// The note itself.
    pub note: Note,
}

impl Rotation {
    /// Makes the note; `size` and `root` are what `old` signed last.
    ///
    /// # Errors
    /// The keys belong to different logs, or are the same.
    pub fn sign(old: &SignerKey, new: &SignerKey, size: u64, root: &Hash) -> Result<Self, RotationError> {
        let (from, to) = (old.verifier(), new.verifier());
        let text = format!("{FIRST_LINE}\n{}\n{from}\n{to}\n{size}\n{}\n", from.name(), b64(root));
        Self::read(Note::sign(&text, &[old, new])?)
    }

    /// Reads a note and checks both signatures.
    ///
    /// # Errors
    /// It has another form, or not both signatures.
    pub fn read(note: Note) -> Result<Self, RotationError> {
        let malformed = || RotationError::Malformed;
        let text = note.text().strip_suffix('\n').ok_or_else(malformed)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [FIRST_LINE, origin, old, new, size, root] = lines.as_slice() else { return Err(malformed()) };
        let (old, new) = (VerifierKey::parse(old)?, VerifierKey::parse(new)?);
        let of_this_log = |key: &VerifierKey| key.name() == *origin && key.kind() == KeyKind::Signer;
        if !of_this_log(&old) || !of_this_log(&new) || old.public() == new.public() {
            return Err(malformed());
        }
        let size = parse_decimal(size).ok_or_else(malformed)?;
        let root = parse_hash(root).ok_or_else(malformed)?;
        let both = [old.clone(), new.clone()];
        match note.verify(&both) {
            Ok(signers) if signers.len() == both.len() => {}
            Ok(_) | Err(NoteError::Unsigned) => return Err(RotationError::NotBoth),
            Err(error) => return Err(error.into()),
        }
        Ok(Self { old, new, size, root, note })
    }

    /// Whether this rotation lets `key` sign the tree of this size and root. It says nothing of other keys.
    fn allows(&self, key: &VerifierKey, size: u64, root: &Hash) -> bool {
        let in_time = (*key != self.old || size <= self.size) && (*key != self.new || size >= self.size);
        let concerned = *key == self.old || *key == self.new;
        in_time && !(concerned && size == self.size && *root != self.root)
    }
}

/// All rotations of one log, the oldest first. As text: the notes, an empty line between each two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotations(Vec<Rotation>);

impl Rotations {
    /// Reads the text form; an empty text is a log that still has its first key.
    ///
    /// # Errors
    /// A note is damaged, lacks a signature, or does not follow the one before it.
    pub fn parse(text: &str) -> Result<Self, RotationError> {
        let mut all = Self::default();
        let mut parts = text.split("\n\n");
        while let Some(head) = parts.next().filter(|_| !text.is_empty()) {
            let signatures = parts.next().ok_or(RotationError::Malformed)?;
            let signatures = signatures.strip_suffix('\n').unwrap_or(signatures);
            let note = Note::parse(format!("{head}\n\n{signatures}\n").as_bytes())?;
            all.add(Rotation::read(note)?)?;
        }
        // one spelling only
        if all.to_string() == text { Ok(all) } else { Err(RotationError::Malformed) }
    }

    /// Adds the next rotation.
    ///
    /// # Errors
    /// It does not begin with the key and above the size at which the last one ended.
    pub fn add(&mut self, next: Rotation) -> Result<(), RotationError> {
        let follows = self.0.last().is_none_or(|last| last.new == next.old && last.size < next.size);
        let fresh = !self.keys().contains(&&next.new);
        if !follows || !fresh || self.0.len() >= MAX_ROTATIONS {
            return Err(RotationError::NotAChain(next.old));
        }
        self.0.push(next);
        Ok(())
    }

    pub fn list(&self) -> &[Rotation] {
        &self.0
    }

    /// Those that ended a key's term before the log had `size` entries.
    #[must_use]
    pub fn below(&self, size: u64) -> Self {
        Self(self.0.iter().take_while(|rotation| rotation.size < size).cloned().collect())
    }

    /// Every key of the chain, the oldest first; none if there was no rotation.
    fn keys(&self) -> Vec<&VerifierKey> {
        self.0.iter().take(1).map(|first| &first.old).chain(self.0.iter().map(|each| &each.new)).collect()
    }

    /// The keys that somebody who knows `known` may believe: those, and if one of them is of the chain the whole chain.
    pub fn lead_from(&self, known: &[VerifierKey]) -> Vec<VerifierKey> {
        let mut all = known.to_vec();
        let chain = self.keys();
        if chain.iter().any(|key| known.contains(key)) {
            let further = chain.into_iter().filter(|key| !known.contains(key));
            all.extend(further.cloned());
        }
        all
    }

    /// Whether `key` had not been rotated away at this size, and had been taken up. True for keys that no rotation names.
    pub fn allow(&self, key: &VerifierKey, checkpoint: &Checkpoint) -> bool {
        self.0.iter().all(|rotation| rotation.allows(key, checkpoint.size, &checkpoint.root))
    }

    /// Whether these rotations begin with `older`: nothing that was published is taken back.
    pub fn extend(&self, older: &Self) -> bool {
        self.0.starts_with(&older.0)
    }
}

impl fmt::Display for Rotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, rotation)| {
            let gap = if at == 0 { "" } else { "\n" };
            write!(f, "{gap}{}", rotation.note)
        })
    }
}
