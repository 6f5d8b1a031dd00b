//! The room at work, on both databases.

use crate::account::role::Role;
use crate::account::testing::{TestHouse, refused};
use crate::expert_draw::actions::{self, Accept, Member};
use crate::expert_draw::draw::{Draw, DrawRecord, commit_of};
use crate::expert_draw::eligibility::{DrawList, list_hash, salted_id};
use crate::expert_draw::hex_bytes::Hex;
use crate::expert_draw::pool::Import;
use crate::expert_draw::rules::{Answer, Step};
use crate::expert_draw::store;
use crate::expert_draw::testing::{
    accepted_committee, carry_through, drawn, import, new_draw, new_experts, people, secret, with_accounts,
};
use crate::ledger::store::entries_about;
use crate::on_both_databases;
use crate::platform::canonical::from_jcs;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::MINUTE;
use crate::project::actions::reach;
use crate::project::phase::Milestone;
use crate::project::rules::{Lot, LotNumber};
use crate::project::terms::{ItemClass, ItemKind, ScoredItem, Scoring};
use crate::project::testing::{Shape, Staff, announced_lot, draft, facts, staff};
use std::collections::BTreeSet;

on_both_databases! {
    a_drawn_committee_can_be_drawn_again_from_its_record
    purchaser_and_agent_are_avoided_and_everybody_is_accounted_for
    who_declines_is_followed_by_the_next_alternate
    a_seat_is_passed_on_for_a_cause_by_a_party_only
    only_the_supervisor_reads_names_and_leaves_a_trace
    names_are_released_with_the_award_and_can_be_checked
    strangers_have_no_part_in_a_draw
    a_lot_is_drawn_once
    a_draw_that_was_not_fixed_in_time_gives_way_to_a_new_one
    a_number_is_drawn_the_same_way
    only_the_centre_imports_and_links
    an_expert_sees_only_their_own_invitations
}

fn begin(engine: Engine) -> (TestHouse, Staff, Id<Lot>) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    (house, staff, lot)
}

fn members(house: &TestHouse, lot: Id<Lot>) -> Vec<Member> {
    let vault = house.door().vault().clone();
    house.door().read(|db| actions::members(db, &vault, lot)).unwrap()
}

fn kinds_about(house: &TestHouse, subjects: &[String]) -> Vec<String> {
    let rows = house.door().read(|db| entries_about(db, subjects)).unwrap();
    rows.iter().map(|row| house.door().opened(row).unwrap().kind).collect()
}

fn sealed_subject(house: &TestHouse, lot: Id<Lot>) -> String {
    crate::ledger::Subject::sealed(lot).column(house.door().vault())
}

fn a_drawn_committee_can_be_drawn_again_from_its_record(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let draw = drawn(&house, &staff, lot, 3, 2);
    let supervisor = staff.supervisor.who.clone();
    let text =
        house.act(&staff.supervisor.who, move |act| actions::read_record(act, &supervisor, draw)).unwrap();
    let record: DrawRecord = from_jcs(text.value.as_bytes()).unwrap();
    assert_eq!(record.check(), Ok(()));
    assert_eq!(record.reveals.len(), 2);
    assert_eq!(record.doc.tender, "TEST-0001");
    let drawn: Vec<_> = record.result.strata.iter().flat_map(|stratum| stratum.selected.clone()).collect();
    let seated: Vec<_> = members(&house, lot).iter().map(|member| member.candidate).collect();
    assert_eq!(seated, drawn);
    assert!(facts(&house, lot).reached(Milestone::ExpertsDrawn).is_some());
    let kinds = kinds_about(&house, &[facts(&house, lot).tender.to_string()]);
    let ours: Vec<_> = kinds.iter().filter_map(|kind| kind.strip_prefix("expert_draw.")).collect();
    let expected = [
        "set_up",
        "committed",
        "committed",
        "committed",
        "fixed",
        "revealed",
        "revealed",
        "value_read",
        "value_read",
        "drawn",
    ];
    assert_eq!(ours, expected);
}

