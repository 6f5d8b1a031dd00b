//! Ciphertexts on their way: pieces of any size, cut connections, quotas, what is left when nobody comes back.

use super::{Box1, box1, box1_in, offer};
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::testing::Shape;
use crate::sealed_bid::ciphertext::reader;
use crate::sealed_bid::rules::{Room, Upload};
use crate::sealed_bid::testing::{parameters, seal_offer, submit, upload, withdraw};
use crate::sealed_bid::{jobs, store, tus as wire, uploads};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::seal::SealedBid;
use crate::sealing::stream::{SLICE, measure, times_hashed};
use crate::tests::browser::{Browser, Seen, Served};
use bytes::Bytes;
use reqwest::Method;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

on_both_databases! {
    pieces_of_any_size_become_the_bid_and_every_slice_is_hashed_once_and_never_read_again
    what_arrived_before_a_connection_broke_is_kept_to_the_byte
    of_two_requests_with_the_same_bytes_one_counts_and_loses_nothing
    a_bidder_has_so_many_uploads_and_bytes_and_no_more
    two_colleagues_share_what_their_organisation_may_have_open
    an_upload_begins_only_if_the_disk_takes_it_beside_what_is_promised
    of_abandoned_uploads_no_byte_is_left_and_of_submitted_ones_all
    the_bytes_of_a_bid_that_was_replaced_or_withdrawn_go
}

const LOT: &str = "/sealed-bid/TEST-0001/1";
const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

struct Line {
    served: Served,
    first: Member,
    bid: SealedBid,
    ciphertext: Vec<u8>,
}

/// A served box and a bid of six slices and a bit that its first bidder has sealed.
fn line(engine: Engine) -> Line {
    let Box1 { house, first, lot, .. } = box1(engine, &Shape::default());
    let parameters = parameters(&house, &first, lot, EnvelopeKind::Single);
    let mut large = offer();
    large.files.push(("图纸.bin".into(), vec![5; 6_300_000]));
    let (bid, ciphertext) = seal_offer(&house, &first, &parameters, &large);
    Line { served: Served::start(house), first, bid, ciphertext }
}

fn tus(browser: &mut Browser, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
    let token = browser.csrf.clone();
    let mut all = vec![("Tus-Resumable", "1.0.0"), ("X-CSRF-Token", token.as_str())];
    all.extend_from_slice(headers);
    browser.send(method, path, &all, Bytes::copy_from_slice(body))
}

fn create(browser: &mut Browser, size: usize) -> Seen {
    tus(browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &size.to_string())], b"")
}

fn offset(browser: &mut Browser, upload: &str) -> usize {
    let seen = tus(browser, Method::HEAD, upload, &[], b"").expect_status(200);
    assert_eq!(seen.headers["cache-control"], "no-store");
    seen.headers["upload-offset"].to_str().unwrap().parse().unwrap()
}

fn patch(browser: &mut Browser, upload: &str, from: usize, body: &[u8]) -> Seen {
    tus(browser, Method::PATCH, upload, &[PIECE, ("Upload-Offset", &from.to_string())], body)
}

fn hand_in(browser: &mut Browser, bid: &SealedBid, upload: &str) -> Seen {
    browser.get(&format!("{LOT}/single")).expect_status(200);
    let (manifest, signature) = (jcs_text(&bid.manifest), jcs_text(&bid.signature));
    let fields = [("manifest", manifest.as_str()), ("signature", signature.as_str()), ("upload", upload)];
    browser.post(&format!("{LOT}/single/submit"), &fields)
}

/// Where the pieces of an upload lie on the disk.
fn folder(house: &TestHouse, id: Id<Upload>) -> PathBuf {
    PathBuf::from(&house.door().config().files).join(format!("sealed/{id}"))
}

