//! Over HTTP: what recorders send, what supervisors see, and what nobody else may.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64, sha256};
use crate::platform::id::Id;
use crate::platform::moment::SECOND;
use crate::recording::actions;
use crate::recording::rules::{Session, Source, Track};
use crate::recording::testing::{run, sample, session, track};
use crate::tests::browser::{Browser, Seen, Served};
use bytes::Bytes;
use reqwest::Method;

on_both_databases! {
    parts_are_answered_201_200_and_409_and_a_wrong_digest_422
    a_part_of_more_than_twelve_megabytes_is_refused
    the_supervisor_gets_playlist_segments_and_pictures_and_the_viewing_is_on_record
    nobody_but_a_supervisor_can_watch
    the_banner_says_whose_track_is_missing_but_never_a_name
    live_watching_begins_with_the_newest_segment_and_goes_on_with_every_new_one
    a_hold_needs_a_reason_and_shows_on_the_page
}

struct Scene {
    served: Served,
    expert: Member,
    session: Id<Session>,
    camera: Id<Track>,
}

fn scene(engine: Engine) -> Scene {
    let house = TestHouse::new(engine);
    let expert = house.member(Role::Expert, "expert1");
    let session = session(&house, Id::random(), &[&expert.who]);
    let camera = track(&house, session, &expert.who, Source::Camera);
    Scene { served: Served::start(house), expert, session, camera }
}

impl Scene {
    fn put(&self, browser: &mut Browser, seq: u64, bytes: &[u8], digest: &str) -> Seen {
        let path = format!("/recording/ingest/{}/{}/1/{seq}", self.session, self.camera);
        let headers =
            [("content-digest", digest), ("recording-began-at", "1"), ("sec-fetch-site", "same-origin")];
        browser.send(Method::PUT, &path, &headers, Bytes::copy_from_slice(bytes))
    }

    fn send_all(&self, name: &str) {
        let mut browser = self.served.browser(&self.expert);
        let parts = sample(name).into_iter().filter(|b| !b.is_empty());
        for (seq, part) in (0u64..).zip(parts) {
            self.put(&mut browser, seq, &part, &digest(&part)).expect_status(201);
        }
    }

