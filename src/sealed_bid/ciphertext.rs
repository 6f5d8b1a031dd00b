//! Reads a stored ciphertext piece by piece, for the opening and the export.

use super::store::Part;
use crate::platform::files::Files;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};

/// A [`Read`] over the pieces of an upload. It blocks: use it in blocking code (`spawn_blocking`, a job, a test), never
/// on an async thread. Holds at most one piece in memory.
pub fn reader(files: Files, parts: Vec<Part>) -> io::Result<impl Read + Send> {
    Ok(Reader {
        files,
        parts: parts.into(),
        waiting: Waiting::here()?,
        piece: Piece::Bytes(bytes::Bytes::new()),
    })
}

/// As [`reader`], from the byte `offset` on.
pub fn reader_from(files: Files, mut parts: Vec<Part>, offset: u64) -> io::Result<impl Read + Send> {
    parts.retain(|part| part.place + part.size > offset);
    let before = parts.first().map_or(0, |part| offset.saturating_sub(part.place));
    let mut reader = reader(files, parts)?;
    io::copy(&mut (&mut reader).take(before), &mut io::sink())?;
    Ok(reader)
}

/// A stored piece of a ciphertext is not there any more, or has another size: asking again does not help.
#[derive(Debug, thiserror::Error)]
#[error("a stored piece of a ciphertext is gone or cut")]
pub struct PieceLost;

/// Whether a reader failed because a piece is lost.
pub fn is_lost(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<PieceLost>())
}

/// Whether all pieces are there, each with its size; none is read. Blocks.
pub fn is_whole(files: &Files, parts: &[Part]) -> Result<bool, Fault> {
    let waiting = Waiting::here()?;
    for part in parts {
        if waiting.on(files.size_at(&part.file))? != Some(part.size) {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Reader {
    files: Files,
    parts: VecDeque<Part>,
    waiting: Waiting,
    piece: Piece,
}

/// What is being read: a file, as far as its part goes, or a piece that came from a server.
enum Piece {
    File(io::Take<File>),
    Bytes(bytes::Bytes),
}

impl Read for Piece {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = match self {
            Self::File(file) => return file.read(out),
            Self::Bytes(bytes) => bytes,
        };
        let taken = bytes.len().min(out.len());
        out.get_mut(..taken).unwrap_or_default().copy_from_slice(&bytes.split_to(taken));
        Ok(taken)
    }
}

impl Reader {
    /// The piece of a part. Gone or cut for good is one error; a disk or a server that fails is another, and may be asked again.
    fn piece(&self, part: &Part) -> io::Result<Piece> {
        let lost = || io::Error::new(io::ErrorKind::InvalidData, PieceLost);
        if let Some(path) = self.files.path_of(&part.file) {
            let file = match File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(lost()),
                opened => opened?,
            };
            let whole = file.metadata()?.len() == part.size;
            return if whole { Ok(Piece::File(file.take(part.size))) } else { Err(lost()) };
        }
        let piece = self.waiting.on(self.files.find_at(&part.file));
        let piece = piece.map_err(|fault| io::Error::other(fault.chain()))?;
        piece.filter(|piece| piece.len() as u64 == part.size).map(Piece::Bytes).ok_or_else(lost)
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let taken = self.piece.read(out)?;
            if taken > 0 || out.is_empty() {
                return Ok(taken);
            }
            let Some(part) = self.parts.pop_front() else { return Ok(0) };
            self.piece = self.piece(&part)?;
        }
    }
}
