use super::clock::{self, may_move};
use crate::account::role::Role;
use crate::account::store;
use crate::account::testing::{TestHouse, refused};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::platform::config::Config;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{DAY, Moment, SECOND};

on_both_databases! {
    a_move_is_kept_and_a_real_centre_has_none
    a_demonstration_is_never_built_among_real_people
}

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

fn a_demonstration_is_never_built_among_real_people(engine: Engine) {
    let house = TestHouse::new(engine);
    house.member(Role::Centre, "somebody");
    let config = || Config { demo: true, ..house.door().config().clone() };
    let refused = super::build(config()).unwrap_err().chain();
    assert!(refused.contains("people in it"), "{refused}");
    let agent = || house.door().read(|db| store::by_login(db, "agent")).unwrap();
    assert_eq!(agent(), None);

    // one that stands already is left as it is
    let begin = house.door().now();
    let system = Actor::system("demonstration");
    house.door().write(system, move |act| clock::begin(act, begin, begin.plus(DAY))).unwrap();
    super::build(config()).unwrap();
    assert_eq!(agent(), None);
}
