//! An objection to the result: everything stands still until it is answered.

use super::day::{Day, LOT};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;

on_both_databases! { an_objection_suspends_the_award_until_it_is_answered }

const TEXT: &str = "第一候选人的项目负责人证书已经过期，请复核其资格。";
const ANSWER: &str = "经核查，该证书在投标截止日仍在有效期内。";

fn an_objection_suspends_the_award_until_it_is_answered(engine: Engine) {
    let day = Day::begin(engine, "objected", "3", 3);
    let taken = day.bids_in(&["5000000.00", "4800000.00", "4900000.00"]);
    let experts = day.draw_experts();
    let mut agent = day.opened();
    day.at("2026-03-25 10:30:00");
    let mut sittings = day.convene(&mut agent, &experts);
    day.evaluate(&mut sittings, 3, |_| ["24", "8"]);
    day.sign_report(&mut agent, &mut sittings);
    let sign = format!("/publication/{LOT}/sign/candidates");
    agent.sign(&day.staff.agent, &sign, &sign, &[]).expect_status(303);

    day.at("2026-03-26 10:00:00");
    let (page, objector) = (format!("/objection/{LOT}"), &day.bidders[2]);
    let mut browser = day.enter(objector);
    let form = format!("{page}/file/result");
    browser.fill_and_sign(objector, &form, &[("text", TEXT)]).expect_status(303);
    let public = day.served.visitor().get(&page).expect_status(200).text();
    assert!(public.contains("标段暂停中") && !public.contains(TEXT), "{public}");
    assert!(!public.contains("bidder3有限公司"), "who objects is not public");

    // the display is over, but nothing may be awarded
    day.at("2026-03-31 09:00:00");
    let mut entity = day.enter(&day.staff.entity);
    let award = format!("/publication/{LOT}/sign/award");
    let refused = entity.get(&award);
    assert_eq!(refused.status, 409, "{}", refused.text());
    let stands = entity.get(&format!("/publication/{LOT}")).expect_status(200).text();
    assert!(stands.contains("暂停") && !stands.contains("/sign/award\""), "{stands}");

    let mut agent = day.enter(&day.staff.agent);
    let waiting = agent.get(&page).expect_status(200).text();
    let id = waiting.split("/case/").nth(1).unwrap().split('"').next().unwrap();
    let answer = [("outcome", "dismissed"), ("text", ANSWER)];
    agent.fill_and_sign(&day.staff.agent, &format!("{page}/case/{id}"), &answer).expect_status(303);
    let public = day.served.visitor().get(&page).expect_status(200).text();
    assert!(public.contains(ANSWER) && !public.contains("标段暂停中"), "{public}");
    assert_eq!((day.entries("objection.filed"), day.entries("objection.answered")), (1, 1));
    entity.fill_and_sign(&day.staff.entity, &award, &[("bid", "b2")]).expect_status(303);
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&["signed statements", "3 count"]);
}