fn purchaser_and_agent_are_avoided_and_everybody_is_accounted_for(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let mut experts = people(100);
    experts[0].employer = staff.entity.who.organisation_name.clone();
    experts[2].employer = staff.agent.who.credit_code.clone();
    let import = Import { experts, bad_rows: vec![], bad_row_count: 0 };
    let who = staff.centre.who.clone();
    house.act(&staff.centre.who, move |act| actions::import_pool(act, &who, &import)).unwrap();
    let (new, mut wanted) = (new_draw(&house, lot), new_experts(&house, 3, 2));
    wanted.avoid_units = vec!["测试单位1".into()];
    wanted.declared = BTreeSet::from(["E00009".to_owned()]);
    let vault = house.door().vault().clone();
    let now = house.door().now();
    let who = staff.agent.who.clone();
    let preview = house.door().read(|db| actions::preview(db, &vault, &who, &new, &wanted, now)).unwrap();
    let counts: Vec<usize> = preview.removed.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [0, 0, 6, 0, 1]);
    assert_eq!(preview.candidates.iter().map(|(.., count)| count).sum::<usize>(), 93);
    let made = house.act(&staff.agent.who, move |act| actions::set_up_experts(act, &who, &new, &wanted));
    let draw = made.unwrap().value;
    let (row, list) = house
        .door()
        .read(|db| {
            let row = store::draw(db, draw)?.unwrap();
            let list = actions::list_text(db, &vault, &row)?;
            Ok::<_, crate::platform::refusal::Fault>((row, list))
        })
        .unwrap();
    let list: DrawList = from_jcs(list.as_bytes()).unwrap();
    assert_eq!(list_hash(&list).to_string(), row.list_hash);
    assert_eq!(list.candidates.len() + list.removed.len(), 100);
}

fn who_declines_is_followed_by_the_next_alternate(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let draw = drawn(&house, &staff, lot, 3, 2);
    let accounts = with_accounts(&house, &staff, lot);
    let before = members(&house, lot);
    let who = accounts[1].who.clone();
    house.act(&accounts[1].who, move |act| actions::answer(act, &who, draw, Accept::No)).unwrap();
    let after = members(&house, lot);
    assert_eq!(after.len(), 5);
    assert!(after.iter().all(|member| member.candidate != before[1].candidate));
    let new: Vec<_> =
        after.iter().filter(|member| before.iter().all(|b| b.candidate != member.candidate)).collect();
    assert_eq!(
        (new.len(), new[0].stratum.as_str(), new[0].answer),
        (1, before[1].stratum.as_str(), Answer::Open)
    );
    let who = accounts[1].who.clone();
    let again = house.act(&accounts[1].who, move |act| actions::answer(act, &who, draw, Accept::Yes));
    assert_eq!(refused(again).key, "expert_draw.refusal.answered");
    let who = accounts[0].who.clone();
    house.act(&accounts[0].who, move |act| actions::answer(act, &who, draw, Accept::Yes)).unwrap();
    assert_eq!(members(&house, lot)[0].answer, Answer::Accepted);
    let sealed = sealed_subject(&house, lot);
    assert_eq!(kinds_about(&house, &[sealed]), ["expert_draw.call_answered"; 2]);
}

fn a_seat_is_passed_on_for_a_cause_by_a_party_only(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let draw = drawn(&house, &staff, lot, 3, 2);
    let first = members(&house, lot)[0].clone();
    let pass = |who: &crate::account::who::Who, cause: &'static str| {
        let (own, candidate) = (who.clone(), first.candidate);
        house.act(who, move |act| actions::pass_on(act, &own, draw, candidate, cause))
    };
    let stranger = house.member(Role::Agent, "stranger");
    assert_eq!(refused(pass(&stranger.who, "no answer in time")).key, "expert_draw.refusal.not_a_party");
    assert_eq!(refused(pass(&staff.centre.who, " ")).key, "expert_draw.refusal.no_cause");
    let next = pass(&staff.centre.who, "开标后发现与投标人有利害关系").unwrap().value.unwrap();
    let after = members(&house, lot);
    assert!(after.iter().any(|member| member.candidate == next));
    assert!(after.iter().all(|member| member.candidate != first.candidate));
    assert_eq!(refused(pass(&staff.centre.who, "once more")).key, "expert_draw.refusal.no_seat");
}

