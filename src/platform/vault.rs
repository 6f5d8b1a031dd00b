//! The vault: what must not be readable from the database alone.
//!
//! Some facts have to be kept before they may be known: which bidder sent which envelope, who paid a deposit,
//! which experts were drawn. They are stored encrypted under a key that lives in a file beside the database, not in
//! it, and looked up by keyed tags. A thief of the database or of a backup learns neither names nor counts per
//! lot. Whoever holds both the running server and its key file can; the contents of bids are not protected by
//! this but by the trustees' keys, which the server never has (`docs/security.md`).

use super::digest::b64u;
use super::random;
use super::refusal::Fault;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Seals and tags. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    aead: LessSafeKey,
    tag: hmac::Key,
}

impl Vault {
    /// The vault of this 32-byte master key. One key for sealing and one for tags are derived from it.
    pub fn from_key(master: &[u8; 32]) -> Self {
        let derive = |label: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master), label);
        let sealing = derive(b"sunbid/vault/seal/v1");
        let Ok(aead) = UnboundKey::new(&AES_256_GCM, sealing.as_ref()) else {
            unreachable!("an HMAC-SHA256 output has the length of an AES-256 key")
        };
        let tag = hmac::Key::new(hmac::HMAC_SHA256, derive(b"sunbid/vault/tag/v1").as_ref());
        Self(Arc::new(Keys { aead: LessSafeKey::new(aead), tag }))
    }

    /// Opens the vault of a key file, making the file (readable by its owner only) if there is none.
    ///
    /// # Errors
    /// The file can not be read or written, or is not 32 bytes long.
    pub fn open_or_create(file: &Path) -> Result<Self, Fault> {
        let key = secret_file(file, || random::bytes::<32>().to_vec())?;
        let key: [u8; 32] = key
            .try_into()
            .map_err(|_| Fault::new(format!("{} is not a 32-byte vault key", file.display())))?;
        Ok(Self::from_key(&key))
    }

    /// Encrypts `plain` for the given purpose. The same purpose must be named to open it: a sealed deposit can
    /// not be passed off as a sealed envelope.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = plain.to_vec();
        let done = self.0.aead.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose.as_bytes()),
            &mut sealed,
        );
        assert!(done.is_ok(), "AES-GCM seals anything shorter than 64 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// As [`Vault::seal`], of a JSON text with spaces behind it up to a multiple of `pad` bytes: whoever sees the row learns
    /// nothing from its length. JSON is read the same with them.
    pub fn seal_padded(&self, purpose: &str, mut json: Vec<u8>, pad: usize) -> Vec<u8> {
        json.resize(json.len().next_multiple_of(pad), b' ');
        self.seal(purpose, &json)
    }

    /// Decrypts what [`Vault::seal`] made for the same purpose.
    ///
    /// # Errors
    /// The bytes were altered, sealed for something else, or with another key.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let damaged =
            || Fault::new(format!("a sealed {purpose} does not open: altered, or another vault key"));
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut plain = body.to_vec();
        let length = self
            .0
            .aead
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut plain)
            .map_err(|_| damaged())?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    /// A keyed tag over `parts`, to look up a row without storing what it is about. Equal parts give equal tags;
    /// without the key a tag tells nothing. 43 letters of base64url.
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.0.tag);
        context.update(purpose.as_bytes());
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        b64u(context.sign().as_ref())
    }
}

/// Reads a secret file, or makes it from `fresh` with owner-only rights, fsynced before it is used.
///
/// # Errors
/// The file or its folder can not be read or written.
pub fn secret_file(file: &Path, fresh: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, Fault> {
    let doing = |e: std::io::Error| Fault::from(e).context(format!("key file {}", file.display()));
    match std::fs::read(file) {
        Ok(bytes) => return Ok(bytes),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(doing(e)),
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(doing)?;
    }
    let bytes = fresh();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).map_err(doing)?;
    out.write_all(&bytes).and_then(|()| out.sync_all()).map_err(doing)?;
    Ok(bytes)
}
