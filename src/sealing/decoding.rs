//! Shares among which some are false: which they are, without trying all subsets.
//!
//! The shares of n trustees are 32 words of one Reed–Solomon code, and a trustee that lies spoils the same place in all of
//! them. The places of the false shares are the roots of a polynomial Λ that annihilates the syndromes of every word; it is
//! found by linear algebra. With r shares of which t are needed, ⌊(r−t)/2⌋ false ones are always found, and up to r−t−1 if
//! those who lie do not arrange their lies with each other. Sources: Peterson, "Encoding and error-correction procedures for
//! the Bose-Chaudhuri codes" (1960); for many words with common places, Bleichenbacher, Kiayias and Yung, "Decoding of
//! interleaved Reed Solomon codes over noisy data" (2003).
//!
//! Shares of a bid that is being opened are no secret among those who open it, so this need not take constant time.

use super::shamir::{Share, inverse, mul};

/// The shares that lie on one curve of degree t−1, found among shares of which few are false; `None` if there are too many.
/// Numbers must be different and not 0.
pub(super) fn true_shares<'a>(shares: &[&'a Share], t: usize) -> Option<Vec<&'a Share>> {
    let checks = shares.len().checked_sub(t)?;
    let words = syndromes(shares, checks);
    (0..checks).find_map(|lies| {
        let locator = locator(&words, lies)?;
        let is_false = |share: &&Share| value(&locator, share.i) == 0;
        let (lying, telling): (Vec<&Share>, Vec<&Share>) = shares.iter().copied().partition(is_false);
        (lying.len() == lies).then_some(telling)
    })
}

/// For each of the 32 words its syndromes S_0 … S_{checks−1}: S_k = Σ_i v_i · y_i · i^k with v_i = Π_{m≠i} (i − m)^{-1}. They
/// are all 0 if and only if the word lies on one curve.
fn syndromes(shares: &[&Share], checks: usize) -> Vec<Vec<u8>> {
    let mut words = vec![vec![0; checks]; 32];
    for share in shares {
        let others = shares.iter().filter(|other| other.i != share.i);
        let mut weight = inverse(others.fold(1, |product, other| mul(product, share.i ^ other.i)));
        for k in 0..checks {
            for (word, &y) in words.iter_mut().zip(&share.y.0) {
                if let Some(sum) = word.get_mut(k) {
                    *sum ^= mul(weight, y);
                }
            }
            weight = mul(weight, share.i);
        }
    }
    words
}

/// The polynomial of this degree with leading coefficient 1, lowest coefficient first, that annihilates all words:
/// Σ_d λ_d · S_{k+d} = 0 for every k and every word. `None` if there is none, or more than one.
fn locator(words: &[Vec<u8>], degree: usize) -> Option<Vec<u8>> {
    // each row: degree coefficients, and what they must add up to
    let rows = words.iter().flat_map(|word| word.windows(degree + 1).map(<[u8]>::to_vec));
    let mut solved: Vec<Vec<u8>> = Vec::new();
    for mut row in rows {
        for known in &solved {
            clear(&mut row, known, degree);
        }
        let Some(lead) = row.iter().position(|&x| x != 0) else { continue };
        if lead == degree {
            return None;
        }
        let scale = inverse(row.get(lead).copied()?);
        row.iter_mut().for_each(|x| *x = mul(*x, scale));
        for known in &mut solved {
            clear(known, &row, degree);
        }
        solved.push(row);
    }
    if solved.len() < degree {
        return None;
    }
    solved.sort_by_key(|row| row.iter().position(|&x| x != 0));
    let coefficients = solved.iter().filter_map(|row| row.get(degree).copied());
    Some(coefficients.chain(std::iter::once(1)).collect())
}

/// Takes as much of `known`, whose leading entry is 1, from `row` as makes `row` 0 at that place.
fn clear(row: &mut [u8], known: &[u8], degree: usize) {
    let lead = known.iter().take(degree).position(|&x| x != 0);
    let Some(factor) = lead.and_then(|lead| row.get(lead).copied()) else { return };
    if factor != 0 {
        row.iter_mut().zip(known).for_each(|(x, &k)| *x ^= mul(factor, k));
    }
}

/// The polynomial's value at `x`.
fn value(polynomial: &[u8], x: u8) -> u8 {
    polynomial.iter().rev().fold(0, |sum, &coefficient| mul(sum, x) ^ coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::keys::Secret;
    use crate::sealing::shamir::{combine, split};
    use proptest::prelude::*;

    /// Shares of a key for everybody, of which those at `false_at` were replaced.
    fn dealt(t: u8, n: u8, false_at: &[u8], lie: impl Fn(u8) -> [u8; 32]) -> (Secret, Vec<Share>) {
        let key = Secret([7; 32]);
        let mut shares = split(&[1; 32], &key, t, n).unwrap();
        shares.iter_mut().filter(|share| false_at.contains(&share.i)).for_each(|share| {
            share.y.0.iter_mut().zip(lie(share.i)).for_each(|(y, lie)| *y ^= lie);
        });
        (key, shares)
    }

    fn found(shares: &[Share], t: u8) -> Option<Vec<u8>> {
        let shares: Vec<&Share> = shares.iter().collect();
        let telling = true_shares(&shares, usize::from(t))?;
        let telling: Vec<u8> = telling.iter().map(|share| share.i).collect();
        Some(shares.iter().map(|share| share.i).filter(|i| !telling.contains(i)).collect())
    }

    proptest! {
        /// Whatever half of the spare shares say, alike or not, they are found, and the others give the key.
        #[test]
        fn few_lies_are_always_found(
            (t, n) in (2u8..=20).prop_flat_map(|t| (Just(t), t..=32)),
            order in Just((1..=32).collect::<Vec<u8>>()).prop_shuffle(),
            lies in proptest::collection::vec(any::<[u8; 32]>().prop_filter("a lie", |lie| *lie != [0; 32]), 32),
            alike in any::<bool>(),
        ) {
            let few = usize::from((n - t) / 2);
            let mut at: Vec<u8> = order.into_iter().filter(|i| *i <= n).take(few).collect();
            at.sort_unstable();
            let (key, shares) = dealt(t, n, &at, |i| lies[if alike { 0 } else { usize::from(i) - 1 }]);
            if n > t {
                prop_assert_eq!(found(&shares, t), Some(at));
                let all: Vec<&Share> = shares.iter().collect();
                let telling = true_shares(&all, usize::from(t)).unwrap();
                prop_assert_eq!(combine(&telling[..usize::from(t)]), Some(key));
            }
        }
    }

    #[test]
    fn lies_that_are_not_arranged_are_found_among_many_more() {
        let at: Vec<u8> = (3..17).collect();
        let lie = |i: u8| *ring::digest::digest(&ring::digest::SHA256, &[i]).as_ref().first_chunk().unwrap();
        let (_, shares) = dealt(17, 32, &at, lie);
        assert_eq!(found(&shares, 17), Some(at), "14 of 32, where half of the spare shares are 7");
    }

    #[test]
    fn shares_of_nothing_show_no_curve() {
        let lie = |i: u8| *ring::digest::digest(&ring::digest::SHA256, &[i]).as_ref().first_chunk().unwrap();
        let everybody: Vec<u8> = (1..=32).collect();
        let (_, shares) = dealt(17, 32, &everybody, lie);
        assert_eq!(found(&shares, 17), None);
    }
}
