//! The append-only Merkle tree of RFC 6962 section 2, kept in the tiles of C2SP tlog-tiles (height 8).
//!
//! The tree is never held in memory: every function reads the few tiles that it needs from a [`TileSource`], and
//! [`append`] hands back the tiles that changed. A proof reads a number of tiles that grows with the logarithm of
//! the size; an append reads at most one tile for each level that changes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use crate::platform::digest::{sha256, sha256_each};

/// A SHA-256 value: the hash of a leaf or of an inner node.
pub type Hash = [u8; 32];

/// Hashes in a full tile (2^8, C2SP tlog-tiles).
pub const TILE_WIDTH: u64 = 256;

/// Longest proof that a tree of fewer than 2^64 leaves can need.
pub const MAX_PROOF: usize = 64;

/// Where tiles are read from: a database, a folder, a web server.
pub trait TileSource {
    /// What reading can fail with.
    type Error;

    /// The hashes of tile `index` of `level`, concatenated. `width` (1 to 256) is how many the caller knows to
    /// exist. A source that keeps only the newest state of a tile may return more than that, never less.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Self::Error>;
}

impl<S: TileSource + ?Sized> TileSource for &S {
    type Error = S::Error;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Self::Error> {
        (**self).tile(level, index, width)
    }
}

/// One tile in full content: up to 256 hashes of `level`, beginning with number `index * 256` of that level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<u8>,
}

impl Tile {
    /// How many hashes the tile holds, 1 to 256.
    pub fn width(&self) -> u16 {
        u16::try_from(self.hashes.len() / 32).unwrap_or(u16::MAX)
    }

    /// The hash at `position` inside the tile.
    pub fn hash(&self, position: usize) -> Option<Hash> {
        hash_at(&self.hashes, position)
    }
}

/// Tiles that are newer than their store: reads answer from `tiles` first, then from `below`. Lets a caller take
/// the root or a proof of an append before it is stored.
pub struct Overlay<'a, S> {
    below: S,
    tiles: HashMap<(u8, u64), &'a Tile>,
}

impl<'a, S: TileSource> Overlay<'a, S> {
    pub fn new(below: S, tiles: &'a [Tile]) -> Self {
        Self { below, tiles: tiles.iter().map(|tile| ((tile.level, tile.index), tile)).collect() }
    }
}

impl<S: TileSource> TileSource for Overlay<'_, S> {
    type Error = S::Error;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Self::Error> {
        match self.tiles.get(&(level, index)) {
            Some(tile) => Ok(tile.hashes.clone()),
            None => self.below.tile(level, index, width),
        }
    }
}

/// Tiles that are read once, for whoever makes many proofs of one tree.
pub struct Remembered<S> {
    below: S,
    read: RefCell<HashMap<(u8, u64, u16), Vec<u8>>>,
}

impl<S: TileSource> Remembered<S> {
    pub fn new(below: S) -> Self {
        Self { below, read: RefCell::default() }
    }
}

impl<S: TileSource> TileSource for Remembered<S> {
    type Error = S::Error;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, S::Error> {
        if let Some(hashes) = self.read.borrow().get(&(level, index, width)) {
            return Ok(hashes.clone());
        }
        let hashes = self.below.tile(level, index, width)?;
        self.read.borrow_mut().insert((level, index, width), hashes.clone());
        Ok(hashes)
    }
}

/// Why a tree operation gave no result.
#[derive(Debug, PartialEq, Eq)]
pub enum TreeError<E> {
    /// The source failed.
    Source(E),
    /// The source answered with fewer hashes than the tree must have there, or with a broken length.
    Damaged { level: u8, index: u64 },
    /// The question makes no sense: an index at or above the size, or an old size above the new one.
    OutOfRange { asked: u64, size: u64 },
}

impl<E: fmt::Display> fmt::Display for TreeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => write!(f, "reading a tile: {error}"),
            Self::Damaged { level, index } => {
                write!(f, "tile {level}/{index} is shorter than the log's size says")
            }
            Self::OutOfRange { asked, size } => write!(f, "asked for {asked} of a log of size {size}"),
        }
    }
}

impl<E: fmt::Display + fmt::Debug> std::error::Error for TreeError<E> {}

