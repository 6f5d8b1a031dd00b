//! Over real HTTP: tus as outside clients speak it, the bid form's last step, the command line's form, receipts.

use super::{Box1, box1, box1_in, offer};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::proof::Receipt;
use crate::on_both_databases;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::digest::{b64, sha256};
use crate::platform::id::Id;
use crate::project::rules::Lot;
use crate::project::terms::DualLock;
use crate::project::testing::Shape;
use crate::sealed_bid::testing::{parameters, seal_offer};
use crate::sealing::command::BidParameters;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::seal::SealedBid;
use crate::sealing::stream::SLICE;
use crate::tests::browser::{Browser, Seen, Served};
use bytes::Bytes;
use reqwest::Method;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

on_both_databases! {
    a_bid_goes_up_in_pieces_over_breaks_and_comes_back_as_a_receipt
    what_is_not_a_sealed_bid_is_refused_with_the_reason
    the_protocol_is_kept_to_the_letter
    the_command_lines_three_files_are_handed_in_by_a_plain_form
    of_a_form_that_is_refused_or_breaks_off_no_byte_is_left_and_its_share_is_free
    a_withdrawal_is_signed_on_its_page_and_has_a_receipt
    every_mark_that_the_bid_forms_script_asks_for_stands_on_the_page
}

pub(super) const LOT: &str = "/sealed-bid/TEST-0001/1";

struct Line {
    served: Served,
    lot: Id<Lot>,
    first: Member,
    second: Member,
    parameters: BidParameters,
    bid: SealedBid,
    ciphertext: Vec<u8>,
}

/// A served box, and a large bid of the first bidder: three slices and a bit.
fn line(engine: Engine) -> Line {
    line_in(TestHouse::new(engine))
}

fn line_in(house: TestHouse) -> Line {
    let Box1 { house, first, second, lot, .. } = box1_in(house, &Shape::default());
    let parameters = parameters(&house, &first, lot, EnvelopeKind::Single);
    let mut large = offer();
    large.files.push(("图纸.bin".into(), vec![5; 3_200_000]));
    let (bid, ciphertext) = seal_offer(&house, &first, &parameters, &large);
    Line { served: Served::start(house), lot, first, second, parameters, bid, ciphertext }
}

pub(super) fn tus(
    browser: &mut Browser,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Seen {
    let token = browser.csrf.clone();
    let mut all = vec![("Tus-Resumable", "1.0.0"), ("X-CSRF-Token", token.as_str())];
    all.extend_from_slice(headers);
    browser.send(method, path, &all, Bytes::copy_from_slice(body))
}

fn header(seen: &Seen, name: &str) -> String {
    seen.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

pub(super) const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");

pub(super) fn create(browser: &mut Browser, size: usize) -> String {
    let size = size.to_string();
    let made = tus(browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &size)], b"");
    made.expect_status(201).location()
}

pub(super) fn submit(browser: &mut Browser, bid: &SealedBid, upload: &str) -> Seen {
    browser.get(&format!("{LOT}/single")).expect_status(200);
    let (manifest, signature) = (jcs_text(&bid.manifest), jcs_text(&bid.signature));
    let fields = [("manifest", manifest.as_str()), ("signature", signature.as_str()), ("upload", upload)];
    browser.post(&format!("{LOT}/single/submit"), &fields)
}

