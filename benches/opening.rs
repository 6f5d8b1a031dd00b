//! Opening bids of 50 MB that lie on the disk, sealed to five trustees of whom three have released: 12, 50 and 200 of them.
//! From the agent's click to the recorded result: shares judged, every bid read, decrypted, its archive, its signature
//! and its files' hashes checked. Promise: at most 1.3 times what it takes just to read, decrypt and hash the same bytes.
//! That anchor is measured in the same minute with every core at work, bid by bid, as the opening has them.
//!
//! `cargo bench --bench opening` (needs 11 GB in the folder for temporary files, `TMPDIR`)
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use sunbid::account::role::Role;
use sunbid::account::testing::TestHouse;
use sunbid::opening::store;
use sunbid::opening::testing::{BidBox, empty_box};
use sunbid::platform::money::Fen;
use sunbid::project::testing::Shape;
use sunbid::sealed_bid::testing::{Offer, bid};
use sunbid::sealing::context::EnvelopeKind;
use support::house;

mod support;

const FILE: usize = 50_000_000;
const SLICE: usize = 1 << 20;
const PROMISED: f64 = 1.3;

fn main() {
    println!(
        "{:>6} {:>8} {:>10} {:>10} {:>7} {:>12} {:>10}",
        "bids", "GB", "open s", "anchor s", "ratio", "ratio/1.3", "GB/s"
    );
    for bids in [12, 50, 200] {
        opening(bids);
    }
}

fn opening(bids: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path());
    let shape = Shape { deposit: Fen(0), custody: (3, 5), ..Shape::default() };
    let filled = empty_box(&house, &shape);
    house.at("2026-03-24 10:00:00");
    for number in 0..bids {
        let member = house.member(Role::Bidder, &format!("bidder{number}"));
        let mut offer = Offer::priced("4800000.00");
        let content = (0..FILE).map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8 ^ number as u8);
        offer.files = vec![("施工组织设计.pdf".into(), content.collect())];
        bid(&house, &member, filled.lot, EnvelopeKind::Single, &offer).expect("it is in time");
    }
    filled.close(&house);
    filled.release(&house, EnvelopeKind::Single, &[1, 3, 5]);

    let stored = stored(&folder.path().join("files/sealed"));
    let bytes: u64 = stored.iter().flatten().filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
    // once before, so that both find the same of the bids in the machine's cache
    anchor(&stored);
    let before = timed(|| anchor(&stored));
    let opened = timed(|| open(&house, &filled, bids));
    let bound = before.min(timed(|| anchor(&stored)));
    let ratio = opened / bound;
    let gb = bytes as f64 / 1e9;
    println!(
        "{bids:>6} {gb:>8.2} {opened:>10.2} {bound:>10.2} {ratio:>7.2} {:>12.2} {:>10.2}",
        ratio / PROMISED,
        gb / opened
    );
}

fn timed(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn open(house: &TestHouse, filled: &BidBox, bids: usize) {
    filled.open(house, EnvelopeKind::Single, false).expect("it opens");
    let opened = house.door().read(|db| store::opened_bids(db, filled.lot, EnvelopeKind::Single));
    assert_eq!(opened.expect("rows").len(), bids, "every bid opened");
}

/// The stored pieces of every bid, in order.
fn stored(folder: &Path) -> Vec<Vec<PathBuf>> {
    let within = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let place = |piece: &PathBuf| -> u64 {
        let name = piece.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('-').next().and_then(|place| place.parse().ok()).unwrap_or_default()
    };
    let mut bids: Vec<Vec<PathBuf>> = within(folder).iter().map(|bid| within(bid)).collect();
    bids.iter_mut().for_each(|bid| bid.sort_by_key(place));
    bids
}

/// Reads, decrypts and hashes every bid, slice by slice, one bid a core.
fn anchor(bids: &[Vec<PathBuf>]) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(bid) = bids.get(next.fetch_add(1, Ordering::Relaxed)) {
            pass(bid);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
}

/// Decrypting costs what encrypting does: GCM reads and writes every byte once either way.
fn pass(bid: &[PathBuf]) {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).expect("32 bytes"));
    let mut hash = Context::new(&SHA256);
    let mut slice = Vec::with_capacity(SLICE);
    for piece in bid {
        let mut file = File::open(piece).expect("a piece");
        loop {
            slice.clear();
            (&mut file).take(SLICE as u64).read_to_end(&mut slice).expect("it reads");
            if slice.is_empty() {
                break;
            }
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let _tag =
                black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut slice).expect("it seals"));
            hash.update(&slice);
        }
    }
    black_box(hash.finish());
}
