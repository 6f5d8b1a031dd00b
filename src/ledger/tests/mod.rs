//! Tests of the log: the tree against the plain definition of RFC 6962, notes and receipts against their formats.

pub(crate) mod foreign;
mod note;
mod policy;
mod receipt;
mod rotation;
pub(crate) mod timestamp;
mod tree;
mod witness;

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;

use super::tree::{Hash, Tile, TileSource, append, leaf_hash};

/// A log in memory that counts how many tiles are read from it.
#[derive(Default)]
pub(crate) struct MemoryLog {
    tiles: HashMap<(u8, u64), Vec<u8>>,
    pub size: u64,
    pub reads: Cell<usize>,
}

impl MemoryLog {
    pub fn with(leaves: &[Hash]) -> Self {
        let mut log = Self::default();
        log.add(leaves);
        log
    }

    /// Appends and returns the changed tiles.
    pub fn add(&mut self, leaves: &[Hash]) -> Vec<Tile> {
        let changed = append(self, self.size, leaves).unwrap();
        for tile in &changed {
            self.tiles.insert((tile.level, tile.index), tile.hashes.clone());
        }
        self.size += leaves.len() as u64;
        changed
    }

    /// Cuts the last hash off a tile, as a damaged disk would.
    pub fn damage(&mut self, level: u8, index: u64) {
        let tile = self.tiles.get_mut(&(level, index)).unwrap();
        tile.truncate(tile.len() - 32);
    }
}

impl TileSource for MemoryLog {
    type Error = Infallible;

    fn tile(&self, level: u8, index: u64, _width: u16) -> Result<Vec<u8>, Infallible> {
        self.reads.set(self.reads.get() + 1);
        Ok(self.tiles.get(&(level, index)).cloned().unwrap_or_default())
    }
}

/// `n` different leaves.
pub(super) fn leaves(n: usize) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(format!("leaf {i}").as_bytes())).collect()
}
