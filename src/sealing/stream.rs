//! The payload: Tink's AES256_GCM_HKDF_1MB streaming format, RAW (format page section 4), over `Read` and `Write`.
//! Memory is a few segments whatever the size; sealing uses all cores. Every 1 MiB slice of the ciphertext is one segment and one leaf of the
//! Merkle tree whose root the manifest signs.

use super::error::SealError;
use super::keys::{Secret, derive};
use crate::ledger::tree;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::mpsc;

/// Length of a ciphertext slice, which is one segment and one part of an upload.
pub const SLICE: usize = 1 << 20;
/// Length of the stream's header, and its first byte.
pub const HEADER: usize = 40;
const TAG: usize = 16;

/// Size of the ciphertext of a plaintext of `plain` bytes.
pub fn ciphertext_size(plain: u64) -> u64 {
    let room = (SLICE - TAG) as u64;
    let segments = (plain + (HEADER as u64)).div_ceil(room).max(1);
    HEADER as u64 + plain + segments * TAG as u64
}

/// The leaf of one slice: `H(0x00 || slice)` (RFC 6962 section 2.1).
pub fn slice_leaf(slice: &[u8]) -> [u8; 32] {
    tree::leaf_hash(slice)
}

/// Root of the tree over slices whose leaves are given.
pub fn root_of(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => tree::empty_root(),
        [leaf] => *leaf,
        _ => {
            // the largest power of two below the count
            let split = leaves.len().div_ceil(2).next_power_of_two();
            let (left, right) = leaves.split_at(split);
            tree::node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// Whether these bytes can begin a sealed bid: the header's first byte and at least a header and a tag. An
/// unencrypted PDF, ZIP or office file does not pass (电子招标投标办法 article 26).
pub fn looks_sealed(first: &[u8]) -> bool {
    first.len() >= HEADER + TAG && first[0] == HEADER as u8
}

struct Cipher {
    key: LessSafeKey,
    prefix: [u8; 7],
    index: u32,
}

impl Cipher {
    fn new(k: &Secret, aad: &[u8], salt: &[u8], prefix: [u8; 7]) -> Result<Self, SealError> {
        let dk = derive(salt, &[&k.0], &[aad]);
        let key = UnboundKey::new(&AES_256_GCM, &dk.0).map_err(|_| SealError::Stream("no key"))?;
        Ok(Self { key: LessSafeKey::new(key), prefix, index: 0 })
    }

    fn nonce(&self, last: bool) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&self.prefix);
        nonce[7..11].copy_from_slice(&self.index.to_be_bytes());
        nonce[11] = u8::from(last);
        nonce
    }

    fn advance(&mut self, last: bool) -> Result<(), SealError> {
        if !last {
            self.index =
                self.index.checked_add(1).ok_or(SealError::Stream("it has more than 2^32 segments"))?;
        }
        Ok(())
    }
}

/// What a manifest says about a ciphertext.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    pub size: u64,
    pub root: [u8; 32],
}

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

/// A segment to encrypt: the slice with its plaintext from `header` on.
struct Segment {
    slice: Vec<u8>,
    header: usize,
    nonce: [u8; 12],
}

/// An encrypted slice and its Merkle leaf; `None` if the cipher failed, which it never does.
type Finished = Option<(Vec<u8>, [u8; 32])>;

fn encrypt(key: &LessSafeKey, mut segment: Segment) -> Finished {
    let nonce = Nonce::assume_unique_for_key(segment.nonce);
    let plain = segment.slice.get_mut(segment.header..)?;
    let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), plain).ok()?;
    segment.slice.extend_from_slice(tag.as_ref());
    let leaf = slice_leaf(&segment.slice);
    Some((segment.slice, leaf))
}

/// Threads that encrypt and hash segments side by side; results come back in order. At most a few segments are under
/// way, so memory stays flat.
struct Workers {
    jobs: Vec<mpsc::Sender<(Segment, mpsc::Sender<Finished>)>>,
    next: usize,
    under_way: VecDeque<mpsc::Receiver<Finished>>,
}

/// Most threads of one sealing.
const WORKERS_MAX: usize = 8;

impl Workers {
    fn start(key: &LessSafeKey) -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let worker = |_| {
            let (jobs, queue) = mpsc::channel::<(Segment, mpsc::Sender<Finished>)>();
            let key = key.clone();
            // the thread ends when the sender is dropped
            std::thread::spawn(move || {
                for (segment, reply) in queue {
                    let _gone = reply.send(encrypt(&key, segment));
                }
            });
            jobs
        };
        Self { jobs: (0..count).map(worker).collect(), next: 0, under_way: VecDeque::new() }
    }

    fn is_full(&self) -> bool {
        self.under_way.len() >= 2 * self.jobs.len()
    }

    fn give(&mut self, segment: Segment) -> Result<(), SealError> {
        let (reply, finished) = mpsc::channel();
        let worker = self.jobs.get(self.next % self.jobs.len().max(1));
        self.next += 1;
        let given = worker.and_then(|worker| worker.send((segment, reply)).ok());
        given.ok_or(SealError::Stream("a worker thread stopped"))?;
        self.under_way.push_back(finished);
        Ok(())
    }

    fn take(&mut self) -> Option<Finished> {
        self.under_way.pop_front().map(|finished| finished.recv().ok().flatten())
    }
}

