//! A lawful day: from the announcement to the last refund, every role in its own browser.

use super::day::{Day, LOT, NUMBER};
use super::hall::written;
use crate::account::testing::Member;
use crate::deposit::testing::declared;
use crate::on_both_databases;
use crate::party::rules::CreditCode;
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64u;
use crate::platform::random;
use crate::tests::browser::Browser;
use crate::{account, app};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use std::sync::Arc;

on_both_databases! { a_lawful_day_goes_from_the_announcement_to_the_refunds }

const PRICES: [&str; 3] = ["5000000.00", "4800000.00", "4900000.00"];

fn a_lawful_day_goes_from_the_announcement_to_the_refunds(engine: Engine) {
    let mut day = Day::begin(engine, "lawful", "3 4", 2);
    let newcomer = registered(&day, &format!("newcomer.{engine:?}").to_lowercase());
    day.bidders.push(newcomer);
    ask_and_answer(&day);
    let taken = day.bids_in(&PRICES);
    let before = day.public_hall();
    assert!(before.contains("data-countdown") && !before.contains("bidder1"), "nobody learns who bids");
    let experts = day.draw_experts();

    let (mut agent, drawn) = open(&day);
    day.at("2026-03-25 10:30:00");
    let mut sittings = day.convene(&mut agent, &experts);
    // everybody is worth the same, so the price decides
    day.evaluate(&mut sittings, 3, |_| ["24", "8"]);
    let report = day.sign_report(&mut agent, &mut sittings);
    // three bids are too few to leave any out: the base is the mean, floated down
    let (base, scores) = match drawn.as_str() {
        "0.03" => ("4753000.00", ["54.80", "59.01", "56.91"]),
        "0.04" => ("4704000.00", ["53.71", "57.96", "55.83"]),
        other => panic!("drew {other}"),
    };
    let figures = report.replace(',', "");
    assert!(figures.contains("4900000.00") && figures.contains(base), "{report}");
    for score in scores {
        assert!(report.contains(&format!("<td class=\"num\">{score}</td>")), "{score} is not in {report}");
    }
    // the clock seals the recordings
    app::run_due_jobs(&day.served.house.house);

    publish(&day, &mut agent);
    refund(&day);
    let receipts = taken.into_iter().map(|bid| bid.proof).collect();
    day.judged(receipts).holds(&[
        "signed statements",
        "the box was closed at",
        "3 count",
        "2 trustees signed",
        "3 were read out, 3 opened again",
        "4 seats out of",
        "records, ",
        "3 deposits, ",
    ]);
}

/// A firm that was never here registers and makes its signing key in its own browser.
fn registered(day: &Day, login: &str) -> Member {
    let mut browser = day.served.visitor();
    browser.get("/account/register").expect_status(200);
    let code = CreditCode::complete("91990000900000001").unwrap().to_string();
    let form = [
        ("credit_code", code.as_str()),
        ("organisation", "bidder3有限公司"),
        ("person", "bidder3先生"),
        ("login", login),
        ("password", "correct horse"),
    ];
    assert_eq!(browser.post("/account/register", &form).expect_status(303).location(), "/account/key");
    let person = browser.get("/account/key").expect_status(200).attribute("data-person").unwrap();
    let random = random::source();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let proof = key.sign(&random, format!("etrade/enrol/v1\n{person}").as_bytes()).unwrap();
    let form = [("public_key", b64u(key.public_key().as_ref())), ("proof", b64u(proof.as_ref()))];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let certificate = browser.post("/account/key", &form).expect_status(201).bytes.to_vec();
    let who = day.served.house.door().read(|db| account::store::by_login(db, login)).unwrap().unwrap();
    Member { who, key: Arc::new(key), pkcs8: pkcs8.as_ref().to_vec(), certificate }
}

