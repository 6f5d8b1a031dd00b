use super::{Contents, write};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::deposit::rules::State;
use crate::deposit::store::state_of;
use crate::deposit::testing::{paid, treasury};
use crate::evaluation::testing::{E4, convened, evaluated};
use crate::expert_draw::testing::drawn;
use crate::ledger::store::entries_about;
use crate::on_both_databases;
use crate::opening;
use crate::opening::rules::Outcome;
use crate::opening::testing::{bids_in, bids_in_shape};
use crate::platform::database::testing::Engine;
use crate::platform::moment::DAY;
use crate::platform::refusal::Failure;
use crate::project::testing::{Shape, announced_lot, facts, staff};
use crate::publication::testing as publishing;
use crate::recording::testing::{record_everybody, session};
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::Served;
use crate::verify::container::list;
use crate::verify::findings::Findings;
use crate::verify::{Known, verify};
use tokio::runtime::Runtime;

on_both_databases! {
    what_the_rooms_did_verifies_offline
    the_supervisor_downloads_the_bundle
    nobody_on_the_committee_is_named_before_the_award
    an_opening_verifies_offline
    there_is_no_evidence_before_the_opening
    of_an_incomplete_bidder_nothing_is_opened_and_verify_agrees
}

fn exported(
    house: &TestHouse,
    lot: crate::platform::id::Id<crate::project::rules::Lot>,
) -> Result<Vec<u8>, Failure> {
    let runtime = Runtime::new().unwrap();
    let contents = Contents { ciphertexts: true, media: true };
    write(&house.house, &facts(house, lot), contents, runtime.handle(), Vec::new())
}

fn checked(house: &TestHouse, bundle: Vec<u8>) -> Findings {
    let (key, roots) = (Some(house.door().log_key().clone()), house.authority().roots().to_vec());
    verify(bundle, &Known { key, roots, ..Known::default() })
}

fn what_the_rooms_did_verifies_offline(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let treasurer = treasury(&house);
    house.at("2026-03-10 09:00:00");
    let payers: Vec<Member> = (1..=3).map(|i| house.member(Role::Bidder, &format!("payer{i}"))).collect();
    for payer in &payers {
        paid(&house, &treasurer.who, &payer.who, lot);
    }
    drawn(&house, &staff, lot, 3, 2);
    let committee = convened(&house, &staff, lot, &E4);
    let people: Vec<_> = committee.members.iter().take(2).map(|member| &member.who).collect();
    let sitting = session(&house, lot, &people);
    record_everybody(&house, sitting, &people);
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    committee.score(&house);
    committee.close(&house);
    committee.sign(&house);

    let bundle = exported(&house, lot).unwrap();
    let findings = checked(&house, bundle.clone());
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    // this committee was given a coefficient that nobody drew: the verifier must say exactly that
    let broken: Vec<String> = findings.broken_lines().map(ToString::to_string).collect();
    assert_eq!(broken.len(), 1, "{lines:#?}");
    assert!(broken[0].contains("k is 0.03, but no such draw is in the bundle"), "{broken:#?}");
    for part in [
        "is the key that you trust",
        "signed statements",
        "3 deposits, ",
        "5 seats out of",
        "records, ",
        "announced, ",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with("ok") && line.contains(part)),
            "{part:?} is not in {lines:#?}"
        );
    }
    // nobody who paid is in the bundle
    for payer in &payers {
        for name in [&payer.who.organisation_name, &payer.who.credit_code, &payer.who.person.to_string()] {
            let found = bundle.windows(name.len()).any(|window| window == name.as_bytes());
            assert!(!found, "{name} is in the bundle");
        }
    }
}

