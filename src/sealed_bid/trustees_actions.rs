//! What trustees do before the bid period: give a key, sign the set.

use super::trustees::{self, Holder, Keys, Refusal, Stage};
use super::trustees_store as store;
use crate::account::authority::Authority;
use crate::account::store as people;
use crate::account::who::Who;
use crate::ledger::{Act, Event, Subject};
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::rules::Tender;
use crate::project::standing::TenderFacts;
use crate::sealing::trustees::TrusteeSet;
use serde::Serialize;

#[derive(Serialize)]
struct KeyGiven {
    tender: Id<Tender>,
    place: u8,
    /// Base64url of the box key, 65 bytes.
    hpke: String,
    /// Base64url of the signing key, 65 bytes.
    sign: String,
}

impl Event for KeyGiven {
    const KIND: &'static str = "sealed_bid.trustee_key_given";
    const NUMBER: u8 = 86;
}

#[derive(Serialize)]
struct SetCompleted<'a> {
    tender: Id<Tender>,
    /// The hash that every bid's context names, base64url.
    hash: String,
    set: &'a TrusteeSet,
}

impl Event for SetCompleted<'_> {
    const KIND: &'static str = "sealed_bid.trustee_set_completed";
    const NUMBER: u8 = 87;
}

struct Custodians {
    tender: TenderFacts,
    threshold: u8,
    holders: Vec<Holder>,
}

fn custodians(act: &mut Act<'_>, tender: Id<Tender>) -> Result<Custodians, Failure> {
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let tender = crate::project::store::tender(act.db(), tender)?.ok_or_else(missing)?;
    let custody = tender.custody.as_ref().ok_or(Refused::from(Refusal::NotNamed))?;
    let threshold = u8::try_from(custody.threshold).map_err(Fault::from)?;
    let holders = store::holders(act.db(), &tender)?;
    Ok(Custodians { tender, threshold, holders })
}

/// Takes a trustee's box key. The signing key is that of `certificate`, which must be registered to `who`.
///
/// # Errors
/// Refused if `who` is no trustee, the set is complete, the key is no point of the curve or another one's.
pub fn give_key(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    tender: Id<Tender>,
    hpke: &[u8; 65],
    certificate: &[u8],
) -> Result<(), Failure> {
    let found = custodians(act, tender)?;
    let place = trustees::place_of(&found.holders, who.person).map_err(Refused::from)?;
    let fingerprint = hex::encode(sha256(&[certificate]));
    let known = people::certificate(act.db(), &fingerprint)?;
    if known.is_none_or(|known| known.person != who.person || known.revoked_at.is_some()) {
        return Err(Refused::new(422, "account.refusal.unknown_certificate").into());
    }
    let sign = authority.check(certificate, act.now())?.key;
    trustees::check_key(&found.holders, place, hpke, &sign).map_err(Refused::from)?;
    let holder =
        found.holders.iter().find(|holder| holder.place == place).ok_or_else(|| Fault::new("no holder"))?;
    let now = act.now();
    store::put_key(act.db(), tender, holder, &Keys { hpke: *hpke, sign, sig: None }, now)?;
    let given = KeyGiven { tender, place, hpke: b64u(hpke), sign: b64u(&sign) };
    act.enter(&Subject::open(tender), &given)?;
    act.tell(topic(tender));
    Ok(())
}

/// Takes a trustee's signature under the set; the last one completes it.
///
/// # Errors
/// Refused if `who` is no trustee, keys are missing, the signature does not fit, or the set is complete.
pub fn sign_set(act: &mut Act<'_>, who: &Who, tender: Id<Tender>, sig: &[u8; 64]) -> Result<Stage, Failure> {
    let found = custodians(act, tender)?;
    let place = trustees::place_of(&found.holders, who.person).map_err(Refused::from)?;
    let number = found.tender.number.as_str();
    trustees::check_signature(number, found.threshold, &found.holders, place, sig).map_err(Refused::from)?;
    store::put_signature(act.db(), tender, place, sig)?;
    let holders = store::holders(act.db(), &found.tender)?;
    let stage = trustees::stage(&holders);
    if stage == Stage::Complete {
        let set = trustees::document(number, found.threshold, &holders).map_err(Refused::from)?;
        set.check().map_err(Fault::from)?;
        let hash = b64u(&set.hash());
        let entry = act.enter(&Subject::open(tender), &SetCompleted { tender, hash, set: &set })?;
        let now = act.now();
        store::insert_set(act.db(), tender, &set, entry, now)?;
    }
    act.tell(topic(tender));
    Ok(stage)
}

/// The live topic of a tender's trustees.
pub fn topic(tender: Id<Tender>) -> String {
    format!("sealed_bid/trustees/{tender}")
}
