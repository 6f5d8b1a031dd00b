//! Four of five trustees, and two reports that a box does not open: its bidder may have spoilt the boxes, or both trustees lie.
//! Nobody can tell, and hall, record, pages, evaluation and verifier say just that.

use super::hostile_bids::publish;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::evaluation::intake;
use crate::on_both_databases;
use crate::open_data::evidence::{self, Contents};
use crate::opening::rules::{Blame, Cause};
use crate::opening::store;
use crate::opening::testing::{BidBox, bids_in_shape};
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::database::testing::Engine;
use crate::platform::money::Fen;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::testing::{Offer, bid_spoilt};
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::release::Release;
use crate::tests::browser::{Served, runtime};
use crate::verify::bundle::{self, About, Part};
use crate::verify::{Known, container, verify};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

on_both_databases! {
    two_boxes_that_two_of_five_can_not_open_are_held_against_nobody
}

const HALL: &str = "/opening/TEST-0001/1";
const SAID: &str = r#""not_opened":{"blame":"unsettled","cause":"shares_missing"}"#;

/// Three honest bids, and one of which these boxes are spoilt.
fn four_bids(house: &TestHouse, spoilt: &[usize]) -> (BidBox, [u8; 32]) {
    let floats = Some(vec![Decimal::from(3)]);
    let shape = Shape { custody: (4, 5), deposit: Fen(0), floats, ..Shape::default() };
    let filled = bids_in_shape(house, &shape, &["4800000.00", "4900000.00", "4700000.00"]);
    let member = house.member(Role::Bidder, "doubtful");
    let kept = bid_spoilt(house, &member, filled.lot, Single, &Offer::priced("4444444.44"), |sealed, _| {
        spoilt.iter().for_each(|at| sealed.manifest.lock.boxes[*at].0[80] ^= 1);
    });
    filled.close(house);
    (filled, kept.unwrap().manifest().unwrap().id())
}

/// The release of a trustee who says of this bid, against the truth, that its box does not open.
fn denying(house: &TestHouse, filled: &BidBox, m: [u8; 32], i: u8) -> Release {
    let mut release = filled.made_believing(house, Single, i);
    let line = release.shares.iter_mut().find(|line| line.m.0 == m).unwrap();
    assert!(line.sealed.take().is_some(), "the box opens");
    release.sig = filled.key(i).sign.sign(&release.message()).unwrap();
    release
}

/// Opens, and says what the record says; what became of the bids is checked on the way.
fn opened(house: &TestHouse, filled: &BidBox, doubtful: [u8; 32]) -> String {
    filled.open(house, Single, false).unwrap();
    let rows = house.door().read(|db| store::bids(db, filled.lot, Single)).unwrap();
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let shut = row.not_opened.as_ref().map(|why| (why.blame, &why.cause));
        let in_doubt = row.m.0 == doubtful;
        assert_eq!(shut, in_doubt.then_some((Blame::Unsettled, &Cause::SharesMissing)));
        assert_eq!(row.document.is_none(), in_doubt);
        assert!(row.liars.is_empty(), "nobody is named");
    }
    let facts = facts(house, filled.lot);
    let vault = house.door().vault().clone();
    let bids = house.door().read(|db| intake::opened(db, &vault, &facts)).unwrap().bids;
    assert_eq!(bids.iter().filter(|bid| bid.no_price.is_none()).count(), 3, "the others are evaluated");
    assert_eq!(bids.len(), 3);
    publish(house, filled, Single)
}

/// The evidence as a file.
fn bundle_of(house: &TestHouse, filled: &BidBox) -> Vec<u8> {
    let contents = Contents { ciphertexts: true, media: false };
    evidence::write(&house.house, &facts(house, filled.lot), contents, runtime().handle(), Vec::new())
        .unwrap()
}

/// The same evidence with another opening record.
fn with_record(bytes: &[u8], change: impl Fn(&mut Value)) -> Vec<u8> {
    let archive = bytes.to_vec();
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let mut about = None;
    for member in container::list(&archive).unwrap() {
        let mut content = Vec::new();
        container::open(&archive, &member).read_to_end(&mut content).unwrap();
        if member.name == bundle::CONTENTS {
            about = Some(from_jcs::<bundle::Contents>(&content).unwrap());
            continue;
        }
        if member.name == "opening/single/record.json" {
            let mut record: Value = serde_json::from_slice(&content).unwrap();
            change(&mut record);
            content = jcs(&record);
        }
        let part = if member.name.ends_with("/ciphertext") {
            Part::Large(Box::new(move || Ok(Box::new(Cursor::new(content.clone())))))
        } else {
            Part::Document(content)
        };
        parts.insert(member.name, part);
    }
    let bundle::Contents { id, key, lot, made, origin, tender, .. } = about.unwrap();
    bundle::write(Vec::new(), &About { origin, key, tender, lot, id, made }, &parts).unwrap()
}