fn a_bid_goes_up_in_pieces_over_breaks_and_comes_back_as_a_receipt(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let whole = &line.ciphertext;
    let upload = create(&mut browser, whole.len());
    let patch = |browser: &mut Browser, from: usize, to: usize| {
        let offset = from.to_string();
        tus(browser, Method::PATCH, &upload, &[PIECE, ("Upload-Offset", &offset)], &whole[from..to])
    };
    assert_eq!(header(&patch(&mut browser, 0, SLICE).expect_status(204), "Upload-Offset"), SLICE.to_string());
    // not a whole MiB: every byte of it is kept
    patch(&mut browser, SLICE, SLICE + 1000).expect_status(204);
    patch(&mut browser, SLICE + 1000, 2 * SLICE).expect_status(204);
    let seen = tus(&mut browser, Method::HEAD, &upload, &[], b"").expect_status(200);
    assert_eq!(header(&seen, "Upload-Offset"), (2 * SLICE).to_string());
    assert_eq!(header(&seen, "Upload-Length"), whole.len().to_string());
    assert!(header(&seen, "Upload-Expires").ends_with("GMT"));
    patch(&mut browser, SLICE, 2 * SLICE).expect_status(409);
    submit(&mut browser, &line.bid, &upload).expect_status(422);
    patch(&mut browser, 2 * SLICE, whole.len()).expect_status(204);

    let receipt = submit(&mut browser, &line.bid, &upload).expect_status(303).location();
    let page = browser.get(&receipt).expect_status(200).text();
    assert!(page.contains("data-arrived=\"TEST-0001/1/single/1\""), "{page}");
    let proof = browser.get(&format!("{receipt}/proof")).expect_status(200);
    let key = line.served.house.door().log_key().clone();
    let proven = Receipt::parse(&proof.bytes).unwrap();
    proven.verify(&line.bid.manifest.message(), 70, key.name(), std::slice::from_ref(&key)).unwrap();
    let manifest = browser.get(&format!("{receipt}/manifest")).expect_status(200);
    assert_eq!(manifest.text(), jcs_text(&line.bid.manifest));
    for path in ["/sealed-bid", LOT] {
        assert!(browser.get(path).expect_status(200).text().contains(&receipt), "{path}");
    }
    let mut other = line.served.browser(&line.second);
    other.get(&receipt).expect_status(404);
    other.get(&format!("{receipt}/proof")).expect_status(404);
    for path in ["/sealed-bid", LOT] {
        assert!(!other.get(path).expect_status(200).text().contains("/receipt/"), "{path}");
    }
}

fn what_is_not_a_sealed_bid_is_refused_with_the_reason(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let size = line.ciphertext.len().to_string();
    let pdf = [b"%PDF-1.7 ".as_slice(), &vec![0; SLICE - 9]].concat();
    let upload = create(&mut browser, line.ciphertext.len());
    let refused = tus(&mut browser, Method::PATCH, &upload, &[PIECE, ("Upload-Offset", "0")], &pdf);
    assert!(refused.expect_status(415).text().contains("不是加密的投标文件"));
    let whole =
        tus(&mut browser, Method::POST, "/sealed-bid/upload", &[PIECE, ("Upload-Length", &size)], &pdf);
    whole.expect_status(415);
    for wrong in ["20000000", "1000", "0"] {
        let made = tus(&mut browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", wrong)], b"");
        assert!(made.expect_status(422).text().contains("没有加密"));
    }
    let huge = (3_u64 << 30).to_string();
    tus(&mut browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &huge)], b"")
        .expect_status(413);
    tus(&mut browser, Method::POST, "/sealed-bid/upload", &[], b"").expect_status(400);
}

fn the_protocol_is_kept_to_the_letter(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let options = browser.send(Method::OPTIONS, "/sealed-bid/upload", &[], Bytes::new()).expect_status(204);
    assert_eq!(header(&options, "Tus-Version"), "1.0.0");
    assert!(header(&options, "Tus-Extension").contains("checksum"));
    let size = line.ciphertext.len().to_string();
    let token = browser.csrf.clone();
    let old =
        [("Tus-Resumable", "0.2.2"), ("X-CSRF-Token", token.as_str()), ("Upload-Length", size.as_str())];
    browser.send(Method::POST, "/sealed-bid/upload", &old, Bytes::new()).expect_status(412);
    let forged = [("Tus-Resumable", "1.0.0"), ("Upload-Length", size.as_str())];
    browser.send(Method::POST, "/sealed-bid/upload", &forged, Bytes::new()).expect_status(403);

    let upload = create(&mut browser, line.ciphertext.len());
    let piece = &line.ciphertext[..2 * SLICE];
    let text = [("Content-Type", "text/plain"), ("Upload-Offset", "0")];
    tus(&mut browser, Method::PATCH, &upload, &text, piece).expect_status(415);
    let wrong = format!("sha256 {}", b64(&sha256(&[b"something else"])));
    let sum = [PIECE, ("Upload-Offset", "0"), ("Upload-Checksum", wrong.as_str())];
    tus(&mut browser, Method::PATCH, &upload, &sum, piece).expect_status(460);
    let unknown = [PIECE, ("Upload-Offset", "0"), ("Upload-Checksum", "md5 AAAA")];
    tus(&mut browser, Method::PATCH, &upload, &unknown, piece).expect_status(400);
    let seen = tus(&mut browser, Method::HEAD, &upload, &[], b"").expect_status(200);
    assert_eq!(header(&seen, "Upload-Offset"), "0", "nothing of a piece with a wrong checksum counts");
    let right = format!("sha256 {}", b64(&sha256(&[piece])));
    let sum = [PIECE, ("Upload-Offset", "0"), ("Upload-Checksum", right.as_str())];
    tus(&mut browser, Method::PATCH, &upload, &sum, piece).expect_status(204);

    let whole = [PIECE, ("Upload-Length", size.as_str())];
    let at_once =
        tus(&mut browser, Method::POST, "/sealed-bid/upload", &whole, &line.ciphertext).expect_status(201);
    assert_eq!(header(&at_once, "Upload-Offset"), size, "creation with upload takes all of it");

    let mut other = line.served.browser(&line.second);
    tus(&mut other, Method::HEAD, &upload, &[], b"").expect_status(404);
    tus(&mut other, Method::DELETE, &upload, &[], b"").expect_status(404);
    tus(&mut browser, Method::DELETE, &upload, &[], b"").expect_status(204);
    tus(&mut browser, Method::HEAD, &upload, &[], b"").expect_status(404);
}

