//! What arrives of a ciphertext, cut into pieces: hashed once, durable, and only then counted. While some pieces are being
//! stored the next one is received; memory for all uploads together is bounded ([`super::senders`]).
//!
//! A slice that has begun to arrive is kept as beginnings ([`Part::is_tail`]), each with the bytes that came since the one
//! before. A new one takes up those before it that are not larger, so there are never more than twenty, and of a sender
//! who brings single bytes each is written about ten times, not a million times. A whole slice takes up all of them.

use super::rules::{Refusal, Upload};
use super::senders::{HELD, Senders};
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
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Pieces of one upload that are being stored at once.
const AT_ONCE: usize = 3;

/// One request's bytes on their way into an upload.
pub(super) struct Intake<'a> {
    door: &'a Door,
    senders: &'a Senders,
    who: &'a Who,
    upload: &'a UploadRow,
    /// Without a promised checksum each piece counts as soon as it is durable; with one, all count at the end or none.
    at_once: bool,
    /// Bytes that count.
    have: u64,
    /// Beginnings of the slice at the end that count.
    tails: Vec<Part>,
    /// Those of them that the next piece to count has taken up, the last one first.
    taken: Vec<Part>,
    /// Where `piece` begins.
    place: u64,
    piece: BytesMut,
    /// The memory that the piece may take, and since when.
    room: Option<(OwnedSemaphorePermit, Instant)>,
    storing: VecDeque<JoinHandle<Result<Part, Fault>>>,
    /// Durable, and not counted yet.
    stored: Vec<Part>,
    /// Beginnings that were taken up before they counted.
    loose: Vec<Part>,
    /// Pieces whose act failed on the way: nobody here knows whether it was written.
    in_doubt: Vec<Part>,
}

impl<'a> Intake<'a> {
    /// Goes on where the upload stands.
    pub fn open(
        door: &'a Door,
        senders: &'a Senders,
        who: &'a Who,
        upload: &'a UploadRow,
        standing: Standing,
        at_once: bool,
    ) -> Self {
        let Standing { have, tails } = standing;
        Self {
            door,
            senders,
            who,
            upload,
            at_once,
            have,
            tails,
            taken: Vec::new(),
            place: have,
            piece: BytesMut::new(),
            room: None,
            storing: VecDeque::new(),
            stored: Vec::new(),
            loose: Vec::new(),
            in_doubt: Vec::new(),
        }
    }

