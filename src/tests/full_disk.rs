//! A disk that is nearly full refuses what is new and harms nothing; one that is full to the last byte, with the database
//! on it too, takes no byte more, loses none that it acknowledged, and goes on when there is room.

use super::browser::{Browser, Seen};
use super::crash::{Bidder, sealed_by, signed_in};
use super::program::{Server, clock_begins_at};
use super::small_disk::SmallDisk;
use crate::account::testing::TestHouse;
use crate::ledger::proof::Receipt;
use crate::opening::testing::empty_box;
use crate::platform::config::Config;
use crate::platform::database::Database;
use crate::platform::database::testing::Engine;
use crate::platform::files::Files;
use crate::project::testing::Shape;
use crate::sealed_bid::ciphertext::reader;
use crate::sealed_bid::testing::Offer;
use crate::sealed_bid::{store, tus as wire};
use crate::sealing::stream::measure;
use bytes::Bytes;
use reqwest::Method;
use std::process::Command;

const MIB: u64 = 1 << 20;
const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

/// A centre on a disk of its own, with three bidders whose bids are sealed.
struct Centre {
    disk: SmallDisk,
    house: TestHouse,
    config: Config,
    bidders: Vec<Bidder>,
}

/// Moves a new house to a small disk.
fn centre() -> Centre {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = empty_box(&house, &Shape::default());
    house.at("2026-03-20 10:00:00");
    let bidders = [1_500_000, 9_000_000, 9_000_000].iter().enumerate().map(|(i, size)| {
        let mut offer = Offer::priced(&format!("9{i}00000.00"));
        offer.files.push(("图纸.bin".into(), vec![7; *size]));
        sealed_by(&house, filled.lot, &format!("bidder{i}"), &offer)
    });
    let bidders = bidders.collect();
    clock_begins_at(&house, house.door().now());
    let disk = SmallDisk::of(96);
    let from = house.door().config().keys.parent().unwrap().to_path_buf();
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(disk.seen()).status().unwrap();
    assert!(copied.success());
    let on = |name: &str| disk.path().join(name).display().to_string();
    let config = Config {
        database_url: format!("sqlite:{}", on("test.db")),
        files: on("files"),
        keys: disk.path().join("keys"),
        ..house.door().config().clone()
    };
    Centre { disk, house, config, bidders }
}

impl Centre {
    fn start(&self, reserve: u64) -> Server {
        let config = Config { disk_reserve_bytes: reserve, ..self.config.clone() };
        Server::start_on(&self.disk, &config)
    }
}

fn tus(browser: &mut Browser, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
    let token = browser.csrf.clone();
    let mut all = vec![("Tus-Resumable", "1.0.0"), ("X-CSRF-Token", token.as_str())];
    all.extend_from_slice(headers);
    browser.send(method, path, &all, Bytes::copy_from_slice(body))
}

fn create(browser: &mut Browser, bidder: &Bidder) -> Seen {
    let size = bidder.ciphertext.len().to_string();
    tus(browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &size)], b"")
}

fn patch(browser: &mut Browser, bidder: &Bidder, upload: &str, from: usize, to: usize) -> Seen {
    let at = from.to_string();
    let headers = [PIECE, ("Upload-Offset", at.as_str())];
    tus(browser, Method::PATCH, upload, &headers, &bidder.ciphertext[from..to])
}

fn offset(browser: &mut Browser, upload: &str) -> usize {
    let seen = tus(browser, Method::HEAD, upload, &[], b"").expect_status(200);
    seen.headers["upload-offset"].to_str().unwrap().parse().unwrap()
}

