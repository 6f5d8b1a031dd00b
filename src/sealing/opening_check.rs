//! The opening check (format page section 6): from the trustees' reported shares to the key, and if that fails, to
//! the one who is at fault. No zero-knowledge proof is needed: whoever has K_T can make every share and every box
//! again and compare to the byte.

use super::boxes::{SHARE_BOX, share_boxes};
use super::decoding::true_shares;
use super::document::Bytes;
use super::keys::{Secret, commit_t};
use super::manifest::Lock;
use super::shamir::{Share, combine, split};
use crate::platform::digest::sha256;

/// Most subsets that are tried one by one. C(9, 5) is 126; only sets of 22 and more trustees have more than this.
const SUBSETS_MAX: u32 = 500_000;
/// So many are tried where they are too many to try all. With 8 liars among 32 trustees of whom 17 are needed one in 1,634 holds
/// none of them, with 10 one in 21,500.
const SAMPLES: u32 = 50_000;

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
    /// No t of the shares give the committed key: the boxes hold shares of something else.
    SharesDoNotFit,
    /// The key is right, but this trustee's box is not the one that the key gives (the first such trustee).
    BoxDiffers(u8),
}

/// The outcome for one bid.
#[derive(Debug)]
pub enum Verdict {
    /// The bidder was honest and this is the key. Trustees in `liars` reported something else than their box holds.
    Sound { key: Secret, liars: Vec<u8> },
    /// The bid is malformed. [`BidderFault::SharesDoNotFit`] holds if at least t of the reporting trustees are honest and,
    /// where r reported shares have more than 500,000 subsets of t, so few lie that one of 50,000 samples of t holds no liar;
    /// [`BidderFault::BoxDiffers`] holds whoever lies.
    BidderAtFault(BidderFault),
    /// Fewer than t trustees have reported: nothing can be said.
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
    let have = u8::try_from(reports.len()).unwrap_or(u8::MAX);
    if have < lock.t {
        return Verdict::NotEnough { have, need: lock.t };
    }
    let shares: Vec<&Share> =
        reports.iter().filter_map(|r| r.share.as_ref().filter(|share| share.i == r.i)).collect();
    let Some(key) = find_key(c, lock, &shares) else {
        return Verdict::BidderAtFault(BidderFault::SharesDoNotFit);
    };
    let Ok(honest) = split(c, &key, lock.t, lock.n) else {
        return Verdict::BidderAtFault(BidderFault::SharesDoNotFit);
    };
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

fn first_difference(made: &[[u8; SHARE_BOX]], sealed: &[Bytes<SHARE_BOX>]) -> Option<u8> {
    if made.len() != sealed.len() {
        return Some(1);
    }
    let at = made.iter().zip(sealed).position(|(made, sealed)| *made != sealed.0)?;
    u8::try_from(at + 1).ok()
}

/// The key that was committed to, from shares of which some may be false. Where subsets are few, all are tried in lexicographic
/// order, so that any t true shares are enough; if all are true, the first one fits.
fn find_key(c: &[u8; 32], lock: &Lock, shares: &[&Share]) -> Option<Secret> {
    let t = usize::from(lock.t);
    let committed = |key: &Secret| commit_t(c, key) == lock.commit_t.0;
    if shares.len() < t {
        return None;
    }
    // shares that all lie on one curve give one key, whichever are taken: it is the committed one, or there is none
    if let Some(key) = agreed(shares, t) {
        return Some(key).filter(committed);
    }
    let telling = true_shares(shares, t);
    let decoded = telling.and_then(|telling| agreed(&telling, t)).filter(committed);
    if decoded.is_some() {
        return decoded;
    }
    if subsets(shares.len(), t) > SUBSETS_MAX {
        return (0..SAMPLES).find_map(|number| combine(&sample(c, shares, t, number)).filter(committed));
    }
    let mut chosen: Vec<usize> = (0..t).collect();
    loop {
        let subset: Vec<&Share> = chosen.iter().filter_map(|&at| shares.get(at).copied()).collect();
        let key = combine(&subset).filter(committed);
        if key.is_some() || !next_subset(&mut chosen, shares.len()) {
            return key;
        }
    }
}

/// `t` of the shares, chosen as by lot, but the same for everybody who checks: those for which SHA-256 of `c`, `number` (u32be) and
/// the share's number comes first.
fn sample<'a>(c: &[u8; 32], shares: &[&'a Share], t: usize, number: u32) -> Vec<&'a Share> {
    let mut order: Vec<([u8; 32], &Share)> =
        shares.iter().map(|share| (sha256(&[c, &number.to_be_bytes(), &[share.i]]), *share)).collect();
    order.sort_by_key(|(rank, _)| *rank);
    order.into_iter().take(t).map(|(_, share)| share).collect()
}

/// How many subsets of `t` elements `of` elements have.
fn subsets(of: usize, t: usize) -> u32 {
    let product = (0..t.min(of - t))
        .fold(1u64, |product, step| product.saturating_mul((of - step) as u64) / (step as u64 + 1));
    u32::try_from(product).unwrap_or(u32::MAX)
}

/// The key of shares that all lie on one curve of degree t-1; `None` if some do not. Two such curves that share t-1 points
/// and their value at 0 are one.
fn agreed(shares: &[&Share], t: usize) -> Option<Secret> {
    let (first, others) = shares.split_at_checked(t)?;
    let key = combine(first)?;
    let fits = |other: &&Share| {
        let mut mixed = first.to_vec();
        mixed.pop();
        mixed.push(*other);
        combine(&mixed).as_ref() == Some(&key)
    };
    others.iter().all(fits).then_some(key)
}

/// The next subset of `0..of` with as many elements; `false` after the last.
fn next_subset(chosen: &mut [usize], of: usize) -> bool {
    let size = chosen.len();
    for at in (0..size).rev() {
        let limit = of - size + at;
        let here = chosen.get(at).copied().unwrap_or(limit);
        if here < limit {
            for (step, slot) in chosen.iter_mut().skip(at).enumerate() {
                *slot = here + 1 + step;
            }
            return true;
        }
    }
    false
}
