//! Recordings: each track's chain of records, against the leaves that the log holds and, where the bundle brings the
//! media, against the bytes.

use super::container::Archive;
use std::collections::BTreeMap;

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::{Entry, Proven};
use crate::platform::canonical::from_jcs;
use crate::recording::chain::{self, Anchor, Record, What};

/// Path of a track's records, one canonical document a line.
pub fn track_path(track: &str) -> String {
    format!("recording/{track}.jsonl")
}

/// Path of a segment or init section in a bundle that brings media.
pub fn media_path(sha256: &[u8; 32]) -> String {
    format!("media/{}", hex::encode(sha256))
}

/// Checks every track below `recording/`, and that every track of which the log tells is there.
pub fn check<A: Archive>(bundle: &Bundle<A>, proven: &Proven, findings: &mut Findings) {
    let mut anchors: BTreeMap<String, Vec<Anchor>> = BTreeMap::new();
    for record in proven.entries.iter().filter_map(logged_record) {
        let anchor = Anchor { number: record.number, leaf: record.leaf() };
        anchors.entry(record.track).or_default().push(anchor);
    }
    let mut any = false;
    for (path, bytes) in bundle.below("recording/") {
        any = true;
        match records(path, bytes) {
            Ok(records) => {
                let track = records.first().map(|record| record.track.clone()).unwrap_or_default();
                track_check(bundle, &records, &anchors.remove(&track).unwrap_or_default(), findings);
            }
            Err(error) => findings.broken("recording", format!("{path}: {error}")),
        }
    }
    for (track, anchors) in &anchors {
        let words = format!("track {track} is missing, {} of its records are in the log", anchors.len());
        findings.broken("recording", words);
    }
    if !any && anchors.is_empty() {
        findings.absent("recording", "the bundle has no recording");
    }
}

/// The record that an entry of the log holds, as its object or as its event.
fn logged_record(entry: &Entry) -> Option<Record> {
    let (_, object) = entry.opened.as_ref()?;
    from_jcs::<Record>(object).ok().or_else(|| serde_json::from_value(entry.event()?.event).ok())
}

fn records(path: &str, bytes: &[u8]) -> Result<Vec<Record>, String> {
    let text = bytes.strip_suffix(b"\n").ok_or("the last line has no end")?;
    let read =
        |(at, line): (usize, &[u8])| from_jcs::<Record>(line).map_err(|e| format!("line {}: {e}", at + 1));
    let records: Vec<Record> =
        text.split(|byte| *byte == b'\n').enumerate().map(read).collect::<Result<_, _>>()?;
    match records.first() {
        Some(first) if track_path(&first.track) == path => Ok(records),
        _ => Err("the records are of another track".into()),
    }
}

fn track_check<A: Archive>(
    bundle: &Bundle<A>,
    records: &[Record],
    anchors: &[Anchor],
    findings: &mut Findings,
) {
    let bytes_of = |record: &Record| {
        let expected = record.media()?;
        bundle.large(&media_path(&expected)).map(|(_, actual)| actual)
    };
    let verdict = chain::verify(records, anchors, bytes_of);
    let mut complaints: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
    let track = records.first().map(|record| record.track.clone()).unwrap_or_default();
    if anchors.is_empty() {
        complaints.push(format!("track {track}: the log holds none of its records"));
    }
    let gaps = records.iter().filter(|record| matches!(record.what, What::Gap { .. })).count();
    let open = if verdict.sealed { "" } else { ", not sealed" };
    let media = match verdict.checked {
        0 => "media not in the bundle".to_owned(),
        checked => format!("{checked} segments hashed, {} not in the bundle", verdict.absent),
    };
    let words = format!(
        "track {track}: {} records, {} of them in the log, {gaps} gaps, {media}{open}",
        records.len(),
        anchors.len()
    );
    findings.judge("recording", complaints, words);
}
