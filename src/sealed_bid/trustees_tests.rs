use super::trustees::Stage;
use super::trustees_testing::{give_key, sign, signed_set};
use super::{trustees_actions as actions, trustees_store as store};
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::rules::Tender;
use crate::project::testing::{Shape, Staff, draft, staff};
use crate::sealing::boxes::BoxKey;

on_both_databases! {
    a_set_is_complete_when_every_trustee_has_signed_it
    a_new_key_takes_back_every_signature
    a_finished_set_is_never_changed
    only_named_trustees_may_give_keys_and_no_key_counts_twice
}

fn tender(house: &TestHouse) -> (Staff, Id<Tender>) {
    let staff = staff(house);
    let tender = draft(house, &staff, &Shape::default());
    (staff, tender)
}

fn stage(house: &TestHouse, tender: Id<Tender>) -> Stage {
    let holders = house.door().read(|db| {
        let facts = crate::project::store::tender(db, tender)?.unwrap();
        store::holders(db, &facts)
    });
    super::trustees::stage(&holders.unwrap())
}

fn a_set_is_complete_when_every_trustee_has_signed_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, tender) = tender(&house);
    assert_eq!(stage(&house, tender), Stage::Keys { missing: 3 });
    let boxes = signed_set(&house, tender, &[&staff.agent, &staff.entity, &staff.supervisor]);
    assert_eq!(stage(&house, tender), Stage::Complete);
    boxes.set.check().unwrap();
    assert_eq!((boxes.set.t, boxes.set.n(), boxes.set.tender.as_str()), (2, 3, "TEST-0001"));
    assert_eq!(boxes.set.member(3).unwrap().org, staff.supervisor.who.organisation_name);
    let entry = house.door().read(|db| store::set_entry(db, tender)).unwrap().unwrap().0;
    let row = house.door().read(|db| crate::ledger::store::entry(db, entry)).unwrap().unwrap();
    let object = crate::platform::digest::from_b64u(&house.door().opened(&row).unwrap().object).unwrap();
    assert!(String::from_utf8(object).unwrap().contains(&crate::platform::digest::b64u(&boxes.set.hash())));
}

fn a_new_key_takes_back_every_signature(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, tender) = tender(&house);
    let all: [&Member; 3] = [&staff.agent, &staff.entity, &staff.supervisor];
    for member in all {
        give_key(&house, tender, member, &BoxKey::random().public());
    }
    sign(&house, tender, &staff.agent);
    sign(&house, tender, &staff.entity);
    assert_eq!(stage(&house, tender), Stage::Signatures { missing: 1 });
    give_key(&house, tender, &staff.entity, &BoxKey::random().public());
    assert_eq!(stage(&house, tender), Stage::Signatures { missing: 3 });
    assert!(house.door().read(|db| store::complete_set(db, tender)).unwrap().is_none());
    all.into_iter().for_each(|member| sign(&house, tender, member));
    assert_eq!(stage(&house, tender), Stage::Complete);
}

fn a_finished_set_is_never_changed(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, tender) = tender(&house);
    signed_set(&house, tender, &[&staff.agent, &staff.entity, &staff.supervisor]);
    let (authority, who) = (house.authority().clone(), staff.agent.who.clone());
    let certificate = staff.agent.certificate.clone();
    let again = house.act(&staff.agent.who, move |act| {
        actions::give_key(act, &authority, &who, tender, &BoxKey::random().public(), &certificate)
    });
    assert_eq!(refused(again).key, "sealed_bid.trustees.refusal.complete");
}

fn only_named_trustees_may_give_keys_and_no_key_counts_twice(engine: Engine) {
    let house = TestHouse::new(engine);
    let (staff, tender) = tender(&house);
    let key = BoxKey::random().public();
    give_key(&house, tender, &staff.agent, &key);
    let attempt = |member: &Member, hpke: [u8; 65], certificate: &[u8]| {
        let (authority, who) = (house.authority().clone(), member.who.clone());
        let certificate = certificate.to_vec();
        let tried = house.act(&member.who, move |act| {
            actions::give_key(act, &authority, &who, tender, &hpke, &certificate)
        });
        refused(tried).key.into_owned()
    };
    let fresh = BoxKey::random().public();
    let own = |member: &Member| member.certificate.clone();
    assert_eq!(
        attempt(&staff.centre, fresh, &own(&staff.centre)),
        "sealed_bid.trustees.refusal.not_a_trustee"
    );
    assert_eq!(attempt(&staff.entity, key, &own(&staff.entity)), "sealed_bid.trustees.refusal.key_twice");
    assert_eq!(attempt(&staff.entity, [4; 65], &own(&staff.entity)), "sealed_bid.trustees.refusal.bad_key");
    assert_eq!(attempt(&staff.entity, fresh, &own(&staff.agent)), "account.refusal.unknown_certificate");
    let who = staff.agent.who.clone();
    let early = house.act(&staff.agent.who, move |act| actions::sign_set(act, &who, tender, &[1; 64]));
    assert_eq!(refused(early).key, "sealed_bid.trustees.refusal.keys_missing");
}
