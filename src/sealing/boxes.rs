//! HPKE boxes (RFC 9180 base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM): one trustee's share, one
//! bidder's key. All binding is in `info`; `aad` is empty. A box is `enc || ct`.

use super::error::SealError;
use super::keys::{Secret, expand};
use super::shamir::Share;
use crate::platform::digest::sha256;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use std::convert::Infallible;

/// Length of a trustee's box: a point, a share of 33 bytes, a tag.
pub const SHARE_BOX: usize = 65 + 33 + 16;

/// Length of a bidder's box: a point, a key of 32 bytes, a tag.
pub const BIDDER_BOX: usize = 65 + 32 + 16;

type Public = <DhP256HkdfSha256 as Kem>::PublicKey;
type Private = <DhP256HkdfSha256 as Kem>::PrivateKey;

/// A trustee's or opening session's private box key.
pub struct BoxKey {
    private: Private,
    public: [u8; 65],
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey(…)")
    }
}

impl BoxKey {
    /// A new random key pair.
    pub fn random() -> Self {
        let (private, public) = DhP256HkdfSha256::derive_keypair(&Secret::random().0);
        Self::paired(private, &public)
    }

    /// Reads the 32 bytes of a private scalar; refuses zero and anything not below the order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let private =
            Private::from_bytes(bytes).map_err(|_| SealError::Key("it is not a P-256 private key"))?;
        let public = DhP256HkdfSha256::sk_to_pk(&private);
        Ok(Self::paired(private, &public))
    }

    fn paired(private: Private, public: &Public) -> Self {
        let mut point = [0; 65];
        point.copy_from_slice(&public.to_bytes());
        Self { private, public: point }
    }

    /// The uncompressed point that others lock boxes to.
    pub fn public(&self) -> [u8; 65] {
        self.public
    }

    /// The 32 secret bytes, for a key file.
    pub fn to_bytes(&self) -> Secret {
        let mut out = Secret([0; 32]);
        out.0.copy_from_slice(&self.private.to_bytes());
        out
    }

    /// Opens a box made for this key under `info`.
    fn open(&self, info: &[u8], sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, SealError> {
        let wrong = || SealError::Key("the box does not open with this key");
        let (enc, ct) = sealed.split_at_checked(65).ok_or_else(wrong)?;
        let enc = <DhP256HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).map_err(|_| wrong())?;
        let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &enc,
            info,
            ct,
            b"",
        );
        opened.map(zeroize::Zeroizing::new).map_err(|_| wrong())
    }

    /// Opens this trustee's share box of the bid with context hash `c`; the share inside must carry number `i`.
    pub fn open_share(&self, c: &[u8; 32], i: u8, sealed: &[u8]) -> Result<Share, SealError> {
        self.numbered(&share_info(b"etrade/bid/share/v1\n", c, i, &self.public), i, sealed)
    }

    /// Opens a share that trustee `i` locked to this session key.
    pub fn open_release(&self, c: &[u8; 32], i: u8, sealed: &[u8]) -> Result<Share, SealError> {
        self.numbered(&share_info(b"etrade/release/v1\n", c, i, &self.public), i, sealed)
    }

    /// Opens the key that a bidder locked to this session key.
    pub fn open_bidder_key(&self, c: &[u8; 32], sealed: &[u8]) -> Result<Secret, SealError> {
        let opened = self.open(&bidder_info(c, &self.public), sealed)?;
        let key = <[u8; 32]>::try_from(opened.as_slice());
        key.map(Secret).map_err(|_| SealError::Key("the box does not hold a key of 32 bytes"))
    }

    /// Opens the key that a bidder locked to this key at sealing, for a second holder.
    pub fn open_second(&self, c: &[u8; 32], sealed: &[u8]) -> Result<Secret, SealError> {
        let opened = self.open(&second_info(c, &self.public), sealed)?;
        let key = <[u8; 32]>::try_from(opened.as_slice());
        key.map(Secret).map_err(|_| SealError::Key("the box does not hold a key of 32 bytes"))
    }

    fn numbered(&self, info: &[u8], i: u8, sealed: &[u8]) -> Result<Share, SealError> {
        let share = Share::from_bytes(&self.open(info, sealed)?);
        share.filter(|share| share.i == i).ok_or(SealError::Key("the box holds another trustee's share"))
    }
}

