//! The opening check (format page section 6): from the trustees' reported shares to the key, and if that fails, to
//! the one who is at fault. No zero-knowledge proof is needed: whoever has K_T can make every share and every box
//! again and compare to the byte, and the manifest's commitments say of each reported share alone whether it is true.

use super::boxes::share_boxes;
use super::document::Bytes;
use super::keys::{Secret, commit_share, commit_t};
use super::manifest::Lock;
use super::shamir::{Share, combine, split};
use super::uncommitted;

/// What one trustee reported for one bid.
#[derive(Clone, Debug)]
pub struct Reported {
    /// The trustee's number.
    pub i: u8,
    /// The share from its box, or `None`: "my box of this bid does not open".
    pub share: Option<Share>,
}

/// Why a bid is malformed by its bidder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BidderFault {
    /// Every trustee has reported, and so many boxes hold something else than what was committed to that t trustees would have
    /// to lie, were it not the bidder. Of a manifest without share commitments: no t of the shares give the committed key.
    SharesDoNotFit,
    /// t shares that meet their commitments give another key than the committed one.
    KeyDiffers,
    /// The key is right, but this trustee's share commitment is not the one that the key gives (the first such trustee).
    CommitmentDiffers(u8),
    /// The key is right, but this trustee's box is not the one that the key gives (the first such trustee).
    BoxDiffers(u8),
}

impl BidderFault {
    /// Whether it is proven whoever lies, so that nobody's report could change it.
    pub const fn is_proven(self) -> bool {
        !matches!(self, Self::SharesDoNotFit)
    }
}

/// The outcome for one bid.
#[derive(Debug)]
pub enum Verdict {
    /// The bidder was honest and this is the key. Trustees in `liars` reported something else than their box holds.
    Sound { key: Secret, liars: Vec<u8> },
    /// The bid is malformed. What [is proven](BidderFault::is_proven) holds whoever lies. [`BidderFault::SharesDoNotFit`] needs
    /// the reports of all trustees, and holds unless t or more of them lie, who could as well open any bid before its time. Of
    /// a manifest without share commitments it holds if at least t of the reporting trustees are honest and, where r
    /// reported shares have more than 500,000 subsets of t, so few lie that one of 50,000 samples of t holds no liar.
    BidderAtFault(BidderFault),
    /// `have` of the `need` shares without which nothing can be said: true ones, or, of a manifest without share commitments,
    /// reported ones.
    NotEnough { have: u8, need: u8 },
}

/// Checks what trustees `reported` for the bid with context hash `c` and lock `lock`, sealed to `box_keys`. Reports with
/// a number outside 1..=n are ignored; of two reports of one trustee the first counts.
pub fn check(c: &[u8; 32], lock: &Lock, box_keys: &[[u8; 65]], reported: &[Reported]) -> Verdict {
    let mut reports: Vec<&Reported> = Vec::new();
    for report in reported {
        let known = report.i >= 1 && report.i <= lock.n && reports.iter().all(|seen| seen.i != report.i);
        if known {
            reports.push(report);
        }
    }
    let have = count(&reports);
    let key = match &lock.shares {
        Some(committed) => committed_key(c, lock, committed, &reports),
        None if have < lock.t => Err(Verdict::NotEnough { have, need: lock.t }),
        None => {
            let found = uncommitted::find_key(c, lock, &reported_shares(&reports));
            found.ok_or(Verdict::BidderAtFault(BidderFault::SharesDoNotFit))
        }
    };
    match key {
        Ok(key) => made_again(c, lock, box_keys, key, &reports),
        Err(verdict) => verdict,
    }
}

fn count<T>(items: &[T]) -> u8 {
    u8::try_from(items.len()).unwrap_or(u8::MAX)
}

fn reported_shares<'a>(reports: &[&'a Reported]) -> Vec<&'a Share> {
    reports.iter().filter_map(|r| r.share.as_ref().filter(|share| share.i == r.i)).collect()
}

/// Whether a share is the one that was committed to.
pub fn meets(c: &[u8; 32], committed: &[Bytes<32>], share: &Share) -> bool {
    let own = committed.get(usize::from(share.i).saturating_sub(1));
    own.is_some_and(|own| own.0 == commit_share(c, share))
}

/// The committed key from shares that meet their commitments. Which t of them are taken makes no difference: if the key that
/// some t give is found sound in the end, every committed share lies on its curve.
fn committed_key(
    c: &[u8; 32],
    lock: &Lock,
    committed: &[Bytes<32>],
    reports: &[&Reported],
) -> Result<Secret, Verdict> {
    let is_true = |share: &&Share| meets(c, committed, share);
    let mut shares: Vec<&Share> = reported_shares(reports).into_iter().filter(is_true).collect();
    shares.sort_by_key(|share| share.i);
    let have = count(&shares);
    if have < lock.t {
        let everybody = count(reports) == lock.n;
        // fewer than t liars can not do this, and fewer than t are all that a bidder must reckon with
        let too_many_to_lie = lock.n - have >= lock.t;
        return Err(if everybody && too_many_to_lie {
            Verdict::BidderAtFault(BidderFault::SharesDoNotFit)
        } else {
            Verdict::NotEnough { have, need: lock.t }
        });
    }
    shares.truncate(usize::from(lock.t));
    let key = combine(&shares).filter(|key| commit_t(c, key) == lock.commit_t.0);
    key.ok_or(Verdict::BidderAtFault(BidderFault::KeyDiffers))
}

/// With the committed key: every share, commitment and box made again.
fn made_again(
    c: &[u8; 32],
    lock: &Lock,
    box_keys: &[[u8; 65]],
    key: Secret,
    reports: &[&Reported],
) -> Verdict {
    let Ok(honest) = split(c, &key, lock.t, lock.n) else {
        return Verdict::BidderAtFault(BidderFault::SharesDoNotFit);
    };
    if let Some(committed) = &lock.shares {
        let made: Vec<[u8; 32]> = honest.iter().map(|share| commit_share(c, share)).collect();
        if let Some(i) = first_difference(&made, committed) {
            return Verdict::BidderAtFault(BidderFault::CommitmentDiffers(i));
        }
    }
    let Ok(boxes) = share_boxes(c, &key, &honest, box_keys) else {
        return Verdict::BidderAtFault(BidderFault::SharesDoNotFit);
    };
    if let Some(i) = first_difference(&boxes, &lock.boxes) {
        return Verdict::BidderAtFault(BidderFault::BoxDiffers(i));
    }
    let lied = |report: &&&Reported| {
        let own = honest.iter().find(|share| share.i == report.i);
        report.share.as_ref() != own
    };
    Verdict::Sound { liars: reports.iter().filter(lied).map(|r| r.i).collect(), key }
}

/// The number of the first trustee of whom what was `made` again is not what was `sealed`.
fn first_difference<const N: usize>(made: &[[u8; N]], sealed: &[Bytes<N>]) -> Option<u8> {
    if made.len() != sealed.len() {
        return Some(1);
    }
    let at = made.iter().zip(sealed).position(|(made, sealed)| *made != sealed.0)?;
    u8::try_from(at + 1).ok()
}
