//! Reading the file store from code that blocks: large files go into a bundle as they stream by.

use crate::platform::files::Files;
use crate::platform::refusal::Fault;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::io::{self, Read};
use tokio::runtime::Handle;

/// Several stored files, read one after the other.
pub(super) struct Stored {
    files: Files,
    runtime: Handle,
    keys: VecDeque<String>,
    stream: Option<BoxStream<'static, Result<Bytes, Fault>>>,
    piece: Bytes,
}

impl Stored {
    pub(super) fn new(files: Files, runtime: Handle, keys: Vec<String>) -> Self {
        Self { files, runtime, keys: keys.into(), stream: None, piece: Bytes::new() }
    }
}

fn broken(fault: Fault) -> io::Error {
    io::Error::other(fault.chain())
}

impl Read for Stored {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(stream) = &mut self.stream else {
                let Some(key) = self.keys.pop_front() else { return Ok(0) };
                let (_, stream) = self.runtime.block_on(self.files.stream_at(&key)).map_err(broken)?;
                self.stream = Some(stream);
                continue;
            };
            match self.runtime.block_on(stream.next()) {
                Some(piece) => self.piece = piece.map_err(broken)?,
                None => self.stream = None,
            }
        }
        let taken = self.piece.len().min(out.len());
        out[..taken].copy_from_slice(&self.piece.split_to(taken));
        Ok(taken)
    }
}
