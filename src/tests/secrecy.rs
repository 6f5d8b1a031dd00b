//! Before the opening: what must stay secret is looked for everywhere. Prices in the database, the files and on every
//! page as every role; bidders and how many they are, in the database and on every page as everybody but themselves.

use super::browser::{Browser, Served};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::app;
use crate::deposit;
use crate::opening::testing::empty_box;
use crate::platform::database::testing::Engine;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealing::context::EnvelopeKind;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use std::path::Path;

/// A price that occurs nowhere else.
const CANARY: &str = "7654321.98";

/// The database as a thief would find it: everything committed, in one file.
fn stolen_copy(house: &TestHouse) -> Vec<u8> {
    let url = house.door().config().database_url.clone();
    let file = url.strip_prefix("sqlite:").unwrap().to_owned();
    let copy = format!("{file}.stolen");
    let _ = std::fs::remove_file(&copy);
    let mut thief = diesel::SqliteConnection::establish(&file).unwrap();
    thief.batch_execute(&format!("VACUUM INTO '{copy}'")).unwrap();
    std::fs::read(copy).unwrap()
}

fn occurrences(bytes: &[u8], needle: &str) -> usize {
    bytes.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count()
}

fn all_files(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            out.extend(all_files(&entry.path()));
        } else {
            out.extend(std::fs::read(entry.path()).unwrap());
            out.extend(entry.path().display().to_string().into_bytes());
        }
    }
    out
}

/// Every page that can be asked for with this tender's number and lot.
fn pages() -> Vec<String> {
    let fill = |path: &str| {
        path.replace("{number}", "TEST-0001")
            .replace("{tender}", "TEST-0001")
            .replace("{lot}", "1")
            .replace("{envelope}", "single")
    };
    // the log grows with everything that happens on the whole platform; live pages never end
    let plain = |path: &String| {
        !path.contains('{')
            && !path.starts_with("/log")
            && !path.ends_with("/live")
            && !path.ends_with("/events")
    };
    app::routes()
        .iter()
        .filter(|route| route.method == "GET")
        .map(|route| fill(route.path))
        .filter(plain)
        .collect()
}

fn read_all(browser: &mut Browser) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for path in pages() {
        let seen = browser.get(&path);
        let mut headers: Vec<String> = seen
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "set-cookie"))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
            .collect();
        headers.sort();
        out.push((path, format!("{} {}\n{}", seen.status, headers.join("\n"), seen.text())));
    }
    out
}

fn pays_and_bids(
    house: &TestHouse,
    treasurer: &Member,
    lot: crate::platform::id::Id<crate::project::rules::Lot>,
    bidders: &[Member],
) {
    for bidder in bidders {
        deposit::testing::paid(house, &treasurer.who, &bidder.who, lot);
        bid(house, bidder, lot, EnvelopeKind::Single, &Offer::priced(CANARY)).unwrap();
    }
}

#[test]
fn before_the_opening_nobody_learns_a_price_a_bidder_or_how_many_they_are() {
    let house = TestHouse::new(Engine::Sqlite);
    let opened = empty_box(&house, &Shape::default());
    let lot = opened.lot;
    let treasurer = deposit::testing::treasury(&house);
    let mut bidders: Vec<Member> =
        (1..=9).map(|i| house.member(Role::Bidder, &format!("secretbidder{i}"))).collect();
    let late = bidders.split_off(3);
    house.at("2026-03-20 10:00:00");
    pays_and_bids(&house, &treasurer, lot, &bidders);
    let few = stolen_copy(&house);

    let served = Served::start(house);
    let staff = [
        (None, None),
        (Some(Role::Agent), Some(&opened.staff.agent)),
        (Some(Role::Entity), Some(&opened.staff.entity)),
        (Some(Role::Supervisor), Some(&opened.staff.supervisor)),
        (Some(Role::Centre), Some(&opened.staff.centre)),
    ];
    let stranger = served.house.member(Role::Bidder, "stranger");
    let expert = served.house.member(Role::Expert, "anexpert");
    let mut browsers: Vec<(Option<Role>, Browser)> = staff
        .iter()
        .map(|(role, member)| {
            (*role, member.map_or_else(|| served.visitor(), |member| served.browser(member)))
        })
        .collect();
    browsers.push((Some(Role::Bidder), served.browser(&stranger)));
    browsers.push((Some(Role::Expert), served.browser(&expert)));
    let before: Vec<_> = browsers.iter_mut().map(|(_, browser)| read_all(browser)).collect();
    pays_and_bids(&served.house, &treasurer, lot, &late);
    // one of them withdraws, and the deposit is due back before the opening
    withdraw(&served.house, &late[5], lot, EnvelopeKind::Single).unwrap();
    let after: Vec<_> = browsers.iter_mut().map(|(_, browser)| read_all(browser)).collect();

    for ((role, _), (before, after)) in browsers.iter().zip(before.iter().zip(&after)) {
        for ((path, three), (_, nine)) in before.iter().zip(after) {
            let differing = three.lines().zip(nine.lines()).find(|(three, nine)| three != nine);
            assert!(three == nine, "{path} as {role:?} tells three bids from nine: {differing:?}");
            for secret in [CANARY, "7,654,321.98", "secretbidder"] {
                assert!(!nine.contains(secret), "{path} as {role:?} tells {secret}");
            }
        }
    }

    // the treasurer may know deposits, but not prices
    let mut desk = served.browser(&treasurer);
    let seen = read_all(&mut desk);
    assert!(seen.iter().all(|(_, text)| !text.contains(CANARY)));
    let refunds = seen.iter().find(|(path, _)| path == "/deposit/treasury/refunds").unwrap();
    assert!(refunds.1.contains("secretbidder9"), "the treasurer sees what is due back");

    let many = stolen_copy(&served.house);
    let files = all_files(Path::new(&served.house.door().config().files));
    assert_eq!(occurrences(&many, CANARY) + occurrences(&files, CANARY), 0, "a price lies in clear");
    let facts = crate::project::testing::facts(&served.house, lot);
    for (what, needle) in [("the lot", lot.to_string()), ("the tender", facts.tender.to_string())] {
        assert_eq!(
            occurrences(&few, &needle),
            occurrences(&many, &needle),
            "rows about {what} count its bids"
        );
    }
    for bidder in &late {
        let who = &bidder.who;
        for needle in [who.organisation.to_string(), who.person.to_string(), who.credit_code.clone()] {
            assert_eq!(
                occurrences(&few, &needle),
                occurrences(&many, &needle),
                "a bid leaves {needle} in the database"
            );
            assert_eq!(occurrences(&files, &needle), 0, "{needle} lies in a file or its name");
        }
    }
}
