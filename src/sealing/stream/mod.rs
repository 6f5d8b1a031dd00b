//! The payload: Tink's AES256_GCM_HKDF_1MB streaming format, RAW (format page section 4), over `Read` and `Write`.
//! Memory is a few segments whatever the size; sealing and opening use all cores. Every 1 MiB slice of the ciphertext is
//! one segment and one leaf of the Merkle tree whose root the manifest signs.

mod opener;
mod sealer;
mod workers;

pub use opener::StreamOpener;
pub use sealer::StreamSealer;

use super::error::SealError;
use super::keys::{Secret, derive};
use crate::ledger::tree;
use crate::platform::digest::SIDE_BY_SIDE;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use std::io::{self, Read};

/// Length of a ciphertext slice, which is one segment and one part of an upload.
pub const SLICE: usize = 1 << 20;
/// Slices that are read at once to be hashed side by side.
const BATCH: usize = SIDE_BY_SIDE;
/// Length of the stream's header, and its first byte.
pub const HEADER: usize = 40;
/// Bytes by which a segment is longer than its plaintext.
pub const TAG: usize = 16;

/// Size of the ciphertext of a plaintext of `plain` bytes.
pub fn ciphertext_size(plain: u64) -> u64 {
    let room = (SLICE - TAG) as u64;
    let segments = (plain + (HEADER as u64)).div_ceil(room).max(1);
    HEADER as u64 + plain + segments * TAG as u64
}

/// The leaf of one slice: `H(0x00 || slice)` (RFC 6962 section 2.1).
pub fn slice_leaf(slice: &[u8]) -> [u8; 32] {
    let leaf = tree::leaf_hash(slice);
    #[cfg(test)]
    count(&leaf);
    leaf
}

/// [`slice_leaf`] of each slice; four of them at once take about half the time.
pub fn slice_leaves(slices: &[&[u8]]) -> Vec<[u8; 32]> {
    let leaves = tree::leaf_hashes(slices);
    #[cfg(test)]
    leaves.iter().for_each(count);
    leaves
}

#[cfg(test)]
fn count(leaf: &[u8; 32]) {
    HASHED.lock().unwrap().entry(*leaf).and_modify(|times| *times += 1).or_insert(1);
}

/// How often each slice was hashed in this run of the tests. Two seals never write the same slice.
#[cfg(test)]
static HASHED: std::sync::Mutex<std::collections::BTreeMap<[u8; 32], u32>> =
    std::sync::Mutex::new(std::collections::BTreeMap::new());

/// How often the slice with this leaf was hashed.
#[cfg(test)]
pub fn times_hashed(leaf: &[u8; 32]) -> u32 {
    HASHED.lock().unwrap().get(leaf).copied().unwrap_or_default()
}

/// Root of the tree over slices whose leaves are given.
pub fn root_of(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => tree::empty_root(),
        [leaf] => *leaf,
        _ => {
            // the largest power of two below the count
            let split = leaves.len().div_ceil(2).next_power_of_two();
            let (left, right) = leaves.split_at(split);
            tree::node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// Whether these bytes can begin a sealed bid: the header's first byte and at least a header and a tag. An
/// unencrypted PDF, ZIP or office file does not pass (电子招标投标办法 article 26).
pub fn looks_sealed(first: &[u8]) -> bool {
    first.len() >= HEADER + TAG && first[0] == HEADER as u8
}

struct Cipher {
    key: LessSafeKey,
    prefix: [u8; 7],
    index: u32,
}

impl Cipher {
    fn new(k: &Secret, aad: &[u8], salt: &[u8], prefix: [u8; 7]) -> Result<Self, SealError> {
        let dk = derive(salt, &[&k.0], &[aad]);
        let key = UnboundKey::new(&AES_256_GCM, &dk.0).map_err(|_| SealError::Stream("no key"))?;
        Ok(Self { key: LessSafeKey::new(key), prefix, index: 0 })
    }

    fn nonce(&self, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&self.prefix);
        nonce[7..11].copy_from_slice(&self.index.to_be_bytes());
        nonce[11] = u8::from(last);
        nonce
    }

    fn advance(&mut self, last: bool) -> Result<(), SealError> {
        if !last {
            self.index =
                self.index.checked_add(1).ok_or(SealError::Stream("it has more than 2^32 segments"))?;
        }
        Ok(())
    }
}

/// Where a byte of plaintext lies: the number of its slice, and how many bytes of plaintext stand before it there.
pub(super) fn place_of(plain: u64) -> (u64, u64) {
    let room = (SLICE - TAG) as u64;
    let at = plain + HEADER as u64;
    let slice = at / room;
    (slice, at % room - if slice == 0 { HEADER as u64 } else { 0 })
}

/// What a manifest says about a ciphertext.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    pub size: u64,
    pub root: [u8; 32],
}

/// Fills `slice` up to 1 MiB or the end of the input.
fn read_slice(from: &mut impl Read, slice: &mut Vec<u8>) -> io::Result<()> {
    from.take(SLICE as u64).read_to_end(slice).map(drop)
}

/// Size and root of a ciphertext file, without any key.
pub fn measure(mut from: impl Read) -> io::Result<Measured> {
    let (mut leaves, mut size, mut batch) = (Vec::new(), 0, Vec::with_capacity(BATCH * SLICE));
    loop {
        batch.clear();
        (&mut from).take((BATCH * SLICE) as u64).read_to_end(&mut batch)?;
        if batch.is_empty() && size > 0 {
            break;
        }
        // nothing at all is one empty slice
        let slices: Vec<&[u8]> = if batch.is_empty() { vec![&[]] } else { batch.chunks(SLICE).collect() };
        leaves.extend(slice_leaves(&slices));
        size += batch.len() as u64;
        if batch.len() < BATCH * SLICE {
            break;
        }
    }
    Ok(Measured { size, root: root_of(&leaves) })
}
