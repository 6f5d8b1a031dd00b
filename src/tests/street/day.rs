//! The people of a story and their way from an empty centre to a lot that takes bids: every step in somebody's browser.
//! Only accounts and signing keys are made beforehand, as they are before any tender begins.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::ledger::proof::Receipt;
use crate::opening::testing::trust;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64u;
use crate::project::testing::Staff;
use crate::sealing::boxes::BoxKey;
use crate::sealing::release::OpeningBundle;
use crate::tests::browser::{Browser, Served};
use crate::verify::container;
use crate::verify::findings::Findings;
use crate::verify::{Known, verify};
use std::process::Command;

/// Public number of the tender, and its lot as addresses name it.
pub const NUMBER: &str = "TEST-0001";
pub const LOT: &str = "TEST-0001/1";
/// When the bids are opened.
pub const DEADLINE: &str = "2026-03-25 09:30:00";

/// One tender, its people, and the server that they all use.
pub struct Day {
    pub served: Served,
    pub staff: Staff,
    pub treasurer: Member,
    /// Sits on the committee for the procuring entity.
    pub delegate: Member,
    pub bidders: Vec<Member>,
    pub experts: Vec<Member>,
    /// The trustees' box keys, in the order of their set: agent, entity, supervisor.
    pub boxes: Vec<BoxKey>,
}

impl Day {
    /// An announced lot whose float-down is `floats`, whose trustees are ready, and the people: so many bidders.
    pub fn begin(engine: Engine, story: &str, floats: &str, bidders: usize) -> Self {
        let day = Self::announced(engine, story, floats, bidders);
        let mut browsers = day.trustees().map(|trustee| day.enter(trustee));
        for (place, browser) in browsers.iter_mut().enumerate() {
            day.give_box_key(browser, place);
        }
        for (place, browser) in browsers.iter_mut().enumerate() {
            day.sign_set(browser, place);
        }
        let [agent, ..] = &mut browsers;
        day.begin_drill(agent);
        for (place, browser) in browsers.iter_mut().enumerate() {
            day.hold_drill(browser, place);
        }
        day.served.visitor().get(&format!("{}.json", day.custody())).expect_status(200);
        day
    }

    /// As [`Day::begin`], before the trustees have given their keys.
    pub fn announced(engine: Engine, story: &str, floats: &str, bidders: usize) -> Self {
        let house = TestHouse::new(engine);
        // sign-in names differ from story to story: the limit on tries counts them over all of them
        let tag = format!("{story}.{engine:?}").to_lowercase();
        let hire = |role: Role, place: &str, organisation: &str| {
            house.hire(role, &format!("{place}.{tag}"), &format!("{place}先生"), organisation)
        };
        let staff = Staff {
            agent: hire(Role::Agent, "agent", "中正招标代理有限公司"),
            entity: hire(Role::Entity, "entity", "滨海市城市建设管理局"),
            supervisor: hire(Role::Supervisor, "supervisor", "滨海市公共资源交易监督管理局"),
            centre: hire(Role::Centre, "centre", "滨海市公共资源交易中心"),
            further: Vec::new(),
        };
        let many = |role: Role, word: &str, count: usize| -> Vec<Member> {
            (1..=count).map(|i| hire(role, &format!("{word}{i}"), &format!("{word}{i}有限公司"))).collect()
        };
        let day = Self {
            treasurer: hire(Role::Treasurer, "treasurer", "滨海市公共资源交易中心财务科"),
            delegate: hire(Role::Entity, "delegate", "滨海市城市建设管理局工程科"),
            bidders: many(Role::Bidder, "bidder", bidders),
            experts: many(Role::Expert, "expert", EXPERTS),
            boxes: (0..3).map(|_| BoxKey::random()).collect(),
            served: Served::start(house),
            staff,
        };
        day.announce(floats);
        day
    }

    /// Moves the clock to this Beijing time.
    pub fn at(&self, beijing: &str) {
        self.served.house.at(beijing);
    }

    /// Signs a person in with their password.
    pub fn enter(&self, member: &Member) -> Browser {
        let mut browser = self.served.visitor();
        browser.get("/account/sign-in").expect_status(200);
        let form = [("login", member.who.login.as_str()), ("password", "correct horse"), ("next", "")];
        browser.post("/account/sign-in", &form).expect_status(303);
        browser.get("/account/key").expect_status(200);
        browser.who = Some(member.who.clone());
        browser
    }

