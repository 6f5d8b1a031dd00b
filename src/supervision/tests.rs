use super::rules::{Shown, is_shown};
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::expert_draw::testing::drawn;
use crate::ledger::proof::Receipt;
use crate::ledger::{Actor, Event, Subject};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::project::actions::reach;
use crate::project::phase::Milestone;
use crate::project::testing::{announced_lot, facts, staff};
use crate::tests::browser::Served;
use serde::Serialize;

on_both_databases! {
    a_supervisor_sees_every_step_with_its_receipt_but_no_bids_before_the_opening
    a_freeze_needs_a_reason_and_stops_the_lot
}

/// Stands for a submitted bid: an entry about the lot under a sealed subject.
#[derive(Serialize)]
struct BidLike {
    bidder: &'static str,
}

impl Event for BidLike {
    const KIND: &'static str = "sealed_bid.test_submitted";
    const NUMBER: u8 = 254;
}

fn a_supervisor_sees_every_step_with_its_receipt_but_no_bids_before_the_opening(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    drawn(&house, &staff, lot, 3, 2);
    let enter = move |act: &mut crate::ledger::Act<'_>| {
        Ok(act.enter(&Subject::sealed(lot), &BidLike { bidder: "secret bidder" })?)
    };
    let bid = house.door().write(Actor::system("test"), enter).unwrap().value;
    assert_eq!(is_shown("sealed_bid.submitted", true, &facts(&house, lot)), Shown::Nothing);
    assert_eq!(is_shown("deposit.frozen", true, &facts(&house, lot)), Shown::Nothing);
    assert_eq!(is_shown("expert_draw.names_read", true, &facts(&house, lot)), Shown::Line);
    assert_eq!(is_shown("evaluation.scored", false, &facts(&house, lot)), Shown::Line);

    let served = Served::start(house);
    let mut supervisor = served.browser(&staff.supervisor);
    let list = supervisor.get("/supervision?number=TEST").expect_status(200).text();
    assert!(list.contains("/supervision/TEST-0001/1"));
    assert!(!supervisor.get("/supervision?number=OTHER").expect_status(200).text().contains("TEST-0001"));
    assert!(!supervisor.get("/supervision?held=1").expect_status(200).text().contains("TEST-0001"));
    let before = supervisor.get("/supervision/TEST-0001/1").expect_status(200).text();
    for kind in ["project.tender_set", "expert_draw.set_up", "expert_draw.drawn"] {
        assert!(before.contains(kind), "{kind}");
    }
    // which milestone, not only that there was one
    assert!(before.contains("到达里程碑：评标专家抽取完成"), "{before}");
    assert!(!before.contains("sealed_bid.") && !before.contains("测试专家"));
    supervisor.get(&format!("/supervision/entry/{lot}/{bid}/receipt")).expect_status(404);
    let address = before.split("href=\"").find(|rest| rest.contains("/receipt\"")).unwrap();
    let receipt = supervisor.get(address.split('"').next().unwrap()).expect_status(200);
    Receipt::parse(&receipt.bytes).unwrap();

    served.house.at("2026-03-25 09:30:00");
    for milestone in [Milestone::BiddingClosed, Milestone::Opened] {
        served.house.act(&staff.agent.who, move |act| reach(act, lot, milestone)).unwrap();
    }
    let mut supervisor = served.browser(&staff.supervisor);
    let after = supervisor.get("/supervision/TEST-0001/1").expect_status(200).text();
    assert!(after.contains("sealed_bid.test_submitted") && !after.contains("secret bidder"));
    supervisor.get(&format!("/supervision/entry/{lot}/{bid}/receipt")).expect_status(200);
    let other = served.house.member(Role::Centre, "other-centre");
    served.browser(&other).get("/supervision/TEST-0001/1").expect_status(403);
}

fn a_freeze_needs_a_reason_and_stops_the_lot(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let served = Served::start(house);
    let mut supervisor = served.browser(&staff.supervisor);
    supervisor.get("/supervision/TEST-0001/1").expect_status(200);
    supervisor.post("/supervision/TEST-0001/1/freeze", &[("reason", " ")]).expect_status(422);
    supervisor.post("/supervision/TEST-0001/1/freeze", &[("reason", "收到举报，核查中")]).expect_status(303);
    assert!(facts(&served.house, lot).hold().frozen);
    let page = supervisor.get("/supervision/TEST-0001/1").expect_status(200).text();
    assert!(page.contains("已冻结") && page.contains("/unfreeze"));
    assert!(supervisor.get("/supervision?held=1").expect_status(200).text().contains("TEST-0001/1"));
    supervisor.post("/supervision/TEST-0001/1/freeze", &[("reason", "again, please")]).expect_status(422);
    supervisor
        .post("/supervision/TEST-0001/1/unfreeze", &[("reason", "核查完毕，未发现问题")])
        .expect_status(303);
    assert!(!facts(&served.house, lot).hold().is_held());
}
