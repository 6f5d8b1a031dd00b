//! Before the opening: what must stay secret is looked for everywhere. Prices in the database, the files and on every
//! page as every role; bidders and how many they are, in the database and on every page as everybody but themselves.

use super::browser::{Browser, Listening, Seen, Served};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::clarification::rules::Question;
use crate::deposit::records::Demand;
use crate::expert_draw::testing::{drawn, with_accounts};
use crate::ledger::tiles::Resource;
use crate::on_both_databases;
use crate::platform::database::testing::{Engine, everything};
use crate::platform::id::Id;
use crate::platform::refusal::Fault;
use crate::project::rules::Lot;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::rules::Kept;
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealed_bid::trustees_testing::ready_set;
use crate::sealing::context::EnvelopeKind;
use crate::{announcement, app, clarification, deposit, expert_draw};
use bytes::Bytes;
use reqwest::Method;
use std::path::Path;
use std::time::Duration;

on_both_databases! {
    before_the_opening_nobody_learns_a_price_a_bidder_or_how_many_they_are
}

/// A price that occurs nowhere else.
const CANARY: &str = "7654321.98";

/// The database as a thief would find it: every row of every table.
fn stolen_copy(house: &TestHouse) -> String {
    house.door().read(|db| Ok::<_, Fault>(everything(db))).unwrap().join("\n")
}

