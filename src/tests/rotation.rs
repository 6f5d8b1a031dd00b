//! The log changes its key, several times, while people hold receipts, watch and witness it; and somebody who stole an old
//! key tries to use it.

use super::browser::Served;
use super::program::rotate_command;
use super::witnessed::{Outside, ask_outside, bundle, lines, watch, watch_with};
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::cli::log::witness::Witness;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{Note, SignerKey, VerifierKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::ledger::proof::{Opening, Receipt};
use crate::ledger::rotation::Rotations;
use crate::ledger::tests::foreign::client;
use crate::ledger::witness::Request;
use crate::ledger::{Door, rotation_store, store};
use crate::on_both_databases;
use crate::opening::testing::bids_in;
use crate::platform::database::testing::Engine;
use crate::platform::digest::sha256;
use crate::platform::moment::Clock;
use crate::verify::Known;
use std::fs;
use std::process::Command;
use std::time::Duration;

on_both_databases! {
    everybody_follows_a_log_that_changed_its_key_several_times
    a_stolen_old_key_can_do_nothing_new
    a_receipt_forged_with_a_stolen_old_key_is_not_believed_at_once
    a_change_of_key_that_was_cut_short_either_was_made_or_was_not
}

fn rotations(house: &TestHouse) -> Rotations {
    house.door().read(rotation_store::rotations).unwrap()
}

fn key_file(house: &TestHouse) -> SignerKey {
    SignerKey::parse(&fs::read_to_string(house.door().config().keys.join("log-signer.key")).unwrap()).unwrap()
}

/// Another process on the same database and keys, while the house is running.
fn rotate_beside(house: &TestHouse) {
    let beside = Door::open(house.door().config().clone(), house.clock.clone()).unwrap();
    beside.rotate_log().unwrap();
}

fn head_note(house: &TestHouse) -> String {
    house.door().read(store::head).unwrap().unwrap().note
}

fn receipt_of_newest(house: &TestHouse) -> Receipt {
    let door = house.door();
    let receipt = door.read(|db| {
        let size = store::head(db)?.unwrap().size;
        let row = store::entry_at(db, size - 1)?.unwrap();
        door.receipt(db, crate::ledger::EntryId::parse(&row.id).unwrap())
    });
    receipt.unwrap()
}

/// Go's own packages on the served log, by somebody who knows `key`.
fn go(served: &Served, key: &VerifierKey, follow: bool) -> (bool, String) {
    let mut command = Command::new(client());
    command.args(["-key", &key.to_string(), "-log", &format!("{}/log", served.base)]);
    if follow {
        command.arg("-follow");
    }
    let done = command.output().unwrap();
    (done.status.success(), String::from_utf8(done.stdout).unwrap())
}

fn everybody_follows_a_log_that_changed_its_key_several_times(engine: Engine) {
    let outside = Outside::with_all_up();
    let house = outside.house(engine);
    let bids = bids_in(&house, &["100.00", "101.00", "102.00"]);
    let mut keys = vec![house.door().log_key()];
    let early = receipt_of_newest(&house);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("seen");
    ask_outside(&house);
    let served = Served::start(house);
    let house = &served.house;
    watch(&served, &state).unwrap();

    // before and after the closing of a lot, from another process and from this one
    rotate_beside(house);
    house.member(Role::Bidder, "between");
    keys.push(house.door().log_key());
    ask_outside(house);
    bids.close(house);
    ask_outside(house);
    house.door().rotate_log().unwrap();
    keys.push(house.door().log_key());
    bids.release(house, bids.first(house), &[1, 2]);
    bids.open(house, bids.first(house), false).unwrap();
    rotate_beside(house);
    house.member(Role::Bidder, "last");
    keys.push(house.door().log_key());
    ask_outside(house);
    let all = rotations(house);
    assert_eq!(all.list().len(), 3);
    assert_eq!(*key_file(house).verifier(), keys[3]);
    assert!((0..3).all(|at| all.list()[at].old == keys[at] && all.list()[at].new == keys[at + 1]));

    // a receipt given before still verifies with the key of its time alone, and with every other by way of the notes
    let (opening, origin) = (&early.opening, &house.door().config().origin);
    early.verify_hash(&opening.object_hash, opening.kind, origin, &keys[..1]).unwrap();
    for key in &keys {
        let known = all.lead_from(std::slice::from_ref(key));
        early.verify_in_term(&opening.object_hash, opening.kind, origin, &known, &all).unwrap();
    }

    // evidence: receipts under the first key, the closing under the second, the newest checkpoint under the fourth
    let file = bundle(house, &bids);
    let policy = outside.policy_text();
    let policy = Some(Policy::parse(&policy).unwrap());
    for key in &keys {
        let known = Known { key: Some(key.clone()), policy: policy.clone(), ..Known::default() };
        let (hold, said) = lines(file.clone(), &known);
        assert!(hold && said.contains("ok   rotations") && said.contains("ok   witnesses"), "{said}");
    }
    let stranger = SignerKey::generate(origin).unwrap().verifier().clone();
    let (hold, said) = lines(file, &Known { key: Some(stranger), ..Known::default() });
    assert!(!hold && said.contains("FAIL key"), "{said}");

    // the monitor that was there before, one that begins now with the newest key, and Go
    let said = watch_with(&served, &state, &keys[0]).unwrap();
    assert!(said.contains(&format!("new key from {} entries on: {}", all.list()[0].size, keys[1])), "{said}");
    assert!(said.contains(&keys[3].to_string()), "{said}");
    assert!(!watch_with(&served, &state, &keys[0]).unwrap().contains("new key"), "each change is told once");
    assert!(watch_with(&served, &folder.path().join("new"), &keys[3]).is_ok());
    for key in &keys {
        let (content, words) = go(&served, key, true);
        assert!(content && words.matches("ok rotation").count() == 3, "{words}");
    }
    assert!(!go(&served, &keys[0], false).0, "the old key alone does not open the newest checkpoint");

    shown_to_people(&served, &all, &keys);
    outside.stop();
}

/// Every change is on the log's page, and its papers are at stable addresses.
fn shown_to_people(served: &Served, all: &Rotations, keys: &[VerifierKey]) {
    let (house, origin) = (&served.house, &served.house.door().config().origin);
    let mut visitor = served.visitor();
    let page = visitor.get("/log").expect_status(200).text();
    for (rotation, kept) in all.list().iter().zip(house.door().read(rotation_store::rotated).unwrap()) {
        assert!(
            page.contains(&rotation.new.to_string().replace('+', "&#43;"))
                || page.contains(&rotation.new.to_string())
        );
        let first =
            visitor.get(&format!("/log/rotation/{}/checkpoint", rotation.size)).expect_status(200).text();
        let both = [rotation.old.clone(), rotation.new.clone()];
        let (opened, signers) = Checkpoint::open(first.as_bytes(), origin, &both).unwrap();
        assert_eq!((opened.size, opened.root, signers.len()), (rotation.size, rotation.root, 2));
        let proof = visitor.get(&format!("/log/rotation/{}/proof", kept.size)).expect_status(200);
        let proof = Receipt::parse(&proof.bytes).unwrap();
        let note = rotation.note.to_string();
        let known = all.lead_from(&keys[..1]);
        proof.verify_in_term(&sha256(&[note.as_bytes()]), 1, origin, &known, all).unwrap();
        assert!(proof.index >= rotation.size);
    }
    assert_eq!(visitor.get("/log/rotations").expect_status(200).text(), all.to_string());
    visitor.get("/log/rotation/1/checkpoint").expect_status(404);
    assert_eq!(visitor.get("/log/key").expect_status(200).text(), format!("{}\n", keys[3]));
}

fn a_stolen_old_key_can_do_nothing_new(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let house = &served.house;
    house.member(Role::Bidder, "early");
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("seen");
    watch(&served, &state).unwrap();
    let stolen = key_file(house);
    let (old, before) = (stolen.verifier().clone(), head_note(house));
    house.door().rotate_log().unwrap();
    house.member(Role::Bidder, "late");
    let (all, origin) = (rotations(house), house.door().config().origin.clone());
    let known = all.lead_from(std::slice::from_ref(&old));
    let honest = Checkpoint::open_in_term(head_note(house).as_bytes(), &origin, &known, &all).unwrap().0;
    Checkpoint::open_in_term(before.as_bytes(), &origin, &known, &all).unwrap();

    // a larger checkpoint, even a true one, and another history of the size of the change
    let size = all.list()[0].size;
    for forged in [
        Checkpoint { size: size + 1, ..honest.clone() },
        honest.clone(),
        Checkpoint { size, root: [7; 32], ..honest.clone() },
    ] {
        let note = Note::sign(&forged.to_string(), &[&stolen]).unwrap();
        let text = note.to_string();
        assert!(Checkpoint::open_in_term(text.as_bytes(), &origin, &known, &all).is_err());
        let policy = Policy::parse(&format!("log {old}\nquorum none\n")).unwrap().following(&all);
        assert!(policy.judge(text.as_bytes()).is_err());
        let cosigner = WitnessKey::generate("w.example/w").unwrap();
        let seen = folder.path().join(format!("witness{}{}", forged.size, forged.root[0]));
        let witness = Witness::new(cosigner, vec![old.clone()], seen, Clock::real()).unwrap();
        witness.add_rotations(all.to_string().as_bytes()).unwrap().unwrap();
        let request = Request { old: 0, proof: Vec::new(), checkpoint: note }.to_string();
        assert_eq!(witness.add(request.as_bytes()).unwrap().unwrap_err().status(), 403);
        // a receipt that leads to it
        let mut receipt = receipt_of_newest(house);
        receipt.checkpoint = Note::parse(text.as_bytes()).unwrap();
        let opening = receipt.opening.clone();
        assert!(receipt.verify_in_term(&opening.object_hash, opening.kind, &origin, &known, &all).is_err());
    }

    // the monitor that is shown such a checkpoint raises the alarm, and one that is shown fewer changes too
    assert!(watch_with(&served, &state, &old).is_ok());
    let forged = Note::sign(&honest.to_string(), &[&stolen]).unwrap().to_string();
    served
        .house
        .door()
        .write(crate::ledger::Actor::system("thief"), move |act| {
            use diesel::prelude::*;
            let set = diesel::sql_query("UPDATE ledger_head SET note = ").sql(format!("'{forged}'"));
            Ok(set.execute(act.db())?)
        })
        .unwrap();
    let alarm = watch_with(&served, &state, &old).unwrap_err();
    assert!(alarm.contains("ALARM") && alarm.contains("not the log's key then"), "{alarm}");
    assert!(!go(&served, &old, true).0);

    // the thief's own change of key, away from the same old key, contradicts the one that was seen
    let thief = SignerKey::generate(&origin).unwrap();
    let other = crate::ledger::rotation::Rotation::sign(&stolen, &thief, size, &all.list()[0].root).unwrap();
    let mut others = Rotations::default();
    others.add(other).unwrap();
    assert!(!others.extend(&all));
    let cosigner = WitnessKey::generate("w.example/w").unwrap();
    let witness = Witness::new(cosigner, vec![old], folder.path().join("w"), Clock::real()).unwrap();
    witness.add_rotations(all.to_string().as_bytes()).unwrap().unwrap();
    assert_eq!(witness.add_rotations(others.to_string().as_bytes()).unwrap().unwrap_err().status(), 422);
}

/// Below the size of the change an old key may sign: whoever stole it can forge a log of one entry and a receipt from it.
fn a_receipt_forged_with_a_stolen_old_key_is_not_believed_at_once(engine: Engine) {
    let house = TestHouse::new(engine);
    let bids = bids_in(&house, &["100.00", "101.00", "102.00"]);
    let (stolen, origin) = (key_file(&house), house.door().config().origin.clone());
    let opening = Opening { object_hash: [9; 32], kind: 70, blind: [1; 32] };
    let lone = Checkpoint { origin, size: 1, root: opening.leaf_hash() };
    let checkpoint = Note::sign(&lone.to_string(), &[&stolen]).unwrap();
    let forged = Receipt { opening, index: 0, proof: Vec::new(), checkpoint };
    bids.close(&house);
    bids.release(&house, bids.first(&house), &[1, 2]);
    bids.open(&house, bids.first(&house), false).unwrap();
    let known = Known {
        key: Some(stolen.verifier().clone()),
        receipts: vec![Receipt::parse(forged.to_string().as_bytes()).unwrap()],
        ..Known::default()
    };
    let (hold, said) = lines(bundle(&house, &bids), &known);
    assert!(!hold && said.contains("of your receipt was dropped"), "as long as the key is the log's: {said}");

    house.door().rotate_log().unwrap();
    house.member(Role::Bidder, "later");
    let (hold, said) = lines(bundle(&house, &bids), &known);
    assert!(!hold && said.contains("somebody forged the receipt with the old key"), "{said}");
}

fn a_change_of_key_that_was_cut_short_either_was_made_or_was_not(engine: Engine) {
    let house = TestHouse::new(engine);
    house.member(Role::Bidder, "early");
    let (config, clock) = (house.door().config().clone(), house.clock.clone());
    let (key, next) = (config.keys.join("log-signer.key"), config.keys.join("log-signer.next"));

    // between the new key file and the database: nothing was changed, and the next try takes the same file up
    let first = house.door().log_key();
    let prepared = SignerKey::generate(first.name()).unwrap();
    fs::write(&next, prepared.to_file().as_bytes()).unwrap();
    let door = Door::open(config.clone(), clock.clone()).unwrap();
    assert_eq!(door.log_key(), first);
    let before = fs::read(&key).unwrap();
    assert_eq!(door.rotate_log().unwrap().new, *prepared.verifier());

    // between the database and the key file: the change was made, and the next start ends it
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &before).unwrap();
    let door = Door::open(config.clone(), clock.clone()).unwrap();
    assert_eq!(door.log_key(), *prepared.verifier());
    assert!(!next.exists() && *key_file(&house).verifier() == *prepared.verifier());

    // the old key file brought back: the log does not start with a key that was rotated away, nor with any other
    for wrong in [before, SignerKey::generate(first.name()).unwrap().to_file().as_bytes().to_vec()] {
        let right = fs::read(&key).unwrap();
        fs::write(&key, wrong).unwrap();
        let refused = Door::open(config.clone(), clock.clone()).map(|_| ()).unwrap_err().chain();
        assert!(refused.contains("log-signer.key"), "{refused}");
        fs::write(&key, right).unwrap();
    }
    // a state file that is ahead of the database is refused as before
    let state = config.keys.join("log-signer.state");
    let right = fs::read_to_string(&state).unwrap();
    let root = right.split_once(' ').unwrap().1.to_owned();
    fs::write(&state, format!("1000000 {root}")).unwrap();
    let refused = Door::open(config.clone(), clock).map(|_| ()).unwrap_err().chain();
    assert!(refused.contains("rolled back"), "{refused}");
    fs::write(&state, right).unwrap();

    // and the real command, ended by kill -9 at many moments, while the house goes on entering
    let mut made = 1;
    for round in 0..12u64 {
        let mut command = rotate_command(&house).spawn().unwrap();
        house.member(Role::Bidder, &format!("during{round}"));
        std::thread::sleep(Duration::from_millis(round * 15));
        command.kill().unwrap();
        command.wait().unwrap();
        house.member(Role::Bidder, &format!("after{round}"));
        let all = rotations(&house);
        assert!((made..=made + 1).contains(&all.list().len()), "one command changes the key once");
        made = all.list().len();
        let known = all.lead_from(std::slice::from_ref(&first));
        let note = head_note(&house);
        Checkpoint::open_in_term(note.as_bytes(), first.name(), &known, &all).unwrap();
        assert_eq!(all.list().last().unwrap().new, house.door().log_key());
        drop(Door::open(config.clone(), house.clock.clone()).unwrap());
        assert_eq!(*key_file(&house).verifier(), house.door().log_key());
    }
    assert!(rotate_command(&house).status().unwrap().success());
    house.member(Role::Bidder, "end");
    assert_eq!(rotations(&house).list().len(), made + 1);
}
