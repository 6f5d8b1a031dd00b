//! RFC 3161 time-stamps over checkpoints: an outside authority says that the log had this size and root at its time.
//!
//! What is stamped is the SHA-256 of the checkpoint's text (RFC 3161 calls it the message imprint): the three lines that
//! the log signed, the last newline included, no signature lines. Whoever has the checkpoint can check the token with
//! `openssl ts -verify -token_in`, and [`verify`] does the same: imprint, signature, certificate chain, the certificate's
//! purpose and its validity at the time that the token names.

use super::tree::Hash;
use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use crate::platform::random;
use ring::digest as hashing;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::asn1_rs::{Any, FromDer};

/// A token or response larger than this is refused unread.
pub const MAX_TOKEN: usize = 1 << 16;

const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512_OID: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
/// id-signedData (RFC 5652).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// id-ct-TSTInfo (RFC 3161).
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// id-contentType and id-messageDigest, the two attributes that must be signed (RFC 5652, 5.3).
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// id-kp-timeStamping (RFC 3161, 2.3): the one purpose that the authority's certificate must have.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;

/// Why a token shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("not a time-stamp response or token")]
    Malformed,
    #[error("the authority refused with status {0}")]
    Refused(u8),
    #[error("the token answers another request")]
    OtherRequest,
    #[error("the token is over another text")]
    OtherText,
    #[error("the token's signature does not fit")]
    BadSignature,
    #[error("the authority's certificate does not hold: {0}")]
    Certificate(String),
}

/// A request that was sent, to compare the answer with.
#[derive(Clone, Debug)]
pub struct Request {
    imprint: Hash,
    nonce: [u8; 8],
}

impl Request {
    /// Asks for a stamp over `text`.
    pub fn new(text: &str) -> Self {
        let mut nonce: [u8; 8] = random::bytes();
        // a positive integer of exactly eight bytes
        nonce[0] = nonce[0] & 0x3f | 0x40;
        Self { imprint: sha256(&[text.as_bytes()]), nonce }
    }

    /// The DER bytes, for `application/timestamp-query`.
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OID, &[SHA256_OID]), &[0x05, 0x00]]);
        let imprint = der(SEQUENCE, &[&algorithm, &der(OCTETS, &[&self.imprint])]);
        let certificate_wanted = [0x01, 0x01, 0xff];
        der(SEQUENCE, &[&[INTEGER, 1, 1], &imprint, &der(INTEGER, &[&self.nonce]), &certificate_wanted])
    }

    /// Takes the token out of the authority's answer, if it answers this request. Call [`verify`] before believing it.
    ///
    /// # Errors
    /// A refusal, or the answer to another request.
    pub fn token(&self, response: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let malformed = TimestampError::Malformed;
        if response.len() > MAX_TOKEN {
            return Err(malformed);
        }
        let parts = only(response, SEQUENCE).and_then(|whole| whole.children()).ok_or(malformed.clone())?;
        let status = parts.first().and_then(Tlv::children).ok_or(malformed.clone())?;
        match status.first().filter(|status| status.tag == INTEGER).map(|status| status.content) {
            // granted, or granted with modifications
            Some([0 | 1]) => {}
            Some([status]) => return Err(TimestampError::Refused(*status)),
            _ => return Err(malformed),
        }
        let token = parts.get(1).ok_or(malformed)?.whole;
        let info = Stamp::read(token)?.info;
        if info.nonce != Some(&self.nonce[..]) || info.imprint != self.imprint {
            return Err(TimestampError::OtherRequest);
        }
        Ok(token.to_vec())
    }
}

/// Checks `token` over `text` against the authorities `roots` (DER). Returns the time that it names.
///
/// # Errors
/// The token is over another text, or signature, chain, purpose or validity do not hold.
pub fn verify(token: &[u8], text: &str, roots: &[Vec<u8>]) -> Result<Moment, TimestampError> {
    let stamp = Stamp::read(token)?;
    if stamp.info.imprint != sha256(&[text.as_bytes()]) {
        return Err(TimestampError::OtherText);
    }
    let signed = stamp.check_attributes()?;
    let certificates: Vec<CertificateDer<'_>> =
        stamp.certificates.iter().map(|tlv| CertificateDer::from(tlv.whole)).collect();
    // the authority's own certificate may stand anywhere in the set: it is the one whose key made the signature
    let leaf = certificates.iter().position(|certificate| {
        EndEntityCert::try_from(certificate).is_ok_and(|leaf| {
            let fits = |algorithm| leaf.verify_signature(algorithm, &signed, stamp.signature).is_ok();
            webpki::ALL_VERIFICATION_ALGS.iter().any(|&algorithm| fits(algorithm))
        })
    });
    let leaf = leaf.ok_or(TimestampError::BadSignature)?;
    check_chain(&certificates, leaf, stamp.info.at, roots)?;
    Ok(stamp.info.at)
}

fn check_chain(
    certificates: &[CertificateDer<'_>],
    leaf: usize,
    at: Moment,
    roots: &[Vec<u8>],
) -> Result<(), TimestampError> {
    let broken = |e: webpki::Error| TimestampError::Certificate(e.to_string());
    let roots: Vec<CertificateDer<'_>> =
        roots.iter().map(|root| CertificateDer::from(root.as_slice())).collect();
    let anchors: Vec<_> =
        roots.iter().filter_map(|root| webpki::anchor_from_trusted_cert(root).ok()).collect();
    let seconds = u64::try_from(at.micros() / crate::platform::moment::SECOND).unwrap_or_default();
    EndEntityCert::try_from(&certificates[leaf])
        .map_err(broken)?
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            certificates,
            UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
            KeyUsage::required(TIME_STAMPING),
            None,
            None,
        )
        .map(|_| ())
        .map_err(broken)
}

