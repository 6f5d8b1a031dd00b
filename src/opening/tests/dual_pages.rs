//! A day with both locks over HTTP: what the hall shows, and to whom which form.

use super::dual::{dual, locked_bids, signer};
use crate::account::testing::TestHouse;
use crate::on_both_databases;
use crate::open_data::evidence::{self, Contents};
use crate::opening::testing::{BidBox, trust};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::digest::sha256;
use crate::platform::files::Files;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::project::rules::Lot;
use crate::project::store as projects;
use crate::project::testing::Shape;
use crate::sealing::bidder_key::KeyBundle;
use crate::sealing::boxes::BoxKey;
use crate::sealing::key_file::write_box_key;
use crate::sealing::manifest::BidderKeyFile;
use crate::sealing::release::OpeningBundle;
use crate::tests::browser::{Browser, Seen, Served, runtime};
use crate::verify::{Known, verify};

on_both_databases! { a_hall_with_both_locks_takes_keys_first_and_its_evidence_holds }

const HALL: &str = "/opening/TEST-0001/1";

fn give(served: &Served, browser: &mut Browser, key: &[u8], query: &str) -> Seen {
    let bundle = browser.get(&format!("{HALL}/single/key-bundle.json{query}")).expect_status(200);
    let bundle = KeyBundle::read(&bundle.bytes).unwrap();
    let release = bundle.release(key, "the notary's", served.house.door().now()).unwrap();
    browser.get(HALL);
    browser.post(&format!("{HALL}/single/key"), &[("release", &jcs_text(&release))])
}

fn a_hall_with_both_locks_takes_keys_first_and_its_evidence_holds(engine: Engine) {
    let house = TestHouse::new(engine);
    let holder = BoxKey::random();
    let shape = Shape { deposit: Fen(0), ..dual() };
    let prices = ["9500000.00", "9300000.00", "9800000.50", "9700000.00"];
    let (filled, files): (_, Vec<BidderKeyFile>) = locked_bids(&house, &shape, &prices, (1, Some(&holder)));
    let served = Served::start(house);
    served.house.at("2026-03-25 09:30:00");
    let (mut public, mut agent) = (served.visitor(), served.browser(&filled.staff.agent));
    agent.get(HALL);
    agent.post(&format!("{HALL}/closing"), &[]).expect_status(303);
    let waiting = public.get(HALL).expect_status(200).text();
    assert!(waiting.contains("4 份投标文件中，0 份的投标人已交出密钥"), "{waiting}");
    assert!(!waiting.contains("data-bidder-key"), "the public has no key to give");
    // the first trustee is early: no form, no bundle, and no share is taken
    let mut trustee = served.browser(filled.trustee(1));
    assert!(!trustee.get(HALL).text().contains("data-release=\""));
    let early = trustee.get(&format!("{HALL}/single/bundle.json"));
    assert!(early.status == 409 && early.text().contains("投标人解密在先"), "{}", early.text());
    // one bidder comes, a notary comes for another, a third gives its file by the command line's way
    let mut first = served.browser(&filled.bidders[0]);
    assert!(first.get(HALL).text().contains("data-bidder-key"));
    give(&served, &mut first, jcs_text(&files[0]).as_bytes(), "").expect_status(303);
    let mut notary = served.browser(&filled.staff.centre);
    let query = format!("?hpke={}", crate::platform::digest::b64u(&holder.public()));
    give(&served, &mut notary, &write_box_key(&holder, "the notary's").unwrap(), &query).expect_status(303);
    let mut third = served.browser(&filled.bidders[2]);
    let bundle = third.get(&format!("{HALL}/single/key-bundle.json")).expect_status(200).bytes;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let release = at("release.json");
    let now = served.house.door().now();
    let key = jcs_text(&files[2]);
    let signer = signer(&filled.bidders[2]);
    crate::sealing::command::release_bidder_key(&bundle, (key.as_bytes(), ""), Some(&signer), now, &release)
        .unwrap();
    third.get(HALL);
    let release = std::fs::read(release).unwrap();
    third.post_file(&format!("{HALL}/single/key-file"), "release.json", &release).expect_status(303);
    // the fourth has another bidder's file: its own bundle does not know it
    let mut fourth = served.browser(&filled.bidders[3]);
    let own = fourth.get(&format!("{HALL}/single/key-bundle.json")).expect_status(200).bytes;
    let own = KeyBundle::read(&own).unwrap();
    assert!(own.release(jcs_text(&files[0]).as_bytes(), "", now).is_err());
    let shown = public.get(HALL).text();
    assert!(shown.contains("4 份投标文件中，3 份") && shown.contains("（由第二持有人解密）"), "{shown}");
    // half an hour is over, to the instant
    served.house.at("2026-03-25 10:00:00");
    fourth.get(HALL);
    let text = jcs_text(&own.release(jcs_text(&files[3]).as_bytes(), "", now).unwrap());
    let late = fourth.post(&format!("{HALL}/single/key"), &[("release", &text)]);
    assert!(late.status == 422 && late.text().contains("投标人解密时间已于"), "{}", late.text());
    the_agent_says_why(&served, &filled, (&mut agent, &mut fourth, &mut first), &files[3]);
    for i in [1u8, 2] {
        let mut trustee = served.browser(filled.trustee(i));
        assert!(trustee.get(HALL).text().contains("data-release=\"TEST-0001\""));
        let bundle = trustee.get(&format!("{HALL}/single/bundle.json")).expect_status(200).bytes;
        let (bundle, now) = (OpeningBundle::read(&bundle).unwrap(), served.house.door().now());
        let release = bundle.release(&filled.key(i), &trust(&served.house), now);
        let text = jcs_text(&release.unwrap());
        trustee.get(HALL);
        trustee.post(&format!("{HALL}/single/release"), &[("release", &text)]).expect_status(303);
    }
    agent.get(HALL);
    agent.post(&format!("{HALL}/single/open"), &[]).expect_status(303);
    let after = public.get(HALL).expect_status(200).text();
    assert!(["9,500,000.00", "9,300,000.00", "9,800,000.50"].iter().all(|price| after.contains(price)));
    assert!(!after.contains("9,700,000.00") && after.contains("投标人没有提交自己的密钥。"), "{after}");
    agent.sign(&filled.staff.agent, HALL, &format!("{HALL}/single/publication"), &[]).expect_status(303);
    its_evidence_holds(&served, filled.lot);
}

