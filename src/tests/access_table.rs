//! Every route as every role and as nobody, at real addresses of a centre in which a tender stands in every phase: exactly
//! those whom the table admits get in, what is linked can be read, nothing breaks, and whoever is turned away has changed
//! nothing.

use super::browser::{Browser, Seen, Served};
use super::centre::{Centre, Found, walked};
use crate::account::role::Role;
use crate::account::route::{Access, Route};
use crate::account::testing::TestHouse;
use crate::app;
use crate::on_both_databases;
use crate::platform::database::testing::{Engine, everything};
use crate::platform::web::Lang;
use bytes::Bytes;
use reqwest::Method;
use std::collections::BTreeSet;

on_both_databases! {
    every_route_admits_exactly_whom_the_table_says_and_does_its_work
    signing_out_ends_the_session_everywhere
    every_page_carries_a_strict_content_security_policy
    a_request_from_another_site_is_refused
    the_log_is_served_as_tiles_and_anybody_can_check_it
}

/// Pages that no walk along links can read, and why.
const NEVER_READ: [(&str, &str); 4] = [
    ("/log/witnessed", "this log has no witnesses; `witnessed` asks one that has"),
    (
        "/opening/{number}/{lot}/{envelope}/key-bundle.json",
        "only while bidders give their keys; `opening::tests::dual_pages` reads it then",
    ),
    (
        "/opening/{number}/{lot}/{envelope}/excuse/{m}",
        "every bidder has come here; `opening::tests::dual_pages` reads the paper of one who did not",
    ),
    ("/log/closing/{size}/timestamp", "no authority stamps the time here; `witnessed` asks one that does"),
];

/// Signing out ends the session that the walk needs; it has a test of its own.
fn is_walked(route: &Route) -> bool {
    route.path != "/account/sign-out"
}

/// An empty form, sent with the right token, or nothing for methods that only ask.
fn ask(browser: &mut Browser, method: &str, address: &str) -> Seen {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let token = browser.csrf.clone();
    let body = match method {
        "GET" | "HEAD" | "OPTIONS" => Bytes::new(),
        _ => Bytes::from(format!("csrf={token}")),
    };
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let headers = [form[0], ("x-csrf-token", token.as_str())];
    browser.send(method, address, &headers, body)
}

/// Whether the answer says that people in this role have no business here.
fn turned_away(method: &str, seen: &Seen) -> bool {
    // an answer to HEAD has no sentence in it
    let says_so = method == "HEAD" || seen.text().contains(&Lang::Chinese.t("account.refusal.role"));
    (seen.status == 403 && says_so) || (seen.status == 303 && seen.location().starts_with("/account/sign-in"))
}

/// The database but for the sessions, which every request may put off.
fn contents(centre: &Centre) -> BTreeSet<String> {
    let rows = centre.served.house.door().read(|db| Ok::<_, crate::platform::refusal::Fault>(everything(db)));
    rows.unwrap().into_iter().filter(|row| !row.starts_with("account_session|")).collect()
}

struct Walk {
    centre: Centre,
    found: Found,
    /// What is not as the table says, or broke.
    wrong: Vec<String>,
}

impl Walk {
    /// Asks as one caller, and judges the verdict.
    fn ask(&mut self, route: &Route, address: &str, caller: usize) -> Seen {
        let caller = &mut self.centre.callers[caller];
        let seen = ask(&mut caller.browser, route.method, address);
        let what = format!("{} {address} as {}: {}", route.method, caller.name, seen.status);
        if turned_away(route.method, &seen) == route.access.admits(caller.role) {
            self.wrong.push(format!("{what}, not as the table says"));
        }
        if seen.status >= 500 {
            self.wrong.push(format!("{what}: {}", seen.text()));
        }
        seen
    }

    fn admitted(&self, route: &Route) -> Vec<usize> {
        (0..self.centre.callers.len())
            .filter(|at| route.access.admits(self.centre.callers[*at].role))
            .collect()
    }

    /// Reads a page at its addresses until somebody who is admitted got it; gives where.
    fn is_read(&mut self, route: &Route) -> Option<String> {
        let read = |status: u16, location: &str| {
            status < 300 || (status < 400 && !location.starts_with("/account/sign-in"))
        };
        let known = self.found.addresses_of(route);
        let answers = &self.found.answers;
        let walked = known
            .iter()
            .find(|address| answers.iter().any(|((_, asked), status)| asked == *address && *status < 300));
        if let Some(walked) = walked {
            return Some(walked.clone());
        }
        for address in known {
            for caller in self.admitted(route) {
                let seen = self.ask(route, &address, caller);
                if read(seen.status, &seen.location()) {
                    return Some(address);
                }
            }
        }
        None
    }
}

fn every_route_admits_exactly_whom_the_table_says_and_does_its_work(engine: Engine) {
    let mut centre = Centre::open(engine);
    let (routes, found) = walked(&mut centre);
    let dead = found.dead.clone();
    let mut walk = Walk { centre, found, wrong: Vec::new() };
    let (mut unread, mut nowhere) = (Vec::new(), Vec::new());
    let (asking, changing): (Vec<Route>, Vec<Route>) =
        routes.into_iter().filter(is_walked).partition(|route| matches!(route.method, "GET" | "OPTIONS"));
    for route in &asking {
        let address = walk.is_read(route);
        if address.is_none() && !NEVER_READ.iter().any(|(path, _)| *path == route.path) {
            unread.push(format!("{} {:?}", route.path, walk.found.addresses_of(route)));
        }
        let address = address.or_else(|| walk.found.addresses_of(route).pop_first());
        for caller in 0..walk.centre.callers.len() {
            walk.ask(route, &address.clone().unwrap_or_else(|| route.path.to_owned()), caller);
        }
    }
    let before = contents(&walk.centre);
    for route in &changing {
        let known = walk.found.addresses_of(route);
        let Some(address) = known.first() else {
            nowhere.push(format!("{} {}", route.method, route.path));
            continue;
        };
        for caller in 0..walk.centre.callers.len() {
            if !route.access.admits(walk.centre.callers[caller].role) {
                walk.ask(route, address, caller);
            }
        }
    }
    let after = contents(&walk.centre);
    let changed: Vec<_> = after.symmetric_difference(&before).collect();
    for route in &changing {
        for address in walk.found.addresses_of(route) {
            for caller in walk.admitted(route) {
                walk.ask(route, &address, caller);
            }
        }
    }
    let wrong = walk.wrong.join("\n");
    assert!(wrong.is_empty(), "{wrong}");
    assert!(changed.is_empty(), "who was turned away changed {changed:?}");
    assert!(unread.is_empty(), "nobody could read\n{}", unread.join("\n"));
    assert!(nowhere.is_empty(), "no address is known of\n{}", nowhere.join("\n"));
    assert!(dead.is_empty(), "{}", dead.join("\n"));
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

fn signing_out_ends_the_session_everywhere(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
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

fn every_page_carries_a_strict_content_security_policy(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
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

fn a_request_from_another_site_is_refused(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let member = served.house.member(Role::Agent, "agent");
    let mut browser = served.browser(&member);
    let body = Bytes::from(format!("csrf={}", browser.csrf));
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let headers = [("content-type", "application/x-www-form-urlencoded"), header];
        assert_eq!(browser.send(Method::POST, "/account/sign-out", &headers, body.clone()).status, 403);
    }
    browser.get("/account/key").expect_status(200);
}

fn the_log_is_served_as_tiles_and_anybody_can_check_it(engine: Engine) {
    use crate::ledger::{checkpoint::Checkpoint, note::Note, tiles, tree};
    let served = Served::start(TestHouse::new(engine));
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
