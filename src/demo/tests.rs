use super::clock::{self, may_move};
use crate::account::role::Role;
use crate::account::testing::{TestHouse, refused};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, Moment, SECOND};

on_both_databases! { a_move_is_kept_and_a_real_centre_has_none }

fn a_move_is_kept_and_a_real_centre_has_none(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = house.member(Role::Centre, "centre");
    let to = house.door().now().plus(3 * DAY);
    house.act(&staff.who, move |act| clock::record_move(act, true, 0, to)).unwrap();
    assert_eq!(house.door().read(clock::kept_offset).unwrap(), 3 * DAY);
    house.act(&staff.who, move |act| clock::record_move(act, true, 3 * DAY, to)).unwrap();
    assert_eq!(house.door().read(clock::kept_offset).unwrap(), 6 * DAY);
    let real = house.act(&staff.who, move |act| clock::record_move(act, false, 0, to));
    assert_eq!(refused(real).key, "demo.refusal.real");
}

#[test]
fn the_clock_moves_forward_only_and_not_too_far() {
    let now = Moment::from_micros(1_000_000 * SECOND);
    assert!(may_move(true, now, now.plus(SECOND)).is_ok());
    assert_eq!(may_move(true, now, now).unwrap_err().key, "demo.refusal.backwards");
    assert_eq!(may_move(true, now, now.plus(121 * DAY)).unwrap_err().key, "demo.refusal.too_far");
}
