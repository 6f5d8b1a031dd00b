//! Thousands in the last minute. Every bidder has an account, a certificate, an upload and a signed manifest of their own; only the
//! ciphertext behind them is one, which nobody looks into before the opening.

use super::rush::close_when_due;
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::ledger;
use crate::opening::store;
use crate::opening::testing::empty_box;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::money::Fen;
use crate::platform::refusal::{Failure, Fault};
use crate::project::testing::Shape;
use crate::sealed_bid::rules::{Kept, Upload};
use crate::sealed_bid::store::Part;
use crate::sealed_bid::testing::{Offer, parameters, seal_offer, submit, upload};
use crate::sealed_bid::uploads::{self, Limits};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Blob;
use crate::sealing::manifest::Manifest;
use crate::sealing::seal::SealedBid;
use crate::sealing::signature::{Signer, SigningKey};
use crate::tests::guards::Counts;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const BIDDERS: usize = 5_000;
/// So many of them come after the deadline.
const LATE: usize = 500;
/// Who comes at once.
const AT_ONCE: usize = 100;

/// Does `work` for every number, so many at once, and gives what came of it in the order of the numbers.
fn each<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let one = || {
            let mut own = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= BIDDERS {
                    return own;
                }
                own.push((number, work(number)));
            }
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, value)| value).collect()
}

/// An upload of this member whose only piece lies where `part` lies.
fn upload_of(house: &TestHouse, member: &Member, part: &Part) -> Id<Upload> {
    let (who, size, limits) = (member.who.clone(), part.size, Limits::of(house.door()));
    let made = house.act(&member.who, move |act| uploads::create(act, &who, size, &limits)).unwrap().value;
    let (who, parts) = (member.who.clone(), [part.clone()]);
    house.act(&member.who, move |act| uploads::accept(act, &who, made.id, &[], &parts)).unwrap();
    made.id
}

/// The clock goes on as the bidders come, and passes the deadline when the late ones do.
fn passes(house: &TestHouse, deadline: Moment, came: &AtomicUsize) {
    let in_time = i64::try_from(BIDDERS - LATE).unwrap();
    loop {
        let came = i64::try_from(came.load(Ordering::SeqCst)).unwrap();
        let now = deadline.plus(-MINUTE + MINUTE * came / in_time);
        house.clock.move_to(now.max(house.door().now()));
        if now >= deadline {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn of_five_thousand_in_the_last_minute_whoever_is_in_time_has_a_receipt_and_counts_and_nobody_else() {
    let house = TestHouse::new(Engine::Sqlite);
    let (house, door) = (&house, house.door());
    let filled = empty_box(house, &Shape { deposit: Fen(0), ..Shape::default() });
    house.at("2026-03-24 10:00:00");
    let kind = EnvelopeKind::Single;
    let model = house.member(Role::Bidder, "model");
    let (sealed, ciphertext) =
        seal_offer(house, &model, &parameters(house, &model, filled.lot, kind), &Offer::priced("1.00"));
    let first = upload(house, &model, &ciphertext);
    let part = door.read(|db| Ok::<_, Fault>(crate::sealed_bid::store::parts(db, first)?.remove(0))).unwrap();
    let ready: Vec<(Member, SealedBid, Id<Upload>)> = each(|number| {
        let member = house.member(Role::Bidder, &format!("rush{number}"));
        let ctx = parameters(house, &member, filled.lot, kind).ctx;
        let manifest = Manifest { ctx, ..sealed.manifest.clone() };
        let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
        let signer = Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap();
        let signature = signer.sign(&manifest.message()).unwrap();
        let upload = upload_of(house, &member, &part);
        (member, SealedBid { manifest, signature, bidder_key: None }, upload)
    });

    let deadline = Moment::parse_beijing("2026-03-25 09:30").unwrap();
    house.clock.move_to(deadline.plus(-MINUTE));
    let came = AtomicUsize::new(0);
    let answers: Vec<Result<Kept, Failure>> = thread::scope(|scope| {
        scope.spawn(|| passes(house, deadline, &came));
        scope.spawn(|| close_when_due(house, &filled));
        each(|number| {
            let (member, sealed, upload) = &ready[number];
            let _came = Counts(&came);
            submit(house, member, filled.lot, sealed, *upload)
        })
    });

    let closing = door.read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    let key = door.log_key().clone();
    let in_time = each(|number| match &answers[number] {
        Ok(kept) => {
            let receipt = door.read(|db| door.receipt(db, kept.entry)).unwrap();
            let message = ready[number].1.manifest.message();
            receipt.verify(&message, 70, key.name(), std::slice::from_ref(&key)).unwrap();
            assert!(kept.at < deadline && receipt.index < closing.size, "a receipt at {}", receipt.index);
            true
        }
        Err(Failure::Refused(refused)) => {
            assert_eq!(refused.key, "sealed_bid.refusal.late");
            false
        }
        Err(other) => panic!("{other:?}"),
    });
    let receipts = in_time.iter().filter(|in_time| **in_time).count();
    assert_eq!(
        usize::try_from(closing.bidders).unwrap(),
        receipts,
        "who has a receipt counts, and nobody else"
    );
    assert!((BIDDERS / 2..BIDDERS).contains(&receipts), "{receipts} of {BIDDERS}: no rush at all");
    let size = door.read(ledger::store::head).unwrap().unwrap().size;
    assert!(closing.size < size, "the closing is in the log behind what it counts");
}
