//! The room's pages over HTTP.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::expert_draw::actions;
use crate::expert_draw::draw::{DrawRecord, commit_of};
use crate::expert_draw::testing::{secret, with_accounts};
use crate::on_both_databases;
use crate::platform::canonical::from_jcs;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::testing::{announced_lot, staff};
use crate::tests::browser::{Browser, Served};
use reqwest::Method;

on_both_databases! {
    a_draw_is_walked_from_the_register_to_the_answer_over_http
}

/// Uploads a register as the browser would.
fn upload(browser: &mut Browser, csv: &str) -> crate::tests::browser::Seen {
    browser.get("/expert-draw/pool").expect_status(200);
    let boundary = "----sunbidtest";
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"p.csv\"\r\nContent-Type: text/csv\r\n\r\n{csv}\r\n--{boundary}--\r\n",
        browser.csrf
    );
    let kind = format!("multipart/form-data; boundary={boundary}");
    browser.send(Method::POST, "/expert-draw/pool", &[("content-type", &kind)], body.into())
}

fn register() -> String {
    let row = |i: usize| {
        format!("E{i:03},测试专家{i:03}号,{},测试单位{i},210200,正常\n", ["A080101", "B01"][i % 2])
    };
    let rows: String = (0..60).map(row).collect();
    format!("专家编号,姓名,专业代码,工作单位,地区,状态\n{rows}E900,,A08,某公司,210200,正常\n")
}

const SET_UP: [(&str, &str); 18] = [
    ("stratum", "技术"),
    ("codes", "A08"),
    ("regions", ""),
    ("seats", "3"),
    ("stratum", "经济"),
    ("codes", "B"),
    ("regions", "21 2102"),
    ("seats", "2"),
    ("cap", "1"),
    ("worked_years", "3"),
    ("avoid_units", "测试单位1\r\n测试单位2"),
    ("declared", "E003"),
    ("party", "agent"),
    ("party", "supervisor"),
    ("party", "centre"),
    ("source", "lottery"),
    ("lottery_name", "福彩3D"),
    ("lottery_issue", "2026060"),
];

fn set_up_fields(reveal_by: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = SET_UP.to_vec();
    fields.extend([("lottery_where", "报纸"), ("reveal_by", reveal_by), ("public_at", "2026-03-02T09:20")]);
    fields
}

fn a_draw_is_walked_from_the_register_to_the_answer_over_http(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let served = Served::start(house);
    let mut centre = served.browser(&staff.centre);
    let mut agent = served.browser(&staff.agent);
    let mut supervisor = served.browser(&staff.supervisor);

    let broken = upload(&mut centre, "name,salary\nx,1\n").expect_status(422);
    assert!(broken.text().contains("salary"));
    let imported = upload(&mut centre, &register()).expect_status(200);
    assert!(imported.text().contains("已导入 60 名专家；1 行有误") && imported.text().contains(">62<"));

    agent.get("/expert-draw/TEST-0001/1").expect_status(200);
    let late = agent.post("/expert-draw/TEST-0001/1/experts/check", &set_up_fields("2026-03-02T09:01"));
    assert!(late.expect_status(422).text().contains("时间安排过紧"));
    let fields = set_up_fields("2026-03-02T09:10");
    let check = agent.post("/expert-draw/TEST-0001/1/experts/check", &fields).expect_status(200).text();
    assert!(check.contains("2026060") && check.contains("测试单位2"), "{check}");
    let path = agent.post("/expert-draw/TEST-0001/1/experts", &fields).expect_status(303).location();
    let draw = Id::parse(path.rsplit('/').next().unwrap()).unwrap();
    let other_agent = served.house.member(Role::Agent, "other");
    served.browser(&other_agent).get(&path).expect_status(404);

    for (browser, party) in [(&mut agent, "agent"), (&mut supervisor, "supervisor"), (&mut centre, "centre")]
    {
        browser.get(&path).expect_status(200);
        let wrong = browser.post(&format!("{path}/commit"), &[("commit", "abc")]).expect_status(422);
        assert!(wrong.text().contains("64 位十六进制"));
        let commit = commit_of(draw, party, &secret(draw, party).0).to_string();
        browser.post(&format!("{path}/commit"), &[("commit", &commit)]).expect_status(303);
    }
    agent.get(&path).expect_status(200);
    agent.post(&format!("{path}/fix"), &[]).expect_status(303);
    for (browser, party) in [(&mut agent, "agent"), (&mut centre, "centre")] {
        browser.get(&path).expect_status(200);
        let reveal = secret(draw, party).to_string();
        browser.post(&format!("{path}/reveal"), &[("reveal", &reveal)]).expect_status(303);
    }
    let early = agent.post(&format!("{path}/value"), &[("value", "528")]).expect_status(422);
    assert!(early.text().contains("公共随机值尚未产生"));
    served.house.at("2026-03-02 09:20:00");
    for browser in [&mut supervisor, &mut centre] {
        browser.get(&path).expect_status(200);
        browser.post(&format!("{path}/value"), &[("value", "5 2 8")]).expect_status(303);
    }
    agent.get(&path).expect_status(200);
    agent.post(&format!("{path}/carry-out"), &[]).expect_status(303);

    for browser in [&mut agent, &mut centre, &mut supervisor] {
        let page = browser.get(&path).expect_status(200).text();
        // a form's token is random and may hold an E0; everything else random is in lower case
        let page = page.replace(&browser.csrf, "");
        assert!(page.contains("待答复") && !page.contains("测试专家") && !page.contains("E0"), "{page}");
    }
    agent.post(&format!("{path}/names"), &[]).expect_status(403);
    let names = supervisor.post(&format!("{path}/names"), &[]).expect_status(200).text();
    assert_eq!(names.matches("测试专家").count(), 5);
    let record = supervisor.post(&format!("{path}/record"), &[]).expect_status(200);
    assert_eq!(from_jcs::<DrawRecord>(&record.bytes).unwrap().check(), Ok(()));

    let accounts = with_accounts(&served.house, &staff, lot);
    let mut expert = served.browser(&accounts[0]);
    let seen = expert.get("/expert-draw/invitations").expect_status(200).text();
    assert!(seen.contains("TEST-0001/1") && seen.contains("谢绝"));
    let answer = [("draw", draw.to_string()), ("answer", "decline".to_owned())];
    let answer: Vec<(&str, &str)> = answer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    expert.post("/expert-draw/invitations", &answer).expect_status(303);
    expert.get("/expert-draw/invitations").expect_status(200);
    expert.post("/expert-draw/invitations", &answer).expect_status(422);
    let vault = served.house.door().vault().clone();
    let members = served.house.door().read(|db| actions::members(db, &vault, lot)).unwrap();
    assert_eq!(members.len(), 5, "the next alternate was called");
}