fn files_in(folder: &PathBuf) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn pieces_of_any_size_become_the_bid_and_every_slice_is_hashed_once_and_never_read_again(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let whole = &line.ciphertext;
    let before: Vec<u32> = whole.chunks(SLICE).map(|slice| times_hashed(&known_leaf(slice))).collect();
    let upload = create(&mut browser, whole.len()).expect_status(201).location();
    // one byte, less than a slice, slices and a bit, nothing, up to a slice's end, more than a piece, the rest
    let mut at = 0usize;
    for size in [1, 50, 300_000, 300_000, 1_500_000, 0, 2 * SLICE - 600_051, 4 * SLICE + 7, usize::MAX] {
        let end = at.max(at.saturating_add(size).min(whole.len()));
        let seen = patch(&mut browser, &upload, at, &whole[at..end]).expect_status(204);
        assert_eq!(seen.headers["upload-offset"], end.to_string().as_str());
        assert_eq!(offset(&mut browser, &upload), end, "every byte counts once it is acknowledged");
        at = end;
    }
    let id = wire::named(&upload).unwrap();
    let stored = folder(&line.served.house, id);
    let parts = line.served.house.door().read(|db| store::parts(db, id)).unwrap();
    assert_eq!(files_in(&stored), parts.len(), "the tails that were taken up are gone");
    // the bytes are out of reach while the bid is handed in: its root comes from what was hashed on arrival
    let away = stored.with_extension("away");
    std::fs::rename(&stored, &away).unwrap();
    hand_in(&mut browser, &line.bid, &upload).expect_status(303);
    std::fs::rename(&away, &stored).unwrap();
    for (slice, before) in whole.chunks(SLICE).zip(before) {
        assert_eq!(times_hashed(&known_leaf(slice)), before + 1, "hashed once between arrival and bid");
    }
    let read = reader(line.served.house.door().files().clone(), parts).unwrap();
    assert_eq!(measure(read).unwrap(), line.bid.manifest.measured());
}

/// A slice's leaf, computed past the counter.
fn known_leaf(slice: &[u8]) -> [u8; 32] {
    crate::ledger::tree::leaf_hash(slice)
}

fn what_arrived_before_a_connection_broke_is_kept_to_the_byte(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let upload = create(&mut browser, line.ciphertext.len()).expect_status(201).location();
    let mut at = 0;
    for sent in [700_001, 2 * SLICE + 3] {
        let address = line.served.base.strip_prefix("http://").unwrap();
        let mut wire = TcpStream::connect(address).unwrap();
        let head = format!(
            "PATCH {upload} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nTus-Resumable: 1.0.0\r\nX-CSRF-Token: {}\r\n\
             Content-Type: application/offset+octet-stream\r\nUpload-Offset: {at}\r\nContent-Length: {}\r\n\r\n",
            browser.cookie_header(),
            browser.csrf,
            line.ciphertext.len() - at,
        );
        wire.write_all(head.as_bytes()).unwrap();
        wire.write_all(&line.ciphertext[at..at + sent]).unwrap();
        wire.flush().unwrap();
        // long enough for the bytes to be read, then the cable is pulled
        std::thread::sleep(Duration::from_millis(300));
        drop(wire);
        let arrived = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            offset(&mut browser, &upload) == at + sent
        });
        at += sent;
        assert!(arrived, "{} of {at} bytes are there", offset(&mut browser, &upload));
    }
    patch(&mut browser, &upload, at, &line.ciphertext[at..]).expect_status(204);
    hand_in(&mut browser, &line.bid, &upload).expect_status(303);
}

fn of_two_requests_with_the_same_bytes_one_counts_and_loses_nothing(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let upload = create(&mut browser, line.ciphertext.len()).expect_status(201).location();
    patch(&mut browser, &upload, 0, &line.ciphertext[..500]).expect_status(204);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..3)
            .map(|_| {
                let (line, upload) = (&line, &upload);
                let mut browser = line.served.browser(&line.first);
                scope.spawn(move || patch(&mut browser, upload, 500, &line.ciphertext[500..]).status)
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 409].contains(status)), "{statuses:?}");
    let id = wire::named(&upload).unwrap();
    let parts = line.served.house.door().read(|db| store::parts(db, id)).unwrap();
    let read = reader(line.served.house.door().files().clone(), parts).unwrap();
    assert_eq!(measure(read).unwrap(), line.bid.manifest.measured());
}

