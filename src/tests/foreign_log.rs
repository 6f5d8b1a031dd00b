//! The log as it is served, under the eyes of Go's own `note` and `tlog` packages.

use super::browser::Served;
use crate::account::testing::TestHouse;
use crate::ledger::act::Actor;
use crate::ledger::store::{self, Tiles};
use crate::ledger::tests::foreign::client;
use crate::ledger::{Event, Subject, tree};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64, from_b64u};
use crate::platform::moment::Moment;
use crate::platform::refusal::Refused;
use serde::Serialize;
use std::fs;
use std::process::Command;

on_both_databases! {
    gos_log_packages_accept_the_served_log
    an_act_that_was_refused_leaves_no_hole_in_the_places_of_others
}

#[derive(Serialize)]
struct Happened {
    what: String,
}

impl Event for Happened {
    const KIND: &'static str = "test.happened";
    const NUMBER: u8 = 254;

    fn object(&self, _: Moment, _: &Actor) -> Vec<u8> {
        self.what.clone().into_bytes()
    }
}

fn happen(house: &TestHouse, from: usize, until: usize) -> crate::ledger::EntryId {
    let done = house.door().write(Actor::system("test"), move |act| {
        let mut last = None;
        for number in from..until {
            last = Some(act.enter(&Subject::None, &Happened { what: format!("object {number}") })?);
        }
        Ok(last)
    });
    done.unwrap().value.unwrap()
}

fn gos_log_packages_accept_the_served_log(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let (house, folder) = (&served.house, tempfile::tempdir().unwrap());
    let door = house.door();
    let entry = happen(house, 0, 301);
    let receipt = door.read(|db| door.receipt(db, entry)).unwrap();
    let opened = door.read(|db| door.opened(&store::entry(db, entry)?.unwrap())).unwrap();
    let old = door.read(store::head).unwrap().unwrap();
    for i in 0..20 {
        happen(house, 301 + i * 40, 341 + i * 40);
    }
    let new = door.read(store::head).unwrap().unwrap();
    let proof = door.read(|db| {
        Ok::<_, crate::platform::refusal::Fault>(tree::consistency_proof(
            &Tiles::new(db),
            old.size,
            new.size,
        )?)
    });

    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let lines: String = proof.unwrap().iter().map(|hash| b64(hash) + "\n").collect();
    let done = Command::new(client())
        .args(["-key", &door.log_key().to_string(), "-log", &format!("{}/log", served.base)])
        .arg("-old")
        .arg(file("old", old.note.as_bytes()))
        .arg("-proof")
        .arg(file("proof", lines.as_bytes()))
        .arg("-object")
        .arg(file("object", &from_b64u(&opened.object).unwrap()))
        .arg("-receipt")
        .arg(file("receipt", receipt.to_string().as_bytes()))
        .output()
        .unwrap();
    let words = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{words}");
    for line in [
        format!("ok checkpoint of {} leaves", new.size),
        format!("ok entries: {} hashed", new.size),
        format!("ok consistency from {} to {}", old.size, new.size),
        format!("ok receipt for leaf {}", receipt.index),
    ] {
        assert!(words.contains(&line), "{line:?} is missing in:\n{words}");
    }
    assert!(new.size >= 1100, "{}", new.size);
}

fn an_act_that_was_refused_leaves_no_hole_in_the_places_of_others(engine: Engine) {
    let house = TestHouse::new(engine);
    let begun = house.door().read(store::head).unwrap().map_or(0, |head| head.size);
    let mut written = Vec::new();
    for number in 0..4 {
        written.push(happen(&house, number, number + 3));
        // its numbers of arrival are spent on PostgreSQL, and never committed
        let refused = house.door().write(Actor::system("test"), move |act| {
            act.enter(&Subject::None, &Happened { what: "never".into() })?;
            Err::<(), _>(Refused::new(409, "platform.refusal.not_found").into())
        });
        assert!(refused.is_err());
    }
    let head = house.door().read(store::head).unwrap().unwrap();
    assert_eq!(head.size, begun + 12);
    let places: Vec<u64> = written
        .iter()
        .map(|entry| house.door().read(|db| store::index_of(db, *entry)).unwrap().unwrap())
        .collect();
    assert_eq!(places, [begun + 2, begun + 5, begun + 8, begun + 11]);
    for entry in written {
        assert!(house.door().read(|db| house.door().receipt(db, entry)).is_ok());
    }
}
