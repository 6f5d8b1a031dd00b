//! `kill -9` at random instants while several experts are recorded: every part that was acknowledged is kept with its
//! hash in a chain that the log proves, nothing half-written counts, recorders go on at the right number, and what is
//! missing is a fact on record.

use super::browser::{Browser, Served};
use super::crash::signed_in;
use super::program::{Server, clock_begins_at};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::ledger::{self, Actor};
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64, from_b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::DAY;
use crate::platform::random;
use crate::recording::actions::{self, place};
use crate::recording::chain::{Anchor, GapReason, Record, What, verify};
use crate::recording::rules::{Session, Source, Track};
use crate::recording::store;
use crate::recording::testing::{run, sample, session, track};
use bytes::Bytes;
use reqwest::Method;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROUNDS: usize = 5;
const EXPERTS: usize = 3;

/// One recorder: a camera or a screen, and what it was told.
struct Recorder {
    member: Member,
    track: Id<Track>,
    parts: Vec<Vec<u8>>,
    /// The start that was begun last, acknowledged or not.
    begun: u64,
    /// For each epoch, how many of its parts were acknowledged.
    acknowledged: BTreeMap<u64, u64>,
}

impl Recorder {
    /// Records until the server is gone. What was not acknowledged is sent again after its return, as a browser that
    /// kept it would; now and then the browser was closed meanwhile, and a new start begins.
    fn work(&mut self, session: Id<Session>, address: &str, over: &AtomicBool) {
        let Some(mut browser) = signed_in(address, &self.member) else { return };
        let place = format!("/recording/ingest/{session}/{}", self.track);
        let Some(status) = browser.try_get(&format!("{place}/status")) else { return };
        let status: serde_json::Value = serde_json::from_slice(&status.bytes).unwrap();
        let (mut epoch, mut next) = (status["epoch"].as_u64().unwrap(), status["next"].as_u64().unwrap());
        let told = self.acknowledged.get(&epoch).copied().unwrap_or(0);
        assert!(next >= told, "epoch {epoch} goes on at {next}, but {told} parts were acknowledged");
        assert!(self.acknowledged.keys().all(|known| *known <= epoch), "an acknowledged start is forgotten");
        let [closed] = random::bytes::<1>();
        if self.begun > epoch {
            // the server closed the start before this one and died: the recorder goes on where it was
            (epoch, next) = (self.begun, 0);
        } else if epoch == 0 || closed % 3 == 0 {
            (epoch, next) = (epoch + 1, 0);
        }
        while !over.load(Ordering::SeqCst) {
            if next as usize == self.parts.len() {
                (epoch, next) = (epoch + 1, 0);
            }
            self.begun = epoch;
            if self.put(&mut browser, &place, epoch, next).is_none() {
                return;
            }
            next += 1;
            self.acknowledged.insert(epoch, next);
        }
    }

    fn put(&self, browser: &mut Browser, place: &str, epoch: u64, seq: u64) -> Option<()> {
        let part = &self.parts[seq as usize];
        let digest = format!("sha-256=:{}:", b64(&sha256(&[part])));
        let headers = [
            ("content-digest", digest.as_str()),
            ("recording-began-at", "1"),
            ("sec-fetch-site", "same-origin"),
        ];
        let path = format!("{place}/{epoch}/{seq}");
        let seen = browser.try_send(Method::PUT, &path, &headers, Bytes::copy_from_slice(part))?;
        assert!(matches!(seen.status, 200 | 201), "{path}: {} {}", seen.status, seen.text());
        Some(())
    }
}

fn recorders(house: &TestHouse, session: Id<Session>, experts: &[Member]) -> Vec<Recorder> {
    let one = |(member, source): (&Member, Source)| {
        let name = if source == Source::Camera { "camera-mp4" } else { "screen-mp4" };
        Recorder {
            member: member.clone(),
            track: track(house, session, &member.who, source),
            parts: sample(name).into_iter().filter(|part| !part.is_empty()).collect(),
            begun: 0,
            acknowledged: BTreeMap::new(),
        }
    };
    experts.iter().flat_map(|member| Source::ALL.map(|source| (member, source))).map(one).collect()
}

fn records(house: &TestHouse, track: Id<Track>) -> Vec<(Record, Option<ledger::EntryId>)> {
    house.door().read(|db| store::records(db, track, 0, 100_000)).unwrap()
}

/// Checks chain, log and bytes of a track; gives its records.
fn proved(house: &TestHouse, session: Id<Session>, track: Id<Track>) -> Vec<Record> {
    let door = house.door();
    let rows = records(house, track);
    let anchors: Vec<Anchor> = rows
        .iter()
        .filter_map(|(record, entry)| entry.map(|entry| (record.number, entry)))
        .map(|(number, entry)| {
            let row = door.read(|db| ledger::store::entry(db, entry)).unwrap().expect("a logged record");
            assert!(row.log_index.is_some(), "record {number} has no place in the log");
            let object = from_b64u(&door.opened(&row).unwrap().object).unwrap();
            Anchor { number, leaf: sha256(&[&[0], &object]) }
        })
        .collect();
    for (record, entry) in &rows {
        let must = matches!(record.what, What::Init { .. } | What::Gap { .. } | What::Sealed { .. });
        assert!(!must || entry.is_some(), "{:?} is not in the log", record.what);
    }
    let records: Vec<Record> = rows.into_iter().map(|(record, _)| record).collect();
    let verdict = verify(&records, &anchors, |record| {
        let key = place(session, track, &record.media()?);
        run(door.files().get_at(&key)).ok().map(|bytes| sha256(&[&bytes]))
    });
    assert_eq!((verdict.findings, verdict.sealed, verdict.absent), (vec![], true, 0));
    records
}