fn only_the_supervisor_reads_names_and_leaves_a_trace(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let draw = drawn(&house, &staff, lot, 3, 2);
    for other in [&staff.agent, &staff.entity, &staff.centre] {
        let who = other.who.clone();
        let names = house.act(&other.who, move |act| actions::read_names(act, &who, draw));
        assert_eq!(refused(names).status, 403);
        let who = other.who.clone();
        let record = house.act(&other.who, move |act| actions::read_record(act, &who, draw));
        assert_eq!(refused(record).status, 403);
    }
    let sealed = sealed_subject(&house, lot);
    assert!(kinds_about(&house, std::slice::from_ref(&sealed)).is_empty());
    let who = staff.supervisor.who.clone();
    let names =
        house.act(&staff.supervisor.who, move |act| actions::read_names(act, &who, draw)).unwrap().value;
    assert!(names.iter().all(|member| member.holder.name.starts_with("测试专家")));
    assert_eq!(kinds_about(&house, &[sealed]), ["expert_draw.names_read"]);
    if engine == Engine::Sqlite {
        let file = house.door().config().database_url.trim_start_matches("sqlite:").to_owned();
        let raw = [std::fs::read(&file).unwrap(), std::fs::read(format!("{file}-wal")).unwrap_or_default()]
            .concat();
        let holds = |text: &str| raw.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("TEST-0001"), "the file is the right one");
        assert!(
            !holds("测试专家") && !holds("测试单位") && !holds("\"E00001\""),
            "the database names nobody"
        );
    }
}

fn names_are_released_with_the_award_and_can_be_checked(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let _ = drawn(&house, &staff, lot, 3, 2);
    house.at("2026-03-25 09:30:00");
    let release =
        |house: &TestHouse| house.act(&staff.agent.who, move |act| actions::release_names(act, lot));
    assert_eq!(refused(release(&house)).key, "expert_draw.refusal.not_awarded");
    let steps = [
        Milestone::BiddingClosed,
        Milestone::Opened,
        Milestone::EvaluationStarted,
        Milestone::Evaluated,
        Milestone::CandidatesPublished,
    ];
    for milestone in steps {
        house.act(&staff.agent.who, move |act| reach(act, lot, milestone)).unwrap();
        assert_eq!(refused(release(&house)).key, "expert_draw.refusal.not_awarded", "{milestone:?}");
    }
    house.act(&staff.agent.who, move |act| reach(act, lot, Milestone::Awarded)).unwrap();
    let published = release(&house).unwrap().value;
    assert_eq!(published.len(), 5);
    for expert in &published {
        assert_eq!(salted_id(&expert.salt.0, &expert.registry_id), expert.id);
    }
    assert_eq!(release(&house).unwrap().value, published, "the second release gives the same");
}

fn strangers_have_no_part_in_a_draw(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    import(&house, &staff, 200);
    let stranger = house.member(Role::Agent, "stranger");
    let bidder = house.member(Role::Bidder, "bidder");
    let (new, wanted) = (new_draw(&house, lot), new_experts(&house, 3, 2));
    let set_up = |who: &crate::account::who::Who| {
        let (own, new, wanted) = (who.clone(), new.clone(), wanted.clone());
        house.act(who, move |act| actions::set_up_experts(act, &own, &new, &wanted))
    };
    assert_eq!(refused(set_up(&stranger.who)).key, "expert_draw.refusal.not_a_party");
    assert_eq!(refused(set_up(&staff.centre.who)).key, "project.refusal.not_your_step");
    let draw: Id<Draw> = set_up(&staff.entity.who).unwrap().value;
    for (who, expected) in [
        (&stranger.who, "expert_draw.refusal.not_a_party"),
        (&bidder.who, "project.refusal.not_your_step"),
        (&staff.entity.who, "expert_draw.refusal.not_a_party"),
    ] {
        let own = who.clone();
        let commit = house.act(who, move |act| actions::commit(act, &own, draw, Hex([1; 32])));
        assert_eq!(refused(commit).key, expected);
    }
}