/// One DER value: its tag byte, all of its bytes, and its content.
#[derive(Clone, Copy)]
struct Tlv<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Tlv<'a> {
    fn split(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (rest, any) = Any::from_der(input).ok()?;
        let whole = &input[..input.len() - rest.len()];
        Some((Self { tag: *whole.first()?, whole, content: any.data }, rest))
    }

    fn children(&self) -> Option<Vec<Tlv<'a>>> {
        let (mut rest, mut children) = (self.content, Vec::new());
        while !rest.is_empty() {
            let (child, behind) = Self::split(rest)?;
            children.push(child);
            rest = behind;
        }
        Some(children)
    }

    /// The only child.
    fn inner(&self, tag: u8) -> Option<Tlv<'a>> {
        only(self.content, tag)
    }
}

fn only(input: &[u8], tag: u8) -> Option<Tlv<'_>> {
    let (value, rest) = Tlv::split(input)?;
    (rest.is_empty() && value.tag == tag).then_some(value)
}

/// DER of `tag` around `parts`, for contents shorter than 64 KiB.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

/// What the authority states (TSTInfo, RFC 3161, 2.4.2).
struct Info<'a> {
    imprint: Hash,
    at: Moment,
    nonce: Option<&'a [u8]>,
}

/// A token, taken apart.
struct Stamp<'a> {
    info: Info<'a>,
    content: &'a [u8],
    certificates: Vec<Tlv<'a>>,
    digest: &'static hashing::Algorithm,
    attributes: Tlv<'a>,
    signature: &'a [u8],
}

impl<'a> Stamp<'a> {
    fn read(token: &'a [u8]) -> Result<Self, TimestampError> {
        Self::take_apart(token).ok_or(TimestampError::Malformed)
    }

    fn take_apart(token: &'a [u8]) -> Option<Self> {
        let outer = only(token, SEQUENCE).filter(|whole| whole.whole.len() <= MAX_TOKEN)?.children()?;
        let [kind, signed] = outer.as_slice() else { return None };
        if kind.content != SIGNED_DATA || signed.tag != CONTEXT_0 {
            return None;
        }
        let parts = signed.inner(SEQUENCE)?.children()?;
        let encapsulated = parts.get(2)?.children()?;
        let [content_kind, content] = encapsulated.as_slice() else { return None };
        if content_kind.content != TST_INFO {
            return None;
        }
        let content = content.inner(OCTETS)?.content;
        let certificates = parts.iter().find(|part| part.tag == CONTEXT_0)?.children()?;
        // one signer (RFC 3161, 2.4.2)
        let signer = parts.last().filter(|last| last.tag == SET)?.inner(SEQUENCE)?.children()?;
        let digest = match signer.get(2)?.children()?.first()?.content {
            SHA256_OID => &hashing::SHA256,
            SHA384_OID => &hashing::SHA384,
            SHA512_OID => &hashing::SHA512,
            _ => return None,
        };
        let attributes = *signer.get(3).filter(|attributes| attributes.tag == CONTEXT_0)?;
        let signature = signer.get(5).filter(|signature| signature.tag == OCTETS)?.content;
        Some(Self { info: read_info(content)?, content, certificates, digest, attributes, signature })
    }

    /// Checks that the signed attributes speak of this content; gives the bytes that the signature covers (RFC 5652,
    /// 5.4: the attributes as an explicit SET).
    fn check_attributes(&self) -> Result<Vec<u8>, TimestampError> {
        let attributes = self.attributes.children().ok_or(TimestampError::Malformed)?;
        let value = |kind: &[u8]| {
            attributes.iter().find_map(|attribute| {
                let parts = attribute.children()?;
                let [oid, values] = parts.as_slice() else { return None };
                (oid.content == kind)
                    .then(|| Tlv::split(values.content))
                    .flatten()
                    .map(|(value, _)| value.content)
            })
        };
        let digest = hashing::digest(self.digest, self.content);
        let speaks = value(CONTENT_TYPE) == Some(TST_INFO) && value(MESSAGE_DIGEST) == Some(digest.as_ref());
        if !speaks {
            return Err(TimestampError::BadSignature);
        }
        Ok(der(SET, &[self.attributes.content]))
    }
}

fn read_info(content: &[u8]) -> Option<Info<'_>> {
    let fields = only(content, SEQUENCE)?.children()?;
    let [_version, _policy, imprint, _serial, time, rest @ ..] = fields.as_slice() else { return None };
    let imprint = imprint.children()?;
    let [algorithm, hash] = imprint.as_slice() else { return None };
    if algorithm.children()?.first()?.content != SHA256_OID || time.tag != GENERALIZED_TIME {
        return None;
    }
    let nonce = rest.iter().find(|field| field.tag == INTEGER).map(|field| field.content);
    Some(Info { imprint: hash.content.try_into().ok()?, at: read_time(time.content)?, nonce })
}

/// `YYYYMMDDhhmmss[.fraction]Z`; the fraction is dropped, which only makes the stamp a little older than it is.
fn read_time(text: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let digits = |text: &str| text.len() == 14 && text.bytes().all(|c| c.is_ascii_digit());
    let whole = text.split('.').next().filter(|whole| digits(whole))?;
    let part = |range: std::ops::Range<usize>| whole.get(range);
    let (date, time) = (part(0..8)?, part(8..14)?);
    Moment::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    ))
}
