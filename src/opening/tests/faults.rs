//! Openings in which somebody cheats or something is broken.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::opening::rules::{Blame, Cause};
use crate::opening::store::{self, BidRow};
use crate::opening::testing::{BidBox, bids_in};
use crate::platform::database::testing::Engine;
use crate::platform::refusal::Failure;
use crate::sealed_bid::testing::{Offer, bid_spoilt};
use crate::sealing::boxes::release_box;
use crate::sealing::context::EnvelopeKind as Kind;
use crate::sealing::document::Bytes;
use crate::sealing::release::Release;
use crate::sealing::seal::SealedBid;
use crate::sealing::shamir::Share;
use crate::sealing::stream::measure;

on_both_databases! {
    a_lying_trustee_is_named_and_every_bid_opens
    with_a_liar_among_two_the_hall_waits_for_the_third
    a_forged_release_is_not_taken
    a_bid_with_a_false_box_is_its_bidders_fault_and_stops_no_other
    a_bid_that_is_no_archive_is_its_bidders_fault
    a_bid_whose_key_was_never_shared_waits_for_nobody
    a_bid_whose_boxes_hold_nothing_waits_for_every_trustee
    two_of_three_who_lie_stop_the_opening_before_any_bid_is_read
    a_trustee_who_does_not_come_and_could_have_settled_it_is_the_cause
    a_ciphertext_that_the_platform_damaged_is_not_the_bidders_fault
    a_piece_that_is_gone_or_cut_is_the_platforms_fault_and_stops_no_other
}

fn bids(house: &TestHouse, filled: &BidBox) -> Vec<BidRow> {
    house.door().read(|db| store::bids(db, filled.lot, Kind::Single)).unwrap()
}

/// A release in which this trustee reports a wrong share for every bid.
fn lie(house: &TestHouse, filled: &BidBox, i: u8) -> Release {
    let bundle = filled.claimed(house, Kind::Single);
    let key = filled.key(i);
    let mut release = filled.made_believing(house, Kind::Single, i);
    for (line, manifest) in release.shares.iter_mut().zip(&bundle.manifests) {
        let c = manifest.ctx.hash();
        let own = &manifest.lock.boxes[usize::from(i) - 1].0;
        let mut bytes = *key.boxes.open_share(&c, i, own).unwrap().to_bytes();
        bytes[20] ^= 1;
        let share = Share::from_bytes(&bytes).unwrap();
        line.sealed = Some(Bytes(release_box(&c, &share, &bundle.session.0).unwrap()));
    }
    release.sig = key.sign.sign(&release.message()).unwrap();
    release
}

fn a_lying_trustee_is_named_and_every_bid_opens(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    filled.hand_in(&house, Kind::Single, &lie(&house, &filled, 1)).unwrap();
    filled.release(&house, Kind::Single, &[2, 3]);
    filled.open(&house, Kind::Single, false).unwrap();
    for bid in bids(&house, &filled) {
        assert!(bid.document.is_some());
        assert_eq!(bid.liars, [1]);
    }
}

fn with_a_liar_among_two_the_hall_waits_for_the_third(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    filled.hand_in(&house, Kind::Single, &lie(&house, &filled, 2)).unwrap();
    filled.release(&house, Kind::Single, &[1]);
    let wait = refused(filled.open(&house, Kind::Single, false));
    assert_eq!((wait.key.as_ref(), wait.with[0].1.as_str()), ("opening.refusal.wait_for", "3"));
    assert!(bids(&house, &filled).is_empty(), "nobody is blamed before all have spoken");
    filled.release(&house, Kind::Single, &[3]);
    filled.open(&house, Kind::Single, false).unwrap();
    assert!(bids(&house, &filled).iter().all(|bid| bid.document.is_some() && bid.liars == [2]));
}

