//! `kill -9` at random instants while bids are uploaded and submitted: every receipt that was given stays true, and
//! nothing half-done counts.

use super::browser::{Browser, Seen};
use super::program::{Server, clock_begins_at};
use crate::account::testing::{Member, TestHouse};
use crate::ledger::proof::Receipt;
use crate::opening::testing::empty_box;
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::random;
use crate::project::actions::gate;
use crate::project::rules::Lot;
use crate::project::testing::Shape;
use crate::sealed_bid::ciphertext::reader;
use crate::sealed_bid::store;
use crate::sealed_bid::testing::{Offer, parameters, seal_offer};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::seal::SealedBid;
use crate::sealing::stream::measure;
use bytes::Bytes as Body;
use reqwest::Method;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROUNDS: usize = 4;
const BIDDERS: usize = 6;

/// What a bidder got in writing.
struct Given {
    proof: Vec<u8>,
    bid: SealedBid,
}

/// Somebody with a bid that is sealed and not yet handed in.
pub(super) struct Bidder {
    pub member: Member,
    pub bid: SealedBid,
    pub ciphertext: Vec<u8>,
}

/// Works until it has a receipt or the server is gone; what is gone it tries again in the next round.
pub(super) fn try_to_bid(browser: &mut Browser, bidder: &Bidder) -> Option<Vec<u8>> {
    let lot = "/sealed-bid/TEST-0001/1";
    browser.try_get(&format!("{lot}/single")).filter(|seen| seen.status == 200)?;
    let size = bidder.ciphertext.len().to_string();
    let made = tus(browser, Method::POST, "/sealed-bid/upload", &[("Upload-Length", &size)], b"")?;
    let upload = Some(made).filter(|seen| seen.status == 201)?.location();
    let mut offset = 0;
    while offset < bidder.ciphertext.len() {
        let end = (offset + (1 << 20)).min(bidder.ciphertext.len());
        let at = offset.to_string();
        let headers = [("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", at.as_str())];
        let seen = tus(browser, Method::PATCH, &upload, &headers, &bidder.ciphertext[offset..end])?;
        assert_eq!(seen.status, 204, "{}", seen.text());
        offset = end;
    }
    submitted(browser, bidder, &upload)
}

/// Submits what was uploaded; gives the receipt's proof.
pub(super) fn submitted(browser: &mut Browser, bidder: &Bidder, upload: &str) -> Option<Vec<u8>> {
    let (manifest, signature) = (jcs_text(&bidder.bid.manifest), jcs_text(&bidder.bid.signature));
    let fields = [("manifest", manifest.as_str()), ("signature", signature.as_str()), ("upload", upload)];
    let receipt = browser.try_post("/sealed-bid/TEST-0001/1/single/submit", &fields)?;
    let place = Some(receipt).filter(|seen| seen.status == 303)?.location();
    let proof = browser.try_get(&format!("{place}/proof"))?;
    Some(proof).filter(|seen| seen.status == 200).map(|seen| seen.bytes.to_vec())
}

fn tus(
    browser: &mut Browser,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Seen> {
    let token = browser.csrf.clone();
    let mut all = vec![("Tus-Resumable", "1.0.0"), ("X-CSRF-Token", token.as_str())];
    all.extend_from_slice(headers);
    browser.try_send(method, path, &all, Body::copy_from_slice(body))
}

#[test]
fn every_receipt_outlives_any_crash_and_nothing_half_done_counts() {
    let house = TestHouse::new(Engine::Sqlite);
    let box_ = empty_box(&house, &Shape::default());
    let lot = box_.lot;
    house.at("2026-03-20 10:00:00");
    let bidders: Vec<Bidder> = (0..BIDDERS).map(|i| a_bidder(&house, lot, i)).collect();
    clock_begins_at(&house, house.door().now());
    let key = house.door().log_key().clone();

    let given: Mutex<BTreeMap<usize, Given>> = Mutex::default();
    for _ in 0..ROUNDS {
        let server = Server::start(&house);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (i, bidder) in bidders.iter().enumerate() {
                let (given, over, address) = (&given, &over, server.address.clone());
                scope.spawn(move || work(i, bidder, &address, given, over));
            }
            let [instant] = random::bytes::<1>();
            std::thread::sleep(Duration::from_millis(300 + 6 * u64::from(instant)));
            over.store(true, Ordering::SeqCst);
            server.kill();
        });
    }

    // the house's own connections see what the crashes left
    let given = given.into_inner().unwrap();
    assert!(!given.is_empty(), "no receipt was given in any round, so nothing was proven");
    for given in given.values() {
        let receipt = Receipt::parse(&given.proof).unwrap();
        receipt.verify(&given.bid.manifest.message(), 70, key.name(), std::slice::from_ref(&key)).unwrap();
    }
    let counted = close(&house, lot);
    for given in given.values() {
        assert!(
            counted.contains_key(&given.bid.manifest.id()),
            "a receipt was given for a bid that does not count"
        );
    }
    for (m, whole) in &counted {
        assert!(whole, "bid {} counts without all its bytes", hex::encode(m));
    }
}

