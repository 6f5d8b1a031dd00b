//! Drafts, announcement, milestones and holds, on both databases.

use crate::account::role::Role;
use crate::account::testing::{TestHouse, refused};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::project::actions;
use crate::project::phase::{Milestone, Phase};
use crate::project::rules::{LotNumber, TenderNumber};
use crate::project::schedule::Schedule;
use crate::project::standing::{Custody, Trustee};
use crate::project::store;
use crate::project::testing::*;

on_both_databases! {
    a_tender_is_found_by_its_number_once_it_is_set_up
    a_draft_belongs_to_its_agent
    an_announced_tender_can_no_longer_be_edited
    nothing_is_announced_before_it_is_complete
    the_phase_follows_the_clock_and_the_milestones
    a_milestone_is_reached_once
    a_freeze_stops_the_clock_and_needs_an_amendment_when_the_deadline_went_by
    two_tenders_never_share_a_number
    trustees_are_three_different_people_in_roles_that_may_hold_a_share
    lots_can_be_replaced_and_removed_while_it_is_a_draft
    running_numbers_count_up
}

fn a_tender_is_found_by_its_number_once_it_is_set_up(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape { lots: 2, ..Shape::default() });
    let number = TenderNumber::parse("TEST-0001").unwrap();
    let read = house.door().read(|db| store::tender_by_number(db, &number)).unwrap().unwrap();
    assert_eq!((read.tender, read.entity_name.as_str()), (tender, "entity有限公司"));
    let lots = house.door().read(|db| store::lots_of(db, tender)).unwrap();
    assert_eq!(lots.iter().map(|lot| lot.lot_number.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lots[0].terms, Shape::default().terms());
    let second = house.door().read(|db| store::find(db, &number, LotNumber::new(2).unwrap())).unwrap();
    assert_eq!(second, Some(lots[1].lot));
    let missing = house.door().read(|db| store::lot_named(db, "TEST-0001", "3"));
    assert_eq!(refused(missing).status, 404);
}

fn a_draft_belongs_to_its_agent(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape::default());
    let other = house.member(Role::Agent, "rival").who;
    let actor = other.clone();
    let tried = house.act(&actor, move |act| actions::set_schedule(act, &other, tender, &schedule()));
    assert_eq!(refused(tried).key, "project.refusal.not_yours");
    let entity = staff.entity.who.clone();
    let tried =
        house.act(&entity.clone(), move |act| actions::set_schedule(act, &entity, tender, &schedule()));
    assert_eq!(refused(tried).key, "project.refusal.not_your_step");
}

fn an_announced_tender_can_no_longer_be_edited(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let facts = facts(&house, lot);
    let who = staff.agent.who.clone();
    let terms = Shape { deposit: Fen(0), ..Shape::default() }.terms();
    let number = Some(facts.lot_number);
    let tried =
        house.act(&who.clone(), move |act| actions::put_lot(act, &who, facts.tender, number, "改", &terms));
    assert_eq!(refused(tried).key, "project.refusal.not_in_this_phase");
}

fn nothing_is_announced_before_it_is_complete(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape { lots: 0, ..Shape::default() });
    let who = staff.agent.who.clone();
    let tried = house.act(&who.clone(), move |act| actions::announce(act, &who, tender));
    assert_eq!(refused(tried).key, "project.refusal.lots_missing");
}

fn the_phase_follows_the_clock_and_the_milestones(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let phase = || facts(&house, lot).phase(house.door().now());
    assert_eq!(phase(), Phase::Bidding);
    house.at("2026-03-25 09:29:59");
    assert_eq!(phase(), Phase::Bidding);
    assert_eq!(house.door().read(|db| store::past_deadline(db, house.door().now(), 10)).unwrap(), []);
    house.at("2026-03-25 09:30:00");
    assert_eq!(phase(), Phase::Opening);
    assert_eq!(house.door().read(|db| store::past_deadline(db, house.door().now(), 10)).unwrap(), [lot]);
    house.act(&staff.agent.who, move |act| actions::reach(act, lot, Milestone::BiddingClosed)).unwrap();
    assert_eq!(house.door().read(|db| store::past_deadline(db, house.door().now(), 10)).unwrap(), []);
    house.act(&staff.agent.who, move |act| actions::reach(act, lot, Milestone::Opened)).unwrap();
    assert_eq!(phase(), Phase::Evaluation);
    assert!(facts(&house, lot).reached(Milestone::Opened).is_some());
}

fn a_milestone_is_reached_once(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    house.act(&staff.agent.who, move |act| actions::reach(act, lot, Milestone::ExpertsDrawn)).unwrap();
    let again = house.act(&staff.agent.who, move |act| actions::reach(act, lot, Milestone::ExpertsDrawn));
    assert_eq!(refused(again).key, "project.refusal.reached_before");
}

