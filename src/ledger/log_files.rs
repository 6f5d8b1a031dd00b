//! The log as plain files (`docs/decisions/`): every full tile and bundle of entries is written once, under the name
//! that it has on the web, and served from there. The database stays the truth: a file that is lost or damaged is noticed
//! by the hash that was kept when it was written, and made again.
//!
//! Beside the tiles lie the newest checkpoint, the partial tiles of its size, the key and the rotations, so that the folder
//! alone, behind any web server, is a whole log.

use super::checkpoint::Checkpoint;
use super::door::Door;
use super::note::Note;
use super::rotation_store;
use super::store::{self, Tiles};
use super::tiles::{self, Resource};
use super::tree::{self, Hash, TILE_WIDTH, TileSource};
use crate::platform::database::Db;
use crate::platform::digest::sha256;
use crate::platform::refusal::Fault;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Folder of the hashes: one file for each level, 32 bytes for each tile, in order.
const SUMS: &str = ".sums";
/// What this module writes at the top of the folder.
const OURS: [&str; 6] = ["tile", SUMS, "checkpoint", "key", "rotations", "rotation"];
/// At most so many full tiles and bundles are written in one go.
const BATCH: u64 = 1024;
/// A hash in a file of hashes.
const SUM: u64 = 32;
/// `width` of a full tile.
const FULL: u16 = 256;

/// The folder of one server.
pub struct LogFiles {
    folder: PathBuf,
    /// Size of the checkpoint that lies in the folder since this process started; 0: not known.
    shown: AtomicU64,
    /// How many files were looked at by [`LogFiles::look_over`].
    looked: AtomicU64,
    writing: Mutex<()>,
}

/// A file of the log, and the hash of its bytes.
pub struct LogFile {
    pub bytes: Vec<u8>,
    pub sum: Hash,
}

/// What lies where a full tile should.
enum Found {
    Good(LogFile),
    /// It was not written yet.
    NotYet,
    /// It was written and is lost or altered.
    Damaged,
}

impl LogFiles {
    /// The folder `folder`. If it holds another log than the database, it is emptied.
    ///
    /// # Errors
    /// The folder or the database can not be read.
    pub(super) fn open(folder: &Path, db: &mut Db) -> Result<Self, Fault> {
        let files = Self {
            folder: folder.to_owned(),
            shown: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            writing: Mutex::new(()),
        };
        if !files.is_of(db)? {
            tracing::warn!(folder = %folder.display(), "the folder holds another log and is made anew");
            for name in OURS {
                let path = folder.join(name);
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.or_else(missing_is_fine)?;
            }
        }
        Ok(files)
    }

