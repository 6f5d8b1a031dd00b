//! What the running program tells those who keep it running: its most talkative log, and its metrics. Before the opening
//! neither may tell a price, a bidder, or how many they are.

use super::browser::{Browser, Served};
use super::crash::{Bidder, sealed_by, signed_in, try_to_bid};
use super::program::{Server, clock_begins_at};
use crate::account::testing::{Member, TestHouse};
use crate::deposit::testing::{asked, csv, line, treasury};
use crate::opening::testing::empty_box;
use crate::platform::database::testing::Engine;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::Offer;
use bytes::Bytes;
use reqwest::Method;
use std::collections::BTreeMap;
use std::path::Path;

/// A price that occurs nowhere else.
const CANARY: &str = "7654321.98";

/// Figures that grow with the log and with nothing else; its size is public.
const AS_PUBLIC_AS_THE_LOG: [&str; 4] =
    ["sunbid_acts_total", "sunbid_commits_total", "sunbid_checkpoint_entries", "sunbid_log_size"];

struct Watched {
    server: Server,
    log: tempfile::NamedTempFile,
    treasurer: Browser,
}

/// What a keeper of the machine sees at one moment.
struct Glance {
    log: String,
    figures: BTreeMap<String, f64>,
}

impl Watched {
    /// The bank's notice of a deposit, the upload and the submission, all over HTTP.
    fn pays_and_bids(&mut self, notice: &str, bidder: &Bidder, browser: &mut Browser) {
        let boundary = "------------------------notice";
        let body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--{boundary}\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"n.csv\"\r\n\r\n{notice}\r\n--{boundary}--\r\n",
            self.treasurer.csrf
        );
        let kind = format!("multipart/form-data; boundary={boundary}");
        let path = "/deposit/treasury/import";
        let sent = self.treasurer.send(Method::POST, path, &[("content-type", &kind)], Bytes::from(body));
        sent.expect_status(303);
        assert!(try_to_bid(browser, bidder).is_some());
    }

    fn glance(&self) -> Glance {
        let text = Browser::at(&format!("http://{}", self.server.metrics)).get("/metrics").text();
        let figures = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with("sunbid_job_runs"))
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect();
        Glance { log: std::fs::read_to_string(self.log.path()).unwrap(), figures }
    }
}

impl Glance {
    /// Lines of the log that are not the ticker's own.
    fn lines(&self) -> usize {
        self.log.lines().filter(|line| !line.contains("tokio_cron_scheduler")).count()
    }
}

fn notice_of(
    house: &TestHouse,
    bidder: &Member,
    lot: crate::platform::id::Id<crate::project::rules::Lot>,
) -> String {
    let demand = asked(house, &bidder.who, lot);
    let reference = format!("B{}", &demand.id.to_string()[..20]);
    csv(&[line(&demand, &reference, &demand.amount.plain(), house.door().now())])
}

#[test]
fn neither_the_log_of_the_running_program_nor_its_metrics_tell_who_bids_or_how_many() {
    let house = TestHouse::new(Engine::Sqlite);
    let lot = empty_box(&house, &Shape::default()).lot;
    let treasurer = treasury(&house);
    house.at("2026-03-20 10:00:00");
    let bidders: Vec<Bidder> = (1..=9)
        .map(|i| sealed_by(&house, lot, &format!("secretbidder{i}"), &Offer::priced(CANARY)))
        .collect();
    let notices: Vec<String> = bidders.iter().map(|bidder| notice_of(&house, &bidder.member, lot)).collect();
    clock_begins_at(&house, house.door().now());

    let log = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start_logging(&house, log.path());
    let sign_in = |member: &Member| signed_in(&server.address, member).unwrap();
    // everybody comes in before the first look: how many people sign in is no secret
    let mut browsers: Vec<Browser> = bidders.iter().map(|bidder| sign_in(&bidder.member)).collect();
    let treasurer = sign_in(&treasurer);
    let mut watched = Watched { server, log, treasurer };
    let mut glances = Vec::new();
    for bids in [0..3, 3..9] {
        for at in bids {
            watched.pays_and_bids(&notices[at], &bidders[at], &mut browsers[at]);
        }
        glances.push(watched.glance());
    }
    let size = |glance: &Glance| glance.figures["sunbid_log_size"];
    let (three, nine) = (&glances[0], &glances[1]);
    assert!(size(nine) - size(three) >= 12.0, "six deposits and six bids are in the log");
    let acts = |glance: &Glance| -> f64 {
        let of_acts = glance.figures.iter().filter(|(name, _)| name.starts_with("sunbid_acts_total"));
        of_acts.map(|(_, value)| value).sum()
    };
    assert!(acts(nine) - acts(three) <= size(nine) - size(three), "acts tell more than the public log");

    let telling = |name: &String| !AS_PUBLIC_AS_THE_LOG.iter().any(|public| name.starts_with(public));
    let names = three.figures.keys().chain(nine.figures.keys()).filter(|name| telling(name));
    for name in names {
        assert_eq!(three.figures.get(name), nine.figures.get(name), "{name} tells three bids from nine");
    }
    assert!(nine.figures.keys().any(|name| name.contains("/account/sign-in")), "pages are counted at all");
    assert_eq!(three.lines(), nine.lines(), "the log's length counts bids:\n{}", nine.log);

    let mut secrets = vec![CANARY.to_owned(), "7,654,321.98".into(), "secretbidder".into(), lot.to_string()];
    for who in bidders.iter().map(|bidder| &bidder.member.who) {
        secrets.extend([who.person.to_string(), who.organisation.to_string(), who.credit_code.clone()]);
    }
    let figures: String = nine.figures.keys().cloned().collect();
    for secret in secrets {
        assert!(!nine.log.contains(&secret), "the log tells {secret}");
        assert!(!figures.contains(&secret), "the metrics tell {secret}");
    }
    watched.server.kill();
}

#[test]
fn metrics_stand_on_an_address_of_their_own() {
    let served = Served::start(TestHouse::new(Engine::Sqlite));
    served.visitor().get("/metrics").expect_status(404);
    served.visitor().get("/tenders").expect_status(200);
    let text = served.house.door().metrics().text().unwrap();
    let row = r#"sunbid_requests_total{method="GET",route="/tenders",status="2xx"} 1"#;
    assert!(text.contains(row), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_program_whose_metrics_address_is_taken_serves_all_the_same() {
    let house = TestHouse::new(Engine::Sqlite);
    let log = tempfile::NamedTempFile::new().unwrap();
    let first = Server::start(&house);
    let second = Server::start_beside(&house, log.path(), &first.metrics);
    assert_eq!(Browser::at(&second.base()).get("/healthz").status, 200);
    assert!(read(log.path()).contains("metrics are not served"));
    second.kill();
    first.kill();
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
