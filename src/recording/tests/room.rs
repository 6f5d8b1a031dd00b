//! The room on both databases: parts in, segments, records, log entries and verdicts out.

use crate::account::role::Role;
use crate::account::testing::{TestHouse, refused};
use crate::account::who::Who;
use crate::ledger::{self, Actor};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, SECOND};
use crate::recording::actions::{self, LOGGED_EVERY, NewSession, place};
use crate::recording::chain::{Anchor, GapReason, Record, What, verify};
use crate::recording::rules::{FRESH, GRACE, Session, Source, Standing, Track};
use crate::recording::testing::{go_live, record_everybody, run, sample, send, send_all, session, track};
use crate::recording::{jobs, store};

on_both_databases! {
    a_recording_sent_part_by_part_becomes_a_chain_that_verifies
    a_part_may_come_twice_and_out_of_order
    other_bytes_under_a_known_number_are_refused_and_on_record
    only_the_owner_may_send_and_only_true_digests_count
    webm_is_kept_as_fragmented_mp4_and_vp8_is_refused
    a_new_start_closes_the_old_one_and_leaves_a_gap_with_its_reason
    parts_that_never_came_are_a_gap_and_what_followed_is_kept
    the_verdict_follows_what_arrives
    a_sealed_session_takes_nothing_more_and_its_heads_are_in_the_log
    leaves_of_a_running_track_are_logged_every_half_minute
    media_are_deleted_only_after_ninety_days_and_never_under_a_hold
    spent_parts_lose_their_bytes_and_segments_keep_theirs
    the_database_does_not_say_who_is_recorded
    who_joins_is_required_from_then_on_and_who_leaves_no_longer
    watching_is_on_record_once_in_ten_minutes
}

struct Scene {
    house: TestHouse,
    expert: Who,
    session: Id<Session>,
    camera: Id<Track>,
}

impl Scene {
    fn new(engine: Engine) -> Self {
        let house = TestHouse::new(engine);
        let expert = house.member(Role::Expert, "expert1").who;
        let session = session(&house, Id::random(), &[&expert]);
        let camera = track(&house, session, &expert, Source::Camera);
        Self { house, expert, session, camera }
    }

    fn at(&self) -> (Id<Session>, Id<Track>) {
        (self.session, self.camera)
    }

    fn later(&self, micros: i64) {
        self.house.clock.move_to(self.house.door().now().plus(micros));
    }

    fn records(&self, track: Id<Track>) -> Vec<Record> {
        self.house
            .door()
            .read(|db| store::records(db, track, 0, 100_000))
            .unwrap()
            .into_iter()
            .map(|r| r.0)
            .collect()
    }

    /// Records whose own entry is in the log, with the leaf that the logged object gives.
    fn anchors(&self, track: Id<Track>) -> Vec<Anchor> {
        let door = self.house.door();
        let rows = door.read(|db| store::records(db, track, 0, 100_000)).unwrap();
        let entered = rows.into_iter().filter_map(|(record, entry)| entry.map(|e| (record.number, e)));
        entered
            .map(|(number, entry)| {
                let row = door.read(|db| ledger::store::entry(db, entry)).unwrap().expect("a logged record");
                assert!(row.log_index.is_some(), "record {number} has its place in the log");
                let object = crate::platform::digest::from_b64u(&door.opened(&row).unwrap().object).unwrap();
                Anchor { number, leaf: sha256(&[&[0], &object]) }
            })
            .collect()
    }

    /// Checks a track with the bytes as they lie in the files.
    fn verified(&self, track: Id<Track>) -> crate::recording::chain::Verdict {
        let files = self.house.door().files().clone();
        let session = self.session;
        verify(&self.records(track), &self.anchors(track), |record| {
            let key = place(session, track, &record.media()?);
            run(files.get_at(&key)).ok().map(|bytes| sha256(&[&bytes]))
        })
    }

    fn kinds(&self, track: Id<Track>) -> Vec<&'static str> {
        let kind = |r: &Record| match r.what {
            What::Opened { .. } => "opened",
            What::Init { .. } => "init",
            What::Media { .. } => "media",
            What::Gap { .. } => "gap",
            What::Sealed { .. } => "sealed",
        };
        self.records(track).iter().map(kind).collect()
    }

    fn standing(&self) -> Standing {
        let door = self.house.door();
        door.read(|db| actions::verdict(db, self.session, door.now())).unwrap()
    }

    fn close(&self) {
        let session = self.session;
        self.house.door().write(Actor::system("test"), move |act| actions::close(act, session)).unwrap();
    }
}

