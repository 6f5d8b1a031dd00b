//! The context of a bid: what the ciphertext, the shares and the signature are bound to, so that nothing of one bid
//! can be used in another tender, lot, envelope or revision.

use super::document::{Bytes, fixed_text};
use super::error::SealError;
use crate::platform::canonical::jcs;
use crate::platform::digest::sha256;
use serde::{Deserialize, Serialize};

fixed_text!(
    /// The `typ` of a context.
    ContextTyp = "etrade/bid-ctx/v1"
);
fixed_text!(
    /// The one suite of version 1.
    Suite = "P256-HKDFSHA256-AES256GCM/tink-1MB"
);

/// Which of a bidder's envelopes a bid is. Envelopes are separate bids with separate keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvelopeKind {
    /// 技术标
    Technical,
    /// 商务标
    Commercial,
    /// 不分册: the tender asks for one envelope.
    Single,
}

impl EnvelopeKind {
    pub const ALL: [Self; 3] = [Self::Technical, Self::Commercial, Self::Single];

    /// The envelopes of which a bid with this one consists, in the order of their opening.
    pub fn whole(self) -> &'static [Self] {
        match self {
            Self::Technical | Self::Commercial => &[Self::Technical, Self::Commercial],
            Self::Single => &[Self::Single],
        }
    }

    /// The word used in documents, forms and the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Technical => "technical",
            Self::Commercial => "commercial",
            Self::Single => "single",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Who must act together to open a bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// t trustees.
    Trustees,
    /// t trustees and the bidder.
    Dual,
}

/// `etrade/bid-ctx/v1`. Every part of a sealed bid is bound to the hash of this document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Kept through all revisions of one bid.
    pub bid: Bytes<16>,
    /// The bidder's pseudonym in this tender.
    pub bidder: Bytes<16>,
    pub envelope: EnvelopeKind,
    pub lot: String,
    pub mode: Mode,
    /// Name of the log, the first line of its checkpoints.
    pub origin: String,
    /// 1 for the first bid, one more for each replacement.
    pub rev: u32,
    pub suite: Suite,
    pub tender: String,
    /// Hash of the tender documents that the bid answers.
    pub tender_doc: Bytes<32>,
    /// Hash of the trustee set.
    pub trustees: Bytes<32>,
    pub typ: ContextTyp,
}

impl Context {
    /// `C`, the 32 bytes that everything binds.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"etrade/bid/ctx/v1\n", &jcs(self)])
    }

    /// Checks the bounds that the types can not express.
    pub fn check(&self) -> Result<(), SealError> {
        let named =
            |text: &str| (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if !named(&self.tender) || !named(&self.lot) || !(1..=200).contains(&self.origin.len()) {
            return Err(SealError::Document("tender, lot or origin is empty or too long".into()));
        }
        if self.rev == 0 || self.rev > 1_000_000 {
            return Err(SealError::Document("rev counts from 1".into()));
        }
        Ok(())
    }
}
