//! What arrives of a ciphertext, cut into pieces: hashed once, durable, and only then counted. While some pieces are being
//! stored the next one is received; how many is bounded for each upload and for all of them together, so memory stays flat.

use super::rules::{Refusal, Upload};
use super::store::{Part, Standing, UploadRow};
use super::uploads::{self, PART_MAX};
use crate::account::who::Who;
use crate::ledger::Door;
use crate::platform::files::Files;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::sealing::stream::{HEADER, SLICE, TAG, looks_sealed};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

/// Pieces of one upload that are being stored at once.
const AT_ONCE: usize = 3;
/// Pieces of all uploads that may be stored beside the first one of each: 64 MiB.
static BESIDE: Semaphore = Semaphore::const_new(16);

/// One request's bytes on their way into an upload.
pub(super) struct Intake<'a> {
    door: &'a Door,
    who: &'a Who,
    upload: &'a UploadRow,
    /// Without a promised checksum each piece counts as soon as it is durable; with one, all count at the end or none.
    at_once: bool,
    /// Bytes that count.
    have: u64,
    /// The tail that the first piece takes up.
    tail: Option<Part>,
    /// Where `piece` begins.
    place: u64,
    piece: BytesMut,
    /// Whether anything came that is not stored yet.
    fresh: bool,
    storing: VecDeque<JoinHandle<Result<Part, Fault>>>,
    /// Durable, and not counted yet.
    stored: Vec<Part>,
    /// Pieces whose act failed on the way: nobody here knows whether it was written.
    in_doubt: Vec<Part>,
}

impl<'a> Intake<'a> {
    /// Goes on where the upload stands.
    ///
    /// # Errors
    /// The tail that was stored can not be read.
    pub async fn open(
        door: &'a Door,
        who: &'a Who,
        upload: &'a UploadRow,
        standing: Standing,
        at_once: bool,
    ) -> Result<Self, Fault> {
        let Standing { have, tail } = standing;
        let mut piece = BytesMut::new();
        if let Some(tail) = &tail {
            piece.extend_from_slice(&door.files().get_at(&tail.file).await?);
            if piece.len() as u64 != tail.size {
                return Err(Fault::new("a stored piece of a ciphertext has another size"));
            }
        }
        let place = have.saturating_sub(piece.len() as u64);
        Ok(Self {
            door,
            who,
            upload,
            at_once,
            have,
            tail,
            place,
            piece,
            fresh: false,
            storing: VecDeque::new(),
            stored: Vec::new(),
            in_doubt: Vec::new(),
        })
    }

    /// Takes what came next.
    ///
    /// # Errors
    /// Refused if it is more than was announced or does not look like a sealed bid; a piece can not be stored.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.place + (self.piece.len() + chunk.len()) as u64 > self.upload.size {
            return Err(Refused::from(Refusal::WrongSize).into());
        }
        self.fresh |= !chunk.is_empty();
        if self.piece.capacity() - self.piece.len() < chunk.len() {
            // a whole piece at once: growing step by step would copy it again and again
            let left = self.upload.size.saturating_sub(self.place);
            self.piece.reserve(
                usize::try_from(left).unwrap_or(usize::MAX).min(PART_MAX + SLICE) - self.piece.len(),
            );
        }
        self.piece.extend_from_slice(chunk);
        if self.place == 0 && self.piece.len() >= HEADER + TAG && !looks_sealed(&self.piece) {
            return Err(Refused::from(Refusal::NotSealed).into());
        }
        while self.piece.len() >= PART_MAX {
            self.store(PART_MAX).await?;
        }
        Ok(())
    }

    /// Stores what is left, waits until all of it is durable and counts it; gives how much counts then. The beginning of a
    /// slice whose rest is still to come is kept as a tail.
    ///
    /// # Errors
    /// As [`Intake::push`]; refused if the upload moved on or was ended meanwhile.
    pub async fn finish(&mut self) -> Result<u64, Failure> {
        let len = self.piece.len();
        let ends = self.place + len as u64 == self.upload.size;
        let whole = if ends { len } else { len - len % SLICE };
        if self.fresh && whole > 0 {
            self.store(whole).await?;
        }
        if self.fresh && !self.piece.is_empty() {
            let (files, id, place) = (self.door.files().clone(), self.upload.id, self.place);
            let tail = self.piece.split().freeze();
            self.place += tail.len() as u64;
            let kept = tokio::spawn(async move { uploads::keep_tail(&files, id, place, tail).await });
            self.storing.push_back(kept);
        }
        while !self.storing.is_empty() {
            self.settle().await?;
        }
        self.count().await?;
        Ok(self.have)
    }

    /// Begins to store the first `len` bytes of the piece.
    async fn store(&mut self, len: usize) -> Result<(), Failure> {
        let piece = self.piece.split_to(len).freeze();
        let place = self.place;
        self.place += piece.len() as u64;
        self.fresh = !self.piece.is_empty();
        if self.storing.len() >= AT_ONCE {
            self.settle().await?;
        }
        let mut permit = BESIDE.try_acquire().ok();
        if permit.is_none() {
            // many upload at this moment: one piece at a time
            while !self.storing.is_empty() {
                self.settle().await?;
            }
            permit = BESIDE.try_acquire().ok();
        }
        let (files, id) = (self.door.files().clone(), self.upload.id);
        self.storing.push_back(tokio::spawn(keep(files, id, place, piece, permit)));
        Ok(())
    }

    /// Waits for the oldest piece, and counts it together with the others that are durable by then.
    async fn settle(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.storing.pop_front() else { return Ok(()) };
        self.stored.push(oldest.await.map_err(Fault::from)??);
        while self.storing.front().is_some_and(JoinHandle::is_finished) {
            let Some(next) = self.storing.pop_front() else { break };
            self.stored.push(next.await.map_err(Fault::from)??);
        }
        if self.at_once { self.count().await } else { Ok(()) }
    }

    async fn count(&mut self) -> Result<(), Failure> {
        if self.stored.is_empty() {
            return Ok(());
        }
        self.in_doubt = std::mem::take(&mut self.stored);
        let (sender, id, parts) = (self.who.clone(), self.upload.id, self.in_doubt.clone());
        let tail = self.tail.as_ref().map(|tail| tail.file.clone());
        let done = self
            .door
            .act(self.who.actor(), move |act| uploads::accept(act, &sender, id, tail.as_deref(), &parts))
            .await;
        if matches!(done, Ok(_) | Err(Failure::Refused(_))) {
            self.stored = std::mem::take(&mut self.in_doubt);
        }
        self.have = done?.value;
        self.stored.clear();
        if let Some(tail) = self.tail.take() {
            uploads::remove(self.door.files(), &[tail]).await;
        }
        Ok(())
    }

    /// Removes what was stored and will never count. What is in doubt stays for the sweep.
    pub async fn give_up(mut self) {
        while let Some(storing) = self.storing.pop_front() {
            if let Ok(Ok(part)) = storing.await {
                self.stored.push(part);
            }
        }
        uploads::remove(self.door.files(), &self.stored).await;
    }
}

async fn keep(
    files: Files,
    id: Id<Upload>,
    place: u64,
    piece: Bytes,
    permit: Option<SemaphorePermit<'static>>,
) -> Result<Part, Fault> {
    let part = uploads::keep(&files, id, place, piece).await;
    drop(permit);
    part
}
