//! The committee, from the draw of its experts to the signed report, each member in their own browser and recorded.

use super::day::{Day, EXPERTS, LOT};
use crate::account::testing::Member;
use crate::expert_draw::draw::{Draw, commit_of};
use crate::expert_draw::hex_bytes::Hex;
use crate::platform::digest::{b64, sha256};
use crate::platform::id::Id;
use crate::recording::testing::sample;
use crate::tests::browser::Browser;
use bytes::Bytes;
use reqwest::Method;

/// A member at work.
pub struct Sitting {
    pub member: Member,
    pub browser: Browser,
}

impl Day {
    /// The centre takes over the registry's list and connects every expert with their account.
    pub fn fill_pool(&self) {
        let mut centre = self.enter(&self.staff.centre);
        let mut list = "registry_id,name,specialities,employer,region,status\n".to_owned();
        for (place, expert) in self.experts.iter().enumerate() {
            let (name, employer) = (&expert.who.name, &expert.who.organisation_name);
            list += &format!("E{place:05},{name},A080101,{employer},210200,active\n");
        }
        let pool = "/expert-draw/pool";
        centre.get(pool).expect_status(200);
        centre.post_file(pool, "pool.csv", list.as_bytes()).expect_status(200);
        for (place, expert) in self.experts.iter().enumerate() {
            let registry_id = format!("E{place:05}");
            let form = [("login", expert.who.login.as_str()), ("registry_id", registry_id.as_str())];
            centre.post(&format!("{pool}/account"), &form).expect_status(303);
        }
    }

    /// The agent sets a draw up in the form `form` of the lot's page; three parties commit and reveal, the value is read.
    fn carry_out(&self, agent: &mut Browser, form: &str, fields: &[(&str, &str)]) -> String {
        let lot = format!("/expert-draw/{LOT}");
        agent.get(&lot).expect_status(200);
        let now = self.served.house.door().now();
        let minute = crate::platform::moment::MINUTE;
        let (reveal_by, public_at) = (now.plus(3 * minute), now.plus(4 * minute));
        let times = [reveal_by.beijing_field(), public_at.beijing_field()];
        let mut all = vec![
            ("party", "agent"),
            ("party", "supervisor"),
            ("party", "centre"),
            ("source", "lottery"),
            ("lottery_name", "福彩3D"),
            ("lottery_issue", "2026075"),
            ("lottery_where", "中国福利彩票发行管理中心网站"),
            ("reveal_by", &times[0]),
            ("public_at", &times[1]),
        ];
        all.extend_from_slice(fields);
        agent.post(&format!("{lot}/{form}/check"), &all).expect_status(200);
        let page = agent.post(&format!("{lot}/{form}"), &all).expect_status(303).location();
        let draw: Id<Draw> = Id::parse(page.rsplit('/').next().unwrap()).unwrap();
        let parties = [&self.staff.agent, &self.staff.supervisor, &self.staff.centre];
        let mut browsers = parties.map(|party| self.enter(party));
        let secret = |party: &Member| sha256(&[page.as_bytes(), party.who.login.as_bytes()]);
        for (browser, party) in browsers.iter_mut().zip(parties) {
            browser.get(&page).expect_status(200);
            let commit = commit_of(draw, party.who.role.code(), &secret(party)).to_string();
            browser.post(&format!("{page}/commit"), &[("commit", &commit)]).expect_status(303);
        }
        agent.get(&page).expect_status(200);
        agent.post(&format!("{page}/fix"), &[]).expect_status(303);
        for (browser, party) in browsers.iter_mut().zip(parties) {
            let reveal = Hex(secret(party)).to_string();
            browser.post(&format!("{page}/reveal"), &[("reveal", &reveal)]).expect_status(303);
        }
        self.served.house.clock.move_to(public_at);
        for browser in &mut browsers[1..] {
            browser.get(&page).expect_status(200);
            browser.post(&format!("{page}/value"), &[("value", "5 2 8")]).expect_status(303);
        }
        agent.get(&page).expect_status(200);
        agent.post(&format!("{page}/carry-out"), &[]).expect_status(303);
        page
    }

