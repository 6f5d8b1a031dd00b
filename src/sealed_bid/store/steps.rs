//! Submissions and withdrawals.
//!
//! They are found by tags over running numbers (`tag(lot, 1)`, `tag(lot, 2)`, …), each used once. Numbers are given
//! without gaps, so the last one is found by a search that doubles and halves; no counter is stored anywhere.

use super::{id, sealed_bid_step};
use crate::account::rules::Person;
use crate::ledger::{self, EntryId};
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::sealed_bid::rules::{Deed, Kept, Step, StepRecord, Upload, standing_bid};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::Signature;
use diesel::prelude::*;
use std::collections::HashMap;

const BODY: &str = "sealed_bid/step";

/// A series of steps that can be walked with the vault's key, and only with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::sealed_bid) enum Series {
    /// All steps on a lot.
    Lot(Id<Lot>),
    /// All steps of one organisation on one envelope of a lot.
    Bid(Id<Lot>, EnvelopeKind, Id<Organisation>),
    /// All steps of one organisation.
    Bidder(Id<Organisation>),
}

impl Series {
    fn tag(self, vault: &Vault, number: u64) -> String {
        let number = number.to_be_bytes();
        match self {
            Self::Lot(lot) => vault.tag("sealed_bid/of_lot", &[&lot.to_bytes(), &number]),
            Self::Bid(lot, kind, bidder) => vault.tag(
                "sealed_bid/of_bid",
                &[&lot.to_bytes(), kind.code().as_bytes(), &bidder.to_bytes(), &number],
            ),
            Self::Bidder(bidder) => vault.tag("sealed_bid/of_bidder", &[&bidder.to_bytes(), &number]),
        }
    }
}

type StepColumns = (String, String, Vec<u8>, i64);
const STEP: (sealed_bid_step::id, sealed_bid_step::entry_id, sealed_bid_step::body, sealed_bid_step::at) =
    (sealed_bid_step::id, sealed_bid_step::entry_id, sealed_bid_step::body, sealed_bid_step::at);

fn kept(vault: &Vault, (step, entry, body, at): StepColumns) -> Result<Kept, Fault> {
    let record: StepRecord = serde_json::from_slice(&vault.open(BODY, &body)?)?;
    Ok(Kept { id: id(&step)?, at: Moment::from_micros(at), entry: id(&entry)?, record })
}

/// The rows with these tags, with their tags.
fn tagged(db: &mut Db, series: Series, tags: &[String]) -> Result<Vec<(String, StepColumns)>, Fault> {
    let table = sealed_bid_step::table;
    Ok(match series {
        Series::Lot(_) => table
            .filter(sealed_bid_step::of_lot.eq_any(tags))
            .select((sealed_bid_step::of_lot, STEP))
            .load(db)?,
        Series::Bid(..) => table
            .filter(sealed_bid_step::of_bid.eq_any(tags))
            .select((sealed_bid_step::of_bid, STEP))
            .load(db)?,
        Series::Bidder(_) => table
            .filter(sealed_bid_step::of_bidder.eq_any(tags))
            .select((sealed_bid_step::of_bidder, STEP))
            .load(db)?,
    })
}

/// Steps looked up at once when a series is read.
const BATCH: u64 = 64;

/// All steps of a series, in order.
pub(in crate::sealed_bid) fn steps(db: &mut Db, vault: &Vault, series: Series) -> Result<Vec<Kept>, Fault> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let tags: Vec<String> = (from..from + BATCH).map(|number| series.tag(vault, number)).collect();
        let mut found = tagged(db, series, &tags)?;
        let place = |tag: &str| tags.iter().position(|other| other == tag);
        found.sort_by_key(|(tag, _)| place(tag));
        let full = found.len() as u64 == BATCH;
        for (_, row) in found {
            all.push(kept(vault, row)?);
        }
        if !full {
            return Ok(all);
        }
        from += BATCH;
    }
}

