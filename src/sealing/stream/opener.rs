//! Decrypting a payload, from its beginning or from a slice in its middle.

use super::super::error::SealError;
use super::super::keys::Secret;
use super::workers::{Finished, Segment, Work, Workers, decrypt, hash_and_decrypt};
use super::{Cipher, HEADER, Measured, SLICE, TAG, looks_sealed, read_slice, root_of};
use std::io::{self, Read};

/// Decrypts a ciphertext. Gives out only bytes whose tag has been checked; but a cut-off stream shows only at its
/// end, so the caller trusts nothing before [`StreamOpener::finish`] or [`StreamOpener::end`] has returned.
pub struct StreamOpener<R: Read> {
    from: R,
    cipher: Cipher,
    work: Work,
    /// Works without threads.
    alone: bool,
    /// Length of the header in the next slice.
    header: usize,
    /// The next slice of ciphertext, read ahead to know whether the one before it is the last; `None` at the end.
    ahead: Option<Vec<u8>>,
    workers: Option<Workers>,
    /// Slices that were given out, to be filled again.
    spare: Vec<Vec<u8>>,
    /// Decrypted bytes of the current segment, and how many of them were given out.
    plain: Vec<u8>,
    given: usize,
    leaves: Vec<[u8; 32]>,
    size: u64,
    ended: bool,
}

impl<R: Read> StreamOpener<R> {
    /// Reads the header. The ciphertext is hashed on the way.
    pub fn new(from: R, k: &Secret, aad: &[u8]) -> Result<Self, SealError> {
        Self::begin(from, k, aad, hash_and_decrypt)
    }

    /// Reads the header. The ciphertext is not hashed: for one that was hashed when it came.
    pub fn unhashed(from: R, k: &Secret, aad: &[u8]) -> Result<Self, SealError> {
        Self::begin(from, k, aad, decrypt)
    }

    fn begin(mut from: R, k: &Secret, aad: &[u8], work: Work) -> Result<Self, SealError> {
        let mut first = Vec::with_capacity(SLICE);
        read_slice(&mut from, &mut first)?;
        if !looks_sealed(&first) {
            return Err(SealError::Stream("it does not begin as a sealed bid"));
        }
        let cipher = cipher_of(&first, k, aad)?;
        Ok(Self::at(from, first, cipher, work, HEADER))
    }

    /// Goes on at the slice number `slice`, where `from` begins; `header` is the first [`HEADER`] bytes of the
    /// ciphertext. Nothing is hashed, and no threads are started: many may read at once, and slowly.
    pub(in crate::sealing) fn within(
        mut from: R,
        header: &[u8],
        slice: u64,
        k: &Secret,
        aad: &[u8],
    ) -> Result<Self, SealError> {
        let mut cipher = cipher_of(header, k, aad)?;
        cipher.index = u32::try_from(slice).map_err(|_| SealError::Stream("it has no such segment"))?;
        let mut first = Vec::with_capacity(SLICE);
        read_slice(&mut from, &mut first)?;
        let header = if slice == 0 { HEADER } else { 0 };
        Ok(Self { alone: true, ..Self::at(from, first, cipher, decrypt, header) })
    }

    fn at(from: R, first: Vec<u8>, cipher: Cipher, work: Work, header: usize) -> Self {
        Self {
            from,
            cipher,
            work,
            alone: false,
            header,
            ahead: Some(first),
            workers: None,
            spare: Vec::new(),
            plain: Vec::new(),
            given: 0,
            leaves: Vec::new(),
            size: 0,
            ended: false,
        }
    }

    /// The next segment to decrypt, and whether it is the last; `None` behind the end.
    fn read_segment(&mut self) -> Result<Option<(Segment, bool)>, SealError> {
        let Some(slice) = self.ahead.take() else { return Ok(None) };
        if slice.len() == SLICE {
            let mut next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(SLICE));
            next.clear();
            read_slice(&mut self.from, &mut next)?;
            self.ahead = Some(next).filter(|next| !next.is_empty());
        }
        let last = self.ahead.is_none();
        let header = std::mem::take(&mut self.header);
        if slice.len() < header + TAG {
            return Err(SealError::Stream("a segment is cut off"));
        }
        self.size += slice.len() as u64;
        let segment = Segment { slice, header, nonce: self.cipher.nonce(last) };
        self.cipher.advance(last)?;
        Ok(Some((segment, last)))
    }

    /// Decrypts the next segment. The first one that is not the last starts the threads: a small bid needs none.
    fn next_segment(&mut self) -> Result<(), SealError> {
        let header = self.header;
        while self.workers.as_ref().is_none_or(|workers| !workers.is_full()) {
            let Some((segment, last)) = self.read_segment()? else { break };
            if (last || self.alone) && self.workers.is_none() {
                let finished = (self.work)(&self.cipher.key, segment);
                return self.take(finished, header);
            }
            let (key, work) = (&self.cipher.key, self.work);
            self.workers.get_or_insert_with(|| Workers::start(key, work)).give(segment)?;
        }
        let finished = self.workers.as_mut().and_then(Workers::take).flatten();
        self.take(finished, header)
    }

    fn take(&mut self, finished: Finished, header: usize) -> Result<(), SealError> {
        let (slice, leaf) = finished.ok_or(SealError::Stream(
            "a segment is not what the key made: changed, cut off or another key",
        ))?;
        self.leaves.extend(leaf);
        self.spare.push(std::mem::replace(&mut self.plain, slice));
        self.given = header;
        self.ended = self.ahead.is_none() && self.workers.as_ref().is_none_or(Workers::is_idle);
        Ok(())
    }

    /// Reads what is left and checks the end. Only now the plaintext is to be trusted.
    ///
    /// # Errors
    /// A segment is not what the key made, or the ciphertext does not end where it should.
    pub fn end(&mut self) -> Result<(), SealError> {
        while !self.ended {
            self.next_segment()?;
        }
        Ok(())
    }

    /// As [`StreamOpener::end`], and says what was read.
    ///
    /// # Errors
    /// Also for an opener that does not hash.
    pub fn finish(mut self) -> Result<Measured, SealError> {
        self.end()?;
        if self.leaves.is_empty() {
            return Err(SealError::Stream("its slices were not hashed"));
        }
        Ok(Measured { size: self.size, root: root_of(&self.leaves) })
    }
}

/// The cipher of the ciphertext that begins with these bytes.
fn cipher_of(first: &[u8], k: &Secret, aad: &[u8]) -> Result<Cipher, SealError> {
    let (salt, prefix) = first.get(1..HEADER).and_then(|rest| rest.split_at_checked(32)).unwrap_or_default();
    let prefix = prefix.try_into().map_err(|_| SealError::Stream("its header is cut off"))?;
    Cipher::new(k, aad, salt, prefix)
}

impl<R: Read> Read for StreamOpener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.ended {
            self.next_segment().map_err(SealError::into_io)?;
        }
        let ready = self.plain.get(self.given..).unwrap_or_default();
        let taken = ready.len().min(out.len());
        out.get_mut(..taken).unwrap_or_default().copy_from_slice(ready.get(..taken).unwrap_or_default());
        self.given += taken;
        Ok(taken)
    }
}
