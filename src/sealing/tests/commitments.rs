//! Share commitments: whoever lies, a bidder is named for what the commitments prove, and for nothing else.

use super::attacks::verdict;
use super::{Panel, Sealed, panel, reports, sealed};
use crate::platform::digest::sha256;
use crate::sealing::boxes::share_boxes;
use crate::sealing::context::Mode;
use crate::sealing::document::Bytes;
use crate::sealing::keys::{Secret, commit_share, commit_t};
use crate::sealing::opening_check::{BidderFault, Reported, Verdict};
use crate::sealing::shamir::{Share, split};
use proptest::prelude::*;

fn everybody(n: u8) -> Vec<u8> {
    (1..=n).collect()
}

/// What so many liars tell who have arranged it: shares of a key of their own, all on one curve.
fn arranged(c: &[u8; 32], honest: &[Reported], liars: &[u8]) -> Vec<Reported> {
    let curve = split(c, &Secret([0x66; 32]), 2, 32).unwrap();
    let tell = |report: &Reported| match liars.contains(&report.i) {
        true => Reported { i: report.i, share: curve.iter().find(|share| share.i == report.i).cloned() },
        false => report.clone(),
    };
    honest.iter().map(tell).collect()
}

fn committed(c: &[u8; 32], shares: &[Share]) -> Option<Vec<Bytes<32>>> {
    Some(shares.iter().map(|share| Bytes(commit_share(c, share))).collect())
}

fn is_fault(found: &Verdict, expected: BidderFault) -> bool {
    matches!(found, Verdict::BidderAtFault(fault) if *fault == expected)
}

#[test]
fn sixteen_arranged_liars_of_thirty_two_frame_nobody() {
    for t in [16, 17] {
        let panel = panel(t, 32);
        let sealed = sealed(&panel, Mode::Trustees);
        let c = sealed.bid.manifest.ctx.hash();
        let honest = reports(&panel, &sealed, &everybody(32));
        let liars = everybody(16);
        let silent: Vec<Reported> = honest
            .iter()
            .map(|report| match liars.contains(&report.i) {
                true => Reported { i: report.i, share: None },
                false => report.clone(),
            })
            .collect();
        for told in [arranged(&c, &honest, &liars), silent] {
            // nobody is blamed before all have spoken either
            for some in [17, 20, 31, 32] {
                let found = verdict(&panel, &sealed, &told[..some]);
                assert!(!matches!(found, Verdict::BidderAtFault(_)), "{t} of 32, {some} told: {found:?}");
            }
            match (t, verdict(&panel, &sealed, &told)) {
                (16, Verdict::Sound { key, liars: named }) => {
                    assert!(key == sealed.draw.k_t && named == liars)
                }
                // sixteen true shares do not open it, and nobody can be named for that
                (17, Verdict::NotEnough { have: 16, need: 17 }) => {}
                (_, found) => panic!("{t} of 32: {found:?}"),
            }
        }
    }
}

