//! Virtual account numbers: one per bidder and lot, given by the bank's number range, so that a payment names its
//! deposit by the account it is paid to. The number is random; it can not be computed from bidder or lot, nor either
//! from it.
//!
//! Form: 6 digits of the bank's range, 12 random digits, 2 check digits by ISO/IEC 7064 MOD 97-10 (the scheme of IBAN):
//! every single wrong digit and every swap of neighbours is caught.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Digits in a whole number.
pub const DIGITS: usize = 20;
const PREFIX_DIGITS: usize = 6;
const RANDOM_SPACE: u128 = 1_000_000_000_000;

/// A virtual account number whose check digits are right.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VirtualAccount(String);

/// The first six digits of every number that the bank gave to this centre.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BankRange(String);

impl BankRange {
    /// Reads six digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let lawful = text.len() == PREFIX_DIGITS && text.bytes().all(|b| b.is_ascii_digit());
        lawful.then(|| Self(text.to_string()))
    }

    /// Whether `number` lies in this range, be its check digits right or wrong.
    pub fn holds(&self, number: &str) -> bool {
        number.starts_with(&self.0)
    }
}

impl VirtualAccount {
    /// The number in `range` that `random` (16 unpredictable bytes) chooses.
    pub fn choose(range: &BankRange, random: [u8; 16]) -> Self {
        let middle = u128::from_be_bytes(random) % RANDOM_SPACE;
        let body = format!("{}{middle:012}", range.0);
        let check = 98 - remainder(&format!("{body}00"));
        Self(format!("{body}{check:02}"))
    }

    /// Reads a number as people and banks write it, with or without blanks between groups.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{3000}')).collect();
        let lawful =
            digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) && remainder(&digits) == 1;
        lawful.then_some(Self(digits))
    }

    /// The twenty digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In groups of four, as people copy it.
    pub fn grouped(&self) -> String {
        let digits: Vec<char> = self.0.chars().collect();
        digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

fn remainder(digits: &str) -> u32 {
    digits.bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit.wrapping_sub(b'0'))) % 97)
}

impl fmt::Display for VirtualAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for VirtualAccount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for VirtualAccount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a virtual account of 20 digits"))
    }
}
