//! The bidder's key of mode `dual` as a file under a passphrase, `etrade/bidder-key/v2`, and its release to an opening
//! session by whoever holds it: the bidder, or the second holder named at sealing.

use super::boxes::BoxKey;
use super::document::{Bytes, Count, fixed_text};
use super::error::SealError;
use super::key_file::read_box_key;
use super::keys::Secret;
use super::manifest::{BidderKeyFile, BidderKeyTyp, Manifest};
use super::release::BidderRelease;
use crate::platform::canonical::from_jcs;
use crate::platform::moment::Moment;
use crate::platform::random;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

fixed_text!(
    /// The `typ` of a bidder's key file under a passphrase.
    LockedKeyTyp = "etrade/bidder-key/v2"
);
fixed_text!(
    /// The `typ` of what a holder of bidders' keys gets from the platform.
    KeyBundleTyp = "etrade/bidder-bundle/v1"
);

/// How often a passphrase is hashed: a guess should cost the thief.
const ROUNDS: u32 = 600_000;
/// More than this is an attack on our own time.
const ROUNDS_MAX: u64 = 10_000_000;
/// Fewest characters of a passphrase.
pub const PASSPHRASE_MIN: usize = 8;

/// A bidder's key file under a passphrase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedKeyFile {
    pub iterations: Count,
    pub m: Bytes<32>,
    pub nonce: Bytes<12>,
    pub salt: Bytes<16>,
    /// K_B under AES-256-GCM, tag included.
    pub sealed: Bytes<48>,
    pub typ: LockedKeyTyp,
}

fn cipher(passphrase: &str, salt: &[u8; 16], rounds: u32) -> Result<LessSafeKey, SealError> {
    let failed = SealError::Key("the key file could not be read");
    let rounds = NonZeroU32::new(rounds).ok_or(failed)?;
    let mut key = Secret([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase.as_bytes(), &mut key.0);
    let key = UnboundKey::new(&AES_256_GCM, &key.0);
    key.map(LessSafeKey::new).map_err(|_| SealError::Key("the key file could not be read"))
}

fn bound(m: &Bytes<32>) -> Vec<u8> {
    [b"etrade/bidder-key/v2\n".as_slice(), &m.0].concat()
}

/// Puts a key file under `passphrase`.
///
/// # Errors
/// The passphrase is too short.
pub fn lock_key_file(file: &BidderKeyFile, passphrase: &str) -> Result<LockedKeyFile, SealError> {
    if passphrase.chars().count() < PASSPHRASE_MIN {
        return Err(SealError::Key("the passphrase of the key file must have 8 characters or more"));
    }
    let (salt, nonce) = (random::bytes(), random::bytes());
    let key = cipher(passphrase, &salt, ROUNDS)?;
    let mut plain = Secret(file.k_b.0);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound(&file.m)),
            &mut plain.0,
        )
        .map_err(|_| SealError::Key("the key file could not be written"))?;
    let mut sealed = [0; 48];
    let whole = plain.0.iter().chain(tag.as_ref());
    sealed.iter_mut().zip(whole).for_each(|(slot, byte)| *slot = *byte);
    Ok(LockedKeyFile {
        iterations: Count(u64::from(ROUNDS)),
        m: file.m,
        nonce: Bytes(nonce),
        salt: Bytes(salt),
        sealed: Bytes(sealed),
        typ: LockedKeyTyp,
    })
}

/// Reads a bidder's key file of either version; `passphrase` is used only for one that has a passphrase.
///
/// # Errors
/// It is no such file, or the passphrase is wrong.
pub fn read_key_file(bytes: &[u8], passphrase: &str) -> Result<BidderKeyFile, SealError> {
    let wrong = |e| SealError::Document(format!("bidder's key: {e}"));
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(wrong)?;
    if value.get("typ").and_then(|typ| typ.as_str()) == Some("etrade/bidder-key/v1") {
        return serde_json::from_value(value).map_err(wrong);
    }
    let file: LockedKeyFile = serde_json::from_value(value).map_err(wrong)?;
    let rounds = u32::try_from(file.iterations.0).ok().filter(|rounds| u64::from(*rounds) <= ROUNDS_MAX);
    let rounds = rounds.ok_or(SealError::Key("the key file asks for too many rounds"))?;
    let key = cipher(passphrase, &file.salt.0, rounds)?;
    let mut sealed = zeroize::Zeroizing::new(file.sealed.0);
    let opened = key.open_in_place(
        Nonce::assume_unique_for_key(file.nonce.0),
        Aad::from(bound(&file.m)),
        sealed.as_mut_slice(),
    );
    let opened = opened.map_err(|_| SealError::Key("the key file does not open with this passphrase"))?;
    let k_b = <[u8; 32]>::try_from(&*opened).map_err(|_| SealError::Key("the key file holds no key"))?;
    Ok(BidderKeyFile { k_b: Bytes(k_b), m: file.m, typ: BidderKeyTyp })
}

/// What a holder of bidders' keys gets from the platform at the opening: `etrade/bidder-bundle/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBundle {
    /// Bids of this holder whose keys have not come yet.
    pub manifests: Vec<Manifest>,
    pub opens_at: Moment,
    pub session: Bytes<65>,
    pub typ: KeyBundleTyp,
    /// When the bidders' phase ends; the equal instant is late.
    pub until: Moment,
}

impl KeyBundle {
    /// Reads a bundle in canonical form.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(from_jcs(bytes)?)
    }

    /// Locks the key in the file `key` to the session: a bidder's key file (JSON), or the box key (`.p8`) of a second holder.
    ///
    /// # Errors
    /// The opening time has not come by the holder's own clock, the file does not open, or none of the bundle's bids is its.
    pub fn release(&self, key: &[u8], passphrase: &str, now: Moment) -> Result<BidderRelease, SealError> {
        if now < self.opens_at {
            return Err(SealError::Document("the opening time has not come by this machine's clock".into()));
        }
        if key.first() == Some(&b'{') {
            let file = read_key_file(key, passphrase)?;
            let manifest = self.manifests.iter().find(|manifest| manifest.id() == file.m.0);
            let manifest =
                manifest.ok_or(SealError::Key("no bid that waits for its key is of this key file"))?;
            return BidderRelease::make(&file, manifest, &self.session.0);
        }
        let holder = read_box_key(key, passphrase)?;
        let named = |manifest: &&Manifest| {
            manifest.lock.second.as_ref().is_some_and(|second| second.hpke.0 == holder.public())
        };
        let manifest = self.manifests.iter().find(named);
        let manifest =
            manifest.ok_or(SealError::Key("no bid that waits for its key names this second holder"))?;
        BidderRelease::make(&key_of_second(manifest, &holder)?, manifest, &self.session.0)
    }
}

/// What a second holder finds in a manifest: the bidder's key.
///
/// # Errors
/// The manifest names another holder or none, or its box does not open.
pub fn key_of_second(manifest: &Manifest, holder: &BoxKey) -> Result<BidderKeyFile, SealError> {
    let second = manifest.lock.second.as_ref();
    let second = second.ok_or(SealError::Key("the bid names no second holder"))?;
    let k_b = holder.open_second(&manifest.ctx.hash(), &second.sealed.0)?;
    Ok(BidderKeyFile { k_b: Bytes(k_b.0), m: Bytes(manifest.id()), typ: BidderKeyTyp })
}