fn a_recording_sent_part_by_part_becomes_a_chain_that_verifies(engine: Engine) {
    let scene = Scene::new(engine);
    let parts = send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    assert_eq!(parts, 5);
    // the last fragment is half a second long and waits for more, or for the end
    assert_eq!(scene.kinds(scene.camera), ["opened", "init", "media", "media", "media", "media"]);
    scene.later(10 * SECOND);
    scene.close();
    run(actions::finish(scene.house.door(), scene.session)).unwrap();
    let kinds = scene.kinds(scene.camera);
    assert_eq!(kinds, ["opened", "init", "media", "media", "media", "media", "media", "sealed"]);
    let verdict = scene.verified(scene.camera);
    assert_eq!((verdict.findings, verdict.sealed, verdict.checked, verdict.absent), (vec![], true, 6, 0));
    // what is kept is what was sent, byte for byte
    let files = scene.house.door().files().clone();
    let hashes: Vec<_> = scene.records(scene.camera).iter().filter_map(Record::media).collect();
    let kept: Vec<u8> = hashes
        .iter()
        .flat_map(|h| run(files.get_at(&place(scene.session, scene.camera, h))).unwrap().to_vec())
        .collect();
    assert_eq!(kept, sample("camera-mp4").concat());
}

fn a_part_may_come_twice_and_out_of_order(engine: Engine) {
    let scene = Scene::new(engine);
    let blobs: Vec<_> = sample("camera-mp4").into_iter().filter(|b| !b.is_empty()).collect();
    let mut nexts = Vec::new();
    for seq in [0, 3, 3, 1, 4, 0, 2, 2] {
        let got =
            send(&scene.house, &scene.expert, scene.at(), (1, seq), &blobs[seq as usize], None).unwrap();
        nexts.push((got.new, got.next));
    }
    let expected =
        [(true, 1), (true, 1), (false, 1), (true, 2), (true, 2), (false, 2), (true, 5), (false, 5)];
    assert_eq!(nexts, expected);
    assert_eq!(scene.kinds(scene.camera), ["opened", "init", "media", "media", "media", "media"]);
    assert!(scene.verified(scene.camera).findings.is_empty());
    let far = send(&scene.house, &scene.expert, scene.at(), (1, 500), &blobs[1], None);
    assert_eq!(refused(far).key, "recording.refusal.too_far_ahead");
}

fn other_bytes_under_a_known_number_are_refused_and_on_record(engine: Engine) {
    let scene = Scene::new(engine);
    let blobs = sample("camera-mp4");
    send(&scene.house, &scene.expert, scene.at(), (1, 0), &blobs[0], None).unwrap();
    let size = |s: &Scene| s.house.door().read(ledger::store::head).unwrap().unwrap().size;
    let before = size(&scene);
    let mut other = blobs[0].clone();
    other[30] ^= 1;
    let result = send(&scene.house, &scene.expert, scene.at(), (1, 0), &other, None);
    assert_eq!((refused(result).status, size(&scene)), (409, before + 1));
    assert!(scene.verified(scene.camera).findings.is_empty());
}

fn only_the_owner_may_send_and_only_true_digests_count(engine: Engine) {
    let scene = Scene::new(engine);
    let stranger = scene.house.member(Role::Expert, "expert2").who;
    let blob = &sample("camera-mp4")[0];
    let result = send(&scene.house, &stranger, scene.at(), (1, 0), blob, None);
    assert_eq!(refused(result).key, "recording.refusal.not_your_track");
    let part = actions::Incoming {
        session: scene.session,
        track: scene.camera,
        epoch: 1,
        seq: 0,
        sha256: [7; 32],
        began_at: None,
        bytes: bytes::Bytes::from(blob.clone()),
    };
    let door = scene.house.door();
    assert_eq!(
        refused(run(actions::receive(door, &scene.expert, part))).key,
        "recording.refusal.digest_wrong"
    );
    let result = send(&scene.house, &scene.expert, (Id::random(), scene.camera), (1, 0), blob, None);
    assert_eq!(refused(result).key, "recording.refusal.no_such_session");
    let result = send(&scene.house, &scene.expert, scene.at(), (1, 0), b"%PDF-1.7 not a film", None);
    assert_eq!(refused(result).status, 415);
    assert_eq!(scene.kinds(scene.camera), ["opened"], "nothing of all that is kept");
}