fn the_command_lines_three_files_are_handed_in_by_a_plain_form(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    let parameters = browser.get(&format!("{LOT}/single/parameters.json")).expect_status(200);
    assert_eq!(BidParameters::read(&parameters.bytes).unwrap(), line.parameters);
    let page = format!("{LOT}/single/hand-in");
    browser.get(&page).expect_status(200);
    let form = |browser: &Browser, ciphertext: &[u8]| {
        Bytes::from(plain_form(browser, &line.bid, &jcs_text(&line.bid.signature), ciphertext))
    };
    let kind = [("content-type", "multipart/form-data; boundary=XX")];
    let cut = form(&browser, &line.ciphertext[..line.ciphertext.len() - 5]);
    browser.send(Method::POST, &page, &kind, cut).expect_status(422);
    let whole = form(&browser, &line.ciphertext);
    let receipt = browser.send(Method::POST, &page, &kind, whole).expect_status(303).location();
    browser.get(&receipt).expect_status(200);
}

fn a_withdrawal_is_signed_on_its_page_and_has_a_receipt(engine: Engine) {
    let line = line(engine);
    let mut browser = line.served.browser(&line.first);
    browser.get(&format!("{LOT}/single/withdraw")).expect_status(409);
    let upload = create(&mut browser, line.ciphertext.len());
    let all = [PIECE, ("Upload-Offset", "0")];
    tus(&mut browser, Method::PATCH, &upload, &all, &line.ciphertext).expect_status(204);
    submit(&mut browser, &line.bid, &upload).expect_status(303);
    let page = format!("{LOT}/single/withdraw");
    let done = browser.sign(&line.first, &page, &page, &[]).expect_status(303).location();
    assert!(browser.get(&done).expect_status(200).text().contains("撤回回执"));
    let event = browser.get(&format!("{done}/manifest")).expect_status(200);
    let proof = browser.get(&format!("{done}/proof")).expect_status(200);
    let key = line.served.house.door().log_key().clone();
    Receipt::parse(&proof.bytes)
        .unwrap()
        .verify(&event.bytes, 71, key.name(), std::slice::from_ref(&key))
        .unwrap();
    assert!(browser.get("/sealed-bid").text().contains("已撤回"));
}

/// The script of the bid form finds what it looks for: the page and `browser/src/page/seal_form.ts` can not drift apart.
fn every_mark_that_the_bid_forms_script_asks_for_stands_on_the_page(engine: Engine) {
    const SCRIPT: &str = include_str!("../../../browser/src/page/seal_form.ts");
    // a lot with both locks: its form has every mark
    let shape = Shape { dual: Some(DualLock { minutes: 30 }), ..Shape::default() };
    let Box1 { house, first, .. } = box1(engine, &shape);
    let served = Served::start(house);
    let page = served.browser(&first).get(&format!("{LOT}/single")).expect_status(200).text();
    let after = |text: &'static str, mark: &'static str| {
        text.split(mark)
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap())
    };
    let code: &'static str = SCRIPT.split_once("export async function forgetArrived").unwrap().1;
    let mut wanted: Vec<String> = after(SCRIPT, "\"[data-").map(|mark| format!("data-{mark}")).collect();
    wanted.extend(after(code, "complain(form, \"").map(|word| format!("data-text-{word}")));
    wanted.extend(after(code, "attribute(form, \"").map(|mark| format!("data-{mark}=")));
    wanted.extend(after(code, "field(form, \"").map(|name| format!("name=\"{name}\"")));
    wanted.extend(["sealing", "checking", "uploading", "submitting"].map(|word| format!("data-text-{word}")));
    assert!(wanted.len() > 30, "{wanted:?}");
    for mark in wanted {
        assert!(page.contains(&mark), "{mark} is missing on the bid form");
    }
    for step in ["edit", "review", "work", "pending"] {
        assert!(page.contains(&format!("data-step=\"{step}\"")), "{step}");
    }
    assert!(!page.contains("data-field=\"price\" name="), "an input of the offer must have no name");
}

