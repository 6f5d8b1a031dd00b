//! 证据包 The evidence bundle of one lot: everything that an outsider needs to check it with `sunbid verify`. The format is
//! `docs/formats/evidence-bundle.md`; the verifier's own types write it.
//!
//! Nothing is decided here and nothing is written to the database: each room's records are read and laid side by
//! side with the log's entries about the lot. Before the bids are open there is no evidence to give.

mod bids;
mod files;
mod log;
mod money;
pub mod pages;
mod rooms;
#[cfg(test)]
mod tests;

use crate::account::house::House;
use crate::ledger::Door;
use crate::platform::database::Db;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::standing::LotFacts;
use crate::verify::bundle::{self, About, Part};
use crate::verify::signatures_check::ROOTS;
use std::collections::BTreeMap;
use std::io::Write;
use tokio::runtime::Handle;

/// What goes into a bundle besides the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The sealed bids themselves.
    pub ciphertexts: bool,
    /// Init sections and segments of the recordings.
    pub media: bool,
}

/// One bundle on its way: files by path, and where large ones are read from.
struct Gathering<'a> {
    door: &'a Door,
    db: &'a mut Db,
    lot: &'a LotFacts,
    contents: Contents,
    runtime: Handle,
    /// The checkpoint that every proof of the bundle leads to; `None` for an empty log.
    head: Option<Target>,
    parts: BTreeMap<String, Part>,
}

/// Size and note of a checkpoint.
struct Target {
    size: u64,
    note: String,
}

impl Gathering<'_> {
    fn document(&mut self, path: String, bytes: impl Into<Vec<u8>>) {
        self.parts.insert(path, Part::Document(bytes.into()));
    }
}

/// Whether there is evidence of the lot yet.
///
/// # Errors
/// Refused while the bids are not open.
fn check_time(lot: &LotFacts) -> Result<(), Refused> {
    if lot.is_past_opening() {
        return Ok(());
    }
    Err(Refused::new(409, "open_data.refusal.evidence_too_early"))
}

/// Writes the bundle of `lot` to `out`. Blocks; `runtime` reads the file store.
///
/// # Errors
/// Refused while the bids are not open; database or files fail.
pub fn write<W: Write>(
    house: &House,
    lot: &LotFacts,
    contents: Contents,
    runtime: &Handle,
    out: W,
) -> Result<W, Failure> {
    check_time(lot)?;
    let door = &house.door;
    let roots = house.authority.roots();
    let (about, parts) = door.read(|db| {
        let (runtime, parts) = (runtime.clone(), BTreeMap::new());
        let mut gathering = Gathering { door, db, lot, contents, runtime, head: None, parts };
        for (number, root) in (1..).zip(roots) {
            gathering.document(format!("{ROOTS}{number}.der"), root.clone());
        }
        log::gather(&mut gathering)?;
        bids::gather(&mut gathering)?;
        rooms::gather(&mut gathering)?;
        money::gather(&mut gathering)?;
        let about = About {
            origin: door.config().origin.clone(),
            key: door.log_key().to_string(),
            tender: lot.number.to_string(),
            lot: lot.lot_number.to_string(),
            id: lot.lot.to_string(),
            made: door.now(),
        };
        Ok::<_, Fault>((about, gathering.parts))
    })?;
    Ok(bundle::write(out, &about, &parts).map_err(Fault::from)?)
}
