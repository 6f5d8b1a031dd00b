//! Signatures of bids: es256, that is ECDSA on P-256 with SHA-256, `r || s` in 64 bytes (what WebCrypto emits). Which
//! CA a certificate must chain to is the account room's question; here a signature only has to fit the leaf.

use super::document::{Blob, Bytes, fixed_text};
use super::error::SealError;
use crate::platform::random;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

fixed_text!(
    /// The one signature algorithm of version 1.
    Es256 = "es256"
);

/// Longest certificate chain that is read.
const CHAIN_MAX: usize = 8;

/// A signature outside the bytes that it signs, with the signer's certificate chain, leaf first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub alg: Es256,
    pub sig: Bytes<64>,
    pub x5c: Vec<Blob>,
}

impl Signature {
    /// Checks that the key of the leaf certificate made this signature over `message`. Says nothing about whether
    /// the certificate can be trusted.
    pub fn verify(&self, message: &[u8]) -> Result<(), SealError> {
        if self.x5c.len() > CHAIN_MAX {
            return Err(SealError::Signature("the certificate chain is too long"));
        }
        let leaf = self.x5c.first().ok_or(SealError::Signature("the certificate is missing"))?;
        verify_es256(&certificate_point(&leaf.0)?, message, &self.sig.0)
    }
}

/// The 65-byte P-256 point of a certificate.
pub fn certificate_point(der: &[u8]) -> Result<[u8; 65], SealError> {
    let wrong = SealError::Signature("the certificate does not hold a P-256 key");
    let Ok((rest, certificate)) = X509Certificate::from_der(der) else { return Err(wrong) };
    match <[u8; 65]>::try_from(certificate.public_key().subject_public_key.data.as_ref()) {
        Ok(point) if rest.is_empty() && is_p256(&certificate) => Ok(point),
        _ => Err(wrong),
    }
}

fn is_p256(certificate: &X509Certificate<'_>) -> bool {
    let algorithm = &certificate.public_key().algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
    algorithm.algorithm.to_id_string() == "1.2.840.10045.2.1"
        && curve.as_deref() == Some("1.2.840.10045.3.1.7")
}

/// Checks an es256 signature with an uncompressed P-256 point.
pub fn verify_es256(point: &[u8; 65], message: &[u8], signature: &[u8; 64]) -> Result<(), SealError> {
    ring::signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message, signature)
        .map_err(|_| SealError::Signature("it does not fit the signed bytes and the key"))
}

/// A P-256 signing key.
pub struct SigningKey(EcdsaKeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SealError> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random::source())
            .map(Self)
            .map_err(|_| SealError::Key("it is not a P-256 key in PKCS#8 form"))
    }

    /// A new key and its PKCS#8 form.
    pub fn generate() -> Result<(Self, zeroize::Zeroizing<Vec<u8>>), SealError> {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random::source())
            .map_err(|_| SealError::Key("no key could be generated"))?;
        let der = zeroize::Zeroizing::new(der.as_ref().to_vec());
        Ok((Self::from_pkcs8(&der)?, der))
    }

    /// The uncompressed public point.
    pub fn point(&self) -> Bytes<65> {
        let mut point = [0; 65];
        point.copy_from_slice(self.0.public_key().as_ref());
        Bytes(point)
    }

    pub fn sign(&self, message: &[u8]) -> Result<Bytes<64>, SealError> {
        let made = self.0.sign(&random::source(), message);
        let made = made.map_err(|_| SealError::Key("the signature could not be made"))?;
        let bytes = <[u8; 64]>::try_from(made.as_ref());
        bytes.map(Bytes).map_err(|_| SealError::Key("the signature has another length"))
    }
}

/// A signing key with its certificate chain: who seals a bid.
pub struct Signer {
    pub key: SigningKey,
    pub x5c: Vec<Blob>,
}

impl Signer {
    /// Pairs a key with its chain; refuses a leaf certificate of another key.
    pub fn new(key: SigningKey, x5c: Vec<Blob>) -> Result<Self, SealError> {
        let leaf = x5c.first().ok_or(SealError::Signature("the certificate is missing"))?;
        if certificate_point(&leaf.0)? != key.point().0 {
            return Err(SealError::Signature("the certificate belongs to another key"));
        }
        Ok(Self { key, x5c })
    }

    pub fn sign(&self, message: &[u8]) -> Result<Signature, SealError> {
        Ok(Signature { alg: Es256, sig: self.key.sign(message)?, x5c: self.x5c.clone() })
    }
}
