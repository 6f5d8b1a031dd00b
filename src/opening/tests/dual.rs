//! Bids that are locked with their bidders' keys too: bidders come first, and who does not come is on record with the cause.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::on_both_databases;
use crate::opening::bidders::{self, Taken};
use crate::opening::lockstep::{Bidders, TRIES_MAX};
use crate::opening::record::OpeningRecord;
use crate::opening::rules::{Blame, Cause, Refusal};
use crate::opening::store::Paper;
use crate::opening::testing::{BidBox, empty_box, trust, wrong_key};
use crate::opening::unsealing::Unsealed;
use crate::opening::{actions, jobs, protocol, store};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::refusal::Failure;
use crate::project::store as projects;
use crate::project::terms::DualLock;
use crate::project::testing::Shape;
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::testing::{Offer, bid_dual};
use crate::sealing::bidder_key::KeyBundle;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind as Kind;
use crate::sealing::document::{Blob, Bytes};
use crate::sealing::key_file::write_box_key;
use crate::sealing::manifest::BidderKeyFile;
use crate::sealing::release::{BidderRelease, BidderReleaseTyp};
use crate::sealing::signature::{Signer, SigningKey};

on_both_databases! {
    on_a_lawful_day_every_bidder_comes_and_then_the_trustees
    a_trustee_who_releases_before_the_bidders_is_refused
    a_bidder_who_does_not_come_has_revoked_and_stops_no_other
    a_missing_key_that_is_not_the_bidders_fault_is_recorded_as_withdrawn
    a_second_holder_steps_in
    a_wrong_key_is_held_against_the_bidder_who_gave_it
    a_wrong_key_that_the_bidder_did_not_sign_is_held_against_nobody
    only_the_bidder_and_the_holder_it_named_can_give_a_key
    each_of_two_envelopes_has_its_own_time
}

pub(super) fn dual() -> Shape {
    Shape { dual: Some(DualLock { minutes: 30 }), ..Shape::default() }
}

/// A lot with one bid of each of these prices, and the bidders' key files. The bidder at place `seconded` names `holder` too.
pub(super) fn locked_bids(
    house: &TestHouse,
    shape: &Shape,
    prices: &[&str],
    (seconded, holder): (usize, Option<&BoxKey>),
) -> (BidBox, Vec<BidderKeyFile>) {
    let mut filled = empty_box(house, shape);
    let facts = house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap();
    house.at("2026-03-24 10:00:00");
    let mut files = Vec::new();
    for (at, price) in prices.iter().enumerate() {
        let member = house.member(Role::Bidder, &format!("bidder{}", at + 1));
        let second = holder.filter(|_| at == seconded).map(BoxKey::public);
        for kind in envelopes_of(&facts.terms) {
            let offer = match kind {
                Kind::Technical => Offer::technical("方案"),
                Kind::Commercial | Kind::Single => Offer::priced(price),
            };
            files.push(bid_dual(house, &member, filled.lot, *kind, (&offer, second.as_ref())));
        }
        filled.bidders.push(member);
    }
    house.at("2026-03-25 09:29:00");
    (filled, files)
}

fn three(house: &TestHouse) -> (BidBox, Vec<BidderKeyFile>) {
    locked_bids(house, &dual(), &["1.00", "2.00", "3.00"], (0, None))
}

fn hand_in(
    house: &TestHouse,
    filled: &BidBox,
    kind: Kind,
    (member, release): (&Member, &BidderRelease),
) -> Result<Taken, Failure> {
    let (who, lot, text) = (member.who.clone(), filled.lot, jcs_text(release));
    let authority = house.authority().clone();
    let done =
        house.act(&member.who, move |act| bidders::release_key(act, &authority, &who, lot, kind, &text));
    done.map(|done| done.value)
}

fn release_share(house: &TestHouse, filled: &BidBox, kind: Kind, i: u8) -> Result<(), Failure> {
    filled.hand_in(house, kind, &filled.made(house, kind, i))
}

fn record(house: &TestHouse, filled: &BidBox, kind: Kind) -> OpeningRecord {
    let read = house.door().read(|db| {
        let facts = projects::known_lot(db, filled.lot)?;
        protocol::record_of(db, house.door().vault(), &facts, kind)
    });
    read.unwrap().expect("a record")
}

/// Moves the clock this many minutes behind the closing.
fn later(house: &TestHouse, filled: &BidBox, minutes: i64) {
    let closed = house.door().read(|db| store::closing(db, filled.lot)).unwrap().unwrap().at;
    house.clock.move_to(closed.plus(minutes * MINUTE));
}

