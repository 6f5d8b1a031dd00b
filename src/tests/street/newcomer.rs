//! What a newcomer finds in the demonstration and can do there without asking anybody.

use crate::account::store as people;
use crate::announcement::store::documents;
use crate::demo::cast::{EXPERTS, PASSWORD};
use crate::demo::story::E4;
use crate::deposit::store::open_refunds;
use crate::deposit::testing::is_valid;
use crate::opening::testing::trust;
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs_text;
use crate::project::place::Category;
use crate::project::store;
use crate::project::terms::Envelopes;
use crate::sealing::command::read_pkcs12;
use crate::sealing::key_file::read_trustee_key;
use crate::sealing::release::OpeningBundle;
use crate::tests::browser::{Browser, Served};

/// A browser in which somebody of the demonstration is signed in.
fn signed_in(served: &Served, login: &str) -> Browser {
    let who = served.house.door().read(|db| people::by_login(db, login)).unwrap().unwrap();
    served.browser_of(&who)
}

/// The agent reads every document of every example tender, the entity those of announced ones; a bidder gets those that
/// are being issued and those of the tender that it bid for, and is told of the others when they were.
pub fn reads_every_document(served: &Served, numbers: &[&str]) {
    let [mut agent, mut entity, mut bidder] =
        ["agent", "entity", "bidder7"].map(|login| signed_in(served, login));
    let (mut issued, mut over) = (0, 0);
    for number in numbers {
        let listed = served.house.door().read(|db| {
            let tender = store::tender_named(db, number)?;
            Ok::<_, crate::platform::refusal::Failure>((
                documents(db, tender.tender)?,
                tender.announced_at.is_some(),
            ))
        });
        let (listed, announced) = listed.unwrap();
        assert!(!listed.is_empty(), "{number} has no documents");
        for document in listed {
            let path = format!("/announcement/{number}/document/{}", document.id);
            for browser in [&mut agent, &mut entity] {
                let seen = browser.get(&path).expect_status(200);
                assert_eq!(seen.bytes.len() as u64, document.bytes, "{number}");
                assert!(seen.bytes.starts_with(b"%PDF-") && seen.bytes.ends_with(b"%%EOF\n"), "{number}");
            }
            let taken = bidder.post(&path, &[]);
            match (announced, taken.status) {
                (true, 200) => issued += 1,
                (true, 409) => over += 1,
                (false, 404) => {}
                (_, other) => panic!("{number}: {other} {}", taken.text()),
            }
        }
    }
    assert!(issued >= 2 && over >= 1, "{issued} are being issued, {over} were");
}

/// A bidder asks for an account number, the treasurer imports the notice that the demonstration offers, and the bidder has
/// paid; nothing but what the pages say is needed.
pub fn pays_a_deposit(served: &Served) {
    let public = served.visitor().get("/demo").expect_status(200).text();
    // only here does a trustee's browser take the platform's clock for its own
    assert!(public.contains(" data-demo"), "{public}");
    for login in ["delegate1", "delegate2", "expert161", "E00161", "treasurer"] {
        assert!(public.contains(login), "{login} is not in {public}");
    }
    assert!(!public.contains("bank-notice.xml"));
    let hired = served.house.door().read(|db| people::by_login(db, &format!("expert{EXPERTS}"))).unwrap();
    assert!(hired.is_some());
    let [mut bidder, mut treasurer] = ["bidder2", "treasurer"].map(|login| signed_in(served, login));
    assert!(treasurer.get("/demo").expect_status(200).text().contains("/demo/bank-notice.xml"));
    let none = treasurer.get("/demo/bank-notice.xml").expect_status(409).text();
    assert!(none.contains("没有等待付款"), "{none}");

    let page = "/deposit/DEMO-0007/1";
    bidder.get(page).expect_status(200);
    let from = [
        ("holder", "海晏市政工程有限公司"),
        ("number", "6222000011112222"),
        ("bank_code", "102222000123"),
        ("bank_name", "某银行 & 支行"),
    ];
    bidder.post(page, &from).expect_status(303);
    let notice = treasurer.get("/demo/bank-notice.xml").expect_status(200);
    assert!(is_valid("camt.054.001.08", &notice.text()), "{}", notice.text());
    bidder.get("/demo/bank-notice.xml").expect_status(403);
    for _ in 0..2 {
        // importing it again credits nothing again
        treasurer.get("/deposit/treasury/import").expect_status(200);
        treasurer.post_file("/deposit/treasury/import", "bank-notice.xml", &notice.bytes).expect_status(303);
        let paid = bidder.get(page).expect_status(200).text();
        assert!(paid.contains("保证金已足额到账：200,000.00 元"), "{paid}");
    }
    treasurer.get("/demo/bank-notice.xml").expect_status(409);
}

