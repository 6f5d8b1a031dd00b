//! Upload clients that others wrote, as they come: tuspy from PyPI and tus-js-client from npm bring real sealed bids through a
//! cable that breaks, and what they brought is submitted.

use super::browser::Served;
use super::cable::Cable;
use super::crash::{sealed_by, submitted};
use crate::account::testing::TestHouse;
use crate::opening::testing::empty_box;
use crate::platform::database::testing::Engine;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::Offer;
use std::path::{Path, PathBuf};
use std::process::Command;

fn at_home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Has `client` bring one bid for each chunk size, through a cable that breaks three times for each.
fn brings_bids(chunks: &[&str], client: impl Fn() -> Command) {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = empty_box(&house, &Shape::default());
    house.at("2026-03-20 10:00:00");
    let folder = tempfile::tempdir().unwrap();
    let mut offer = Offer::priced("9500000.00");
    offer.files.push(("图纸.bin".into(), vec![7; 9_000_000]));
    let bidders: Vec<_> =
        (0..chunks.len()).map(|i| sealed_by(&house, filled.lot, &format!("bidder{i}"), &offer)).collect();
    let served = Served::start(house);
    for (bidder, chunk) in bidders.iter().zip(chunks) {
        let file = folder.path().join("bid.sealed");
        std::fs::write(&file, &bidder.ciphertext).unwrap();
        let mut browser = served.browser(&bidder.member);
        let cable =
            Cable::to(served.base.strip_prefix("http://").unwrap(), &[1_000_000, 4_500_000, 8_000_000]);
        let run = client()
            .arg(format!("http://{}/sealed-bid/upload", cable.address))
            .arg(&file)
            .arg(chunk)
            .env("UPLOAD_COOKIE", browser.cookie_header())
            .env("UPLOAD_TOKEN", &browser.csrf)
            .output()
            .expect("the client runs");
        let (told, wrong) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "chunks of {chunk}: {told}{wrong}");
        assert_eq!(cable.breaks_left(), 0, "the cable broke three times");
        let place = told.trim();
        let upload = place.find("/sealed-bid/upload/").map(|at| &place[at..]).expect("an address");
        let proof = submitted(&mut browser, bidder, upload);
        assert!(proof.is_some(), "the bid that came in chunks of {chunk} is taken");
    }
}

#[test]
fn tuspy_brings_a_bid_through_a_breaking_cable_in_chunks_of_any_size() {
    let made = at_home(".venv/bin/python");
    let usual = if made.exists() { made.display().to_string() } else { "python3".to_owned() };
    let python = std::env::var("SUNBID_PYTHON").unwrap_or(usual);
    brings_bids(&["300000", "1048576", "5000000", "100000000"], || {
        let mut command = Command::new(&python);
        command.arg("-B").arg(at_home("tests/foreign/upload_tuspy.py"));
        command
    });
}

#[test]
fn tus_js_client_brings_a_bid_through_a_breaking_cable_in_chunks_of_any_size() {
    brings_bids(&["300000", "1048576", "5000000", "Infinity"], || {
        let mut command = Command::new("node");
        command.arg(at_home("browser/e2e/upload_tus_js.mjs"));
        command
    });
}
