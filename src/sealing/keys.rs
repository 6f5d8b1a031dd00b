//! Keys of one bid: K_T (shared among the trustees), K_B (kept by the bidder, mode dual), the payload key K made of
//! both, and the commitments that stop a second key.

use super::context::Mode;
use super::shamir::Share;
use crate::platform::digest::sha256;
use crate::platform::random;
use ring::hkdf;
use zeroize::Zeroize;

/// 32 secret bytes, wiped when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) [u8; 32]);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub fn random() -> Self {
        Self(random::bytes())
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Everything that is random in one sealing. Used once; a new revision draws anew.
pub struct Draw {
    pub(super) k_t: Secret,
    pub(super) k_b: Option<Secret>,
    pub(super) salt: [u8; 32],
    pub(super) nonce_prefix: [u8; 7],
}

impl Draw {
    pub fn fresh(mode: Mode) -> Self {
        let k_b = match mode {
            Mode::Trustees => None,
            Mode::Dual => Some(Secret::random()),
        };
        Self { k_t: Secret::random(), k_b, salt: random::bytes(), nonce_prefix: random::bytes() }
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn fill(prk: &hkdf::Prk, info: &[&[u8]], out: &mut [u8]) {
    let okm = prk.expand(info, Length(out.len()));
    let filled = okm.and_then(|okm| okm.fill(out));
    assert!(filled.is_ok(), "HKDF gives at most 8160 bytes and we never ask for more than 992");
}

/// HKDF-SHA256 (RFC 5869), both halves.
pub(super) fn derive(salt: &[u8], ikm: &[&[u8]], info: &[&[u8]]) -> Secret {
    let mut joined = ikm.concat();
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&joined);
    joined.zeroize();
    let mut out = Secret([0; 32]);
    fill(&prk, info, &mut out.0);
    out
}

/// HKDF-Expand alone: the secret is already uniform.
pub(super) fn expand(prk: &Secret, info: &[&[u8]], out: &mut [u8]) {
    fill(&hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &prk.0), info, out);
}

/// `K`, the key of the payload stream.
pub fn payload_key(c: &[u8; 32], k_t: &Secret, k_b: Option<&Secret>) -> Secret {
    let k_b: &[u8] = k_b.map_or(&[], |key| &key.0);
    derive(c, &[&k_t.0, k_b], &[b"etrade/bid/key/v1\n"])
}

/// Associated data of the payload stream.
pub fn payload_aad(c: &[u8; 32]) -> Vec<u8> {
    [b"etrade/bid/payload/v1\n".as_slice(), c].concat()
}

pub fn commit_t(c: &[u8; 32], k_t: &Secret) -> [u8; 32] {
    sha256(&[b"etrade/bid/commit-t/v1\n", c, &k_t.0])
}

/// The commitment to one trustee's `share`, its 33 bytes: nobody can report another share that meets it. It hides the share,
/// which is 32 random bytes to whoever has fewer than t of them.
pub fn commit_share(c: &[u8; 32], share: &Share) -> [u8; 32] {
    sha256(&[b"etrade/bid/share-commit/v1\n", c, share.to_bytes().as_slice()])
}

pub fn commit_b(c: &[u8; 32], k_b: &Secret) -> [u8; 32] {
    sha256(&[b"etrade/bid/commit-b/v1\n", c, &k_b.0])
}