    fn supervisor(&self) -> Browser {
        self.served.browser(&self.served.house.member(Role::Supervisor, "supervisor"))
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", b64(&sha256(&[bytes])))
}

fn parts_are_answered_201_200_and_409_and_a_wrong_digest_422(engine: Engine) {
    let scene = scene(engine);
    let mut browser = scene.served.browser(&scene.expert);
    let blobs = sample("camera-mp4");
    let first = scene.put(&mut browser, 0, &blobs[0], &digest(&blobs[0])).expect_status(201);
    assert_eq!(first.text(), r#"{"next":1}"#);
    scene.put(&mut browser, 0, &blobs[0], &digest(&blobs[0])).expect_status(200);
    let other = scene.put(&mut browser, 0, &blobs[1], &digest(&blobs[1])).expect_status(409);
    assert!(other.text().contains("recording.refusal.different_bytes"), "{}", other.text());
    scene.put(&mut browser, 1, &blobs[1], &digest(&blobs[0])).expect_status(422);
    scene.put(&mut browser, 1, &blobs[1], "md5=:abc=:").expect_status(422);
    let status = browser.get(&format!("/recording/ingest/{}/{}/status", scene.session, scene.camera));
    assert_eq!(status.expect_status(200).text(), r#"{"epoch":1,"next":1,"sealed":false}"#);
}

fn a_part_of_more_than_twelve_megabytes_is_refused(engine: Engine) {
    let scene = scene(engine);
    let mut browser = scene.served.browser(&scene.expert);
    let big = vec![0u8; 12 * 1024 * 1024 + 1];
    scene.put(&mut browser, 0, &big, &digest(&big)).expect_status(413);
}

fn the_supervisor_gets_playlist_segments_and_pictures_and_the_viewing_is_on_record(engine: Engine) {
    let scene = scene(engine);
    scene.send_all("camera-mp4");
    let mut supervisor = scene.supervisor();
    let base = format!("/recording/{}/{}", scene.session, scene.camera);
    let list = supervisor.get(&format!("{base}/playlist.m3u8")).expect_status(200).text();
    assert_eq!((list.matches("#EXTINF").count(), list.contains("ENDLIST")), (4, false));
    let init = supervisor.get(&format!("{base}/1/init.mp4")).expect_status(200);
    assert_eq!(init.headers["recording-type"], "video/mp4;codecs=\"opus,avc1.42C015\"");
    let segments: Vec<u8> = (1..=4)
        .flat_map(|seq| supervisor.get(&format!("{base}/1/{seq}.m4s")).expect_status(200).bytes.to_vec())
        .collect();
    let got = [init.bytes.to_vec(), segments].concat();
    assert!(sample("camera-mp4").concat().starts_with(&got), "byte for byte what was sent");
    let jpeg = supervisor.get(&format!("{base}/1/2.jpg")).expect_status(200);
    assert!(jpeg.bytes.starts_with(&[0xff, 0xd8]));
    supervisor.get(&format!("{base}/1/99.m4s")).expect_status(404);
    supervisor.get(&format!("{base}/1/..%2f1.m4s")).expect_status(404);
    let page = supervisor.get(&format!("/recording/{}", scene.session)).expect_status(200).text();
    assert!(page.contains("supervisor先生"), "the page says who watched");
    assert!(page.contains("expert1先生") && page.contains("data-player-track"));
}

fn nobody_but_a_supervisor_can_watch(engine: Engine) {
    let scene = scene(engine);
    scene.send_all("camera-mp4");
    let base = format!("/recording/{}", scene.session);
    let track = format!("{base}/{}", scene.camera);
    let paths = [
        "/recording".to_string(),
        base.clone(),
        format!("{base}/live"),
        format!("{track}/live"),
        format!("{track}/playlist.m3u8"),
        format!("{track}/1/init.mp4"),
        format!("{track}/1/1.m4s"),
        format!("{track}/1/1.jpg"),
    ];
    for role in [Role::Expert, Role::Agent, Role::Entity, Role::Bidder, Role::Centre, Role::Treasurer] {
        let mut browser =
            scene.served.browser(&scene.served.house.member(role, &format!("{}-x", role.code())));
        for path in &paths {
            assert_eq!(browser.get(path).status, 403, "{role:?} {path}");
        }
    }
    for path in &paths {
        assert_eq!(scene.served.visitor().get(path).status, 303, "nobody {path}");
    }
}

fn the_banner_says_whose_track_is_missing_but_never_a_name(engine: Engine) {
    let scene = scene(engine);
    let path = format!("/recording/{}/standing", scene.session);
    let mut expert = scene.served.browser(&scene.expert);
    let own = expert.get(&path).expect_status(200).text();
    assert!(own.contains(r#""state":"halted""#) && own.contains("您的"), "{own}");
    let mut agent = scene.served.browser(&scene.served.house.member(Role::Agent, "agent"));
    let seen = agent.get(&path).expect_status(200).text();
    assert!(seen.contains("1 号席位") && !seen.contains("expert1"), "{seen}");
    let mut stranger = scene.served.browser(&scene.served.house.member(Role::Expert, "expert2"));
    stranger.get(&path).expect_status(404);
    stranger.get(&format!("/recording/{}/studio", scene.session)).expect_status(404);
    let studio = expert.get(&format!("/recording/{}/studio", scene.session)).expect_status(200).text();
    assert!(studio.contains(&format!("data-camera=\"{}\"", scene.camera)));
}

fn live_watching_begins_with_the_newest_segment_and_goes_on_with_every_new_one(engine: Engine) {
    let scene = scene(engine);
    let blobs: Vec<_> = sample("camera-mp4").into_iter().filter(|b| !b.is_empty()).collect();
    let mut browser = scene.served.browser(&scene.expert);
    for (seq, part) in (0u64..).zip(&blobs).take(3) {
        scene.put(&mut browser, seq, part, &digest(part)).expect_status(201);
    }
    let (session, camera) = (scene.session, scene.camera);
    let mut supervisor = scene.supervisor();
    let live = format!("/recording/{session}/{camera}/live");
    let first = supervisor.get(&live).expect_status(200);
    assert_eq!(first.headers["recording-type"], "video/mp4;codecs=\"opus,avc1.42C015\"");
    let newest = [blobs[0].as_slice(), &blobs[2]].concat();
    assert_eq!(first.bytes.as_ref(), newest, "the init section and the newest segment");
    let place = |seen: &crate::tests::browser::Seen| {
        let of = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
        format!("{live}?epoch={}&next={}", of("recording-epoch"), of("recording-next"))
    };
    supervisor.get(&place(&first)).expect_status(204);
    scene.put(&mut browser, 3, &blobs[3], &digest(&blobs[3])).expect_status(201);
    let second = supervisor.get(&place(&first)).expect_status(200);
    assert_eq!(second.bytes.as_ref(), blobs[3], "only what is new");
    supervisor.get(&place(&second)).expect_status(204);
    let door = scene.served.house.door().clone();
    scene.served.house.clock.move_to(door.now().plus(9 * SECOND));
    door.write(Actor::system("test"), move |act| actions::close(act, session)).unwrap();
    run(actions::finish(&door, session)).unwrap();
    supervisor.get(&place(&second)).expect_status(410);
    let mut late = scene.served.browser(&scene.served.house.member(Role::Supervisor, "supervisor2"));
    late.get(&format!("/recording/{session}/{camera}/live")).expect_status(410);
    let list = late.get(&format!("/recording/{session}/{camera}/playlist.m3u8")).expect_status(200).text();
    assert!(list.ends_with("#EXT-X-ENDLIST\n"));
}

fn a_hold_needs_a_reason_and_shows_on_the_page(engine: Engine) {
    let scene = scene(engine);
    let mut supervisor = scene.supervisor();
    let page = format!("/recording/{}", scene.session);
    supervisor.get(&page).expect_status(200);
    supervisor.post(&format!("{page}/hold"), &[("held", "yes"), ("reason", "  ")]).expect_status(422);
    supervisor.post(&format!("{page}/hold"), &[("held", "yes"), ("reason", "投诉处理中")]).expect_status(303);
    let text = supervisor.get(&page).expect_status(200).text();
    assert!(text.contains("投诉处理中") && text.contains("解除法律保全"));
    let list = supervisor.get("/recording").expect_status(200).text();
    assert!(list.contains("法律保全"));
}