fn webm_is_kept_as_fragmented_mp4_and_vp8_is_refused(engine: Engine) {
    let scene = Scene::new(engine);
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-webm");
    scene.later(10 * SECOND);
    scene.close();
    run(actions::finish(scene.house.door(), scene.session)).unwrap();
    let kinds = scene.kinds(scene.camera);
    assert_eq!(kinds, ["opened", "init", "media", "media", "media", "media", "media", "sealed"]);
    assert!(scene.verified(scene.camera).findings.is_empty());
    let screen = Scene::new(engine);
    let vp8 = sample("vp8-webm").concat();
    let result = send(&screen.house, &screen.expert, screen.at(), (1, 0), &vp8, None);
    assert_eq!(refused(result).key, "recording.refusal.codec_not_kept");
}

fn a_new_start_closes_the_old_one_and_leaves_a_gap_with_its_reason(engine: Engine) {
    let scene = Scene::new(engine);
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    scene.later(9 * SECOND);
    let (who, at) = (scene.expert.clone(), scene.at());
    let stop = move |act: &mut ledger::Act<'_>| actions::stopped(act, &who, at.0, at.1, "paused");
    scene.house.act(&scene.expert, stop).unwrap();
    scene.later(60 * SECOND);
    send_all(&scene.house, &scene.expert, scene.at(), 2, "camera-mp4");
    let records = scene.records(scene.camera);
    let kinds = scene.kinds(scene.camera);
    assert_eq!(kinds[6..9], ["media", "gap", "init"], "the short rest, the gap, the new start");
    let What::Gap { reason, from, until } = &records[7].what else { panic!("{:?}", records[7]) };
    assert_eq!(*reason, GapReason::Paused);
    let length = until.micros() - from.micros();
    assert!((59 * SECOND..61 * SECOND).contains(&length), "a minute, not {length}");
    assert!(scene.verified(scene.camera).findings.is_empty());
    let late = send(&scene.house, &scene.expert, scene.at(), (1, 9), &sample("camera-mp4")[1], None);
    assert_eq!(refused(late).key, "recording.refusal.epoch_out_of_order");
}

fn parts_that_never_came_are_a_gap_and_what_followed_is_kept(engine: Engine) {
    let scene = Scene::new(engine);
    let blobs: Vec<_> = sample("camera-mp4").into_iter().filter(|b| !b.is_empty()).collect();
    for seq in [0u64, 1, 3, 4] {
        send(&scene.house, &scene.expert, scene.at(), (1, seq), &blobs[seq as usize], None).unwrap();
    }
    scene.later(9 * SECOND);
    scene.close();
    run(actions::finish(scene.house.door(), scene.session)).unwrap();
    let kinds = scene.kinds(scene.camera);
    assert_eq!(kinds, ["opened", "init", "media", "media", "gap", "media", "media", "sealed"]);
    let What::Gap { reason, .. } = &scene.records(scene.camera)[4].what else { panic!() };
    assert_eq!(*reason, GapReason::PartsLost);
    assert!(scene.verified(scene.camera).findings.is_empty());
}

fn the_verdict_follows_what_arrives(engine: Engine) {
    let scene = Scene::new(engine);
    assert!(scene.standing().may_start().is_err(), "nobody has sent anything");
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    assert_eq!(scene.standing().missing().len(), 1, "the screen is missing");
    record_everybody(&scene.house, scene.session, &[&scene.expert]);
    assert_eq!(scene.standing(), Standing::Recording);
    scene.later(FRESH);
    assert!(matches!(scene.standing(), Standing::Grace { .. }));
    scene.later(GRACE);
    assert!(matches!(scene.standing(), Standing::Halted { .. }));
    record_everybody(&scene.house, scene.session, &[&scene.expert]);
    assert_eq!(scene.standing(), Standing::Recording);
    scene.close();
    assert!(scene.standing().may_go_on().is_err(), "a closed session is not recording");
}

