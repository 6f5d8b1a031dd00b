//! Release documents: a trustee's shares of all bids of one bid set, locked to the opening session's key and signed;
//! and a bidder's key in mode `dual`.

use super::bid_set::BidSet;
use super::boxes::{BIDDER_BOX, BoxKey, SHARE_BOX, bidder_box, release_box};
use super::context::Mode;
use super::document::{Bytes, Count, fixed_text};
use super::drill::CANARY_LOT;
use super::drill_log::{DrillLog, Ready};
use super::error::SealError;
use super::keys::Secret;
use super::log_proof::{LogProof, Shown};
use super::manifest::{BidderKeyFile, Manifest};
use super::opening_check::{Reported, meets};
use super::shamir::Share;
use super::signature::{Signature, Signer, verify_es256};
use super::trustees::{TrusteeKey, TrusteeSet};
use super::untrue::Untrue;
use crate::ledger::policy::Policy;
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use serde::{Deserialize, Serialize};

fixed_text!(
    /// The `typ` of a release.
    ReleaseTyp = "etrade/release/v1"
);
/// The `typ` of a bidder's release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BidderReleaseTyp {
    /// Version 1, not signed: of a second holder, or of whoever has no certificate at hand.
    #[serde(rename = "etrade/bidder-release/v1")]
    Unsigned,
    /// Version 2, signed by its giver.
    #[serde(rename = "etrade/bidder-release/v2")]
    Signed,
}

/// A bundle larger than this is refused unread: room for ten thousand bids locked to 32 trustees each.
const BUNDLE_BYTES_MAX: usize = 128 << 20;

/// One bid's share in a release; no box means "my box of this bid does not open".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedShare {
    #[serde(rename = "box")]
    pub sealed: Option<Bytes<SHARE_BOX>>,
    pub m: Bytes<32>,
}

/// `etrade/release/v1`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub bid_set: Bytes<32>,
    pub closing_size: Count,
    pub i: u8,
    pub session: Bytes<65>,
    pub shares: Vec<ReleasedShare>,
    pub sig: Bytes<64>,
    pub tender: String,
    pub typ: ReleaseTyp,
}

/// Why a release is not one for this opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReleaseFault {
    #[error("the release is of no trustee of this set")]
    NoTrustee,
    #[error("the release is for another bid set")]
    OtherSet,
    #[error("the release is for another opening session")]
    OtherSession,
    #[error("the release does not hold one share for each bid")]
    Shares,
    #[error("the release is not signed with the trustee's key")]
    Signature,
}

impl ReleaseFault {
    /// The last part of a locale key.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoTrustee => "no_trustee",
            Self::OtherSet => "other_set",
            Self::OtherSession => "other_session",
            Self::Shares => "shares",
            Self::Signature => "signature",
        }
    }
}

#[derive(Serialize)]
struct Unsigned<'a> {
    bid_set: &'a Bytes<32>,
    closing_size: Count,
    i: u8,
    session: &'a Bytes<65>,
    shares: &'a [ReleasedShare],
    tender: &'a str,
    typ: ReleaseTyp,
}

/// How the bidders' phase of an opening ended (mode `dual`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiddersPhase {
    /// Bids whose key had not come when the window closed, ascending.
    pub absent: Vec<Bytes<32>>,
    /// Bids whose key came, ascending.
    pub released: Vec<Bytes<32>>,
    /// When the window closes; the equal instant is late.
    pub until: Moment,
}

/// The `typ` of an opening bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BundleTyp {
    /// Version 1, which shows nothing of the log: drills had it once.
    #[serde(rename = "etrade/opening-bundle/v1")]
    OldDrill,
    /// Version 2, with what the log shows.
    #[serde(rename = "etrade/opening-bundle/v2")]
    Opening,
    /// Version 3: a drill, with the log as it stands.
    #[serde(rename = "etrade/opening-bundle/v3")]
    Drill,
}

