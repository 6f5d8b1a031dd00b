//! Manifests from before there were share commitments: the key from reported shares of which nobody knows which are true. Only for
//! bids that were sealed then; [`super::opening_check`] judges every other without any of this.

use super::decoding::true_shares;
use super::keys::{Secret, commit_t};
use super::manifest::Lock;
use super::shamir::{Share, combine};
use crate::platform::digest::sha256;

/// Most subsets that are tried one by one. C(9, 5) is 126; only sets of 22 and more trustees have more than this.
const SUBSETS_MAX: u32 = 500_000;
/// So many are tried where they are too many to try all. With 8 liars among 32 trustees of whom 17 are needed one in 1,634 holds
/// none of them, with 10 one in 21,500.
const SAMPLES: u32 = 50_000;

/// The key that was committed to, from shares of which some may be false. Where subsets are few, all are tried in lexicographic
/// order, so that any t true shares are enough; if all are true, the first one fits.
pub(super) fn find_key(c: &[u8; 32], lock: &Lock, shares: &[&Share]) -> Option<Secret> {
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
