//! Covers: what they leave is what a bid leaves, and nobody takes one for a bid.

use super::wire::{LOT, PIECE, create, submit, tus};
use super::{Box1, box1, offer};
use crate::account::testing::TestHouse;
use crate::ledger::witnessing::strikes;
use crate::on_both_databases;
use crate::platform::database::Db;
use crate::platform::database::testing::{Engine, ask, shapes};
use crate::platform::moment::{DAY, HOUR};
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use crate::project::testing::Shape;
use crate::sealed_bid::rules::COVERS_KEPT;
use crate::sealed_bid::store::counted;
use crate::sealed_bid::testing::{bid, parameters, seal_offer, withdraw};
use crate::sealed_bid::{cover, jobs};
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::{Served, runtime};
use reqwest::Method;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

on_both_databases! {
    a_cover_leaves_in_every_table_and_on_the_disk_what_a_bid_leaves
    a_bid_that_a_browser_sends_leaves_no_more_than_a_cover
    rows_of_one_bidder_share_nothing_once_they_are_handed_in
    covers_are_no_bids_and_go_after_their_time
}

fn leave(house: &TestHouse) {
    Waiting::here().unwrap().on(cover::leave(house.door(), async || {})).unwrap();
}

/// How many rows of each shape there are. The log's tiles grow by a hash with every entry, whatever it is.
fn counts(house: &TestHouse) -> BTreeMap<String, i64> {
    let shapes = house.door().read(|db| Ok::<_, Fault>(shapes(db, "sealed_bid"))).unwrap();
    let mut counts = BTreeMap::new();
    for shape in shapes {
        let shape = if shape.starts_with("ledger_tile") { "ledger_tile".to_owned() } else { shape };
        *counts.entry(shape).or_default() += 1;
    }
    counts
}

/// What came, and what went.
fn difference(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let mut changed = after.clone();
    before.iter().for_each(|(shape, count)| *changed.entry(shape.clone()).or_default() -= count);
    changed.retain(|_, count| *count != 0);
    changed
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let paths = entries.unwrap_or_default().into_iter().map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// Of each file of a bid: how its path looks, its size, its first byte.
fn files(house: &TestHouse) -> Vec<(String, u64, u8)> {
    let root = house.door().config().files.clone();
    let mut found: Vec<_> = files_in(&Path::new(&root).join("sealed"))
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).unwrap();
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            let name = name.split('/').map(|part| part.len().to_string()).collect::<Vec<_>>().join("/");
            (name, bytes.len() as u64, bytes[0])
        })
        .collect();
    found.sort();
    found
}

fn a_cover_leaves_in_every_table_and_on_the_disk_what_a_bid_leaves(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let before = counts(&x.house);
    bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    let between = counts(&x.house);
    leave(&x.house);
    let after = counts(&x.house);
    let of_the_bid = difference(&before, &between);
    assert!(of_the_bid.keys().any(|shape| shape.starts_with("sealed_bid_step")), "{of_the_bid:#?}");
    assert!(of_the_bid.keys().any(|shape| shape.starts_with("ledger_entry")), "{of_the_bid:#?}");
    assert_eq!(of_the_bid, difference(&between, &after));
    let files = files(&x.house);
    assert_eq!(files.len(), 2);
    assert_eq!(files.first(), files.last());
    // and what the clock does with a bid's rows later, it does with a cover's
    x.house.clock.move_to(x.house.door().now().plus(4 * DAY));
    jobs::due(x.house.door()).unwrap();
    let uploads = |db: &mut Db| {
        let sql = "SELECT state || ' ' || CAST(expires_at AS TEXT) AS said FROM sealed_bid_upload";
        Ok::<_, Fault>(ask(db, sql.to_owned()))
    };
    assert_eq!(x.house.door().read(uploads).unwrap(), ["used 0", "used 0"]);
    assert_eq!(self::files(&x.house), files);
}