/// The hash of a leaf with the content `data`: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// [`leaf_hash`] of each, in order; several at once cost less.
pub fn leaf_hashes(leaves: &[&[u8]]) -> Vec<Hash> {
    sha256_each(&[0], leaves)
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of a tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// How many hashes `level` has in a tree of `size` leaves.
pub fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// The width of tile `index` of `level` in a tree of `size` leaves; 0 if there is no such tile.
pub fn width_of(level: u8, index: u64, size: u64) -> u16 {
    let rest = hashes_at(level, size).saturating_sub(index.saturating_mul(TILE_WIDTH));
    u16::try_from(rest.min(TILE_WIDTH)).unwrap_or(0)
}

/// Adds `leaves` (leaf hashes, in order) to a tree of `size` leaves. Returns every tile that is new or changed, in
/// full content, levels from the bottom up. Nothing is written: the caller stores them.
pub fn append<S: TileSource>(
    source: &S,
    size: u64,
    leaves: &[Hash],
) -> Result<Vec<Tile>, TreeError<S::Error>> {
    let new_size = u64::try_from(leaves.len()).ok().and_then(|more| size.checked_add(more));
    let new_size = new_size.ok_or(TreeError::OutOfRange { asked: u64::MAX, size })?;
    let reader = Reader::new(source, new_size);
    let mut changed = Vec::new();
    let mut fresh: Vec<Hash> = leaves.to_vec();
    let mut level = 0;
    while !fresh.is_empty() {
        let before = hashes_at(level, size);
        let mut index = before / TILE_WIDTH;
        let kept = u16::try_from(before % TILE_WIDTH).unwrap_or(0);
        let mut hashes = if kept == 0 { Vec::new() } else { reader.fetch(level, index, kept)? };
        let mut parents = Vec::new();
        for hash in &fresh {
            hashes.extend_from_slice(hash);
            if hashes.len() as u64 == TILE_WIDTH * 32 {
                parents.push(subtree(&hashes));
                changed.push(Tile { level, index, hashes: std::mem::take(&mut hashes) });
                index += 1;
            }
        }
        if !hashes.is_empty() {
            changed.push(Tile { level, index, hashes });
        }
        fresh = parents;
        level += 1;
    }
    Ok(changed)
}

/// The root (Merkle Tree Hash) of the first `size` leaves.
pub fn root<S: TileSource>(source: &S, size: u64) -> Result<Hash, TreeError<S::Error>> {
    Reader::new(source, size).range(0, size)
}

/// The hash of the leaf at `index` in a tree of `size` leaves.
pub fn leaf_at<S: TileSource>(source: &S, index: u64, size: u64) -> Result<Hash, TreeError<S::Error>> {
    if index >= size {
        return Err(TreeError::OutOfRange { asked: index, size });
    }
    Reader::new(source, size).node(0, index)
}

/// The audit path of RFC 6962 section 2.1.1 for leaf `index` in the tree of the first `size` leaves, the leaf's
/// sibling first.
pub fn inclusion_proof<S: TileSource>(
    source: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError<S::Error>> {
    if index >= size {
        return Err(TreeError::OutOfRange { asked: index, size });
    }
    let mut reader = Reader::new(source, size);
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(reader.range(middle, end)?);
            end = middle;
        } else {
            path.push(reader.range(start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The consistency proof of RFC 6962 section 2.1.2 between the first `old` and the first `new` leaves. Empty if
/// `old` is 0 or equal to `new`: there is nothing to prove then.
pub fn consistency_proof<S: TileSource>(
    source: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, TreeError<S::Error>> {
    if old > new {
        return Err(TreeError::OutOfRange { asked: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(source, new);
    let (mut start, mut end) = (0, new);
    let mut path = Vec::new();
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(reader.range(middle, end)?);
            end = middle;
        } else {
            path.push(reader.range(start, middle)?);
            start = middle;
        }
    }
    if start > 0 {
        path.push(reader.range(start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `proof` shows that `leaf` is number `index` of the tree of `size` leaves with `root` (RFC 9162
/// section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree of `new` leaves with `new_root` begins with the tree of `old` leaves with
/// `old_root` (RFC 9162 section 2.1.4.2). Every tree extends the empty one.
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    // a complete old tree is itself the first node of the path, and the proof leaves it out
    let (first, rest) = match (old.is_power_of_two(), proof.split_first()) {
        (true, _) => (*old_root, proof),
        (false, Some((first, rest))) => (*first, rest),
        (false, None) => return false,
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

/// The largest power of two below `n`; `n` is at least 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The root over the concatenated hashes of a complete subtree: their number is a power of two.
fn subtree(hashes: &[u8]) -> Hash {
    let mut row: Vec<Hash> = hashes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect();
    while row.len() > 1 {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

fn hash_at(hashes: &[u8], position: usize) -> Option<Hash> {
    let start = position.checked_mul(32)?;
    hashes.get(start..start.checked_add(32)?)?.try_into().ok()
}

/// One operation's view of a tree of fixed size; remembers the tiles that it has read.
struct Reader<'a, S: TileSource> {
    source: &'a S,
    size: u64,
    read: HashMap<(u8, u64), Vec<u8>>,
}

impl<'a, S: TileSource> Reader<'a, S> {
    fn new(source: &'a S, size: u64) -> Self {
        Self { source, size, read: HashMap::new() }
    }

    /// Exactly `width` hashes of a tile, straight from the source.
    fn fetch(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, TreeError<S::Error>> {
        let mut hashes = self.source.tile(level, index, width).map_err(TreeError::Source)?;
        let need = usize::from(width) * 32;
        if hashes.len() < need || hashes.len() % 32 != 0 {
            return Err(TreeError::Damaged { level, index });
        }
        hashes.truncate(need);
        Ok(hashes)
    }

    /// The hash of the complete subtree number `index` of height `height` (2^height leaves).
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, TreeError<S::Error>> {
        let (level, inner) = ((height / 8) as u8, height % 8);
        let first = index << inner;
        let tile = first / TILE_WIDTH;
        if !self.read.contains_key(&(level, tile)) {
            let hashes = self.fetch(level, tile, width_of(level, tile, self.size))?;
            self.read.insert((level, tile), hashes);
        }
        let start = (first % TILE_WIDTH) as usize * 32;
        let hashes = self.read.get(&(level, tile)).and_then(|tile| tile.get(start..start + (32 << inner)));
        hashes.map(subtree).ok_or(TreeError::Damaged { level, index: tile })
    }

    /// The Merkle Tree Hash of the leaves `start..end`, a range that the tree's own splits lead to.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, TreeError<S::Error>> {
        if start == end {
            return Ok(empty_root());
        }
        let mut complete = Vec::new();
        let mut from = start;
        while from < end {
            let height = 63 - (end - from).leading_zeros();
            complete.push(self.node(height, from >> height)?);
            from += 1 << height;
        }
        let mut hash = complete.pop().unwrap_or_else(empty_root);
        while let Some(left) = complete.pop() {
            hash = node_hash(&left, &hash);
        }
        Ok(hash)
    }
}
