//! Opening an envelope: gathers what is needed, has the rules issue the warrant, unseals outside any act, records the
//! result in one.

use super::progress::Progress;
use super::rules::{self, Blame, Closing, Refusal};
use super::store::{self, Sitting};
use super::unsealing::{Material, Sealed, unseal};
use super::{actions, bidders, papers};
use crate::account::authority::Authority;
use crate::account::role::Role;
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
use crate::sealed_bid::store::CountedEnvelope;
use crate::sealed_bid::{store as bids, trustees_store};
use crate::sealing::bidder_key::{KeyBundle, KeyBundleTyp};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::manifest::SecondHolder;
use crate::sealing::release::{BundleTyp, OpeningBundle};
use crate::sealing::warrant::OpeningWarrant;
use std::collections::BTreeMap;

/// Opens an envelope with the shares that were released; `progress` tells those who watch. `given_up`: trustees who have
/// not released are declared lost, and bids that need them are recorded as not opened. Who asks while another one opens it here
/// waits for that, and is done if it came to an end. Blocks; in pages use [`open`].
///
/// # Errors
/// Refused without warrant (see [`rules::warrant`]), for people who may not, and when bids must wait for more trustees.
pub fn open_blocking(
    door: &Door,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    (envelope, given_up): (EnvelopeKind, bool),
    progress: &Progress,
) -> Result<(), Failure> {
    let (follower, waited) = progress.claim(door, lot, envelope);
    let now = door.now();
    let vault = door.vault().clone();
    let gathered = door.read(|db| gather(db, &vault, lot, envelope, given_up, now));
    let (warrant, material) = match gathered {
        Err(Failure::Refused(refused)) if waited && refused == Refusal::AlreadyOpened.into() => return Ok(()),
        gathered => gathered?,
    };
    let excused = material.absent.iter().filter(|(_, why)| why.blame == Blame::Outside);
    let excused = excused.map(|(m, _)| *m).collect();
    let lost = if given_up { missing(&material) } else { Vec::new() };
    follower.begin(material.bids.len());
    let unsealed = match unseal(door.files(), authority, &warrant, &material, &follower)? {
        Ok(unsealed) => unsealed,
        Err(trustees) => return Err(Refused::from(Refusal::WaitFor { trustees }).into()),
    };
    let by = who.clone();
    door.write(who.actor(), move |act| {
        actions::record_opening(act, &by, lot, envelope, &unsealed, (lost, &excused))
    })?;
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
    how: (EnvelopeKind, bool),
    progress: Progress,
) -> Result<(), Failure> {
    let work = move || open_blocking(&door, &authority, &who, lot, how, &progress);
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
    let phase = store::bidders(db, lot, envelope)?;
    let released: Vec<u8> = releases.iter().map(|release| release.i).collect();
    let warrant = rules::warrant(
        &rules::Facts {
            deadline: facts.plan()?.bid_deadline(),
            closing: Some(&closing),
            minimum: facts.terms.minimum_bidders,
            trustees: &trustees,
            set: &sitting.bid_set,
            released: &released,
            bidders: phase.as_ref(),
            opened: sitting.opened_at.is_some(),
        },
        now,
    )
    .map_err(Refused::from)?;
    let session = store::session_key(db, vault, lot, envelope)?;
    let session = session.ok_or(Refused::from(Refusal::AlreadyOpened))?;
    let bids = sealed(db, vault, &facts, envelope, &closing)?;
    let absent = match &phase {
        Some(phase) => bidders::causes(db, lot, envelope, phase)?,
        None => BTreeMap::new(),
    };
    let keys = store::keys(db, lot, envelope)?.into_iter().map(|key| key.release).collect();
    Ok((warrant, Material { trustees, releases, keys, absent, session, bids, given_up }))
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

/// What trustees get: the bid set, its manifests, the session's key, and what in the log shows that all of it is so.
///
/// # Errors
/// Refused before the closing, until the end of the bidders' time is on record, and until enough witnesses have cosigned
/// what the log says of the opening.
pub fn bundle(
    door: &Door,
    db: &mut Db,
    facts: &LotFacts,
    sitting: &Sitting,
    now: Moment,
) -> Result<OpeningBundle, Failure> {
    let closing = store::closing(db, facts.lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let counted = bids::counted(db, door.vault(), facts.lot, sitting.envelope, closing.size)?;
    let mut bundle = claimed(db, facts, sitting, &counted, now)?;
    if let Some(phase) = store::bidders(db, facts.lot, sitting.envelope)?.filter(|it| it.ended_at.is_none()) {
        let (until, waiting) = (phase.until, phase.absent().len());
        return Err(Refused::from(Refusal::BiddersFirst { until, waiting }).into());
    }
    let absent = bundle.bidders.as_ref().filter(|phase| !phase.absent.is_empty());
    let since = absent.map_or(bundle.opens_at, |phase| phase.until.max(bundle.opens_at));
    bundle.log = Some(papers::proof(door, db, facts, sitting.envelope, (closing.size, since), &counted)?);
    Ok(bundle)
}

/// What the platform says of an opening, without anything that shows it.
pub(super) fn claimed(
    db: &mut Db,
    facts: &LotFacts,
    sitting: &Sitting,
    counted: &[CountedEnvelope],
    now: Moment,
) -> Result<OpeningBundle, Failure> {
    let trustees = trustees_store::complete_set(db, facts.tender)?;
    let trustees = trustees.ok_or_else(|| Fault::new("bids without a trustee set"))?;
    Ok(OpeningBundle {
        bidders: bidders::told(db, facts.lot, sitting.envelope, now)?,
        bid_set: sitting.bid_set.clone(),
        drill: None,
        log: None,
        manifests: counted.iter().map(|bid| bid.manifest.clone()).collect(),
        opens_at: facts.plan()?.bids_until,
        session: Bytes(sitting.session),
        trustees,
        typ: BundleTyp::Opening,
    })
}

/// What a holder of bidders' keys gets: the session's key and those of its bids whose keys have not come. These are the bids of
/// `who`'s organisation, and the bids that name `holder` as their second holder.
///
/// # Errors
/// Refused before the closing, where no bid is locked twice, and when the bidders' time is over.
pub fn key_bundle(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    sitting: &Sitting,
    (who, holder): (&Who, Option<Bytes<65>>),
    now: Moment,
) -> Result<KeyBundle, Failure> {
    let closing = store::closing(db, facts.lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let phase = store::bidders(db, facts.lot, sitting.envelope)?;
    let phase = phase.ok_or(Refused::from(Refusal::NoBidderLock))?;
    if phase.is_over(now) {
        return Err(Refused::from(Refusal::KeysOver { until: phase.until }).into());
    }
    let absent = phase.absent();
    let named = |second: &SecondHolder| holder == Some(second.hpke);
    let (envelope, size) = (sitting.envelope, closing.size);
    let counted = match holder {
        // a second holder may be named by any bid
        Some(_) => bids::counted(db, vault, facts.lot, envelope, size)?,
        None => {
            let own = bids::counted_of(db, vault, (facts.lot, envelope), who.organisation, size)?;
            own.into_iter().collect()
        }
    };
    let manifests = counted
        .into_iter()
        .filter(|bid| {
            let own = who.role == Role::Bidder && bid.organisation == who.organisation;
            own || bid.manifest.lock.second.as_ref().is_some_and(named)
        })
        .filter(|bid| absent.contains(&Bytes(bid.m)))
        .map(|bid| bid.manifest);
    Ok(KeyBundle {
        manifests: manifests.collect(),
        opens_at: facts.plan()?.bids_until,
        session: Bytes(sitting.session),
        typ: KeyBundleTyp,
        until: phase.until,
    })
}
