//! Signed notes (C2SP signed-note) with Ed25519 keys: text that several keys may sign, readable by people and by
//! `golang.org/x/mod/sumdb/note`. Witnesses sign checkpoints with a time of their own (C2SP tlog-cosignature).

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::platform::digest::{b64, from_b64, sha256};
use crate::platform::random;

/// What a key's signatures say. The type byte stands in key ids and verifier keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Plain Ed25519 over the note's text (C2SP signed-note): a log, or anybody who signs notes.
    Signer,
    /// A time and Ed25519 over time and text (C2SP tlog-cosignature): a witness of a log.
    Witness,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Signer => 0x01,
            Self::Witness => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Signer, Self::Witness].into_iter().find(|kind| kind.byte() == byte)
    }
}

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
    #[error("a key of another kind: logs sign with one kind of key, witnesses with another")]
    KeyKind,
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
    kind: KeyKind,
    public: [u8; 32],
}

impl VerifierKey {
    /// The key of `name` with the 32 bytes of an Ed25519 public key.
    pub fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::KeyName);
        }
        let id = key_id(name, &[&[kind.byte()][..], &public].concat());
        Ok(Self { name: name.into(), id, kind, public })
    }

    /// Reads the text form and checks that the id belongs to the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyText);
        };
        let (id, (kind, public)) = (parse_id(id)?, parse_key(key)?);
        let parsed = Self::new(name, kind, public)?;
        if parsed.id == id { Ok(parsed) } else { Err(NoteError::KeyId) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the Ed25519 public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    fn fits(&self, text: &str, signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        match self.kind {
            KeyKind::Signer => key.verify(text.as_bytes(), signature).is_ok(),
            KeyKind::Witness => split_time(signature)
                .is_some_and(|(time, bytes)| key.verify(cosigned(time, text).as_bytes(), bytes).is_ok()),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.kind.byte()][..], &self.public].concat();
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

/// The kind of a key in text form, and the 32 bytes behind it.
fn parse_key(text: &str) -> Result<(KeyKind, [u8; 32]), NoteError> {
    let bytes = Zeroizing::new(from_b64(text).ok_or(NoteError::KeyText)?);
    let (kind, key) = bytes.split_first().ok_or(NoteError::KeyText)?;
    let kind = KeyKind::of(*kind).ok_or(NoteError::KeyText)?;
    Ok((kind, key.try_into().map_err(|_| NoteError::KeyText)?))
}

/// What a witness signs: its time in seconds since 1970, and the checkpoint.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The time of a witness and the 64 bytes of its signature.
fn split_time(signature: &[u8]) -> Option<(u64, &[u8])> {
    let (time, bytes) = signature.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    i64::try_from(time).ok().map(|_| (time, bytes))
}

/// A private key under a name. Its file is one line, `PRIVATE+KEY+name+id+base64(type || seed)`, as Go's `note`
/// package writes it.
struct PrivateKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl PrivateKey {
    fn new(name: &str, kind: KeyKind, seed: [u8; 32]) -> Result<Self, NoteError> {
        let seed = Zeroizing::new(seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(|_| NoteError::KeyText)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| NoteError::KeyText)?;
        let public = VerifierKey::new(name, kind, public)?;
        Ok(Self { seed, pair, public })
    }

    fn parse(text: &str, expected: KeyKind) -> Result<Self, NoteError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut parts = text.strip_prefix(PRIVATE_PREFIX).ok_or(NoteError::KeyText)?.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyText);
        };
        let (id, (kind, seed)) = (parse_id(id)?, parse_key(key)?);
        let parsed = Self::new(name, kind, seed)?;
        match parsed.public.id == id {
            false => Err(NoteError::KeyId),
            true if kind != expected => Err(NoteError::KeyKind),
            true => Ok(parsed),
        }
    }

    fn to_file(&self) -> Zeroizing<String> {
        let typed = Zeroizing::new([&[self.public.kind.byte()][..], &self.seed[..]].concat());
        let VerifierKey { name, id, .. } = &self.public;
        Zeroizing::new(format!("{PRIVATE_PREFIX}{name}+{id:08x}+{}\n", b64(&typed)))
    }

    fn line(&self, value: Vec<u8>) -> Signature {
        Signature { name: self.public.name.clone(), id: self.public.id, value }
    }
}

