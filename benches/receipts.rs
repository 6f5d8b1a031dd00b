//! Durable receipts per second through the real door: an act with one entry, its place in the log, its proof. Promise: at
//! least 2,000 a second with proof on SQLite, p99 below 250 ms at 256 clients, no knee at 1,000. Anchor: a plain loop that
//! commits one row of the same size at a time in the same folder, the most that one writer without a group can do.
//!
//! `cargo bench --bench receipts`; with `SUNBID_BENCH_POSTGRES=postgres://…` (an empty database) also on PostgreSQL.
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};
use sunbid::ledger::{Actor, Door, Event, Subject};
use sunbid::platform::config::Config;
use sunbid::platform::moment::Clock;

const RUN: Duration = Duration::from_secs(3);

/// About as long as the manifest of a bid for five trustees.
#[derive(Serialize)]
struct Posted {
    text: String,
}

impl Event for Posted {
    const KIND: &'static str = "bench.posted";
    const NUMBER: u8 = 254;
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let anchor = plain_commits(folder.path());
    println!("anchor: {anchor:.0} plain commits/s of one row on SQLite\n");
    let url = format!("sqlite:{}", folder.path().join("bench.db").display());
    engine("SQLite", &url, folder.path(), anchor);
    match std::env::var("SUNBID_BENCH_POSTGRES") {
        Ok(url) => engine("PostgreSQL", &url, &folder.path().join("pg"), anchor),
        Err(_) => println!("PostgreSQL: not measured, SUNBID_BENCH_POSTGRES is not set"),
    }
}

fn engine(name: &str, url: &str, folder: &Path, anchor: f64) {
    let config = Config {
        database_url: url.into(),
        files: folder.join("files").display().to_string(),
        keys: folder.join("keys"),
        ..Config::default()
    };
    std::fs::create_dir_all(folder).expect("a folder");
    let door = Door::open(config, Clock::real()).expect("a house");
    println!(
        "{name}\n{:>8} {:>10} {:>12} {:>8} {:>8} {:>7}",
        "clients", "log size", "receipts/s", "p50 ms", "p99 ms", "ratio"
    );
    for clients in [1, 16, 64, 256, 1000] {
        measure(&door, clients, anchor);
    }
    // the same in a log that has grown: cost must not grow with it
    let begun = log_size(&door);
    let before = measure(&door, 64, anchor);
    for times in [4, 16] {
        fill(&door, (begun * times).saturating_sub(log_size(&door)));
        let now = measure(&door, 64, anchor);
        println!("{:>8} in a log {times} times as long: {:.2} of the speed", "", now / before);
    }
    println!();
}

fn log_size(door: &Door) -> u64 {
    door.read(sunbid::ledger::store::head).expect("a head").map_or(0, |head| head.size)
}

/// Makes the log longer, many entries in one act.
fn fill(door: &Door, entries: u64) {
    for _ in 0..entries / 1000 {
        let done = door.write(Actor::system("bench"), |act| {
            (0..1000)
                .try_for_each(|_| act.enter(&Subject::None, &Posted { text: String::new() }).map(|_| ()))?;
            Ok(())
        });
        done.expect("it is written");
    }
}

/// Receipts per second of this many clients, each asking for the next as soon as it has one.
fn measure(door: &Door, clients: usize, anchor: f64) -> f64 {
    let size = log_size(door);
    let begun = Instant::now();
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let client = |at: usize| {
            let door = door.clone();
            scope.spawn(move || {
                let mut waits = Vec::new();
                while begun.elapsed() < RUN {
                    let asked = Instant::now();
                    receipt(&door, at);
                    waits.push(asked.elapsed());
                }
                waits
            })
        };
        let running: Vec<_> = (0..clients).map(client).collect();
        running.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let rate = waits.len() as f64 / begun.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |part: usize| waits.get(waits.len() * part / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    println!("{clients:>8} {size:>10} {rate:>12.0} {:>8.1} {:>8.1} {:>7.2}", at(50), at(99), rate / anchor);
    rate
}

fn receipt(door: &Door, client: usize) {
    let event = Posted { text: format!("{client:02000}") };
    let done =
        door.write(Actor::system("bench"), move |act| Ok(act.enter(&Subject::sealed(client), &event)?));
    let entry = done.expect("it is written").value;
    let receipt = door.read(|db| door.receipt(db, entry)).expect("a receipt");
    assert!(!receipt.to_string().is_empty());
}

/// Commits per second of one row of 2 kB, as durable as the platform's own: WAL, synced at every commit.
fn plain_commits(folder: &Path) -> f64 {
    let file = folder.join("plain.db").display().to_string();
    let mut db = SqliteConnection::establish(&file).expect("a database");
    db.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE plain (body BLOB)")
        .expect("a table");
    let (begun, mut commits) = (Instant::now(), 0);
    while begun.elapsed() < RUN {
        diesel::sql_query("INSERT INTO plain (body) VALUES (zeroblob(2000))")
            .execute(&mut db)
            .expect("a row");
        commits += 1;
    }
    f64::from(commits) / begun.elapsed().as_secs_f64()
}
