//! The public value: something that nobody in the room can choose, named in the draw document before anybody
//! reveals, and known to the whole world at a time after the last reveal.
//!
//! Two sources are understood. A round of the drand network `quicknet` (a threshold signature published every
//! three seconds), and the numbers of a named issue of a public lottery, which every newspaper prints. The server
//! fetches neither: parties type what they read, and a value counts when two of them typed the same. Whoever
//! wants to can look the round or the issue up again, years later.

use crate::platform::moment::{Moment, SECOND};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// First round of drand `quicknet`: 2023-08-23T15:09:27Z.
const QUICKNET_GENESIS: Moment = Moment::from_micros(1_692_803_367 * SECOND);
/// Time between two rounds of `quicknet`.
const QUICKNET_PERIOD: i64 = 3 * SECOND;
/// A `quicknet` signature is a compressed G1 point.
const QUICKNET_SIGNATURE_BYTES: usize = 48;
/// Fewest digits that a published lottery result may have (the daily three-digit draws).
const LOTTERY_DIGITS_MIN: usize = 3;
const LOTTERY_DIGITS_MAX: usize = 64;
/// How many parties must type the same value before it counts.
pub const CONFIRMATIONS_MIN: usize = 2;

/// Where the public value will come from, fixed in the draw document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum PublicSource {
    /// A round of a drand network; only `quicknet` is known. The value is the round's signature.
    Drand { network: String, round: String },
    /// An issue of a public lottery: what it is called, which issue, and where its result is published.
    Lottery { name: String, issue: String, published_at: String },
}

/// Why a source can not be used, or why a text is not a value of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPublicValue {
    #[error("the only drand network known is quicknet")]
    UnknownNetwork,
    #[error("a drand round is a positive whole number")]
    BadRound,
    #[error("the time in the document is not the time of that drand round")]
    RoundAtAnotherTime,
    #[error("name, issue and place of publication must be 1 to 200 characters")]
    BadLottery,
    #[error("expected the signature of the round: 96 hexadecimal digits")]
    NotASignature,
    #[error("expected the published numbers: 3 to 64 digits")]
    NotNumbers,
}

/// A value in its one canonical spelling; see [`PublicSource::value`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicValue(String);

impl PublicValue {
    /// The canonical text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl PublicSource {
    /// Checks the source itself against the time at which the document says that the value appears.
    pub fn check(&self, public_at: Moment) -> Result<(), BadPublicValue> {
        match self {
            Self::Drand { network, round } => {
                if network != "quicknet" {
                    return Err(BadPublicValue::UnknownNetwork);
                }
                let at = quicknet_time(round).ok_or(BadPublicValue::BadRound)?;
                if at == public_at { Ok(()) } else { Err(BadPublicValue::RoundAtAnotherTime) }
            }
            Self::Lottery { name, issue, published_at } => {
                let fits = |text: &String| {
                    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
                };
                if [name, issue, published_at].into_iter().all(fits) {
                    Ok(())
                } else {
                    Err(BadPublicValue::BadLottery)
                }
            }
        }
    }

    /// Brings a typed text to canonical form, so that two people who read the same result typed the same.
    ///
    /// A drand signature becomes lower-case hex. Lottery numbers become groups of ASCII digits with one space
    /// between: whatever stands between digits (commas, plus signs, colour names) only separates; full-width
    /// digits are digits; leading zeros stay.
    pub fn value(&self, typed: &str) -> Result<PublicValue, BadPublicValue> {
        match self {
            Self::Drand { .. } => {
                let text = typed.trim().to_ascii_lowercase();
                let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
                if text.len() == 2 * QUICKNET_SIGNATURE_BYTES && is_hex {
                    Ok(PublicValue(text))
                } else {
                    Err(BadPublicValue::NotASignature)
                }
            }
            Self::Lottery { .. } => {
                if typed.len() > 1_000 {
                    return Err(BadPublicValue::NotNumbers);
                }
                let half_width = typed.chars().map(|c| match c {
                    '０'..='９' => {
                        char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c)
                    }
                    other => other,
                });
                let spaced: String = half_width.map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect();
                let text = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                if (LOTTERY_DIGITS_MIN..=LOTTERY_DIGITS_MAX).contains(&digits) {
                    Ok(PublicValue(text))
                } else {
                    Err(BadPublicValue::NotNumbers)
                }
            }
        }
    }

    /// The bytes that enter the seed: the signature itself for drand, the ASCII of the canonical text for a lottery.
    /// Refuses a text that is not already canonical.
    pub fn bytes(&self, value: &PublicValue) -> Result<Vec<u8>, BadPublicValue> {
        let canonical = self.value(value.text())?;
        match self {
            Self::Drand { .. } if canonical == *value => {
                hex::decode(value.text()).map_err(|_| BadPublicValue::NotASignature)
            }
            Self::Drand { .. } => Err(BadPublicValue::NotASignature),
            Self::Lottery { .. } if canonical == *value => Ok(value.text().as_bytes().to_vec()),
            Self::Lottery { .. } => Err(BadPublicValue::NotNumbers),
        }
    }
}

/// When a `quicknet` round is published; `None` if the text is not a round number in plain decimal.
pub fn quicknet_time(round: &str) -> Option<Moment> {
    let plain = !round.is_empty() && !round.starts_with('0') && round.bytes().all(|b| b.is_ascii_digit());
    let round: i64 = if plain { round.parse().ok()? } else { return None };
    let wait = round.checked_sub(1)?.checked_mul(QUICKNET_PERIOD)?;
    QUICKNET_GENESIS.micros().checked_add(wait).map(Moment::from_micros)
}

/// The first `quicknet` round published at `at` or later.
pub fn quicknet_round_from(at: Moment) -> i64 {
    let since = at.micros().saturating_sub(QUICKNET_GENESIS.micros()).max(0);
    (since + QUICKNET_PERIOD - 1) / QUICKNET_PERIOD + 1
}

/// What the parties' entries add up to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// Nobody, or only one party, has typed a value so far.
    Waiting,
    /// At least two parties typed this, and more than typed anything else.
    Agreed(PublicValue),
    /// Different values have equally many supporters: the parties must look at the published result again.
    Split,
}

/// Weighs the entries, one per party (the newest of each counts).
pub fn agreement(entries: &BTreeMap<String, PublicValue>) -> Agreement {
    let mut votes: BTreeMap<&PublicValue, usize> = BTreeMap::new();
    for value in entries.values() {
        *votes.entry(value).or_default() += 1;
    }
    let most = votes.values().copied().max().unwrap_or(0);
    let mut leaders = votes.iter().filter(|(_, count)| **count == most).map(|(value, _)| *value);
    match (leaders.next(), leaders.next()) {
        (Some(value), None) if most >= CONFIRMATIONS_MIN => Agreement::Agreed(value.clone()),
        (Some(_), Some(_)) => Agreement::Split,
        _ => Agreement::Waiting,
    }
}
