//! Every route as every role and as nobody: exactly those whom the table admits get in.

use super::browser::Served;
use crate::account::role::Role;
use crate::account::route::Access;
use crate::account::testing::TestHouse;
use crate::app;
use crate::platform::database::testing::Engine;
use crate::platform::web::Lang;
use bytes::Bytes;
use reqwest::Method;

/// The path with something harmless in every `{place}`.
fn example(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (_, behind) = after.split_once('}').unwrap();
        out.push_str(before);
        out.push('1');
        rest = behind;
    }
    out + rest
}

#[test]
fn every_route_admits_exactly_whom_the_table_says() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    let mut browsers = vec![(None, served.visitor())];
    for role in Role::ALL {
        let member = served.house.member(role, &format!("a-{}", role.code()));
        browsers.push((Some(role), served.browser(&member)));
    }
    let forbidden = Lang::Chinese.t("account.refusal.role");
    let mut wrong = Vec::new();
    for route in app::routes() {
        // signing out ends the session that the walk needs; it has a test of its own
        if route.path == "/account/sign-out" {
            continue;
        }
        for (role, browser) in &mut browsers {
            let method = Method::from_bytes(route.method.as_bytes()).unwrap();
            let body = format!("csrf={}", browser.csrf);
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let seen = browser.send(method.clone(), &example(route.path), &form, Bytes::from(body));
            // an answer to HEAD has no sentence in it
            let says_so = method == Method::HEAD || seen.text().contains(&forbidden);
            let turned_away = (seen.status == 403 && says_so)
                || (seen.status == 303 && seen.location().starts_with("/account/sign-in"));
            if turned_away == route.access.admits(*role) {
                wrong.push(format!("{} {} as {role:?}: {}", route.method, route.path, seen.status));
            }
            assert!(seen.status != 500, "{} {} as {role:?} broke", route.method, route.path);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_routes_answer_the_same_request() {
    let mut rows: Vec<String> =
        app::routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let all = rows.len();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), all);
    assert!(app::routes().iter().all(|route| route.access != Access::Roles(&[])));
}

#[test]
fn signing_out_ends_the_session_everywhere() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    let member = served.house.member(Role::Agent, "agent");
    let mut browser = served.browser(&member);
    browser.get("/account/key").expect_status(200);
    let token = browser.csrf.clone();
    assert_eq!(browser.post("/account/sign-out", &[]).status, 303);
    let mut thief = served.visitor();
    thief.csrf = token;
    assert!(browser.get("/account/key").location().starts_with("/account/sign-in"));
    assert_eq!(thief.post("/account/sign-out", &[]).status, 403, "a form without its own token is refused");
}

#[test]
fn every_page_carries_a_strict_content_security_policy() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    let seen = served.visitor().get("/account/sign-in").expect_status(200);
    let policy = seen.headers.get("content-security-policy").unwrap().to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    assert!(
        !seen.text().contains("<script>")
            && !seen.text().contains("style=\"")
            && !seen.text().contains("onclick")
    );
}

#[test]
fn a_request_from_another_site_is_refused() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    let member = served.house.member(Role::Agent, "agent");
    let mut browser = served.browser(&member);
    let body = Bytes::from(format!("csrf={}", browser.csrf));
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), header];
        assert_eq!(browser.send(Method::POST, "/account/sign-out", &headers, body.clone()).status, 403);
    }
    browser.get("/account/key").expect_status(200);
}

#[test]
fn the_log_is_served_as_tiles_and_anybody_can_check_it() {
    use crate::ledger::{checkpoint::Checkpoint, note::Note, tiles, tree};
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    for number in 0..3 {
        served.house.member(Role::Bidder, &format!("bidder{number}"));
    }
    let mut visitor = served.visitor();
    let note = Note::parse(&visitor.get("/log/checkpoint").expect_status(200).bytes).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(note.verify(&[served.house.door().log_key().clone()]).unwrap().len(), 1);
    let size = checkpoint.size;
    let tile = visitor.get(&format!("/log/tile/0/000.p/{size}")).expect_status(200).bytes;
    let bundle = visitor.get(&format!("/log/tile/entries/000.p/{size}")).expect_status(200).bytes;
    let leaves: Vec<u8> =
        tiles::parse_bundle(&bundle).unwrap().iter().flat_map(|leaf| tree::leaf_hash(leaf)).collect();
    assert_eq!(leaves, tile);
    assert_eq!(visitor.get(&format!("/log/tile/0/000.p/{}", size + 1)).status, 404);
    visitor.get("/log").expect_status(200);
}