fn a_sealed_session_takes_nothing_more_and_its_heads_are_in_the_log(engine: Engine) {
    let scene = Scene::new(engine);
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    let early = run(actions::finish(scene.house.door(), scene.session));
    assert_eq!(refused(early).key, "recording.refusal.still_open");
    scene.later(12 * SECOND);
    scene.close();
    assert_eq!(
        run(actions::close_due(scene.house.door())).unwrap(),
        0,
        "what is still in the browser may come"
    );
    send(&scene.house, &scene.expert, scene.at(), (1, 5), &tail(), None).unwrap();
    scene.later(601 * SECOND);
    assert_eq!(run(actions::close_due(scene.house.door())).unwrap(), 1);
    let result = send(&scene.house, &scene.expert, scene.at(), (1, 6), b"xxxxxxxxxx", None);
    assert_eq!(refused(result).key, "recording.refusal.already_sealed");
    let records = scene.records(scene.camera);
    let last = records.last().unwrap();
    assert!(scene.anchors(scene.camera).contains(&Anchor { number: last.number, leaf: last.leaf() }));
    // cutting off the end and sealing anew is found by the log
    let cut = &records[..4];
    let verdict = verify(cut, &scene.anchors(scene.camera), Record::media);
    assert!(!verdict.findings.is_empty());
    let screen = track(&scene.house, scene.session, &scene.expert, Source::Screen);
    assert_eq!(scene.kinds(screen), ["opened", "gap", "sealed"], "silence is a fact, too");
}

/// A whole box without media: browsers may end on one.
fn tail() -> Vec<u8> {
    [16u32.to_be_bytes().as_slice(), b"free", &[0; 8]].concat()
}

fn leaves_of_a_running_track_are_logged_every_half_minute(engine: Engine) {
    let scene = Scene::new(engine);
    let blobs: Vec<_> = sample("camera-mp4").into_iter().filter(|b| !b.is_empty()).collect();
    for (seq, blob) in (0u64..).zip(&blobs) {
        send(&scene.house, &scene.expert, scene.at(), (1, seq), blob, None).unwrap();
        scene.later(LOGGED_EVERY / 2);
    }
    let numbers: Vec<u64> = scene.anchors(scene.camera).iter().map(|a| a.number).collect();
    assert_eq!(numbers, [0, 1, 4], "opened, init, and a segment after half a minute");
}

fn media_are_deleted_only_after_ninety_days_and_never_under_a_hold(engine: Engine) {
    let scene = Scene::new(engine);
    let (door, session) = (scene.house.door(), scene.session);
    let centre = scene.house.member(Role::Supervisor, "supervisor").who;
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    scene.later(9 * SECOND);
    assert_eq!(refused(run(actions::delete_media(door, session))).key, "recording.refusal.still_open");
    scene.close();
    run(actions::finish(door, session)).unwrap();
    scene.later(90 * DAY - 1);
    run(jobs::due(door)).unwrap();
    assert_eq!(refused(run(actions::delete_media(door, session))).key, "recording.refusal.kept_until");
    let no_reason = scene.house.act(&centre, move |act| actions::hold(act, session, true, " "));
    assert_eq!(refused(no_reason).key, "recording.refusal.reason_missing");
    scene.house.act(&centre, move |act| actions::hold(act, session, true, "投诉处理中")).unwrap();
    scene.later(DAY);
    run(jobs::due(door)).unwrap();
    assert_eq!(scene.verified(scene.camera).checked, 6, "the hold keeps everything");
    scene.house.act(&centre, move |act| actions::hold(act, session, false, "投诉已办结")).unwrap();
    run(jobs::due(door)).unwrap();
    let verdict = scene.verified(scene.camera);
    assert_eq!(
        (verdict.findings, verdict.checked, verdict.absent),
        (vec![], 0, 6),
        "hashes stay, bytes are gone"
    );
    let again = scene.house.act(&centre, move |act| actions::hold(act, session, true, "迟了"));
    assert_eq!(refused(again).status, 410);
}

