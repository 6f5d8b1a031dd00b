//! The last minute: everybody hands a bid in to one lot at once, with uploads that are there, and the box is closed right
//! behind them. With 312, 1,250 and 5,000 bidders on SQLite. Promise: no receipt slower than 5 s with 5,000 bidders on 2
//! cores, and whoever has a receipt counts. Anchor: acts that enter one line in the log and do nothing else, by as many
//! clients in the same minute, the most that the door can take.
//!
//! Then the same over HTTP: a thousand connections, each bidder sends the form and fetches the receipt's proof, while
//! visitors read the tender's page and the hall; the deadline passes while the last twentieth is on its way.
//! Promise: no receipt slower than 5 s, pages stay up, and who has a receipt is counted, and nobody else. "on line" are forms
//! that were refused although they had left their senders before the deadline: the platform had not read them yet.
//!
//! And as the promise says it: bidders who come over a whole minute, more and more of them towards its end, each pressing once, the
//! last of them after the deadline. Same promise.
//!
//! `cargo bench --bench rush`; with `SUNBID_BENCH_POSTGRES=postgres://…` (a server on which databases may be made) also on
//! PostgreSQL. Arguments choose: `sqlite` or `postgres`, `door`, `http` or `minute`, and numbers of bidders; without any all is measured.
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use serde::Serialize;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sunbid::account::actions::open_session;
use sunbid::account::role::Role;
use sunbid::account::session::COOKIE;
use sunbid::account::testing::{Member, TestHouse};
use sunbid::ledger::{Actor, Event, Subject};
use sunbid::opening::rules::Closing;
use sunbid::opening::testing::{BidBox, empty_box};
use sunbid::opening::{actions, store};
use sunbid::platform::canonical::jcs_text;
use sunbid::platform::id::Id;
use sunbid::platform::moment::Moment;
use sunbid::platform::money::Fen;
use sunbid::project::rules::Lot;
use sunbid::project::testing::Shape;
use sunbid::sealed_bid::rules::Upload;
use sunbid::sealed_bid::testing::{Offer, parameters, seal_offer, submit, upload};
use sunbid::sealed_bid::tus::location;
use sunbid::sealing::context::EnvelopeKind;
use sunbid::sealing::seal::SealedBid;
use support::{Connection, answer, connect, get, house, house_on, send_form, serve};

mod support;

const CLIENTS: usize = 256;
const PROMISED: f64 = 5.0;

/// What the arguments ask for; of what they do not speak of, everything.
struct Asked(Vec<String>);

impl Asked {
    fn one_of(&self, word: &str, words: &[&str]) -> bool {
        let named = |word: &str| self.0.iter().any(|asked| asked == word);
        named(word) || !words.iter().any(|word| named(word))
    }

    fn bidders(&self) -> Vec<usize> {
        let numbers: Vec<usize> = self.0.iter().filter_map(|asked| asked.parse().ok()).collect();
        if numbers.is_empty() { vec![312, 1250, 5000] } else { numbers }
    }
}

fn main() {
    let asked = Asked(std::env::args().skip(1).collect());
    let engines = ["sqlite", "postgres"];
    if asked.one_of("sqlite", &engines) {
        engine("SQLite", &asked, &|folder| house(folder));
    }
    if !asked.one_of("postgres", &engines) {
        return;
    }
    match std::env::var("SUNBID_BENCH_POSTGRES") {
        Ok(server) => {
            let made = AtomicUsize::new(0);
            engine("PostgreSQL", &asked, &|folder| {
                let number = made.fetch_add(1, Ordering::SeqCst);
                house_on(folder, &server, &format!("rush_{}_{number}", std::process::id()))
            });
        }
        Err(_) => println!("PostgreSQL: not measured, SUNBID_BENCH_POSTGRES is not set"),
    }
}

type Build<'a> = &'a dyn Fn(&Path) -> TestHouse;

