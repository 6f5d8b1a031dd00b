//! 双重加密的先后 Bidders and trustees in lockstep: every bidder's key, or the end of the bidders' time, comes before any
//! trustee's share. Otherwise a bidder could wait for the others' prices and then keep its own key. Pure.

use super::rules::Refusal;
use crate::platform::moment::Moment;
use crate::sealing::document::Bytes;
use std::collections::BTreeSet;

/// Most wrong keys that are taken for one bid; each is on record.
pub const TRIES_MAX: usize = 10;

/// The bidders' phase of one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bidders {
    /// Bids that are locked with their bidder's key, ascending.
    pub dual: Vec<Bytes<32>>,
    pub released: BTreeSet<Bytes<32>>,
    /// The equal instant is late.
    pub until: Moment,
    /// When the end was put on record.
    pub ended_at: Option<Moment>,
}

impl Bidders {
    /// Bids whose key has not come, ascending.
    pub fn absent(&self) -> Vec<Bytes<32>> {
        self.dual.iter().filter(|m| !self.released.contains(m)).copied().collect()
    }

    /// Bids whose key has come, ascending.
    pub fn released(&self) -> Vec<Bytes<32>> {
        self.released.iter().copied().collect()
    }

    /// Whether no bidder can release any more: all have, or the time is over.
    pub fn is_over(&self, now: Moment) -> bool {
        self.ended_at.is_some() || now >= self.until || self.absent().is_empty()
    }

    /// Whether a trustee's share may be taken at `now`.
    ///
    /// # Errors
    /// [`Refusal::BiddersFirst`] while a bidder can still come.
    pub fn check_share(&self, now: Moment) -> Result<(), Refusal> {
        if self.is_over(now) {
            return Ok(());
        }
        Err(Refusal::BiddersFirst { until: self.until, waiting: self.absent().len() })
    }

    /// Whether the key of bid `m` may be taken at `now`.
    ///
    /// # Errors
    /// The bid has no such lock, its key has come, or the time is over.
    pub fn check_key(&self, m: &Bytes<32>, now: Moment) -> Result<(), Refusal> {
        if !self.dual.contains(m) {
            return Err(Refusal::NoBidderLock);
        }
        if self.released.contains(m) {
            return Err(Refusal::KeyReleased);
        }
        if self.is_over(now) { Err(Refusal::KeysOver { until: self.until }) } else { Ok(()) }
    }
}
