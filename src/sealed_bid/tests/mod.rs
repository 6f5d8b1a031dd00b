//! Tests of the box.

mod acts;
mod arrival;
mod cover;
mod drill;
mod program;
mod refund;
mod secrecy;
mod uploads;
mod wire;

use super::testing::Offer;
use super::trustees_testing::{Boxes, ready_set};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::rules::Lot;
use crate::project::testing::{Shape, Staff, announced, facts, staff};

/// A house with an announced lot, its complete trustee set and two bidders; documents are being issued.
struct Box1 {
    house: TestHouse,
    staff: Staff,
    lot: Id<Lot>,
    boxes: Boxes,
    first: Member,
    second: Member,
}

fn box1(engine: Engine, shape: &Shape) -> Box1 {
    box1_in(TestHouse::new(engine), shape)
}

fn box1_in(house: TestHouse, shape: &Shape) -> Box1 {
    let staff = staff(&house);
    let lot = announced(&house, &staff, shape);
    let tender = facts(&house, lot).tender;
    let boxes = ready_set(&house, tender, &[&staff.agent, &staff.entity, &staff.supervisor]);
    let (first, second) = (house.member(Role::Bidder, "jiajian"), house.member(Role::Bidder, "yijian"));
    house.at("2026-03-10 10:00:00");
    Box1 { house, staff, lot, boxes, first, second }
}

fn offer() -> Offer {
    Offer::priced("8765432.10")
}
