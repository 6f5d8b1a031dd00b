//! Trustees' and bidders' releases.

use super::{Panel, Sealed, panel, sealed, warrant};
use crate::platform::canonical::jcs;
use crate::platform::moment::Moment;
use crate::sealing::bid_set::{BidSet, Closing, CountedBid};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::{EnvelopeKind, Mode};
use crate::sealing::document::{Bytes, Count};
use crate::sealing::envelope::Envelope;
use crate::sealing::release::{BidderRelease, BundleTyp, OpeningBundle, Release};
use crate::sealing::trustees::TrusteeKey;

const OPENS: Moment = Moment::from_micros(1_800_000_000_000_000);

fn bundle(panel: &Panel, sealed: &Sealed, session: &BoxKey) -> OpeningBundle {
    let bid = CountedBid { leaf: Count(41), m: Bytes(sealed.bid.manifest.id()) };
    let closing = Closing { root: Bytes([1; 32]), size: Count(42) };
    let bid_set = BidSet::new("TEST-1", "1", EnvelopeKind::Commercial, closing, vec![bid]);
    OpeningBundle {
        bidders: None,
        bid_set,
        drill: None,
        log: None,
        manifests: vec![sealed.bid.manifest.clone()],
        opens_at: OPENS,
        session: Bytes(session.public()),
        trustees: panel.set.clone(),
        typ: BundleTyp::Opening,
    }
}

#[test]
fn released_shares_open_the_bid_in_the_session_and_nowhere_else() {
    let (panel, session) = (panel(2, 3), BoxKey::random());
    let sealed = sealed(&panel, Mode::Trustees);
    let bundle = OpeningBundle::read(&jcs(&bundle(&panel, &sealed, &session))).unwrap();
    let releases: Vec<Release> =
        panel.keys[..2].iter().map(|key| bundle.release_believing(key, OPENS).unwrap()).collect();
    for release in &releases {
        let read = Release::read(&jcs(release)).unwrap();
        read.check(&panel.set, &bundle.bid_set, &session.public()).unwrap();
        assert!(read.check(&panel.set, &bundle.bid_set, &BoxKey::random().public()).is_err());
        assert!(read.reported(&sealed.bid.manifest, &BoxKey::random()).unwrap().share.is_none());
    }
    let reported: Vec<_> =
        releases.iter().map(|r| r.reported(&sealed.bid.manifest, &session).unwrap()).collect();
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let unlocked = envelope.unlock(&warrant(&sealed), &panel.set, &reported, None).unwrap();
    unlocked.open(sealed.ciphertext.as_slice(), &mut Vec::<Vec<u8>>::new()).unwrap();
}

#[test]
fn a_trustee_refuses_before_the_opening_time_and_on_a_doubtful_bid_set() {
    let (panel, session) = (panel(2, 3), BoxKey::random());
    let sealed = sealed(&panel, Mode::Trustees);
    let good = bundle(&panel, &sealed, &session);
    let key = &panel.keys[0];
    good.release_believing(key, OPENS).unwrap();
    assert!(good.release_believing(key, OPENS.plus(-1)).is_err());
    let refuses = |change: &dyn Fn(&mut OpeningBundle)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        assert!(bundle.release_believing(key, OPENS).is_err());
    };
    refuses(&|b| b.bid_set.bids[0].leaf = Count(42));
    refuses(&|b| b.bid_set.lot = "2".into());
    refuses(&|b| b.bid_set.envelope = EnvelopeKind::Technical);
    refuses(&|b| b.bid_set.bids.push(b.bid_set.bids[0]));
    refuses(&|b| b.manifests.clear());
    refuses(&|b| b.manifests[0].ctx.rev = 2);
    refuses(&|b| b.trustees.t = 3);
    let platforms = BoxKey::random().public();
    refuses(&|b| b.trustees.members[1].hpke = Bytes(platforms));
    let stranger = TrusteeKey::generate("TEST-1", 1).unwrap().0;
    assert!(good.release_believing(&stranger, OPENS).is_err());
}

#[test]
fn a_trustee_is_told_of_boxes_that_break_the_bidders_promise_and_reports_what_they_hold() {
    let (panel, session) = (panel(2, 3), BoxKey::random());
    let mut sealed = sealed(&panel, Mode::Trustees);
    let told = |sealed: &Sealed, i: usize| {
        bundle(&panel, sealed, &session).broken_promises(&panel.keys[i - 1]).len()
    };
    assert_eq!([told(&sealed, 1), told(&sealed, 2), told(&sealed, 3)], [0, 0, 0]);
    sealed.bid.manifest.lock.shares.as_mut().unwrap()[0] = Bytes([1; 32]);
    sealed.bid.manifest.lock.boxes[1].0[100] ^= 1;
    assert_eq!([told(&sealed, 1), told(&sealed, 2), told(&sealed, 3)], [1, 1, 0]);
    let reported = |i: usize| {
        let release = bundle(&panel, &sealed, &session).release_believing(&panel.keys[i - 1], OPENS).unwrap();
        release.reported(&sealed.bid.manifest, &session).unwrap().share
    };
    assert!(reported(1).is_some() && reported(2).is_none() && reported(3).is_some());
    // of a bid without commitments only the boxes can be told
    sealed.bid.manifest.lock.shares = None;
    assert_eq!([told(&sealed, 1), told(&sealed, 2), told(&sealed, 3)], [0, 1, 0]);
}

#[test]
fn a_changed_release_is_no_longer_signed() {
    let (panel, session) = (panel(2, 3), BoxKey::random());
    let sealed = sealed(&panel, Mode::Trustees);
    let bundle = bundle(&panel, &sealed, &session);
    let good = bundle.release_believing(&panel.keys[0], OPENS).unwrap();
    let refuses = |change: &dyn Fn(&mut Release)| {
        let mut release = good.clone();
        change(&mut release);
        assert!(release.check(&panel.set, &bundle.bid_set, &session.public()).is_err());
    };
    refuses(&|r| r.i = 2);
    refuses(&|r| r.shares[0].sealed = None);
    refuses(&|r| r.closing_size = Count(43));
    refuses(&|r| r.shares.clear());
    refuses(&|r| r.sig.0[5] ^= 1);
}

#[test]
fn a_bidder_releases_only_the_key_of_its_own_bid() {
    let (panel, session) = (panel(2, 3), BoxKey::random());
    let (mine, other) = (sealed(&panel, Mode::Dual), sealed(&panel, Mode::Dual));
    let file = mine.bid.bidder_key.clone().unwrap();
    let release = BidderRelease::make(&file, &mine.bid.manifest, &session.public()).unwrap();
    assert_eq!(release.open(&mine.bid.manifest, &session).unwrap().0, file.k_b.0);
    assert!(release.open(&mine.bid.manifest, &BoxKey::random()).is_err());
    assert!(release.open(&other.bid.manifest, &session).is_err());
    assert!(BidderRelease::make(&file, &other.bid.manifest, &session.public()).is_err());
}

#[test]
fn a_key_file_reads_back_as_the_same_trustee() {
    let (key, file) = TrusteeKey::generate("TEST-1", 3).unwrap();
    let read = TrusteeKey::read(&file).unwrap();
    assert_eq!((read.i, read.boxes.public(), read.sign.point()), (3, key.boxes.public(), key.sign.point()));
    assert!(TrusteeKey::read(&file[..file.len() - 4]).is_err());
}
