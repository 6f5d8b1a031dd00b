//! Typed random identifiers. An `Id<Lot>` can not be passed where an `Id<Tender>` is meant, and no id tells
//! how many there are: 128 random bits as 26 letters and digits (Crockford's base 32, lower case).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The id of a `T`, where `T` is only a name (an empty type of the room that owns the thing).
pub struct Id<T> {
    bits: u128,
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// A new random id.
    pub fn random() -> Self {
        Self::from_bits(u128::from_be_bytes(super::random::bytes()))
    }

    pub const fn from_bits(bits: u128) -> Self {
        Self { bits, of: PhantomData }
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.bits.to_be_bytes()
    }

    /// Reads the text form; `None` for anything that [`fmt::Display`] would not have written.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 26 {
            return None;
        }
        let mut bits: u128 = 0;
        for (i, byte) in text.bytes().enumerate() {
            let value = ALPHABET.iter().position(|&c| c == byte)? as u128;
            if i == 0 && value > 7 {
                return None;
            }
            bits = (bits << 5) | value;
        }
        Some(Self::from_bits(bits))
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 26];
        for (i, slot) in text.iter_mut().enumerate() {
            let value = (self.bits >> (5 * (25 - i))) & 31;
            *slot = ALPHABET.get(value as usize).copied().unwrap_or(b'0');
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bits.cmp(&other.bits)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected an id of 26 letters and digits"))
    }
}
