//! Slow, silent, single-byte and parallel connections of people who upload, against the real program with its files in a
//! folder and in S3: what they may cost, what they are told, and that no byte is lost.

use super::browser::{Browser, Seen, runtime};
use super::crash::{Bidder, sealed_by, signed_in, submitted};
use super::files::s3_place;
use super::program::{Server, clock_begins_at};
use crate::account::testing::TestHouse;
use crate::opening::testing::empty_box;
use crate::platform::config::Config;
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64, sha256};
use crate::project::testing::Shape;
use crate::sealed_bid::testing::Offer;
use crate::sealed_bid::{store, tus as wire};
use crate::sealing::stream::SLICE;
use bytes::Bytes;
use reqwest::Method;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Where the files lie.
#[derive(Clone, Copy, Debug)]
enum Storage {
    Folder,
    S3,
}

/// A running program and bidders with a sealed bid of six slices and a bit each.
struct Centre {
    house: TestHouse,
    server: Server,
    bidders: Vec<Bidder>,
    _objects: tempfile::TempDir,
}

fn centre(storage: Storage, bidders: usize, set: impl FnOnce(&mut Config)) -> Centre {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = empty_box(&house, &Shape::default());
    house.at("2026-03-20 10:00:00");
    let mut offer = Offer::priced("9500000.00");
    offer.files.push(("图纸.bin".into(), vec![7; 6_300_000]));
    let bidders =
        (0..bidders).map(|i| sealed_by(&house, filled.lot, &format!("bidder{i}"), &offer)).collect();
    clock_begins_at(&house, house.door().now());
    let objects = tempfile::tempdir().unwrap();
    let mut config = house.door().config().clone();
    if matches!(storage, Storage::S3) {
        config.files = runtime().block_on(s3_place(objects.path()));
    }
    set(&mut config);
    let server = Server::start_configured(&config);
    Centre { house, server, bidders, _objects: objects }
}

impl Centre {
    fn browser(&self, bidder: usize) -> Browser {
        signed_in(&self.server.address, &self.bidders[bidder].member).unwrap()
    }

    /// The tails of an upload as the database has them: size by file.
    fn tails(&self, upload: &str) -> BTreeMap<String, u64> {
        let id = wire::named(upload).unwrap();
        let parts = self.house.door().read(|db| store::parts(db, id)).unwrap();
        parts.into_iter().filter(store::Part::is_tail).map(|part| (part.file, part.size)).collect()
    }

    /// The rest goes up in one piece, and the bid is taken: every byte that was kept is the right one.
    fn ends_well(&self, browser: &mut Browser, bidder: usize, upload: &str) {
        let have = offset(browser, upload);
        let bidder = &self.bidders[bidder];
        patch(browser, upload, have, &bidder.ciphertext[have..]).expect_status(204);
        assert!(submitted(browser, bidder, upload).is_some(), "the bid is taken");
    }
}

const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

fn tus(browser: &mut Browser, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
    let token = browser.csrf.clone();
    let mut all = vec![("Tus-Resumable", "1.0.0"), ("X-CSRF-Token", token.as_str())];
    all.extend_from_slice(headers);
    browser.send(method, path, &all, Bytes::copy_from_slice(body))
}

fn create(browser: &mut Browser, size: usize) -> String {
    let size = size.to_string();
    let made = tus(browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &size)], b"");
    made.expect_status(201).location()
}

fn offset(browser: &mut Browser, upload: &str) -> usize {
    let seen = tus(browser, Method::HEAD, upload, &[], b"").expect_status(200);
    seen.headers["upload-offset"].to_str().unwrap().parse().unwrap()
}

fn patch(browser: &mut Browser, upload: &str, from: usize, body: &[u8]) -> Seen {
    tus(browser, Method::PATCH, upload, &[PIECE, ("Upload-Offset", &from.to_string())], body)
}

/// A PATCH whose bytes go out as the test wants.
fn begin_patch(
    browser: &Browser,
    address: &str,
    upload: &str,
    from: usize,
    length: usize,
    more: &str,
) -> TcpStream {
    let mut wire = TcpStream::connect(address).unwrap();
    wire.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nTus-Resumable: 1.0.0\r\nX-CSRF-Token: {}\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: {from}\r\nContent-Length: {length}\r\n{more}\r\n",
        browser.cookie_header(),
        browser.csrf,
    );
    wire.write_all(head.as_bytes()).unwrap();
    wire
}