/// What a stranger says of it, line by line.
fn judged(house: &TestHouse, bytes: Vec<u8>) -> Vec<String> {
    let (key, roots) = (Some(house.door().log_key().clone()), house.authority().roots().to_vec());
    let findings = verify(bytes, &Known { key, roots, ..Known::default() });
    findings.lines().iter().map(ToString::to_string).collect()
}

fn a_stranger_agrees(house: &TestHouse, filled: &BidBox) {
    let bytes = bundle_of(house, filled);
    let lines = judged(house, bytes.clone());
    assert!(!lines.iter().any(|line| line.starts_with("FAIL")), "{lines:#?}");
    let doubt = |line: &&String| {
        line.starts_with("--   unsettled")
            && line.contains("trustees 1, 2")
            && line.contains("nobody can tell whether its bidder or trustees are at fault")
    };
    assert_eq!(lines.iter().filter(doubt).count(), 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("3 were read out, 3 opened again")), "{lines:#?}");
    let blame_lines = |version: &str, blame: &str, cause: &str| {
        let altered = with_record(&bytes, |record| {
            record["typ"] = json!(format!("sunbid/opening-record/{version}"));
            let lines = record["read_out"].as_array_mut().unwrap();
            let shut = lines.iter_mut().find(|line| !line["not_opened"].is_null()).unwrap();
            shut["not_opened"] = json!({ "blame": blame, "cause": cause });
        });
        let lines = judged(house, altered).into_iter();
        lines.filter(|line| line.contains(" blame ")).collect::<Vec<String>>()
    };
    assert!(blame_lines("v2", "unsettled", "shares_missing").is_empty());
    for (blame, cause) in [
        ("trustees", "shares_missing"),
        ("bidder", "shares_missing"),
        ("bidder", "shares_do_not_fit"),
        ("platform", "shares_missing"),
        ("outside", "shares_missing"),
        ("unsettled", "shares_do_not_fit"),
    ] {
        let named = blame_lines("v2", blame, cause);
        assert!(named.len() == 1 && named[0].starts_with("FAIL"), "{blame} {cause}: {named:?}");
    }
    // a record from before there was this word said trustees; a reader is told what that is worth
    let old = blame_lines("v1", "trustees", "shares_missing");
    assert!(old.len() == 1 && !old[0].starts_with("FAIL") && old[0].contains("version 1"), "{old:?}");
    assert!(blame_lines("v1", "unsettled", "shares_missing").iter().any(|line| line.starts_with("FAIL")));
}

fn two_boxes_that_two_of_five_can_not_open_are_held_against_nobody(engine: Engine) {
    // the bidder cheats, and every trustee tells the truth
    let house = TestHouse::new(engine);
    let (filled, doubtful) = four_bids(&house, &[0, 1]);
    filled.release(&house, Single, &[1, 2, 3, 4, 5]);
    assert_eq!(opened(&house, &filled, doubtful).matches(SAID).count(), 1);
    a_stranger_agrees(&house, &filled);
    let served = Served::start(house);
    let mut public = served.visitor();
    for page in ["", "/single/record", "/screen?envelope=single&bid=4", "/replay?step=999"] {
        let text = public.get(&format!("{HALL}{page}")).expect_status(200).text();
        assert!(text.contains("无法判定是投标人还是保管人的原因"), "{page}: {text}");
        assert!(!text.contains("非投标人原因") && !text.contains("属投标人原因"), "{page}: {text}");
    }

    // the bidder is honest, and two trustees lie: nobody sees a difference
    let house = TestHouse::new(engine);
    let (filled, doubtful) = four_bids(&house, &[]);
    for i in [1, 2] {
        filled.hand_in(&house, Single, &denying(&house, &filled, doubtful, i)).unwrap();
    }
    filled.release(&house, Single, &[3, 4, 5]);
    assert_eq!(opened(&house, &filled, doubtful).matches(SAID).count(), 1);
    a_stranger_agrees(&house, &filled);
}
