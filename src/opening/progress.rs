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
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Where one bid stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BidStep {
    /// The keys of all bids are being checked, or it is not this one's turn yet.
    Waiting,
    /// Per cent of its ciphertext that are decrypted.
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
pub struct Progress(Arc<Openings>);

#[derive(Default)]
struct Openings {
    running: Mutex<Running>,
    /// Told whenever one has ended.
    ended: Condvar,
}

impl Progress {
    /// The bids of an opening that runs, in the order of the bid set; empty when none runs or it has not looked yet.
    pub fn of(&self, lot: Id<Lot>, envelope: EnvelopeKind) -> Vec<BidStep> {
        self.open().get(&(lot, envelope)).cloned().unwrap_or_default()
    }

    /// Claims the opening of an envelope, which is forgotten when the follower goes. While another one of it runs here this
    /// waits for its end, so nothing is decrypted twice and nobody's progress is lost; `true` says that there was one. Blocks.
    pub fn claim(&self, door: &Door, lot: Id<Lot>, envelope: EnvelopeKind) -> (Follower, bool) {
        let place = (lot, envelope);
        let mut running = self.open();
        let waits = running.contains_key(&place);
        while running.contains_key(&place) {
            running = self.0.ended.wait(running).unwrap_or_else(PoisonError::into_inner);
        }
        running.insert(place, Vec::new());
        drop(running);
        let (progress, told) = (self.clone(), Mutex::new(door.now()));
        (Follower { progress, door: door.clone(), place, told }, waits)
    }

    /// A thread that panicked while it held the lock has left whole steps behind.
    fn open(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// The opening is of so many bids, and begins now.
    pub fn begin(&self, bids: usize) {
        self.progress.open().insert(self.place, vec![BidStep::Waiting; bids]);
        self.tell();
    }

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
        self.progress.0.ended.notify_all();
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