/// Ends a flow of bytes, also when the test fails beside it.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What the server answers at last, until it closes the connection.
fn answer_of(mut wire: TcpStream) -> String {
    let mut answer = Vec::new();
    // a connection that is closed while bytes of ours are under way may end with an error behind the answer
    let _ = wire.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn single_bytes_do_not_write_their_slice_again_and_again(storage: Storage) {
    let centre = centre(storage, 1, |_| {});
    let mut browser = centre.browser(0);
    let whole = &centre.bidders[0].ciphertext;
    let upload = create(&mut browser, whole.len());
    let mut at = 600_000;
    patch(&mut browser, &upload, 0, &whole[..at]).expect_status(204);
    let mut written = centre.tails(&upload);
    for _ in 0..200 {
        patch(&mut browser, &upload, at, &whole[at..=at]).expect_status(204);
        at += 1;
        let tails = centre.tails(&upload);
        assert!(tails.len() <= 9, "{} pieces of one slice lie there", tails.len());
        assert_eq!(tails.values().sum::<u64>(), at as u64);
        written.extend(tails);
    }
    let bytes: u64 = written.values().sum();
    assert!(bytes < 600_000 + 200 * 8, "{bytes} bytes were written for 600,200");
    assert_eq!(offset(&mut browser, &upload), at);
    centre.ends_well(&mut browser, 0, &upload);
    assert!(centre.tails(&upload).is_empty());
    centre.server.kill();
}

/// An upload into which a connection brought bytes while another one was told to wait: the upload, the connection, and how many bytes.
/// `None` if this machine was so busy that the bytes rested for a second: then the other one may come in, as it should.
fn waited_for(browser: &mut Browser, address: &str, whole: &[u8]) -> Option<(String, TcpStream, usize)> {
    let upload = create(browser, whole.len());
    let mut first = begin_patch(browser, address, &upload, 0, whole.len(), "");
    let (flows, sent) = (AtomicBool::new(true), AtomicUsize::new(0));
    let told = std::thread::scope(|scope| {
        let stop = Stop(&flows);
        scope.spawn(|| {
            while flows.load(Ordering::SeqCst) {
                let at = sent.load(Ordering::SeqCst);
                if first.write_all(&whole[at..at + 1000]).is_err() {
                    return;
                }
                sent.store(at + 1000, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let told = patch(browser, &upload, 0, whole);
        drop(stop);
        told
    });
    if told.status == 204 {
        return None;
    }
    let told = told.expect_status(423);
    assert_eq!(told.headers["retry-after"], "1");
    assert!(told.text().contains("另一个连接正在续传"), "{}", told.text());
    Some((upload, first, sent.into_inner()))
}

fn one_connection_brings_bytes_and_the_next_one_waits_or_goes_on_in_its_place(storage: Storage) {
    let centre = centre(storage, 1, |_| {});
    let mut browser = centre.browser(0);
    let whole = &centre.bidders[0].ciphertext;
    let address = centre.server.address.clone();
    // while bytes flow: wait, and a sentence
    let waited = (0..3).find_map(|_| waited_for(&mut browser, &address, whole));
    let (upload, first, sent) = waited.expect("a connection whose bytes flow is waited for");
    // it fell silent and is still open: its bytes are durable, and whoever comes goes on
    let arrived = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        offset(&mut browser, &upload) == sent
    });
    assert!(arrived, "{} of {sent}", offset(&mut browser, &upload));
    patch(&mut browser, &upload, sent, &whole[sent..sent + SLICE]).expect_status(204);
    let told = answer_of(first);
    assert!(told.starts_with("HTTP/1.1 423"), "{told}");
    assert_eq!(
        offset(&mut browser, &upload),
        sent + SLICE,
        "what the first would still have sent is nobody's"
    );
    centre.ends_well(&mut browser, 0, &upload);
    centre.server.kill();
}

fn a_connection_that_brings_nothing_is_ended_and_what_it_brought_stays(storage: Storage) {
    let centre = centre(storage, 1, |config| config.upload_idle_seconds = 2);
    let mut browser = centre.browser(0);
    let whole = &centre.bidders[0].ciphertext;
    let upload = create(&mut browser, whole.len());
    let address = centre.server.address.clone();
    let mut wire = begin_patch(&browser, &address, &upload, 0, whole.len(), "");
    wire.write_all(&whole[..SLICE + 700_001]).unwrap();
    let told = answer_of(wire);
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("已 2 秒没有收到数据"), "{told}");
    assert_eq!(offset(&mut browser, &upload), SLICE + 700_001);
    // of bytes whose checksum was promised nothing counts before it is right
    let sum = format!("Upload-Checksum: sha256 {}\r\n", b64(&sha256(&[&whole[SLICE + 700_001..]])));
    let left = whole.len() - SLICE - 700_001;
    let mut wire = begin_patch(&browser, &address, &upload, SLICE + 700_001, left, &sum);
    wire.write_all(&whole[SLICE + 700_001..3 * SLICE]).unwrap();
    assert!(answer_of(wire).starts_with("HTTP/1.1 408"));
    assert_eq!(offset(&mut browser, &upload), SLICE + 700_001);
    // and after a silence in the middle that is not too long it is as right as without one
    let mut wire = begin_patch(
        &browser,
        &address,
        &upload,
        SLICE + 700_001,
        left,
        &format!("{sum}Connection: close\r\n"),
    );
    for piece in whole[SLICE + 700_001..].chunks(400_000) {
        wire.write_all(piece).unwrap();
        if piece.len() < 400_000 || piece.as_ptr() == whole[SLICE + 1_100_001..].as_ptr() {
            std::thread::sleep(Duration::from_millis(1500));
        }
    }
    let told = answer_of(wire);
    assert!(told.starts_with("HTTP/1.1 204"), "{told}");
    centre.ends_well(&mut browser, 0, &upload);
    centre.server.kill();
}

fn many_silent_connections_hold_no_memory(storage: Storage) {
    let centre = centre(storage, 3, |_| {});
    let mut browsers: Vec<Browser> = (0..3).map(|bidder| centre.browser(bidder)).collect();
    let address = centre.server.address.clone();
    let sent = 3 * SLICE + 900_000;
    let (mut open, mut early) = (Vec::new(), 0);
    for round in 0..16 {
        for (browser, bidder) in browsers.iter_mut().zip(&centre.bidders) {
            let upload = create(browser, bidder.ciphertext.len());
            let mut wire = begin_patch(browser, &address, &upload, 0, bidder.ciphertext.len(), "");
            wire.write_all(&bidder.ciphertext[..sent]).unwrap();
            open.push((upload, wire));
        }
        // all of it is kept while the connections stay open
        for (i, browser) in browsers.iter_mut().enumerate() {
            let upload = &open[round * 3 + i].0;
            let kept = (0..200).any(|_| {
                std::thread::sleep(Duration::from_millis(50));
                offset(browser, upload) == sent
            });
            assert!(kept, "{} of {sent}", offset(browser, upload));
        }
        if round == 3 {
            early = centre.server.memory_peak();
        }
    }
    let late = centre.server.memory_peak();
    assert!(late < early + (64 << 10), "48 silent connections: {early}, then {late} KiB");
    drop(open);
    centre.server.kill();
}

fn when_there_is_no_memory_senders_are_told_to_come_back(storage: Storage) {
    let centre = centre(storage, 2, |config| config.upload_memory_bytes = 2 * SLICE as u64);
    let [mut one, mut two] = [centre.browser(0), centre.browser(1)];
    let whole = &centre.bidders[0].ciphertext;
    let address = centre.server.address.clone();
    // two connections that bring a few bytes all the time have all of it
    let uploads = [create(&mut one, whole.len()), create(&mut one, whole.len())];
    let mut wires = uploads.each_ref().map(|upload| begin_patch(&one, &address, upload, 0, whole.len(), ""));
    let other = create(&mut two, whole.len());
    let flows = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let stop = Stop(&flows);
        scope.spawn(|| {
            let mut at = 0;
            while flows.load(Ordering::SeqCst) {
                for wire in &mut wires {
                    wire.write_all(&whole[at..at + 100]).unwrap();
                }
                at += 100;
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        std::thread::sleep(Duration::from_millis(500));
        let told = patch(&mut two, &other, 0, &centre.bidders[1].ciphertext).expect_status(503);
        assert_eq!(told.headers["retry-after"], "5");
        assert!(told.text().contains("此刻上传的人很多"), "{}", told.text());
        two.get("/account/lang/en?next=/");
        // nobody keeps it for ever: whoever waits comes to it, though the two never stop
        let comes_in = (0..10).any(|_| {
            patch(&mut two, &other, 0, &centre.bidders[1].ciphertext);
            offset(&mut two, &other) > 0
        });
        assert!(comes_in, "the slow ones keep all memory for themselves");
        drop(stop);
    });
    drop(wires);
    centre.ends_well(&mut two, 1, &other);
    centre.server.kill();
}

macro_rules! on_both_storages {
    ($($name:ident)*) => {
        $(mod $name {
            use super::Storage;

            #[test]
            fn in_a_folder() {
                super::$name(Storage::Folder);
            }

            #[test]
            fn in_s3() {
                super::$name(Storage::S3);
            }
        })*
    };
}

on_both_storages! {
    single_bytes_do_not_write_their_slice_again_and_again
    one_connection_brings_bytes_and_the_next_one_waits_or_goes_on_in_its_place
    a_connection_that_brings_nothing_is_ended_and_what_it_brought_stays
    many_silent_connections_hold_no_memory
    when_there_is_no_memory_senders_are_told_to_come_back
}
