//! Proofs in a log of ten million leaves. Promise: below 5 ms each, in constant memory. The log lies in the platform's own
//! database, in the tiles that the sequencer would have written, and proofs are made by the code that makes receipts. Anchor: one
//! row (a tile of 8 KiB) read by its key from the same table over the same connections; a proof needs a handful of them.
//!
//! `cargo bench --bench proofs`; with `SUNBID_BENCH_POSTGRES=postgres://…` (an empty database) also on PostgreSQL. Takes about
//! 400 MB of disk and a few minutes.
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Binary, Integer};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use sunbid::ledger::store::Tiles;
use sunbid::ledger::tree::{self, Hash, TileSource};
use sunbid::ledger::{Actor, Door};
use sunbid::platform::config::Config;
use sunbid::platform::database::Db;
use sunbid::platform::moment::Clock;
use sunbid::platform::random;
use sunbid::platform::refusal::Fault;

/// 1×, 4× and 16×.
const SIZES: [u64; 3] = [625_000, 2_500_000, 10_000_000];
/// Proofs of each kind at each size.
const PROOFS: usize = 20_000;
/// Leaves that are written in one transaction.
const BATCH: u64 = 1 << 16;
const PROMISE: Duration = Duration::from_millis(5);

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    engine("SQLite", &url, folder.path());
    match std::env::var("SUNBID_BENCH_POSTGRES") {
        Ok(url) => engine("PostgreSQL", &url, &folder.path().join("pg")),
        Err(_) => println!("PostgreSQL: not measured, SUNBID_BENCH_POSTGRES is not set"),
    }
}

fn engine(name: &str, url: &str, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    let config = Config {
        database_url: url.into(),
        files: folder.join("files").display().to_string(),
        keys: folder.join("keys"),
        ..Config::default()
    };
    let door = Door::open(config, Clock::real()).expect("a house");
    println!("{name}: times in µs, memory in KiB");
    println!(
        "{:>10} {:<12} {:>8} {:>8} {:>8} {:>9} {:>7} {:>8} {:>8}",
        "leaves", "what", "p50", "p99", "max", "hashes", "ratio", "memory", "grown"
    );
    let mut size = 0;
    for goal in SIZES {
        let begun = Instant::now();
        while size < goal {
            size = fill(&door, size, (goal - size).min(BATCH));
        }
        let filled = begun.elapsed();
        measure(&door, size);
        println!("{:>10} filled in {:.0} s\n", "", filled.as_secs_f64());
    }
}

/// Lets the log grow as the sequencer does, without entries: proofs read tiles only.
fn fill(door: &Door, size: u64, more: u64) -> u64 {
    let done = door.write(Actor::system("bench"), move |act| {
        let leaves: Vec<Hash> = (size..size + more).map(leaf).collect();
        let tiles = tree::append(&Tiles::new(act.db()), size, &leaves).map_err(Fault::from)?;
        for tile in tiles {
            let place = i64::try_from(tile.index).map_err(Fault::from)?;
            diesel::sql_query(insertion(act.db()))
                .bind::<Integer, _>(i32::from(tile.level))
                .bind::<BigInt, _>(place)
                .bind::<Binary, _>(tile.hashes)
                .execute(act.db())
                .map_err(Fault::from)?;
        }
        Ok(())
    });
    done.expect("it is written");
    size + more
}

fn insertion(db: &Db) -> &'static str {
    if db.is_pg() {
        "INSERT INTO ledger_tile (level, place, hashes) VALUES ($1, $2, $3) \
         ON CONFLICT (level, place) DO UPDATE SET hashes = excluded.hashes"
    } else {
        "INSERT OR REPLACE INTO ledger_tile (level, place, hashes) VALUES (?, ?, ?)"
    }
}

fn leaf(number: u64) -> Hash {
    tree::leaf_hash(&number.to_be_bytes())
}

/// A number below `end`.
fn below(end: u64) -> u64 {
    u64::from_be_bytes(random::bytes()) % end
}

fn measure(door: &Door, size: u64) {
    let root = door.read(|db| tree::root(&Tiles::new(db), size).map_err(Fault::from)).expect("a root");
    let tiles = size / 256;
    let anchor = series(size, "one row", 0.0, || {
        let begun = Instant::now();
        let row = door.read(|db| Tiles::new(db).tile(0, below(tiles), 256)).expect("a tile");
        assert_eq!(row.len(), 8192);
        (begun.elapsed(), 256)
    });
    series(size, "inclusion", anchor, || {
        let index = below(size);
        let begun = Instant::now();
        let proof = door.read(|db| tree::inclusion_proof(&Tiles::new(db), index, size).map_err(Fault::from));
        let (took, proof) = (begun.elapsed(), proof.expect("a proof"));
        assert!(tree::verify_inclusion(&leaf(index), index, size, &proof, &root));
        (took, proof.len())
    });
    series(size, "consistency", anchor, || {
        let old = 1 + below(size - 1);
        let begun = Instant::now();
        let proof = door.read(|db| tree::consistency_proof(&Tiles::new(db), old, size).map_err(Fault::from));
        let (took, proof) = (begun.elapsed(), proof.expect("a proof"));
        let before = door.read(|db| tree::root(&Tiles::new(db), old).map_err(Fault::from)).expect("a root");
        assert!(tree::verify_consistency(old, size, &before, &root, &proof));
        (took, proof.len())
    });
}

/// Makes [`PROOFS`] of one kind, prints a line and returns the median in seconds. `anchor` is that of the anchor.
fn series(size: u64, what: &str, anchor: f64, mut one: impl FnMut() -> (Duration, usize)) -> f64 {
    // a tenth of them first, so that what grows once has grown
    (0..PROOFS / 10).for_each(|_| {
        one();
    });
    let before = memory();
    fs::write("/proc/self/clear_refs", "5").expect("the highest mark is set back");
    let (mut times, mut hashes) = (Vec::with_capacity(PROOFS), 0);
    for _ in 0..PROOFS {
        let (took, length) = one();
        times.push(took);
        hashes = hashes.max(length);
    }
    let peak = status("VmHWM:");
    times.sort_unstable();
    let micros = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e6);
    let (p50, p99) = (micros(times.get(PROOFS / 2)), micros(times.get(PROOFS * 99 / 100)));
    let ratio = if anchor > 0.0 { p50 / 1e6 / anchor } else { 1.0 };
    println!(
        "{size:>10} {what:<12} {p50:>8.0} {p99:>8.0} {:>8.0} {hashes:>9} {ratio:>7.1} {peak:>8} {:>8}",
        micros(times.last()),
        peak.saturating_sub(before),
    );
    let late = times.iter().filter(|time| **time >= PROMISE).count();
    if late > 0 {
        println!("{:>10} {late} of {PROOFS} took 5 ms or longer", "");
    }
    p50 / 1e6
}

/// The memory of this process now, in KiB.
fn memory() -> u64 {
    status("VmRSS:")
}

fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("a status");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