fn on_a_lawful_day_every_bidder_comes_and_then_the_trustees(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    for i in 1..=3 {
        filled.give_key(&house, Kind::Single, i, &files[i - 1]);
    }
    // all have come, so nobody waits for the end of the window
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    let prices: Vec<&str> = record.read_out.iter().map(|line| line.form["price"].as_str()).collect();
    assert_eq!(prices, ["1.00", "2.00", "3.00"]);
    let keys = record.bidder_keys.unwrap();
    assert!(keys.bids.len() == 3 && keys.bids.iter().all(|line| line.released_at.is_some() && !line.second));
    assert!(keys.ended_at.unwrap() < keys.until);
}

fn a_trustee_who_releases_before_the_bidders_is_refused(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    let bundle_now = || filled.try_bundle(&house, Kind::Single);
    let early = refused(bundle_now());
    assert_eq!(early.key, "opening.refusal.bidders_first");
    assert_eq!(early.with[1].1, "2", "{early:?}");
    // a trustee who made a release in spite of that is refused too: the bundle of half an hour later, handed in now
    later(&house, &filled, 30);
    let release = filled.made_believing(&house, Kind::Single, 1);
    later(&house, &filled, 29);
    assert_eq!(refused(filled.hand_in(&house, Kind::Single, &release)).key, "opening.refusal.bidders_first");
    assert!(house.door().read(|db| store::releases(db, filled.lot, Kind::Single)).unwrap().is_empty());
    // and by the trustee's own clock, if the platform lies about the bidders
    let mut lied = {
        later(&house, &filled, 30);
        bundle_now().unwrap()
    };
    let told = |bundle: &crate::sealing::release::OpeningBundle, now: Moment| {
        bundle.release(&filled.key(1), &trust(&house), now).unwrap_err().to_string()
    };
    let early = house.door().now().plus(-1);
    assert!(told(&lied, early).contains("time to release their keys is not over"), "{}", told(&lied, early));
    lied.bidders.as_mut().unwrap().absent.pop();
    assert!(told(&lied, house.door().now()).contains("every bid"));
    lied.bidders = None;
    assert!(told(&lied, house.door().now()).contains("have not released"));
}

