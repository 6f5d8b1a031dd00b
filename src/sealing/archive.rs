//! The plaintext of a bid: a POSIX ustar archive so strict that one content has one byte string (format page
//! section 5). Never ZIP, whose two directories can disagree.

use super::bid_document::{BidDocument, DOCUMENT_MAX, FILE_MAX, ListedFile};
use super::error::SealError;
use crate::platform::canonical::jcs;
use crate::platform::digest::finish;
use ring::digest::{Context, SHA256};
use std::io::{self, Read, Write};

const BLOCK: u64 = 512;
/// No plaintext is shorter, so that small bids look alike.
pub const PADDED_MIN: u64 = 1 << 20;

/// The one header that an entry of this name and size has.
fn header(name: &str, size: u64) -> Result<[u8; 512], SealError> {
    if name.len() >= 100 || size > FILE_MAX {
        return Err(SealError::Archive(format!("{name} is too large")));
    }
    let mut head = [0u8; 512];
    let mut put = |at: usize, text: &[u8]| {
        head.iter_mut().skip(at).zip(text).for_each(|(slot, &byte)| *slot = byte);
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    head.iter_mut().skip(148).zip(sum.as_bytes()).for_each(|(slot, &byte)| *slot = byte);
    Ok(head)
}

fn fill_of(size: u64) -> u64 {
    size.next_multiple_of(BLOCK) - size
}

/// The length that an archive of `length` bytes (with its two end blocks) is padded to.
pub fn padded(length: u64) -> u64 {
    if length <= PADDED_MIN {
        return PADDED_MIN;
    }
    let e = u64::from(length.ilog2());
    let s = u64::from(e.ilog2()) + 1;
    length.next_multiple_of(1 << (e - s))
}

/// The archive's first bytes: `bid.json` with its header and fill.
pub fn head(bid_json: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut head = header("bid.json", bid_json.len() as u64)?.to_vec();
    head.extend_from_slice(bid_json);
    head.resize(head.len().next_multiple_of(512), 0);
    if bid_json.len() as u64 > DOCUMENT_MAX {
        return Err(SealError::Archive("bid.json is longer than 1 MiB".into()));
    }
    Ok(head)
}

/// Where the content of the listed file number `index` (from 0) begins in the archive of `document`.
pub fn content_at(document: &BidDocument, index: usize) -> u64 {
    let entry = |size: u64| BLOCK + size + fill_of(size);
    let before: u64 = document.files.iter().take(index).map(|file| entry(file.size.0)).sum();
    entry(jcs(document).len() as u64) + before + BLOCK
}

/// Writes what follows an archive's [`head`]; the caller gives the files in the order of the bid document, then calls
/// `finish`.
pub struct ArchiveWriter<W: Write> {
    to: W,
    written: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Goes on behind a head of this length.
    pub fn behind(to: W, head: usize) -> Self {
        Self { to, written: head as u64 }
    }

    /// Writes one file of exactly `size` bytes and gives its SHA-256; a file that grew or shrank since it was measured
    /// is refused.
    pub fn entry(&mut self, path: &str, size: u64, content: impl Read) -> Result<[u8; 32], SealError> {
        self.to.write_all(&header(path, size)?)?;
        let mut content = Hashed { from: content, context: Context::new(&SHA256), length: 0 };
        io::copy(&mut (&mut content).take(size), &mut self.to)?;
        if content.length != size || content.from.read(&mut [0])? != 0 {
            return Err(SealError::Archive(format!("{path} changed while it was read")));
        }
        io::copy(&mut io::repeat(0).take(fill_of(size)), &mut self.to)?;
        self.written += BLOCK + size + fill_of(size);
        Ok(finish(content.context))
    }

    /// Pads with zeros and gives the writer back.
    pub fn finish(mut self) -> Result<W, SealError> {
        let rest = padded(self.written + 2 * BLOCK) - self.written;
        io::copy(&mut io::repeat(0).take(rest), &mut self.to)?;
        Ok(self.to)
    }
}

/// Where the files of an opened archive go. Nothing that was put here may be used before [`read`] has returned.
pub trait Shelf {
    /// Takes one file, reading `content` to its end.
    fn put(&mut self, listed: &ListedFile, content: &mut dyn Read) -> io::Result<()>;
}

/// A shelf in memory: the files' bytes in order.
impl Shelf for Vec<Vec<u8>> {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.push(bytes);
        Ok(())
    }
}

