//! Shamir's secret sharing over GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (0x11b), 32 bytes at a time.
//!
//! Constant time: no table is indexed by a secret and no branch depends on one. Coefficients come from K_T itself
//! (format page section 6), so that the opening can re-make every share and compare.

use super::error::SealError;
use super::keys::{Secret, expand};
use zeroize::Zeroize;

/// The most trustees that a set may have.
pub const TRUSTEES_MAX: u8 = 32;

/// One trustee's share: its number and the value of the 32 polynomials there. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    pub i: u8,
    pub y: Secret,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share({}, …)", self.i)
    }
}

impl Share {
    /// `u8(i) || y`, the 33 bytes that go into a box.
    pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 33]> {
        let mut out = zeroize::Zeroizing::new([0; 33]);
        out[0] = self.i;
        out[1..].copy_from_slice(&self.y.0);
        out
    }

    /// Reads the 33 bytes of a box; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&i, y) = bytes.split_first()?;
        Some(Self { i, y: Secret(y.try_into().ok()?) })
    }
}

/// Product in the field; both arguments may be secret.
pub(super) fn mul(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0u8;
    for _ in 0..8 {
        product ^= (b & 1).wrapping_neg() & a;
        let carry = (a >> 7).wrapping_neg();
        a = (a << 1) ^ (carry & 0x1b);
        b >>= 1;
    }
    product
}

/// Inverse in the field as the 254th power; 0 gives 0.
pub(super) fn inverse(a: u8) -> u8 {
    let mut square = mul(a, a);
    let mut power = square;
    for _ in 0..6 {
        square = mul(square, square);
        power = mul(power, square);
    }
    power
}

/// The shares of `k_t` for trustees 1 to `n`, any `t` of which give it back.
pub fn split(c: &[u8; 32], k_t: &Secret, t: u8, n: u8) -> Result<Vec<Share>, SealError> {
    if t < 2 || t > n || n > TRUSTEES_MAX {
        return Err(SealError::Trustees(format!("{t} of {n} is not a lawful threshold")));
    }
    let mut coefficients = vec![0; 32 * (usize::from(t) - 1)];
    expand(k_t, &[b"etrade/bid/shamir/v1\n", c], &mut coefficients);
    let shares = (1..=n).map(|i| {
        let mut y = Secret([0; 32]);
        // Horner from the highest coefficient down to the secret
        for row in coefficients.chunks_exact(32).rev().chain(std::iter::once(k_t.0.as_slice())) {
            for (sum, &coefficient) in y.0.iter_mut().zip(row) {
                *sum = mul(*sum, i) ^ coefficient;
            }
        }
        Share { i, y }
    });
    let shares = shares.collect();
    coefficients.zeroize();
    Ok(shares)
}

/// The value at 0 of the polynomials through `shares`: K_T, if they are t honest shares of one bid. The caller
/// compares with the commitment. `None` if two shares have one number or a number is 0.
pub fn combine(shares: &[&Share]) -> Option<Secret> {
    let mut secret = Secret([0; 32]);
    for (at, share) in shares.iter().enumerate() {
        let mut basis = 1;
        for (other_at, other) in shares.iter().enumerate() {
            if at != other_at {
                if other.i == share.i || other.i == 0 || share.i == 0 {
                    return None;
                }
                basis = mul(basis, mul(other.i, inverse(other.i ^ share.i)));
            }
        }
        for (sum, &y) in secret.0.iter_mut().zip(&share.y.0) {
            *sum ^= mul(y, basis);
        }
    }
    Some(secret)
}
