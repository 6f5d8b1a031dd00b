//! The log's part of a bundle: the checkpoint, and every entry about the lot with its way to the root.

use super::{Gathering, Target};
use crate::deposit;
use crate::ledger::Subject;
use crate::ledger::act::Opened;
use crate::ledger::leaf;
use crate::ledger::rotation_store;
use crate::ledger::store::{self, EntryRow, Tiles};
use crate::ledger::tree::{self, Hash, Remembered};
use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::refusal::Fault;
use crate::verify::log_check::{
    CHECKPOINT, ENTRY_TYPE, EntryDoc, OpenedDoc, ROTATIONS, ROTATIONS_TYPE, RotationDoc, RotationsDoc,
    entry_path,
};
use serde_json::Value;

/// Subjects asked for in one query.
const SUBJECTS_MAX: usize = 200;

/// Kinds whose content is shown to nobody who is not concerned: who asked for an account number, who took which
/// document, who looked at names or took evidence away, who asked. That they are in the log is shown all the same.
const WITHHELD: [&str; 6] = [
    "announcement.document_downloaded",
    "clarification.asked",
    "deposit.account_issued",
    "expert_draw.names_read",
    "project.evidence_taken",
    "sealed_bid.refused_late",
];

pub(super) fn gather(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let Some(head) = store::head(gathering.db)? else { return Ok(()) };
    let rows = entries(gathering)?;
    // a checkpoint that witnesses cosigned says more, if all of the lot is below it already
    let above = rows.iter().filter_map(|row| row.log_index).max().map_or(0, |index| index.saturating_add(1));
    let witnessed = store::newest_met(gathering.db)?
        .filter(|kept| i64::try_from(kept.size).is_ok_and(|size| size >= above));
    let head = witnessed.map_or(Target { size: head.size, note: head.note }, |kept| Target {
        size: kept.size,
        note: kept.note,
    });
    let changes = rotation_store::rotations(gathering.db)?;
    let mut documents = Vec::with_capacity(rows.len());
    let tiles = Remembered::new(Tiles::new(gathering.db));
    for row in &rows {
        let index =
            row.log_index.and_then(|index| u64::try_from(index).ok()).filter(|index| *index < head.size);
        let Some(index) = index else { continue };
        let opened = gathering.door.opened(row)?;
        if of_another_lot(&opened, &gathering.lot.lot.to_string()) {
            continue;
        }
        let proof = tree::inclusion_proof(&tiles, index, head.size)?;
        documents.push((entry_path(index), jcs(&document(index, row, &opened, &proof)?)));
    }
    let mut rotations = Vec::new();
    for rotation in changes.list() {
        let (old, new) = (rotation.size.min(head.size), rotation.size.max(head.size));
        let proof = tree::consistency_proof(&tiles, old, new)?.iter().map(|hash| b64u(hash)).collect();
        rotations.push(RotationDoc { note: rotation.note.to_string(), proof });
    }
    drop(tiles);
    if !rotations.is_empty() {
        let doc = RotationsDoc { rotations, typ: ROTATIONS_TYPE.into() };
        documents.push((ROTATIONS.into(), jcs(&doc)));
    }
    for (path, bytes) in documents {
        gathering.document(path, bytes);
    }
    gathering.document(CHECKPOINT.into(), head.note.clone());
    gathering.head = Some(head);
    Ok(())
}

/// Every entry that may be about the lot, found by the subjects under which rooms keep them.
fn entries(gathering: &mut Gathering<'_>) -> Result<Vec<EntryRow>, Fault> {
    let (lot, vault) = (gathering.lot, gathering.door.vault());
    let mut subjects = vec![
        Subject::open(lot.tender),
        Subject::open(lot.lot),
        Subject::sealed(lot.tender),
        Subject::sealed(lot.lot),
    ];
    let deposits = deposit::store::of_lot(gathering.db, vault, lot.lot)?;
    subjects.extend(deposits.iter().map(|deposit| Subject::sealed(deposit.id)));
    subjects.extend(super::bids::subjects(gathering)?);
    let columns: Vec<String> = subjects.iter().map(|subject| subject.column(vault)).collect();
    let mut rows: Vec<EntryRow> = Vec::new();
    for columns in columns.chunks(SUBJECTS_MAX) {
        rows.extend(store::entries_about(gathering.db, columns)?);
    }
    Ok(rows)
}

/// Whether an event names another lot of the same tender.
fn of_another_lot(opened: &Opened, lot: &str) -> bool {
    let object = from_b64u(&opened.object).unwrap_or_default();
    let event: Option<Value> = serde_json::from_slice(&object).ok();
    let named = event.as_ref().and_then(|event| event.get("event")?.get("lot")?.as_str());
    // lots are also named by their number, which says nothing about whose event it is
    named.is_some_and(|named| named.len() == lot.len() && named != lot)
}

fn document(index: u64, row: &EntryRow, opened: &Opened, proof: &[Hash]) -> Result<EntryDoc, Fault> {
    let commitment =
        leaf::parse_entry(&row.leaf).ok_or_else(|| Fault::new("a damaged leaf in the database"))?;
    let shown = !WITHHELD.contains(&opened.kind.as_str());
    Ok(EntryDoc {
        c: b64u(&commitment),
        index: index.to_string(),
        opened: shown.then(|| OpenedDoc {
            blind: opened.blind.clone(),
            number: opened.number,
            object: opened.object.clone(),
        }),
        proof: proof.iter().map(|hash| b64u(hash)).collect(),
        typ: ENTRY_TYPE.into(),
    })
}
