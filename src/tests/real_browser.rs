//! Walks in a real Chromium (`browser/walk/`): what people's scripts do in people's browsers, against a house of our
//! own. The walk asks for what no page can do, such as moving the clock; this side answers.

use super::browser::Served;
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::platform::database::testing::Engine;
use crate::platform::web::assets;
use crate::project::testing::{announced_lot, staff};
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealing::context::EnvelopeKind;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Runs `browser/walk/<script>` against `served`; `answer` answers its questions.
pub fn walk(script: &str, served: &Served, mut answer: impl FnMut(&str) -> String) {
    assert!(assets::hash("page.js").is_some(), "browser/dist was not built before the tests: run bin/assets");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/walk/");
    let mut child = Command::new("node")
        .arg(format!("{path}{script}"))
        .arg(&served.base)
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
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    house.member(Role::Bidder, "bidder");
    let others = [house.member(Role::Bidder, "other1"), house.member(Role::Bidder, "other2")];
    let served = Served::start(house);
    walk("opening.mjs", &served, |question| {
        let house = &served.house;
        match question.split_once(' ').unwrap_or((question, "")) {
            ("at", time) => house.at(time),
            ("others", _) => {
                for (member, price) in others.iter().zip(["9500000.00", "9600000.00"]) {
                    bid(house, member, lot, EnvelopeKind::Single, &Offer::priced(price)).unwrap();
                }
            }
            ("bid-page", _) => return "/sealed-bid/TEST-0001/1/single".into(),
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
}
