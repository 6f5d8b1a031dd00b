//! Certificates: who issues them, and whether one counts.
//!
//! The built-in demonstration CA certifies the keys that browsers generate. A real centre pins the roots of its
//! licensed CAs instead (`SUNBID_CA_ROOTS`); then the demonstration CA issues nothing and counts for nothing.

use super::who::Who;
use crate::platform::moment::{DAY, Moment};
use crate::platform::pem::read_certificates;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::secret_file;
use chrono::Datelike;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::path::Path;
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The pinned roots and, if there are no outside ones, the demonstration CA. Cheap to clone.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    roots: Vec<Vec<u8>>,
    /// The roots as the chain check wants them: read once. A root that can not be read anchors nothing.
    anchors: Vec<TrustAnchor<'static>>,
    issuer: Option<Issuer<'static, KeyPair>>,
}

impl Inner {
    fn new(roots: Vec<Vec<u8>>, issuer: Option<Issuer<'static, KeyPair>>) -> Self {
        let anchor = |root: &Vec<u8>| {
            let root = CertificateDer::from(root.as_slice());
            webpki::anchor_from_trusted_cert(&root).ok().map(|anchor| anchor.to_owned())
        };
        let anchors = roots.iter().filter_map(anchor).collect();
        Self { roots, anchors, issuer }
    }
}

/// A P-256 public key as an uncompressed point, 65 bytes.
struct Point([u8; 65]);

impl PublicKeyData for Point {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// What a checked certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The key that signatures verify under: uncompressed P-256 point.
    pub key: [u8; 65],
    /// Unified social credit code of the organisation (subject serialNumber).
    pub credit_code: String,
    /// Name of the person (subject commonName).
    pub name: String,
    pub not_before: Moment,
    pub not_after: Moment,
}

impl Authority {
    /// Opens (or founds) the demonstration CA in `folder`, or pins the roots of the PEM file `ca_roots`.
    ///
    /// # Errors
    /// A file can not be read or holds no certificate.
    pub fn open(folder: &Path, ca_roots: &str, now: Moment) -> Result<Self, Fault> {
        if !ca_roots.is_empty() {
            return Ok(Self(Arc::new(Inner::new(read_certificates(Path::new(ca_roots))?, None))));
        }
        let key = secret_file(&folder.join("demo-ca.key"), || {
            KeyPair::generate().map(|pair| pair.serialize_pem().into_bytes()).unwrap_or_default()
        })?;
        let pair = KeyPair::from_pem(&String::from_utf8(key)?)?;
        let params = ca_params(now);
        let root = secret_file(&folder.join("demo-ca.der"), || {
            params.self_signed(&pair).map(|root| root.der().to_vec()).unwrap_or_default()
        })?;
        // only the subject and key of these parameters go into what it issues; both are those of the root on disk
        Ok(Self(Arc::new(Inner::new(vec![root], Some(Issuer::new(params, pair))))))
    }

    /// An authority that only checks, against these root certificates (DER): for the offline verifier.
    pub fn of_roots(roots: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Inner::new(roots, None)))
    }

    /// The pinned root certificates, DER.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.0.roots
    }

    /// Whether this server issues certificates itself.
    pub fn issues(&self) -> bool {
        self.0.issuer.is_some()
    }

    /// Certifies the public key `point` for `who`, valid from yesterday for two years. DER.
    ///
    /// # Errors
    /// Refused where outside CAs are pinned.
    pub fn issue(&self, who: &Who, point: [u8; 65], now: Moment) -> Result<Vec<u8>, Failure> {
        let issuer = self.0.issuer.as_ref().ok_or_else(|| Refused::new(409, "account.refusal.outside_ca"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, who.name.clone());
        params.distinguished_name.push(DnType::OrganizationName, who.organisation_name.clone());
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), who.credit_code.clone());
        set_validity(&mut params, now.plus(-DAY), now.plus(super::rules::CERTIFICATE_DAYS * DAY));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&Point(point), issuer).map_err(Fault::from)?;
        Ok(certificate.der().to_vec())
    }

    /// Checks that `der` chains to a pinned root and was valid at `at`, and reads its subject.
    ///
    /// # Errors
    /// It does not: expired, of another CA, malformed, or not a P-256 key.
    pub fn check(&self, der: &[u8], at: Moment) -> Result<Subject, Refused> {
        let refused = |why: String| Refused::new(422, "account.refusal.certificate").with("why", why);
        let der = CertificateDer::from(der);
        let time = std::time::Duration::from_micros(u64::try_from(at.micros()).unwrap_or_default());
        EndEntityCert::try_from(&der)
            .and_then(|leaf| {
                leaf.verify_for_usage(
                    webpki::ALL_VERIFICATION_ALGS,
                    &self.0.anchors,
                    &[],
                    UnixTime::since_unix_epoch(time),
                    KeyUsage::client_auth(),
                    None,
                    None,
                )
                .map(|_| ())
            })
            .map_err(|e| refused(e.to_string()))?;
        claimed_subject(&der).ok_or_else(|| refused("not a P-256 certificate with a credit code".into()))
    }
}

fn ca_params(now: Moment) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Sunbid demonstration CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // back-dated, so that the demonstration's past is covered
    set_validity(&mut params, now.plus(-400 * DAY), now.plus(3650 * DAY));
    params
}

/// Sets validity in whole UTC days; rcgen makes its dates itself, so we need no third time library.
fn set_validity(params: &mut CertificateParams, from: Moment, until: Moment) {
    let parts = |at: Moment| {
        let date = at.utc().date_naive();
        (date.year(), u8::try_from(date.month()).unwrap_or(1), u8::try_from(date.day()).unwrap_or(1))
    };
    let ((y, m, d), (uy, um, ud)) = (parts(from), parts(until));
    params.not_before = rcgen::date_time_ymd(y, m, d);
    params.not_after = rcgen::date_time_ymd(uy, um, ud);
}

/// Whom a certificate names, whoever issued it: `None` if it is no P-256 certificate of a person with a credit code.
pub fn claimed_subject(der: &[u8]) -> Option<Subject> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let key = certificate.public_key().subject_public_key.data.as_ref().try_into().ok()?;
    let first = |mut found: Vec<&str>| if found.is_empty() { None } else { Some(found.remove(0).to_owned()) };
    let name = first(certificate.subject().iter_common_name().filter_map(|a| a.as_str().ok()).collect())?;
    let serial_number = x509_parser::oid_registry::asn1_rs::oid!(2.5.4.5);
    let code =
        first(certificate.subject().iter_by_oid(&serial_number).filter_map(|a| a.as_str().ok()).collect())?;
    let seconds = |time: x509_parser::time::ASN1Time| Moment::from_micros(time.timestamp() * 1_000_000);
    Some(Subject {
        key,
        credit_code: code,
        name,
        not_before: seconds(certificate.validity().not_before),
        not_after: seconds(certificate.validity().not_after),
    })
}
