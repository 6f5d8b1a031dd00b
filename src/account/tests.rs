use super::role::Role;
use super::testing::{TestHouse, refused};
use super::{actions, signature};
use crate::ledger::{Actor, Event, Subject, proof::Receipt, store};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::moment::DAY;
use crate::platform::refusal::Refused;
use serde::Serialize;

on_both_databases! {
    a_statement_counts_only_as_signed_by_its_signer_and_unchanged
    a_certificate_counts_only_while_it_is_valid
    one_organisation_has_one_name
    a_refused_act_leaves_nothing_but_what_must_be_on_record
    a_receipt_proves_an_entry_offline
    many_acts_at_once_all_get_their_own_place_in_the_log
}

#[derive(Serialize)]
struct Tried {
    what: String,
}

impl Event for Tried {
    const KIND: &'static str = "account.test_tried";
    const NUMBER: u8 = 255;
}

fn a_statement_counts_only_as_signed_by_its_signer_and_unchanged(engine: Engine) {
    let house = TestHouse::new(engine);
    let agent = house.member(Role::Agent, "agent");
    let other = house.member(Role::Agent, "other");
    let now = house.door().now();
    let check = |who: &super::who::Who, expected: &str, fields: &signature::SignedFields| {
        house.door().read(|db| signature::check(db, house.authority(), who, now, expected, fields))
    };
    let fields = agent.sign("publish notice 1");
    let kept = check(&agent.who, "publish notice 1", &fields).unwrap();
    assert_eq!(signature::check_kept(house.authority(), &kept).unwrap().credit_code, agent.who.credit_code);
    assert_eq!(
        refused(check(&agent.who, "publish notice 2", &fields)).key,
        "account.refusal.statement_changed"
    );
    assert_eq!(
        refused(check(&other.who, "publish notice 1", &fields)).key,
        "account.refusal.unknown_certificate"
    );
    let mut forged = other.sign("publish notice 1");
    forged.certificate = fields.certificate.clone();
    assert_eq!(refused(check(&agent.who, "publish notice 1", &forged)).key, "account.refusal.signature");
}

fn a_certificate_counts_only_while_it_is_valid(engine: Engine) {
    let house = TestHouse::new(engine);
    let agent = house.member(Role::Agent, "agent");
    let late = house.door().now().plus(731 * DAY);
    let fields = agent.sign("x");
    let result =
        house.door().read(|db| signature::check(db, house.authority(), &agent.who, late, "x", &fields));
    assert_eq!(refused(result).key, "account.refusal.certificate");
}

fn one_organisation_has_one_name(engine: Engine) {
    let house = TestHouse::new(engine);
    let first = house.member_of(Role::Bidder, "first", "甲公司");
    let registration = |login: &str, organisation: &str| actions::Registration {
        credit_code: first.who.credit_code.clone(),
        organisation: organisation.into(),
        person: "王".into(),
        login: login.into(),
        password_hash: String::new(),
        role: Role::Bidder,
    };
    let (same, other, taken) =
        (registration("second", "甲公司"), registration("third", "乙公司"), registration("first", "甲公司"));
    let try_it = |new: actions::Registration| {
        house.door().write(Actor::system("test"), move |act| actions::register(act, &new))
    };
    assert_eq!(try_it(same).unwrap().value.organisation, first.who.organisation);
    assert_eq!(refused(try_it(other)).key, "account.refusal.other_name");
    assert_eq!(refused(try_it(taken)).key, "account.refusal.login_taken");
}

fn a_refused_act_leaves_nothing_but_what_must_be_on_record(engine: Engine) {
    let house = TestHouse::new(engine);
    let result = house.door().write(Actor::system("test"), |act| -> Result<(), _> {
        act.enter(&Subject::open("refused"), &Tried { what: "vanishes".into() })?;
        act.enter_on_refusal(&Subject::open("refused"), &Tried { what: "stays".into() })?;
        Err(Refused::new(409, "account.refusal.role").into())
    });
    assert_eq!(refused(result).status, 409);
    let rows = house.door().read(|db| store::entries_about(db, &["refused".into()])).unwrap();
    assert_eq!(rows.len(), 1);
    let object = crate::platform::digest::from_b64u(&house.door().opened(&rows[0]).unwrap().object).unwrap();
    assert!(String::from_utf8(object).unwrap().contains("stays"));
    assert!(rows[0].log_index.is_some());
}

fn a_receipt_proves_an_entry_offline(engine: Engine) {
    let house = TestHouse::new(engine);
    let done = house
        .door()
        .write(Actor::system("test"), |act| Ok(act.enter(&Subject::None, &Tried { what: "proof".into() })?))
        .unwrap();
    house.member(Role::Bidder, "noise");
    let door = house.door();
    let receipt = door.read(|db| door.receipt(db, done.value)).unwrap().to_string();
    let object = Tried { what: "proof".into() }.object(done.at, &Actor::system("test"));
    let trusted = [door.log_key().clone()];
    let read = Receipt::parse(receipt.as_bytes()).unwrap();
    let included = read.verify(&object, Tried::NUMBER, door.log_key().name(), &trusted).unwrap();
    assert!(included.checkpoint.size > included.index);
    assert!(read.verify(b"another object", Tried::NUMBER, door.log_key().name(), &trusted).is_err());
}

fn many_acts_at_once_all_get_their_own_place_in_the_log(engine: Engine) {
    let house = TestHouse::new(engine);
    let door = house.door();
    let indices: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    for round in 0..20 {
                        let what = format!("{thread}/{round}");
                        let enter = move |act: &mut crate::ledger::Act<'_>| {
                            Ok(act.enter(&Subject::None, &Tried { what })?)
                        };
                        let done = door.write(Actor::system("test"), enter).unwrap();
                        mine.push(
                            door.read(|db| store::index_of(db, done.value))
                                .unwrap()
                                .expect("a place in the log"),
                        );
                    }
                    mine
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = indices.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 160);
    let head = door.read(store::head).unwrap().unwrap();
    assert!(indices.iter().all(|index| *index < head.size));
}
