//! A trustee's box key as a file, for the browser and the command line alike: PKCS#8 encrypted under a passphrase
//! (RFC 5958; PBES2 of RFC 8018 with PBKDF2-HMAC-SHA256 and AES-256-CBC), `*.p8`. It is what the browser writes as a
//! backup and what `openssl pkcs8` reads. What a trustee signs with is the key of their account, in its PKCS#12 file.

use super::boxes::BoxKey;
use super::error::SealError;
use super::signature::Signer;
use super::trustees::{TrusteeKey, TrusteeSet};
use crate::platform::random;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs8::{EncryptedPrivateKeyInfo, EncryptedPrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

/// How often the passphrase is hashed: as often as the browser does.
const ROUNDS: u32 = 100_000;

/// What stands before the private half of a P-256 key in PKCS#8 with an RFC 5915 key inside: lengths, version, `id-ecPublicKey`,
/// `prime256v1`, version. WebCrypto, ring and OpenSSL all write these bytes.
const HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
    0x04, 0x20,
];

/// What stands between the private and the public half.
const MIDDLE: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

/// Writes a box key under a passphrase.
///
/// # Errors
/// The file could not be encoded.
pub fn write_box_key(key: &BoxKey, passphrase: &str) -> Result<Vec<u8>, SealError> {
    let failed = |_| SealError::Key("the key file could not be written");
    let plain = [HEAD.as_slice(), &key.to_bytes().0, &MIDDLE, &key.public()].concat();
    let plain = Zeroizing::new(plain);
    let (salt, iv) = (random::bytes::<16>(), random::bytes::<16>());
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, iv);
    let parameters = parameters.map_err(|e| failed(e.into()))?;
    let sealed = parameters.encrypt(passphrase, &plain).map_err(|e| failed(e.into()))?;
    let encrypted_data = OctetStringRef::new(&sealed).map_err(|e| failed(e.into()))?;
    let file = EncryptedPrivateKeyInfo { encryption_algorithm: parameters.into(), encrypted_data };
    Ok(SecretDocument::try_from(file).map_err(failed)?.as_bytes().to_vec())
}

/// Reads a box key.
///
/// # Errors
/// It is no such file, the passphrase is wrong, or the key is none of P-256.
pub fn read_box_key(bytes: &[u8], passphrase: &str) -> Result<BoxKey, SealError> {
    let file = EncryptedPrivateKeyInfoRef::try_from(bytes)
        .map_err(|_| SealError::Key("it is not a trustee's key file (.p8)"))?;
    let plain = file
        .decrypt(passphrase)
        .map_err(|_| SealError::Key("the key file does not open with this passphrase"))?;
    let other = SealError::Key("the key file does not hold a P-256 key");
    let Some((private, rest)) =
        plain.as_bytes().strip_prefix(&HEAD).and_then(|rest| rest.split_at_checked(32))
    else {
        return Err(other);
    };
    let key = BoxKey::from_bytes(private)?;
    if rest.strip_prefix(&MIDDLE) == Some(key.public().as_slice()) { Ok(key) } else { Err(other) }
}

/// Reads a key file of either kind, encrypted PKCS#8 or the JSON of `sunbid open new-key`, and finds its trustee's
/// number in `set`.
///
/// # Errors
/// It can not be read, or belongs to nobody in the set.
pub fn read_held_key(bytes: &[u8], passphrase: &str, set: &TrusteeSet) -> Result<(u8, BoxKey), SealError> {
    let boxes =
        if is_json(bytes) { TrusteeKey::read(bytes)?.boxes } else { read_box_key(bytes, passphrase)? };
    let mine = set.members.iter().find(|member| member.hpke.0 == boxes.public());
    let mine = mine.ok_or(SealError::Key("this key file is not of a trustee of this tender"))?;
    Ok((mine.i, boxes))
}

/// As [`read_held_key`], with what the trustee signs with: the JSON has it, for a `.p8` it is the account's.
///
/// # Errors
/// As [`read_held_key`]; a `.p8` without a signer.
pub fn read_trustee_key(
    bytes: &[u8],
    passphrase: &str,
    signer: Option<Signer>,
    set: &TrusteeSet,
) -> Result<TrusteeKey, SealError> {
    if is_json(bytes) {
        return TrusteeKey::read(bytes);
    }
    let (i, boxes) = read_held_key(bytes, passphrase, set)?;
    let signer =
        signer.ok_or(SealError::Key("a .p8 file can not sign: the account's PKCS#12 file is needed too"))?;
    Ok(TrusteeKey { i, tender: set.tender.clone(), boxes, sign: signer.key })
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{')
}