/// Whether bytes are a point of the curve that boxes can be locked to.
pub fn is_point(point: &[u8; 65]) -> bool {
    point[0] == 4 && Public::from_bytes(point).is_ok()
}

/// The boxes of a bid: share i locked to `public_keys[i-1]`, with ephemeral keys made from K_T, so that the same
/// key gives the same boxes to the byte.
pub fn share_boxes(
    c: &[u8; 32],
    k_t: &Secret,
    shares: &[Share],
    public_keys: &[[u8; 65]],
) -> Result<Vec<[u8; SHARE_BOX]>, SealError> {
    let boxes = shares.iter().zip(public_keys).map(|(share, public)| {
        let mut ikm = Secret([0; 32]);
        expand(k_t, &[b"etrade/bid/eph/v1\n", c, &[share.i]], &mut ikm.0);
        let info = share_info(b"etrade/bid/share/v1\n", c, share.i, public);
        lock(public, &info, share.to_bytes().as_slice(), ikm)
    });
    boxes.collect()
}

/// Locks a share to an opening session's key, with a random ephemeral key.
pub fn release_box(c: &[u8; 32], share: &Share, session: &[u8; 65]) -> Result<[u8; SHARE_BOX], SealError> {
    let info = share_info(b"etrade/release/v1\n", c, share.i, session);
    lock(session, &info, share.to_bytes().as_slice(), Secret::random())
}

/// Locks a bidder's key to an opening session's key, with a random ephemeral key.
pub fn bidder_box(c: &[u8; 32], k_b: &Secret, session: &[u8; 65]) -> Result<[u8; BIDDER_BOX], SealError> {
    lock(session, &bidder_info(c, session), &k_b.0, Secret::random())
}

/// Locks a bidder's key to the key of a second holder. The ephemeral key is made from K_B, so that the same key gives the
/// same box to the byte.
pub fn second_box(c: &[u8; 32], k_b: &Secret, holder: &[u8; 65]) -> Result<[u8; BIDDER_BOX], SealError> {
    let mut ikm = Secret([0; 32]);
    expand(k_b, &[b"etrade/bidder-second-eph/v1\n", c], &mut ikm.0);
    lock(holder, &second_info(c, holder), &k_b.0, ikm)
}

fn second_info(c: &[u8; 32], holder: &[u8; 65]) -> Vec<u8> {
    [b"etrade/bidder-second/v1\n".as_slice(), c, &sha256(&[holder])].concat()
}

fn share_info(label: &[u8], c: &[u8; 32], i: u8, public: &[u8; 65]) -> Vec<u8> {
    [label, c.as_slice(), &[i], &sha256(&[public])].concat()
}

fn bidder_info(c: &[u8; 32], public: &[u8; 65]) -> Vec<u8> {
    [b"etrade/bidder-release/v1\n".as_slice(), c, &sha256(&[public])].concat()
}

fn lock<const N: usize>(
    public: &[u8; 65],
    info: &[u8],
    plain: &[u8],
    ikm: Secret,
) -> Result<[u8; N], SealError> {
    let wrong = |_| SealError::Key("it is not a P-256 point to lock a box to");
    let public = Public::from_bytes(public).map_err(wrong)?;
    let mut once = ThirtyTwoBytes(Some(ikm));
    let (enc, ct) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
        &OpModeS::Base,
        &public,
        info,
        plain,
        b"",
        &mut once,
    )
    .map_err(wrong)?;
    let whole = [enc.to_bytes().as_slice(), &ct].concat();
    whole.try_into().map_err(|_| SealError::Key("the box has another length"))
}

/// Gives the crate its ephemeral key material: exactly 32 bytes, once, which it feeds to DeriveKeyPair. Any other
/// use would silently change the boxes, so it stops the program; pinned vectors guard the crate's upgrades.
struct ThirtyTwoBytes(Option<Secret>);

impl TryRng for ThirtyTwoBytes {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a box draws its ephemeral key as 32 bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("a box draws its ephemeral key as 32 bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        match self.0.take() {
            Some(ikm) if out.len() == 32 => out.copy_from_slice(&ikm.0),
            _ => panic!("a box draws its ephemeral key once, as 32 bytes"),
        }
        Ok(())
    }
}

impl TryCryptoRng for ThirtyTwoBytes {}