fn a_forged_release_is_not_taken(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    let mut unsigned = lie(&house, &filled, 1);
    unsigned.sig = filled.made(&house, Kind::Single, 1).sig;
    assert_eq!(refused(filled.hand_in(&house, Kind::Single, &unsigned)).key, "opening.refusal.bad_release");
    // trustee 2 can not hand in for trustee 1
    let (who, lot) = (filled.trustee(2).who.clone(), filled.lot);
    let text = crate::platform::canonical::jcs_text(&filled.made(&house, Kind::Single, 1));
    let other = house.act(&filled.trustee(2).who, move |act| {
        crate::opening::actions::release(act, &who, lot, Kind::Single, &text)
    });
    assert_eq!(refused(other).key, "opening.refusal.not_a_trustee");
}

/// A fourth bidder whose bid is spoilt by `spoil` before it is signed and handed in.
fn with_spoilt_bid(
    house: &TestHouse,
    filled: &BidBox,
    spoil: impl FnOnce(&mut SealedBid, &mut Vec<u8>),
) -> Member {
    let member = house.member(Role::Bidder, "spoiler");
    bid_spoilt(house, &member, filled.lot, Kind::Single, &Offer::priced("4.00"), spoil).unwrap();
    member
}

/// What became of the spoilt bid, after checking that the three others opened.
fn fate_beside_three_others(house: &TestHouse, filled: &BidBox, spoiler: &Member) -> (Blame, Cause) {
    let all = bids(house, filled);
    assert_eq!(all.len(), 4);
    let (spoilt, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|bid| bid.organisation == spoiler.who.organisation);
    assert!(others.iter().all(|bid| bid.document.is_some() && bid.not_opened.is_none()));
    let failed = spoilt[0].not_opened.clone().unwrap();
    (failed.blame, failed.cause)
}

fn a_bid_with_a_false_box_is_its_bidders_fault_and_stops_no_other(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let spoiler = with_spoilt_bid(&house, &filled, |sealed, _| sealed.manifest.lock.boxes[2].0[80] ^= 1);
    filled.close(&house);
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let fate = fate_beside_three_others(&house, &filled, &spoiler);
    assert_eq!(fate, (Blame::Bidder, Cause::BoxDiffers(3)));
    let closing = house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap();
    assert_eq!(closing.bidders, 4, "the count at the deadline stays");
}

fn a_bid_that_is_no_archive_is_its_bidders_fault(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let spoiler = with_spoilt_bid(&house, &filled, |sealed, ciphertext| {
        ciphertext[5000] ^= 1;
        sealed.manifest.ct.root = Bytes(measure(ciphertext.as_slice()).unwrap().root);
    });
    filled.close(&house);
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let (blame, cause) = fate_beside_three_others(&house, &filled, &spoiler);
    assert!(blame == Blame::Bidder && matches!(cause, Cause::Content(_)), "{blame:?} {cause:?}");
}

fn a_bid_whose_key_was_never_shared_waits_for_nobody(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let spoiler =
        with_spoilt_bid(&house, &filled, |sealed, _| sealed.manifest.lock.commit_t = Bytes([9; 32]));
    filled.close(&house);
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let fate = fate_beside_three_others(&house, &filled, &spoiler);
    assert_eq!(fate, (Blame::Bidder, Cause::KeyDiffers));
}