    /// Four experts are drawn; whoever is invited first declines, and the next in the order of the draw is called.
    pub fn draw_experts(&self) -> Vec<Member> {
        self.fill_pool();
        let mut agent = self.enter(&self.staff.agent);
        let conditions = [
            ("stratum", "技术"),
            ("codes", "A080101"),
            ("regions", ""),
            ("seats", "4"),
            ("cap", "1"),
            ("worked_years", "3"),
            ("avoid_units", ""),
            ("declared", ""),
        ];
        let page = self.carry_out(&mut agent, "experts", &conditions);
        let draw = page.rsplit('/').next().unwrap().to_owned();
        let (mut seated, mut declined) = (Vec::new(), false);
        let mut waiting: Vec<(Member, Browser)> =
            self.experts.iter().map(|expert| (expert.clone(), self.enter(expert))).collect();
        // the one who is called last may stand before the one who declined
        for _ in 0..2 {
            let mut uncalled = Vec::new();
            for (expert, mut browser) in waiting {
                let page = browser.get("/expert-draw/invitations").expect_status(200).text();
                if !page.contains(&draw) {
                    uncalled.push((expert, browser));
                    continue;
                }
                let answer = if declined { "accept" } else { "decline" };
                let form = [("draw", draw.as_str()), ("answer", answer)];
                browser.post("/expert-draw/invitations", &form).expect_status(303);
                if declined {
                    seated.push(expert);
                }
                declined = true;
            }
            waiting = uncalled;
        }
        assert_eq!((seated.len(), waiting.len()), (4, EXPERTS - 5));
        seated
    }

    /// The number that the method draws at the opening, as the hall shows it to everybody.
    pub fn draw_coefficient(&self, agent: &mut Browser) -> String {
        self.carry_out(agent, "coefficient", &[("number_name", "k")]);
        let shown = self.public_hall();
        let (_, value) = shown.split_once("<strong>k = ").unwrap();
        value.split('<').next().unwrap().to_owned()
    }

    /// The agent forms the committee of these experts and the entity's delegate; they declare, are recorded, and the agent
    /// starts.
    pub fn convene(&self, agent: &mut Browser, experts: &[Member]) -> Vec<Sitting> {
        let room = format!("/evaluation/{LOT}");
        agent.get(&room).expect_status(200);
        let form = [("representatives", self.delegate.who.login.as_str())];
        agent.post(&format!("{room}/committee"), &form).expect_status(303);
        let mut sittings = Vec::new();
        for member in experts.iter().chain([&self.delegate]) {
            let mut sitting = Sitting { browser: self.enter(member), member: member.clone() };
            assert!(sitting.browser.get("/evaluation").expect_status(200).text().contains(&room));
            sitting.browser.get(&room).expect_status(200);
            sitting.browser.post(&format!("{room}/declaration"), &[("conflict", "none")]).expect_status(303);
            sittings.push(sitting);
        }
        agent.get(&room).expect_status(200);
        let early = agent.post(&format!("{room}/start"), &[]).expect_status(422);
        assert!(early.text().contains("录像"), "{}", early.text());
        for sitting in &mut sittings {
            sitting.go_live();
        }
        agent.get(&room).expect_status(200);
        agent.post(&format!("{room}/start"), &[]).expect_status(303);
        sittings
    }

