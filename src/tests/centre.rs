//! A centre in which a tender stands in every phase, somebody of every role, and a walk along every link that they are
//! shown: it finds the real address of every page.

use super::browser::{Browser, Seen, Served, unescape};
use crate::account::role::Role;
use crate::account::route::Route;
use crate::account::testing::{Member, TestHouse};
use crate::demo::beginning;
use crate::demo::cast::Cast;
use crate::demo::story::{E4, Story, Until, fill_pool, stories, tell};
use crate::deposit::actions::BatchOrder;
use crate::expert_draw;
use crate::objection::rules::Subject;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, Moment};
use crate::project::place::Category;
use crate::project::standing::LotFacts;
use crate::project::store::lot_named;
use crate::project::terms::CommitteePlan;
use crate::publication::testing::signing;
use crate::recording::rules::Source;
use crate::sealed_bid::testing::withdraw;
use crate::sealed_bid::{program, uploads};
use crate::sealing::archive::padded;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::stream::ciphertext_size;
use crate::{app, clarification, deposit, objection, recording};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Somebody with a browser.
pub struct Caller {
    pub name: String,
    pub role: Option<Role>,
    pub browser: Browser,
}

/// The demonstration's centre, with what its stories leave out: money that fits nothing, an unanswered question.
pub struct Centre {
    pub served: Served,
    pub callers: Vec<Caller>,
    /// Real addresses that no page links: scripts and the command line make them. Method, address.
    pub unlinked: Vec<(&'static str, String)>,
}

/// Who of the cast calls, beside one of every role: those whom some page is meant for.
const ALSO: [&str; 3] = ["bidder2", "bidder6", "delegate1"];

impl Centre {
    pub fn open(engine: Engine) -> Self {
        let house = TestHouse::configured(engine, |config| config.demo = true);
        let now = beginning();
        house.clock.move_to(now.plus(-90 * DAY));
        let cast = Cast::hire(&house);
        deposit::testing::open_account(&house, &cast.treasurer);
        fill_pool(&house, &cast);
        for story in stories(now).into_iter().chain([ranked(now)]) {
            tell(&house, &cast, &story);
        }
        house.clock.move_to(now);
        let unlinked = leave_open(&house, &cast);
        house.door().rotate_log().unwrap();
        // a server's first round of jobs enters the script that it serves
        program::log_served(house.door()).unwrap();
        let mut members: BTreeMap<String, Member> = BTreeMap::new();
        let staff = [&cast.staff.agent, &cast.staff.entity, &cast.staff.supervisor, &cast.staff.centre];
        let everybody =
            staff.into_iter().chain([&cast.treasurer]).chain(&cast.delegates).chain(&cast.bidders);
        for member in everybody {
            members.insert(member.who.login.clone(), member.clone());
        }
        let mut called: Vec<Member> = ["agent", "entity", "supervisor", "centre", "treasurer", "bidder1"]
            .iter()
            .chain(&ALSO)
            .map(|login| members[*login].clone())
            .collect();
        called.extend(["DEMO-0004", "DEMO-0005"].map(|number| an_expert_of(&house, &cast, number)));
        let served = Served::start(house);
        let mut callers = vec![Caller { name: "nobody".into(), role: None, browser: served.visitor() }];
        callers.extend(called.iter().map(|member| Caller {
            name: member.who.login.clone(),
            role: Some(member.who.role),
            browser: served.browser(member),
        }));
        Self { served, callers, unlinked }
    }
}

fn named(house: &TestHouse, number: &str) -> LotFacts {
    house.door().read(|db| lot_named(db, number, "1")).unwrap()
}

/// Somebody who was drawn for the first lot of a tender.
fn an_expert_of(house: &TestHouse, cast: &Cast, number: &str) -> Member {
    let vault = house.door().vault().clone();
    let lot = named(house, number).lot;
    let members = house.door().read(|db| expert_draw::actions::members(db, &vault, lot));
    let person = members.unwrap()[0].person;
    cast.experts.iter().find(|expert| Some(expert.who.person) == person).unwrap().clone()
}

/// A tender whose report is signed and whose candidates wait for their display.
fn ranked(now: Moment) -> Story {
    Story {
        number: "DEMO-0101",
        title: "南山泵站改造工程",
        category: Category::Municipal,
        start: now.plus(-26 * DAY),
        prices: &E4[..4],
        committee: CommitteePlan { size: 7, experts: 5 },
        until: Until::Evaluated,
    }
}

/// Work that somebody has still to do: a question, an objection, money that fits nothing, a refund, half an upload. Gives the
/// addresses that scripts make of it, and those of what is recorded.
fn leave_open(house: &TestHouse, cast: &Cast) -> Vec<(&'static str, String)> {
    let asker = cast.bidders[0].who.clone();
    let (tender, lot) = (named(house, "DEMO-0007").tender, named(house, "DEMO-0007").lot);
    let ask = "投标文件中的工期以日历天还是工作日计？";
    house
        .act(&cast.bidders[0].who, move |act| clarification::actions::ask(act, &asker, tender, ask))
        .unwrap();
    let demand = deposit::testing::asked(house, &cast.bidders[0].who, lot);
    let line = deposit::testing::line(&demand, "UNKNOWN1", &demand.amount.plain(), house.door().now());
    let line = line.replace(&demand.account.to_string(), "99880100000000000");
    deposit::testing::imported(house, &cast.treasurer.who, &deposit::testing::csv(&[line]));
    let objector = &cast.bidders[1];
    let lot = named(house, "DEMO-0003");
    let paper = objection::actions::objection_of(&lot, Subject::Result, "第一中标候选人的业绩证明不完整。");
    let (lot, paper) = (lot.lot, jcs_text(&paper));
    signing(house, objector, &paper, move |act, authority, who, fields| {
        objection::actions::file(act, authority, who, lot, Subject::Result, fields)
    })
    .unwrap();
    let shut = named(house, "DEMO-0006").lot;
    withdraw(house, &cast.bidders[3], shut, EnvelopeKind::Single).unwrap();
    let order = BatchOrder {
        execute_on: house.door().now().beijing_date(),
        deposit_rate: Decimal::new(35, 2),
        lending_rate: Decimal::new(3, 0),
        day_base: 360,
    };
    house.act(&cast.treasurer.who, move |act| deposit::actions::make_batch(act, &order)).unwrap();
    let size = ciphertext_size(padded(2_000_000));
    let (who, limits) = (cast.bidders[0].who.clone(), uploads::Limits::of(house.door()));
    let upload = house.act(&cast.bidders[0].who, move |act| uploads::create(act, &who, size, &limits));
    let upload = format!("/sealed-bid/upload/{}", upload.unwrap().value.id);
    let lot = named(house, "DEMO-0004").lot;
    let session =
        house.door().read(|db| recording::store::open_session_of(db, lot, "evaluation")).unwrap().unwrap().id;
    let expert = an_expert_of(house, cast, "DEMO-0004").who;
    let track = recording::testing::track(house, session, &expert, Source::Camera);
    let recorder = format!("/recording/ingest/{session}/{track}");
    vec![
        ("GET", "/account/lang/zh-CN".into()),
        ("GET", "/log/tile/0/000".into()),
        ("GET", "/evaluation/DEMO-0004/1/review/b1".into()),
        ("GET", format!("{recorder}/status")),
        ("PUT", format!("{recorder}/stopped")),
        ("PUT", format!("{recorder}/1/1")),
        // the hall of a lot that is heard already: there is nothing left to answer
        ("POST", format!("/opening/DEMO-0005/1/objection/{session}/answer")),
        ("HEAD", upload.clone()),
        ("PATCH", upload.clone()),
        ("DELETE", upload),
    ]
}

/// Whether `path` is an address of the route `pattern`.
pub fn fits(pattern: &str, path: &str) -> bool {
    let (mut places, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (places.next(), parts.next()) {
            (None, None) => return true,
            (Some(place), Some(_)) if place.ends_with(".*}") => return true,
            (Some(place), Some(part)) if place == part || (place.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

/// The route that answers `method` at `path`.
pub fn route_of<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<&'a Route> {
    routes.iter().find(|route| route.method == method && fits(route.path, path))
}

/// What a walk along the links found.
#[derive(Default)]
pub struct Found {
    /// Method and pattern → addresses that were seen or linked.
    pub addresses: BTreeMap<(&'static str, &'static str), BTreeSet<String>>,
    /// Method, caller and address → status.
    pub answers: BTreeMap<(String, String), u16>,
    /// A link that its reader can not follow: page, caller, link and what came.
    pub dead: Vec<String>,
}

/// The addresses in the attributes of a page: of links, and of everything else.
fn addresses_in(seen: &Seen) -> (BTreeSet<String>, BTreeSet<String>) {
    let html = seen.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().contains("html"));
    let (mut links, mut others) = (BTreeSet::new(), BTreeSet::new());
    if !html {
        return (links, others);
    }
    let text = seen.text();
    for (at, _) in text.match_indices("=\"/") {
        let value = unescape(text[at + 2..].split('"').next().unwrap_or_default());
        let address = value.split('#').next().unwrap_or_default().to_owned();
        if text[..at].ends_with(" href") {
            links.insert(address)
        } else {
            others.insert(address)
        };
    }
    (links, others)
}

/// Of pages that are alike a walk reads one for each tender: the pattern, and the tender's number.
fn kind_of(routes: &[Route], path: &str) -> Option<(&'static str, String)> {
    let route = route_of(routes, "GET", path)?;
    let number = path.split('/').find(|part| part.starts_with("DEMO-")).unwrap_or_default();
    Some((route.path, number.to_owned()))
}

impl Found {
    /// Follows every link from the desk and the home page as one person.
    pub fn walk(&mut self, routes: &[Route], caller: &mut Caller) {
        let mut waiting: VecDeque<(String, String, bool)> =
            ["/", "/desk", "/tenders", "/demo"].map(|path| (path.to_owned(), String::new(), false)).into();
        let mut read = BTreeSet::new();
        while let Some((address, from, linked)) = waiting.pop_front() {
            let path = address.split('?').next().unwrap_or_default().to_owned();
            // the language of the walk stays what it is
            let Some(kind) = kind_of(routes, &path).filter(|kind| kind.0 != "/account/lang/{code}") else {
                continue;
            };
            self.addresses.entry(("GET", kind.0)).or_default().insert(path.clone());
            if !read.insert(kind) {
                continue;
            }
            let seen = caller.browser.get(&address);
            self.answers.insert((caller.name.clone(), path.clone()), seen.status);
            if linked && (seen.status >= 400 || seen.location().starts_with("/account/sign-in")) {
                self.dead.push(format!("{from} shows {} the link {address}: {}", caller.name, seen.status));
            }
            let (links, others) = addresses_in(&seen);
            for other in links.iter().chain(&others) {
                let other = other.split('?').next().unwrap_or_default();
                for method in ["POST", "PUT", "PATCH", "DELETE", "HEAD"] {
                    if let Some(route) = route_of(routes, method, other) {
                        self.addresses
                            .entry((route.method, route.path))
                            .or_default()
                            .insert(other.to_owned());
                    }
                }
            }
            waiting.extend(links.into_iter().map(|link| (link, path.clone(), true)));
            waiting.extend(others.into_iter().map(|other| (other, path.clone(), false)));
        }
    }

    /// Real addresses of a route: those that were seen, and those that a known address of another route gives when both
    /// begin alike and the rest of this one has no place to fill.
    pub fn addresses_of(&self, route: &Route) -> BTreeSet<String> {
        let mut out = self.addresses.get(&(route.method, route.path)).cloned().unwrap_or_default();
        let parts: Vec<&str> = route.path.split('/').collect();
        for ((_, pattern), known) in &self.addresses {
            let alike = parts.iter().zip(pattern.split('/')).take_while(|(one, other)| *one == other).count();
            let rest = &parts[alike..];
            if rest.iter().any(|part| part.starts_with('{')) {
                continue;
            }
            for address in known {
                let begun: Vec<&str> = address.split('/').take(alike).chain(rest.iter().copied()).collect();
                out.insert(begun.join("/"));
            }
        }
        out
    }
}

/// All routes, and what everybody finds on a walk along the links.
pub fn walked(centre: &mut Centre) -> (Vec<Route>, Found) {
    let routes = app::routes();
    let mut found = Found::default();
    for (method, address) in &centre.unlinked {
        let route = route_of(&routes, method, address).unwrap();
        found.addresses.entry((route.method, route.path)).or_default().insert(address.clone());
    }
    for caller in &mut centre.callers {
        found.walk(&routes, caller);
    }
    (routes, found)
}
