//! The sequencer gives entries their places in the log, in order of arrival, many at a time, and has the new
//! checkpoint signed. It runs inside the transaction of its caller; nothing that it made leaves the process before
//! that transaction is durable.

use super::checkpoint::Signer;
use super::note::{SignerKey, VerifierKey};
use super::store::{self, Head, Tiles};
use super::tree::{self, Overlay};
use crate::platform::database::Db;
use crate::platform::digest::{b64, from_b64};
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::secret_file;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most this many entries get their place in one go.
const BATCH_MAX: i64 = 4096;

/// Gives places and signs. One for each server.
pub(super) struct Sequencer {
    key: String,
    verifier: VerifierKey,
    state: PathBuf,
    signer: Mutex<Signer>,
}

impl Sequencer {
    /// Opens (or makes) the signing key `log-signer.key` in `folder` for the log `origin` and takes up what was
    /// signed last from `log-signer.state`.
    ///
    /// # Errors
    /// The key belongs to another log, or the files can not be read or written.
    pub fn open(folder: &Path, origin: &str) -> Result<Self, Fault> {
        let fresh = SignerKey::generate(origin)?;
        let key = secret_file(&folder.join("log-signer.key"), || fresh.to_file().as_bytes().to_vec())?;
        let key = String::from_utf8(key)?;
        let signer_key = SignerKey::parse(&key)?;
        if signer_key.verifier().name() != origin {
            return Err(Fault::new(format!(
                "log-signer.key signs for {}, but the configured origin is {origin}",
                signer_key.verifier().name()
            )));
        }
        let state = folder.join("log-signer.state");
        let (size, root) = match std::fs::read_to_string(&state) {
            Ok(text) => parse_state(&text).ok_or_else(|| Fault::new("log-signer.state is damaged"))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (0, tree::empty_root()),
            Err(e) => return Err(e.into()),
        };
        let verifier = signer_key.verifier().clone();
        Ok(Self { key, verifier, state, signer: Mutex::new(Signer::resume(signer_key, size, root)) })
    }

    /// The public key under which checkpoints of this log verify.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Gives every entry that waits its place, inside the caller's transaction. Returns whether there was any.
    ///
    /// # Errors
    /// The database fails, or the signer refuses because the log would not extend what it signed before: then
    /// nothing may be written any more until people have looked.
    pub fn sequence(&self, db: &mut Db, now: Moment) -> Result<bool, Fault> {
        store::lock_head(db)?;
        let mut any = false;
        loop {
            let waiting = store::pending(db, BATCH_MAX)?;
            if waiting.is_empty() {
                return Ok(any);
            }
            any = true;
            self.extend(db, now, &waiting)?;
        }
    }

    fn extend(&self, db: &mut Db, now: Moment, waiting: &[(i64, Vec<u8>)]) -> Result<(), Fault> {
        let size = store::head(db)?.map_or(0, |head| head.size);
        let leaves: Vec<tree::Hash> = waiting.iter().map(|(_, leaf)| tree::leaf_hash(leaf)).collect();
        let grown = size + leaves.len() as u64;
        let mut signer = self.signer();
        let (tiles, root, proof) = {
            let source = Tiles::new(db);
            let tiles = tree::append(&source, size, &leaves)?;
            let above = Overlay::new(source, &tiles);
            let root = tree::root(&above, grown)?;
            let proof = tree::consistency_proof(&above, signer.last().0, grown)?;
            (tiles, root, proof)
        };
        let note = signer.sign(grown, root, &proof)?.to_string();
        drop(signer);
        for tile in &tiles {
            store::put_tile(db, tile)?;
        }
        let arrivals: Vec<i64> = waiting.iter().map(|(arrival, _)| *arrival).collect();
        let mut index = size;
        // numbers that follow each other in one statement; one that is missing is not committed yet and waits
        for run in arrivals.chunk_by(|before, after| before + 1 == *after) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            store::set_indices(db, *first, *last, index)?;
            index += run.len() as u64;
        }
        store::put_head(db, &Head { size: grown, root, note, at: now })
    }

    /// Remembers in the state file what was signed, once it is durable in the database.
    pub fn keep(&self) -> Result<(), Fault> {
        let (size, root) = self.signer().last();
        let fresh = self.state.with_extension("new");
        std::fs::write(&fresh, format!("{size} {}\n", b64(&root)))?;
        Ok(std::fs::rename(&fresh, &self.state)?)
    }

    /// Forgets a signature whose transaction did not become durable: nobody has seen it.
    pub fn forget(&self, before: (u64, tree::Hash)) -> Result<(), Fault> {
        *self.signer() = Signer::resume(SignerKey::parse(&self.key)?, before.0, before.1);
        Ok(())
    }

    /// What was signed last.
    pub fn last(&self) -> (u64, tree::Hash) {
        self.signer().last()
    }

    /// Refuses to start on a database that does not contain everything that was ever signed.
    ///
    /// # Errors
    /// The database was rolled back or replaced.
    pub fn check(&self, db: &mut Db) -> Result<(), Fault> {
        let (size, root) = self.last();
        let head = store::head(db)?;
        let held = head.as_ref().map_or(0, |head| head.size);
        if held < size {
            return Err(Fault::new(format!(
                "the database holds {held} log entries, but {size} were signed: it was rolled back or replaced"
            )));
        }
        let Some(head) = head else { return Ok(()) };
        let proof = tree::consistency_proof(&Tiles::new(db), size, head.size)?;
        if tree::verify_consistency(size, head.size, &root, &head.root, &proof) {
            Ok(())
        } else {
            Err(Fault::new(
                "the log in the database does not extend what was signed before: it was rewritten",
            ))
        }
    }

    fn signer(&self) -> MutexGuard<'_, Signer> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse_state(text: &str) -> Option<(u64, tree::Hash)> {
    let (size, root) = text.trim_end().split_once(' ')?;
    Some((size.parse().ok()?, from_b64(root)?.try_into().ok()?))
}