fn engine(name: &str, asked: &Asked, build: Build<'_>) {
    let ways = ["door", "http", "minute"];
    if asked.one_of("door", &ways) {
        println!(
            "{name}\n{:>8} {:>11} {:>10} {:>7} {:>8} {:>8} {:>8} {:>9} {:>9}",
            "bidders", "receipts/s", "anchor/s", "ratio", "p50 ms", "p99 ms", "max ms", "max/5 s", "close ms"
        );
        asked.bidders().into_iter().for_each(|bidders| rush(bidders, build));
    }
    for (way, pace, what) in [
        ("http", Pace::AtOnce, "over HTTP, all at once"),
        ("minute", Pace::Minute, "over HTTP, over the last minute"),
    ] {
        if asked.one_of(way, &ways) {
            println!(
                "\n{name} {what}\n{:>8} {:>11} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>12} {:>12} {:>9}",
                "bidders",
                "receipts/s",
                "p50 ms",
                "p99 ms",
                "max ms",
                "max/5 s",
                "in time",
                "late",
                "on line",
                "page p50 ms",
                "page max ms",
                "close ms"
            );
            asked.bidders().into_iter().for_each(|bidders| rush_over_http(bidders, pace, build));
        }
    }
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

type Ready = (Member, SealedBid, Id<Upload>);

/// A lot, and bidders whose bids are sealed and uploaded.
fn ready(house: &TestHouse, bidders: usize) -> (BidBox, Vec<Ready>) {
    let filled = empty_box(house, &Shape { deposit: Fen(0), ..Shape::default() });
    house.at("2026-03-24 10:00:00");
    let kind = EnvelopeKind::Single;
    let one = |number: usize| {
        let member: Member = house.member(Role::Bidder, &format!("rush{number}"));
        let offer = Offer::priced("4800000.00");
        let (sealed, bytes) =
            seal_offer(house, &member, &parameters(house, &member, filled.lot, kind), &offer);
        let upload = upload(house, &member, &bytes);
        (member, sealed, upload)
    };
    let ready = (0..bidders).map(one).collect();
    (filled, ready)
}

fn rush(bidders: usize, build: Build<'_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let house = build(folder.path());
    let (filled, ready) = ready(&house, bidders);

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

/// Connections of all bidders together.
const CONNECTIONS: usize = 1000;
/// Connections of those who only read.
const VISITORS: usize = 8;

/// A bidder who is signed in, with the form as the browser would send it.
struct AtTheDesk {
    cookie: String,
    form: String,
}

fn at_the_desk(house: &TestHouse, page: &mut Connection, (member, sealed, upload): &Ready) -> AtTheDesk {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let token = runtime.block_on(open_session(house.door(), member.who.person)).expect("a session");
    let cookie = format!("{COOKIE}={token}");
    let shown = get(page, "/sealed-bid/TEST-0001/1/single", &cookie);
    let shown = String::from_utf8_lossy(&shown.bytes);
    let (_, rest) = shown.split_once("name=\"csrf\" value=\"").expect("a form");
    let csrf = rest.split('"').next().unwrap_or_default();
    let fields = [
        ("csrf", csrf.to_owned()),
        ("manifest", jcs_text(&sealed.manifest)),
        ("signature", jcs_text(&sealed.signature)),
        ("upload", location(*upload)),
    ];
    AtTheDesk { cookie, form: serde_urlencoded::to_string(fields).expect("a form") }
}

/// What became of a form.
enum Handed {
    Receipt,
    /// Refused, and it had left its sender before the deadline.
    LateThoughSent,
    Late,
}

/// Sends the form and fetches the receipt.
fn hand_in(connection: &mut Connection, desk: &AtTheDesk, is_open: impl Fn() -> bool) -> Handed {
    send_form(connection, "/sealed-bid/TEST-0001/1/single/submit", &desk.cookie, &desk.form);
    let sent_in_time = is_open();
    let answer = answer(connection);
    if answer.status != 303 {
        assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.bytes));
        return if sent_in_time { Handed::LateThoughSent } else { Handed::Late };
    }
    let proof = get(connection, &format!("{}/proof", answer.location), &desk.cookie);
    assert!(proof.bytes.starts_with(b"c2sp.org/tlog-proof@v1"), "a receipt is a proof");
    Handed::Receipt
}

/// Reads the tender's page and the hall until all is done; gives how long each page took.
fn visitor(server: SocketAddr, done: &AtomicBool) -> Vec<Duration> {
    let (mut connection, mut waits) = (connect(server), Vec::new());
    while !done.load(Ordering::SeqCst) {
        for path in ["/tender/TEST-0001", "/opening/TEST-0001/1"] {
            let asked = Instant::now();
            get(&mut connection, path, "");
            waits.push(asked.elapsed());
        }
    }
    waits
}

/// The closing, and how long it took from now.
fn closed(house: &TestHouse, lot: Id<Lot>) -> (Closing, Duration) {
    let begun = Instant::now();
    loop {
        // the server's own clock closes the box, or we do
        let closed = actions::close_box(house.door(), Actor::system("opening"), None, lot);
        drop(closed);
        if let Some(closing) = house.door().read(|db| store::closing(db, lot)).expect("a closing") {
            return (closing, begun.elapsed());
        }
    }
}

/// When bidders press the button.
#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// As fast as their connections allow; the clock passes the deadline when the last twentieth is on its way.
    AtOnce,
    /// Over a minute by the clock and a little longer, in its last second about twice as many as on average.
    Minute,
}