fn a_lot_is_drawn_once(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    import(&house, &staff, 200);
    let set_up = |house: &TestHouse| {
        let (new, wanted) = (new_draw(house, lot), new_experts(house, 3, 2));
        let who = staff.agent.who.clone();
        house.act(&staff.agent.who, move |act| actions::set_up_experts(act, &who, &new, &wanted))
    };
    let first = set_up(&house).unwrap().value;
    assert_eq!(refused(set_up(&house)).key, "expert_draw.refusal.another_draw");
    carry_through(&house, &staff, first);
    assert_eq!(refused(set_up(&house)).key, "expert_draw.refusal.drawn_already");
    let who = staff.agent.who.clone();
    let again = house.act(&staff.agent.who, move |act| actions::carry_out(act, &who, first));
    assert_eq!(refused(again).key, "expert_draw.refusal.drawn_already");
    let who = staff.agent.who.clone();
    let give_up =
        house.act(&staff.agent.who, move |act| actions::give_up(act, &who, first, "we want others"));
    assert_eq!(refused(give_up).key, "expert_draw.refusal.drawn_already");
}

fn a_draw_that_was_not_fixed_in_time_gives_way_to_a_new_one(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    import(&house, &staff, 200);
    let set_up = |house: &TestHouse| {
        let (new, wanted) = (new_draw(house, lot), new_experts(house, 3, 2));
        let who = staff.agent.who.clone();
        house.act(&staff.agent.who, move |act| actions::set_up_experts(act, &who, &new, &wanted))
    };
    let first = set_up(&house).unwrap().value;
    let who = staff.agent.who.clone();
    let early = house.act(&staff.agent.who, move |act| actions::fix(act, &who, first));
    assert_eq!(refused(early).key, "expert_draw.refusal.too_few_commits");
    house.clock.move_to(house.door().now().plus(3 * MINUTE));
    let who = staff.agent.who.clone();
    let commit = commit_of(first, "agent", &secret(first, "agent").0);
    let late = house.act(&staff.agent.who, move |act| actions::commit(act, &who, first, commit));
    assert_eq!(refused(late).key, "expert_draw.refusal.failed");
    let second = set_up(&house).unwrap().value;
    let who = staff.agent.who.clone();
    house.act(&staff.agent.who, move |act| actions::give_up(act, &who, second, "wrong conditions")).unwrap();
    house.clock.move_to(house.door().now().plus(MINUTE));
    let third = set_up(&house).unwrap().value;
    carry_through(&house, &staff, third);
    let rows = house.door().read(|db| store::draws_of(db, lot)).unwrap();
    let now = house.door().now();
    let steps: Vec<Step> = rows.iter().map(|row| store::progress(row, &[]).step(now)).collect();
    assert_eq!(steps, [Step::Drawn, Step::Failed, Step::Failed]);
    assert_eq!(rows[1].cause.as_deref(), Some("wrong conditions"));
}

/// An announced lot whose documents leave `k` to a draw.
fn lot_with_a_number(house: &TestHouse, staff: &Staff) -> Id<Lot> {
    let shape = Shape::default();
    let tender = draft(house, staff, &shape);
    let mut terms = shape.terms();
    let floats = ["2", "2.5", "3"].map(|text| text.parse().unwrap()).to_vec();
    let usual = Scoring::usual(shape.book());
    let items = vec![ScoredItem {
        name: "施工组织设计".into(),
        guide: String::new(),
        class: ItemClass::Technical,
        kind: ItemKind::Subjective,
        points: rust_decimal::Decimal::ONE_HUNDRED - usual.price_points,
    }];
    terms.evaluation = Scoring { floats, items, ..usual }.document(shape.book(), shape.method);
    let who = staff.agent.who.clone();
    let made = house.act(&staff.agent.who, move |act| {
        let number = LotNumber::new(1);
        crate::project::actions::put_lot(act, &who, tender, number, "第1标段", &terms)?;
        crate::project::actions::announce(act, &who, tender)
    });
    made.unwrap();
    house.door().read(|db| crate::project::store::lots_of(db, tender)).unwrap()[0].lot
}