/// Two boxes hold nothing: liars could say so too, so all are asked, and until then nothing is opened.
fn a_bid_whose_boxes_hold_nothing_waits_for_every_trustee(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let spoiler = with_spoilt_bid(&house, &filled, |sealed, _| {
        sealed.manifest.lock.boxes[0].0[80] ^= 1;
        sealed.manifest.lock.boxes[2].0[80] ^= 1;
    });
    filled.close(&house);
    filled.release(&house, Kind::Single, &[1, 2]);
    // whoever reads an honest bid now runs into a file that can not be read
    let honest = filled.stored(&house, Kind::Single, &filled.bidders[0]);
    let kept = honest.with_extension("kept");
    std::fs::rename(&honest, &kept).unwrap();
    std::os::unix::fs::symlink(&honest, &honest).unwrap();
    let wait = refused(filled.open(&house, Kind::Single, false));
    assert_eq!((wait.key.as_ref(), wait.with[0].1.as_str()), ("opening.refusal.wait_for", "3"));
    assert!(bids(&house, &filled).is_empty(), "no other bid is opened before");
    filled.release(&house, Kind::Single, &[3]);
    assert!(matches!(filled.open(&house, Kind::Single, false), Err(Failure::Fault(_))), "now it is read");
    std::fs::rename(&kept, &honest).unwrap();
    filled.open(&house, Kind::Single, false).unwrap();
    let fate = fate_beside_three_others(&house, &filled, &spoiler);
    assert_eq!(fate, (Blame::Bidder, Cause::SharesDoNotFit));
}

/// The agent goes on without a trustee who does not come, and whose share would not have been enough: nobody can tell.
fn two_of_three_who_lie_stop_the_opening_before_any_bid_is_read(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    filled.hand_in(&house, Kind::Single, &lie(&house, &filled, 2)).unwrap();
    filled.hand_in(&house, Kind::Single, &lie(&house, &filled, 3)).unwrap();
    let wait = refused(filled.open(&house, Kind::Single, false));
    assert_eq!((wait.key.as_ref(), wait.with[0].1.as_str()), ("opening.refusal.wait_for", "1"));
    assert!(bids(&house, &filled).is_empty());
    filled.open(&house, Kind::Single, true).unwrap();
    for bid in bids(&house, &filled) {
        let why = bid.not_opened.map(|why| (why.blame, why.cause));
        assert_eq!(why, Some((Blame::Unsettled, Cause::SharesMissing)));
    }
}

fn a_trustee_who_does_not_come_and_could_have_settled_it_is_the_cause(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    filled.close(&house);
    filled.hand_in(&house, Kind::Single, &lie(&house, &filled, 2)).unwrap();
    filled.release(&house, Kind::Single, &[3]);
    assert_eq!(refused(filled.open(&house, Kind::Single, false)).key, "opening.refusal.wait_for");
    filled.open(&house, Kind::Single, true).unwrap();
    for bid in bids(&house, &filled) {
        let why = bid.not_opened.map(|why| (why.blame, why.cause));
        assert_eq!(why, Some((Blame::Trustees, Cause::SharesMissing)));
    }
}

fn a_ciphertext_that_the_platform_damaged_is_not_the_bidders_fault(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let spoiler = with_spoilt_bid(&house, &filled, |_, _| {});
    filled.close(&house);
    filled.damage(&house, Kind::Single, &spoiler);
    filled.release(&house, Kind::Single, &[1, 3]);
    filled.open(&house, Kind::Single, false).unwrap();
    let fate = fate_beside_three_others(&house, &filled, &spoiler);
    assert_eq!(fate, (Blame::Platform, Cause::CiphertextDamaged));
}

fn a_piece_that_is_gone_or_cut_is_the_platforms_fault_and_stops_no_other(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00", "4.00"]);
    filled.close(&house);
    std::fs::remove_file(filled.stored(&house, Kind::Single, &filled.bidders[0])).unwrap();
    let cut = filled.stored(&house, Kind::Single, &filled.bidders[2]);
    std::fs::write(&cut, &std::fs::read(&cut).unwrap()[..1000]).unwrap();
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    for (at, bid) in bids(&house, &filled).iter().enumerate() {
        let lost = bid.not_opened.as_ref().map(|why| (why.blame, &why.cause));
        let expected = (at % 2 == 0).then_some((Blame::Platform, &Cause::CiphertextDamaged));
        assert_eq!(lost, expected, "bid {at}");
        assert_eq!(bid.document.is_some(), at % 2 == 1, "bid {at}");
    }
}