/// All steps of all bidders on a lot, in order. **Secret until the closing.**
pub(crate) fn steps_of_lot(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<Kept>, Fault> {
    steps(db, vault, Series::Lot(lot))
}

/// The first number of a series that is not used yet. Looks at few rows however long the series is.
fn next_number(db: &mut Db, vault: &Vault, series: Series) -> Result<u64, Fault> {
    let mut exists =
        |number: u64| tagged(db, series, &[series.tag(vault, number)]).map(|rows| !rows.is_empty());
    let (mut used, mut free) = (0, 1);
    while exists(free)? {
        (used, free) = (free, free * 2);
    }
    while free - used > 1 {
        let middle = used + (free - used) / 2;
        if exists(middle)? { used = middle } else { free = middle }
    }
    Ok(free)
}

/// Adds a step. The caller holds the lot's and the bidder's series for itself.
pub(in crate::sealed_bid) fn insert_step(db: &mut Db, vault: &Vault, step: &Kept) -> Result<(), Fault> {
    let StepRecord { lot, envelope, organisation, .. } = step.record;
    let mut tag = |series: Series| Ok::<_, Fault>(series.tag(vault, next_number(db, vault, series)?));
    let of_lot = tag(Series::Lot(lot))?;
    let of_bid = tag(Series::Bid(lot, envelope, organisation))?;
    let of_bidder = tag(Series::Bidder(organisation))?;
    diesel::insert_into(sealed_bid_step::table)
        .values((
            sealed_bid_step::id.eq(step.id.to_string()),
            sealed_bid_step::of_lot.eq(of_lot),
            sealed_bid_step::of_bid.eq(of_bid),
            sealed_bid_step::of_bidder.eq(of_bidder),
            sealed_bid_step::entry_id.eq(step.entry.to_string()),
            sealed_bid_step::body.eq(vault.seal(BODY, &serde_json::to_vec(&step.record)?)),
            sealed_bid_step::at.eq(step.at.micros()),
        ))
        .execute(db)?;
    Ok(())
}

/// One step by its id.
pub(in crate::sealed_bid) fn step(db: &mut Db, vault: &Vault, step: Id<Step>) -> Result<Option<Kept>, Fault> {
    let row: Option<StepColumns> = sealed_bid_step::table
        .filter(sealed_bid_step::id.eq(step.to_string()))
        .select(STEP)
        .first(db)
        .optional()?;
    row.map(|row| kept(vault, row)).transpose()
}

/// What an organisation did on one envelope of a lot, in order.
pub(in crate::sealed_bid) fn steps_of_bid(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    bidder: Id<Organisation>,
) -> Result<Vec<Kept>, Fault> {
    steps(db, vault, Series::Bid(lot, kind, bidder))
}

/// A bid that counts at the closing.
#[derive(Clone, Debug)]
pub struct CountedEnvelope {
    /// The manifest's id.
    pub m: [u8; 32],
    pub step: Id<Step>,
    /// The log entry of its manifest, for the receipt.
    pub entry: EntryId,
    /// Index of that entry in the log.
    pub leaf: u64,
    pub at: Moment,
    pub organisation: Id<Organisation>,
    pub person: Id<Person>,
    pub manifest: Manifest,
    pub signature: Signature,
    pub upload: Id<Upload>,
}

/// The bids that count on one envelope of a lot when the log's closing checkpoint has `closing_size` leaves: of each
/// bidder the last step below it, if that is a submission. Sorted by manifest id, as the bid set is. **Secret until
/// the closing**: call it in or after the closing act only.
pub fn counted(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    closing_size: u64,
) -> Result<Vec<CountedEnvelope>, Fault> {
    let mut bidders: HashMap<Id<Organisation>, Vec<Placed>> = HashMap::new();
    let all = steps(db, vault, Series::Lot(lot))?;
    for (leaf, step) in placed(db, all)? {
        if leaf < closing_size && step.record.envelope == kind {
            bidders.entry(step.record.organisation).or_default().push((leaf, step));
        }
    }
    let mut counted: Vec<CountedEnvelope> = bidders.into_values().filter_map(last_of).collect();
    counted.sort_by_key(|envelope| envelope.m);
    Ok(counted)
}

/// As [`counted`], of one bidder: looks at this bidder's steps only.
pub fn counted_of(
    db: &mut Db,
    vault: &Vault,
    (lot, kind): (Id<Lot>, EnvelopeKind),
    bidder: Id<Organisation>,
    closing_size: u64,
) -> Result<Option<CountedEnvelope>, Fault> {
    let own = steps_of_bid(db, vault, lot, kind, bidder)?;
    let mut own = placed(db, own)?;
    own.retain(|(leaf, _)| *leaf < closing_size);
    Ok(last_of(own))
}

/// Steps with the places of their entries; without those that have none yet.
fn placed(db: &mut Db, steps: Vec<Kept>) -> Result<Vec<Placed>, Fault> {
    let entries: Vec<EntryId> = steps.iter().map(|step| step.entry).collect();
    let places = ledger::store::indices_of(db, &entries)?;
    Ok(steps.into_iter().filter_map(|step| Some((*places.get(&step.entry)?, step))).collect())
}

/// A step and the index of its leaf.
type Placed = (u64, Kept);

fn last_of(mut own: Vec<Placed>) -> Option<CountedEnvelope> {
    own.sort_by_key(|(leaf, _)| *leaf);
    let leaf = own.last()?.0;
    let steps: Vec<Kept> = own.into_iter().map(|(_, step)| step).collect();
    let last = standing_bid(&steps)?;
    let Deed::Submitted { manifest, signature, upload } = &last.record.deed else { return None };
    Some(CountedEnvelope {
        m: manifest.id(),
        step: last.id,
        entry: last.entry,
        leaf,
        at: last.at,
        organisation: last.record.organisation,
        person: last.record.person,
        manifest: manifest.as_ref().clone(),
        signature: signature.clone(),
        upload: *upload,
    })
}