    /// Takes what came next.
    ///
    /// # Errors
    /// Refused if it is more than was announced, does not look like a sealed bid, or finds no memory; a piece can not be
    /// stored.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.place + (self.piece.len() + chunk.len()) as u64 > self.upload.size {
            return Err(Refused::from(Refusal::WrongSize).into());
        }
        if chunk.is_empty() {
            return Ok(());
        }
        let slices = self.make_room(chunk.len()).await?;
        self.piece.extend_from_slice(chunk);
        self.check_beginning()?;
        while self.begun() + self.piece.len() >= slices * SLICE {
            self.store().await?;
        }
        if self.room.as_ref().is_some_and(|(_, since)| since.elapsed() > HELD) {
            self.rest().await?;
        }
        Ok(())
    }

    /// Stores all that came, waits until it is durable, counts it, and gives the memory back; gives how much counts then.
    /// More may be pushed afterwards.
    ///
    /// # Errors
    /// As [`Intake::push`]; refused if the upload moved on or was ended meanwhile.
    pub async fn rest(&mut self) -> Result<u64, Failure> {
        while self.begun() + self.piece.len() >= SLICE || (self.is_end() && !self.piece.is_empty()) {
            self.store().await?;
        }
        while !self.storing.is_empty() {
            self.settle().await?;
        }
        if !self.piece.is_empty() {
            self.take_up(false).await?;
            let beginning = std::mem::take(&mut self.piece).freeze();
            let place = self.place;
            self.place += beginning.len() as u64;
            let files = self.door.files();
            self.stored.push(uploads::keep_tail(files, self.upload.id, place, beginning).await?);
        }
        self.room = None;
        if self.at_once { self.count().await.map(|()| self.have) } else { Ok(self.have) }
    }

    /// As [`Intake::rest`], and counts what a promised checksum has held back.
    ///
    /// # Errors
    /// As [`Intake::rest`].
    pub async fn finish(&mut self) -> Result<u64, Failure> {
        self.rest().await?;
        self.count().await?;
        Ok(self.have)
    }

    /// Bytes of the slice in which the piece begins that lie before it.
    fn begun(&self) -> usize {
        usize::try_from(self.place % SLICE as u64).unwrap_or(0)
    }

    /// Whether the piece ends where the upload does.
    fn is_end(&self) -> bool {
        self.place + self.piece.len() as u64 == self.upload.size
    }

    /// Finds memory for the piece and `more` bytes; gives how many slices it may have.
    async fn make_room(&mut self, more: usize) -> Result<usize, Failure> {
        if self.room.is_none() {
            if !self.senders.has_room() {
                // what is being stored for this upload gives its own back
                while !self.storing.is_empty() {
                    self.settle().await?;
                }
            }
            let room = self.senders.room().await.map_err(Refused::from)?;
            self.room = Some((room, Instant::now()));
        }
        let slices = self.room.as_ref().map_or(1, |(room, _)| room.num_permits());
        if self.piece.capacity() - self.piece.len() < more {
            // all of it at once: growing step by step would copy it again and again
            let left = usize::try_from(self.upload.size.saturating_sub(self.place)).unwrap_or(usize::MAX);
            let whole = left.min(slices * SLICE + more);
            self.piece.reserve(whole.saturating_sub(self.piece.len()).max(more));
        }
        Ok(slices)
    }

    fn check_beginning(&self) -> Result<(), Refused> {
        let told = self.place == 0 && self.piece.len() >= HEADER + TAG;
        if told && !looks_sealed(&self.piece) { Err(Refusal::NotSealed.into()) } else { Ok(()) }
    }

    /// Begins to store the whole slices of the piece, or all of it at the upload's end.
    async fn store(&mut self) -> Result<(), Failure> {
        self.take_up(true).await?;
        let len = self.piece.len().min(PART_MAX);
        let ends = len == self.piece.len() && self.is_end();
        let whole = if ends { len } else { len - len % SLICE };
        let piece = self.piece.split_to(whole).freeze();
        // a copy of its own: what follows must not hold the memory of what was stored
        self.piece = BytesMut::from(&self.piece[..]);
        let place = self.place;
        self.place += piece.len() as u64;
        let room = self.room.take().map(|(room, _)| room);
        if self.storing.len() >= AT_ONCE {
            self.settle().await?;
        }
        let (files, id) = (self.door.files().clone(), self.upload.id);
        self.storing.push_back(tokio::spawn(keep(files, id, place, piece, room)));
        if self.piece.is_empty() { Ok(()) } else { self.make_room(0).await.map(drop) }
    }

    /// Puts durable beginnings of the slice before the piece: all of them, or those that are not larger than what comes
    /// after them.
    async fn take_up(&mut self, all: bool) -> Result<(), Failure> {
        let mut up = VecDeque::new();
        let mut size = self.piece.len() as u64;
        while let Some(last) = self.last_beginning(|last| all || last.size <= size) {
            size += last.size;
            up.push_front(last);
        }
        let Some(first) = up.front() else { return Ok(()) };
        let place = first.place;
        let mut whole = BytesMut::with_capacity(usize::try_from(size).unwrap_or(PART_MAX));
        for part in &up {
            whole.extend_from_slice(&self.door.files().get_at(&part.file).await?);
            if place + whole.len() as u64 != part.end() {
                return Err(Fault::new("a stored piece of a ciphertext has another size").into());
            }
        }
        whole.extend_from_slice(&self.piece);
        (self.place, self.piece) = (place, whole);
        Ok(self.check_beginning()?)
    }

    /// The last beginning, counted or not, if it is `wanted`; it is noted as taken up.
    fn last_beginning(&mut self, wanted: impl Fn(&Part) -> bool) -> Option<Part> {
        let (from, to) = match self.stored.is_empty() {
            true => (&mut self.tails, &mut self.taken),
            false => (&mut self.stored, &mut self.loose),
        };
        let last = from.pop_if(|last| last.is_tail() && wanted(last))?;
        to.push(last.clone());
        Some(last)
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
        let taken: Vec<String> = self.taken.iter().rev().map(|tail| tail.file.clone()).collect();
        let done = self
            .door
            .act(self.who.actor(), move |act| uploads::accept(act, &sender, id, &taken, &parts))
            .await;
        if matches!(done, Ok(_) | Err(Failure::Refused(_))) {
            self.stored = std::mem::take(&mut self.in_doubt);
        }
        self.have = done?.value;
        self.tails.extend(self.stored.drain(..).filter(Part::is_tail));
        let mut gone = std::mem::take(&mut self.taken);
        gone.append(&mut self.loose);
        uploads::remove(self.door.files(), &gone).await;
        Ok(())
    }

    /// Removes what was stored and will never count. What is in doubt stays for the sweep.
    pub async fn give_up(mut self) {
        while let Some(storing) = self.storing.pop_front() {
            if let Ok(Ok(part)) = storing.await {
                self.stored.push(part);
            }
        }
        self.stored.append(&mut self.loose);
        uploads::remove(self.door.files(), &self.stored).await;
    }
}

async fn keep(
    files: Files,
    id: Id<Upload>,
    place: u64,
    piece: Bytes,
    room: Option<OwnedSemaphorePermit>,
) -> Result<Part, Fault> {
    let part = uploads::keep(&files, id, place, piece).await;
    drop(room);
    part
}
