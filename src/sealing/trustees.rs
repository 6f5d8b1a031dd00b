//! The trustee set of a tender: who holds the keys that open its bids, how many of them must act together, and each
//! member's own signature under it, so that the platform can not put a key of its own into the set.

use super::boxes::{BoxKey, is_point};
use super::document::{Blob, Bytes, fixed_text};
use super::error::SealError;
use super::shamir::TRUSTEES_MAX;
use super::signature::{SigningKey, verify_es256};
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::sha256;
use serde::{Deserialize, Serialize};

fixed_text!(
    /// The `typ` of a trustee set.
    TrusteeSetTyp = "etrade/trustee-set/v1"
);
fixed_text!(
    /// The `typ` of a trustee's key file.
    TrusteeKeyTyp = "etrade/trustee-key/v1"
);

/// One trustee: an organisation, its box key for this tender and its signing key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub hpke: Bytes<65>,
    /// 1 to n, in order.
    pub i: u8,
    pub org: String,
    pub sig: Bytes<64>,
    pub sign: Bytes<65>,
}

/// `etrade/trustee-set/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeSet {
    pub members: Vec<Member>,
    pub t: u8,
    pub tender: String,
    pub typ: TrusteeSetTyp,
}

#[derive(Serialize)]
struct BareMember<'a> {
    hpke: &'a Bytes<65>,
    i: u8,
    org: &'a str,
    sign: &'a Bytes<65>,
}

#[derive(Serialize)]
struct BareSet<'a> {
    members: Vec<BareMember<'a>>,
    t: u8,
    tender: &'a str,
    typ: TrusteeSetTyp,
}

impl TrusteeSet {
    /// Reads a set in canonical form and checks it whole.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        let set: Self = from_jcs(bytes)?;
        set.check()?;
        Ok(set)
    }

    /// Number of trustees.
    pub fn n(&self) -> u8 {
        u8::try_from(self.members.len()).unwrap_or(u8::MAX)
    }

    /// The hash that a bid's context names: of the whole document, signatures included.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&jcs(self)])
    }

    /// What each member signs.
    pub fn message(&self) -> Vec<u8> {
        let members = self.members.iter();
        let members =
            members.map(|m| BareMember { hpke: &m.hpke, i: m.i, org: &m.org, sign: &m.sign }).collect();
        let set = BareSet { members, t: self.t, tender: &self.tender, typ: self.typ };
        [b"etrade/trustee-set/v1\n".as_slice(), &jcs(&set)].concat()
    }

    /// The members' box keys, in order.
    pub fn box_keys(&self) -> Vec<[u8; 65]> {
        self.members.iter().map(|m| m.hpke.0).collect()
    }

    pub fn member(&self, i: u8) -> Option<&Member> {
        self.members.iter().find(|m| m.i == i)
    }

    /// Checks threshold, numbering, keys and every member's signature.
    pub fn check(&self) -> Result<(), SealError> {
        self.check_without_signatures()?;
        let message = self.message();
        for member in &self.members {
            verify_es256(&member.sign.0, &message, &member.sig.0)
                .map_err(|_| SealError::Trustees(format!("trustee {} has not signed this set", member.i)))?;
        }
        Ok(())
    }

    /// Checks threshold, numbering and keys: what must hold before members are asked to sign.
    pub fn check_without_signatures(&self) -> Result<(), SealError> {
        let refuse = |why: String| Err(SealError::Trustees(why));
        let (t, n) = (self.t, self.members.len());
        if t < 2 || usize::from(t) > n || n > usize::from(TRUSTEES_MAX) {
            return refuse(format!("{t} of {n} is not a lawful threshold"));
        }
        for (at, member) in self.members.iter().enumerate() {
            if usize::from(member.i) != at + 1 {
                return refuse("trustees are not numbered from 1 in order".into());
            }
            if !is_point(&member.hpke.0) || !is_point(&member.sign.0) {
                return refuse(format!("trustee {} has a key that is not a point of P-256", member.i));
            }
            if !(1..=200).contains(&member.org.chars().count()) {
                return refuse(format!("trustee {} has no name", member.i));
            }
            let before = self.members.get(..at).unwrap_or_default();
            if before.iter().any(|other| other.hpke == member.hpke || other.sign == member.sign) {
                return refuse(format!("trustee {} has the key of another one", member.i));
            }
        }
        Ok(())
    }
}

/// A trustee's key file, `etrade/trustee-key/v1`: one tender only, to be destroyed after its openings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeKeyFile {
    pub hpke_private: Bytes<32>,
    pub i: u8,
    pub sign_private: Blob,
    pub tender: String,
    pub typ: TrusteeKeyTyp,
}

/// A trustee's two private keys.
#[derive(Debug)]
pub struct TrusteeKey {
    pub i: u8,
    pub tender: String,
    pub boxes: BoxKey,
    pub sign: SigningKey,
}

impl TrusteeKey {
    /// A new key of trustee `i`, and the bytes of its key file.
    pub fn generate(tender: &str, i: u8) -> Result<(Self, zeroize::Zeroizing<Vec<u8>>), SealError> {
        let boxes = BoxKey::random();
        let (sign, pkcs8) = SigningKey::generate()?;
        let file = TrusteeKeyFile {
            hpke_private: Bytes(boxes.to_bytes().0),
            i,
            sign_private: Blob(pkcs8.to_vec()),
            tender: tender.to_owned(),
            typ: TrusteeKeyTyp,
        };
        let bytes = zeroize::Zeroizing::new(jcs(&file));
        Ok((Self { i, tender: file.tender, boxes, sign }, bytes))
    }

    /// Reads a key file.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        let file: TrusteeKeyFile =
            serde_json::from_slice(bytes).map_err(|e| SealError::Document(format!("trustee key: {e}")))?;
        let boxes = BoxKey::from_bytes(&file.hpke_private.0)?;
        Ok(Self {
            i: file.i,
            tender: file.tender,
            boxes,
            sign: SigningKey::from_pkcs8(&file.sign_private.0)?,
        })
    }

    /// This trustee's line of the set, not yet signed.
    pub fn member(&self, org: &str) -> Member {
        Member {
            hpke: Bytes(self.boxes.public()),
            i: self.i,
            org: org.to_owned(),
            sig: Bytes([0; 64]),
            sign: self.sign.point(),
        }
    }

    /// Puts this trustee's signature under its line of `set`, after checking that the line has this trustee's own
    /// keys: a platform that swapped them is found here.
    pub fn sign_set(&self, set: &mut TrusteeSet) -> Result<(), SealError> {
        set.check_without_signatures()?;
        let message = set.message();
        let mine = set.members.iter_mut().find(|m| m.i == self.i);
        let mine = mine.filter(|m| m.hpke.0 == self.boxes.public() && m.sign == self.sign.point());
        let mine = mine
            .ok_or_else(|| SealError::Trustees(format!("it does not hold the keys of trustee {}", self.i)))?;
        mine.sig = self.sign.sign(&message)?;
        Ok(())
    }
}