const MINUTE: f64 = 60.0;
/// Of those who come over a minute, the part that is in time.
const IN_TIME: f64 = 0.98;

impl Pace {
    /// When this bidder presses, from the beginning.
    fn due(self, at: usize, bidders: usize) -> Duration {
        let part = (at as f64 + 0.5) / (bidders as f64 * IN_TIME);
        if self == Self::AtOnce { Duration::ZERO } else { Duration::from_secs_f64(MINUTE * part.sqrt()) }
    }
}

/// Moves the house's clock on with the minute until the last bidder has come.
fn pass_the_minute(house: &TestHouse, begun: Instant, from: Moment, last: Duration) {
    while begun.elapsed() < last + Duration::from_millis(20) {
        let passed = i64::try_from(begun.elapsed().as_micros()).expect("a minute");
        house.clock.move_to(from.plus(passed));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The wait that this part of all, in per cent, did not exceed, in milliseconds. `waits` ascend.
fn ms(waits: &[Duration], part: usize) -> f64 {
    let at = (waits.len() * part / 100).min(waits.len().saturating_sub(1));
    waits.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}

fn rush_over_http(bidders: usize, pace: Pace, build: Build<'_>) {
    let folder = tempfile::tempdir().expect("a folder");
    let house = build(folder.path());
    let (filled, ready) = ready(&house, bidders);
    // sessions end by the same clock: everybody signs in now
    house.at(if pace == Pace::AtOnce { "2026-03-25 09:29:59" } else { "2026-03-25 09:29:00" });
    let from = house.door().now();
    let server = serve(house.house.clone());
    let mut page = connect(server);
    let desks: Vec<AtTheDesk> = ready.iter().map(|ready| at_the_desk(&house, &mut page, ready)).collect();
    let (next, receipts, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let (on_the_line, deadline) = (AtomicUsize::new(0), Moment::parse_beijing("2026-03-25 09:30"));
    let deadline = deadline.expect("a moment");
    let last = pace.due(bidders - 1, bidders);
    let begun = Instant::now();
    let client = || {
        let (mut connection, mut waits) = (connect(server), Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(desk) = desks.get(at) else { return waits };
            if pace == Pace::AtOnce && at == bidders - bidders / 20 {
                house.at("2026-03-25 09:30:00");
            }
            std::thread::sleep(pace.due(at, bidders).saturating_sub(begun.elapsed()));
            if pace == Pace::Minute {
                // each bidder's own, as they come
                connection = connect(server);
            }
            let asked = Instant::now();
            match hand_in(&mut connection, desk, || house.door().now() < deadline) {
                Handed::Receipt => {
                    waits.push(asked.elapsed());
                    receipts.fetch_add(1, Ordering::SeqCst);
                }
                Handed::LateThoughSent => drop(on_the_line.fetch_add(1, Ordering::SeqCst)),
                Handed::Late => {}
            }
        }
    };
    let (mut waits, mut pages, seconds) = std::thread::scope(|scope| {
        if pace == Pace::Minute {
            scope.spawn(|| pass_the_minute(&house, begun, from, last));
        }
        let reading: Vec<_> = (0..VISITORS).map(|_| scope.spawn(|| visitor(server, &done))).collect();
        let sending: Vec<_> = (0..CONNECTIONS.min(bidders)).map(|_| scope.spawn(client)).collect();
        let waits: Vec<Duration> =
            sending.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        let seconds = begun.elapsed().as_secs_f64();
        done.store(true, Ordering::SeqCst);
        let pages: Vec<Duration> =
            reading.into_iter().flat_map(|visitor| visitor.join().expect("a visitor")).collect();
        (waits, pages, seconds)
    });
    waits.sort_unstable();
    pages.sort_unstable();
    let (closing, took) = closed(&house, filled.lot);
    let receipts = receipts.into_inner();
    let counted = usize::try_from(closing.bidders).ok();
    assert_eq!(counted, Some(receipts), "who has a receipt counts, nobody else");
    println!(
        "{bidders:>8} {:>11.0} {:>9.1} {:>9.1} {:>9.1} {:>9.3} {receipts:>8} {:>8} {:>8} {:>12.1} {:>12.1} {:>9.1}",
        receipts as f64 / seconds,
        ms(&waits, 50),
        ms(&waits, 99),
        ms(&waits, 100),
        ms(&waits, 100) / 1e3 / PROMISED,
        bidders - receipts,
        on_the_line.into_inner(),
        ms(&pages, 50),
        ms(&pages, 100),
        took.as_secs_f64() * 1e3
    );
}