fn a_number_is_drawn_the_same_way(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = lot_with_a_number(&house, &staff);
    let set_up = |name: &'static str| {
        let (new, who) = (new_draw(&house, lot), staff.agent.who.clone());
        house.act(&staff.agent.who, move |act| actions::set_up_coefficient(act, &who, &new, name))
    };
    assert_eq!(refused(set_up("k")).key, "expert_draw.refusal.number_before_opening");
    house.at("2026-03-25 09:29:00");
    assert_eq!(refused(set_up("q")).key, "expert_draw.refusal.no_such_number");
    let draw = set_up("k").unwrap().value;
    assert_eq!(refused(set_up("k")).key, "expert_draw.refusal.another_draw");
    let vault = house.door().vault().clone();
    let found = || house.door().read(|db| actions::drawn_coefficients(db, &vault, lot)).unwrap();
    assert_eq!(found(), []);
    carry_through(&house, &staff, draw);
    let records = found();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(record.check(), Ok(()));
    assert_eq!(record.doc.name, "k");
    assert!(["0.02", "0.025", "0.03"].contains(&record.result.value.as_str()), "{record:?}");
    assert_eq!(refused(set_up("k")).key, "expert_draw.refusal.drawn_already");
    assert!(facts(&house, lot).reached(Milestone::ExpertsDrawn).is_none());
    let known = facts(&house, lot);
    assert_eq!(house.door().read(|db| actions::numbers_left(db, &vault, &known)).unwrap(), []);
}

fn only_the_centre_imports_and_links(engine: Engine) {
    let (house, staff, _) = begin(engine);
    let import_as = |who: &crate::account::who::Who| {
        let (own, import) = (who.clone(), Import { experts: people(3), bad_rows: vec![], bad_row_count: 0 });
        house.act(who, move |act| actions::import_pool(act, &own, &import))
    };
    assert_eq!(refused(import_as(&staff.agent.who)).status, 403);
    let link = |login: &'static str, registry: &'static str| {
        let who = staff.centre.who.clone();
        house.act(&staff.centre.who, move |act| actions::link_account(act, &who, login, registry))
    };
    house.member(Role::Expert, "expert");
    assert_eq!(refused(link("expert", "E00001")).key, "expert_draw.refusal.no_pool");
    let summary = import_as(&staff.centre.who).unwrap().value;
    assert_eq!((summary.experts, summary.active), (3, 3));
    assert_eq!(refused(link("agent", "E00001")).key, "expert_draw.refusal.no_expert_account");
    assert_eq!(refused(link("nobody", "E00001")).key, "expert_draw.refusal.no_expert_account");
    assert_eq!(refused(link("expert", "E00009")).key, "expert_draw.refusal.not_in_pool");
    link("expert", "E00001").unwrap();
    link("expert", " E00002 ").unwrap();
    assert_eq!(house.door().read(store::pools::linked_accounts).unwrap(), 1);
}

fn an_expert_sees_only_their_own_invitations(engine: Engine) {
    let (house, staff, lot) = begin(engine);
    let accounts = accepted_committee(&house, &staff, lot, 3, 2);
    assert!(
        members(&house, lot)
            .iter()
            .all(|member| member.answer == Answer::Accepted && member.person.is_some())
    );
    let outsider = house.member(Role::Expert, "outsider");
    let vault = house.door().vault().clone();
    let own = |person| house.door().read(|db| actions::invitations(db, &vault, person)).unwrap();
    for account in &accounts {
        let found = own(account.who.person);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].draw.tender_number, "TEST-0001");
    }
    assert!(own(outsider.who.person).is_empty());
    let draw = own(accounts[0].who.person)[0].draw.id;
    let who = outsider.who.clone();
    let answer = house.act(&outsider.who, move |act| actions::answer(act, &who, draw, Accept::Yes));
    assert_eq!(refused(answer).key, "expert_draw.refusal.no_seat");
}