fn a_bidder_has_so_many_uploads_and_bytes_and_no_more(engine: Engine) {
    let size = crate::sealing::stream::ciphertext_size(1 << 20);
    let house = TestHouse::configured(engine, |config| {
        config.uploads_per_bidder = 3;
        config.upload_bytes_per_bidder = 4 * size;
    });
    let Box1 { house, first, second, .. } = box1_in(house, &Shape::default());
    let served = Served::start(house);
    let mut browser = served.browser(&first);
    let size = usize::try_from(size).unwrap();
    let large = usize::try_from(crate::sealing::stream::ciphertext_size(3_538_944)).unwrap();
    create(&mut browser, size).expect_status(201);
    let much = create(&mut browser, large).expect_status(429).text();
    assert!(much.contains("合计将超过 4 MiB"), "{much}");
    create(&mut browser, size).expect_status(201);
    let last = create(&mut browser, size).expect_status(201).location();
    let many = create(&mut browser, size).expect_status(429).text();
    assert!(many.contains("3 个"), "{many}");
    browser.get("/account/lang/en?next=/");
    assert!(create(&mut browser, size).text().contains("has 3 unfinished uploads"));
    // the others have theirs, and what is given up is free again
    create(&mut served.browser(&second), size).expect_status(201);
    tus(&mut browser, Method::DELETE, &last, &[], b"").expect_status(204);
    create(&mut browser, size).expect_status(201);
}

fn two_colleagues_share_what_their_organisation_may_have_open(engine: Engine) {
    let size = crate::sealing::stream::ciphertext_size(1 << 20);
    let house = TestHouse::configured(engine, |config| {
        config.uploads_per_bidder = 3;
        config.upload_bytes_per_bidder = 4 * size;
    });
    let Box1 { house, first, second, .. } = box1_in(house, &Shape::default());
    // somebody who only says that they are of this organisation takes nothing of its share
    let nobody = house.registered_beside(&first, "jia");
    let colleague = house.with_key(house.registered_beside(&first, "jiayi"));
    let served = Served::start(house);
    let [mut one, mut two, mut other] = [&first, &colleague, &second].map(|member| served.browser(member));
    let size = usize::try_from(size).unwrap();
    let told = create(&mut served.browser_of(&nobody), size).expect_status(403).text();
    assert!(told.contains("没有有效的签名证书"), "{told}");
    let begun = create(&mut one, size).expect_status(201).location();
    let large = usize::try_from(crate::sealing::stream::ciphertext_size(3_538_944)).unwrap();
    let much = create(&mut two, large).expect_status(429).text();
    assert!(much.contains("贵单位") && much.contains("合计将超过 4 MiB"), "{much}");
    create(&mut two, size).expect_status(201);
    create(&mut two, size).expect_status(201);
    for browser in [&mut one, &mut two] {
        let many = create(browser, size).expect_status(429).text();
        assert!(many.contains("贵单位") && many.contains("3 个"), "{many}");
    }
    two.get("/account/lang/en?next=/");
    assert!(create(&mut two, size).text().contains("Your organisation, all its accounts together"));
    // sharing the share is not sharing the upload
    tus(&mut two, Method::HEAD, &begun, &[], b"").expect_status(404);
    create(&mut other, size).expect_status(201);
    tus(&mut one, Method::DELETE, &begun, &[], b"").expect_status(204);
    create(&mut two, size).expect_status(201);
}