fn a_freeze_stops_the_clock_and_needs_an_amendment_when_the_deadline_went_by(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let supervisor = staff.supervisor.who.clone();
    let turn = |freeze: bool| {
        let who = supervisor.clone();
        house.act(&supervisor, move |act| {
            if freeze {
                actions::freeze(act, &who, lot, "核查投诉")
            } else {
                actions::unfreeze(act, &who, lot, "核查完毕")
            }
        })
    };
    turn(true).unwrap();
    assert_eq!(refused(turn(true)).key, "project.refusal.frozen_already");
    house.at("2026-03-26 10:00:00");
    assert_eq!(facts(&house, lot).phase(house.door().now()), Phase::Bidding);
    assert_eq!(refused(turn(false)).key, "project.refusal.deadline_passed_on_hold");
    let tender = facts(&house, lot).tender;
    let later = schedule().bids_until.plus(20 * crate::platform::moment::DAY);
    let new = Schedule { bids_until: later, ..schedule() };
    house.act(&staff.agent.who, move |act| actions::amend(act, tender, &new)).unwrap();
    turn(false).unwrap();
    let after = facts(&house, lot);
    assert_eq!(after.phase(house.door().now()), Phase::Bidding);
    assert!(!after.hold().is_held());
    assert_eq!(after.plan().unwrap().bids_until, later);
    let entry = after.reached(Milestone::Frozen).unwrap().entry;
    let reason = house.door().read(|db| store::reason(db, entry)).unwrap();
    assert_eq!(reason.as_deref(), Some("核查投诉"));
}

fn two_tenders_never_share_a_number(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    draft(&house, &staff, &Shape::default());
    let who = staff.agent.who.clone();
    let plan = actions::TenderPlan {
        number: TenderNumber::parse("TEST-0001"),
        name: "另一个项目".into(),
        category: crate::project::place::Category::Water,
        region: "210200".into(),
        rulebook: Shape::default().book().id.clone(),
        entity_code: staff.entity.who.credit_code.clone(),
    };
    let wrong_law = actions::TenderPlan {
        number: None,
        category: crate::project::place::Category::Services,
        ..plan.clone()
    };
    let actor = who.clone();
    let tried = house.act(&actor, move |act| actions::create(act, &who, &plan));
    assert_eq!(refused(tried).key, "project.refusal.number_taken");
    let who = staff.agent.who.clone();
    let tried = house.act(&actor, move |act| actions::create(act, &who, &wrong_law));
    assert_eq!(refused(tried).key, "project.refusal.rulebook_unknown");
}

fn trustees_are_three_different_people_in_roles_that_may_hold_a_share(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape::default());
    let bidder = house.member(Role::Bidder, "bidder");
    let seat = |person, role| Trustee { person, role };
    let (agent, entity) = (staff.agent.who.person, staff.entity.who.person);
    let good = seat(staff.centre.who.person, Role::Centre);
    let tries = [
        (2, vec![seat(agent, Role::Agent), seat(entity, Role::Entity)], "trustees_too_few"),
        (2, vec![seat(agent, Role::Agent), seat(agent, Role::Agent), good.clone()], "trustees_too_few"),
        (1, vec![seat(agent, Role::Agent), seat(entity, Role::Entity), good.clone()], "trustees_too_few"),
        (4, vec![seat(agent, Role::Agent), seat(entity, Role::Entity), good.clone()], "trustees_too_few"),
        (
            2,
            vec![seat(agent, Role::Agent), good.clone(), seat(bidder.who.person, Role::Bidder)],
            "trustee_unknown",
        ),
        (2, vec![seat(agent, Role::Agent), good, seat(Id::random(), Role::Supervisor)], "trustee_unknown"),
    ];
    for (threshold, trustees, key) in tries {
        let who = staff.agent.who.clone();
        let custody = Custody { threshold, trustees };
        let tried = house.act(&staff.agent.who, move |act| actions::set_custody(act, &who, tender, &custody));
        assert_eq!(refused(tried).key, format!("project.refusal.{key}"));
    }
}

fn lots_can_be_replaced_and_removed_while_it_is_a_draft(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let tender = draft(&house, &staff, &Shape { lots: 2, ..Shape::default() });
    let who = staff.agent.who.clone();
    let cheap = Shape { deposit: Fen(100), ..Shape::default() }.terms();
    let one = LotNumber::new(1).unwrap();
    house
        .act(&staff.agent.who, move |act| {
            actions::put_lot(act, &who, tender, Some(one), "主桥", &cheap)?;
            actions::remove_lot(act, &who, tender, LotNumber::new(2).unwrap())
        })
        .unwrap();
    let lots = house.door().read(|db| store::lots_of(db, tender)).unwrap();
    assert_eq!(lots.len(), 1);
    assert_eq!((lots[0].title.as_str(), lots[0].terms.deposit), ("主桥", Fen(100)));
    let who = staff.agent.who.clone();
    let high = Shape { deposit: Fen(20_000_001), ..Shape::default() }.terms();
    let tried =
        house.act(&staff.agent.who, move |act| actions::put_lot(act, &who, tender, None, "高", &high));
    assert_eq!(refused(tried).key, "project.refusal.deposit_above_cap");
}

fn running_numbers_count_up(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let numbers: Vec<String> = (0..3)
        .map(|_| {
            let who = staff.agent.who.clone();
            let plan = actions::TenderPlan {
                number: None,
                name: "项目".into(),
                category: crate::project::place::Category::Water,
                region: "210200".into(),
                rulebook: Shape::default().book().id.clone(),
                entity_code: staff.entity.who.credit_code.clone(),
            };
            let made = house.act(&staff.agent.who, move |act| actions::create(act, &who, &plan)).unwrap();
            made.value.number.to_string()
        })
        .collect();
    assert_eq!(numbers, ["SB-2026-000001", "SB-2026-000002", "SB-2026-000003"]);
}
