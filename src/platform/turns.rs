//! Waiting lines, one for each name: whoever has the same name comes one after the other, in the order in which they came, and
//! needs no thread to wait. A line exists as long as somebody stands in it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The lines of one kind of work. Cheap to clone.
#[derive(Clone)]
pub struct Turns<K: Ord>(Arc<Mutex<BTreeMap<K, Arc<Slot>>>>);

impl<K: Ord> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

#[derive(Default)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: AtomicUsize,
}

impl<K: Ord + Clone> Turns<K> {
    /// A place in the line of this name; none where `most` wait already.
    pub fn join(&self, name: K, most: usize) -> Option<Place<K>> {
        let slot = self.open().entry(name.clone()).or_default().clone();
        let claim = Claim { turns: self.clone(), name, slot: slot.clone() };
        let before = slot.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Place { waiting: Waiting(slot), claim };
        (before < most).then_some(place)
    }

    /// A thread that panicked while it held the lock has left a whole map behind.
    fn open(&self) -> MutexGuard<'_, BTreeMap<K, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Claim<K: Ord + Clone> {
    turns: Turns<K>,
    name: K,
    slot: Arc<Slot>,
}

impl<K: Ord + Clone> Drop for Claim<K> {
    fn drop(&mut self) {
        let mut open = self.turns.open();
        // the map's and this one: nobody else wants it
        if Arc::strong_count(&self.slot) == 2 {
            open.remove(&self.name);
        }
    }
}

/// Counts somebody who waits, until they do so no longer.
struct Waiting(Arc<Slot>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A place in a line. Whoever goes away gives it up.
pub struct Place<K: Ord + Clone> {
    // given back before the claim, which may forget the slot
    waiting: Waiting,
    claim: Claim<K>,
}

impl<K: Ord + Clone> Place<K> {
    /// Waits for its turn.
    pub async fn turn(self) -> Turn<K> {
        let held = self.claim.slot.turn.clone().lock_owned().await;
        let Self { waiting, claim } = self;
        drop(waiting);
        Turn { _held: held, claim }
    }
}

/// The turn of one of this name, as long as it is held.
pub struct Turn<K: Ord + Clone> {
    // given back before the claim, which may forget the slot
    _held: OwnedMutexGuard<()>,
    claim: Claim<K>,
}

impl<K: Ord + Clone> Turn<K> {
    /// Whether somebody else of this name waits.
    pub fn is_wanted(&self) -> bool {
        self.claim.slot.waiting.load(Ordering::SeqCst) > 0
    }
}
