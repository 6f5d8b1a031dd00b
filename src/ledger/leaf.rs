//! What a leaf of the log says: nothing but a blinded commitment. All kinds of entries look the same from
//! outside, so that the public log tells neither who does what nor how often.

use serde::{Deserialize, Serialize};

use super::tree::{self, Hash};
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::{b64u, b64u_32, sha256};

/// `typ` of a leaf and the label of its commitment.
pub const LEAF_TYPE: &str = "etrade/leaf/v1";
const LABEL: &[u8] = b"etrade/leaf/v1\n";

/// The random 32 bytes that hide an entry until its holder shows them.
pub type Blind = [u8; 32];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaf {
    typ: String,
    c: String,
}

/// `H("etrade/leaf/v1\n" || blind || kind || H(object))`.
pub fn commitment(blind: &Blind, kind: u8, object: &[u8]) -> Hash {
    commitment_to_hash(blind, kind, &sha256(&[object]))
}

/// The commitment to an object of which only the SHA-256 is at hand.
pub fn commitment_to_hash(blind: &Blind, kind: u8, object_hash: &Hash) -> Hash {
    sha256(&[LABEL, blind, &[kind], object_hash])
}

/// The bytes of the log entry for `object` (always 74 bytes): what an entry bundle holds and the tree hashes.
pub fn entry(blind: &Blind, kind: u8, object: &[u8]) -> Vec<u8> {
    entry_of(&commitment(blind, kind, object))
}

/// The bytes of the log entry with `commitment`.
pub fn entry_of(commitment: &Hash) -> Vec<u8> {
    jcs(&Leaf { typ: LEAF_TYPE.into(), c: b64u(commitment) })
}

/// The commitment inside a log entry; `None` if the bytes are not exactly an entry.
pub fn parse_entry(bytes: &[u8]) -> Option<Hash> {
    let leaf: Leaf = from_jcs(bytes).ok()?;
    if leaf.typ == LEAF_TYPE { b64u_32(&leaf.c) } else { None }
}

/// The tree's leaf hash of the entry for `object`.
pub fn hash(blind: &Blind, kind: u8, object: &[u8]) -> Hash {
    tree::leaf_hash(&entry(blind, kind, object))
}

/// The tree's leaf hash of the entry for an object of which only the SHA-256 is at hand.
pub fn hash_for(blind: &Blind, kind: u8, object_hash: &Hash) -> Hash {
    tree::leaf_hash(&entry_of(&commitment_to_hash(blind, kind, object_hash)))
}
