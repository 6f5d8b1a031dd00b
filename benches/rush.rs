//! The last minute: everybody hands a bid in to one lot at once, with uploads that are there, and the box is closed right
//! behind them. With 312, 1,250 and 5,000 bidders on SQLite. Promise: no receipt slower than 5 s with 5,000 bidders on 2
//! cores, and whoever has a receipt counts. Anchor: acts that enter one line in the log and do nothing else, by as many
//! clients in the same minute, the most that the door can take.
//!
//! `cargo bench --bench rush`
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sunbid::account::house::House;
use sunbid::account::role::Role;
use sunbid::account::testing::{BEGINNING, Member, TestHouse};
use sunbid::ledger::{Actor, Event, Subject};
use sunbid::opening::testing::empty_box;
use sunbid::opening::{actions, store};
use sunbid::platform::config::Config;
use sunbid::platform::moment::{Clock, Moment};
use sunbid::platform::money::Fen;
use sunbid::project::testing::Shape;
use sunbid::sealed_bid::testing::{Offer, parameters, seal_offer, submit, upload};
use sunbid::sealing::context::EnvelopeKind;

const CLIENTS: usize = 256;
const PROMISED: f64 = 5.0;

fn main() {
    println!(
        "{:>8} {:>11} {:>10} {:>7} {:>8} {:>8} {:>8} {:>9} {:>9}",
        "bidders", "receipts/s", "anchor/s", "ratio", "p50 ms", "p99 ms", "max ms", "max/5 s", "close ms"
    );
    for bidders in [312, 1250, 5000] {
        rush(bidders);
    }
}

fn house(folder: &std::path::Path) -> TestHouse {
    let config = Config {
        database_url: format!("sqlite:{}", folder.join("bench.db").display()),
        files: folder.join("files").display().to_string(),
        keys: folder.join("keys"),
        metrics: String::new(),
        ..Config::default()
    };
    let clock = Clock::set_at(Moment::parse(BEGINNING).expect("a moment"));
    TestHouse::of(House::open(config, clock.clone()).expect("a house"), clock, "no password")
}

/// Takes turns until all `items` are done; gives how long each waited.
fn by_clients<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) -> (f64, Vec<Duration>) {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let client = || {
        let mut waits = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let asked = Instant::now();
            work(item);
            waits.push(asked.elapsed());
        }
        waits
    };
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..CLIENTS.min(items.len())).map(|_| scope.spawn(client)).collect();
        running.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    waits.sort_unstable();
    (items.len() as f64 / begun.elapsed().as_secs_f64(), waits)
}

#[derive(Serialize)]
struct Posted {
    text: String,
}

impl Event for Posted {
    const KIND: &'static str = "bench.posted";
    const NUMBER: u8 = 254;
}

fn rush(bidders: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path());
    let filled = empty_box(&house, &Shape { deposit: Fen(0), ..Shape::default() });
    house.at("2026-03-24 10:00:00");
    let kind = EnvelopeKind::Single;
    let ready = |number: usize| {
        let member: Member = house.member(Role::Bidder, &format!("rush{number}"));
        let offer = Offer::priced("4800000.00");
        let (sealed, bytes) =
            seal_offer(&house, &member, &parameters(&house, &member, filled.lot, kind), &offer);
        let upload = upload(&house, &member, &bytes);
        (member, sealed, upload)
    };
    let ready: Vec<_> = (0..bidders).map(ready).collect();

    let (anchor, _) = by_clients(&ready, |_| {
        let event = Posted { text: "x".repeat(2000) };
        let door = house.door();
        door.write(Actor::system("bench"), move |act| Ok(act.enter(&Subject::None, &event)?))
            .expect("it is written");
    });
    house.at("2026-03-25 09:29:59");
    let (rate, waits) = by_clients(&ready, |(member, sealed, upload)| {
        let kept = submit(&house, member, filled.lot, sealed, *upload).expect("it is in time");
        let receipt = house.door().read(|db| house.door().receipt(db, kept.entry)).expect("a receipt");
        assert!(!receipt.to_string().is_empty());
    });
    house.at("2026-03-25 09:30:00");
    let (lot, begun) = (filled.lot, Instant::now());
    let closed = house.door().write(Actor::system("opening"), move |act| actions::close(act, None, lot));
    closed.expect("it closes");
    let closing = begun.elapsed();
    let counted =
        house.door().read(|db| store::closing(db, lot)).expect("a closing").map(|closing| closing.bidders);
    assert_eq!(
        counted.and_then(|counted| usize::try_from(counted).ok()),
        Some(bidders),
        "every receipt counts"
    );

    let ms = |wait: Option<&Duration>| wait.map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    let longest = ms(waits.last());
    println!(
        "{bidders:>8} {rate:>11.0} {anchor:>10.0} {:>7.2} {:>8.1} {:>8.1} {longest:>8.1} {:>9.3} {:>9.1}",
        rate / anchor,
        ms(waits.get(waits.len() / 2)),
        ms(waits.get(waits.len() * 99 / 100)),
        longest / 1e3 / PROMISED,
        closing.as_secs_f64() * 1e3
    );
}
