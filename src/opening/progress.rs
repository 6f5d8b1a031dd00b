//! How far the opening of an envelope has come, bid by bid, for everybody who watches. It is kept in the memory of the
//! server that opens and tells nothing but what is going on: what came of a bid is told by the recorded opening alone.
//! If the server stops, the opening was not recorded, begins anew, and so does this.

use super::actions::topic;
use crate::ledger::Door;
use crate::platform::id::Id;
use crate::platform::moment::{Moment, SECOND};
use crate::project::rules::Lot;
use crate::sealing::context::EnvelopeKind;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where one bid stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BidStep {
    Waiting,
    /// Its boxes are made again and compared; then per cent of its ciphertext that are decrypted.
    Opening(u8),
    Done,
}

impl BidStep {
    /// The last part of a locale key.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Opening(_) => "opening",
            Self::Done => "done",
        }
    }

    /// Per cent, for a bar.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Opening(percent) => percent,
            Self::Done => 100,
        }
    }
}

type Running = BTreeMap<(Id<Lot>, EnvelopeKind), Vec<BidStep>>;

/// The openings that run on this server.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<Running>>);

impl Progress {
    /// The bids of an opening that runs, in the order of the bid set; empty when none runs.
    pub fn of(&self, lot: Id<Lot>, envelope: EnvelopeKind) -> Vec<BidStep> {
        self.open().get(&(lot, envelope)).cloned().unwrap_or_default()
    }

    /// Begins to follow the opening of `bids` bids; it is forgotten when the follower goes.
    pub fn follow(&self, door: &Door, lot: Id<Lot>, envelope: EnvelopeKind, bids: usize) -> Follower {
        self.open().insert((lot, envelope), vec![BidStep::Waiting; bids]);
        let follower = Follower {
            progress: self.clone(),
            door: door.clone(),
            place: (lot, envelope),
            told: Mutex::new(door.now()),
        };
        follower.tell();
        follower
    }

    /// A thread that panicked while it held the lock has left whole steps behind.
    fn open(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one opening and wakes the pages that watch it.
pub struct Follower {
    progress: Progress,
    door: Door,
    place: (Id<Lot>, EnvelopeKind),
    told: Mutex<Moment>,
}

/// Pages are woken at most this often, in microseconds: each of them asks for itself anew.
const WAKE_EVERY: i64 = SECOND / 2;

impl Follower {
    /// Bid number `at`, from 0, is now at `step`.
    pub fn set(&self, at: usize, step: BidStep) {
        if let Some(bid) = self.progress.open().get_mut(&self.place).and_then(|bids| bids.get_mut(at)) {
            *bid = step;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.door.now();
        if now.micros() - told.micros() >= WAKE_EVERY {
            *told = now;
            self.tell();
        }
    }

    fn tell(&self) {
        self.door.hub().tell(topic(self.place.0));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.progress.open().remove(&self.place);
        self.tell();
    }
}

/// A ciphertext that is being read, watched.
pub(super) struct Watched<'a, R> {
    pub inner: R,
    pub follower: &'a Follower,
    pub at: usize,
    pub size: u64,
    pub read: u64,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(into)?;
        let percent =
            |read: u64| u8::try_from(read.saturating_mul(100) / self.size.max(1)).unwrap_or(100).min(100);
        let before = percent(self.read);
        self.read += taken as u64;
        let now = percent(self.read);
        if now != before {
            self.follower.set(self.at, BidStep::Opening(now));
        }
        Ok(taken)
    }
}