const PAPER: &[u8] = b"%PDF-1.4 power was cut from 09:20 to 10:05";

/// It was not the fourth bidder's fault, and a paper shows it: to those whom it concerns.
fn the_agent_says_why(
    served: &Served,
    filled: &BidBox,
    (agent, fourth, first): (&mut Browser, &mut Browser, &mut Browser),
    file: &BidderKeyFile,
) {
    let m = file.m.to_string();
    let (excuse, paper) = (format!("{HALL}/single/excuse"), format!("{HALL}/single/excuse/{m}"));
    let said = [("m", &*m), ("words", "当地停电")];
    agent.get(HALL);
    let page = agent.post_with_file(&excuse, &said, "停电.html", b"<html><script>1</script></html>");
    assert!(page.status == 422 && page.text().contains("证明材料只接受"), "{} {}", page.status, page.text());
    agent.get(HALL);
    let none = agent.post_with_file(&excuse, &[("m", &*m)], "停电.pdf", PAPER);
    assert_eq!(none.status, 422, "no reason without words");
    agent.get(paper.as_str()).expect_status(404);
    agent.get(HALL);
    agent.post_with_file(&excuse, &said, "停电.pdf", PAPER).expect_status(303);
    let link = format!("href=\"{paper}\"");
    let mut supervisor = served.browser(&filled.staff.supervisor);
    for reader in [agent, fourth, &mut supervisor] {
        assert!(reader.get(HALL).expect_status(200).text().contains(&link));
        assert_eq!(reader.get(paper.as_str()).expect_status(200).bytes, PAPER);
    }
    for other in [first, &mut served.visitor()] {
        let hall = other.get(HALL).expect_status(200).text();
        assert!(hall.contains("当地停电") && !hall.contains(&link), "everybody reads why, and not the paper");
        assert_ne!(other.get(paper.as_str()).status, 200);
    }
}

/// A stranger sees from the evidence that the bidders came before the trustees, and who did not come.
fn its_evidence_holds(served: &Served, lot: Id<Lot>) {
    let facts = served.house.door().read(|db| projects::known_lot(db, lot)).unwrap();
    let contents = Contents { ciphertexts: true, media: false };
    let bundle =
        evidence::write(&served.house.house, &facts, contents, runtime().handle(), Vec::new()).unwrap();
    let findings = verify(bundle, &Known::default());
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    assert!(findings.all_hold(), "{lines:#?}");
    let said = "single: 3 bidders released their keys before the first trustee, 1 did not come";
    assert!(lines.iter().any(|line| line.starts_with("ok   bidders") && line.contains(said)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("3 were read out, 3 opened again")), "{lines:#?}");

    // a paper that is lost is missed, and hides nothing else
    let files = std::path::PathBuf::from(&served.house.door().config().files);
    let lost = files.join(Files::place_of(&hex::encode(sha256(&[PAPER]))));
    std::fs::remove_file(lost).unwrap();
    let bundle =
        evidence::write(&served.house.house, &facts, contents, runtime().handle(), Vec::new()).unwrap();
    let broken: Vec<String> =
        verify(bundle, &Known::default()).broken_lines().map(ToString::to_string).collect();
    assert!(broken.len() == 1 && broken[0].contains("which shows why its key did not come"), "{broken:#?}");
}
