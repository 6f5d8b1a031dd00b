//! What later rooms' tests need of trustees: a complete set, and the keys that release from it.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{drill, trustees_actions as actions, trustees_store as store};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::policy::Policy;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::project::rules::Tender;
use crate::sealing::boxes::BoxKey;
use crate::sealing::signature::SigningKey;
use crate::sealing::trustees::{TrusteeKey, TrusteeSet};

/// The trustees' box keys, in the order of the set.
pub struct Boxes {
    pub keys: Vec<BoxKey>,
    pub set: TrusteeSet,
}

/// Has `trustees` (in the order in which the agent named them) make themselves ready for the bids of `tender`: they give fresh keys,
/// sign the set and hold the drill.
pub fn ready_set(house: &TestHouse, tender: Id<Tender>, trustees: &[&Member]) -> Boxes {
    let boxes = signed_set(house, tender, trustees);
    hold_drill(house, tender, trustees, &boxes);
    boxes
}

/// As [`ready_set`], without the drill.
pub fn signed_set(house: &TestHouse, tender: Id<Tender>, trustees: &[&Member]) -> Boxes {
    let keys: Vec<BoxKey> = trustees.iter().map(|_| BoxKey::random()).collect();
    for (member, key) in trustees.iter().zip(&keys) {
        give_key(house, tender, member, &key.public());
    }
    for member in trustees {
        sign(house, tender, member);
    }
    let set = house.door().read(|db| store::complete_set(db, tender)).unwrap().expect("all have signed");
    Boxes { keys, set }
}

/// Has one trustee give a key.
pub fn give_key(house: &TestHouse, tender: Id<Tender>, member: &Member, hpke: &[u8; 65]) {
    let (authority, who) = (house.authority().clone(), member.who.clone());
    let (hpke, certificate) = (*hpke, member.certificate.clone());
    house
        .act(&member.who, move |act| actions::give_key(act, &authority, &who, tender, &hpke, &certificate))
        .unwrap();
}

/// Has one trustee sign the set as it stands.
pub fn sign(house: &TestHouse, tender: Id<Tender>, member: &Member) {
    let message = house
        .door()
        .read(|db| {
            let facts = crate::project::store::tender(db, tender)?.expect("the tender");
            let holders = store::holders(db, &facts)?;
            let t = u8::try_from(facts.custody.as_ref().expect("trustees").threshold).unwrap();
            Ok::<_, crate::platform::refusal::Fault>(
                super::trustees::document(facts.number.as_str(), t, &holders).expect("all keys").message(),
            )
        })
        .unwrap();
    let sig: [u8; 64] = member.sign_bytes(&message).try_into().unwrap();
    let who = member.who.clone();
    house.act(&member.who, move |act| actions::sign_set(act, &who, tender, &sig)).unwrap();
}

/// Has every one of `trustees` open the canary of the drill.
pub fn hold_drill(house: &TestHouse, tender: Id<Tender>, trustees: &[&Member], boxes: &Boxes) {
    let (who, origin) = (trustees[0].who.clone(), house.door().config().origin.clone());
    house.act(&trustees[0].who, move |act| drill::begin(act, &origin, &who, tender)).unwrap();
    let door = house.door();
    let bundle = door.read(|db| drill::bundle(door, db, tender)).unwrap();
    let trust = Policy::of_log(door.log_key());
    for ((member, key), i) in trustees.iter().zip(&boxes.keys).zip(1u8..) {
        let boxes = BoxKey::from_bytes(&key.to_bytes().0).unwrap();
        let sign = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
        let key = TrusteeKey { i, tender: bundle.trustees.tender.clone(), boxes, sign };
        let release = jcs_text(&bundle.release_in_drill(&key, &trust, door.now()).unwrap());
        let who = member.who.clone();
        house.act(&member.who, move |act| drill::release(act, &who, tender, &release)).unwrap();
    }
}
