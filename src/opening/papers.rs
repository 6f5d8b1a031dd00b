//! What shows trustees that the papers of an opening are true: the entries of the log that an opening rests on, and the way
//! of each of them, and of every bid, to a signed checkpoint (`docs/formats/sealed-bid.md`, section 11).

use super::rules::Refusal;
use crate::ledger::act::Opened;
use crate::ledger::store::{self as log, EntryRow, Tiles};
use crate::ledger::tree::{self, Remembered};
use crate::ledger::{Door, Subject};
use crate::ledger::{rotation_store, witnessing};
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::standing::LotFacts;
use crate::sealed_bid::shown;
use crate::sealed_bid::store::CountedEnvelope;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::log_proof::{LogProof, ShownBid};
use serde::Deserialize;

/// An entry that an opening rests on.
struct Ground {
    index: u64,
    opened: Opened,
}

/// As much of an event as says whether it is about this opening.
#[derive(Deserialize)]
struct Document {
    event: About,
}

#[derive(Deserialize)]
struct About {
    #[serde(default)]
    lot: Option<String>,
    #[serde(default)]
    envelope: Option<EnvelopeKind>,
}

/// The log's part of an opening bundle.
///
/// # Errors
/// Refused until enough witnesses have cosigned everything that it shows, by their own clocks not before `since`.
pub(super) fn proof(
    door: &Door,
    db: &mut Db,
    facts: &LotFacts,
    envelope: EnvelopeKind,
    (closing, since): (u64, Moment),
    counted: &[CountedEnvelope],
) -> Result<LogProof, Failure> {
    let grounds = grounds(door, db, facts, envelope, closing)?;
    let above = grounds.last().map_or(0, |ground| ground.index.saturating_add(1)).max(closing);
    let shown = witnessing::newest_shown(door, db, above, since)?;
    let (size, checkpoint) = shown.ok_or(Refused::from(Refusal::NotWitnessed))?;
    let rotations = rotation_store::rotations(db)?.to_string();
    let mut blinds = Vec::with_capacity(counted.len());
    for bid in counted {
        let row = log::entry(db, bid.entry)?.ok_or_else(|| Fault::new("a bid without an entry"))?;
        blinds.push(shown::blind(&door.opened(&row)?)?);
    }
    let found = Found { grounds, blinds, size, checkpoint, policy: door.told_policy(), rotations };
    Ok(found.proof(db, closing, counted)?)
}

/// Everything that goes into a proof but the hashes.
struct Found {
    grounds: Vec<Ground>,
    /// Of the bids, in the order of the bid set.
    blinds: Vec<Bytes<32>>,
    size: u64,
    checkpoint: String,
    policy: String,
    rotations: String,
}

impl Found {
    fn proof(self, db: &mut Db, closing: u64, counted: &[CountedEnvelope]) -> Result<LogProof, Fault> {
        let Self { grounds, blinds, size, checkpoint, policy, rotations } = self;
        let tiles = Remembered::new(Tiles::new(db));
        let mut bids = Vec::with_capacity(counted.len());
        for (bid, blind) in counted.iter().zip(blinds) {
            bids.push(ShownBid {
                blind,
                proof: shown::hashes(tree::inclusion_proof(&tiles, bid.leaf, closing)?),
            });
        }
        let mut entries = Vec::with_capacity(grounds.len());
        for Ground { index, opened } in grounds {
            entries.push(shown::entry(&opened, index, tree::inclusion_proof(&tiles, index, size)?)?);
        }
        let closing = shown::hashes(tree::consistency_proof(&tiles, closing, size)?);
        Ok(LogProof { bids, checkpoint, closing, entries, policy, rotations })
    }
}

/// The entries that the opening rests on, in their order: every notice and every move of the deadline before the closing,
/// the closing, the session, and the end of the bidders' time.
///
/// # Errors
/// Refused as long as one of them has no place in the log yet.
fn grounds(
    door: &Door,
    db: &mut Db,
    facts: &LotFacts,
    envelope: EnvelopeKind,
    closing: u64,
) -> Result<Vec<Ground>, Failure> {
    let subject = Subject::open(facts.tender).column(door.vault());
    let lot = facts.lot.to_string();
    let mut grounds = Vec::new();
    for row in log::entries_about(db, &[subject])? {
        let opened = door.opened(&row)?;
        let object = shown::object(&opened)?;
        let about = || serde_json::from_slice(&object).map(|document: Document| document.event);
        let index = index_of(&row);
        let concerns = match opened.number {
            // what has no place yet came behind the closing
            33 | 221 => index.is_some_and(|index| index < closing),
            130 => about().is_ok_and(|event| event.lot.as_ref() == Some(&lot)),
            132 | 142 => about()
                .is_ok_and(|event| event.lot.as_ref() == Some(&lot) && event.envelope == Some(envelope)),
            _ => false,
        };
        if concerns {
            // durable, and on its way to its place: without it the papers would be untrue
            let index = index.ok_or(Refused::from(Refusal::NotWitnessed))?;
            grounds.push(Ground { index, opened });
        }
    }
    grounds.sort_by_key(|ground| ground.index);
    Ok(grounds)
}

fn index_of(row: &EntryRow) -> Option<u64> {
    row.log_index.and_then(|index| u64::try_from(index).ok())
}