/// What a trustee gets from the platform: `etrade/opening-bundle/v2` at an opening, `v3` at a drill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningBundle {
    pub bid_set: BidSet,
    /// Absent if no bid of the set is locked twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bidders: Option<BiddersPhase>,
    /// The log as a drill tries it; only in a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillLog>,
    /// What shows that the rest is true; only at an opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogProof>,
    pub manifests: Vec<Manifest>,
    pub opens_at: Moment,
    pub session: Bytes<65>,
    pub trustees: TrusteeSet,
    pub typ: BundleTyp,
}

impl OpeningBundle {
    /// Reads a bundle in canonical form.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(SealError::Document("the opening bundle is larger than 128 MiB".into()));
        }
        Ok(from_jcs(bytes)?)
    }

    /// What a trustee refuses to release without at an opening: the papers fit each other and the trustee's clock, and the
    /// log shows that they are true. `trust` is what the trustee knows of the log from elsewhere.
    pub fn check(&self, trust: &Policy, now: Moment) -> Result<Shown, SealError> {
        let opening = self.typ == BundleTyp::Opening && self.drill.is_none();
        let log = self.log.as_ref().filter(|_| opening).ok_or(Untrue::DrillOnly)?;
        self.check_papers(now)?;
        Ok(log.check(self, trust)?)
    }

    /// What a trustee refuses to release without in a drill: every bid is a canary, the papers fit each other, and the log is the
    /// one that the trustee knows, cosigned as it must be at the opening.
    pub fn check_drill(&self, trust: &Policy, now: Moment) -> Result<Ready, SealError> {
        let canaries = self.manifests.iter().all(|manifest| manifest.ctx.lot == CANARY_LOT);
        if !canaries || self.bid_set.lot != CANARY_LOT || self.typ == BundleTyp::Opening || self.log.is_some()
        {
            return Err(Untrue::NoDrill.into());
        }
        let log = self.drill.as_ref().filter(|_| self.typ == BundleTyp::Drill).ok_or(Untrue::OldDrill)?;
        self.check_papers(now)?;
        Ok(log.check(self, trust, now)?)
    }

    /// That the papers fit each other: opening time reached by the trustee's own clock, a set of bids below
    /// the closing size, manifests that are those bids, of this tender and sealed to this trustee set.
    fn check_papers(&self, now: Moment) -> Result<(), SealError> {
        if now < self.opens_at {
            return Err(SealError::Document("the opening time has not come by this machine's clock".into()));
        }
        self.trustees.check()?;
        self.bid_set.check()?;
        if self.bid_set.tender != self.trustees.tender {
            return Err(SealError::Trustees("the trustee set is of another tender".into()));
        }
        self.bid_set.check_manifests(&self.manifests)?;
        self.check_bidders(now)?;
        self.manifests.iter().try_for_each(|manifest| manifest.check_trustees(&self.trustees))
    }

    /// Bidders come first: every bid that is locked twice has its key, or its bidder did not come while the window was open.
    fn check_bidders(&self, now: Moment) -> Result<(), SealError> {
        let refuse = |why: &str| Err(SealError::Document(why.to_owned()));
        let dual = self.manifests.iter().filter(|manifest| manifest.ctx.mode == Mode::Dual);
        let mut dual: Vec<Bytes<32>> = dual.map(|manifest| Bytes(manifest.id())).collect();
        let Some(phase) = &self.bidders else {
            return if dual.is_empty() {
                Ok(())
            } else {
                refuse("the bidders have not released their keys yet")
            };
        };
        let mut told: Vec<Bytes<32>> = phase.released.iter().chain(&phase.absent).copied().collect();
        dual.sort();
        told.sort();
        if dual != told {
            return refuse("it does not say of every bid whether its bidder came");
        }
        if !phase.absent.is_empty() && now < phase.until {
            return refuse("the bidders' time to release their keys is not over by this machine's clock");
        }
        Ok(())
    }

    /// Checks the bundle of an opening, opens this trustee's boxes, locks the shares to the session and signs.
    pub fn release(&self, key: &TrusteeKey, trust: &Policy, now: Moment) -> Result<Release, SealError> {
        self.check(trust, now)?;
        self.make(key)
    }

    /// As [`OpeningBundle::release`] for the canary of a drill.
    pub fn release_in_drill(
        &self,
        key: &TrusteeKey,
        trust: &Policy,
        now: Moment,
    ) -> Result<Release, SealError> {
        self.check_drill(trust, now)?;
        self.make(key)
    }

    /// The bids whose box for this trustee does not hold what the bidder committed to. They are released as they are: this trustee has
    /// done its part, and what the others report decides who is at fault.
    pub fn broken_promises(&self, key: &TrusteeKey) -> Vec<Bytes<32>> {
        let broken = self.manifests.iter().filter(|manifest| !keeps_promise(key, manifest));
        broken.map(|manifest| Bytes(manifest.id())).collect()
    }

    /// As a program would release that believes the platform's papers.
    #[cfg(test)]
    pub fn release_believing(&self, key: &TrusteeKey, now: Moment) -> Result<Release, SealError> {
        self.check_papers(now)?;
        self.make(key)
    }

    fn make(&self, key: &TrusteeKey) -> Result<Release, SealError> {
        let mine = self.trustees.member(key.i);
        let mine = mine.filter(|m| m.hpke.0 == key.boxes.public() && m.sign == key.sign.point());
        if mine.is_none() || key.tender != self.trustees.tender {
            return Err(SealError::Key("this key file is not of a trustee of this tender"));
        }
        let shares = self.manifests.iter().map(|manifest| self.released(key, manifest));
        let mut release = Release {
            bid_set: Bytes(self.bid_set.hash()),
            closing_size: self.bid_set.closing.size,
            i: key.i,
            session: self.session,
            shares: shares.collect::<Result<_, _>>()?,
            sig: Bytes([0; 64]),
            tender: self.trustees.tender.clone(),
            typ: ReleaseTyp,
        };
        release.sig = key.sign.sign(&release.message())?;
        Ok(release)
    }

    fn released(&self, key: &TrusteeKey, manifest: &Manifest) -> Result<ReleasedShare, SealError> {
        let share = own_share(key, manifest);
        let sealed =
            share.map(|share| release_box(&manifest.ctx.hash(), &share, &self.session.0)).transpose()?;
        Ok(ReleasedShare { sealed: sealed.map(Bytes), m: Bytes(manifest.id()) })
    }
}

