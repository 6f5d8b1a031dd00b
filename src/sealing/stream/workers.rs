//! Threads that encrypt or decrypt segments side by side.

use super::super::error::SealError;
use super::{TAG, slice_leaf};
use ring::aead::{Aad, LessSafeKey, Nonce, Tag};
use std::collections::VecDeque;
use std::sync::mpsc;

/// A segment to work on: its slice, with header (first slice only), then plaintext or ciphertext from `header` on.
pub(super) struct Segment {
    pub slice: Vec<u8>,
    pub header: usize,
    pub nonce: [u8; 12],
}

/// The slice encrypted, or decrypted without its tag, and the leaf of its ciphertext if that was hashed. `None` if the
/// cipher refused: on decrypting, the segment is not what the key made.
pub(super) type Finished = Option<(Vec<u8>, Option<[u8; 32]>)>;

/// What is done with a segment.
pub(super) type Work = fn(&LessSafeKey, Segment) -> Finished;

pub(super) fn encrypt(key: &LessSafeKey, mut segment: Segment) -> Finished {
    let nonce = Nonce::assume_unique_for_key(segment.nonce);
    let plain = segment.slice.get_mut(segment.header..)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), plain).ok()?;
    segment.slice.extend_from_slice(tag.as_ref());
    let leaf = slice_leaf(&segment.slice);
    Some((segment.slice, Some(leaf)))
}

/// Decrypts a slice whose ciphertext nobody needs hashed.
pub(super) fn decrypt(key: &LessSafeKey, mut segment: Segment) -> Finished {
    let nonce = Nonce::assume_unique_for_key(segment.nonce);
    let length = segment.slice.len().checked_sub(TAG)?;
    let (body, tag) = segment.slice.split_at_mut(length);
    let tag = Tag::try_from(&*tag).ok()?;
    key.open_in_place_separate_tag(nonce, Aad::empty(), tag, body.get_mut(segment.header..)?, 0..).ok()?;
    segment.slice.truncate(length);
    Some((segment.slice, None))
}

/// Decrypts a slice after hashing its ciphertext.
pub(super) fn hash_and_decrypt(key: &LessSafeKey, segment: Segment) -> Finished {
    let leaf = slice_leaf(&segment.slice);
    decrypt(key, segment).map(|(slice, _)| (slice, Some(leaf)))
}

/// Threads that work on segments side by side; results come back in order. At most a few segments are under
/// way, so memory stays flat.
pub(super) struct Workers {
    jobs: Vec<mpsc::Sender<(Segment, mpsc::Sender<Finished>)>>,
    next: usize,
    under_way: VecDeque<mpsc::Receiver<Finished>>,
}

/// Most threads for one payload.
const WORKERS_MAX: usize = 8;

impl Workers {
    pub fn start(key: &LessSafeKey, work: Work) -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let worker = |_| {
            let (jobs, queue) = mpsc::channel::<(Segment, mpsc::Sender<Finished>)>();
            let key = key.clone();
            // the thread ends when the sender is dropped
            std::thread::spawn(move || {
                for (segment, reply) in queue {
                    let _gone = reply.send(work(&key, segment));
                }
            });
            jobs
        };
        Self { jobs: (0..count).map(worker).collect(), next: 0, under_way: VecDeque::new() }
    }

    pub fn is_full(&self) -> bool {
        self.under_way.len() >= 2 * self.jobs.len()
    }

    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    pub fn give(&mut self, segment: Segment) -> Result<(), SealError> {
        let (reply, finished) = mpsc::channel();
        let worker = self.jobs.get(self.next % self.jobs.len().max(1));
        self.next += 1;
        let given = worker.and_then(|worker| worker.send((segment, reply)).ok());
        given.ok_or(SealError::Stream("a worker thread stopped"))?;
        self.under_way.push_back(finished);
        Ok(())
    }

    pub fn take(&mut self) -> Option<Finished> {
        self.under_way.pop_front().map(|finished| finished.recv().ok().flatten())
    }
}