/// With the key files of the demonstration's page and nothing else: the clock is moved to the deadline, the box closed,
/// two trustees release, the agent opens.
pub fn opens_the_tender_whose_bids_are_in(served: &Served) {
    let mut centre = signed_in(served, "centre");
    centre.get("/demo").expect_status(200);
    centre.post("/demo/clock", &[("to", "2026-06-03T09:50:00")]).expect_status(303);
    let hall = "/opening/DEMO-0006/1";
    let mut agent = signed_in(served, "agent");
    agent.get(hall).expect_status(200);
    agent.post(&format!("{hall}/closing"), &[]).expect_status(303);
    for login in ["entity", "supervisor"] {
        let mut browser = signed_in(served, login);
        let page = browser.get("/demo").expect_status(200).text();
        let file = |name: String| {
            let address = format!("/demo/keys/{name}");
            assert!(page.contains(&format!("href=\"{address}\"")), "{address} is not in {page}");
            served.visitor().get(&address).expect_status(200).bytes
        };
        let signer = read_pkcs12(&file(format!("{login}.p12")), PASSWORD).unwrap();
        let seen = browser.get(&format!("{hall}/single/bundle.json")).expect_status(200);
        let bundle = OpeningBundle::read(&seen.bytes).unwrap();
        let boxes = file(format!("DEMO-0006-{login}.p8"));
        let key = read_trustee_key(&boxes, PASSWORD, Some(signer), &bundle.trustees).unwrap();
        let release = bundle.release(&key, &trust(&served.house), served.house.door().now()).unwrap();
        browser.get(hall).expect_status(200);
        let fields = [("release", jcs_text(&release))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post(&format!("{hall}/single/release"), &fields).expect_status(303);
    }
    agent.get(hall).expect_status(200);
    agent.post(&format!("{hall}/single/open"), &[]).expect_status(303);
    let read_out = served.visitor().get(hall).expect_status(200).text().replace(',', "");
    assert!(E4[2..6].iter().all(|price| read_out.contains(price)), "{read_out}");
    served.visitor().get("/demo/keys/DEMO-0001-agent.p8").expect_status(404);
}

/// A tender under the procurement law with two envelopes takes bids, questions and an objection have their answers, no
/// refund is late, and whatever has a date has one on which people work.
pub fn finds_a_living_centre(served: &Served, lots: &[&str]) {
    let mut visitor = served.visitor();
    let works = ("踏勘现场的集合地点", "以竣工验收日为准");
    let goods = ("样品的送达地点", "从验收合格之日起算");
    for (number, (question, answer)) in [("DEMO-0006", works), ("DEMO-0007", works), ("DEMO-0009", goods)] {
        let page = visitor.get(&format!("/clarification/{number}")).expect_status(200).text();
        assert!(page.contains(question) && page.contains(answer), "{page}");
    }
    let objections = visitor.get("/objection/DEMO-0001/1").expect_status(200).text();
    assert!(objections.contains("验收证明不完整") && objections.contains("验收证明齐全"), "{objections}");
    let two = super::facts(&served.house, "DEMO-0009/1");
    assert_eq!((two.category, two.terms.envelopes), (Category::Goods, Envelopes::Two));
    visitor.get("/demo/keys/DEMO-0009-entity.p8").expect_status(200);

    let (door, vault) = (served.house.door(), served.house.door().vault().clone());
    let today = door.now().beijing_date();
    for refund in door.read(|db| open_refunds(db, &vault)).unwrap() {
        assert!(refund.due_on >= today, "a refund was due on {}", refund.due_on);
    }
    for lot in lots {
        let schedule = super::facts(&served.house, lot).schedule.unwrap();
        for at in [schedule.documents_from, schedule.bids_until] {
            assert!(
                Calendar::official().is_working_day(at.beijing_date()).unwrap(),
                "{lot}: {}",
                at.beijing()
            );
        }
    }
}
