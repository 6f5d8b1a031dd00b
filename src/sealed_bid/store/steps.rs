//! Submissions and withdrawals.
//!
//! They are found by tags over running numbers (`tag(lot, 1)`, `tag(lot, 2)`, …), each used once. Numbers are given
//! without gaps, so the last one is found by a search in a few looks; no counter is stored anywhere. The steps on a lot are
//! numbered in several lanes, a bidder's always in the same one: bidders of different lanes do not wait for each other.

use super::{id, sealed_bid_step};
use crate::account::rules::Person;
use crate::ledger::{self, EntryId};
use crate::party::rules::Organisation;
use crate::platform::database::Db;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::sealed_bid::rules::{
    Deed, Kept, ROW_PAD, Step, StepRecord, Upload, complete_bidders, missing_envelopes, standing_bid,
};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::Signature;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const BODY: &str = "sealed_bid/step";

/// Lanes of a lot. Twelve writers at most are at work on one database (`platform::database`), so that few meet in one lane.
const LANES: u8 = 16;

/// The lane in which an organisation's steps are numbered.
pub(in crate::sealed_bid) fn lane(bidder: Id<Organisation>) -> u8 {
    sha256(&[&bidder.to_bytes()]).first().map_or(0, |byte| byte % LANES)
}

/// A series of steps that can be walked with the vault's key, and only with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::sealed_bid) enum Series {
    /// All steps on a lot in one lane.
    Lot(Id<Lot>, u8),
    /// All steps of one organisation on one envelope of a lot.
    Bid(Id<Lot>, EnvelopeKind, Id<Organisation>),
    /// All steps of one organisation.
    Bidder(Id<Organisation>),
    /// All covers of a week, counted from 1970.
    Covers(i64),
}

impl Series {
    fn tag(self, vault: &Vault, number: u64) -> String {
        let number = number.to_be_bytes();
        match self {
            // as all steps of a lot were numbered before there were lanes
            Self::Lot(lot, 0) => vault.tag("sealed_bid/of_lot", &[&lot.to_bytes(), &number]),
            Self::Lot(lot, lane) => vault.tag("sealed_bid/of_lot", &[&lot.to_bytes(), &[lane], &number]),
            Self::Bid(lot, kind, bidder) => vault.tag(
                "sealed_bid/of_bid",
                &[&lot.to_bytes(), kind.code().as_bytes(), &bidder.to_bytes(), &number],
            ),
            Self::Bidder(bidder) => vault.tag("sealed_bid/of_bidder", &[&bidder.to_bytes(), &number]),
            Self::Covers(week) => vault.tag("sealed_bid/covers", &[&week.to_be_bytes(), &number]),
        }
    }
}

pub(super) type StepColumns = (String, String, Vec<u8>, i64);
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
        Series::Lot(..) | Series::Covers(_) => table
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
    rows(db, vault, series)?.into_iter().map(|row| kept(vault, row)).collect()
}

/// The rows of a series, in order.
pub(super) fn rows(db: &mut Db, vault: &Vault, series: Series) -> Result<Vec<StepColumns>, Fault> {
    let mut all = Vec::new();
    let mut from = 1;
    loop {
        let tags: Vec<String> = (from..from + BATCH).map(|number| series.tag(vault, number)).collect();
        let mut found = tagged(db, series, &tags)?;
        let place = |tag: &str| tags.iter().position(|other| other == tag);
        found.sort_by_key(|(tag, _)| place(tag));
        let full = found.len() as u64 == BATCH;
        all.extend(found.into_iter().map(|(_, row)| row));
        if !full {
            return Ok(all);
        }
        from += BATCH;
    }
}