fn the_supervisor_downloads_the_bundle(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    evaluated(&house, &staff, lot);
    let number = facts(&house, lot).number.to_string();
    let served = Served::start(house);
    let mut browser = served.browser(&staff.supervisor);
    let page = browser.get(&format!("/open-data/evidence/{number}/1")).expect_status(200);
    assert!(page.text().contains("sunbid verify --key"));
    let file = browser.post(&format!("/open-data/evidence/{number}/1/without-bids"), &[]).expect_status(200);
    let findings = checked(&served.house, file.bytes.to_vec());
    assert!(
        findings
            .lines()
            .iter()
            .any(|line| line.to_string().contains("entries are as")
                || line.to_string().contains("are in the log")),
        "{findings:?}"
    );
    assert_eq!(findings.broken_lines().count(), 1, "{findings:?}");
    let sealed = crate::ledger::Subject::sealed(lot).column(served.house.door().vault());
    let taken = || {
        let rows = served.house.door().read(|db| entries_about(db, std::slice::from_ref(&sealed))).unwrap();
        let kinds = rows.iter().map(|row| served.house.door().opened(row).unwrap().kind);
        kinds.filter(|kind| kind == "project.evidence_taken").count()
    };
    assert_eq!(taken(), 1, "who took it is on record");
    browser.get(&format!("/open-data/evidence/{number}/1/without-bids")).expect_status(404);
    browser.post(&format!("/open-data/evidence/{number}/1/no-such-file"), &[]).expect_status(404);
    assert_eq!(taken(), 1);
    let mut agent = served.browser(&staff.agent);
    agent.post(&format!("/open-data/evidence/{number}/1/without-bids"), &[]).expect_status(403);
}

/// Every text of a bundle's documents, as it stands and as what it says in base64url.
fn texts(bundle: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for member in list(&bundle.to_vec()).unwrap() {
        let from = usize::try_from(member.offset).unwrap();
        let bytes = &bundle[from..from + usize::try_from(member.size).unwrap()];
        out.extend_from_slice(bytes);
        for text in bytes.split(|byte| *byte == b'"') {
            let text = std::str::from_utf8(text).unwrap_or_default();
            out.extend(crate::platform::digest::from_b64u(text.trim_end_matches('\\')).unwrap_or_default());
        }
    }
    out
}

fn nobody_on_the_committee_is_named_before_the_award(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = evaluated(&house, &staff, lot);
    let named = |bundle: &[u8]| {
        let texts = texts(bundle);
        let holds = |name: &str| texts.windows(name.len()).any(|window| window == name.as_bytes());
        let people = committee.members.iter().map(|member| &member.who);
        people.filter(|who| holds(&who.name) || holds(&who.credit_code)).count()
    };
    let signed = |bundle: &[u8]| {
        list(&bundle.to_vec()).unwrap().iter().filter(|m| m.name.starts_with("signed/")).count()
    };
    let early = exported(&house, lot).unwrap();
    assert_eq!((signed(&early), named(&early)), (0, 0));
    let lines: Vec<String> = checked(&house, early).lines().iter().map(ToString::to_string).collect();
    let could_not = |line: &String| line.starts_with("--") && line.contains("withheld until the award");
    assert!(lines.iter().any(could_not), "{lines:#?}");
    house.clock.move_to(house.door().now().plus(DAY));
    publishing::display(&house, &staff, lot).unwrap();
    assert_eq!(named(&exported(&house, lot).unwrap()), 0, "also while the candidates are on display");
    house.clock.move_to(house.door().now().plus(5 * DAY));
    publishing::award(&house, &staff, lot, "b6", None).unwrap();
    let bundle = exported(&house, lot).unwrap();
    assert_eq!((signed(&bundle), named(&bundle)), (21, 7), "seven reviews, sheets and opinions");
    let lines: Vec<String> =
        checked(&house, bundle.clone()).lines().iter().map(ToString::to_string).collect();
    assert!(!lines.iter().any(could_not), "{lines:#?}");
}

fn there_is_no_evidence_before_the_opening(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    assert_eq!(refused(exported(&house, lot)).key, "open_data.refusal.evidence_too_early");
}