impl<W: Write + Seek> StreamSealer<W> {
    /// `salt` and `prefix` must be fresh random bytes: one key, salt and prefix never encrypt twice. The first `head`
    /// bytes of plaintext are given to [`StreamSealer::finish`].
    pub(super) fn new(
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
        let workers = self.workers.get_or_insert_with(|| Workers::start(key));
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
        self.leaves.push(leaf);
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
            *place = leaf;
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

/// Decrypts a ciphertext. Gives out only bytes whose tag has been checked; but a cut-off stream shows only at its
/// end, so the caller trusts nothing before [`StreamOpener::finish`] has returned.
pub struct StreamOpener<R: Read> {
    from: R,
    cipher: Cipher,
    /// Decrypted bytes of the current segment, and how many of them were given out.
    plain: Vec<u8>,
    given: usize,
    /// The next slice of ciphertext, read ahead to know whether the current one is the last.
    ahead: Vec<u8>,
    leaves: Vec<[u8; 32]>,
    size: u64,
    ended: bool,
}

impl<R: Read> StreamOpener<R> {
    /// Reads the header.
    pub fn new(mut from: R, k: &Secret, aad: &[u8]) -> Result<Self, SealError> {
        let mut ahead = Vec::with_capacity(SLICE);
        read_slice(&mut from, &mut ahead)?;
        if !looks_sealed(&ahead) {
            return Err(SealError::Stream("it does not begin as a sealed bid"));
        }
        let (salt, prefix) = ahead.get(1..HEADER).unwrap_or_default().split_at(32);
        let prefix = prefix.try_into().map_err(|_| SealError::Stream("its header is cut off"))?;
        let cipher = Cipher::new(k, aad, salt, prefix)?;
        let plain = Vec::with_capacity(SLICE);
        Ok(Self { from, cipher, plain, given: 0, ahead, leaves: Vec::new(), size: 0, ended: false })
    }

    fn next_segment(&mut self) -> Result<(), SealError> {
        std::mem::swap(&mut self.plain, &mut self.ahead);
        self.leaves.push(slice_leaf(&self.plain));
        self.size += self.plain.len() as u64;
        self.ahead.clear();
        if self.plain.len() == SLICE {
            read_slice(&mut self.from, &mut self.ahead)?;
        }
        let last = self.ahead.is_empty();
        let start = if self.leaves.len() == 1 { HEADER } else { 0 };
        let body = self.plain.len().saturating_sub(TAG);
        let (body, tag) = self.plain.split_at_mut(body);
        let tag = Tag::try_from(&*tag).map_err(|_| SealError::Stream("a segment is cut off"))?;
        let nonce = Nonce::assume_unique_for_key(self.cipher.nonce(last));
        let sealed = body.get_mut(start..).unwrap_or_default();
        let opened = self.cipher.key.open_in_place_separate_tag(nonce, Aad::empty(), tag, sealed, 0..);
        opened.map_err(|_| {
            SealError::Stream("a segment is not what the key made: changed, cut off or another key")
        })?;
        self.plain.truncate(self.plain.len() - TAG);
        self.given = start;
        self.ended = last;
        self.cipher.advance(last)
    }

    /// Reads what is left, checks the end and says what was read. Only now the plaintext is to be trusted.
    pub fn finish(mut self) -> Result<Measured, SealError> {
        while !self.ended {
            self.next_segment()?;
        }
        Ok(Measured { size: self.size, root: root_of(&self.leaves) })
    }
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

/// Fills `slice` up to 1 MiB or the end of the input.
fn read_slice(from: &mut impl Read, slice: &mut Vec<u8>) -> io::Result<()> {
    from.take(SLICE as u64).read_to_end(slice).map(drop)
}

/// Size and root of a ciphertext file, without any key.
pub fn measure(mut from: impl Read) -> io::Result<Measured> {
    let (mut leaves, mut size, mut slice) = (Vec::new(), 0, Vec::with_capacity(SLICE));
    loop {
        slice.clear();
        read_slice(&mut from, &mut slice)?;
        if slice.is_empty() && size > 0 {
            break;
        }
        leaves.push(slice_leaf(&slice));
        size += slice.len() as u64;
        if slice.len() < SLICE {
            break;
        }
    }
    Ok(Measured { size, root: root_of(&leaves) })
}