/// All steps of all bidders on a lot; those of one bidder in their order. **Secret until the closing.**
pub(crate) fn steps_of_lot(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<Kept>, Fault> {
    let mut all = Vec::new();
    for lane in 0..LANES {
        all.extend(steps(db, vault, Series::Lot(lot, lane))?);
    }
    Ok(all)
}

/// Which of these tags are taken.
fn taken(db: &mut Db, series: Series, tags: &[String]) -> Result<HashSet<String>, Fault> {
    let table = sealed_bid_step::table;
    let found: Vec<String> = match series {
        Series::Lot(..) | Series::Covers(_) => {
            table.filter(sealed_bid_step::of_lot.eq_any(tags)).select(sealed_bid_step::of_lot).load(db)?
        }
        Series::Bid(..) => {
            table.filter(sealed_bid_step::of_bid.eq_any(tags)).select(sealed_bid_step::of_bid).load(db)?
        }
        Series::Bidder(_) => table
            .filter(sealed_bid_step::of_bidder.eq_any(tags))
            .select(sealed_bid_step::of_bidder)
            .load(db)?,
    };
    Ok(found.into_iter().collect())
}

/// The first number of a series that is not used yet.
fn next_number(db: &mut Db, vault: &Vault, series: Series) -> Result<u64, Fault> {
    first_free(|numbers| {
        let tags: Vec<String> = numbers.iter().map(|number| series.tag(vault, *number)).collect();
        let taken = taken(db, series, &tags)?;
        Ok(tags.iter().filter(|tag| taken.contains(*tag)).count())
    })
}

/// The first free of the numbers 1, 2, 3 …, which are used in order. `used` tells how many of some ascending numbers are. Asks first for
/// the powers of two, then for numbers evenly between the last used and the first free one: three times among some thousands, seven times
/// among some thousand millions.
fn first_free(mut used: impl FnMut(&[u64]) -> Result<usize, Fault>) -> Result<u64, Fault> {
    let (mut last, mut free) = (0, 1 << 32);
    let mut asked: Vec<u64> = (0..32).map(|power| 1 << power).collect();
    while !asked.is_empty() {
        let count = used(&asked)?;
        free = asked.get(count).copied().unwrap_or(free);
        last = count.checked_sub(1).and_then(|at| asked.get(at)).copied().unwrap_or(last);
        let step = (free - last).div_ceil(BATCH);
        asked = (1..BATCH).map(|part| last + part * step).take_while(|number| *number < free).collect();
    }
    Ok(free)
}

/// Adds a step. The caller holds the lot's lane and the bidder's series for itself.
pub(in crate::sealed_bid) fn insert_step(db: &mut Db, vault: &Vault, step: &Kept) -> Result<(), Fault> {
    let StepRecord { lot, envelope, organisation, .. } = step.record;
    let of_lot = next_tag(db, vault, Series::Lot(lot, lane(organisation)))?;
    let of_bid = next_tag(db, vault, Series::Bid(lot, envelope, organisation))?;
    let of_bidder = next_tag(db, vault, Series::Bidder(organisation))?;
    let body = serde_json::to_vec(&step.record)?;
    insert_row(db, vault, [of_lot, of_bid, of_bidder], (step.id, step.entry, body, step.at))
}

/// The tag under which the next step of a series is found.
pub(super) fn next_tag(db: &mut Db, vault: &Vault, series: Series) -> Result<String, Fault> {
    Ok(series.tag(vault, next_number(db, vault, series)?))
}

/// Writes a row, which looks the same for whatever it is.
pub(super) fn insert_row(
    db: &mut Db,
    vault: &Vault,
    [of_lot, of_bid, of_bidder]: [String; 3],
    (step, entry, body, at): (Id<Step>, EntryId, Vec<u8>, Moment),
) -> Result<(), Fault> {
    diesel::insert_into(sealed_bid_step::table)
        .values((
            sealed_bid_step::id.eq(step.to_string()),
            sealed_bid_step::of_lot.eq(of_lot),
            sealed_bid_step::of_bid.eq(of_bid),
            sealed_bid_step::of_bidder.eq(of_bidder),
            sealed_bid_step::entry_id.eq(entry.to_string()),
            sealed_bid_step::body.eq(vault.seal_padded(BODY, body, ROW_PAD)),
            sealed_bid_step::at.eq(at.micros()),
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

/// The bids that stand in any envelope of a lot when the log's closing checkpoint has `closing_size` leaves: of each bidder and
/// envelope the last step below it, if that is a submission. **Secret until the closing.**
fn standing(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    closing_size: u64,
) -> Result<Vec<(EnvelopeKind, CountedEnvelope)>, Fault> {
    let mut bids: HashMap<(EnvelopeKind, Id<Organisation>), Vec<Placed>> = HashMap::new();
    let all = steps_of_lot(db, vault, lot)?;
    for (leaf, step) in placed(db, all)? {
        if leaf < closing_size {
            bids.entry((step.record.envelope, step.record.organisation)).or_default().push((leaf, step));
        }
    }
    Ok(bids.into_iter().filter_map(|((kind, _), own)| Some((kind, last_of(own)?))).collect())
}

/// What the closing of a box finds in it.
#[derive(Debug, Default)]
pub struct Found {
    /// The bids of whole bidders, by envelope; each envelope's sorted by manifest id, as its bid set is.
    pub counted: HashMap<EnvelopeKind, Vec<CountedEnvelope>>,
    /// Bidders of whom an envelope is missing: their bids count as taken back.
    pub incomplete: BTreeSet<Id<Organisation>>,
}

/// What is in the box of a lot when the log's closing checkpoint has `closing_size` leaves. **Secret until the closing**: call it
/// in or after the closing act only.
pub fn found(db: &mut Db, vault: &Vault, lot: Id<Lot>, closing_size: u64) -> Result<Found, Fault> {
    let standing = standing(db, vault, lot, closing_size)?;
    let bidders: Vec<_> = standing.iter().map(|(kind, bid)| (*kind, bid.organisation)).collect();
    let complete = complete_bidders(&bidders);
    let mut found = Found::default();
    for (kind, bid) in standing {
        if complete.contains(&bid.organisation) {
            found.counted.entry(kind).or_default().push(bid);
        } else {
            found.incomplete.insert(bid.organisation);
        }
    }
    found.counted.values_mut().for_each(|bids| bids.sort_by_key(|bid| bid.m));
    Ok(found)
}

/// The bids of [`found`] that count on one envelope. **Secret until the closing**: call it in or after the closing act only.
pub fn counted(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
    kind: EnvelopeKind,
    closing_size: u64,
) -> Result<Vec<CountedEnvelope>, Fault> {
    Ok(found(db, vault, lot, closing_size)?.counted.remove(&kind).unwrap_or_default())
}

/// As [`counted`], of one bidder: looks at this bidder's steps only.
pub fn counted_of(
    db: &mut Db,
    vault: &Vault,
    (lot, kind): (Id<Lot>, EnvelopeKind),
    bidder: Id<Organisation>,
    closing_size: u64,
) -> Result<Option<CountedEnvelope>, Fault> {
    let (mut standing, mut asked) = (Vec::new(), None);
    for one in kind.whole() {
        let own = steps_of_bid(db, vault, lot, *one, bidder)?;
        let mut own = placed(db, own)?;
        own.retain(|(leaf, _)| *leaf < closing_size);
        let Some(bid) = last_of(own) else { continue };
        standing.push(*one);
        if *one == kind {
            asked = Some(bid);
        }
    }
    Ok(asked.filter(|_| missing_envelopes(&standing).is_empty()))
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

#[cfg(test)]
mod tests {
    use super::first_free;

    #[test]
    fn the_next_number_is_found_in_few_looks_however_long_the_series_is() {
        for used in (0..5000).chain([65_535, 65_536, 1_000_000, 3_000_000_000]) {
            let mut looks = 0;
            let free = first_free(|numbers| {
                looks += 1;
                assert!(numbers.is_sorted(), "{numbers:?}");
                Ok(numbers.iter().filter(|number| **number <= used).count())
            });
            assert_eq!(free.unwrap(), used + 1);
            assert!(looks <= 3 + u32::from(used >= 5000) * 4, "{looks} looks at {used}");
        }
    }
}
