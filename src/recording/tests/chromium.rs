//! A real Chromium with a fake camera and a shared screen: record, lose the network, reload, stop; watch live; play back.

use crate::account::actions::open_session;
use crate::account::role::Role;
use crate::account::session::COOKIE;
use crate::account::testing::TestHouse;
use crate::ledger::Actor;
use crate::platform::database::testing::Engine;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::recording::actions::{self, place};
use crate::recording::chain::{GapReason, Record, What, verify};
use crate::recording::rules::Source;
use crate::recording::store;
use crate::recording::testing::{run, session, track};
use crate::tests::browser::Served;
use crate::tests::running::Running;
use serde_json::Value;
use std::process::Command;

fn drive(part: &str, env: &[(&str, String)]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/e2e/recording.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(part).envs(env.iter().map(|(name, value)| (*name, value.as_str())));
    let done = command.output().expect("Node is missing: bin/need test installs it");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if part == "play" && !done.status.success() {
        // watching changes nothing, so a browser that a busy machine starved may try once more
        eprintln!("play is tried again after:\n{out}\n{err}");
        let again = command.output().expect("Node ran a moment ago");
        let (out, err) = (String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
        assert!(again.status.success(), "play failed twice in the browser:\n{out}\n{err}");
        return serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{e}: {out}"));
    }
    assert!(done.status.success(), "{part} failed in the browser:\n{out}\n{err}");
    serde_json::from_str(out.trim()).unwrap_or_else(|e| panic!("{e}: {out}"))
}

#[test]
fn a_real_browser_records_survives_an_outage_and_a_reload_and_is_watched_and_played_back() {
    let house = TestHouse::new(Engine::Sqlite);
    let _running = Running::start(house.clock.clone());
    let expert = house.member(Role::Expert, "expert1").who;
    let supervisor = house.member(Role::Supervisor, "supervisor").who;
    let session = session(&house, Id::random(), &[&expert]);
    let tracks = Source::ALL.map(|source| track(&house, session, &expert, source));
    let served = Served::start(house);
    let door = served.house.door().clone();
    let token = |who: &crate::account::who::Who| run(open_session(&door, who.person)).unwrap();
    let mut env = vec![
        ("RECORDING_BASE", served.base.clone()),
        ("RECORDING_SESSION", session.to_string()),
        ("RECORDING_EXPERT", token(&expert)),
        ("RECORDING_SUPERVISOR", token(&supervisor)),
        ("RECORDING_COOKIE", COOKIE.to_string()),
    ];
    env.extend(std::env::var("RECORDING_SHOTS").ok().map(|folder| ("RECORDING_SHOTS", folder)));
    let recorded = drive("record", &env);
    assert_eq!(recorded["errors"], serde_json::json!([]), "no script broke");
    for i in 0..2 {
        let moved = recorded["after"][i].as_f64().unwrap() - recorded["before"][i].as_f64().unwrap();
        assert!(moved > 2.0, "live view {i} moved {moved} s in 5 s");
    }
    door.write(Actor::system("test"), move |act| {
        actions::mark(act, session, "recording.state.open", "")?;
        actions::close(act, session)
    })
    .unwrap();
    assert_eq!(
        run(actions::close_due(&door)).unwrap(),
        1,
        "both recorders said that they stopped: sealed at once"
    );
    for id in tracks {
        let records: Vec<Record> =
            door.read(|db| store::records(db, id, 0, 10_000)).unwrap().into_iter().map(|r| r.0).collect();
        let files = door.files().clone();
        let verdict = verify(&records, &[], |record| {
            let key = place(session, id, &record.media()?);
            run(files.get_at(&key)).ok().map(|bytes| sha256(&[&bytes]))
        });
        assert_eq!((verdict.findings, verdict.sealed, verdict.absent), (vec![], true, 0));
        let inits = records.iter().filter(|r| matches!(r.what, What::Init { .. })).count();
        let media = records.iter().filter(|r| matches!(r.what, What::Media { .. })).count();
        let reasons: Vec<GapReason> = records
            .iter()
            .filter_map(|r| if let What::Gap { reason, .. } = r.what { Some(reason) } else { None })
            .collect();
        assert_eq!(
            (inits, reasons),
            (2, vec![GapReason::Restarted]),
            "two starts, and the outage lost nothing"
        );
        assert!(media >= 8, "only {media} segments of some thirty seconds");
    }
    let played = drive("play", &env);
    assert_eq!(played["errors"], serde_json::json!([]), "no script broke");
    assert!(played["wide"].as_i64().unwrap() <= 360, "the page fits a phone: {}", played["wide"]);
    let times = |of: &str, i: usize| played[of]["times"][i].as_f64().unwrap();
    assert!((times("first", 0) - times("first", 1)).abs() < 1.0, "tracks are in step: {}", played["first"]);
    assert!((times("last", 0) - times("last", 1)).abs() < 1.0, "and after the gap: {}", played["last"]);
}
