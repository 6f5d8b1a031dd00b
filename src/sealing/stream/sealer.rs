//! Encrypting a payload.

use super::super::error::SealError;
use super::super::keys::Secret;
use super::workers::{Finished, Segment, Workers, encrypt};
use super::{Cipher, HEADER, Measured, SLICE, TAG, root_of};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Encrypts what is written to it into `out`. [`StreamSealer::finish`] writes the last segment.
///
/// The plaintext may begin with a *head* that is known only at the end, as a list with the hashes of what follows: its
/// length is given first, its bytes last. The segments that it reaches into wait unencrypted; their place in `out` is
/// passed over and filled at the end. So the content behind it is read once, and nothing is ever encrypted twice.
pub struct StreamSealer<W: Write + Seek> {
    out: W,
    /// Where the ciphertext begins in `out`, taken when something is first passed over.
    begin: u64,
    cipher: Cipher,
    /// The slice being filled: header (first slice only), then plaintext.
    slice: Vec<u8>,
    header: usize,
    /// Length of the head.
    head: usize,
    /// The segments that the head reaches into, and how many they will be.
    waiting: Vec<Segment>,
    waits: usize,
    workers: Option<Workers>,
    /// Slices that were written out, to be filled again.
    spare: Vec<Vec<u8>>,
    leaves: Vec<[u8; 32]>,
    size: u64,
}

impl<W: Write + Seek> StreamSealer<W> {
    /// `salt` and `prefix` must be fresh random bytes: one key, salt and prefix never encrypt twice. The first `head`
    /// bytes of plaintext are given to [`StreamSealer::finish`].
    pub(in crate::sealing) fn new(
        mut out: W,
        k: &Secret,
        aad: &[u8],
        salt: &[u8; 32],
        prefix: [u8; 7],
        head: usize,
    ) -> Result<Self, SealError> {
        let begin = if head > 0 { out.stream_position()? } else { 0 };
        let mut slice = Vec::with_capacity(SLICE);
        slice.push(HEADER as u8);
        slice.extend_from_slice(salt);
        slice.extend_from_slice(&prefix);
        let cipher = Cipher::new(k, aad, salt, prefix)?;
        let waits = if head > 0 { (HEADER + head).div_ceil(SLICE - TAG) } else { 0 };
        let mut sealer = Self {
            out,
            begin,
            cipher,
            slice,
            header: HEADER,
            head,
            waiting: Vec::new(),
            waits,
            workers: None,
            spare: Vec::new(),
            leaves: Vec::new(),
            size: 0,
        };
        io::copy(&mut io::repeat(0).take(head as u64), &mut sealer)?;
        Ok(sealer)
    }

    /// Sends the slice to be encrypted. The first segment that is not the last starts the threads: a small bid needs
    /// none.
    fn flush_segment(&mut self, last: bool) -> Result<(), SealError> {
        let fresh =
            if last { Vec::new() } else { self.spare.pop().unwrap_or_else(|| Vec::with_capacity(SLICE)) };
        let slice = std::mem::replace(&mut self.slice, fresh);
        let segment = Segment { slice, header: self.header, nonce: self.cipher.nonce(last) };
        self.header = 0;
        self.cipher.advance(last)?;
        if self.waiting.len() < self.waits {
            return self.pass_over(segment);
        }
        let key = &self.cipher.key;
        if last && self.workers.is_none() {
            return self.write_out(encrypt(key, segment));
        }
        let workers = self.workers.get_or_insert_with(|| Workers::start(key, encrypt));
        let ready = if workers.is_full() { workers.take() } else { None };
        workers.give(segment)?;
        ready.map_or(Ok(()), |finished| self.write_out(finished))
    }

    fn pass_over(&mut self, segment: Segment) -> Result<(), SealError> {
        let length = (segment.slice.len() + TAG) as u64;
        self.leaves.push([0; 32]);
        self.size += length;
        self.waiting.push(segment);
        self.out.seek(SeekFrom::Start(self.begin + self.size))?;
        Ok(())
    }

    fn write_out(&mut self, finished: Finished) -> Result<(), SealError> {
        let (mut slice, leaf) = finished.ok_or(BROKEN)?;
        self.leaves.extend(leaf);
        self.size += slice.len() as u64;
        self.out.write_all(&slice)?;
        slice.clear();
        self.spare.push(slice);
        Ok(())
    }

    /// Ends the stream with the bytes of the head; gives the writer back (not flushed, at the end of the stream) and
    /// what was written to it.
    ///
    /// # Errors
    /// The head has another length than was said, or the writer fails.
    pub fn finish(mut self, head: &[u8]) -> Result<(W, Measured), SealError> {
        if head.len() != self.head {
            return Err(SealError::Stream("its head has another length than was said"));
        }
        self.flush_segment(true)?;
        while let Some(finished) = self.workers.as_mut().and_then(Workers::take) {
            self.write_out(finished)?;
        }
        if self.waits > 0 {
            self.write_waiting(head)?;
        }
        let measured = Measured { size: self.size, root: root_of(&self.leaves) };
        Ok((self.out, measured))
    }

    /// Puts the head into the segments that waited for it, encrypts them and writes them where they belong.
    fn write_waiting(&mut self, mut head: &[u8]) -> Result<(), SealError> {
        self.out.seek(SeekFrom::Start(self.begin))?;
        for (place, mut segment) in self.leaves.iter_mut().zip(std::mem::take(&mut self.waiting)) {
            let plain = segment.slice.get_mut(segment.header..).unwrap_or_default();
            let (here, later) = head.split_at(head.len().min(plain.len()));
            plain.iter_mut().zip(here).for_each(|(slot, byte)| *slot = *byte);
            head = later;
            let (slice, leaf) = encrypt(&self.cipher.key, segment).ok_or(BROKEN)?;
            *place = leaf.unwrap_or_default();
            self.out.write_all(&slice)?;
        }
        self.out.seek(SeekFrom::Start(self.begin + self.size))?;
        Ok(())
    }
}

const BROKEN: SealError = SealError::Stream("a segment could not be encrypted");

impl<W: Write + Seek> Write for StreamSealer<W> {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        // a full segment waits for one more byte: only then is it known not to be the last
        if self.slice.len() == SLICE - TAG && !plain.is_empty() {
            self.flush_segment(false).map_err(SealError::into_io)?;
        }
        let taken = plain.len().min(SLICE - TAG - self.slice.len());
        self.slice.extend_from_slice(plain.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