/// How often a copy of the database holds `needle`, as text or in bytes.
fn in_rows(copy: &str, needle: &str) -> usize {
    let hex: String = needle.bytes().map(|byte| format!("{byte:02x}")).collect();
    copy.matches(needle).count() + copy.matches(&hex).count()
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

/// What stands in the places of addresses: a tender before its opening, with everything that there is by then.
struct Places(Vec<(&'static str, String)>);

impl Places {
    fn of(house: &TestHouse, lot: Id<Lot>, question: Id<Question>, paid: &Demand, handed_in: &Kept) -> Self {
        let tender = facts(house, lot).tender;
        let documents = house.door().read(|db| announcement::store::documents(db, tender)).unwrap();
        let draws = house.door().read(|db| expert_draw::store::draws_of(db, lot)).unwrap();
        Self(vec![
            ("/supervision/entry/{lot}/{entry}", format!("/supervision/entry/{}/{}", lot, handed_in.entry)),
            ("/sealed-bid/receipt/{id}", format!("/sealed-bid/receipt/{}", handed_in.id)),
            ("/publication/{number}/{lot}/{kind}", "/publication/{number}/{lot}/candidates".into()),
            ("{paper}", "candidates".into()),
            ("{number}", "TEST-0001".into()),
            ("{tender}", "TEST-0001".into()),
            ("{lot}", "1".into()),
            ("{envelope}", "single".into()),
            ("{version}", "1".into()),
            ("{document}", documents[0].id.to_string()),
            ("{question}", question.to_string()),
            ("{draw}", draws[0].id.to_string()),
            ("{deposit}", paid.id.to_string()),
            ("{subject}", "result".into()),
            ("{bid}", "b1".into()),
            ("{code}", "zh-CN".into()),
        ])
    }

    /// The address of a route. What is still empty is of later rooms, where nothing is yet.
    fn fill(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for (place, value) in &self.0 {
            path = path.replace(place, value);
        }
        let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The addresses of all pages that are `kind`.
    fn pages(&self, kind: Kind) -> Vec<String> {
        let asked = app::routes().into_iter().filter(|route| route.method == "GET");
        asked.map(|route| self.fill(route.path)).filter(|path| Kind::of(path) == kind).collect()
    }
}

/// How a page is searched.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Looks the same with three bids and with thirty.
    Quiet,
    /// Grows by design with everything that happens on the whole platform (the log, whose receipts name its size), or shows
    /// what is recorded now.
    Restless,
    /// Never ends: it is listened to.
    Events,
}

impl Kind {
    fn of(path: &str) -> Self {
        match path {
            path if path.ends_with("/events") => Self::Events,
            path if path.starts_with("/log") || path.ends_with("/live") => Self::Restless,
            _ => Self::Quiet,
        }
    }
}

/// What nobody but its bidder may see.
const SECRETS: [&str; 3] = [CANARY, "7,654,321.98", "secretbidder"];

/// The secrets that these bytes tell, as text or in hexadecimal.
fn told(bytes: &[u8]) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    let tells = |secret: &&str| text.contains(*secret) || text.contains(&hex::encode(secret.as_bytes()));
    SECRETS.into_iter().filter(tells).collect()
}

/// The whole log as the public gets it: its pages, every tile of leaves and hashes, and the page of every entry.
fn log_addresses(browser: &mut Browser) -> Vec<String> {
    let checkpoint = browser.get("/log/checkpoint").expect_status(200).text();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    let tiles = (0..size.div_ceil(256)).flat_map(|index| {
        let width = u16::try_from((size - index * 256).min(256)).unwrap();
        [Resource::Entries { index, width }, Resource::Tile { level: 0, index, width }]
    });
    let tiles = tiles.map(|tile| format!("/log/{}", tile.path()));
    tiles.chain((0..size).map(|index| format!("/log/entry/{index}"))).collect()
}

/// Where pages that are not compared tell a secret. `log` is read as well.
fn told_elsewhere(browser: &mut Browser, places: &Places, log: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in places.pages(Kind::Restless).iter().chain(log) {
        let seen = browser.get(path);
        assert!(!log.contains(path) || seen.status == 200, "{path} is not there: {}", seen.status);
        let headers = format!("{:?}", seen.headers);
        let found = told(&[headers.as_bytes(), &seen.bytes].concat());
        wrong.extend(found.iter().map(|secret| format!("{path} tells {secret}")));
    }
    wrong
}

fn the_log_and_live_pages_tell_nothing(browsers: &mut [(Option<Role>, Browser)], places: &Places) {
    let log = log_addresses(&mut browsers[0].1);
    assert!(log.len() > 100, "the log has {} addresses", log.len());
    for (role, browser) in browsers {
        // the log knows no roles: the page of each entry is read once, the rest by everybody
        let own = log.iter().filter(|path| role.is_none() || !path.starts_with("/log/entry/"));
        let own: Vec<String> = own.cloned().collect();
        assert_eq!(told_elsewhere(browser, places, &own), Vec::<String>::new(), "{role:?}");
    }
}

fn read_all(browser: &mut Browser, places: &Places) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for path in places.pages(Kind::Quiet) {
        let seen = browser.get(&path);
        let mut headers: Vec<String> = seen
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "set-cookie"))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
            .collect();
        headers.sort();
        let (mut text, drill) = (seen.text(), path.ends_with("/drill/bundle.json") && seen.status == 200);
        if drill {
            headers.retain(|header| !header.starts_with("content-length"));
            text = without_checkpoint(browser, &text);
        }
        out.push((path, format!("{} {}\n{}", seen.status, headers.join("\n"), text)));
    }
    out
}

/// The papers of a drill but for the log's newest checkpoint and the way to it: everybody has that at `/log`.
fn without_checkpoint(browser: &mut Browser, papers: &str) -> String {
    let mut papers: serde_json::Value = serde_json::from_str(papers).unwrap();
    let public = browser.get("/log/checkpoint").expect_status(200).text();
    assert_eq!(papers["drill"]["checkpoint"], public, "a drill shows more of the log than the log itself");
    papers["drill"]["checkpoint"].take();
    papers["drill"]["begun"]["proof"].take();
    papers.to_string()
}

/// Every act, as method and address, that a sender of an empty form is refused now and again.
fn refused_acts(browser: &mut Browser, places: &Places) -> Vec<(Method, String)> {
    let acts =
        app::routes().into_iter().filter(|route| matches!(route.method, "POST" | "PUT" | "PATCH" | "DELETE"));
    let acts = acts.filter(|route| route.path != "/account/sign-out");
    let mut acts: Vec<(Method, String)> = acts
        .map(|route| (Method::from_bytes(route.method.as_bytes()).unwrap(), places.fill(route.path)))
        .collect();
    // what one act does may change what another is told
    for _ in 0..2 {
        acts.retain(|act| tried(browser, act).status >= 400);
    }
    acts
}

