//! Opening an envelope: gathers what is needed, has the rules issue the warrant, unseals outside any act, records the
//! result in one.

use super::actions;
use super::rules::{self, Closing, Refusal};
use super::store::{self, Sitting};
use super::unsealing::{Material, Sealed, unseal};
use crate::account::authority::Authority;
use crate::account::who::Who;
use crate::ledger::Door;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::project::store as projects;
use crate::sealed_bid::{store as bids, trustees_store};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::release::OpeningBundle;
use crate::sealing::warrant::OpeningWarrant;

/// Opens an envelope with the shares that were released. `given_up`: trustees who have not released are declared lost,
/// and bids that need them are recorded as not opened. Blocks; in pages use [`open`].
///
/// # Errors
/// Refused without warrant (see [`rules::warrant`]), for people who may not, and when bids must wait for more trustees.
pub fn open_blocking(
    door: &Door,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    given_up: bool,
) -> Result<(), Failure> {
    let now = door.now();
    let vault = door.vault().clone();
    let (warrant, material) = door.read(|db| gather(db, &vault, lot, envelope, given_up, now))?;
    let lost = if given_up { missing(&material) } else { Vec::new() };
    let unsealed = match unseal(door.files(), authority, &warrant, &material)? {
        Ok(unsealed) => unsealed,
        Err(trustees) => return Err(Refused::from(Refusal::WaitFor { trustees }).into()),
    };
    let by = who.clone();
    door.write(who.actor(), move |act| actions::record_opening(act, &by, lot, envelope, &unsealed, lost))?;
    Ok(())
}

/// [`open_blocking`] off the async threads.
///
/// # Errors
/// As [`open_blocking`].
pub async fn open(
    door: Door,
    authority: Authority,
    who: Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    given_up: bool,
) -> Result<(), Failure> {
    let work = move || open_blocking(&door, &authority, &who, lot, envelope, given_up);
    tokio::task::spawn_blocking(work).await.map_err(Fault::from)?
}

fn missing(material: &Material) -> Vec<u8> {
    let released = |i: u8| material.releases.iter().any(|release| release.i == i);
    material.trustees.members.iter().map(|member| member.i).filter(|i| !released(*i)).collect()
}

fn gather(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    given_up: bool,
    now: Moment,
) -> Result<(OpeningWarrant, Material), Failure> {
    let facts = projects::known_lot(db, lot)?;
    let closing = store::closing(db, lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let sitting = store::sitting(db, lot, envelope)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let trustees = trustees_store::complete_set(db, facts.tender)?;
    let trustees = trustees.ok_or_else(|| Fault::new("bids without a trustee set"))?;
    let releases: Vec<_> =
        store::releases(db, lot, envelope)?.into_iter().map(|found| found.release).collect();
    let released: Vec<u8> = releases.iter().map(|release| release.i).collect();
    let warrant = rules::warrant(
        &rules::Facts {
            deadline: facts.plan()?.bid_deadline(),
            closing: Some(&closing),
            minimum: facts.terms.minimum_bidders,
            trustees: &trustees,
            set: &sitting.bid_set,
            released: &released,
            opened: sitting.opened_at.is_some(),
        },
        now,
    )
    .map_err(Refused::from)?;
    let session = store::session_key(db, vault, lot, envelope)?;
    let session = session.ok_or(Refused::from(Refusal::AlreadyOpened))?;
    let bids = sealed(db, vault, &facts, envelope, &closing)?;
    Ok((warrant, Material { trustees, releases, session, bids, given_up }))
}

fn sealed(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    envelope: EnvelopeKind,
    closing: &Closing,
) -> Result<Vec<Sealed>, Failure> {
    let mut sealed = Vec::new();
    for counted in bids::counted(db, vault, facts.lot, envelope, closing.size)? {
        let organisation = crate::party::store::get(db, counted.organisation)?;
        let organisation = organisation.ok_or_else(|| Fault::new("a bid of no organisation"))?;
        let parts = bids::parts(db, counted.upload)?;
        sealed.push(Sealed { counted, parts, credit_code: organisation.credit_code });
    }
    Ok(sealed)
}

/// What trustees get: the bid set, its manifests, the session's key.
///
/// # Errors
/// Refused before the closing and after the opening.
pub fn bundle(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    sitting: &Sitting,
) -> Result<OpeningBundle, Failure> {
    let closing = store::closing(db, facts.lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let trustees = trustees_store::complete_set(db, facts.tender)?;
    let trustees = trustees.ok_or_else(|| Fault::new("bids without a trustee set"))?;
    let counted = bids::counted(db, vault, facts.lot, sitting.envelope, closing.size)?;
    Ok(OpeningBundle {
        bid_set: sitting.bid_set.clone(),
        manifests: counted.into_iter().map(|bid| bid.manifest).collect(),
        opens_at: facts.plan()?.bids_until,
        session: crate::sealing::document::Bytes(sitting.session),
        trustees,
        typ: crate::sealing::release::BundleTyp,
    })
}