/// A bidder takes the documents and asks; the agent answers to everybody, and nobody learns who asked.
fn ask_and_answer(day: &Day) {
    let (notice, questions) = (format!("/announcement/{NUMBER}"), format!("/clarification/{NUMBER}"));
    day.at("2026-03-03 10:00:00");
    let mut bidder = day.enter(&day.bidders[2]);
    let page = bidder.get(&notice).expect_status(200).text();
    let document = page.split(&format!("{notice}/document/")).nth(1).unwrap().split('"').next().unwrap();
    let file = bidder.post(&format!("{notice}/document/{document}"), &[]).expect_status(200);
    assert_eq!(&file.bytes[..], b"%PDF-1.7 tender documents");
    bidder.get(&questions).expect_status(200);
    bidder.post(&questions, &[("question", "桥面铺装是否包含防水层？")]).expect_status(303);
    assert!(!day.served.visitor().get(&questions).expect_status(200).text().contains("防水层"));
    let mut agent = day.enter(&day.staff.agent);
    let waiting = agent.get(&questions).expect_status(200).text();
    assert!(waiting.contains("防水层") && !waiting.contains("bidder3"), "{waiting}");
    let question = waiting.split(&format!("{questions}/")).nth(1).unwrap().split('"').next().unwrap();
    let form = [("answer", "包含，见招标文件第 12 页。"), ("weight", "editorial")];
    let question = format!("{questions}/{question}");
    agent.get(&question).expect_status(200);
    let statement = agent.post(&question, &form).expect_status(200).field("statement").unwrap();
    let signed = day.staff.agent.sign(&statement);
    let mut all = vec![
        ("statement", signed.statement.as_str()),
        ("signature", signed.signature.as_str()),
        ("certificate", signed.certificate.as_str()),
    ];
    all.extend_from_slice(&form);
    agent.post(&format!("{question}/publish"), &all).expect_status(303);
    let public = day.served.visitor().get(&questions).expect_status(200).text();
    assert!(public.contains("防水层") && public.contains("第 12 页") && !public.contains("bidder3"));
}

/// A bidder and the supervisor sign in; the bids are read out; the bidder objects, is answered, and both sign the record
/// that the agent has published. Gives the agent's browser, and the number that was drawn.
fn open(day: &Day) -> (Browser, String) {
    let hall = day.hall();
    let mut agent = day.close();
    let present = [&day.bidders[0], &day.staff.supervisor];
    let mut browsers = present.map(|member| day.enter(member));
    for browser in &mut browsers {
        day.arrive(browser);
    }
    day.release(1);
    day.release(2);
    day.open(&mut agent, false).expect_status(303);
    let read_out = day.public_hall();
    for price in PRICES {
        assert!(read_out.contains(&written(price)), "{price} is not in {read_out}");
    }
    browsers[0].get(&hall).expect_status(200);
    let words = [("words", "第二名的工期没有按表填写。")];
    browsers[0].post(&format!("{hall}/objection"), &words).expect_status(303);
    let waiting = agent.get(&hall).expect_status(200).text();
    assert!(!waiting.contains("/publication\""), "the record waits for the answer");
    let id = waiting.split(&format!("{hall}/objection/")).nth(1).unwrap().split('/').next().unwrap();
    let answer = [("words", "已核对，按表填写。")];
    agent.post(&format!("{hall}/objection/{id}/answer"), &answer).expect_status(303);
    let drawn = day.draw_coefficient(&mut agent);
    day.publish_record(&mut agent);
    for (browser, member) in browsers.iter_mut().zip(present) {
        browser.sign(member, &hall, &format!("{hall}/single/signature"), &[]).expect_status(303);
    }
    let record = day.served.visitor().get(&format!("{hall}/single/record.json")).expect_status(200).text();
    assert!(record.contains("第二名的工期") && record.contains("已核对"), "{record}");
    assert!(record.contains(&format!("\"name\":\"k\",\"value\":\"{drawn}\"")), "{record}");
    (agent, drawn)
}