    /// Whether what lies in the folder is the beginning of the database's log.
    fn is_of(&self, db: &mut Db) -> Result<bool, Fault> {
        let size = store::head(db)?.map_or(0, |head| head.size);
        let shown = match fs::read(self.folder.join("checkpoint")) {
            Ok(note) => Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok()),
            // the first filling was cut short: entries are blinded at random, so no other log has its last tile
            Err(e) => {
                missing_is_fine(e)?;
                let Some(last) = self.count("0")?.checked_sub(1) else { return Ok(true) };
                let tile = Resource::Tile { level: 0, index: last, width: FULL };
                let same = |db: &mut Db| -> Result<bool, Fault> {
                    Ok(self.sum("0", last)? == Some(sha256(&[&from_database(db, tile)?])))
                };
                return Ok(tile.exists_at(size) && same(db)?);
            }
        };
        match shown.filter(|shown| shown.size <= size) {
            Some(shown) => Ok(tree::root(&Tiles::new(db), shown.size)? == shown.root),
            None => Ok(false),
        }
    }

    /// How many full tiles of a series lie in the folder.
    fn count(&self, series: &str) -> io::Result<u64> {
        match fs::metadata(self.folder.join(SUMS).join(series)) {
            Ok(found) => Ok(found.len() / SUM),
            Err(e) => missing_is_fine(e).map(|()| 0),
        }
    }

    /// The hash of full tile `index` of a series; `None` if it was not written yet.
    fn sum(&self, series: &str, index: u64) -> io::Result<Option<Hash>> {
        let file = match fs::File::open(self.folder.join(SUMS).join(series)) {
            Ok(file) => file,
            Err(e) => return missing_is_fine(e).map(|()| None),
        };
        let mut sum = [0; 32];
        match file.read_exact_at(&mut sum, index.saturating_mul(SUM)) {
            Ok(()) => Ok(Some(sum)),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn find(&self, resource: Resource) -> io::Result<Found> {
        let (series, index) = series_of(resource);
        let Some(sum) = self.sum(&series, index)? else { return Ok(Found::NotYet) };
        match fs::read(self.folder.join(resource.path())) {
            Ok(bytes) if sha256(&[&bytes]) == sum => Ok(Found::Good(LogFile { bytes, sum })),
            Ok(_) => Ok(Found::Damaged),
            Err(e) => missing_is_fine(e).map(|()| Found::Damaged),
        }
    }

    /// Writes a file whole or not at all. It is not synced: what a power cut spoils is found by its hash.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let (path, fresh) = (self.folder.join(path), self.folder.join(SUMS).join("new"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&fresh, bytes)?;
        fs::rename(fresh, path)
    }

    /// Writes a full tile and then its hash.
    fn put(&self, resource: Resource, bytes: &[u8]) -> io::Result<()> {
        let (series, index) = series_of(resource);
        self.write(&resource.path(), bytes)?;
        let sum = sha256(&[bytes]);
        let sums = self.folder.join(SUMS).join(series);
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(sums)?;
        file.write_all_at(&sum, index.saturating_mul(SUM))
    }

    /// Makes a file that was lost or altered again. Where the disk does not take it, the bytes are good all the same.
    fn heal(&self, db: &mut Db, resource: Resource) -> Result<LogFile, Fault> {
        tracing::warn!(path = resource.path(), "a file of the log was lost or damaged and is made again");
        let bytes = from_database(db, resource)?;
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = self.put(resource, &bytes) {
            tracing::error!(path = resource.path(), why = %e, "it can not be written");
        }
        let sum = sha256(&[&bytes]);
        Ok(LogFile { bytes, sum })
    }

    /// Brings the folder up to the newest checkpoint: full tiles first, then what is not full yet, last the checkpoint.
    /// A folder that is far behind takes several calls.
    fn publish(&self, door: &Door, db: &mut Db) -> Result<(), Fault> {
        let Some(head) = store::head(db)?.filter(|head| head.size != self.shown.load(Ordering::Acquire))
        else {
            return Ok(());
        };
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        fs::create_dir_all(self.folder.join(SUMS))?;
        let mut left = BATCH;
        let levels = (0..=tiles::MAX_LEVEL).take_while(|level| tree::hashes_at(*level, head.size) > 0);
        let series = levels.map(Some).chain([None]);
        for level in series {
            let of = |index, width| match level {
                Some(level) => Resource::Tile { level, index, width },
                None => Resource::Entries { index, width },
            };
            let hashes = tree::hashes_at(level.unwrap_or(0), head.size);
            let full = hashes / TILE_WIDTH;
            for index in self.count(&series_of(of(0, FULL)).0)?..full {
                if left == 0 {
                    return Ok(());
                }
                left -= 1;
                self.put(of(index, FULL), &from_database(db, of(index, FULL))?)?;
                // its beginnings were of use while it was not full
                if let Some(before) = index.checked_sub(1) {
                    let beginnings = self.folder.join(format!("{}.p", of(before, FULL).path()));
                    fs::remove_dir_all(beginnings).or_else(missing_is_fine)?;
                }
            }
            let width = u16::try_from(hashes % TILE_WIDTH)?;
            if width > 0 {
                let bytes = from_database(db, of(full, width))?;
                self.write(&of(full, width).path(), &bytes)?;
            }
        }
        self.publish_notes(door, db, &head)?;
        self.shown.store(head.size, Ordering::Release);
        Ok(())
    }

    fn publish_notes(&self, door: &Door, db: &mut Db, head: &store::Head) -> Result<(), Fault> {
        for kept in rotation_store::rotated(db)? {
            let at = format!("rotation/{}", kept.size);
            if !self.folder.join(&at).join("proof").exists() {
                self.write(&format!("{at}/checkpoint"), kept.checkpoint.as_bytes())?;
                self.write(&format!("{at}/proof"), door.receipt(db, kept.entry)?.to_string().as_bytes())?;
            }
        }
        self.write("rotations", rotation_store::rotations(db)?.to_string().as_bytes())?;
        self.write("key", format!("{}\n", door.log_key()).as_bytes())?;
        Ok(self.write("checkpoint", head.note.as_bytes())?)
    }

    /// Looks at the next `most` files and makes those again that are lost or damaged: a web server that serves the folder
    /// does not ask us. Returns how many were.
    fn look_over(&self, db: &mut Db, most: u64) -> Result<u64, Fault> {
        let mut series = vec![(None, self.count("entries")?)];
        for level in 0..=tiles::MAX_LEVEL {
            match self.count(&level.to_string())? {
                0 => break,
                count => series.push((Some(level), count)),
            }
        }
        let all: u64 = series.iter().map(|(_, count)| count).sum();
        let mut healed = 0;
        for _ in 0..most.min(all) {
            let mut at = self.looked.fetch_add(1, Ordering::Relaxed) % all;
            for (level, count) in &series {
                if at >= *count {
                    at -= count;
                    continue;
                }
                let resource = match level {
                    Some(level) => Resource::Tile { level: *level, index: at, width: FULL },
                    None => Resource::Entries { index: at, width: FULL },
                };
                if matches!(self.find(resource)?, Found::Damaged) {
                    self.heal(db, resource)?;
                    healed += 1;
                }
                break;
            }
        }
        Ok(healed)
    }
}

