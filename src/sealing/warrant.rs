//! The permission to open, as a type. Code that holds no [`OpeningWarrant`] can not turn an envelope into an opened
//! bid, whatever keys it has.

use super::boxes::BoxKey;
use super::document::Bytes;
use super::trustees::TrusteeSet;
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
    pub fn of_key_holders(set: &TrusteeSet, keys: &[(u8, BoxKey)], manifest: [u8; 32]) -> Option<Self> {
        let mine = |(i, key): &&(u8, BoxKey)| set.member(*i).is_some_and(|m| m.hpke.0 == key.public());
        let held: BTreeSet<u8> = keys.iter().filter(mine).map(|(i, _)| *i).collect();
        (held.len() >= usize::from(set.t)).then(|| Self::issue([manifest]))
    }

    /// Whether the bid with this manifest id may be opened.
    pub fn covers(&self, manifest: &[u8; 32]) -> bool {
        self.bids.contains(&Bytes(*manifest))
    }
}