/// Two bidders hand in one of two envelopes each: they read why it counts as taken back, nobody opens it, the deposit goes back,
/// and whoever verifies counts the same.
fn of_an_incomplete_bidder_nothing_is_opened_and_verify_agrees(engine: Engine) {
    let house = TestHouse::new(engine);
    let treasurer = treasury(&house);
    let shape = Shape::procurement();
    let filled = bids_in_shape(&house, &shape, &["980000.00", "960000.00", "945000.00"]);
    let halves = [house.member(Role::Bidder, "half1"), house.member(Role::Bidder, "half2")];
    house.at("2026-03-24 11:00:00");
    paid(&house, &treasurer.who, &halves[0].who, filled.lot);
    let technical = bid(&house, &halves[0], filled.lot, EnvelopeKind::Technical, &Offer::technical("孤本"));
    let technical = technical.unwrap();
    bid(&house, &halves[1], filled.lot, EnvelopeKind::Commercial, &Offer::priced("1.00")).unwrap();
    let number = facts(&house, filled.lot).number.to_string();
    let pages = [format!("/sealed-bid/{number}/1"), format!("/sealed-bid/receipt/{}", technical.id)];
    let served = Served::start(house);
    let house = &served.house;
    let read = |sentence: &str| {
        let mut browser = served.browser(&halves[0]);
        for page in &pages {
            let page = browser.get(page).expect_status(200);
            assert!(page.text().contains(sentence), "{sentence}: {}", page.text());
        }
    };
    read("还缺：商务标");

    assert_eq!(filled.close(house), Outcome::Opens);
    read("截止时间之前未递交：商务标");
    for page in ["/sealed-bid", &pages[0]] {
        let page = served.browser(&halves[0]).get(page).expect_status(200).text();
        assert!(page.contains("不齐全，视为撤回") && !page.contains("已递交，有效"), "{page}");
    }
    let first = EnvelopeKind::Technical;
    let bundle = filled.bundle(house, first);
    assert_eq!((bundle.bid_set.bids.len(), bundle.manifests.len()), (3, 3));
    let closing = house.door().read(|db| opening::store::closing(db, filled.lot)).unwrap().unwrap();
    assert_eq!(closing.bidders, 3);
    let deposit =
        house.door().read(|db| state_of(db, house.door().vault(), filled.lot, halves[0].who.organisation));
    assert_eq!(deposit.unwrap().unwrap().state, State::RefundDue);
    filled.release(house, first, &[1, 2]);
    filled.open(house, first, false).unwrap();
    let rows = house.door().read(|db| opening::store::bids(db, filled.lot, first)).unwrap();
    assert!(rows.iter().all(|row| !halves.iter().any(|half| half.who.organisation == row.organisation)));
    assert_eq!(rows.len(), 3);

    let findings = checked(house, exported(house, filled.lot).unwrap());
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    assert_eq!(findings.broken_lines().count(), 0, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("6 count, 2 more are in the log")), "{lines:#?}");
}

/// From sealed bids to the opening, with a replaced and a withdrawn bid: every check that can be made holds.
fn an_opening_verifies_offline(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9800000.00", "9600000.00", "9450000.00", "9300000.00"]);
    let kind = filled.first(&house);
    bid(&house, &filled.bidders[0], filled.lot, kind, &Offer::priced("9700000.00")).unwrap();
    withdraw(&house, &filled.bidders[3], filled.lot, kind).unwrap();
    let opened = filled.opened(&house);

    let bundle = exported(&house, opened.lot).unwrap();
    let findings = checked(&house, bundle.clone());
    let lines: Vec<String> = findings.lines().iter().map(ToString::to_string).collect();
    assert!(findings.all_hold(), "{lines:#?}");
    for part in [
        "the box was closed at",
        "3 count, 2 more are in the log",
        "2 of 3 open together",
        "bid set has the 3 bids",
        "2 trustees signed",
        "boxes of 3 bids were made again",
        "3 were read out, 3 opened again",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with("ok") && line.contains(part)),
            "{part:?} is not in {lines:#?}"
        );
    }
    // a bid byte changed on its way out
    let members = list(&bundle).unwrap();
    let ciphertext = members.iter().find(|member| member.name.ends_with("/ciphertext")).unwrap();
    let mut bad = bundle;
    bad[ciphertext.offset as usize + 5000] ^= 1;
    let broken = checked(&house, bad);
    assert!(
        broken.broken_lines().any(|line| line.words.contains("not the one that was sealed")),
        "{broken:?}"
    );
}