impl Door {
    /// Brings the folder of the log's files up to date (one that is far behind in several calls) and looks at some of the files in it. Every server does this for its
    /// own folder. Returns how many files had to be made again.
    ///
    /// # Errors
    /// The folder or the database can not be read or written.
    pub fn publish_log(&self) -> Result<u64, Fault> {
        const LOOKED_AT: u64 = 16;
        self.read(|db| {
            self.log_files().publish(self, db)?;
            self.log_files().look_over(db, LOOKED_AT)
        })
    }

    /// The bytes of a tile or bundle: full ones from their file, without the database; others, and what is not in a file yet,
    /// from the database. `None` if the log is not that large.
    ///
    /// # Errors
    /// The folder or the database can not be read.
    pub fn log_file(&self, resource: Resource) -> Result<Option<LogFile>, Fault> {
        let found = if resource.is_full() { self.log_files().find(resource)? } else { Found::NotYet };
        match found {
            Found::Good(file) => Ok(Some(file)),
            Found::Damaged => self.read(|db| self.log_files().heal(db, resource)).map(Some),
            Found::NotYet => self.read(|db| {
                if !resource.exists_at(store::head(db)?.map_or(0, |head| head.size)) {
                    return Ok(None);
                }
                let bytes = from_database(db, resource)?;
                let sum = sha256(&[&bytes]);
                Ok(Some(LogFile { bytes, sum }))
            }),
        }
    }
}

fn from_database(db: &mut Db, resource: Resource) -> Result<Vec<u8>, Fault> {
    match resource {
        Resource::Tile { level, index, width } => Tiles::new(db).tile(level, index, width),
        Resource::Entries { index, width } => {
            let first = index * TILE_WIDTH;
            let leaves = store::leaves(db, first, first + u64::from(width))?;
            if leaves.len() != usize::from(width) {
                return Err(Fault::new("the log has fewer entries than its size says"));
            }
            let bundle = tiles::bundle(leaves.iter().map(Vec::as_slice));
            bundle.ok_or_else(|| Fault::new("a leaf is too long for a bundle"))
        }
    }
}

/// Name and number of a tile among its like.
fn series_of(resource: Resource) -> (String, u64) {
    match resource {
        Resource::Tile { level, index, .. } => (level.to_string(), index),
        Resource::Entries { index, .. } => ("entries".into(), index),
    }
}

fn missing_is_fine(e: io::Error) -> io::Result<()> {
    if e.kind() == ErrorKind::NotFound { Ok(()) } else { Err(e) }
}
