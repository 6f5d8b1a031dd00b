//! The manifest: everything about a sealed bid that may be shown before the opening. It is what the bidder signs,
//! what the log holds a commitment to, and what the opening is checked against.

use super::boxes::{BIDDER_BOX, SHARE_BOX, is_point};
use super::context::{Context, Mode};
use super::document::{Bytes, Count, fixed_text};
use super::error::SealError;
use super::keys::{Secret, commit_b};
use super::signature::Signature;
use super::stream::Measured;
use super::trustees::TrusteeSet;
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use serde::{Deserialize, Serialize};

fixed_text!(
    /// The `typ` of a manifest.
    ManifestTyp = "etrade/bid-manifest/v1"
);
fixed_text!(
    /// The payload cipher.
    CiphertextAlg = "tink-AES256_GCM_HKDF_1MB"
);
fixed_text!(
    /// The `typ` of a bidder's key file.
    BidderKeyTyp = "etrade/bidder-key/v1"
);

/// Longest manifest that is read: 32 boxes and long names fit in a tenth of it.
pub const MANIFEST_MAX: usize = 65_536;

/// What sealed the bid. Self-reported, a help for support and no proof.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub bundle: Option<Bytes<32>>,
    pub name: String,
    pub ver: String,
}

/// Size and Merkle root of the ciphertext.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ciphertext {
    pub alg: CiphertextAlg,
    pub root: Bytes<32>,
    pub size: Count,
}

/// Threshold, commitments and boxes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub boxes: Vec<Bytes<SHARE_BOX>>,
    pub commit_b: Option<Bytes<32>>,
    pub commit_t: Bytes<32>,
    pub n: u8,
    /// Who else holds the bidder's key, if anybody. Absent, not null, where there is nobody: the first version of the
    /// format did not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondHolder>,
    /// A commitment to each trustee's share, in the order of the boxes. Absent in manifests from before there were such
    /// commitments, which are judged as they were then; no bid without them is taken any more ([`Manifest::check_shares`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<Bytes<32>>>,
    pub t: u8,
}

/// A second holder of the bidder's key in mode `dual`, named at sealing: a colleague or a notary who can release it when
/// the bidder honestly can not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondHolder {
    /// K_B, locked to `hpke`.
    #[serde(rename = "box")]
    pub sealed: Bytes<BIDDER_BOX>,
    pub hpke: Bytes<65>,
}

/// `etrade/bid-manifest/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub client: Client,
    pub created: Moment,
    pub ct: Ciphertext,
    pub ctx: Context,
    pub lock: Lock,
    /// Id of the manifest that this one replaces.
    pub prev: Option<Bytes<32>>,
    pub typ: ManifestTyp,
}

impl Manifest {
    /// Reads a manifest in canonical form and checks everything that can be checked without the trustee set.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > MANIFEST_MAX {
            return Err(SealError::Document("the manifest is too long".into()));
        }
        let manifest: Self = from_jcs(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// `M`, the bytes that are signed and whose hash is the id.
    pub fn message(&self) -> Vec<u8> {
        [b"etrade/bid-manifest/v1\n".as_slice(), &jcs(self)].concat()
    }

    /// `m`, the id.
    pub fn id(&self) -> [u8; 32] {
        sha256(&[&self.message()])
    }

    pub fn measured(&self) -> Measured {
        Measured { size: self.ct.size.0, root: self.ct.root.0 }
    }

    /// Checks that this manifest is sealed to `set`: same hash, threshold, number and tender.
    pub fn check_trustees(&self, set: &TrusteeSet) -> Result<(), SealError> {
        let refuse = |why: &str| Err(SealError::Trustees(why.to_owned()));
        if self.ctx.trustees.0 != set.hash() || self.ctx.tender != set.tender {
            return refuse("the bid is sealed to another trustee set");
        }
        if self.lock.t != set.t || self.lock.n != set.n() {
            return refuse("the bid is sealed with another threshold");
        }
        Ok(())
    }

    /// Checks that there is a commitment to every trustee's share, as every bid has that is sealed today: without them liars
    /// among the trustees could make an honest bid look malformed.
    ///
    /// # Errors
    /// It was sealed by a program from before them.
    pub fn check_shares(&self) -> Result<(), SealError> {
        match self.lock.shares {
            Some(_) => Ok(()),
            None => Err(SealError::Document(
                "the bid was sealed by an older program, which does not commit to the trustees' shares: seal it again with \
                 a current one"
                    .into(),
            )),
        }
    }

    /// Checks `signature` over this manifest; the chain of its certificate is checked elsewhere.
    pub fn check_signature(&self, signature: &Signature) -> Result<(), SealError> {
        signature.verify(&self.message())
    }

    /// Whether `k_b` is the bidder's key that this manifest committed to.
    pub fn is_bidder_key(&self, k_b: &Secret) -> bool {
        self.lock.commit_b == Some(Bytes(commit_b(&self.ctx.hash(), k_b)))
    }

    fn check(&self) -> Result<(), SealError> {
        let refuse = |why: &str| Err(SealError::Document(why.to_owned()));
        self.ctx.check()?;
        if self.lock.boxes.len() != usize::from(self.lock.n) {
            return refuse("there is not one box for each trustee");
        }
        if self.lock.shares.as_ref().is_some_and(|shares| shares.len() != usize::from(self.lock.n)) {
            return refuse("there is not one share commitment for each trustee");
        }
        if self.lock.t < 2 || self.lock.t > self.lock.n || self.lock.n > super::shamir::TRUSTEES_MAX {
            return refuse("the threshold is not lawful");
        }
        if (self.ctx.mode == Mode::Dual) != self.lock.commit_b.is_some() {
            return refuse("commit_b belongs to mode dual and to no other");
        }
        if self
            .lock
            .second
            .as_ref()
            .is_some_and(|second| self.ctx.mode != Mode::Dual || !is_point(&second.hpke.0))
        {
            return refuse("a second holder belongs to mode dual and has a P-256 key");
        }
        if (self.ctx.rev == 1) != self.prev.is_none() {
            return refuse("prev belongs to every revision but the first");
        }
        if self.client.name.len() > 100 || self.client.ver.len() > 100 {
            return refuse("the client's name is too long");
        }
        // a header, a segment's tag and the smallest archive
        if self.ct.size.0 < super::stream::ciphertext_size(super::archive::PADDED_MIN) {
            return refuse("the ciphertext is smaller than any bid can be");
        }
        Ok(())
    }
}

/// A bidder's key file in mode `dual`, `etrade/bidder-key/v1`. The bidder keeps it; without it the bid never opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderKeyFile {
    pub k_b: Bytes<32>,
    pub m: Bytes<32>,
    pub typ: BidderKeyTyp,
}
