//! For the tests of this room and of later ones: real recordings, sent as a browser sends them.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Incoming, NewSession, Received};
use super::rules::{Session, Source, Track};
use super::store;
use crate::account::testing::TestHouse;
pub use crate::account::testing::run;
use crate::account::who::Who;
use crate::ledger::Actor;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::project::rules::Lot;
use bytes::Bytes;

/// The blobs of a sample recording (`camera-mp4`, `screen-mp4`, `camera-webm`, `camera-mkv`, `vp8-webm`), in the order in
/// which Chromium's MediaRecorder gave them.
///
/// # Panics
/// For any other name.
pub fn sample(name: &str) -> Vec<Vec<u8>> {
    let bytes: &[u8] = match name {
        "camera-mp4" => include_bytes!("../../media/samples/camera-mp4.blobs"),
        "screen-mp4" => include_bytes!("../../media/samples/screen-mp4.blobs"),
        "camera-webm" => include_bytes!("../../media/samples/camera-webm.blobs"),
        "camera-mkv" => include_bytes!("../../media/samples/camera-mkv.blobs"),
        "vp8-webm" => include_bytes!("../../media/samples/vp8-webm.blobs"),
        other => panic!("no sample {other}"),
    };
    let mut blobs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        blobs.push(bytes[at + 4..at + 4 + length].to_vec());
        at += 4 + length;
    }
    blobs
}

/// Opens an evaluation session with camera and screen of each person required.
pub fn session(house: &TestHouse, lot: Id<Lot>, persons: &[&Who]) -> Id<Session> {
    let persons: Vec<_> = persons.iter().map(|who| who.person).collect();
    let open = move |act: &mut crate::ledger::Act<'_>| {
        let new = NewSession {
            lot,
            purpose: "evaluation",
            persons: &persons,
            sources: &Source::ALL,
            retention_days: 90,
        };
        actions::open(act, &new)
    };
    house.door().write(Actor::system("test"), open).unwrap().value
}

/// The track of a person in a session.
pub fn track(house: &TestHouse, session: Id<Session>, who: &Who, source: Source) -> Id<Track> {
    let vault = house.door().vault().clone();
    let all = house.door().read(|db| store::tracks(db, session)).unwrap();
    all.into_iter().find(|t| t.source == source && t.is_of(&vault, who.person)).expect("such a track").id
}

/// Sends one part as a browser would.
pub fn send(
    house: &TestHouse,
    who: &Who,
    (session, track): (Id<Session>, Id<Track>),
    (epoch, seq): (u64, u64),
    bytes: &[u8],
    began_at: Option<Moment>,
) -> Result<Received, Failure> {
    let bytes = Bytes::copy_from_slice(bytes);
    let part = Incoming { session, track, epoch, seq, sha256: sha256(&[&bytes]), began_at, bytes };
    run(actions::receive(house.door(), who, part))
}

/// Sends the parts of a sample that are not empty; the clock stands still. Returns how many there were.
pub fn send_all(house: &TestHouse, who: &Who, at: (Id<Session>, Id<Track>), epoch: u64, name: &str) -> u64 {
    let blobs: Vec<Vec<u8>> = sample(name).into_iter().filter(|b| !b.is_empty()).collect();
    for (seq, blob) in (0u64..).zip(&blobs) {
        send(house, who, at, (epoch, seq), blob, Some(house.door().now())).unwrap();
    }
    blobs.len() as u64
}

/// Makes every required track of a session live at this moment, with a real recording, so that a later room may start.
pub fn record_everybody(house: &TestHouse, session: Id<Session>, persons: &[&Who]) {
    for who in persons {
        for source in Source::ALL {
            let at = (session, track(house, session, who, source));
            let latest =
                house.door().read(|db| store::latest_epoch(db, at.1)).unwrap().map_or(0, |e| e.epoch);
            send_all(
                house,
                who,
                at,
                latest + 1,
                if source == Source::Camera { "camera-mp4" } else { "screen-mp4" },
            );
        }
    }
}

/// Has everybody who is required in a lot's open evaluation session recorded at this moment: the quickest real recording,
/// one part with the init section and the first pictures. `members` must include all of them.
pub fn go_live(house: &TestHouse, lot: Id<Lot>, members: &[&Who]) {
    let open = house
        .door()
        .read(|db| store::open_session_of(db, lot, "evaluation"))
        .unwrap()
        .expect("an open session");
    let vault = house.door().vault().clone();
    let start: Vec<u8> = sample("screen-mp4").into_iter().take(2).flatten().collect();
    for row in house.door().read(|db| store::tracks(db, open.id)).unwrap().into_iter().filter(|t| t.required)
    {
        let who = members.iter().find(|who| row.is_of(&vault, who.person)).expect("a member for every track");
        let latest = house.door().read(|db| store::latest_epoch(db, row.id)).unwrap().map_or(0, |e| e.epoch);
        send(house, who, (open.id, row.id), (latest + 1, 0), &start, Some(house.door().now())).unwrap();
    }
}