/// Writes the plain form of the command line's three files, in parts.
fn plain_form(browser: &Browser, bid: &SealedBid, signature: &str, ciphertext: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut part = |name: &str, content: &[u8]| {
        body.extend_from_slice(
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\r\n")
                .as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    part("csrf", browser.csrf.as_bytes());
    part("manifest", jcs_text(&bid.manifest).as_bytes());
    part("signature", signature.as_bytes());
    part("ciphertext", ciphertext);
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn of_a_form_that_is_refused_or_breaks_off_no_byte_is_left_and_its_share_is_free(engine: Engine) {
    let line = line_in(TestHouse::configured(engine, |config| config.uploads_per_bidder = 1));
    let mut browser = line.served.browser(&line.first);
    let page = format!("{LOT}/single/hand-in");
    let kind = [("content-type", "multipart/form-data; boundary=XX")];
    let stored = PathBuf::from(&line.served.house.door().config().files).join("sealed");
    let is_empty = || {
        let mut folders = std::fs::read_dir(&stored).into_iter().flatten().map(|entry| entry.unwrap().path());
        folders.all(|folder| std::fs::read_dir(folder).unwrap().next().is_none())
    };
    browser.get(&page).expect_status(200);
    let (bid, right) = (&line.bid, jcs_text(&line.bid.signature));
    // a signature of something else; then bytes that are not those of the manifest
    let mut other = bid.signature.clone();
    other.sig.0[7] ^= 1;
    let form = plain_form(&browser, bid, &jcs_text(&other), &line.ciphertext);
    browser.send(Method::POST, &page, &kind, form.into()).expect_status(422);
    assert!(is_empty(), "a wrong signature left bytes");
    let mut changed = line.ciphertext.clone();
    changed[2_000_000] ^= 1;
    let form = plain_form(&browser, bid, &right, &changed);
    browser.send(Method::POST, &page, &kind, form.into()).expect_status(422);
    assert!(is_empty(), "other bytes left bytes");
    // the cable is pulled in the middle
    let form = plain_form(&browser, bid, &right, &line.ciphertext);
    let address = line.served.base.strip_prefix("http://").unwrap();
    let mut wire = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {page} HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        browser.cookie_header(),
        kind[0].1,
        form.len()
    );
    wire.write_all(head.as_bytes()).unwrap();
    wire.write_all(&form[..2_500_000]).unwrap();
    let arrives = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !is_empty()
    });
    assert!(arrives, "the server stores what comes");
    drop(wire);
    let goes = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        is_empty()
    });
    assert!(goes, "a form that broke off left bytes");
    // each of them would have used up the bidder's share
    let form = plain_form(&browser, bid, &right, &line.ciphertext);
    let receipt = browser.send(Method::POST, &page, &kind, form.into()).expect_status(303).location();
    browser.get(&receipt).expect_status(200);
    // and what came too late
    let house = &line.served.house;
    let parameters = parameters(house, &line.second, line.lot, EnvelopeKind::Single);
    let (bid, ciphertext) = seal_offer(house, &line.second, &parameters, &offer());
    house.at("2026-03-25 09:30:00");
    let mut second = line.served.browser(&line.second);
    second.get(&page);
    let before = files_below(&stored);
    let form = plain_form(&second, &bid, &jcs_text(&bid.signature), &ciphertext);
    let told = second.send(Method::POST, &page, &kind, form.into()).expect_status(422).text();
    assert!(told.contains("投标截止时间"), "{told}");
    assert_eq!(files_below(&stored), before, "a late bid left bytes");
}

fn files_below(folder: &PathBuf) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count())
        .sum()
}
