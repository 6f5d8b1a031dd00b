//! Walks in a real Chromium (`browser/walk/`): what people's scripts do in people's browsers, against a house of our
//! own. The walk asks for what no page can do, such as moving the clock; this side answers. The pictures of the manual
//! (`docs/manual/`) come from here: they are written to `SUNBID_PICTURES`, or to `target/manual`.

use super::browser::Served;
use super::running::Running;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::announcement::testing::published_by;
use crate::demo::cast::Cast;
use crate::demo::story::{self, Story, Until};
use crate::deposit;
use crate::expert_draw;
use crate::ledger::note::{SignerKey, WitnessKey};
use crate::opening::rules::Outcome;
use crate::opening::testing::{bids_in, empty_box};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, HOUR, Moment};
use crate::platform::web::assets;
use crate::project::place::Category;
use crate::project::terms::{CommitteePlan, DualLock};
use crate::project::testing::Shape;
use crate::recording;
use crate::sealed_bid::testing::{Offer, bid, bid_dual};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::key_file::write_box_key;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Runs `browser/walk/<script>` against `served`; `answer` answers its questions.
pub fn walk(script: &str, served: &Served, answer: impl FnMut(&str) -> String) {
    walk_at(script, &served.base, answer);
}

/// Runs it against whatever answers at `base`.
pub fn walk_at(script: &str, base: &str, mut answer: impl FnMut(&str) -> String) {
    assert!(assets::hash("page.js").is_some(), "browser/dist was not built before the tests: run bin/assets");
    let house = env!("CARGO_MANIFEST_DIR");
    let pictures = std::env::var("SUNBID_PICTURES").unwrap_or_else(|_| format!("{house}/target/manual"));
    let mut child = Command::new("node")
        .arg(format!("{house}/browser/walk/{script}"))
        .arg(base)
        .env("SUNBID_PICTURES", pictures)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("node runs: apt-get install nodejs");
    let mut to = child.stdin.take().unwrap();
    let mut walked = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        walked |= line == "walked";
        if let Some(question) = line.strip_prefix("ask ") {
            writeln!(to, "{}", answer(question)).unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(walked && status.success(), "the walk {script} ended with {status}");
}

#[test]
fn a_bid_is_sealed_and_opened_in_real_browsers() {
    let house = TestHouse::new(Engine::Sqlite);
    let cast = Cast::hire(&house);
    let lot = published_by(&house, &cast.staff, &Shape::default());
    let served = Served::start(house);
    let folder = tempfile::tempdir().unwrap();
    walk("opening.mjs", &served, |question| {
        let house = &served.house;
        match question.split_once(' ').unwrap_or((question, "")) {
            ("at", time) => house.at(time),
            ("stranger", _) => {
                let stranger = SignerKey::generate(&house.door().config().origin).unwrap();
                return format!("log {}", stranger.verifier());
            }
            ("policy", _) => return witnessed(house),
            ("roots", _) => return root_files(house, folder.path()),
            ("others", _) => {
                for (member, price) in cast.bidders.iter().skip(1).zip(["9500000.00", "9600000.00"]) {
                    bid(house, member, lot, EnvelopeKind::Single, &Offer::priced(price)).unwrap();
                }
            }
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
}

/// A policy of this house's log with two witnesses, one of whom is enough; its lines with "; " between them.
fn witnessed(house: &TestHouse) -> String {
    let witness = |name| WitnessKey::generate(name).unwrap().verifier().to_string();
    let (notary, court) = (witness("witness.example/w"), witness("court.example/w"));
    let log = house.door().log_key();
    format!(
        "log {log}; witness notary {notary}; witness court {court}; group outside any notary court; quorum outside"
    )
}

/// Files with the root of this house's authority (DER) and with a stranger's (PEM), with a space between their names.
fn root_files(house: &TestHouse, folder: &std::path::Path) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let stranger = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let [own, other] = ["own.cer", "other.pem"].map(|name| folder.join(name));
    std::fs::write(&own, &house.authority().roots()[0]).unwrap();
    std::fs::write(&other, stranger.pem()).unwrap();
    format!("{} {}", own.display(), other.display())
}

#[test]
fn a_bid_with_two_locks_is_sealed_and_its_key_is_given_in_real_browsers() {
    let house = TestHouse::new(Engine::Sqlite);
    let shape = Shape { dual: Some(DualLock { minutes: 30 }), ..Shape::default() };
    let filled = empty_box(&house, &shape);
    let members = ["bidder", "bidder2", "bidder3"].map(|login| house.member(Role::Bidder, login));
    let served = Served::start(house);
    let (folder, holder) = (tempfile::tempdir().unwrap(), BoxKey::random());
    let (house, kind) = (&served.house, EnvelopeKind::Single);
    walk("dual.mjs", &served, |question| {
        match question.split_once(' ').unwrap_or((question, "")) {
            ("at", time) => house.at(time),
            ("others", _) => {
                for (member, second) in [(&members[1], Some(holder.public())), (&members[2], None)] {
                    let offer = Offer::priced("9500000.00");
                    bid_dual(house, member, filled.lot, kind, (&offer, second.as_ref()));
                }
                let file = folder.path().join("holder.p8");
                std::fs::write(&file, write_box_key(&holder, "the notary's").unwrap()).unwrap();
                return file.display().to_string();
            }
            ("close", _) => drop(filled.close(house)),
            ("open", _) => {
                // the bidder's browser signed what it gave; the second holder's gives it in nobody's name
                let keys = house.door().read(|db| crate::opening::store::keys(db, filled.lot, kind)).unwrap();
                assert_eq!(keys.len(), 2);
                let of = |second: bool| &keys.iter().find(|key| key.second == second).unwrap().release;
                let signed = of(false).signature.as_ref().expect("signed by the bidder's browser");
                signed.verify(&of(false).message()).unwrap();
                assert!(of(true).signature.is_none());
                filled.release(house, kind, &[1, 2]);
                filled.open(house, kind, false).unwrap();
            }
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
}

#[test]
fn the_hall_is_watched_reloaded_listened_to_shown_on_the_wall_and_replayed_in_real_browsers() {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = bids_in(&house, &["9500000.00", "9300000.00", "9800000.50"]);
    let served = Served::start(house);
    walk("hall.mjs", &served, |question| {
        let house = &served.house;
        match question.split_once(' ').unwrap_or((question, "")) {
            ("at", time) => house.at(time),
            ("close", _) => assert_ne!(filled.close(house), Outcome::TooFew),
            ("release", trustee) => filled.release(house, EnvelopeKind::Single, &[trustee.parse().unwrap()]),
            ("open", _) => filled.open(house, EnvelopeKind::Single, false).unwrap(),
            ("publish", _) => {
                let hall = "/opening/TEST-0001/1";
                let mut agent = served.browser(&filled.staff.agent);
                let publication = format!("{hall}/single/publication");
                agent.sign(&filled.staff.agent, hall, &publication, &[]).expect_status(303);
            }
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
}

/// A tender whose bids were opened two hours ago, and whose five experts were called and have not answered.
fn experts_called(house: &TestHouse, cast: &Cast) -> Vec<String> {
    deposit::testing::open_account(house, &cast.treasurer);
    story::fill_pool(house, cast);
    let story = Story {
        number: "BH-2026-0017",
        title: "滨海路跨河桥维修工程",
        category: Category::Municipal,
        start: Moment::parse("2026-03-03T09:00:00+08:00").unwrap(),
        prices: &story::E4[2..6],
        committee: CommitteePlan { size: 5, experts: 5 },
        until: Until::BidsIn,
    };
    let bids = story::tell(house, cast, &story).unwrap();
    house.at("2026-03-25 15:00:00");
    expert_draw::testing::drawn_from_pool(house, &cast.staff, bids.lot, 3, 2);
    assert_ne!(story::open(house, cast, &bids), Outcome::TooFew);
    house.clock.move_to(house.door().now().plus(2 * HOUR));
    let vault = house.door().vault().clone();
    let members = house.door().read(|db| expert_draw::actions::members(db, &vault, bids.lot)).unwrap();
    let login = |member: &expert_draw::actions::Member| {
        let of = |expert: &&crate::account::testing::Member| Some(expert.who.person) == member.person;
        cast.experts.iter().find(of).unwrap().who.login.clone()
    };
    members.iter().map(login).collect()
}

#[test]
fn an_evaluation_is_recorded_scored_published_watched_and_read_in_real_browsers() {
    let house = TestHouse::new(Engine::Sqlite);
    let cast = Cast::hire(&house);
    let experts = experts_called(&house, &cast);
    let served = Served::start(house);
    let clock = served.house.clock.clone();
    let mut running = Some(Running::start(clock.clone()));
    walk("evaluation.mjs", &served, |question| {
        match question.split_once(' ').unwrap_or((question, "")) {
            ("experts", _) => return experts.join(" "),
            ("days", days) => {
                drop(running.take());
                clock.move_to(clock.now().plus(days.parse::<i64>().unwrap() * DAY));
                running = Some(Running::start(clock.clone()));
            }
            ("recording-job", _) => recording::jobs::run(&served.house.house).unwrap(),
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
}
