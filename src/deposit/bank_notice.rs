//! What every bank notice format is read into: movements of money on the deposit account, exact to the fen.
//!
//! A reader ([`super::camt054`], [`super::bank_csv`]) never interprets: the virtual account number is taken only
//! from the field that the format has for it, never searched for in remarks.

use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The largest notice file that is read, in bytes. A day of the busiest centre is about 3 MB.
pub const NOTICE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most movements that one notice file may hold.
pub const MOVEMENTS_MAX: usize = 50_000;

/// The largest single movement that is believed, in fen (one hundred billion yuan): sums stay far from overflow.
pub const AMOUNT_MAX: Fen = Fen(10_000_000_000_000);

/// Whether money came in or went out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Money came in (CRDT).
    In,
    /// Money went out (DBIT).
    Out,
}

/// When the bank booked the money, as exactly as the bank said it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// The instant of booking.
    At(Moment),
    /// Only the Beijing calendar date is known.
    On(NaiveDate),
    /// The notice does not say.
    Unknown,
}

/// Who paid, as the bank names them. Every part may be missing in a notice; nothing is filled in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payer {
    /// Account holder's name.
    pub name: Option<String>,
    /// Account number.
    pub account: Option<String>,
    /// CNAPS number (12 digits) of the payer's bank, needed to send money back.
    pub bank_code: Option<String>,
    /// Name of the payer's bank.
    pub bank_name: Option<String>,
}

/// One movement of money on the deposit account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movement {
    /// The account that the notice is about.
    pub account: String,
    /// The number that the payer paid to: a virtual account, or the account itself.
    pub paid_to: String,
    /// The bank's own reference of this movement, unique within `account`.
    pub reference: String,
    pub direction: Direction,
    pub amount: Fen,
    pub arrival: Arrival,
    pub payer: Payer,
    /// The end-to-end reference that the orderer gave; our own on refunds that went out.
    pub end_to_end: Option<String>,
    /// What the payer wrote. For people to read; never for matching.
    pub remark: Option<String>,
    /// The line of the file on which the movement begins.
    #[serde(skip)]
    pub line: u64,
}

impl Movement {
    /// The idempotency key: SHA-256 over the account and the bank's reference, each with its length in front. The
    /// same money reported twice, in whatever file, has the same key.
    pub fn key(&self) -> [u8; 32] {
        let (account, reference) = (self.account.as_bytes(), self.reference.as_bytes());
        let length = |part: &[u8]| (part.len() as u64).to_be_bytes();
        sha256(&[b"sunbid deposit movement v1\0", &length(account), account, &length(reference), reference])
    }

    /// A fingerprint of what makes the movement the same movement: where, which way, how much. A key that comes
    /// again with another fingerprint is a conflict that only the bank can explain. The payer and remarks are not
    /// part of it: banks complete them in later notices ([`super::matching::same_money`] compares payers' accounts).
    pub fn fingerprint(&self) -> [u8; 32] {
        let direction = match self.direction {
            Direction::In => [1],
            Direction::Out => [2],
        };
        let amount = self.amount.0.to_be_bytes();
        sha256(&[b"sunbid deposit fingerprint v1\0", &direction, &amount, self.paid_to.as_bytes()])
    }
}

/// A movement that the bank announces but that is not booked money (pending, information): shown, never credited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotBooked {
    pub line: u64,
    pub reference: Option<String>,
    pub status: String,
}

/// A line that could not be read, with the reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    pub line: u64,
    pub reason: Trouble,
}

/// What is wrong with a file, as a code with up to two values. The sentences are `deposit.file.<code>` in the locales,
/// with the places `%{a}` and `%{b}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    pub code: Cow<'static, str>,
    pub about: Vec<String>,
}

impl Trouble {
    /// A trouble with `code` about these values.
    pub fn of<const N: usize>(code: &'static str, about: [&dyn fmt::Display; N]) -> Self {
        Self { code: code.into(), about: about.iter().map(|value| clip(&value.to_string())).collect() }
    }

    /// The locale key of the sentence.
    pub fn key(&self) -> String {
        format!("deposit.file.{}", self.code)
    }

    /// The value of the place `a` (0) or `b` (1).
    pub fn value(&self, place: usize) -> String {
        self.about.get(place).cloned().unwrap_or_default()
    }
}

impl From<&'static str> for Trouble {
    fn from(code: &'static str) -> Self {
        Self::of(code, [])
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.about.join(" "))
    }
}

/// A notice file that was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notice {
    /// The bank's id of the message; empty where the format has none.
    pub message: String,
    pub movements: Vec<Movement>,
    pub not_booked: Vec<NotBooked>,
    /// Only the CSV reader continues past bad lines; an XML notice is taken whole or not at all.
    pub bad_lines: Vec<BadLine>,
}

/// Why a notice file as a whole was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadNotice {
    pub line: u64,
    pub reason: Trouble,
}

impl BadNotice {
    /// A refusal at `line` (from 1) for `reason`.
    pub fn at(line: u64, reason: impl Into<Trouble>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// Reads an amount as ISO 20022 writes it: digits, optionally a point and one or two digits. A sign, a third decimal
/// (even a zero), a thousands separator, zero, or more than [`AMOUNT_MAX`] is refused: money is never rounded on the way in.
pub fn exact_amount(text: &str) -> Result<Fen, Trouble> {
    let strict =
        text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !text.ends_with('.') && text.len() <= 19;
    match Fen::parse(text).filter(|_| strict) {
        Some(Fen(0)) => Err("amount_zero".into()),
        Some(amount) if amount <= AMOUNT_MAX => Ok(amount),
        Some(_) => Err(Trouble::of("amount_too_large", [&text])),
        None => Err(Trouble::of("amount", [&text])),
    }
}

/// Reads `2026-11-22`, `2026-11-22T09:30:00` (Beijing time, as Chinese banks mean it) or the same with an offset.
pub fn arrival(text: &str) -> Option<Arrival> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| ()) {
        return Some(Arrival::On(date));
    }
    Moment::parse(text).or_else(|| Moment::parse_beijing(text)).map(Arrival::At)
}

/// At most 60 characters of `text`, for messages about bad input.
pub fn clip(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_string() } else { text.chars().take(60).chain(['…']).collect() }
}
