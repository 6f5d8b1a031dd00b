//! From the report to the contract in browsers: the agent, the entity, bidders and the public.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::evaluation::testing::evaluated;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::testing::{announced_lot, staff};
use crate::tests::browser::Served;

on_both_databases! {
    candidates_award_result_and_contract_are_signed_in_the_browser_and_read_by_everybody
    others_sign_nothing_and_read_nothing_before_it_is_public
}

const LOT: &str = "/publication/TEST-0001/1";

fn candidates_award_result_and_contract_are_signed_in_the_browser_and_read_by_everybody(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = evaluated(&house, &staff, lot);
    let served = Served::start(house);
    let (mut agent, mut entity) = (served.browser(&staff.agent), served.browser(&staff.entity));
    let mut public = served.visitor();
    public.get(&format!("{LOT}/candidates")).expect_status(404);
    assert!(agent.get(LOT).expect_status(200).text().contains("/sign/candidates"));
    let sign = format!("{LOT}/sign/candidates");
    agent.sign(&staff.agent, &sign, &sign, &[]).expect_status(303);
    let notice = public.get(&format!("{LOT}/candidates")).expect_status(200).text();
    for shown in ["bidder6有限公司", "9,050,000.00", "2026-03-31 00:00", "/objection/TEST-0001/1"] {
        assert!(notice.contains(shown), "{shown} is not in {notice}");
    }
    let early = entity.get(LOT).expect_status(200).text();
    assert!(early.contains("aria-disabled") && !early.contains("/sign/award\""));
    served.house.at("2026-03-31 00:00:00");
    // the sessions of last week are over
    (agent, entity) = (served.browser(&staff.agent), served.browser(&staff.entity));
    let award = format!("{LOT}/sign/award");
    assert!(entity.get(LOT).text().contains("/sign/award\""));
    let second = entity.post(&format!("{award}/check"), &[("bid", "b5")]).expect_status(422);
    assert!(second.text().contains("第五十五条") && second.field("statement").is_none());
    entity.fill_and_sign(&staff.entity, &format!("{LOT}/sign/award"), &[("bid", "b6")]).expect_status(303);
    let sign = format!("{LOT}/sign/result");
    agent.sign(&staff.agent, &sign, &sign, &[]).expect_status(303);
    let result = public.get(&format!("{LOT}/result")).expect_status(200).text();
    assert!(result.contains("玖佰零伍万元整") && result.contains(&committee.bidders[5].who.credit_code));
    let file = public.get(&format!("{LOT}/result/signed.json")).expect_status(200).text();
    assert!(file.contains("signature") && file.contains("certificate"));
    let letter = format!("{LOT}/letter");
    let won = served.browser(&committee.bidders[5]).get(&letter).expect_status(200).text();
    let lost = served.browser(&committee.bidders[0]).get(&letter).expect_status(200).text();
    assert!(won.contains("中标通知书") && !won.contains("bidder1有限公司"));
    assert!(lost.contains("bidder1有限公司") && !lost.contains("中标通知书"));
    entity
        .fill_and_sign(&staff.entity, &format!("{LOT}/sign/contract"), &[("contract_number", "HT-2026-001")])
        .expect_status(303);
    assert!(public.get(&format!("{LOT}/contract")).expect_status(200).text().contains("HT-2026-001"));
}

fn others_sign_nothing_and_read_nothing_before_it_is_public(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    evaluated(&house, &staff, lot);
    let (stranger, outsider) =
        (house.member(Role::Agent, "stranger"), house.member(Role::Bidder, "outsider"));
    let served = Served::start(house);
    let mut other = served.browser(&stranger);
    other.get(&format!("{LOT}/sign/candidates")).expect_status(403);
    let seen = other.get(LOT).expect_status(200).text();
    assert!(!seen.contains("/sign/") && !seen.contains("bidder6"));
    served.browser(&staff.entity).get(&format!("{LOT}/sign/candidates")).expect_status(403);
    served.browser(&outsider).get(&format!("{LOT}/letter")).expect_status(404);
    let public = served.visitor().get(LOT).expect_status(200).text();
    assert!(!public.contains("bidder6") && !public.contains("/sign/"));
}
