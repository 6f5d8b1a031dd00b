//! Draws of experts and of coefficients: drawn again from their documents, which the log must have held in the
//! order that makes the draw fair; the reveals and the public value must be those of the log; and whoever dropped out
//! must have been followed by the next alternate.

use super::container::Archive;
use std::collections::BTreeMap;

use serde_json::Value;

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::expert_draw::coefficient::CoefficientRecord;
use crate::expert_draw::draw::{Draw, DrawRecord, Reveals, doc_hash, seat_holders};
use crate::expert_draw::eligibility::{DrawList, list_hash};
use crate::expert_draw::hex_bytes::Hex;
use crate::expert_draw::public_value::PublicValue;
use crate::ledger::tree::Hash;
use crate::platform::canonical::from_jcs;
use crate::platform::id::Id;
use crate::platform::moment::Moment;

/// Path of a draw's record.
pub fn record_path(draw: Id<Draw>) -> String {
    format!("draw/{draw}.json")
}

/// Path of the list of candidates that a draw of experts began with.
pub fn list_path(draw: Id<Draw>) -> String {
    format!("draw/{draw}.list.json")
}

/// Checks every record below `draw/`.
pub fn check<A: Archive>(bundle: &Bundle<A>, proven: &Proven, findings: &mut Findings) {
    let mut any = false;
    for (path, bytes) in bundle.below("draw/").filter(|(path, _)| !path.ends_with(".list.json")) {
        any = true;
        match one(bytes, bundle, proven) {
            Ok(words) => findings.holds("draw", words),
            Err(error) => findings.broken("draw", format!("{path}: {error}")),
        }
    }
    if !any {
        findings.absent("draw", "the bundle has no draw");
    }
}

fn one<A: Archive>(bytes: &[u8], bundle: &Bundle<A>, proven: &Proven) -> Result<String, String> {
    if let Ok(record) = from_jcs::<DrawRecord>(bytes) {
        return experts(&record, bundle, proven);
    }
    let record: CoefficientRecord = from_jcs(bytes).map_err(|e| format!("not the record of a draw: {e}"))?;
    let doc = &record.doc;
    of_this_lot(&doc.tender, &doc.lot, bundle)?;
    record.check().map_err(|e| e.to_string())?;
    let fixed = logged("document", &doc_hash(doc).0, proven)?;
    steps(proven, doc.id, fixed, doc.reveal_by, &record.reveals, &record.public_value)?;
    Ok(format!("{}: {} = {}, drawn again with the same result", doc.id, doc.name, record.result.value))
}

fn experts<A: Archive>(record: &DrawRecord, bundle: &Bundle<A>, proven: &Proven) -> Result<String, String> {
    let doc = &record.doc;
    of_this_lot(&doc.tender, &doc.lot, bundle)?;
    record.check().map_err(|e| e.to_string())?;
    let list = logged("list of candidates", &doc.list.0, proven)?;
    let fixed = logged("document", &doc_hash(doc).0, proven)?;
    if list > fixed {
        return Err(format!("the list (entry {list}) is younger than the document (entry {fixed})"));
    }
    let removed = match bundle.document(&list_path(doc.id)) {
        Some(bytes) => {
            let list: DrawList = from_jcs(bytes).map_err(|e| format!("list: {e}"))?;
            if list_hash(&list) != doc.list || list.candidates != doc.candidates {
                return Err("the list of candidates is not the one of the document".into());
            }
            format!(" ({} removed, each for a reason)", list.removed.len())
        }
        None => String::new(),
    };
    steps(proven, doc.id, fixed, doc.reveal_by, &record.reveals, &record.public_value)?;
    let dropped = alternates(record, proven)?;
    let seats: usize = record.result.strata.iter().map(|stratum| stratum.selected.len()).sum();
    let candidates = doc.candidates.len();
    Ok(format!(
        "{}: {seats} seats out of {candidates} candidates{removed}, drawn again with the same result, {dropped} passed on \
         to the next alternate",
        doc.id
    ))
}

fn of_this_lot<A>(tender: &str, lot: &str, bundle: &Bundle<A>) -> Result<(), String> {
    let same = tender == bundle.contents.tender && lot == bundle.contents.lot;
    if same { Ok(()) } else { Err(format!("it is of tender {tender} lot {lot}")) }
}

fn logged(what: &str, hash: &Hash, proven: &Proven) -> Result<u64, String> {
    proven.names(hash).ok_or_else(|| format!("the log does not hold the hash of its {what}"))
}

/// The events of one draw of a kind: (index, moment, event).
fn events(proven: &Proven, kind: &'static str, draw: Id<Draw>) -> impl Iterator<Item = (u64, Moment, Value)> {
    let name = draw.to_string();
    proven.events(kind).filter_map(move |(index, event)| {
        (event.event.get("draw")?.as_str()? == name).then_some((index, event.at, event.event))
    })
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Reveals came between the document and T1, and are exactly those of the record; the value is the logged one.
fn steps(
    proven: &Proven,
    draw: Id<Draw>,
    fixed: u64,
    reveal_by: Moment,
    reveals: &Reveals,
    value: &PublicValue,
) -> Result<(), String> {
    let mut in_time = BTreeMap::new();
    for (index, at, event) in events(proven, "expert_draw.revealed", draw) {
        let party = text(&event, "party").to_owned();
        if index < fixed {
            return Err(format!(
                "{party} revealed (entry {index}) before the document was fixed (entry {fixed})"
            ));
        }
        if at >= reveal_by {
            return Err(format!("{party} revealed after the time for it"));
        }
        let secret = Hex::<32>::parse(text(&event, "secret")).ok_or("a logged reveal is not a secret")?;
        in_time.insert(party, secret);
    }
    if in_time != *reveals {
        return Err("its reveals are not those of the log".into());
    }
    match events(proven, "expert_draw.drawn", draw).last() {
        Some((_, _, event)) if text(&event, "value") == value.text() => Ok(()),
        Some(_) => Err("its public value is not the one of the log".into()),
        None => Err("the log does not say that it was carried out".into()),
    }
}

/// Follows everybody who dropped out, in the order of the log; returns how many.
fn alternates(record: &DrawRecord, proven: &Proven) -> Result<usize, String> {
    let draw = record.doc.id;
    let declined = events(proven, "expert_draw.call_answered", draw)
        .filter(|(_, _, event)| text(event, "answer") == "declined");
    let mut gone: Vec<_> = declined.chain(events(proven, "expert_draw.seat_passed_on", draw)).collect();
    gone.sort_by_key(|(index, ..)| *index);
    let mut dropped = Vec::new();
    let mut before: Vec<Hex<16>> = seat_holders(&record.doc, &record.result, &dropped).concat();
    for (index, _, event) in &gone {
        let candidate =
            Hex::<16>::parse(text(event, "candidate")).ok_or("a logged candidate is not an id")?;
        dropped.push(candidate);
        let after: Vec<Hex<16>> = seat_holders(&record.doc, &record.result, &dropped).concat();
        let newcomer = after.iter().find(|id| !before.contains(id)).copied();
        if newcomer != Hex::parse(text(event, "next")) {
            return Err(format!("{candidate} (entry {index}) was not followed by the next alternate"));
        }
        before = after;
    }
    Ok(gone.len())
}
