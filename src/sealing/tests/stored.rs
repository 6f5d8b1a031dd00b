//! Bids that lie on the platform: opened without hashing them again, and read file by file from where they lie.

use super::{context, panel, reports, seal_with, warrant};
use crate::sealing::context::Mode;
use crate::sealing::envelope::{ContentKey, Envelope};
use crate::sealing::error::SealError;
use crate::sealing::keys::Draw;
use crate::sealing::stream::{HEADER, SLICE};
use proptest::prelude::*;
use std::cell::Cell;
use std::io::{Cursor, Read};

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8) ^ seed).collect()
}

/// A bid with files of these lengths: its ciphertext, what reads it, and the files.
struct Stored {
    ciphertext: Vec<u8>,
    document: crate::sealing::bid_document::BidDocument,
    key: ContentKey,
    files: Vec<Vec<u8>>,
}

fn stored(lengths: &[usize]) -> Stored {
    let panel = panel(2, 3);
    let files: Vec<Vec<u8>> = lengths.iter().zip(1..).map(|(length, seed)| bytes(*length, seed)).collect();
    let names: Vec<String> = (0..files.len()).map(|at| format!("{at}.pdf")).collect();
    let named: Vec<(&str, Vec<u8>)> = names.iter().map(String::as_str).zip(files.iter().cloned()).collect();
    let sealed =
        seal_with(&panel.set, &context(&panel.set, Mode::Trustees), &named, Draw::fresh(Mode::Trustees));
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let reported = reports(&panel, &sealed, &[1, 3]);
    let unlocked = envelope.unlock(&warrant(&sealed), &panel.set, &reported, None).unwrap();
    let mut shelf: Vec<Vec<u8>> = Vec::new();
    let opened = unlocked.open_stored(sealed.ciphertext.as_slice(), &mut shelf).unwrap();
    assert!(shelf == files, "the whole bid opens to its files");
    let key = ContentKey::from_bytes(&unlocked.content_key().to_bytes()).unwrap();
    Stored { document: opened.document().clone(), ciphertext: sealed.ciphertext, key, files }
}

impl Stored {
    /// One file, and how many bytes of ciphertext were asked for.
    fn read(&self, ciphertext: &[u8], index: usize) -> (Result<Vec<u8>, SealError>, usize) {
        let asked = Cell::new(0);
        let from = |offset: u64| {
            let rest = &ciphertext[usize::try_from(offset).unwrap()..];
            Ok(Counted { from: Cursor::new(rest.to_vec()), asked: &asked })
        };
        let read = || -> Result<Vec<u8>, SealError> {
            let mut content = Vec::new();
            let mut file = self.key.file((&self.document, index), &ciphertext[..HEADER], from)?;
            file.read_to_end(&mut content).map_err(SealError::from_io)?;
            Ok(content)
        };
        (read(), asked.get())
    }
}

struct Counted<'a> {
    from: Cursor<Vec<u8>>,
    asked: &'a Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.from.read(out)?;
        self.asked.set(self.asked.get() + count);
        Ok(count)
    }
}

#[test]
fn one_file_is_read_from_the_slices_that_it_lies_in() {
    // around the edges of slices and blocks, an empty one, and one far behind a long one
    let stored = stored(&[0, 1, 511, 512, 513, SLICE - 16 - HEADER, SLICE, 5 * SLICE, 70_000]);
    for (index, file) in stored.files.iter().enumerate() {
        let (content, asked) = stored.read(&stored.ciphertext, index);
        assert!(content.unwrap() == *file, "file {index}");
        assert!(asked <= file.len() + 3 * SLICE, "file {index} took {asked} bytes");
    }
    assert!(stored.read(&stored.ciphertext, stored.files.len()).0.is_err());
}

#[test]
fn a_changed_slice_or_another_content_is_an_error_and_never_a_wrong_file() {
    let stored = stored(&[3 * SLICE, 1000]);
    for at in [HEADER + 600, SLICE + 7, 3 * SLICE] {
        let mut changed = stored.ciphertext.clone();
        changed[at] ^= 1;
        assert!(stored.read(&changed, 0).0.is_err(), "byte {at}");
    }
    let cut = &stored.ciphertext[..2 * SLICE];
    assert!(stored.read(cut, 0).0.is_err());
    let mut other = stored;
    other.document.files[1].sha256.0[0] ^= 1;
    assert!(other.read(&other.ciphertext, 1).0.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_file_of_any_bid_is_read_back(lengths in proptest::collection::vec(0..2 * SLICE + 100, 1..5)) {
        let stored = stored(&lengths);
        for (index, file) in stored.files.iter().enumerate() {
            prop_assert!(stored.read(&stored.ciphertext, index).0.unwrap() == *file);
        }
    }
}