/// What this trustee finds in its box of a bid.
fn own_share(key: &TrusteeKey, manifest: &Manifest) -> Option<Share> {
    let own = manifest.lock.boxes.get(usize::from(key.i).checked_sub(1)?)?;
    key.boxes.open_share(&manifest.ctx.hash(), key.i, &own.0).ok()
}

/// Whether a trustee's box of a bid opens, to the share that the bid committed to if it did.
fn keeps_promise(key: &TrusteeKey, manifest: &Manifest) -> bool {
    let Some(share) = own_share(key, manifest) else { return false };
    let committed = manifest.lock.shares.as_ref();
    committed.is_none_or(|committed| meets(&manifest.ctx.hash(), committed, &share))
}

impl Release {
    /// Reads a release in canonical form.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(from_jcs(bytes)?)
    }

    /// What the trustee signs.
    pub fn message(&self) -> Vec<u8> {
        let unsigned = Unsigned {
            bid_set: &self.bid_set,
            closing_size: self.closing_size,
            i: self.i,
            session: &self.session,
            shares: &self.shares,
            tender: &self.tender,
            typ: self.typ,
        };
        [b"etrade/release/v1\n".as_slice(), &jcs(&unsigned)].concat()
    }

    /// Hash for the log; the release itself never enters it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&jcs(self)])
    }

    /// Checks that a member of `trustees` signed this for `set` and this session.
    pub fn check(&self, trustees: &TrusteeSet, set: &BidSet, session: &[u8; 65]) -> Result<(), ReleaseFault> {
        let member = trustees.member(self.i).ok_or(ReleaseFault::NoTrustee)?;
        if self.bid_set.0 != set.hash() || self.closing_size != set.closing.size || self.tender != set.tender
        {
            return Err(ReleaseFault::OtherSet);
        }
        if self.session.0 != *session {
            return Err(ReleaseFault::OtherSession);
        }
        if !self.shares.iter().map(|s| s.m).eq(set.bids.iter().map(|b| b.m)) {
            return Err(ReleaseFault::Shares);
        }
        let verified = verify_es256(&member.sign.0, &self.message(), &self.sig.0);
        verified.map_err(|_| ReleaseFault::Signature)
    }

    /// What this trustee reports for `manifest`'s bid; `None` if the release does not speak of it. A box that does not
    /// open with the session's key counts as "does not open" reported by the trustee.
    pub fn reported(&self, manifest: &Manifest, session: &BoxKey) -> Option<Reported> {
        let m = manifest.id();
        let released = self.shares.iter().find(|share| share.m.0 == m)?;
        let c = manifest.ctx.hash();
        let opened = released.sealed.and_then(|sealed| session.open_release(&c, self.i, &sealed.0).ok());
        Some(Reported { i: self.i, share: opened })
    }
}