#[test]
fn a_disk_near_full_takes_no_new_upload_and_what_it_promised_it_keeps() {
    let centre = centre();
    let (free, _) = centre.disk.free_and_used();
    // room for one of the two large bids beside the reserve
    let server = centre.start(free - 16 * MIB);
    let [small, first, second] = [0, 1, 2].map(|i| &centre.bidders[i]);
    let [mut poor, mut one, mut two] =
        [small, first, second].map(|bidder| signed_in(&server.address, &bidder.member).unwrap());
    let begun = create(&mut one, first).expect_status(201).location();
    patch(&mut one, first, &begun, 0, 5 << 20).expect_status(204);
    let refused = create(&mut two, second).expect_status(507).text();
    assert!(refused.contains("磁盘空间不足") && refused.contains("不受影响"), "{refused}");
    two.get("/account/lang/en?next=/");
    assert!(create(&mut two, second).text().contains("The platform's disk is nearly full"));
    // what fits is taken still, what was promised room has it, and what is given up gives room
    let receipt = super::crash::try_to_bid(&mut poor, small);
    assert!(receipt.is_some(), "a small bid fits");
    patch(&mut one, first, &begun, 5 << 20, first.ciphertext.len()).expect_status(204);
    tus(&mut one, Method::DELETE, &begun, &[], b"").expect_status(204);
    create(&mut two, second).expect_status(201);
    server.kill();
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged_and_the_upload_goes_on_when_there_is_room() {
    let centre = centre();
    let key = centre.house.door().log_key().clone();
    let [small, large] = [0, 1].map(|i| &centre.bidders[i]);
    let verify = |proof: &[u8], bidder: &Bidder| {
        let message = bidder.bid.manifest.message();
        Receipt::parse(proof).unwrap().verify(&message, 70, key.name(), std::slice::from_ref(&key)).unwrap();
    };
    let mut server = centre.start(0);
    let mut browser = signed_in(&server.address, &small.member).unwrap();
    let before = super::crash::try_to_bid(&mut browser, small).expect("there is room");
    verify(&before, small);
    let mut sender = signed_in(&server.address, &large.member).unwrap();
    let upload = create(&mut sender, large).expect_status(201).location();
    let acknowledged = (3 << 20) + 123;
    patch(&mut sender, large, &upload, 0, acknowledged).expect_status(204);

    for _ in 0..3 {
        centre.disk.fill();
        let seen = patch(&mut sender, large, &upload, acknowledged, large.ciphertext.len());
        assert!(seen.expect_status(507).text().contains("已收到的内容都已保存"));
        assert_eq!(offset(&mut sender, &upload), acknowledged);
        // the database has no room either: nothing new, said in words, and nobody falls over
        assert_eq!(create(&mut browser, small).status, 507);
        assert_eq!(server.status("/healthz"), 200);
        let mine = browser.get("/sealed-bid").expect_status(200).text();
        let receipt = mine.split("href=\"").find(|link| link.starts_with("/sealed-bid/receipt/")).unwrap();
        let receipt = receipt.split('"').next().unwrap();
        verify(&browser.get(&format!("{receipt}/proof")).expect_status(200).bytes, small);
        // the same after a crash on the full disk
        server.kill();
        centre.disk.relieve();
        server = centre.start(0);
        browser = signed_in(&server.address, &small.member).unwrap();
        sender = signed_in(&server.address, &large.member).unwrap();
        assert_eq!(offset(&mut sender, &upload), acknowledged);
    }
    // full once more, and relieved without a new start: the same server goes on
    centre.disk.fill();
    assert_eq!(patch(&mut sender, large, &upload, acknowledged, large.ciphertext.len()).status, 507);
    assert_eq!(create(&mut browser, small).status, 507);
    centre.disk.relieve();
    patch(&mut sender, large, &upload, acknowledged, large.ciphertext.len()).expect_status(204);
    let proof = super::crash::submitted(&mut sender, large, &upload).expect("a receipt");
    verify(&proof, large);
    server.kill();

    let copy = centre.disk.copy();
    let url = format!("sqlite:{}", copy.path().join("test.db").display());
    let parts =
        Database::open(&url).unwrap().read(|db| store::parts(db, wire::named(&upload).unwrap())).unwrap();
    let files = Files::open(&copy.path().join("files").display().to_string(), |_| None).unwrap();
    let found = measure(reader(files, parts).unwrap()).unwrap();
    assert_eq!(found, large.bid.manifest.measured(), "every byte is there");
}