fn tried(browser: &mut Browser, (method, path): &(Method, String)) -> Seen {
    let token = browser.csrf.clone();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("x-csrf-token", token.as_str())];
    browser.send(method.clone(), path, &form, Bytes::from(format!("csrf={token}")))
}

fn refusals(browser: &mut Browser, acts: &[(Method, String)]) -> Vec<(String, String)> {
    let refusal = |act: &(Method, String)| {
        let seen = tried(browser, act);
        (format!("{} {}", act.0, act.1), format!("{} {}", seen.status, seen.text()))
    };
    acts.iter().map(refusal).collect()
}

/// What everybody is shown and told at this moment: pages, headers, refusals.
fn see(
    browsers: &mut [(Option<Role>, Browser)],
    acts: &[Vec<(Method, String)>],
    places: &Places,
) -> Vec<Vec<(String, String)>> {
    let each = browsers.iter_mut().zip(acts);
    each.map(|((_, browser), acts)| [read_all(browser, places), refusals(browser, acts)].concat()).collect()
}

/// Has everybody listen to all streams of events.
fn listen(browsers: &[(Option<Role>, Browser)], places: &Places) -> Vec<(String, Listening)> {
    let streams = places.pages(Kind::Events);
    let each =
        browsers.iter().flat_map(|(role, browser)| streams.iter().map(move |path| (role, browser, path)));
    each.map(|(role, browser, path)| (format!("{path} as {role:?}"), browser.listen(path))).collect()
}

/// While bids came in, the streams told no secret, and not even that anything happened: each event after the first,
/// which everybody gets who begins to listen, would count a bid.
fn say_nothing(streams: &[(String, Listening)]) {
    let open = streams.iter().filter(|(_, stream)| stream.status == 200);
    assert!(open.count() > 5, "hardly anybody may listen");
    for (what, stream) in streams {
        let heard = stream.heard();
        assert_eq!(told(heard.as_bytes()), Vec::<&str>::new(), "{what}: {heard}");
        let changes = heard.matches("event: change").count();
        assert_eq!(changes, usize::from(stream.status == 200), "{what} tells of bids: {heard}");
    }
}

fn pays_and_bids(
    house: &TestHouse,
    treasurer: &Member,
    lot: Id<Lot>,
    bidders: &[Member],
) -> Vec<(Demand, Kept)> {
    let pays_and_bids = |bidder: &Member| {
        let paid = deposit::testing::paid(house, &treasurer.who, &bidder.who, lot);
        (paid, bid(house, bidder, lot, EnvelopeKind::Single, &Offer::priced(CANARY)).unwrap())
    };
    bidders.iter().map(pays_and_bids).collect()
}

fn asked(house: &TestHouse, lot: Id<Lot>) -> Id<Question> {
    let asker = house.member(Role::Bidder, "asker").who;
    let (own, tender) = (asker.clone(), facts(house, lot).tender);
    let ask = move |act: &mut crate::ledger::Act<'_>| {
        clarification::actions::ask(act, &own, tender, "投标文件中的工期以日历天还是工作日计？")
    };
    house.act(&asker, ask).unwrap().value
}

/// No price, and of deposits what comes with the bank's own notices and with money that is due back: who, but not for what.
fn the_treasurer_learns_what_the_bank_says(desk: &mut Browser, places: &Places) {
    let seen = read_all(desk, places);
    assert!(seen.iter().all(|(_, text)| !text.contains(CANARY)));
    assert_eq!(told_elsewhere(desk, places, &[]), Vec::<String>::new());
    let telling: Vec<&str> =
        seen.iter().filter(|(_, text)| text.contains("secretbidder")).map(|(at, _)| at.as_str()).collect();
    assert_eq!(telling, ["/deposit/treasury/refunds"], "only who withdrew is named, to be paid back");
    let (_, refunds) = seen.iter().find(|(at, _)| at == "/deposit/treasury/refunds").unwrap();
    assert!(refunds.contains("secretbidder30") && !refunds.contains("TEST-0001"), "{refunds}");
}