#[test]
fn all_liars_but_t_are_named_and_the_bid_opens() {
    let panel = panel(17, 32);
    let sealed = sealed(&panel, Mode::Trustees);
    let c = sealed.bid.manifest.ctx.hash();
    let liars: Vec<u8> = (1..=32).filter(|i| i % 2 == 0 && *i != 8).collect();
    assert_eq!(liars.len(), 15);
    let told = arranged(&c, &reports(&panel, &sealed, &everybody(32)), &liars);
    match verdict(&panel, &sealed, &told) {
        Verdict::Sound { key, liars: named } => assert!(key == sealed.draw.k_t && named == liars),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_that_was_never_shared_is_proven_by_any_t_trustees_whoever_lies() {
    let panel = panel(17, 32);
    let mut sealed = sealed(&panel, Mode::Trustees);
    sealed.bid.manifest.lock.commit_t = Bytes([9; 32]);
    let c = sealed.bid.manifest.ctx.hash();
    let honest = reports(&panel, &sealed, &everybody(32));
    let found = verdict(&panel, &sealed, &honest[..17]);
    assert!(is_fault(&found, BidderFault::KeyDiffers), "{found:?}");
    let told = arranged(&c, &honest, &everybody(15));
    let found = verdict(&panel, &sealed, &told);
    assert!(is_fault(&found, BidderFault::KeyDiffers), "{found:?}");
    // with one true share fewer nothing is proven, and it waits
    let found = verdict(&panel, &sealed, &told[..31]);
    assert!(matches!(found, Verdict::NotEnough { have: 16, need: 17 }), "{found:?}");
}

#[test]
fn a_commitment_that_does_not_meet_its_share_is_proven_although_that_trustee_is_silent() {
    let panel = panel(3, 5);
    let mut sealed = sealed(&panel, Mode::Trustees);
    sealed.bid.manifest.lock.shares.as_mut().unwrap()[4] = Bytes([1; 32]);
    let found = verdict(&panel, &sealed, &reports(&panel, &sealed, &[1, 2, 3]));
    assert!(is_fault(&found, BidderFault::CommitmentDiffers(5)), "{found:?}");
    // the trustee whose share was committed to falsely is not named
    let found = verdict(&panel, &sealed, &reports(&panel, &sealed, &everybody(5)));
    assert!(is_fault(&found, BidderFault::CommitmentDiffers(5)), "{found:?}");
}

#[test]
fn a_right_commitment_to_a_wrong_share_is_the_bidders_fault_and_not_the_trustees() {
    let panel = panel(3, 5);
    let mut sealed = sealed(&panel, Mode::Trustees);
    let (c, k_t) = (sealed.bid.manifest.ctx.hash(), sealed.draw.k_t.clone());
    let mut dealt = split(&c, &k_t, 3, 5).unwrap();
    dealt[1].y.0[7] ^= 1;
    sealed.bid.manifest.lock.shares = committed(&c, &dealt);
    let boxes = share_boxes(&c, &k_t, &dealt, &panel.set.box_keys()).unwrap();
    sealed.bid.manifest.lock.boxes = boxes.into_iter().map(Bytes).collect();
    // trustee 2 finds just what was committed to; with it the key is another one
    let found = verdict(&panel, &sealed, &reports(&panel, &sealed, &[1, 2, 3]));
    assert!(is_fault(&found, BidderFault::KeyDiffers), "{found:?}");
    let found = verdict(&panel, &sealed, &reports(&panel, &sealed, &[1, 3, 4]));
    assert!(is_fault(&found, BidderFault::CommitmentDiffers(2)), "{found:?}");
}

#[test]
fn boxes_that_hold_other_shares_than_promised_are_the_bidders_fault_once_all_have_spoken() {
    let panel = panel(3, 5);
    let mut sealed = sealed(&panel, Mode::Trustees);
    let (c, k_t) = (sealed.bid.manifest.ctx.hash(), sealed.draw.k_t.clone());
    let other = split(&c, &Secret([3; 32]), 3, 5).unwrap();
    let boxes = share_boxes(&c, &k_t, &other, &panel.set.box_keys()).unwrap();
    sealed.bid.manifest.lock.boxes = boxes.into_iter().map(Bytes).collect();
    let all = reports(&panel, &sealed, &everybody(5));
    assert!(matches!(verdict(&panel, &sealed, &all[..4]), Verdict::NotEnough { have: 0, need: 3 }));
    assert!(is_fault(&verdict(&panel, &sealed, &all), BidderFault::SharesDoNotFit));
    assert_ne!(commit_t(&c, &Secret([3; 32])), sealed.bid.manifest.lock.commit_t.0);
}

fn sealed_again(sealed: &Sealed, t: u8) -> Sealed {
    let mut again = Sealed {
        bid: crate::sealing::seal::SealedBid {
            manifest: sealed.bid.manifest.clone(),
            signature: sealed.bid.signature.clone(),
            bidder_key: None,
        },
        ciphertext: Vec::new(),
        draw: crate::sealing::keys::Draw::fresh(Mode::Trustees),
    };
    again.bid.manifest.lock.t = t;
    again
}

/// A lock of `t` of `n` under a key of its own, quickly: boxes as an honest bidder makes them.
fn lock(panel: &Panel, base: &Sealed, t: u8) -> (Sealed, Secret) {
    let n = panel.set.n();
    let mut made = sealed_again(base, t);
    let (c, key) = (made.bid.manifest.ctx.hash(), made.draw.k_t.clone());
    let shares = split(&c, &key, t, n).unwrap();
    let boxes = share_boxes(&c, &key, &shares, &panel.set.box_keys()).unwrap();
    let lock = &mut made.bid.manifest.lock;
    (lock.n, lock.commit_t) = (n, Bytes(commit_t(&c, &key)));
    (lock.shares, lock.boxes) = (committed(&c, &shares), boxes.into_iter().map(Bytes).collect());
    (made, key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whoever lies, and whatever they say: with t true shares the bid opens and the liars are named; an honest bidder is
    /// blamed only if t or more lie, and then only once all have spoken.
    #[test]
    fn an_honest_bidder_is_never_blamed_for_fewer_than_t_liars(
        t in 2u8..=7,
        lies in proptest::collection::vec(proptest::option::of(any::<Option<u8>>()), 7),
        told in 0usize..=7,
    ) {
        let panel = panel(2, 7);
        let base = sealed(&panel, Mode::Trustees);
        let (made, key) = lock(&panel, &base, t);
        let mut reported = reports(&panel, &made, &everybody(7));
        for (report, lie) in reported.iter_mut().zip(&lies) {
            if let Some(lie) = lie {
                report.share = lie.map(|seed| Share { i: report.i, y: Secret(sha256(&[&[seed]])) });
            }
        }
        let lied: Vec<u8> =
            (1..).zip(&lies).filter(|(_, lie)| lie.is_some()).map(|(i, _)| i).collect();
        let few = lied.len() < usize::from(t);
        prop_assert!(!(few && matches!(verdict(&panel, &made, &reported[..told]), Verdict::BidderAtFault(_))));
        match verdict(&panel, &made, &reported) {
            Verdict::Sound { key: found, liars } => prop_assert!(found == key && liars == lied),
            Verdict::BidderAtFault(fault) => prop_assert!(!few && !fault.is_proven()),
            Verdict::NotEnough { have, .. } => prop_assert!(have < t && usize::from(have) == 7 - lied.len()),
        }
    }
}