fn spent_parts_lose_their_bytes_and_segments_keep_theirs(engine: Engine) {
    let scene = Scene::new(engine);
    let bytes = sample("camera-mp4").concat();
    // parts of another size than segments, so that both are kept apart
    for (seq, part) in (0u64..).zip(bytes.chunks(10_000)) {
        send(&scene.house, &scene.expert, scene.at(), (1, seq), part, None).unwrap();
    }
    let place_of = |part: &[u8]| place(scene.session, scene.camera, &sha256(&[part]));
    let files = scene.house.door().files().clone();
    assert!(run(files.get_at(&place_of(&bytes[..10_000]))).is_ok());
    assert!(run(jobs::drop_spent_parts(scene.house.door())).unwrap() >= 5);
    assert!(run(files.get_at(&place_of(&bytes[..10_000]))).is_err(), "the part's own copy is gone");
    assert_eq!(run(jobs::drop_spent_parts(scene.house.door())).unwrap(), 0, "once is enough");
    assert!(scene.verified(scene.camera).findings.is_empty());
    scene.later(9 * SECOND);
    scene.close();
    run(actions::finish(scene.house.door(), scene.session)).unwrap();
    let verdict = scene.verified(scene.camera);
    assert_eq!((verdict.findings, verdict.checked), (vec![], 6));
    let again = send(&scene.house, &scene.expert, scene.at(), (1, 0), &bytes[..10_000], None).unwrap();
    assert!(!again.new, "the number and its hash are remembered");
}

fn the_database_does_not_say_who_is_recorded(engine: Engine) {
    let scene = Scene::new(engine);
    send_all(&scene.house, &scene.expert, scene.at(), 1, "camera-mp4");
    let row = scene.house.door().read(|db| store::track(db, scene.camera)).unwrap().unwrap();
    let person = scene.expert.person.to_string();
    assert!(!row.person_tag.contains(&person));
    assert!(!String::from_utf8_lossy(&row.person_sealed).contains(&person));
    assert_eq!(row.person(scene.house.door().vault()).unwrap(), scene.expert.person);
    for record in scene.records(scene.camera) {
        assert!(!String::from_utf8(record.canonical()).unwrap().contains(&person));
    }
}

fn watching_is_on_record_once_in_ten_minutes(engine: Engine) {
    let scene = Scene::new(engine);
    let supervisor = scene.house.member(Role::Supervisor, "supervisor").who;
    let (session, camera) = scene.at();
    for wait in [0, 60, 600] {
        scene.later(wait * SECOND);
        let who = supervisor.clone();
        let watch = move |act: &mut ledger::Act<'_>| actions::watch(act, &who, session, Some(camera), "live");
        scene.house.act(&supervisor, watch).unwrap();
    }
    let seen = scene.house.door().read(|db| store::accesses(db, session)).unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|a| a.person == supervisor.person && a.track == Some(camera)));
}

fn who_joins_is_required_from_then_on_and_who_leaves_no_longer(engine: Engine) {
    let house = TestHouse::new(engine);
    let [first, second, third] =
        ["expert1", "expert2", "expert3"].map(|login| house.member(Role::Expert, login).who);
    let lot = Id::random();
    let attend = |persons: Vec<&Who>| {
        let persons: Vec<_> = persons.iter().map(|who| who.person).collect();
        let work = move |act: &mut ledger::Act<'_>| {
            let sources = &Source::ALL;
            let new =
                NewSession { lot, purpose: "evaluation", persons: &persons, sources, retention_days: 90 };
            actions::attend(act, &new)
        };
        house.door().write(Actor::system("test"), work).unwrap().value
    };
    let now = house.door().now();
    let standing = || house.door().read(|db| actions::standing_of(db, lot, "evaluation", now)).unwrap();
    assert!(standing().may_start().is_err(), "no session, no recording");
    let session = attend(vec![&first, &second]);
    go_live(&house, lot, &[&first, &second]);
    assert_eq!(standing(), Standing::Recording);
    assert_eq!(attend(vec![&first, &second]), session, "the same again changes nothing");
    assert_eq!(standing(), Standing::Recording);
    assert_eq!(attend(vec![&first, &third]), session);
    let missing: Vec<u32> = standing().missing().iter().map(|m| m.seat).collect();
    assert_eq!(missing, [3, 3], "camera and screen of the third person; nobody waits for the second");
    go_live(&house, lot, &[&first, &third]);
    assert_eq!(standing(), Standing::Recording);
    house.door().write(Actor::system("test"), move |act| actions::dismiss(act, lot, "evaluation")).unwrap();
    assert!(standing().may_go_on().is_err());
    assert_ne!(attend(vec![&first]), session, "a closed session is not opened again");
}
