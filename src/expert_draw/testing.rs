//! For the tests of later rooms: a committee that was really drawn, with accounts that have accepted.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Accept, NewDraw, NewExperts};
use super::draw::{Draw, commit_of};
use super::eligibility::{Conditions, StratumRule};
use super::hex_bytes::Hex;
use super::pool::{Expert, Import, Standing};
use super::public_value::PublicSource;
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::MINUTE;
use crate::project::rules::Lot;
use crate::project::testing::Staff;
use std::collections::BTreeSet;

/// Experts of the test pool: every second one in economics, four to an employer.
pub fn people(count: usize) -> Vec<Expert> {
    let one = |i: usize| Expert {
        registry_id: format!("E{i:05}"),
        name: format!("测试专家{i:05}号"),
        specialities: vec![if i.is_multiple_of(2) { "A080101" } else { "B0101" }.into()],
        employer: format!("测试单位{}", i / 4),
        region: "210200".into(),
        standing: Standing::Active,
        phone: String::new(),
        former_employers: vec![],
        avoid_units: vec![],
    };
    (0..count).map(one).collect()
}

/// Imports a pool of `count` experts.
pub fn import(house: &TestHouse, staff: &Staff, count: usize) {
    import_people(house, staff, people(count));
}

/// Imports these experts.
pub fn import_people(house: &TestHouse, staff: &Staff, experts: Vec<Expert>) {
    let import = Import { experts, bad_rows: vec![], bad_row_count: 0 };
    let who = staff.centre.who.clone();
    house.act(&staff.centre.who, move |act| actions::import_pool(act, &who, &import)).unwrap();
}

/// A lottery that will be published a minute after T1, which is three minutes from now; three parties.
pub fn new_draw(house: &TestHouse, lot: Id<Lot>) -> NewDraw {
    let reveal_by = house.door().now().plus(3 * MINUTE);
    NewDraw {
        lot,
        parties: ["agent", "supervisor", "centre"].map(str::to_owned).to_vec(),
        source: PublicSource::Lottery {
            name: "福彩3D".into(),
            issue: "2026060".into(),
            published_at: "报纸".into(),
        },
        reveal_by,
        public_at: reveal_by.plus(MINUTE),
    }
}

/// Conditions that ask for `technical` and `economic` seats.
pub fn new_experts(house: &TestHouse, technical: u32, economic: u32) -> NewExperts {
    let rule = |name: &str, seats, code: &str| StratumRule {
        name: name.into(),
        seats,
        specialities: vec![code.into()],
        regions: vec![],
    };
    let mut strata = vec![rule("技术", technical, "A08"), rule("经济", economic, "B")];
    strata.retain(|stratum| stratum.seats > 0);
    NewExperts {
        conditions: Conditions { strata, cap: 1, worked_years: 3, on: house.door().now().beijing_date() },
        avoid_units: vec![],
        declared: BTreeSet::new(),
    }
}

/// What a party's browser would keep.
pub fn secret(draw: Id<Draw>, party: &str) -> Hex<32> {
    Hex(sha256(&[draw.to_string().as_bytes(), party.as_bytes()]))
}

/// Takes a draw that was set up to its result: three commitments, fixing, two reveals, the value read twice. Moves
/// the clock past T2.
pub fn carry_through(house: &TestHouse, staff: &Staff, draw: Id<Draw>) {
    let parties = [&staff.agent, &staff.supervisor, &staff.centre];
    for party in parties {
        let who = party.who.clone();
        let code = who.role.code();
        let commit = commit_of(draw, code, &secret(draw, code).0);
        house.act(&party.who, move |act| actions::commit(act, &who, draw, commit)).unwrap();
    }
    let who = staff.agent.who.clone();
    house.act(&staff.agent.who, move |act| actions::fix(act, &who, draw)).unwrap();
    for party in [&staff.agent, &staff.centre] {
        let who = party.who.clone();
        let secret = secret(draw, who.role.code());
        house.act(&party.who, move |act| actions::reveal(act, &who, draw, secret)).unwrap();
    }
    let row = house.door().read(|db| super::store::draw(db, draw)).unwrap().unwrap();
    house.clock.move_to(row.public_at);
    for party in [&staff.supervisor, &staff.centre] {
        let who = party.who.clone();
        house.act(&party.who, move |act| actions::read_value(act, &who, draw, "5 2 8")).unwrap();
    }
    let who = staff.agent.who.clone();
    house.act(&staff.agent.who, move |act| actions::carry_out(act, &who, draw)).unwrap();
}

/// Draws `technical` and `economic` experts for the lot out of a pool of 200; nobody has answered yet.
pub fn drawn(house: &TestHouse, staff: &Staff, lot: Id<Lot>, technical: u32, economic: u32) -> Id<Draw> {
    import(house, staff, 200);
    drawn_from_pool(house, staff, lot, technical, economic)
}

/// Draws out of the pool that is there.
pub fn drawn_from_pool(
    house: &TestHouse,
    staff: &Staff,
    lot: Id<Lot>,
    technical: u32,
    economic: u32,
) -> Id<Draw> {
    let (new, experts) = (new_draw(house, lot), new_experts(house, technical, economic));
    let who = staff.agent.who.clone();
    let made = house.act(&staff.agent.who, move |act| actions::set_up_experts(act, &who, &new, &experts));
    let draw = made.unwrap().value;
    carry_through(house, staff, draw);
    draw
}

/// Draws a number that the lot's documents leave to a draw.
pub fn drawn_number(house: &TestHouse, staff: &Staff, lot: Id<Lot>, name: &str) -> Id<Draw> {
    let (new, who, name) = (new_draw(house, lot), staff.agent.who.clone(), name.to_owned());
    let made = house.act(&staff.agent.who, move |act| actions::set_up_coefficient(act, &who, &new, &name));
    let draw = made.unwrap().value;
    carry_through(house, staff, draw);
    draw
}

/// Gives everybody who holds a seat an account, in the order of the seats.
pub fn with_accounts(house: &TestHouse, staff: &Staff, lot: Id<Lot>) -> Vec<Member> {
    let vault = house.door().vault().clone();
    let members = house.door().read(|db| actions::members(db, &vault, lot)).unwrap();
    let account = |member: &actions::Member| {
        let registry = member.holder.registry_id.clone();
        let login = registry.to_lowercase();
        let expert = house.member_of(Role::Expert, &login, &member.holder.employer);
        let who = staff.centre.who.clone();
        house.act(&staff.centre.who, move |act| actions::link_account(act, &who, &login, &registry)).unwrap();
        expert
    };
    members.iter().map(account).collect()
}

/// A drawn committee whose members all have accounts and have accepted, in the order of the seats.
pub fn accepted_committee(
    house: &TestHouse,
    staff: &Staff,
    lot: Id<Lot>,
    technical: u32,
    economic: u32,
) -> Vec<Member> {
    let draw = drawn(house, staff, lot, technical, economic);
    let members = with_accounts(house, staff, lot);
    for member in &members {
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::answer(act, &who, draw, Accept::Yes)).unwrap();
    }
    members
}
