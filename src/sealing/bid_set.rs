//! The bid set: which bids count for one lot and envelope, fixed after the deadline by the log's closing checkpoint.
//! Trustees release against its hash.

use super::context::{Context, EnvelopeKind};
use super::document::{Bytes, Count, fixed_text};
use super::error::SealError;
use super::manifest::Manifest;
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::sha256;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

fixed_text!(
    /// The `typ` of a bid set.
    BidSetTyp = "etrade/bid-set/v1"
);

/// One bid that counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedBid {
    /// Index of the bid's leaf in the log.
    pub leaf: Count,
    /// The manifest's id.
    pub m: Bytes<32>,
}

/// Size and root of the closing checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    pub root: Bytes<32>,
    pub size: Count,
}

/// `etrade/bid-set/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidSet {
    pub bids: Vec<CountedBid>,
    pub closing: Closing,
    pub envelope: EnvelopeKind,
    pub lot: String,
    pub tender: String,
    pub typ: BidSetTyp,
}

impl BidSet {
    /// Makes a set of one lot and envelope; sorts the bids.
    pub fn new(
        tender: &str,
        lot: &str,
        envelope: EnvelopeKind,
        closing: Closing,
        mut bids: Vec<CountedBid>,
    ) -> Self {
        bids.sort_by_key(|bid| bid.m);
        Self { bids, closing, envelope, lot: lot.to_owned(), tender: tender.to_owned(), typ: BidSetTyp }
    }

    /// Reads a set in canonical form and checks it.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        let set: Self = from_jcs(bytes)?;
        set.check()?;
        Ok(set)
    }

    /// `S`, what trustees sign.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[b"etrade/bid-set/v1\n", &jcs(self)])
    }

    /// Checks the order of the bids and that every leaf is below the closing size.
    pub fn check(&self) -> Result<(), SealError> {
        let refuse = |why: &str| Err(SealError::Document(why.to_owned()));
        let pairs = self.bids.iter().zip(self.bids.iter().skip(1));
        if !pairs.into_iter().all(|(a, b)| a.m < b.m) {
            return refuse("the bid set is not sorted, or names a bid twice");
        }
        if self.bids.iter().any(|bid| bid.leaf >= self.closing.size) {
            return refuse("the bid set names a bid that came after the closing checkpoint");
        }
        Ok(())
    }

    /// Checks that `manifests` are the bids of this set, in its order, all of this lot and envelope, and no two of one
    /// bid. Two may name one ciphertext: whoever copied another's bytes can not open them under a context of their own, is
    /// found at fault at the opening, and must not keep the others' bids shut until then.
    pub fn check_manifests(&self, manifests: &[Manifest]) -> Result<(), SealError> {
        let refuse = |why: &str| Err(SealError::Document(why.to_owned()));
        if manifests.len() != self.bids.len() {
            return refuse("the manifests are not those of the bid set");
        }
        let mut seen = HashSet::with_capacity(manifests.len());
        for (manifest, bid) in manifests.iter().zip(&self.bids) {
            if manifest.id() != bid.m.0 || !self.names(&manifest.ctx) {
                return refuse("a manifest is not of this bid set, lot or envelope");
            }
            if !seen.insert(manifest.ctx.bid) {
                return refuse("two manifests are of one bid");
            }
        }
        Ok(())
    }

    fn names(&self, ctx: &Context) -> bool {
        ctx.tender == self.tender && ctx.lot == self.lot && ctx.envelope == self.envelope
    }
}
