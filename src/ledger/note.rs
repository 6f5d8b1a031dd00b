//! Signed notes (C2SP signed-note) with Ed25519 keys: text that several keys may sign, readable by people and by
//! `golang.org/x/mod/sumdb/note`.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::platform::digest::{b64, from_b64, sha256};
use crate::platform::random;

/// Signature type of plain Ed25519 in key ids and verifier keys (C2SP signed-note).
const ED25519_TYPE: u8 = 0x01;
const PRIVATE_PREFIX: &str = "PRIVATE+KEY+";
/// A note larger than this is refused unread.
pub const MAX_NOTE: usize = 1 << 20;
/// More signature lines than this are refused (the specification asks for room for 16).
pub const MAX_SIGNATURES: usize = 100;

/// What is wrong with a note or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the key name is empty or has a space or a plus sign in it")]
    KeyName,
    #[error("not a key in text form")]
    KeyText,
    #[error("the key's id does not belong to its name and value")]
    KeyId,
    #[error("the text of a note must end in a newline and hold no control characters")]
    Text,
    #[error("not a signed note")]
    Malformed,
    #[error("the signature of {0} does not fit the text")]
    BadSignature(String),
    #[error("no signature of a key that we trust")]
    Unsigned,
}

/// Whether `name` may name a key: not empty, no Unicode space, no plus sign.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn key_id(name: &str, typed_key: &[u8]) -> u32 {
    let hash = sha256(&[name.as_bytes(), b"\n", typed_key]);
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// A public key that signatures are checked with. Its text form (`vkey`) is `name+id+base64(type || key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: [u8; 32],
}

impl VerifierKey {
    /// The key of `name` with the 32 bytes of an Ed25519 public key.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::KeyName);
        }
        let id = key_id(name, &[&[ED25519_TYPE][..], &public].concat());
        Ok(Self { name: name.into(), id, public })
    }

    /// Reads the text form and checks that the id belongs to the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyText);
        };
        let (id, public) = (parse_id(id)?, parse_key(key)?);
        let parsed = Self::new(name, public)?;
        if parsed.id == id { Ok(parsed) } else { Err(NoteError::KeyId) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    /// The 32 bytes of the Ed25519 public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn fits(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[ED25519_TYPE][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, b64(&typed))
    }
}

fn parse_id(text: &str) -> Result<u32, NoteError> {
    let plain = text.len() == 8 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    if plain {
        u32::from_str_radix(text, 16).map_err(|_| NoteError::KeyText)
    } else {
        Err(NoteError::KeyText)
    }
}

/// The 32 bytes behind the type byte of a key in text form.
fn parse_key(text: &str) -> Result<[u8; 32], NoteError> {
    let bytes = Zeroizing::new(from_b64(text).ok_or(NoteError::KeyText)?);
    match bytes.split_first() {
        Some((&ED25519_TYPE, key)) => key.try_into().map_err(|_| NoteError::KeyText),
        _ => Err(NoteError::KeyText),
    }
}

/// A private key that signs notes under a name. Its file is one line,
/// `PRIVATE+KEY+name+id+base64(type || seed)`, as Go's `note` package writes it.
pub struct SignerKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl SignerKey {
    /// A new random key.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        Self::from_seed(name, random::bytes())
    }

    /// The key with the RFC 8032 seed `seed`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| NoteError::KeyText)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| NoteError::KeyText)?;
        let public = VerifierKey::new(name, public)?;
        Ok(Self { seed, pair, public })
    }

    /// Reads a private key file; one newline at its end is allowed.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut parts = text.strip_prefix(PRIVATE_PREFIX).ok_or(NoteError::KeyText)?.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyText);
        };
        let id = parse_id(id)?;
        let parsed = Self::from_seed(name, parse_key(key)?)?;
        if parsed.public.id == id { Ok(parsed) } else { Err(NoteError::KeyId) }
    }

    /// The content of the private key file. A secret: write it with mode 0600 and nowhere else.
    pub fn to_file(&self) -> Zeroizing<String> {
        let typed = Zeroizing::new([&[ED25519_TYPE][..], &self.seed[..]].concat());
        let VerifierKey { name, id, .. } = &self.public;
        Zeroizing::new(format!("{PRIVATE_PREFIX}{name}+{id:08x}+{}\n", b64(&typed)))
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    fn sign(&self, text: &str) -> Signature {
        let value = self.pair.sign(text.as_bytes()).as_ref().to_vec();
        Signature { name: self.public.name.clone(), id: self.public.id, value }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.public)
    }
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub id: u32,
    /// The bytes after the key id; 64 for Ed25519.
    pub value: Vec<u8>,
}

/// A note as it was read: its text and all signature lines, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// A note with the signatures of `keys`, in that order.
    pub fn sign(text: &str, keys: &[&SignerKey]) -> Result<Self, NoteError> {
        check_text(text)?;
        Ok(Self { text: text.into(), signatures: keys.iter().map(|key| key.sign(text)).collect() })
    }

    /// Reads a note. Verifies nothing: call [`Note::verify`] before believing the text.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::Malformed);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        let gap = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, lines) = (&note[..=gap], &note[gap + 2..]);
        check_text(text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let signatures: Vec<Signature> =
            lines.split('\n').map(parse_line).collect::<Option<_>>().ok_or(NoteError::Malformed)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text: text.into(), signatures })
    }

    /// The text, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds one more signature of ours.
    #[must_use]
    pub fn cosign(mut self, key: &SignerKey) -> Self {
        self.signatures.push(key.sign(&self.text));
        self
    }

    /// Checks the signatures of all `trusted` keys that signed and returns those keys, each once. Signatures of
    /// other keys are ignored. A false signature of a trusted key condemns the whole note, and so does having no
    /// trusted signature at all.
    pub fn verify<'k>(&self, trusted: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for line in &self.signatures {
            let Some(key) = trusted.iter().find(|key| key.name == line.name && key.id == line.id) else {
                continue;
            };
            if !key.fits(&self.text, &line.value) {
                return Err(NoteError::BadSignature(line.name.clone()));
            }
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(NoteError::Unsigned) } else { Ok(signers) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| {
            let bytes = [&line.id.to_be_bytes()[..], &line.value].concat();
            writeln!(f, "\u{2014} {} {}", line.name, b64(&bytes))
        })
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let clean = text.ends_with('\n') && !text.bytes().any(|c| c < b' ' && c != b'\n');
    if clean { Ok(()) } else { Err(NoteError::Text) }
}

fn parse_line(line: &str) -> Option<Signature> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = from_b64(signature)?;
    let (id, value) = bytes.split_first_chunk::<4>()?;
    if !is_key_name(name) || value.is_empty() {
        return None;
    }
    Some(Signature { name: name.into(), id: u32::from_be_bytes(*id), value: value.to_vec() })
}
