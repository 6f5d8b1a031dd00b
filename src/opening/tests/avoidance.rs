//! Once it is known who bids, nobody who is tied to a bidder keeps a seat, is called to one, or is listed for a draw.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::expert_draw::actions as drawing;
use crate::expert_draw::pool::{Expert, FormerEmployer};
use crate::expert_draw::rules::Answer;
use crate::expert_draw::store as draws;
use crate::expert_draw::testing::{drawn_from_pool, import_people, new_draw, new_experts, people};
use crate::ledger::Subject;
use crate::ledger::store::entries_about;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, empty_box};
use crate::platform::database::testing::Engine;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealing::context::EnvelopeKind;
use crate::tests::browser::Served;
use chrono::NaiveDate;

on_both_databases! {
    the_closing_takes_the_seat_from_everybody_who_is_tied_to_a_bidder
    a_draw_after_the_closing_lists_nobody_who_is_tied_to_a_bidder
}

/// Experts with an employer, a recent and an old employer and a declared interest of their own each; every fourth has
/// declared an interest in the same unit.
fn pool() -> Vec<Expert> {
    let mut experts = people(200);
    for (i, expert) in experts.iter_mut().enumerate() {
        let former = |unit: &str, year| FormerEmployer {
            unit: format!("{unit}{i}"),
            until: NaiveDate::from_ymd_opt(year, 6, 30).unwrap(),
        };
        expert.employer = format!("单位{i}");
        expert.former_employers = vec![former("新近单位", 2024), former("早年单位", 2020)];
        expert.avoid_units = vec![format!("申报单位{i}")];
        if i.is_multiple_of(4) {
            expert.avoid_units.push("众人申报的单位".into());
        }
    }
    experts
}

fn number(member: &drawing::Member) -> usize {
    member.holder.registry_id.trim_start_matches('E').parse().unwrap()
}

fn members(house: &TestHouse, filled: &BidBox) -> Vec<drawing::Member> {
    let vault = house.door().vault().clone();
    house.door().read(|db| drawing::members(db, &vault, filled.lot)).unwrap()
}

fn bids_of(house: &TestHouse, filled: &BidBox, organisations: &[String]) -> Vec<Member> {
    house.at("2026-03-24 10:00:00");
    let bidder = |(i, organisation): (usize, &String)| {
        let member = house.member_of(Role::Bidder, &format!("bidder{i}"), organisation);
        bid(house, &member, filled.lot, EnvelopeKind::Single, &Offer::priced("9500000.00")).unwrap();
        member
    };
    organisations.iter().enumerate().map(bidder).collect()
}

fn the_closing_takes_the_seat_from_everybody_who_is_tied_to_a_bidder(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = empty_box(&house, &Shape::default());
    import_people(&house, &filled.staff, pool());
    let draw = drawn_from_pool(&house, &filled.staff, filled.lot, 3, 2);
    let before = members(&house, &filled);
    let [works, worked, long_ago] = [3, 4, 0].map(|seat| number(&before[seat]));
    let declared = number(&before[1]);
    let bidders = [
        format!("单位{works}"),
        format!("新近单位{worked}"),
        format!("申报单位{declared}"),
        format!("早年单位{long_ago}"),
        "众人申报的单位".to_owned(),
    ];
    bids_of(&house, &filled, &bidders);
    assert_eq!(members(&house, &filled), before, "a bid alone moves nobody: the box is closed to all eyes");
    filled.close(&house);
    let tie = |i: usize| match i {
        i if i == works => Some("avoidance.employer"),
        i if i == worked => Some("avoidance.former_employer"),
        i if i == declared || i.is_multiple_of(4) => Some("avoidance.declared"),
        _ => None,
    };
    let after = members(&house, &filled);
    assert_eq!(after.len(), 5);
    assert!(after.iter().all(|member| tie(number(member)).is_none()), "nobody who is tied sits");
    for member in before.iter().filter(|member| tie(number(member)).is_none()) {
        assert!(after.contains(member), "who is not tied keeps the seat, also if it was long ago");
    }
    let who = filled.staff.supervisor.who.clone();
    let all = house.act(&who.clone(), move |act| drawing::read_names(act, &who, draw)).unwrap().value;
    let gone: Vec<_> = all.iter().filter(|member| member.answer == Answer::Replaced).collect();
    assert!(gone.len() >= 3);
    assert!(gone.iter().all(|member| member.cause.as_deref() == tie(number(member))));
    let sealed = Subject::sealed(filled.lot).column(house.door().vault());
    let rows = house.door().read(|db| entries_about(db, &[sealed])).unwrap();
    let kinds = rows.iter().map(|row| house.door().opened(row).unwrap().kind);
    assert_eq!(kinds.filter(|kind| kind == "expert_draw.seat_passed_on").count(), gone.len());
    let served = Served::start(house);
    let page = format!("/expert-draw/draw/{draw}");
    let seen = served.browser(&filled.staff.supervisor).get(&page).expect_status(200).text();
    assert!(seen.contains("现在的工作单位是投标人") && seen.contains("曾在投标人处工作"), "{seen}");
    let seen = served.browser(&filled.staff.agent).get(&page).expect_status(200).text();
    assert!(
        seen.contains("回避，已由候补专家递补")
            && !seen.contains("投标人处")
            && !seen.contains("单位是投标人")
    );
}

fn a_draw_after_the_closing_lists_nobody_who_is_tied_to_a_bidder(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = empty_box(&house, &Shape::default());
    import_people(&house, &filled.staff, pool());
    let preview = |house: &TestHouse, worked_years| {
        let (new, mut wanted) = (new_draw(house, filled.lot), new_experts(house, 3, 2));
        wanted.conditions.worked_years = worked_years;
        let (vault, now, who) = (house.door().vault().clone(), house.door().now(), &filled.staff.agent.who);
        house
            .door()
            .read(|db| drawing::preview(db, &vault, who, &new, &wanted, now))
            .map(|preview| preview.removed.iter().map(|(_, count)| *count).collect::<Vec<usize>>())
    };
    let bidders = ["单位7", "新近单位8", "申报单位9", "早年单位10"].map(str::to_owned);
    bids_of(&house, &filled, &bidders);
    assert_eq!(preview(&house, 3).unwrap(), [0, 0, 0, 0, 0], "before the closing nobody can tell who bids");
    filled.close(&house);
    assert_eq!(preview(&house, 3).unwrap(), [0, 0, 1, 1, 1]);
    assert_eq!(preview(&house, 6).unwrap(), [0, 0, 1, 2, 1]);
    let too_few = refused(preview(&house, 2));
    assert_eq!(too_few.key, "expert_draw.refusal.years_too_few");
    let kept = house.door().read(|db| draws::draws_of(db, filled.lot)).unwrap();
    assert!(kept.is_empty(), "a preview keeps nothing");
}