    /// Signs several people in.
    pub fn enter_all(&self, members: &[Member]) -> Vec<Browser> {
        members.iter().map(|member| self.enter(member)).collect()
    }

    /// The trustees, in the order of their set.
    pub fn trustees(&self) -> [&Member; 3] {
        [&self.staff.agent, &self.staff.entity, &self.staff.supervisor]
    }

    /// The agent writes, signs and publishes the notice of a works tender in one lot.
    fn announce(&self, floats: &str) {
        let agent = &self.staff.agent;
        let mut browser = self.enter(agent);
        browser.get("/project/new").expect_status(200);
        let tender = [
            ("name", "滨海路桥梁维修工程"),
            ("category", "municipal"),
            ("rulebook", "works-open-2026"),
            ("region", "210200"),
            ("entity_code", &self.staff.entity.who.credit_code),
            ("number", NUMBER),
        ];
        let desk = browser.post("/project/new", &tender).expect_status(303).location();
        let lot = format!("{desk}/lot/new");
        browser.get(&lot).expect_status(200);
        browser.post(&lot, &lot_form(floats)).expect_status(303);
        let schedule = [
            ("documents_from", "2026-03-02T09:00"),
            ("documents_until", "2026-03-25T09:30"),
            ("questions_until", "2026-03-08T17:00"),
            ("bids_until", "2026-03-25T09:30"),
        ];
        browser.post(&format!("{desk}/schedule"), &schedule).expect_status(303);
        let persons = self.trustees().map(|trustee| trustee.who.person.to_string());
        let mut custody: Vec<(&str, &str)> = persons.iter().map(|id| ("trustees", id.as_str())).collect();
        custody.push(("threshold", "2"));
        browser.post(&format!("{desk}/trustees"), &custody).expect_status(303);
        let notice = format!("/announcement/{NUMBER}");
        let text = [
            ("scope", "桥梁维修，工期 180 天。"),
            ("qualification", "具有市政公用工程施工总承包三级及以上资质。"),
            ("contact", "张工 0411-00000000"),
            ("remarks", ""),
        ];
        browser.post(&format!("{notice}/write"), &text).expect_status(303);
        let documents = format!("{notice}/documents");
        browser.post_file(&documents, "招标文件.pdf", b"%PDF-1.7 tender documents").expect_status(303);
        let check = format!("{notice}/check");
        browser.sign(agent, &check, &check, &[]).expect_status(303);
        let public = self.served.visitor().get(&notice).expect_status(200).text();
        assert!(public.contains("滨海路桥梁维修工程") && public.contains("2026-03-25 09:30"));
    }

    /// The page of the trustees.
    pub fn custody(&self) -> String {
        format!("/sealed-bid/{NUMBER}/trustees")
    }

    /// The trustee at this place, from zero, gives a key that only their own browser has.
    pub fn give_box_key(&self, browser: &mut Browser, place: usize) {
        let page = self.custody();
        browser.get(&page).expect_status(200);
        let (key, certificate) = (self.boxes[place].public(), &self.trustees()[place].certificate);
        let form = [("hpke", b64u(&key)), ("certificate", b64u(certificate))];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(&format!("{page}/key"), &form).expect_status(303);
    }

    /// The trustee at this place, from zero, signs the set that has all keys.
    pub fn sign_set(&self, browser: &mut Browser, place: usize) {
        let page = self.custody();
        let set = browser.get(&page).expect_status(200).attribute("data-set").unwrap();
        let message = [b"etrade/trustee-set/v1\n", set.as_bytes()].concat();
        let signature = b64u(&self.trustees()[place].sign_bytes(&message));
        browser.post(&format!("{page}/signature"), &[("signature", &signature)]).expect_status(303);
    }

    /// A trustee begins the drill.
    pub fn begin_drill(&self, browser: &mut Browser) {
        let page = self.custody();
        browser.get(&page).expect_status(200);
        browser.post(&format!("{page}/drill"), &[]).expect_status(303);
    }