fn before_the_opening_nobody_learns_a_price_a_bidder_or_how_many_they_are(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, lot) = announcement::testing::published(&house, &Shape::default());
    ready_set(&house, facts(&house, lot).tender, &[&staff.agent, &staff.entity, &staff.supervisor]);
    let question = asked(&house, lot);
    let treasurer = deposit::testing::treasury(&house);
    let mut bidders: Vec<Member> =
        (1..=30).map(|i| house.member(Role::Bidder, &format!("secretbidder{i}"))).collect();
    let late = bidders.split_off(3);
    house.at("2026-03-20 10:00:00");
    drawn(&house, &staff, lot, 3, 2);
    let expert = with_accounts(&house, &staff, lot).remove(0);
    let done = pays_and_bids(&house, &treasurer, lot, &bidders);
    // the one who most wants to know: a bidder who has bid as well
    let rival = [house.member(Role::Bidder, "rival")];
    pays_and_bids(&house, &treasurer, lot, &rival);
    let places = Places::of(&house, lot, question, &done[0].0, &done[0].1);

    let served = Served::start(house);
    let stranger = served.house.member(Role::Bidder, "stranger");
    let known =
        [&staff.agent, &staff.entity, &staff.supervisor, &staff.centre, &stranger, &expert, &rival[0]];
    let mut browsers = vec![(None, served.visitor())];
    browsers.extend(known.map(|member| (Some(member.who.role), served.browser(member))));
    // what an empty form can do is done before the comparison
    let acts: Vec<_> = browsers.iter_mut().map(|(_, browser)| refused_acts(browser, &places)).collect();
    let few = stolen_copy(&served.house);
    let before = see(&mut browsers, &acts, &places);
    let streams = listen(&browsers, &places);
    pays_and_bids(&served.house, &treasurer, lot, &late);
    // one of them withdraws, and the deposit is due back before the opening
    withdraw(&served.house, late.last().unwrap(), lot, EnvelopeKind::Single).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    say_nothing(&streams);
    drop(streams);
    let after = see(&mut browsers, &acts, &places);

    for ((role, _), (before, after)) in browsers.iter().zip(before.iter().zip(&after)) {
        assert_eq!(before.len(), after.len(), "{role:?} is refused other things");
        for ((path, three), (_, thirty)) in before.iter().zip(after) {
            let differing = three.lines().zip(thirty.lines()).find(|(three, thirty)| three != thirty);
            assert!(three == thirty, "{path} as {role:?} tells three bids from thirty: {differing:?}");
            assert_eq!(told(thirty.as_bytes()), Vec::<&str>::new(), "{path} as {role:?}");
        }
    }
    the_log_and_live_pages_tell_nothing(&mut browsers, &places);
    let refused = before.iter().flatten().filter(|(path, _)| !path.starts_with('/')).count();
    assert!(refused > 300, "only {refused} acts are refused");
    let reads = |pages: &[(String, String)]| pages.iter().filter(|(_, text)| text.starts_with("200")).count();
    for ((role, _), (pages, least)) in
        browsers.iter().zip(before.iter().zip([15, 30, 20, 25, 20, 20, 15, 20]))
    {
        assert!(reads(pages) >= least, "{role:?} reads only {} pages", reads(pages));
    }

    the_treasurer_learns_what_the_bank_says(&mut served.browser(&treasurer), &places);

    let many = stolen_copy(&served.house);
    let files = all_files(Path::new(&served.house.door().config().files));
    assert_eq!(in_rows(&many, CANARY) + occurrences(&files, CANARY), 0, "a price lies in clear");
    let facts = facts(&served.house, lot);
    for (what, needle) in [("the lot", lot.to_string()), ("the tender", facts.tender.to_string())] {
        assert_eq!(in_rows(&few, &needle), in_rows(&many, &needle), "rows about {what} count its bids");
        assert!(in_rows(&many, &needle) > 0, "the copy is of the right database");
    }
    for bidder in &late {
        let who = &bidder.who;
        for needle in [who.organisation.to_string(), who.person.to_string(), who.credit_code.clone()] {
            assert_eq!(
                in_rows(&few, &needle),
                in_rows(&many, &needle),
                "a bid leaves {needle} in the database"
            );
            assert_eq!(occurrences(&files, &needle), 0, "{needle} lies in a file or its name");
        }
    }
}
