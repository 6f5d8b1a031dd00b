//! The file around the evidence: a POSIX ustar archive in which nothing is left to choice, so that one content has
//! one byte string and no tool sees more in it than we do.
//!
//! Headers are not parsed and believed: name and size are read, the only header that we would write for them is made
//! again, and every byte must be equal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

const BLOCK: usize = 512;
/// Longest name of a member.
pub const NAME_MAX: usize = 99;
/// Largest member: eleven octal digits.
pub const SIZE_MAX: u64 = (1 << 33) - 1;
/// Most members of a bundle.
pub const MEMBERS_MAX: usize = 2_000_000;

/// Why bytes are not an archive of ours.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    #[error("the header at byte {0} is not the one that this format has")]
    Header(u64),
    #[error("padding or the end of the archive holds something")]
    Padding,
    #[error("the archive is cut short")]
    Short,
    #[error("the archive has too many members")]
    TooMany,
    #[error("member names must be ascending, short and plain: {0:?}")]
    Name(String),
    #[error("member {0} is too large")]
    TooLarge(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Bytes that several readers can look into at once.
pub trait Archive: Sync {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Fills `out` from `offset` as far as it can; 0 at the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Archive for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, out, offset)
    }
}

impl Archive for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        Ok(taken)
    }
}

/// A stretch of an archive as a reader of its own.
pub struct Stretch<'a, A> {
    archive: &'a A,
    at: u64,
    end: u64,
}

impl<'a, A: Archive> Stretch<'a, A> {
    /// The bytes `at..end`.
    pub fn new(archive: &'a A, at: u64, end: u64) -> Self {
        Self { archive, at, end }
    }
}

impl<A: Archive> Read for Stretch<'_, A> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let want = out.len().min(rest);
        let read = self.archive.read_at(&mut out[..want], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A member of an archive: where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub size: u64,
    /// Byte offset of the content in the archive.
    pub offset: u64,
}

/// Whether `name` may stand in a bundle: parts of lower-case ASCII letters, digits, dot, hyphen and underscore, none
/// of them beginning with a dot, joined by slashes.
pub fn is_plain_name(name: &str) -> bool {
    let plain = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    name.len() <= NAME_MAX && name.split('/').all(part)
}

fn header(name: &str, size: u64) -> Option<[u8; BLOCK]> {
    if !is_plain_name(name) || size > SIZE_MAX {
        return None;
    }
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

/// Writes an archive member by member.
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Appends a member of exactly `size` bytes from `content`.
    ///
    /// # Errors
    /// The name is not plain, the size too large, the content shorter or longer than said, or writing fails.
    pub fn add(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), ContainerError> {
        let header = header(name, size).ok_or_else(|| match size > SIZE_MAX {
            true => ContainerError::TooLarge(name.into()),
            false => ContainerError::Name(name.into()),
        })?;
        self.out.write_all(&header)?;
        let copied = io::copy(&mut content.take(size + 1), &mut self.out)?;
        if copied != size {
            return Err(ContainerError::Short);
        }
        self.out.write_all(&[0; BLOCK][..padding(size)])?;
        Ok(())
    }

    /// Writes the two empty blocks at the end and flushes.
    ///
    /// # Errors
    /// Writing fails.
    pub fn finish(mut self) -> Result<W, ContainerError> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Lists the members of an archive, skipping over their contents, and checks headers, padding and end.
///
/// # Errors
/// Anything that [`Writer`] would not have written.
pub fn list<A: Archive>(archive: &A) -> Result<Vec<Member>, ContainerError> {
    let (end, mut at) = (archive.size()?, 0);
    let mut members: Vec<Member> = Vec::new();
    loop {
        let mut block = [0; BLOCK];
        fill(archive, at, &mut block)?;
        if block == [0; BLOCK] {
            fill(archive, at + BLOCK as u64, &mut block)?;
            let over = at + 2 * BLOCK as u64;
            return if block == [0; BLOCK] && over == end {
                Ok(members)
            } else {
                Err(ContainerError::Padding)
            };
        }
        let (name, size) = read_header(&block).ok_or(ContainerError::Header(at))?;
        let member = Member { name, size, offset: at + BLOCK as u64 };
        let rest = &mut block[..padding(size)];
        fill(archive, member.offset + size, rest)?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(ContainerError::Padding);
        }
        at = member.offset + size + rest.len() as u64;
        if members.len() == MEMBERS_MAX {
            return Err(ContainerError::TooMany);
        }
        members.push(member);
    }
}

/// The content of a member as a bounded reader.
pub fn open<'a, A: Archive>(archive: &'a A, member: &Member) -> Stretch<'a, A> {
    Stretch::new(archive, member.offset, member.offset + member.size)
}

fn read_header(block: &[u8; BLOCK]) -> Option<(String, u64)> {
    let name = block[..100].split(|byte| *byte == 0).next()?;
    let name = std::str::from_utf8(name).ok()?;
    let size = std::str::from_utf8(&block[124..135]).ok()?;
    let octal = size.bytes().all(|c| (b'0'..=b'7').contains(&c));
    let size = if octal { u64::from_str_radix(size, 8).ok()? } else { return None };
    (header(name, size).as_ref() == Some(block)).then(|| (name.to_owned(), size))
}

fn fill<A: Archive>(archive: &A, at: u64, block: &mut [u8]) -> Result<(), ContainerError> {
    let mut from = Stretch::new(archive, at, at + block.len() as u64);
    from.read_exact(block).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => ContainerError::Short,
        _ => ContainerError::Io(e),
    })
}