fn a_bidder_who_does_not_come_has_revoked_and_stops_no_other(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    let late = filled.key_bundle(&house, Kind::Single, (&filled.bidders[1], None)).unwrap();
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    filled.give_key(&house, Kind::Single, 3, &files[2]);
    later(&house, &filled, 30);
    // the equal instant is late, for the bidder; the clock puts the end on record
    let plain = jcs_text(&files[1]);
    let release = late.release(plain.as_bytes(), "", house.door().now()).unwrap();
    let over = refused(hand_in(&house, &filled, Kind::Single, (&filled.bidders[1], &release)));
    assert_eq!(over.key, "opening.refusal.keys_over");
    jobs::due(house.door()).unwrap();
    let phase = house.door().read(|db| store::bidders(db, filled.lot, Kind::Single)).unwrap().unwrap();
    assert_eq!((phase.ended_at, phase.absent()), (Some(phase.until), vec![files[1].m]));
    jobs::due(house.door()).unwrap();
    filled.release(&house, Kind::Single, &[2, 3]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    assert_eq!(record.bidders, 3, "the count at the deadline stays");
    let failed = record.read_out[1].not_opened.clone().unwrap();
    assert_eq!((failed.blame, failed.cause), (Blame::Bidder, Cause::BidderKeyMissing));
    assert!([0, 2].iter().all(|at| record.read_out[*at].not_opened.is_none()));
    assert_eq!(record.read_out[2].form["price"], "3.00");
}

fn a_missing_key_that_is_not_the_bidders_fault_is_recorded_as_withdrawn(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    filled.give_key(&house, Kind::Single, 2, &files[1]);
    let paper = Paper { name: "值班记录.pdf".into(), sha256: Bytes([7; 32]) };
    let excuse = |m: Bytes<32>| {
        let shown = paper.clone();
        let (who, lot) = (filled.staff.agent.who.clone(), filled.lot);
        house.act(&filled.staff.agent.who, move |act| {
            bidders::excuse(act, &who, lot, Kind::Single, m, ("平台网络中断，见值班记录。", &shown))
        })
    };
    assert_eq!(refused(excuse(files[2].m)).key, "opening.refusal.not_absent", "there is still time");
    later(&house, &filled, 31);
    assert_eq!(refused(excuse(files[0].m)).key, "opening.refusal.not_absent", "this one came");
    excuse(files[2].m).unwrap();
    assert_eq!(refused(excuse(files[2].m)).key, "opening.refusal.excused");
    filled.release(&house, Kind::Single, &[1, 2]);
    // what began to be opened before the excuse, or before a trustee came who was given up, must not be put on record
    let put = |lost: Vec<u8>, excused: &[Bytes<32>]| {
        let (who, lot, excused) =
            (filled.staff.agent.who.clone(), filled.lot, excused.iter().copied().collect());
        house.act(&filled.staff.agent.who, move |act| {
            let nothing = Unsealed { bids: Vec::new(), contents: Vec::new(), shares: Vec::new() };
            actions::record_opening(act, &who, lot, Kind::Single, &nothing, (lost, &excused))
        })
    };
    assert_eq!(refused(put(Vec::new(), &[])).key, "opening.refusal.changed");
    assert_eq!(refused(put(vec![2], &[files[2].m])).key, "opening.refusal.changed");
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    let failed = record.read_out[2].not_opened.clone().unwrap();
    assert_eq!((failed.blame, failed.cause), (Blame::Outside, Cause::BidderKeyMissing));
    let keys = record.bidder_keys.unwrap();
    let line = keys.bids.iter().find(|line| line.m == files[2].m).unwrap();
    assert_eq!(line.excuse.as_deref(), Some("平台网络中断，见值班记录。"));
    assert_eq!(line.paper, Some(paper.sha256));
}

fn a_second_holder_steps_in(engine: Engine) {
    let house = TestHouse::new(engine);
    let holder = BoxKey::random();
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (1, Some(&holder)));
    filled.close(&house);
    filled.give_key(&house, Kind::Single, 1, &files[0]);
    filled.give_key(&house, Kind::Single, 3, &files[2]);
    // a notary of the centre, with a key file of their own; without it they see no bid
    let notary = &filled.staff.centre;
    assert!(filled.key_bundle(&house, Kind::Single, (notary, None)).unwrap().manifests.is_empty());
    let given = filled.key_bundle(&house, Kind::Single, (notary, Some(holder.public()))).unwrap();
    let file = write_box_key(&holder, "the notary's").unwrap();
    assert!(given.release(&file, "another's", house.door().now()).is_err());
    let release = given.release(&file, "the notary's", house.door().now()).unwrap();
    assert_eq!(release.m, files[1].m);
    assert_eq!(hand_in(&house, &filled, Kind::Single, (notary, &release)).unwrap(), Taken::Key);
    assert_eq!(
        refused(hand_in(&house, &filled, Kind::Single, (notary, &release))).key,
        "opening.refusal.key_released"
    );
    filled.release(&house, Kind::Single, &[1, 3]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    assert!(record.read_out.iter().all(|line| line.not_opened.is_none()));
    let keys = record.bidder_keys.unwrap().bids;
    let seconds: Vec<Bytes<32>> = keys.iter().filter(|line| line.second).map(|line| line.m).collect();
    assert_eq!(seconds, [files[1].m]);
}

pub(super) fn signer(member: &Member) -> Signer {
    let key = SigningKey::from_pkcs8(&member.pkcs8).unwrap();
    Signer::new(key, vec![Blob(member.certificate.clone())]).unwrap()
}

/// A release of a key that the bid did not commit to, as a dishonest client would make it; an honest one refuses. Not signed.
fn wrong(given: &KeyBundle) -> BidderRelease {
    let manifest = &given.manifests[0];
    let honest = BidderKeyFile {
        k_b: Bytes([1; 32]),
        m: Bytes(manifest.id()),
        typ: crate::sealing::manifest::BidderKeyTyp,
    };
    assert!(BidderRelease::make(&honest, manifest, &given.session.0).is_err(), "an honest client does not");
    wrong_key(manifest, &given.session)
}

fn a_wrong_key_is_held_against_the_bidder_who_gave_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    let bidder = |i: usize| &filled.bidders[i - 1];
    let given = |i: usize| filled.key_bundle(&house, Kind::Single, (bidder(i), None)).unwrap();
    let signed = |i: usize| wrong(&given(i)).signed(&signer(bidder(i))).unwrap();
    let offer = |i: usize| hand_in(&house, &filled, Kind::Single, (bidder(i), &signed(i)));
    // one bidder takes the wrong file first and the right one then; another never has the right one
    assert_eq!(offer(1).unwrap(), Taken::Wrong);
    for i in 1..=2 {
        filled.give_key(&house, Kind::Single, i, &files[i - 1]);
    }
    let last = signed(3);
    for _ in 1..TRIES_MAX {
        assert_eq!(offer(3).unwrap(), Taken::Wrong);
    }
    assert_eq!(hand_in(&house, &filled, Kind::Single, (bidder(3), &last)).unwrap(), Taken::Wrong);
    let kept = house.door().read(|db| store::tries(db, filled.lot, Kind::Single)).unwrap();
    assert!(kept.contains(&last), "the evidence has it, for others to judge");
    assert_eq!(refused(offer(3)).key, "opening.refusal.too_many_tries");
    later(&house, &filled, 30);
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    assert!(record.read_out[0].not_opened.is_none() && record.read_out[1].not_opened.is_none());
    let failed = record.read_out[2].not_opened.clone().unwrap();
    assert_eq!((failed.blame, failed.cause), (Blame::Bidder, Cause::BidderKeyWrong));
    let tried =
        |m: Bytes<32>| record.bidder_keys.as_ref().unwrap().bids.iter().find(|l| l.m == m).unwrap().wrong;
    assert_eq!([tried(files[0].m), tried(files[1].m), tried(files[2].m)], [1, 0, 10]);
}