fn a_bidder(house: &TestHouse, lot: Id<Lot>, i: usize) -> Bidder {
    let mut offer = Offer::priced(&format!("9{i}00000.00"));
    offer.files.push(("图纸.bin".into(), vec![i as u8; 2_500_000]));
    sealed_by(house, lot, &format!("bidder{i}"), &offer)
}

/// A new bidder of this name, who has sealed this offer.
pub(super) fn sealed_by(house: &TestHouse, lot: Id<Lot>, login: &str, offer: &Offer) -> Bidder {
    let member = house.member(crate::account::role::Role::Bidder, login);
    let parameters = parameters(house, &member, lot, EnvelopeKind::Single);
    let (bid, ciphertext) = seal_offer(house, &member, &parameters, offer);
    Bidder { member, bid, ciphertext }
}

/// A browser in which `member` has signed in with their password; `None` if the server is gone.
pub(super) fn signed_in(address: &str, member: &Member) -> Option<Browser> {
    let mut browser = Browser::at(&format!("http://{address}"));
    let form =
        [("login", member.who.login.as_str()), ("password", "correct horse"), ("next", "/account/key")];
    browser.try_get("/account/sign-in")?;
    browser.try_post("/account/sign-in", &form).filter(|seen| seen.status == 303)?;
    browser.try_get("/account/key")?;
    Some(browser)
}

fn work(i: usize, bidder: &Bidder, address: &str, given: &Mutex<BTreeMap<usize, Given>>, over: &AtomicBool) {
    let Some(mut browser) = signed_in(address, &bidder.member) else { return };
    while !over.load(Ordering::SeqCst) {
        if given.lock().unwrap().contains_key(&i) {
            return;
        }
        match try_to_bid(&mut browser, bidder) {
            Some(proof) => {
                let bid = SealedBid {
                    manifest: bidder.bid.manifest.clone(),
                    signature: bidder.bid.signature.clone(),
                    bidder_key: None,
                };
                given.lock().unwrap().insert(i, Given { proof, bid });
            }
            // gone, or already submitted with an answer that never arrived: then the same revision is refused
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Closes the box; for each bid that counts, whether its ciphertext is whole.
fn close(house: &TestHouse, lot: Id<Lot>) -> BTreeMap<[u8; 32], bool> {
    house.at("2026-03-25 09:30:00");
    let who = house.member(crate::account::role::Role::Centre, "closer").who;
    let done = house.act(&who, move |act| {
        act.exclude(&gate(lot))?;
        let head = act.close_log()?;
        let vault = act.vault().clone();
        Ok(store::counted(act.db(), &vault, lot, EnvelopeKind::Single, head.size)?)
    });
    let door = house.door();
    let whole = |counted: store::CountedEnvelope| {
        let parts = door.read(|db| store::parts(db, counted.upload)).unwrap();
        let found = measure(reader(door.files().clone(), parts).unwrap()).unwrap();
        (counted.manifest.id(), found == counted.manifest.measured())
    };
    done.unwrap().value.into_iter().map(whole).collect()
}