    /// Every member passes every bid, gives the scores that `score` says for each, and the leader closes.
    pub fn evaluate(
        &self,
        sittings: &mut [Sitting],
        bids: usize,
        score: impl Fn(usize) -> [&'static str; 2],
    ) {
        self.review(sittings, bids);
        self.score(sittings, bids, score);
    }

    /// Every member passes every item of so many bids, and signs.
    pub fn review(&self, sittings: &mut [Sitting], bids: usize) {
        for sitting in sittings {
            sitting.fill(bids, "review", "outcome-", |_, _| "pass");
        }
    }

    /// Every member gives each bid these scores, technical and commercial, and signs; the leader closes.
    pub fn score(&self, sittings: &mut [Sitting], bids: usize, score: impl Fn(usize) -> [&'static str; 2]) {
        for sitting in sittings.iter_mut() {
            sitting.fill(bids, "scores", "score-", |bid, item| score(bid)[item]);
        }
        self.lead(sittings, "close", &[]);
    }

    /// The one member who has the form `form` on their desk fills it in.
    pub fn lead(&self, sittings: &mut [Sitting], form: &str, fields: &[(&str, &str)]) {
        let room = format!("/evaluation/{LOT}");
        let mut done = 0;
        for Sitting { browser, .. } in sittings {
            let desk = browser.get(&room).expect_status(200).text();
            if desk.contains(&format!("action=\"{room}/{form}\"")) {
                browser.post(&format!("{room}/{form}"), fields).expect_status(303);
                done += 1;
            }
        }
        assert_eq!(done, 1, "the leader does it, and nobody else can");
    }

    /// Every member reads the report and signs that they agree. Gives the report as the agent reads it afterwards.
    pub fn sign_report(&self, agent: &mut Browser, sittings: &mut [Sitting]) -> String {
        let report = format!("/evaluation/{LOT}/report");
        agent.get(&report).expect_status(404);
        for Sitting { member, browser } in sittings {
            assert!(browser.get(&report).expect_status(200).text().contains("opinion=agree"));
            let page = format!("{report}/sign?opinion=agree");
            browser.sign(member, &page, &format!("{report}/sign"), &[]).expect_status(303);
        }
        agent.get(&report).expect_status(200).text()
    }
}

impl Sitting {
    /// The recorder's tab: camera and screen, as far as the first pictures.
    fn go_live(&mut self) {
        let desk = self.browser.get(&format!("/evaluation/{LOT}")).expect_status(200).text();
        let (_, rest) = desk.split_once("href=\"/recording/").unwrap();
        let session = rest.split('/').next().unwrap().to_owned();
        let studio = self.browser.get(&format!("/recording/{session}/studio")).expect_status(200);
        for (source, blobs) in [("camera", "camera-mp4"), ("screen", "screen-mp4")] {
            let track = studio.attribute(&format!("data-{source}")).unwrap();
            let began = self.browser.get("/recording/clock").expect_status(200).text();
            let began: String = began.chars().filter(char::is_ascii_digit).take(16).collect();
            for (seq, part) in sample(blobs).into_iter().filter(|part| !part.is_empty()).take(2).enumerate() {
                let digest = format!("sha-256=:{}:", b64(&sha256(&[&part])));
                let headers = [
                    ("content-digest", digest.as_str()),
                    ("recording-began-at", began.as_str()),
                    ("sec-fetch-site", "same-origin"),
                ];
                let path = format!("/recording/ingest/{session}/{track}/1/{seq}");
                self.browser.send(Method::PUT, &path, &headers, Bytes::from(part)).expect_status(201);
            }
        }
    }

    /// Fills the pages of all bids in, following where each leads, and signs at the end.
    fn fill(&mut self, bids: usize, part: &str, prefix: &str, value: impl Fn(usize, usize) -> &'static str) {
        let room = format!("/evaluation/{LOT}");
        let mut next = format!("{room}/{part}/b1");
        for place in 0..bids {
            assert_eq!(next, format!("{room}/{part}/b{}", place + 1));
            let page = self.browser.get(&next).expect_status(200).text();
            let mut names: Vec<&str> = page
                .split(&format!("name=\"{prefix}"))
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap())
                .collect();
            names.dedup();
            let fields: Vec<(String, &str)> = names
                .iter()
                .enumerate()
                .map(|(item, name)| (format!("{prefix}{name}"), value(place, item)))
                .collect();
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            next = self.browser.post(&next, &fields).expect_status(303).location();
        }
        assert_eq!(next, format!("{room}/{part}/sign"));
        self.browser.sign(&self.member, &next, &next, &[]).expect_status(303);
    }
}