    /// The trustee at this place, from zero, opens the canary.
    pub fn hold_drill(&self, browser: &mut Browser, place: usize) {
        let page = self.custody();
        let bundle = browser.get(&format!("{page}/drill/bundle.json")).expect_status(200).bytes;
        let bundle = OpeningBundle::read(&bundle).unwrap();
        let i = u8::try_from(place + 1).unwrap();
        let house = &self.served.house;
        let release = bundle.release_in_drill(&self.key(i), &trust(house), house.door().now()).unwrap();
        browser.get(&page).expect_status(200);
        browser
            .post(&format!("{page}/drill/release"), &[("release", &jcs_text(&release))])
            .expect_status(303);
    }

    /// The supervisor downloads the evidence of the lot, and a stranger's computer judges it, knowing only the log's key,
    /// the certificate roots and these receipts.
    pub fn judged(&self, receipts: Vec<Receipt>) -> Verdict {
        let mut supervisor = self.enter(&self.staff.supervisor);
        let page = format!("/open-data/evidence/{LOT}");
        assert!(supervisor.get(&page).expect_status(200).text().contains("sunbid verify --key"));
        let bundle = supervisor.post(&format!("{page}/with-bids"), &[]).expect_status(200).bytes.to_vec();
        python_draws_the_same(&bundle);
        let house = &self.served.house;
        let (key, roots) = (Some(house.door().log_key().clone()), house.authority().roots().to_vec());
        Verdict(verify(bundle, &Known { key, roots, receipts, ..Known::default() }))
    }

    /// How many steps of this kind the supervisor's list of the lot's entries shows.
    pub fn entries(&self, kind: &str) -> usize {
        let list = self.enter(&self.staff.supervisor).get(&format!("/supervision/{LOT}")).expect_status(200);
        list.text().matches(&format!("<td title=\"{kind}\">")).count()
    }
}

/// Hands the records of every draw in a bundle to the Python of `docs/formats/draw.md`.
fn python_draws_the_same(bundle: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let archive = bundle.to_vec();
    let mut records = Vec::new();
    for member in container::list(&archive).unwrap() {
        let is_record = member.name.starts_with("draw/") && !member.name.ends_with(".list.json");
        if !is_record {
            continue;
        }
        let path = folder.path().join(records.len().to_string());
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::copy(&mut container::open(&archive, &member), &mut file).unwrap();
        records.push(path);
    }
    if records.is_empty() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/draw_check.py");
    let said =
        Command::new("python3").arg(script).args(&records).output().expect("python3 is needed for this test");
    let words = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{words}{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(words.matches("holds").count(), records.len(), "{words}");
}

/// What the verifier says of a bundle.
pub struct Verdict(Findings);

impl Verdict {
    pub fn lines(&self) -> Vec<String> {
        self.0.lines().iter().map(ToString::to_string).collect()
    }

    pub fn broken(&self) -> Vec<String> {
        self.0.broken_lines().map(ToString::to_string).collect()
    }

    /// Panics unless nothing is broken and each of `wanted` stands in a line that holds.
    pub fn holds(&self, wanted: &[&str]) {
        let lines = self.lines();
        assert!(self.0.all_hold(), "{}", lines.join("\n"));
        for words in wanted {
            let held = lines.iter().any(|line| line.starts_with("ok") && line.contains(words));
            assert!(held, "{words:?} is not in\n{}", lines.join("\n"));
        }
    }
}

/// How many experts the pool has; four are drawn.
pub const EXPERTS: usize = 7;

/// The form of a lot with a ceiling of five million, a deposit of eighty thousand, and a committee of five.
fn lot_form(floats: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("name", "第1标段"),
        ("budget", "5000000.00"),
        ("ceiling", "5000000.00"),
        ("deposit", "80000.00"),
        ("design", "no"),
        ("envelopes", "one"),
        ("method", "works_benchmark"),
        ("price_points", "60"),
        ("floats", floats),
        ("above", "1"),
        ("below", "0.5"),
        ("trim_from", "5"),
        ("item_name", "施工组织设计"),
        ("item_points", "30"),
        ("item_class", "technical"),
        ("item_kind", "subjective"),
        ("item_name", "类似业绩"),
        ("item_points", "10"),
        ("item_class", "commercial"),
        ("item_kind", "objective"),
        ("committee_size", "5"),
        ("committee_experts", "4"),
        ("minimum_bidders", "3"),
        ("specialities", "A080101"),
    ]
}
