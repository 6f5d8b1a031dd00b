//! Bodies of answers that are read by blocking code.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::io::{self, Read};

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;

/// What `from` gives until its end, as the body of an answer. Holds a thread only while it reads, so slow readers cost
/// none. An error of `from` breaks the answer off: send its length along, and the reader notices.
pub fn body(from: impl Read + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> {
    unfold(Some(from), |from| async move {
        let mut from = from?;
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            (&mut from).take(PIECE as u64).read_to_end(&mut piece).map(|_| (Bytes::from(piece), from))
        });
        match read.await.map_err(io::Error::other).flatten() {
            Ok((piece, _)) if piece.is_empty() => None,
            Ok((piece, from)) => Some((Ok(piece), Some(from))),
            Err(error) => Some((Err(error), None)),
        }
    })
}
