//! How long a session lives, and how often signing in may be tried.

use super::limits::SignInLimits;
use super::role::Role;
use super::session::COOKIE;
use super::testing::TestHouse;
use crate::on_both_databases;
use crate::platform::config::Config;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{HOUR, MINUTE};
use crate::platform::web::Lang;
use crate::tests::browser::{Browser, Seen, Served};
use bytes::Bytes;
use governor::clock::FakeRelativeClock;
use reqwest::Method;
use std::net::IpAddr;
use std::time::Duration;

on_both_databases! {
    a_session_changes_its_token_every_half_hour_and_ends_after_eight_hours
    whoever_guesses_passwords_is_stopped_by_name_and_by_address
}

fn sign_in(browser: &mut Browser, login: &str, password: &str) -> Seen {
    browser.get("/account/sign-in").expect_status(200);
    browser.post("/account/sign-in", &[("login", login), ("password", password), ("next", "/desk")])
}

/// The session token that an answer gives, if it gives one.
fn token_of(seen: &Seen) -> Option<String> {
    let cookies = seen.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut tokens = cookies.filter_map(|cookie| cookie.strip_prefix(&format!("{COOKIE}=")));
    tokens.next().map(|rest| rest.split(';').next().unwrap().to_owned())
}

/// The page of one's key, asked for with this token by a browser that has nothing else.
fn with_token(served: &Served, token: &str) -> Seen {
    let cookie = format!("{COOKIE}={token}");
    served.visitor().send(Method::GET, "/account/key", &[("cookie", &cookie)], Bytes::new())
}

fn a_session_changes_its_token_every_half_hour_and_ends_after_eight_hours(engine: Engine) {
    let house = TestHouse::new(engine);
    house.member(Role::Bidder, "bidder");
    let begin = house.door().now();
    let served = Served::start(house);
    let mut token = token_of(&sign_in(&mut served.visitor(), "bidder", "correct horse")).unwrap();
    served.house.clock.move_to(begin.plus(30 * MINUTE - 1));
    assert_eq!(token_of(&with_token(&served, &token).expect_status(200)), None, "not yet");
    for hour in 1..8 {
        served.house.clock.move_to(begin.plus(hour * HOUR));
        let fresh = token_of(&with_token(&served, &token).expect_status(200)).expect("a fresh token");
        let old = with_token(&served, &token).expect_status(303);
        assert!(old.location().starts_with("/account/sign-in"), "the old token is worth nothing");
        assert_ne!(fresh, token);
        token = fresh;
    }
    served.house.clock.move_to(begin.plus(8 * HOUR - 1));
    token = token_of(&with_token(&served, &token).expect_status(200)).expect("a fresh token");
    served.house.clock.move_to(begin.plus(8 * HOUR));
    let late = with_token(&served, &token).expect_status(303);
    assert!(
        late.location().starts_with("/account/sign-in"),
        "a fresh token does not make the session longer"
    );
}

fn whoever_guesses_passwords_is_stopped_by_name_and_by_address(engine: Engine) {
    let house = TestHouse::configured(engine, |config| {
        config.sign_in_tries = 3;
        config.sign_in_tries_per_address = 8;
    });
    house.member(Role::Bidder, "bidder");
    let served = Served::start(house);
    let mut browser = served.visitor();
    for _ in 0..3 {
        sign_in(&mut browser, "bidder", "wrong horse").expect_status(422);
    }
    for (login, password) in [("bidder", "wrong horse"), (" Bidder", "correct horse")] {
        let stopped = sign_in(&mut browser, login, password).expect_status(429);
        assert!(stopped.text().contains(&Lang::Chinese.t("account.refusal.too_many_tries")));
        assert_eq!(stopped.field("login").as_deref(), Some(login), "what was typed is still there");
        assert_eq!(token_of(&stopped), None);
    }
    for other in ["one", "two", "three"] {
        sign_in(&mut browser, other, "wrong horse").expect_status(422);
    }
    sign_in(&mut served.visitor(), "four", "wrong horse").expect_status(429);
}

#[test]
fn tries_come_back_with_time_and_what_is_old_is_forgotten() {
    let clock = FakeRelativeClock::default();
    let config = Config { sign_in_tries: 10, sign_in_tries_per_address: 0, ..Config::default() };
    let limits = SignInLimits::with_clock(&config, clock.clone());
    let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
    assert!((0..10).all(|_| limits.admits(from(1), "somebody")));
    assert!(!limits.admits(from(1), "Somebody "));
    assert!(limits.admits(from(2), "somebody"), "another address has tries of its own");
    clock.advance(Duration::from_secs(6));
    assert!(limits.admits(from(1), "somebody") && !limits.admits(from(1), "somebody"));
    let before = 14;
    assert!((before..500).all(|i| limits.admits(from(3), &format!("name{i}"))));
    assert!(limits.remembered() > 480);
    clock.advance(Duration::from_secs(70));
    assert!((500..1000).all(|i| limits.admits(from(4), &format!("name{i}"))));
    assert_eq!(limits.remembered(), 500, "only what was seen in the last minute");
}

#[test]
fn neighbours_in_one_network_share_their_tries_and_nobody_is_counted_where_there_is_no_limit() {
    let config = Config { sign_in_tries: 0, sign_in_tries_per_address: 2, ..Config::default() };
    let limits = SignInLimits::with_clock(&config, FakeRelativeClock::default());
    let six = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    assert!(limits.admits(six("2001:db8:0:1::1"), "a") && limits.admits(six("2001:db8:0:1:ffff::2"), "b"));
    assert!(!limits.admits(six("2001:db8:0:1::3"), "c"));
    assert!(limits.admits(six("2001:db8:0:2::3"), "c"));
    assert!(limits.admits(six("::ffff:192.0.2.1"), "a") && limits.admits(six("192.0.2.1"), "a"));
    assert!(!limits.admits(six("192.0.2.1"), "a"));
    let open = Config { sign_in_tries: 0, sign_in_tries_per_address: 0, ..Config::default() };
    let open = SignInLimits::with_clock(&open, FakeRelativeClock::default());
    assert!((0..1000).all(|_| open.admits(None, "a")));
}
