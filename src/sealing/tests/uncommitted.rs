//! Bids from before there were share commitments are judged as they were then.

use super::attacks::verdict;
use super::{Panel, Sealed, panel, reports, sealed};
use crate::sealing::context::Mode;
use crate::sealing::document::Bytes;
use crate::sealing::keys::Secret;
use crate::sealing::opening_check::{BidderFault, Verdict};
use crate::sealing::shamir::Share;

/// A bid as it was sealed then.
fn old(panel: &Panel) -> Sealed {
    let mut sealed = sealed(panel, Mode::Trustees);
    sealed.bid.manifest.lock.shares = None;
    sealed
}

/// Half a milliard subsets can not be tried; that would look as if the trustees contradicted each other.
#[test]
fn a_key_that_was_never_shared_was_found_among_many_trustees_without_commitments_too() {
    let panel = panel(16, 32);
    let mut sealed = old(&panel);
    let everybody: Vec<u8> = (1..=32).collect();
    let reported = reports(&panel, &sealed, &everybody);
    assert!(matches!(verdict(&panel, &sealed, &reported), Verdict::Sound { .. }));
    sealed.bid.manifest.lock.commit_t = Bytes([9; 32]);
    let found = verdict(&panel, &sealed, &reported);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::SharesDoNotFit)), "{found:?}");
    // two boxes that do not open do not hide it
    let mut fewer = reported;
    fewer[0].share = None;
    fewer[31].share = None;
    let found = verdict(&panel, &sealed, &fewer);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::SharesDoNotFit)), "{found:?}");
}

/// Half a milliard subsets can not be tried, and every trustee says something else.
#[test]
fn a_bidder_who_deals_noise_to_most_of_many_trustees_is_named() {
    let panel = panel(17, 32);
    let sealed = old(&panel);
    let mut reported = reports(&panel, &sealed, &(1..=32).collect::<Vec<u8>>());
    for report in reported.iter_mut().skip(12) {
        report.share = Some(Share { i: report.i, y: Secret::random() });
    }
    let found = verdict(&panel, &sealed, &reported);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::SharesDoNotFit)), "{found:?}");
}

/// Nearly half of 32 trustees lie: seven who have arranged it, or fourteen who have not.
#[test]
fn many_lying_trustees_among_many_are_named_and_the_bid_opens() {
    let panel = panel(17, 32);
    let sealed = old(&panel);
    let honest = reports(&panel, &sealed, &(1..=32).collect::<Vec<u8>>());
    for (liars, alike) in [(7, true), (14, false)] {
        let mut reported = honest.clone();
        for report in reported.iter_mut().take(liars) {
            let y = if alike { Secret([report.i; 32]) } else { Secret::random() };
            report.share = Some(Share { i: report.i, y });
        }
        match verdict(&panel, &sealed, &reported) {
            Verdict::Sound { liars: named, .. } => assert_eq!(named.len(), liars),
            other => panic!("{liars}: {other:?}"),
        }
    }
}

#[test]
fn without_commitments_a_lying_trustee_is_named_and_the_bid_opens() {
    let panel = panel(3, 5);
    let sealed = old(&panel);
    let mut reported = reports(&panel, &sealed, &[1, 2, 3, 4]);
    reported[1].share = Some(Share { i: 2, y: Secret([0xaa; 32]) });
    assert!(
        matches!(verdict(&panel, &sealed, &reported), Verdict::Sound { liars, .. } if liars == [2]),
        "three of the four fit"
    );
}
