//! Money: whole fen (分) in storage, exact decimals in sums, never binary floating point.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of CNY in fen, 1/100 yuan. May be negative (a ledger's credit side).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Fen(pub i64);

impl Fen {
    /// Reads yuan as people type them: `1234.5`, `1,234.50`, `¥1234`. More than two decimals, a sign
    /// or anything else is `None`: an amount is never rounded on the way in.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.trim().trim_start_matches(['¥', '￥']).replace([',', '，'], "");
        let (yuan, fen) = plain.split_once('.').unwrap_or((&plain, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if yuan.is_empty() || fen.len() > 2 || !digits(yuan) || !digits(fen) {
            return None;
        }
        let yuan: i64 = yuan.parse().ok()?;
        let fen: i64 = format!("{fen:0<2}").parse().ok()?;
        yuan.checked_mul(100)?.checked_add(fen).map(Self)
    }

    /// From a decimal amount of yuan; `None` if it is not a whole number of fen or out of range.
    pub fn from_yuan(yuan: Decimal) -> Option<Self> {
        let fen = yuan.checked_mul(Decimal::ONE_HUNDRED)?;
        if fen.fract().is_zero() { i64::try_from(fen.trunc().mantissa()).ok().map(Self) } else { None }
    }

    /// The exact amount in yuan, with two decimals.
    pub fn yuan(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// `1234.50`: the form of documents and interfaces.
    pub fn plain(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", abs / 100, abs % 100)
    }

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// `1,234.50`: the form people read.
impl std::fmt::Display for Fen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = self.plain();
        let (sign, plain) = plain.strip_prefix('-').map_or(("", plain.as_str()), |rest| ("-", rest));
        let (yuan, fen) = plain.split_once('.').unwrap_or((plain, "00"));
        let mut grouped = String::new();
        for (i, digit) in yuan.chars().enumerate() {
            if i > 0 && (yuan.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        write!(f, "{sign}{grouped}.{fen}")
    }
}

impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.plain())
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (negative, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let amount =
            Self::parse(digits).ok_or_else(|| serde::de::Error::custom("expected an amount like 1234.50"))?;
        Ok(if negative { Self(-amount.0) } else { amount })
    }
}
