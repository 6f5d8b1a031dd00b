//! Nobody evaluates unseen: the evaluation waits for the recording, and stops with it.

use crate::account::testing::{TestHouse, refused};
use crate::evaluation::actions::{self, Conflict};
use crate::evaluation::testing::{E4, convened, evaluated};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::moment::SECOND;
use crate::project::testing::{announced_lot, staff};
use crate::recording::jobs;
use crate::recording::rules::{FRESH, GRACE};
use crate::recording::store as recordings;
use crate::recording::testing::run;

on_both_databases! {
    evaluation_does_not_start_until_everybody_is_recorded
    scoring_stops_when_a_recording_stays_silent_and_goes_on_when_it_is_back
    the_recording_ends_with_the_report_and_shows_its_steps
}

fn evaluation_does_not_start_until_everybody_is_recorded(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    for member in &committee.members {
        let who = member.who.clone();
        house.act(&member.who, move |act| actions::declare(act, &who, lot, Conflict::None)).unwrap();
    }
    let agent = staff.agent.who.clone();
    let start = || {
        let who = agent.clone();
        house.act(&agent, move |act| actions::start(act, &who, lot))
    };
    let refusal = refused(start());
    assert_eq!(refusal.key, "recording.refusal.not_recording");
    assert_eq!(refusal.with, [("missing", "14".to_string())], "camera and screen of seven members");
    committee.go_live(&house);
    start().unwrap();
}

fn scoring_stops_when_a_recording_stays_silent_and_goes_on_when_it_is_back(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let committee = convened(&house, &staff, lot, &E4);
    committee.start(&house, &staff);
    committee.review(&house, &[]);
    let later = |micros: i64| house.clock.move_to(house.door().now().plus(micros));
    later(FRESH + GRACE - SECOND);
    committee.score_as(&house, &committee.members[0], "0.75").unwrap();
    later(SECOND);
    let stopped = refused(committee.score_as(&house, &committee.members[1], "0.75"));
    assert_eq!(stopped.key, "recording.refusal.not_recording");
    committee.go_live(&house);
    committee.score_as(&house, &committee.members[1], "0.75").unwrap();
}

fn the_recording_ends_with_the_report_and_shows_its_steps(engine: Engine) {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    evaluated(&house, &staff, lot);
    let sessions = house.door().read(|db| recordings::sessions_of(db, lot)).unwrap();
    assert_eq!((sessions.len(), sessions[0].closed_at.is_some(), sessions[0].retention_days), (1, true, 90));
    let marks = house.door().read(|db| recordings::marks(db, sessions[0].id)).unwrap();
    let count = |what: &str| marks.iter().filter(|m| m.sentence == format!("evaluation.mark.{what}")).count();
    let steps = ["started", "review", "sheet", "closed", "opinion"].map(count);
    assert_eq!(steps, [1, 7, 7, 1, 7]);
    house.clock.move_to(house.door().now().plus(601 * SECOND));
    run(jobs::due(house.door())).unwrap();
    let sessions = house.door().read(|db| recordings::sessions_of(db, lot)).unwrap();
    assert!(sessions[0].sealed_at.is_some());
}