/// Whoever runs the server could make up a wrong key for a bidder, but not its signature.
fn a_wrong_key_that_the_bidder_did_not_sign_is_held_against_nobody(engine: Engine) {
    let house = TestHouse::new(engine);
    let (filled, files) = three(&house);
    filled.close(&house);
    let given = |i: usize| filled.key_bundle(&house, Kind::Single, (&filled.bidders[i - 1], None)).unwrap();
    let hand = |i: usize, release: &BidderRelease| {
        hand_in(&house, &filled, Kind::Single, (&filled.bidders[i - 1], release))
    };
    let unsigned = wrong(&given(1));
    let of_another = unsigned.clone().signed(&signer(&filled.bidders[1])).unwrap();
    let mut changed = unsigned.clone().signed(&signer(&filled.bidders[0])).unwrap();
    changed.sealed = wrong(&given(1)).sealed;
    let of_nobody = unsigned.clone().signed(&a_stranger()).unwrap();
    for release in [&unsigned, &of_another, &changed, &of_nobody] {
        assert_eq!(refused(hand(1, release)).key, "opening.refusal.wrong_key_unsigned");
    }
    assert!(house.door().read(|db| store::tries(db, filled.lot, Kind::Single)).unwrap().is_empty());
    // a version 1 with a signature, and a version 2 without, are no releases
    let mut odd = unsigned.clone().signed(&signer(&filled.bidders[0])).unwrap();
    odd.typ = BidderReleaseTyp::Unsigned;
    assert_eq!(refused(hand(1, &odd)).key, "opening.refusal.bad_release");
    let odd = BidderRelease { typ: BidderReleaseTyp::Signed, ..unsigned };
    assert_eq!(refused(hand(1, &odd)).key, "opening.refusal.bad_release");
    // the right key proves itself, however it is signed
    let right = |i: usize| {
        let given = given(i);
        BidderRelease::make(&files[i - 1], &given.manifests[0], &given.session.0).unwrap()
    };
    assert_eq!(hand(1, &right(1).signed(&a_stranger()).unwrap()).unwrap(), Taken::Key);
    assert_eq!(hand(2, &right(2).signed(&signer(&filled.bidders[1])).unwrap()).unwrap(), Taken::Key);
    // who only ever gave a wrong one without signing it has not come
    assert_eq!(refused(hand(3, &wrong(&given(3)))).key, "opening.refusal.wrong_key_unsigned");
    later(&house, &filled, 30);
    filled.release(&house, Kind::Single, &[1, 2]);
    filled.open(&house, Kind::Single, false).unwrap();
    let record = record(&house, &filled, Kind::Single);
    let failed = record.read_out[2].not_opened.clone().unwrap();
    assert_eq!((failed.blame, failed.cause), (Blame::Bidder, Cause::BidderKeyMissing));
    assert!(record.read_out[..2].iter().all(|line| line.not_opened.is_none()));
}