/// The same over HTTP, where a browser brings all of a small bid at once, and with its sign-in, pages and receipt.
fn a_bid_that_a_browser_sends_leaves_no_more_than_a_cover(engine: Engine) {
    let Box1 { house, first, lot, .. } = box1(engine, &Shape::default());
    let parameters = parameters(&house, &first, lot, EnvelopeKind::Single);
    let (sealed, ciphertext) = seal_offer(&house, &first, &parameters, &offer());
    let served = Served::start(house);
    let mut browser = served.browser(&first);
    browser.get(&format!("{LOT}/single")).expect_status(200);
    let before = counts(&served.house);
    let upload = create(&mut browser, ciphertext.len());
    tus(&mut browser, Method::PATCH, &upload, &[PIECE, ("Upload-Offset", "0")], &ciphertext)
        .expect_status(204);
    let receipt = submit(&mut browser, &sealed, &upload).expect_status(303).location();
    browser.get(&receipt).expect_status(200);
    let between = counts(&served.house);
    leave(&served.house);
    assert_eq!(difference(&before, &between), difference(&between, &counts(&served.house)));
    let files = files(&served.house);
    assert_eq!((files.len(), files.first()), (2, files.last()));
}

fn rows_of_one_bidder_share_nothing_once_they_are_handed_in(engine: Engine) {
    let x = box1(engine, &Shape::default());
    for _ in 0..2 {
        bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    }
    for column in ["owner", "bidder"] {
        let sql = format!("SELECT DISTINCT {column} AS said FROM sealed_bid_upload");
        assert_eq!(x.house.door().read(|db| Ok::<_, Fault>(ask(db, sql))).unwrap().len(), 2, "{column}");
    }
    // nor does its length tell a withdrawal, or a bidder with a long name
    withdraw(&x.house, &x.first, x.lot, EnvelopeKind::Single).unwrap();
    let sql = "SELECT DISTINCT CAST(length(body) AS TEXT) AS said FROM sealed_bid_step UNION \
        SELECT CAST(length(body) AS TEXT) FROM ledger_entry WHERE id IN (SELECT entry_id FROM sealed_bid_step)";
    assert_eq!(x.house.door().read(|db| Ok::<_, Fault>(ask(db, sql.to_owned()))).unwrap().len(), 1);
}

fn covers_are_no_bids_and_go_after_their_time(engine: Engine) {
    let x = box1(engine, &Shape::default());
    leave(&x.house);
    let kept = bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    leave(&x.house);
    let door = x.house.door();
    let counted = |what: &str| {
        let bids = door.read(|db| counted(db, door.vault(), x.lot, EnvelopeKind::Single, u64::MAX)).unwrap();
        let found: Vec<_> = bids.iter().map(|bid| bid.step).collect();
        assert_eq!(found, [kept.id], "{what}");
    };
    counted("beside covers");
    let rows = |table: &str| {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS said FROM {table}");
        door.read(|db| Ok::<_, Fault>(ask(db, sql))).unwrap().concat()
    };
    assert_eq!(rows("sealed_bid_step"), "3");
    x.house.clock.move_to(door.now().plus(COVERS_KEPT));
    jobs::due(door).unwrap();
    assert_eq!(rows("sealed_bid_step"), "3", "not before their time");
    x.house.clock.move_to(door.now().plus(7 * DAY + HOUR));
    jobs::due(door).unwrap();
    for table in ["sealed_bid_step", "sealed_bid_upload", "sealed_bid_part"] {
        assert_eq!(rows(table), "1", "{table}");
    }
    assert_eq!(files(&x.house).len(), 1);
    counted("after their time");
}

/// As in a server, whose jobs run on threads of its runtime.
#[test]
fn the_clock_leaves_covers_by_itself_and_none_where_none_are_wanted() {
    let house = TestHouse::configured(Engine::Sqlite, |config| config.cover_bid_seconds = 1);
    let door = house.door().clone();
    let steps = || {
        let sql = "SELECT CAST(COUNT(*) AS TEXT) AS said FROM sealed_bid_step".to_owned();
        house.door().read(|db| Ok::<_, Fault>(ask(db, sql))).unwrap().concat()
    };
    runtime()
        .block_on(async { tokio::task::spawn_blocking(move || cover::due(&door, 1)).await })
        .unwrap()
        .unwrap();
    while steps() == "0" {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(steps(), "1");
    assert!((0..100).all(|_| !strikes(0, 10) && strikes(10, 10)));
}
