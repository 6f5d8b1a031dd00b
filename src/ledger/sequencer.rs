//! The sequencer gives entries their places in the log, in order of arrival, many at a time, and has the new
//! checkpoint signed. It runs inside the transaction of its caller; nothing that it made leaves the process before
//! that transaction is durable.

use super::checkpoint::{Checkpoint, Signer};
use super::note::{Note, SignerKey, VerifierKey};
use super::rotation::Rotation;
use super::rotation_store;
use super::store::{self, Head, Tiles};
use super::tree::{self, Overlay};
use crate::platform::database::Db;
use crate::platform::digest::{b64, from_b64};
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::secret_file;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// At most this many entries get their place in one go.
const BATCH_MAX: i64 = 4096;

/// The key file of the log, the one that will replace it, and what was signed last.
const KEY: &str = "log-signer.key";
const NEXT: &str = "log-signer.next";
const STATE: &str = "log-signer.state";

/// Gives places and signs. One for each server.
pub(super) struct Sequencer {
    folder: PathBuf,
    /// The key that this log had when the server started.
    first: VerifierKey,
    held: Mutex<Held>,
}

struct Held {
    /// Content of the key's file.
    text: Arc<Zeroizing<String>>,
    signer: Signer,
}

/// What was signed last, and with which key: where a signer stands that must forget what came after.
#[derive(Clone, PartialEq)]
pub(super) struct Mark {
    text: Arc<Zeroizing<String>>,
    size: u64,
    root: tree::Hash,
}