/// Candidates on display, award, result, letters, contract.
fn publish(day: &Day, agent: &mut Browser) {
    let lot = format!("/publication/{LOT}");
    let mut public = day.served.visitor();
    public.get(&format!("{lot}/candidates")).expect_status(404);
    let sign = format!("{lot}/sign/candidates");
    for record in drawn(day) {
        public.get(&record).expect_status(409);
    }
    agent.sign(&day.staff.agent, &sign, &sign, &[]).expect_status(303);
    let notice = public.get(&format!("{lot}/candidates")).expect_status(200).text();
    assert!(notice.contains("bidder2有限公司") && notice.contains("4,800,000.00"), "{notice}");
    // Saturday is the last of three days, so Monday is
    day.at("2026-03-30 23:59:59");
    let mut entity = day.enter(&day.staff.entity);
    entity.get(&format!("{lot}/sign/award")).expect_status(200);
    entity.post(&format!("{lot}/sign/award/check"), &[("bid", "b2")]).expect_status(422);
    day.at("2026-03-31 09:00:00");
    let mut entity = day.enter(&day.staff.entity);
    let award = format!("{lot}/sign/award");
    entity.fill_and_sign(&day.staff.entity, &award, &[("bid", "b2")]).expect_status(303);
    let mut agent = day.enter(&day.staff.agent);
    let sign = format!("{lot}/sign/result");
    agent.sign(&day.staff.agent, &sign, &sign, &[]).expect_status(303);
    draws_are_open_to_everybody(day, &mut public);
    let result = public.get(&format!("{lot}/result")).expect_status(200).text();
    assert!(result.contains("bidder2有限公司") && result.contains("肆佰捌拾万元整"), "{result}");
    assert!(!result.contains("expert"), "the law keeps the experts' names secret here");
    let decision = public.get(&format!("{lot}/award")).expect_status(200).text();
    assert!(decision.contains("bidder2有限公司") && decision.contains("第五十五条"), "{decision}");
    let letter = format!("{lot}/letter");
    for (place, bidder) in day.bidders.iter().enumerate() {
        let own = day.enter(bidder).get(&letter).expect_status(200).text();
        assert_eq!(own.contains("中标通知书"), place == 1, "{own}");
    }
    day.at("2026-04-07 09:00:00");
    let mut entity = day.enter(&day.staff.entity);
    let contract = [("contract_number", "HT-2026-001")];
    entity.fill_and_sign(&day.staff.entity, &format!("{lot}/sign/contract"), &contract).expect_status(303);
    public.get(&format!("{lot}/contract")).expect_status(200);
}

/// Where the records of the lot's draws are.
fn drawn(day: &Day) -> Vec<String> {
    let lot = super::facts(&day.served.house, LOT).lot;
    let draws = day.served.house.door().read(|db| crate::expert_draw::store::draws_of(db, lot)).unwrap();
    draws.iter().map(|draw| format!("/expert-draw/draw/{}/record.json", draw.id)).collect()
}

/// After the award a stranger takes the records from the page of results and draws again.
fn draws_are_open_to_everybody(day: &Day, public: &mut Browser) {
    let page = public.get(&format!("/publication/{LOT}")).expect_status(200).text();
    let records = drawn(day);
    assert_eq!(records.len(), 2, "the experts' draw and the coefficient's");
    for address in records {
        assert!(page.contains(&address), "{page}");
        let record = public.get(&address).expect_status(200);
        assert!(!record.text().contains("expert1"), "nobody is named");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &record.bytes).unwrap();
        let mut said = Vec::new();
        let args = crate::cli::draw::DrawArgs { file: file.path().to_owned(), alternates: false };
        crate::cli::draw::run(&args, &mut said).unwrap();
    }
}

/// Five days after the contract everybody has the deposit back.
fn refund(day: &Day) {
    let page = format!("/deposit/{LOT}");
    let due = day.enter(&day.bidders[0]).get(&page).expect_status(200).text();
    assert!(due.contains("保证金将于 2026-04-13 前退还"), "{due}");
    let paid = day.pay_back("2026-04-08", 3);
    for bidder in &day.bidders {
        assert!(paid.contains(&declared(&bidder.who).number), "the payment order names the bidder's account");
        let back = day.enter(bidder).get(&page).expect_status(200).text();
        assert!(back.contains("保证金已退回账户"), "{back}");
    }
}
