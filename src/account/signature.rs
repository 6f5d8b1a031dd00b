//! Signed statements: what has legal weight is a text that a person saw and signed with their key.
//!
//! The signature is ECDSA P-256 with SHA-256 in the fixed form r‖s (what WebCrypto makes), over
//! `etrade/statement/v1` LF and the UTF-8 bytes of the statement. It counts if it verifies, the certificate is
//! registered by this person and not revoked, chains to a pinned root, was valid then, and names the person's
//! organisation (电子签名法 art. 13; `docs/formats/statement.md`).

use super::authority::Authority;
use super::field::Fields;
use super::store;
use super::who::Who;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, from_b64u, sha256};
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// What is put before the statement's bytes, so that a signature over a statement is never one over anything else.
pub const LABEL: &[u8] = b"etrade/statement/v1\n";

/// The three fields that a signing form sends. Put them into a form struct with these names.
#[derive(Clone, Debug, Deserialize)]
pub struct SignedFields {
    pub statement: String,
    pub signature: String,
    pub certificate: String,
}

impl SignedFields {
    /// The three fields among those of a longer form.
    pub fn of(fields: &Fields) -> Self {
        let get = |name: &str| fields.get(name).to_owned();
        Self { statement: get("statement"), signature: get("signature"), certificate: get("certificate") }
    }

    /// The statement as it was signed: browsers send its line ends as CR LF.
    pub fn text(&self) -> String {
        self.statement.replace("\r\n", "\n")
    }
}

/// A statement with its signature, as it is kept, logged and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The very text that was signed.
    pub statement: String,
    /// Base64url of r‖s, 64 bytes.
    pub signature: String,
    /// Base64url of the certificate, DER.
    pub certificate: String,
    /// When the server accepted it.
    pub at: Moment,
}

/// Checks a signature over arbitrary labelled bytes with a certificate that `who` registered.
///
/// # Errors
/// Refused with the reason; faults of the database.
pub fn check_registered(
    db: &mut Db,
    authority: &Authority,
    who: &Who,
    now: Moment,
    message: &[u8],
    signature: &[u8],
    certificate: &[u8],
) -> Result<(), Failure> {
    let fingerprint = hex::encode(sha256(&[certificate]));
    let known = store::certificate(db, &fingerprint)?;
    let known = known.filter(|found| found.person == who.person && found.revoked_at.is_none());
    if known.is_none() {
        return Err(Refused::new(422, "account.refusal.unknown_certificate").into());
    }
    let subject = authority.check(certificate, now)?;
    if subject.credit_code != who.credit_code {
        return Err(Refused::new(422, "account.refusal.other_subject").into());
    }
    check_bytes(&subject.key, message, signature)?;
    Ok(())
}

/// Checks the fields of a signing form: that the statement is the `expected` one, and that `who` signed it.
///
/// # Errors
/// Refused with the reason; faults of the database.
pub fn check(
    db: &mut Db,
    authority: &Authority,
    who: &Who,
    now: Moment,
    expected: &str,
    fields: &SignedFields,
) -> Result<Signed, Failure> {
    let statement = fields.text();
    if statement != expected {
        return Err(Refused::new(409, "account.refusal.statement_changed").into());
    }
    let malformed = || Refused::new(422, "account.refusal.not_signed");
    let signature = from_b64u(&fields.signature).filter(|bytes| bytes.len() == 64).ok_or_else(malformed)?;
    let certificate =
        from_b64u(&fields.certificate).filter(|bytes| !bytes.is_empty()).ok_or_else(malformed)?;
    let message = [LABEL, statement.as_bytes()].concat();
    check_registered(db, authority, who, now, &message, &signature, &certificate)?;
    Ok(Signed { statement, signature: b64u(&signature), certificate: b64u(&certificate), at: now })
}

/// Checks a kept statement offline, against the roots of `authority`: signature, chain, validity when it was
/// accepted. Returns what the certificate says of the signer.
///
/// # Errors
/// Refused with the reason.
pub fn check_kept(authority: &Authority, signed: &Signed) -> Result<super::authority::Subject, Refused> {
    let malformed = || Refused::new(422, "account.refusal.not_signed");
    let signature = from_b64u(&signed.signature).ok_or_else(malformed)?;
    let certificate = from_b64u(&signed.certificate).ok_or_else(malformed)?;
    let subject = authority.check(&certificate, signed.at)?;
    check_bytes(&subject.key, &[LABEL, signed.statement.as_bytes()].concat(), &signature)?;
    Ok(subject)
}

/// Checks a fixed-form P-256 signature.
///
/// # Errors
/// It does not verify.
pub fn check_bytes(key: &[u8; 65], message: &[u8], signature: &[u8]) -> Result<(), Refused> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
        .verify(message, signature)
        .map_err(|_| Refused::new(422, "account.refusal.signature"))
}