/// Reads a whole archive of the bid with context hash `c`: `bid.json`, then exactly the listed files onto `shelf`, then
/// exactly the padding. Whatever deviates from what the writer would have written is refused.
pub fn read(from: &mut impl Read, c: &[u8; 32], shelf: &mut dyn Shelf) -> Result<BidDocument, SealError> {
    let mut head = [0; 512];
    read_exactly(from, &mut head, "bid.json")?;
    let size = head.get(124..135).and_then(|octal| std::str::from_utf8(octal).ok());
    let size = size.and_then(|octal| u64::from_str_radix(octal, 8).ok()).filter(|&size| size <= DOCUMENT_MAX);
    let size = size.ok_or_else(|| SealError::Archive("the first entry is not bid.json".into()))?;
    if head != header("bid.json", size)? {
        return Err(SealError::Archive("the first entry is not bid.json".into()));
    }
    let mut bid_json = Vec::new();
    from.take(size).read_to_end(&mut bid_json).map_err(SealError::from_io)?;
    if bid_json.len() as u64 != size {
        return Err(SealError::Archive("bid.json is cut off".into()));
    }
    read_zeros(from, fill_of(size), "bid.json")?;
    let document = BidDocument::read(&bid_json, c)?;
    let mut length = BLOCK + size + fill_of(size);
    for listed in &document.files {
        read_exactly(from, &mut head, &listed.path)?;
        if head != header(&listed.path, listed.size.0)? {
            return Err(SealError::Archive(format!("{} is not where or what bid.json says", listed.path)));
        }
        let mut content =
            Hashed { from: from.take(listed.size.0), context: Context::new(&SHA256), length: 0 };
        shelf.put(listed, &mut content).map_err(SealError::from_io)?;
        if content.length != listed.size.0 || finish(content.context) != listed.sha256.0 {
            return Err(SealError::Archive(format!(
                "{} has another content than bid.json says",
                listed.path
            )));
        }
        read_zeros(from, fill_of(listed.size.0), &listed.path)?;
        length += BLOCK + listed.size.0 + fill_of(listed.size.0);
    }
    read_zeros(from, padded(length + 2 * BLOCK) - length, "the end")?;
    if from.read(&mut [0]).map_err(SealError::from_io)? != 0 {
        return Err(SealError::Archive("something follows the end".into()));
    }
    Ok(document)
}

/// A listed file's content, hashed on the way; what is not as listed shows as an error at its end.
pub struct Checked<R> {
    content: Option<Hashed<io::Take<R>>>,
    size: u64,
    sha256: [u8; 32],
}

impl<R: Read> Checked<R> {
    pub(super) fn new(from: R, listed: &ListedFile) -> Self {
        let (size, sha256) = (listed.size.0, listed.sha256.0);
        let content = Hashed { from: from.take(size), context: Context::new(&SHA256), length: 0 };
        Self { content: Some(content), size, sha256 }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Some(content) = &mut self.content else { return Ok(0) };
        let count = content.read(out)?;
        if count > 0 || out.is_empty() {
            return Ok(count);
        }
        let same = content.length == self.size
            && self.content.take().is_some_and(|content| finish(content.context) == self.sha256);
        if same { Ok(0) } else { Err(io::Error::other("a stored file is not what the bid says")) }
    }
}

struct Hashed<R> {
    from: R,
    context: Context,
    length: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(out)?;
        self.context.update(out.get(..count).unwrap_or_default());
        self.length += count as u64;
        Ok(count)
    }
}

fn read_exactly(from: &mut impl Read, out: &mut [u8], what: &str) -> Result<(), SealError> {
    from.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SealError::Archive(format!("it ends before {what}")),
        _ => SealError::from_io(error),
    })
}

fn read_zeros(from: &mut impl Read, mut count: u64, what: &str) -> Result<(), SealError> {
    let mut block = [0; 4096];
    while count > 0 {
        let piece = usize::try_from(count).unwrap_or(usize::MAX).min(block.len());
        let piece = block.get_mut(..piece).unwrap_or_default();
        read_exactly(from, piece, what)?;
        if piece.iter().any(|&byte| byte != 0) {
            return Err(SealError::Archive(format!("the padding after {what} is not zero")));
        }
        count -= piece.len() as u64;
    }
    Ok(())
}
