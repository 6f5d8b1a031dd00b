//! What is inside a sealed bid of a test, opened with the shares that the evidence holds.

use crate::platform::canonical::jcs;
use crate::sealing::keys::{Secret, payload_aad, payload_key};
use crate::sealing::opening_check::{self, Verdict};
use crate::sealing::seal::SealedBid;
use crate::sealing::stream::StreamOpener;
use crate::sealing::trustees::TrusteeSet;
use crate::verify::opening_check::BidShares;

/// The bytes of `bid.json` inside a ciphertext.
pub(super) fn opened(set: &TrusteeSet, bid: &SealedBid, held: &BidShares, ciphertext: &[u8]) -> Vec<u8> {
    let c = bid.manifest.ctx.hash();
    let reported: Vec<_> = held
        .reported
        .iter()
        .map(|report| opening_check::Reported {
            i: report.i,
            share: crate::sealing::shamir::Share::from_bytes(&report.share.unwrap().0),
        })
        .collect();
    let Verdict::Sound { key, liars } =
        opening_check::check(&c, &bid.manifest.lock, &set.box_keys(), &reported)
    else {
        panic!("an honest bid");
    };
    assert!(liars.is_empty());
    let k_b = held.k_b.map(|key| Secret::from_bytes(key.0));
    let key = payload_key(&c, &key, k_b.as_ref());
    let mut stream = StreamOpener::new(ciphertext, &key, &payload_aad(&c)).unwrap();
    jcs(&crate::sealing::archive::read(&mut stream, &c, &mut Vec::<Vec<u8>>::new()).unwrap())
}
