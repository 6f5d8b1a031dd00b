//! The opening check (format page section 6): from the trustees' reported shares to the key, and if that fails, to
//! the one who is at fault. No zero-knowledge proof is needed: whoever has K_T can make every share and every box
//! again and compare to the byte.

use super::boxes::{SHARE_BOX, share_boxes};
use super::document::Bytes;
use super::keys::{Secret, commit_t};
use super::manifest::Lock;
use super::shamir::{Share, combine, split};

/// Subsets tried before the check gives up. C(9, 5) is 126; only sets of 20 and more with many liars get here.
const SUBSETS_MAX: u32 = 500_000;

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
    /// The bid is malformed. Holds if at least t of the reporting trustees are honest.
    BidderAtFault(BidderFault),
    /// Fewer than t trustees have reported: nothing can be said.
    NotEnough { have: u8, need: u8 },
    /// So many trustees contradict each other that the search was given up.
    Undecided,
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
    let key = match find_key(c, lock, &shares) {
        Search::Found(key) => key,
        Search::None => return Verdict::BidderAtFault(BidderFault::SharesDoNotFit),
        Search::GivenUp => return Verdict::Undecided,
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

enum Search {
    Found(Secret),
    None,
    GivenUp,
}

/// Tries subsets of t shares in lexicographic order; if all are honest, the first one fits.
fn find_key(c: &[u8; 32], lock: &Lock, shares: &[&Share]) -> Search {
    let t = usize::from(lock.t);
    if shares.len() < t {
        return Search::None;
    }
    // shares that all lie on one curve give one key, whichever are taken: it is the committed one, or there is none
    if let Some(key) = agreed(shares, t) {
        return if commit_t(c, &key) == lock.commit_t.0 { Search::Found(key) } else { Search::None };
    }
    let mut chosen: Vec<usize> = (0..t).collect();
    for _ in 0..SUBSETS_MAX {
        let subset: Vec<&Share> = chosen.iter().filter_map(|&at| shares.get(at).copied()).collect();
        if let Some(key) = combine(&subset)
            && commit_t(c, &key) == lock.commit_t.0
        {
            return Search::Found(key);
        }
        if !next_subset(&mut chosen, shares.len()) {
            return Search::None;
        }
    }
    Search::GivenUp
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
