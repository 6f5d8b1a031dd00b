//! What the centre writes about.

use serde::{Deserialize, Serialize};

/// Marker for the id of a letter, which is the id of the queued message.
pub enum Letter {}

/// What happened. The sentence is in `locales/message.yml` under the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A deposit is complete.
    DepositCredited,
    /// A deposit was paid back.
    DepositRefunded,
    /// The opening record was published.
    RecordPublished,
    /// 中标通知书 The recipient won.
    Award,
    /// 未中标通知 Somebody else won.
    Loss,
}

impl Notice {
    pub const ALL: [Self; 5] =
        [Self::DepositCredited, Self::DepositRefunded, Self::RecordPublished, Self::Award, Self::Loss];

    /// Name in the locale.
    pub fn code(self) -> &'static str {
        match self {
            Self::DepositCredited => "deposit_credited",
            Self::DepositRefunded => "deposit_refunded",
            Self::RecordPublished => "record_published",
            Self::Award => "award",
            Self::Loss => "loss",
        }
    }
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub notice: Notice,
    /// Tender and lot as people write them, `SB-2026-000042/1`.
    pub lot: String,
    /// The page that has the facts, an address of ours.
    pub href: String,
}
