//! The file around the evidence: a POSIX ustar archive in which nothing is left to choice, so that one content has
//! one byte string and no tool sees more in it than we do.
//!
//! Headers are not parsed and believed: name and size are read, the only header that we would write for them is made
//! again, and every byte must be equal.

use std::io::{self, Read, Seek, SeekFrom, Write};

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
pub fn list<R: Read + Seek>(archive: &mut R) -> Result<Vec<Member>, ContainerError> {
    let end = archive.seek(SeekFrom::End(0))?;
    let mut at = archive.seek(SeekFrom::Start(0))?;
    let mut members: Vec<Member> = Vec::new();
    loop {
        let mut block = [0; BLOCK];
        fill(archive, &mut block)?;
        if block == [0; BLOCK] {
            fill(archive, &mut block)?;
            let over = at + 2 * BLOCK as u64;
            return if block == [0; BLOCK] && over == end {
                Ok(members)
            } else {
                Err(ContainerError::Padding)
            };
        }
        let (name, size) = read_header(&block).ok_or(ContainerError::Header(at))?;
        let member = Member { name, size, offset: at + BLOCK as u64 };
        at = archive.seek(SeekFrom::Start(member.offset + size))?;
        let mut rest = vec![0; padding(size)];
        fill(archive, &mut rest)?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(ContainerError::Padding);
        }
        at += rest.len() as u64;
        if members.len() == MEMBERS_MAX {
            return Err(ContainerError::TooMany);
        }
        members.push(member);
    }
}

/// The content of a member as a bounded reader.
///
/// # Errors
/// Seeking fails.
pub fn open<'a, R: Read + Seek>(archive: &'a mut R, member: &Member) -> io::Result<io::Take<&'a mut R>> {
    archive.seek(SeekFrom::Start(member.offset))?;
    Ok(archive.take(member.size))
}

fn read_header(block: &[u8; BLOCK]) -> Option<(String, u64)> {
    let name = block[..100].split(|byte| *byte == 0).next()?;
    let name = std::str::from_utf8(name).ok()?;
    let size = std::str::from_utf8(&block[124..135]).ok()?;
    let octal = size.bytes().all(|c| (b'0'..=b'7').contains(&c));
    let size = if octal { u64::from_str_radix(size, 8).ok()? } else { return None };
    (header(name, size).as_ref() == Some(block)).then(|| (name.to_owned(), size))
}

fn fill<R: Read>(from: &mut R, block: &mut [u8]) -> Result<(), ContainerError> {
    from.read_exact(block).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => ContainerError::Short,
        _ => ContainerError::Io(e),
    })
}
