//! Reads a stored ciphertext piece by piece, for the opening and the export.

use super::store::Part;
use crate::platform::files::Files;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use std::collections::VecDeque;
use std::io::{self, Read};

/// A [`Read`] over the pieces of an upload. It blocks: use it in blocking code (`spawn_blocking`, a job, a test), never
/// on an async thread. Holds one piece in memory.
pub fn reader(files: Files, parts: Vec<Part>) -> io::Result<impl Read + Send> {
    Ok(Reader { files, parts: parts.into(), waiting: Waiting::here()?, piece: bytes::Bytes::new() })
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
    piece: bytes::Bytes,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(part) = self.parts.pop_front() else { return Ok(0) };
            let piece = self.waiting.on(self.files.find_at(&part.file));
            let piece = piece.map_err(|fault| io::Error::other(fault.chain()))?;
            // gone or cut for good; a disk or a server that fails is another error, and may be asked again
            let whole = piece.filter(|piece| piece.len() as u64 == part.size);
            self.piece = whole.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, PieceLost))?;
        }
        let taken = self.piece.len().min(out.len());
        let piece = self.piece.split_to(taken);
        out.get_mut(..taken).unwrap_or_default().copy_from_slice(&piece);
        Ok(taken)
    }
}
