//! An objection in browsers: filed, pending, answered, and what each reader sees of it.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::evaluation::testing::evaluated;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::testing::{announced_lot, facts, staff};
use crate::publication::testing::display;
use crate::tests::browser::Served;

on_both_databases! {
    an_objection_is_filed_and_answered_in_the_browser_and_its_filer_is_not_shown
}

const LOT: &str = "/objection/TEST-0001/1";
const TEXT: &str = "第一候选人的项目负责人证书已经过期，请复核其资格。";
const ANSWER: &str = "经核查，该证书在投标截止日仍在有效期内。";

fn an_objection_is_filed_and_answered_in_the_browser_and_its_filer_is_not_shown(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = evaluated(&house, &staff, lot);
    display(&house, &staff, lot).unwrap();
    let stranger = house.member(Role::Bidder, "stranger");
    let served = Served::start(house);
    let (objector, mut public) = (&committee.bidders[3], served.visitor());
    let form = format!("{LOT}/file/result");
    served.browser(&stranger).get(&form).expect_status(403);
    let open = public.get(LOT).expect_status(200).text();
    assert!(open.contains("2026-03-31 00:00") && !open.contains("/file/"));
    let mut bidder = served.browser(objector);
    assert!(bidder.get(LOT).expect_status(200).text().contains("/file/result"));
    let short = bidder.post(&format!("{form}/check"), &[("text", "太短")]).expect_status(422);
    assert!(short.text().contains("太短") && short.field("statement").is_none());
    bidder.fill_and_sign(objector, &form, &[("text", TEXT)]).expect_status(303);
    assert!(facts(&served.house, lot).hold().is_held());
    let pending = public.get(LOT).expect_status(200).text();
    assert!(pending.contains("标段暂停中") && !pending.contains(TEXT));
    assert!(bidder.get(LOT).text().contains(TEXT));
    let mut agent = served.browser(&staff.agent);
    let seen = agent.get(LOT).expect_status(200).text();
    assert!(seen.contains(TEXT) && seen.contains("bidder4有限公司"), "who answers knows whom");
    let id = seen.split("/case/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let case = format!("{LOT}/case/{id}");
    agent.post(&format!("{case}/check"), &[("text", ANSWER)]).expect_status(422);
    agent
        .fill_and_sign(&staff.agent, &case, &[("outcome", "dismissed"), ("text", ANSWER)])
        .expect_status(303);
    assert!(!facts(&served.house, lot).hold().is_held());
    let answered = public.get(LOT).expect_status(200).text();
    assert!(answered.contains(TEXT) && answered.contains(ANSWER) && !answered.contains("bidder4有限公司"));
    agent.get(&case).expect_status(409);
}
