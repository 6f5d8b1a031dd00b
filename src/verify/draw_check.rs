//! Draws of experts and of coefficients: drawn again from their documents, which the log must have held in the
//! order that makes the draw fair.

use std::io::{Read, Seek};

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::expert_draw::coefficient::CoefficientRecord;
use crate::expert_draw::draw::{DrawRecord, doc_hash};
use crate::ledger::tree::Hash;
use crate::platform::canonical::from_jcs;

/// Checks every document below `draw/`.
pub fn check<R: Read + Seek>(bundle: &Bundle<R>, proven: &Proven, findings: &mut Findings) {
    let mut any = false;
    for (path, bytes) in bundle.below("draw/") {
        any = true;
        match one(path, bytes, bundle, proven) {
            Ok(words) => findings.holds("draw", words),
            Err(error) => findings.broken("draw", format!("{path}: {error}")),
        }
    }
    if !any {
        findings.absent("draw", "the bundle has no draw");
    }
}

fn one<R>(path: &str, bytes: &[u8], bundle: &Bundle<R>, proven: &Proven) -> Result<String, String> {
    if let Ok(record) = from_jcs::<DrawRecord>(bytes) {
        of_this_lot(&record.doc.tender, &record.doc.lot, bundle)?;
        record.check().map_err(|e| e.to_string())?;
        let list = logged("list of candidates", &record.doc.list.0, proven)?;
        let fixed = logged("document", &doc_hash(&record.doc).0, proven)?;
        if list > fixed {
            return Err(format!("the list (entry {list}) is younger than the document (entry {fixed})"));
        }
        let seats: usize = record.result.strata.iter().map(|stratum| stratum.selected.len()).sum();
        let (draw, from) = (record.doc.id, record.doc.candidates.len());
        return Ok(format!(
            "{draw}: {seats} seats out of {from} candidates, drawn again with the same result"
        ));
    }
    let record: CoefficientRecord = from_jcs(bytes).map_err(|e| format!("not the record of a draw: {e}"))?;
    of_this_lot(&record.doc.tender, &record.doc.lot, bundle)?;
    record.check().map_err(|e| e.to_string())?;
    logged("document", &doc_hash(&record.doc).0, proven)?;
    let (name, value) = (&record.doc.name, &record.result.value);
    Ok(format!("{}: {name} = {value}, drawn again with the same result ({path})", record.doc.id))
}

fn of_this_lot<R>(tender: &str, lot: &str, bundle: &Bundle<R>) -> Result<(), String> {
    let same = tender == bundle.contents.tender && lot == bundle.contents.lot;
    if same { Ok(()) } else { Err(format!("it is of tender {tender} lot {lot}")) }
}

fn logged(what: &str, hash: &Hash, proven: &Proven) -> Result<u64, String> {
    proven.names(hash).ok_or_else(|| format!("the log does not hold the hash of its {what}"))
}
