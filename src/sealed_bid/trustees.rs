//! 密钥保管人: from the people whom the agent named to a set that all of them have signed.
//!
//! Each trustee gives the public half of a box key made for this tender; when all have, each signs the set of all keys.
//! Only then can bids be sealed (format page section 7). A bidder's client checks every signature, so a key that the
//! platform swapped is found before anything is sealed to it.

use crate::account::rules::Person;
use crate::platform::id::Id;
use crate::platform::refusal::Refused;
use crate::sealing::document::Bytes;
use crate::sealing::trustees::{Member, TrusteeSet, TrusteeSetTyp};

/// One named trustee and what came from them so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// 1 to n, in the order in which the agent named them.
    pub place: u8,
    pub person: Id<Person>,
    pub name: String,
    pub organisation: String,
    pub keys: Option<Keys>,
}

/// A trustee's public keys and, once given, the signature under the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    pub hpke: [u8; 65],
    /// The point of the certificate that the trustee signs with.
    pub sign: [u8; 65],
    pub sig: Option<[u8; 64]>,
}

/// How far the set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Box keys are missing.
    Keys { missing: usize },
    /// All keys are there; signatures are missing.
    Signatures { missing: usize },
    /// All have signed.
    Complete,
}

/// Why something about a trustee set is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The agent has named no trustees.
    NotNamed,
    NotATrustee,
    /// The set is complete: bids may be sealed to it already.
    Complete,
    /// Not all keys are there yet.
    KeysMissing {
        missing: usize,
    },
    BadKey,
    /// Another trustee of the set has this key.
    KeyTwice,
    BadSignature,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotNamed => Self::new(409, "sealed_bid.trustees.refusal.not_named"),
            Refusal::NotATrustee => Self::new(403, "sealed_bid.trustees.refusal.not_a_trustee"),
            Refusal::Complete => Self::new(409, "sealed_bid.trustees.refusal.complete"),
            Refusal::KeysMissing { missing } => {
                Self::new(409, "sealed_bid.trustees.refusal.keys_missing").with("missing", missing)
            }
            Refusal::BadKey => Self::new(422, "sealed_bid.trustees.refusal.bad_key"),
            Refusal::KeyTwice => Self::new(422, "sealed_bid.trustees.refusal.key_twice"),
            Refusal::BadSignature => Self::new(422, "sealed_bid.trustees.refusal.bad_signature"),
        }
    }
}

/// How far `holders` are.
pub fn stage(holders: &[Holder]) -> Stage {
    let missing = holders.iter().filter(|holder| holder.keys.is_none()).count();
    if missing > 0 {
        return Stage::Keys { missing };
    }
    let unsigned = |holder: &&Holder| holder.keys.as_ref().is_some_and(|keys| keys.sig.is_none());
    match holders.iter().filter(unsigned).count() {
        0 => Stage::Complete,
        missing => Stage::Signatures { missing },
    }
}

/// The place of `person` among `holders`.
pub fn place_of(holders: &[Holder], person: Id<Person>) -> Result<u8, Refusal> {
    holders
        .iter()
        .find(|holder| holder.person == person)
        .map(|holder| holder.place)
        .ok_or(Refusal::NotATrustee)
}

/// The set document of `tender` with threshold `t`; signatures that are not there yet are zeros.
pub fn document(tender: &str, t: u8, holders: &[Holder]) -> Result<TrusteeSet, Refusal> {
    let mut members = Vec::new();
    for holder in holders {
        let Stage::Keys { missing } = stage(holders) else {
            let Some(keys) = &holder.keys else { continue };
            members.push(Member {
                hpke: Bytes(keys.hpke),
                i: holder.place,
                org: holder.organisation.clone(),
                sig: Bytes(keys.sig.unwrap_or([0; 64])),
                sign: Bytes(keys.sign),
            });
            continue;
        };
        return Err(Refusal::KeysMissing { missing });
    }
    let set = TrusteeSet { members, t, tender: tender.to_owned(), typ: TrusteeSetTyp };
    set.check_without_signatures().map_err(|_| Refusal::BadKey)?;
    Ok(set)
}

/// Whether the trustee at `place` may give this key now.
pub fn check_key(holders: &[Holder], place: u8, hpke: &[u8; 65], sign: &[u8; 65]) -> Result<(), Refusal> {
    if stage(holders) == Stage::Complete {
        return Err(Refusal::Complete);
    }
    let points = crate::sealing::boxes::is_point(hpke) && crate::sealing::boxes::is_point(sign);
    if !points {
        return Err(Refusal::BadKey);
    }
    let others =
        holders.iter().filter(|holder| holder.place != place).filter_map(|holder| holder.keys.as_ref());
    let twice = others.into_iter().any(|keys| keys.hpke == *hpke || keys.sign == *sign);
    if twice { Err(Refusal::KeyTwice) } else { Ok(()) }
}

/// Whether `sig` is the signature of the trustee at `place` under the set.
pub fn check_signature(
    tender: &str,
    t: u8,
    holders: &[Holder],
    place: u8,
    sig: &[u8; 64],
) -> Result<(), Refusal> {
    if stage(holders) == Stage::Complete {
        return Err(Refusal::Complete);
    }
    let set = document(tender, t, holders)?;
    let member = set.member(place).ok_or(Refusal::NotATrustee)?;
    crate::sealing::signature::verify_es256(&member.sign.0, &set.message(), sig)
        .map_err(|_| Refusal::BadSignature)
}