fn an_upload_begins_only_if_the_disk_takes_it_beside_what_is_promised(engine: Engine) {
    let rows =
        [(100, 10, 40, 50, true), (100, 10, 41, 50, false), (100, 100, 0, 0, true), (99, 100, 0, 0, false)];
    for (free, reserve, promised, size, takes) in rows {
        assert_eq!(Room { free, reserve, promised }.takes(size), takes, "{free} {reserve} {promised} {size}");
    }
    assert!(!Room { free: u64::MAX - 1, reserve: u64::MAX, promised: u64::MAX }.takes(1));
    // more than any disk has
    let house = TestHouse::configured(engine, |config| config.disk_reserve_bytes = 1 << 60);
    let Box1 { house, first, .. } = box1_in(house, &Shape::default());
    let limits = uploads::Limits::of(house.door());
    let (who, size) = (first.who.clone(), crate::sealing::stream::ciphertext_size(1 << 20));
    let made = house.act(&first.who, move |act| uploads::create(act, &who, size, &limits));
    let refused = refused(made);
    assert_eq!((refused.status, refused.key.as_ref()), (507, "sealed_bid.refusal.no_room"));
}

fn of_abandoned_uploads_no_byte_is_left_and_of_submitted_ones_all(engine: Engine) {
    let Box1 { house, first, lot, .. } = box1(engine, &Shape::default());
    let parameters = parameters(&house, &first, lot, EnvelopeKind::Single);
    let (bid, ciphertext) = seal_offer(&house, &first, &parameters, &offer());
    let (kept, left) = (upload(&house, &first, &ciphertext), upload(&house, &first, &ciphertext));
    submit(&house, &first, lot, &bid, kept).unwrap();
    // what crashes leave: an object that was stored and never counted, and one that was being written
    for id in [kept, left] {
        let piece = Bytes::from_static(b"never counted");
        let stored = uploads::keep_tail(house.door().files(), id, 4096, piece);
        crate::tests::browser::runtime().block_on(stored).unwrap();
        std::fs::write(folder(&house, id).join("0-00112233#1"), b"half of a piece").unwrap();
    }
    let parts = |id| house.door().read(|db| store::parts(db, id)).unwrap();
    jobs::due(house.door()).unwrap();
    assert_eq!(files_in(&folder(&house, left)), parts(left).len() + 2, "nothing goes before its time");
    house.at("2026-03-13 10:00:00");
    jobs::due(house.door()).unwrap();
    assert!(parts(left).is_empty(), "three days are over");
    house.at("2026-03-13 11:00:01");
    jobs::due(house.door()).unwrap();
    assert!(!folder(&house, left).exists(), "no byte is left");
    assert!(house.door().read(|db| store::upload(db, left)).unwrap().is_none());
    for _ in 0..2 {
        assert_eq!(files_in(&folder(&house, kept)), parts(kept).len(), "what never counted is gone");
        let read = reader(house.door().files().clone(), parts(kept)).unwrap();
        assert_eq!(measure(read).unwrap(), bid.manifest.measured());
        house.at("2026-04-20 10:00:00");
        jobs::due(house.door()).unwrap();
    }
}

fn the_bytes_of_a_bid_that_was_replaced_or_withdrawn_go(engine: Engine) {
    let Box1 { house, first, lot, .. } = box1(engine, &Shape::default());
    let kind = EnvelopeKind::Single;
    let mut uploads = Vec::new();
    for _ in 0..3 {
        let parameters = parameters(&house, &first, lot, kind);
        let (bid, ciphertext) = seal_offer(&house, &first, &parameters, &offer());
        let id = upload(&house, &first, &ciphertext);
        submit(&house, &first, lot, &bid, id).unwrap();
        uploads.push(id);
    }
    let left = |house: &TestHouse| -> Vec<bool> {
        jobs::due(house.door()).unwrap();
        uploads.iter().map(|id| files_in(&folder(house, *id)) > 0).collect()
    };
    assert_eq!(left(&house), [false, false, true], "only the last one can count");
    let counted =
        house.door().read(|db| store::counted(db, house.door().vault(), lot, kind, u64::MAX)).unwrap();
    assert_eq!(counted.iter().map(|bid| bid.upload).collect::<Vec<_>>(), uploads[2..]);
    withdraw(&house, &first, lot, kind).unwrap();
    assert_eq!(left(&house), [false; 3]);
}