/// Somebody with a certificate that no authority here has issued.
fn a_stranger() -> Signer {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    let signing = SigningKey::from_pkcs8(&key.serialize_der()).unwrap();
    Signer::new(signing, vec![Blob(certificate.der().to_vec())]).unwrap()
}

fn only_the_bidder_and_the_holder_it_named_can_give_a_key(engine: Engine) {
    let house = TestHouse::new(engine);
    let holder = BoxKey::random();
    let (filled, files) = locked_bids(&house, &dual(), &["1.00", "2.00", "3.00"], (0, Some(&holder)));
    let stranger = house.member(Role::Bidder, "stranger");
    filled.close(&house);
    let of = |i: usize| filled.key_bundle(&house, Kind::Single, (&filled.bidders[i - 1], None)).unwrap();
    let unnamed = BidderRelease::make(&files[1], &of(2).manifests[0], &of(2).session.0).unwrap();
    let hand = |member: &Member, release: &BidderRelease| {
        refused(hand_in(&house, &filled, Kind::Single, (member, release))).key
    };
    assert_eq!(hand(&stranger, &unnamed), "opening.refusal.not_your_bid");
    // where a holder is named, what somebody else gives is refused and not held against the bidder
    assert_eq!(hand(&stranger, &wrong(&of(1))), "opening.refusal.wrong_key_unsigned");
    assert!(house.door().read(|db| store::tries(db, filled.lot, Kind::Single)).unwrap().is_empty());
    // a release for another session
    let mut other = unnamed.clone();
    other.session = Bytes(BoxKey::random().public());
    assert_eq!(hand(&filled.bidders[1], &other), "opening.refusal.bad_release");
}

fn each_of_two_envelopes_has_its_own_time(engine: Engine) {
    let house = TestHouse::new(engine);
    let shape = Shape { dual: Some(DualLock { minutes: 10 }), ..Shape::procurement() };
    let (filled, files) = locked_bids(&house, &shape, &["1.00", "2.00", "3.00"], (0, None));
    filled.close(&house);
    for i in 1..=3 {
        filled.give_key(&house, Kind::Technical, i, &files[2 * (i - 1)]);
    }
    filled.release(&house, Kind::Technical, &[1, 2]);
    filled.open(&house, Kind::Technical, false).unwrap();
    later(&house, &filled, 60);
    let lot = filled.lot;
    house.act(&filled.staff.agent.who, move |act| crate::opening::actions::start_second(act, lot)).unwrap();
    let early = house.door().read(|db| store::bidders(db, lot, Kind::Commercial)).unwrap().unwrap();
    assert_eq!(early.until, house.door().now().plus(10 * MINUTE));
    for i in 1..=3 {
        filled.give_key(&house, Kind::Commercial, i, &files[2 * (i - 1) + 1]);
    }
    release_share(&house, &filled, Kind::Commercial, 1).unwrap();
    release_share(&house, &filled, Kind::Commercial, 3).unwrap();
    filled.open(&house, Kind::Commercial, false).unwrap();
    let record = record(&house, &filled, Kind::Commercial);
    assert_eq!(record.read_out[2].form["price"], "3.00");
}

#[test]
fn the_bidders_time_ends_with_the_last_key_or_at_the_very_instant() {
    let (one, two) = (Bytes([1; 32]), Bytes([2; 32]));
    let at = Moment::from_micros;
    let phase = |released: &[Bytes<32>], ended: Option<i64>| Bidders {
        dual: vec![one, two],
        released: released.iter().copied().collect(),
        until: at(100),
        ended_at: ended.map(at),
    };
    let waits = Err(Refusal::BiddersFirst { until: at(100), waiting: 1 });
    assert_eq!(phase(&[one], None).check_share(at(99)), waits);
    assert_eq!(phase(&[one], None).check_share(at(100)), Ok(()));
    assert_eq!(phase(&[one, two], None).check_share(at(1)), Ok(()));
    assert_eq!(phase(&[one], None).check_key(&two, at(99)), Ok(()));
    assert_eq!(phase(&[one], None).check_key(&one, at(99)), Err(Refusal::KeyReleased));
    let over = Err(Refusal::KeysOver { until: at(100) });
    assert_eq!(phase(&[one], None).check_key(&two, at(100)), over);
    // once a trustee may have released, no key is taken, whatever the clock says then
    assert_eq!(phase(&[one], Some(100)).check_key(&two, at(50)), over);
    assert_eq!(phase(&[], None).check_key(&Bytes([3; 32]), at(1)), Err(Refusal::NoBidderLock));
}