/// A bidder's key, locked to the opening session: `etrade/bidder-release/v1`, or `v2` with a signature. The right key proves itself; a
/// wrong one is held against its bidder only if the bidder has signed it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderRelease {
    #[serde(rename = "box")]
    pub sealed: Bytes<BIDDER_BOX>,
    pub m: Bytes<32>,
    pub session: Bytes<65>,
    /// In version 2, absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    pub typ: BidderReleaseTyp,
}

impl BidderRelease {
    /// Reads a release in canonical form.
    pub fn read(bytes: &[u8]) -> Result<Self, SealError> {
        let release: Self = from_jcs(bytes)?;
        if (release.typ == BidderReleaseTyp::Signed) != release.signature.is_some() {
            return Err(SealError::Document("a signature belongs to version 2 of a bidder's release".into()));
        }
        Ok(release)
    }

    /// What is signed of a release of version 2.
    pub fn message(&self) -> Vec<u8> {
        let unsigned = Self { signature: None, typ: BidderReleaseTyp::Signed, ..self.clone() };
        [b"etrade/bidder-release/v2\n".as_slice(), &jcs(&unsigned)].concat()
    }

    /// The same as version 2, signed by `signer`.
    ///
    /// # Errors
    /// The key can not sign.
    pub fn signed(self, signer: &Signer) -> Result<Self, SealError> {
        let signature = Some(signer.sign(&self.message())?);
        Ok(Self { signature, typ: BidderReleaseTyp::Signed, ..self })
    }

    /// Hash for the log; the release itself never enters it.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&jcs(self)])
    }

    /// Locks the key of `file` to `session`; refuses a key that is not `manifest`'s.
    pub fn make(file: &BidderKeyFile, manifest: &Manifest, session: &[u8; 65]) -> Result<Self, SealError> {
        let k_b = Secret(file.k_b.0);
        if file.m.0 != manifest.id() || !manifest.is_bidder_key(&k_b) {
            return Err(SealError::Key("this key file belongs to another bid"));
        }
        let sealed = Bytes(bidder_box(&manifest.ctx.hash(), &k_b, session)?);
        let (session, typ) = (Bytes(*session), BidderReleaseTyp::Unsigned);
        Ok(Self { sealed, m: file.m, session, signature: None, typ })
    }

    /// Opens the key; refuses one that `manifest` did not commit to.
    pub fn open(&self, manifest: &Manifest, session: &BoxKey) -> Result<Secret, SealError> {
        let k_b = session.open_bidder_key(&manifest.ctx.hash(), &self.sealed.0)?;
        if self.m.0 != manifest.id() || !manifest.is_bidder_key(&k_b) {
            return Err(SealError::Key("it is not the key that the bid committed to"));
        }
        Ok(k_b)
    }
}