/// What is kept of each epoch, init section and segments in order.
fn kept(house: &TestHouse, session: Id<Session>, track: Id<Track>, all: &[Record]) -> BTreeMap<u64, Vec<u8>> {
    let mut out: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for record in all {
        let (What::Init { epoch, .. } | What::Media { epoch, .. }) = &record.what else { continue };
        let key = place(session, track, &record.media().unwrap());
        out.entry(*epoch).or_default().extend(run(house.door().files().get_at(&key)).unwrap());
    }
    out
}

/// A new start after pictures were kept is preceded by a gap, which [`proved`] found in the log.
fn new_starts_leave_gaps(all: &[Record]) {
    let mut pictures = false;
    for (at, record) in all.iter().enumerate() {
        match &record.what {
            What::Media { .. } => pictures = true,
            What::Init { epoch, .. } if pictures => {
                let before = &all[at - 1].what;
                let is_gap = matches!(before, What::Gap { reason, .. } if *reason == GapReason::Restarted);
                assert!(is_gap, "epoch {epoch} begins behind {before:?}");
            }
            _ => {}
        }
    }
}

/// The supervisor's playlist names every segment once, and each can be fetched.
fn playlist_is_whole(supervisor: &mut Browser, session: Id<Session>, track: Id<Track>, all: &[Record]) {
    let base = format!("/recording/{session}/{track}");
    let list = supervisor.get(&format!("{base}/playlist.m3u8")).expect_status(200).text();
    assert!(list.ends_with("#EXT-X-ENDLIST\n"));
    let segments: Vec<&str> = list.lines().filter(|line| line.ends_with(".m4s")).collect();
    let media = all.iter().filter(|record| matches!(record.what, What::Media { .. }));
    let hashes: Vec<[u8; 32]> = media.map(|record| record.media().unwrap()).collect();
    assert_eq!(segments.len(), hashes.len());
    for (name, hash) in segments.iter().zip(hashes) {
        let path = if name.starts_with('/') { (*name).to_owned() } else { format!("{base}/{name}") };
        let bytes = supervisor.get(&path).expect_status(200).bytes;
        assert_eq!(sha256(&[&bytes]), hash, "{name}");
    }
}

#[test]
fn every_acknowledged_part_of_a_recording_outlives_any_crash_and_what_is_missing_is_on_record() {
    let house = TestHouse::new(Engine::Sqlite);
    let experts: Vec<Member> =
        (0..EXPERTS).map(|i| house.member(Role::Expert, &format!("expert{i}"))).collect();
    let people: Vec<_> = experts.iter().map(|expert| &expert.who).collect();
    let session = session(&house, Id::random(), &people);
    let mut recorders = recorders(&house, session, &experts);
    clock_begins_at(&house, house.door().now());
    for _ in 0..ROUNDS {
        let server = Server::start(&house);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for recorder in &mut recorders {
                let (over, address) = (&over, server.address.clone());
                scope.spawn(move || recorder.work(session, &address, over));
            }
            let [instant] = random::bytes::<1>();
            std::thread::sleep(Duration::from_millis(500 + 6 * u64::from(instant)));
            over.store(true, Ordering::SeqCst);
            server.kill();
        });
    }

    house.clock.move_to(house.door().now().plus(DAY));
    house.door().write(Actor::system("test"), move |act| actions::close(act, session)).unwrap();
    house.clock.move_to(house.door().now().plus(DAY));
    run(actions::finish(house.door(), session)).unwrap();
    assert!(recorders.iter().map(|recorder| recorder.acknowledged.len()).sum::<usize>() > 2 * EXPERTS);
    let served = Served::start(house);
    let house = &served.house;
    let mut supervisor = served.browser(&house.member(Role::Supervisor, "supervisor"));
    for recorder in &recorders {
        let all = proved(house, session, recorder.track);
        let kept = kept(house, session, recorder.track, &all);
        let whole = recorder.parts.concat();
        for (epoch, parts) in &recorder.acknowledged {
            let bytes = &kept[epoch];
            let acknowledged = recorder.parts[..*parts as usize].concat();
            assert!(bytes.len() >= acknowledged.len(), "epoch {epoch} lost acknowledged parts");
            assert!(whole.starts_with(bytes), "epoch {epoch} is not what was sent");
        }
        new_starts_leave_gaps(&all);
        playlist_is_whole(&mut supervisor, session, recorder.track, &all);
    }
}