/// A key that signs notes.
pub struct SignerKey(PrivateKey);

impl SignerKey {
    /// A new random key.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        Self::from_seed(name, random::bytes())
    }

    /// The key with the RFC 8032 seed `seed`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        Ok(Self(PrivateKey::new(name, KeyKind::Signer, seed)?))
    }

    /// Reads a private key file; one newline at its end is allowed.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        Ok(Self(PrivateKey::parse(text, KeyKind::Signer)?))
    }

    /// The content of the private key file. A secret: write it with mode 0600 and nowhere else.
    pub fn to_file(&self) -> Zeroizing<String> {
        self.0.to_file()
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    fn sign(&self, text: &str) -> Signature {
        self.0.line(self.0.pair.sign(text.as_bytes()).as_ref().to_vec())
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.0.public)
    }
}

/// A key with which a witness says that a checkpoint extends everything that it saw of this log before.
pub struct WitnessKey(PrivateKey);

impl WitnessKey {
    /// A new random key.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        Ok(Self(PrivateKey::new(name, KeyKind::Witness, random::bytes())?))
    }

    /// Reads a private key file; one newline at its end is allowed.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        Ok(Self(PrivateKey::parse(text, KeyKind::Witness)?))
    }

    /// The content of the private key file. A secret: write it with mode 0600 and nowhere else.
    pub fn to_file(&self) -> Zeroizing<String> {
        self.0.to_file()
    }

    /// The public half.
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    /// The cosignature of the note `text` at `seconds` since 1970.
    pub fn cosign(&self, text: &str, seconds: u64) -> Signature {
        let signed = self.0.pair.sign(cosigned(seconds, text).as_bytes());
        self.0.line([&seconds.to_be_bytes()[..], signed.as_ref()].concat())
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({})", self.0.public)
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

impl Signature {
    /// Whether this line names `key` as its signer; says nothing about whether it fits.
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        key.name == self.name && key.id == self.id
    }

    /// Reads one signature line, without its newline.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = from_b64(signature)?;
        let (id, value) = bytes.split_first_chunk::<4>()?;
        if !is_key_name(name) || value.is_empty() {
            return None;
        }
        Some(Self { name: name.into(), id: u32::from_be_bytes(*id), value: value.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.value].concat();
        write!(f, "\u{2014} {} {}", self.name, b64(&bytes))
    }
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
            lines.split('\n').map(Signature::parse).collect::<Option<_>>().ok_or(NoteError::Malformed)?;
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

    /// Adds a signature line, unless this very line is there already.
    #[must_use]
    pub fn with(mut self, line: Signature) -> Self {
        if !self.signatures.contains(&line) {
            self.signatures.push(line);
        }
        self
    }

    /// The time in seconds since 1970 at which the witness `key` says that it cosigned; verify first.
    pub fn cosigned_at(&self, key: &VerifierKey) -> Option<u64> {
        let line = self.signatures.iter().find(|line| line.is_of(key))?;
        split_time(&line.value).map(|(time, _)| time)
    }

    /// Checks the signatures of all `trusted` keys that signed and returns those keys, each once. Signatures of
    /// other keys are ignored. A false signature of a trusted key condemns the whole note, and so does having no
    /// trusted signature at all.
    pub fn verify<'k>(&self, trusted: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for line in &self.signatures {
            let Some(key) = trusted.iter().find(|key| line.is_of(key)) else {
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
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let clean = text.ends_with('\n') && !text.bytes().any(|c| c < b' ' && c != b'\n');
    if clean { Ok(()) } else { Err(NoteError::Text) }
}
