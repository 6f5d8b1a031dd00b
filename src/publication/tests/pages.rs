//! From the report to the contract in browsers: the agent, the entity, bidders and the public.

use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::evaluation::testing::evaluated;
use crate::ledger::proof::Receipt;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::terms::Envelopes;
use crate::project::testing::{Shape, announced, announced_lot, staff};
use crate::publication::testing::{award, report, result};
use crate::tests::browser::{Browser, Served};

on_both_databases! {
    candidates_award_result_and_contract_are_signed_in_the_browser_and_read_by_everybody
    others_sign_nothing_and_read_nothing_before_it_is_public
    under_the_procurement_law_the_decision_names_its_time_and_a_late_one_is_marked
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
    // the decision is not for the public before the result
    public.get(&format!("{LOT}/award")).expect_status(404);
    public.get(&format!("{LOT}/award/signed.json")).expect_status(404);
    public.get(&format!("{LOT}/award/log/proof")).expect_status(404);
    public.get(&format!("{LOT}/award/log/entry.json")).expect_status(404);
    public.get("/log/entry/99999").expect_status(404);
    assert!(!public.get(LOT).text().contains("/1/award\""));
    entity.get(&format!("{LOT}/award")).expect_status(200);
    let sign = format!("{LOT}/sign/result");
    agent.sign(&staff.agent, &sign, &sign, &[]).expect_status(303);
    let result = public.get(&format!("{LOT}/result")).expect_status(200).text();
    assert!(result.contains("玖佰零伍万元整") && result.contains(&committee.bidders[5].who.credit_code));
    let decision = public.get(&format!("{LOT}/award")).expect_status(200).text();
    for shown in [
        "bidder6有限公司",
        "bidder5有限公司",
        "第五十五条",
        "评标委员会推荐的第一名",
        &staff.entity.who.credit_code,
    ] {
        assert!(decision.contains(shown), "{shown} is not in {decision}");
    }
    assert!(public.get(LOT).text().contains("/1/award\""));
    let file = public.get(&format!("{LOT}/award/signed.json")).expect_status(200).text();
    assert!(file.contains("award-decision") && file.contains("signature"));
    let file = public.get(&format!("{LOT}/result/signed.json")).expect_status(200).text();
    assert!(file.contains("signature") && file.contains("certificate"));
    the_log_proves(&served, &mut public, "award");
    the_log_proves(&served, &mut public, "result");
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

/// The notice's page leads to its place in the log, and what was logged is proven to be there by the downloaded proof.
fn the_log_proves(served: &Served, public: &mut Browser, paper: &str) {
    let page = public.get(&format!("{LOT}/{paper}")).expect_status(200).text();
    let index: u64 =
        page.split("/log/entry/").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
    let entry = public.get(&format!("/log/entry/{index}")).expect_status(200).text();
    assert!(entry.contains("包含证明") && entry.contains(&format!("<dd>{index}</dd>")), "{entry}");
    let logged = public.get(&format!("{LOT}/{paper}/log/entry.json")).expect_status(200).bytes;
    assert!(String::from_utf8_lossy(&logged).contains("publication."));
    let proof = public.get(&format!("{LOT}/{paper}/log/proof")).expect_status(200).bytes;
    let receipt = Receipt::parse(&proof).unwrap();
    let door = served.house.door();
    let verified = |object: &[u8]| {
        receipt.verify(object, receipt.opening.kind, &door.config().origin, &[door.log_key().clone()])
    };
    assert_eq!(verified(&logged).unwrap().index, index);
    assert!(verified(b"something else").is_err());
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

fn under_the_procurement_law_the_decision_names_its_time_and_a_late_one_is_marked(engine: Engine) {
    for (decided, late) in [("2026-04-01 23:59:59", false), ("2026-04-02 00:00:00", true)] {
        let house = TestHouse::new(engine);
        let staff = staff(&house);
        let shape = Shape { envelopes: Envelopes::One, ..Shape::procurement() };
        let lot = announced(&house, &staff, &shape);
        // signed on Wednesday 2026-03-25; five working days end with 2026-04-01
        evaluated(&house, &staff, lot);
        house.at(decided);
        let first = report(&house, lot).1.report.result.candidates[0].clone();
        award(&house, &staff, lot, &first, None).unwrap();
        result(&house, &staff, lot).unwrap();
        let served = Served::start(house);
        let decision = served.visitor().get("/publication/TEST-0002/1/award").expect_status(200).text();
        assert!(decision.contains("政府采购法实施条例 第四十三条") && decision.contains("2026-04-02 00:00"));
        assert_eq!(decision.contains("超过法定期限"), late, "{decided}: {decision}");
    }
}