impl Mark {
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Sequencer {
    /// Opens (or makes) the signing key `log-signer.key` in `folder` for the log `origin` and takes up what was
    /// signed last from `log-signer.state`. A rotation that was cut short after it had become durable is brought to its end.
    ///
    /// # Errors
    /// The key belongs to another log or was rotated away, or the files can not be read or written.
    pub fn open(folder: &Path, origin: &str, db: &mut Db) -> Result<Self, Fault> {
        if let Some(newest) = rotation_store::newest_key(db)? {
            settle(folder, &newest)?;
        }
        let fresh = SignerKey::generate(origin)?;
        let text = secret_file(&folder.join(KEY), || fresh.to_file().as_bytes().to_vec())?;
        let text = Zeroizing::new(String::from_utf8(text)?);
        let key = SignerKey::parse(&text)?;
        if key.verifier().name() != origin {
            return Err(Fault::new(format!(
                "{KEY} signs for {}, but the configured origin is {origin}",
                key.verifier().name()
            )));
        }
        let (size, root) = match std::fs::read_to_string(folder.join(STATE)) {
            Ok(text) => parse_state(&text).ok_or_else(|| Fault::new("log-signer.state is damaged"))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (0, tree::empty_root()),
            Err(e) => return Err(e.into()),
        };
        let first = key.verifier().clone();
        let held = Held { text: Arc::new(text), signer: Signer::resume(key, size, root) };
        Ok(Self { folder: folder.to_owned(), first, held: Mutex::new(held) })
    }

    /// The public key under which the newest checkpoints of this log verify.
    pub fn verifier(&self) -> VerifierKey {
        self.held().signer.verifier().clone()
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
        self.follow(db)?;
        let size = store::head(db)?.map_or(0, |head| head.size);
        let leaves: Vec<tree::Hash> = waiting.iter().map(|(_, leaf)| tree::leaf_hash(leaf)).collect();
        let grown = size + leaves.len() as u64;
        let mut held = self.held();
        let (tiles, root, proof) = {
            let source = Tiles::new(db);
            let tiles = tree::append(&source, size, &leaves)?;
            let above = Overlay::new(source, &tiles);
            let root = tree::root(&above, grown)?;
            let proof = tree::consistency_proof(&above, held.signer.last().0, grown)?;
            (tiles, root, proof)
        };
        let note = held.signer.sign(grown, root, &proof)?.to_string();
        drop(held);
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

    /// Takes up the key that the database says is the log's, if a rotation (by this process or another) changed it or was
    /// undone.
    fn follow(&self, db: &mut Db) -> Result<(), Fault> {
        let newest = rotation_store::newest_key(db)?.unwrap_or_else(|| self.first.clone());
        let mut held = self.held();
        if *held.signer.verifier() == newest {
            return Ok(());
        }
        let text = [KEY, NEXT].into_iter().find_map(|name| key_text(&self.folder.join(name), &newest));
        let text = text.ok_or_else(|| no_key(&newest))?;
        let (size, root) = held.signer.last();
        held.signer = Signer::resume(SignerKey::parse(&text)?, size, root);
        held.text = Arc::new(text);
        Ok(())
    }

    /// Makes the key that shall follow, in a file beside the present one; one that is there already, left by a rotation
    /// that was cut short, is kept.
    ///
    /// # Errors
    /// The file can not be written, or is not a key of this log.
    pub fn prepare(&self) -> Result<(), Fault> {
        let path = self.folder.join(NEXT);
        if !path.exists() {
            let key = SignerKey::generate(self.first.name())?;
            // whole or not at all, and readable by its owner only
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(key.to_file().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map_err(|e| e.error)?;
            std::fs::File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Ends the present key's term inside the caller's transaction: everything that waits gets its place, then both keys
    /// sign the rotation and the checkpoint. From here on this transaction signs with the new key.
    ///
    /// # Errors
    /// The log is empty, no next key is prepared, or the database fails.
    pub fn rotate(&self, db: &mut Db, now: Moment) -> Result<(Rotation, Note), Fault> {
        self.sequence(db, now)?;
        self.follow(db)?;
        self.check(db)?;
        let next = SignerKey::parse(&Zeroizing::new(std::fs::read_to_string(self.folder.join(NEXT))?))?;
        let held = self.held();
        if held.signer.last().0 == 0 {
            return Err(Fault::new("the log is empty: nothing was signed with this key yet"));
        }
        Ok(held.signer.hand_over(&next)?)
    }

    /// Puts the new key in the place of the old one, once the rotation is durable. The old one is gone then.
    ///
    /// # Errors
    /// The files can not be renamed.
    pub fn settle(&self, newest: &VerifierKey) -> Result<(), Fault> {
        settle(&self.folder, newest)
    }

    /// Remembers in the state file what was signed, once it is durable in the database.
    pub fn keep(&self) -> Result<(), Fault> {
        let (size, root) = self.held().signer.last();
        let fresh = self.folder.join(format!("log-signer.{}.new", std::process::id()));
        std::fs::write(&fresh, format!("{size} {}\n", b64(&root)))?;
        Ok(std::fs::rename(&fresh, self.folder.join(STATE))?)
    }

    /// Where the signer stands.
    pub fn mark(&self) -> Mark {
        let held = self.held();
        let (size, root) = held.signer.last();
        Mark { text: held.text.clone(), size, root }
    }

    /// Forgets a signature whose transaction did not become durable: nobody has seen it.
    pub fn forget(&self, before: Mark) -> Result<(), Fault> {
        let signer = Signer::resume(SignerKey::parse(&before.text)?, before.size, before.root);
        *self.held() = Held { text: before.text, signer };
        Ok(())
    }

    /// Size and root that were signed last.
    pub fn last(&self) -> (u64, tree::Hash) {
        self.held().signer.last()
    }

    /// Takes up the newest checkpoint of the database, and refuses one that does not contain everything that was ever
    /// signed.
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
        let key = self.verifier();
        Checkpoint::open(head.note.as_bytes(), key.name(), std::slice::from_ref(&key)).map_err(|e| {
            Fault::new(format!("{KEY} ({key}) is not the key that signed the newest checkpoint: {e}"))
        })?;
        let proof = tree::consistency_proof(&Tiles::new(db), size, head.size)?;
        if !tree::verify_consistency(size, head.size, &root, &head.root, &proof) {
            return Err(Fault::new(
                "the log in the database does not extend what was signed before: it was rewritten",
            ));
        }
        let mut held = self.held();
        held.signer = Signer::resume(SignerKey::parse(&held.text)?, head.size, head.root);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content of a key file, if it is of this key.
fn key_text(file: &Path, key: &VerifierKey) -> Option<Zeroizing<String>> {
    let text = Zeroizing::new(std::fs::read_to_string(file).ok()?);
    let found = SignerKey::parse(&text).ok()?;
    (found.verifier() == key).then_some(text)
}

fn no_key(key: &VerifierKey) -> Fault {
    Fault::new(format!("the log's key was changed to {key}, and neither {KEY} nor {NEXT} is its private key"))
}

/// Sees to it that the key file holds `newest`: a rotation may have been cut short between database and file.
fn settle(folder: &Path, newest: &VerifierKey) -> Result<(), Fault> {
    let (key, next) = (folder.join(KEY), folder.join(NEXT));
    if key_text(&key, newest).is_some() {
        return Ok(());
    }
    key_text(&next, newest).ok_or_else(|| no_key(newest))?;
    std::fs::rename(&next, &key)?;
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

fn parse_state(text: &str) -> Option<(u64, tree::Hash)> {
    let (size, root) = text.trim_end().split_once(' ')?;
    Some((size.parse().ok()?, from_b64(root)?.try_into().ok()?))
}
