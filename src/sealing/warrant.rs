//! The permission to open, as a type. Code that holds no [`OpeningWarrant`] can not turn an envelope into an opened
//! bid, whatever keys it has.

use super::document::Bytes;
use super::trustees::{TrusteeKey, TrusteeSet};
use std::collections::BTreeSet;

/// Says that the bids of one bid set may be opened. Can not be copied, stored or made from outside data.
#[derive(Debug)]
pub struct OpeningWarrant {
    bids: BTreeSet<Bytes<32>>,
}

impl OpeningWarrant {
    /// To be called by the opening room's rules alone, after they have checked deadline, quorum and recording.
    /// `manifests` are the ids of the bids that count.
    pub(crate) fn issue(manifests: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self { bids: manifests.into_iter().map(Bytes).collect() }
    }

    /// For the offline tool: whoever holds the key files of t trustees of `set` needs nobody's permission. `None` if
    /// the keys are fewer, or not this set's.
    pub(crate) fn of_key_holders(set: &TrusteeSet, keys: &[TrusteeKey], manifest: [u8; 32]) -> Option<Self> {
        let mine = |key: &&TrusteeKey| set.member(key.i).is_some_and(|m| m.hpke.0 == key.boxes.public());
        let held: BTreeSet<u8> = keys.iter().filter(mine).map(|key| key.i).collect();
        (held.len() >= usize::from(set.t)).then(|| Self::issue([manifest]))
    }

    /// Whether the bid with this manifest id may be opened.
    pub fn covers(&self, manifest: &[u8; 32]) -> bool {
        self.bids.contains(&Bytes(*manifest))
    }
}
