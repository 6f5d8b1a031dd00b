//! The log's part of the evidence: the newest checkpoint, the lot's closing checkpoint, and every entry of the tender
//! with its way to the root. What this check lets through is known to be in the log; the other checks stand on it.

use super::container::Archive;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bundle::Bundle;
use super::findings::Findings;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::leaf;
use crate::ledger::note::{Note, VerifierKey};
use crate::ledger::proof::{Included, Receipt, ReceiptError};
use crate::ledger::rotation::{Rotation, Rotations};
use crate::ledger::tree::{self, Hash};
use crate::platform::canonical::from_jcs;
use crate::platform::digest::{b64u, b64u_32, from_b64u, sha256};
use crate::platform::moment::Moment;

/// `typ` of an entry's document.
pub const ENTRY_TYPE: &str = "sunbid/evidence-entry/v1";
/// `typ` of the closing document.
pub const CLOSING_TYPE: &str = "sunbid/evidence-closing/v1";
/// Path of the newest checkpoint.
pub const CHECKPOINT: &str = "log/checkpoint";
/// Path of the lot's closing checkpoint with its consistency proof.
pub const CLOSING: &str = "log/closing.json";

/// `entries/<index>.json`: one entry of the log with its inclusion proof. What an entry says may be withheld; that
/// it is there can not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryDoc {
    /// The commitment in the leaf.
    pub c: String,
    pub index: String,
    /// What opens the commitment, or null if it is withheld.
    pub opened: Option<OpenedDoc>,
    /// Inclusion proof to the newest checkpoint, the leaf's sibling first.
    pub proof: Vec<String>,
    pub typ: String,
}

/// The content of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedDoc {
    pub blind: String,
    /// The kind byte, see `docs/formats/log.md`.
    pub number: u8,
    pub object: String,
}

/// `log/closing.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosingDoc {
    /// The signed note.
    pub checkpoint: String,
    /// Consistency proof to the newest checkpoint.
    pub proof: Vec<String>,
    pub typ: String,
}

/// `typ` of the document of rotations.
pub const ROTATIONS_TYPE: &str = "sunbid/evidence-rotations/v1";
/// Path of the log's changes of key; missing if there was none.
pub const ROTATIONS: &str = "log/rotations.json";

/// `log/rotations.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationsDoc {
    /// The oldest first.
    pub rotations: Vec<RotationDoc>,
    pub typ: String,
}

/// One change of the log's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationDoc {
    /// The note that both keys signed.
    pub note: String,
    /// Consistency proof between the tree that the note names and the newest checkpoint, whichever is smaller first.
    pub proof: Vec<String>,
}

/// Path of an entry's document; paths sort as the indices do.
pub fn entry_path(index: u64) -> String {
    format!("entries/{index:020}.json")
}

/// An entry that is proven to be in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub index: u64,
    /// Kind byte and object, if the bundle opens the entry.
    pub opened: Option<(u8, Vec<u8>)>,
}

/// An event document inside an entry, as far as every kind has it.
#[derive(Clone, Debug, Deserialize)]
pub struct EventDoc {
    pub at: Moment,
    pub kind: String,
    pub event: Value,
}

impl Entry {
    /// The event document of the entry; `None` for withheld entries and for objects of another form.
    pub fn event(&self) -> Option<EventDoc> {
        serde_json::from_slice(&self.opened.as_ref()?.1).ok()
    }
}

/// What the log proves.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    pub origin: String,
    pub keys: Vec<VerifierKey>,
    /// When each of them was the log's key.
    pub rotations: Rotations,
    /// Size of the newest checkpoint.
    pub size: u64,
    /// Size and root of the closing checkpoint, if the lot has closed.
    pub closing: Option<(u64, Hash)>,
    pub entries: Vec<Entry>,
    /// Index of the entry by the SHA-256 of its object.
    by_object: BTreeMap<Hash, u64>,
    /// Every text inside the opened events, with the indices of the entries that say it, ascending.
    said: BTreeMap<String, Vec<u64>>,
    /// The moment of every opened event, by index.
    moments: BTreeMap<u64, Moment>,
}

impl Proven {
    /// Checks a receipt for the object with this hash.
    pub fn receipt(&self, receipt: &Receipt, object: &Hash, kind: u8) -> Result<Included, ReceiptError> {
        receipt.verify_in_term(object, kind, &self.origin, &self.keys, &self.rotations)
    }

    /// Whether a receipt's checkpoint bears no other key of this log than ones that it has changed since. Such a key may be in
    /// anybody's hands.
    pub fn is_retired(&self, receipt: &Receipt) -> bool {
        let changed = self.rotations.list();
        let signs = |key: &VerifierKey| receipt.checkpoint.signatures().iter().any(|line| line.is_of(key));
        let now = changed.last().is_some_and(|last| signs(&last.new));
        !now && changed.iter().any(|rotation| signs(&rotation.old))
    }

    /// The entry whose object has this hash.
    pub fn entry_of(&self, object_hash: &Hash) -> Option<u64> {
        self.by_object.get(object_hash).copied()
    }

    /// The first entry that names `hash`: as its object, or in its event as base64url or hexadecimal.
    pub fn names(&self, hash: &Hash) -> Option<u64> {
        let said = |text: String| self.said.get(&text)?.first().copied();
        self.entry_of(hash).or_else(|| said(b64u(hash))).or_else(|| said(hex::encode(hash)))
    }

    /// The moments of the acts whose events name `hash`; several, if the same text was signed more than once.
    pub fn moments_naming(&self, hash: &Hash) -> impl Iterator<Item = Moment> {
        let entries = [b64u(hash), hex::encode(hash)].into_iter().filter_map(|text| self.said.get(&text));
        entries.flatten().filter_map(|index| self.moments.get(index).copied())
    }

    /// Whether an opened event holds exactly this text.
    pub fn says(&self, text: &str) -> bool {
        self.said_at(text).is_some()
    }

    /// The first entry whose event holds exactly this text.
    pub fn said_at(&self, text: &str) -> Option<u64> {
        self.said.get(text)?.first().copied()
    }

    /// Events of one kind, in log order: (index, event).
    pub fn events(&self, kind: &str) -> impl Iterator<Item = (u64, EventDoc)> {
        let events = self.entries.iter().filter_map(|entry| Some((entry.index, entry.event()?)));
        events.filter(move |(_, event)| event.kind == kind)
    }

    fn learn(&mut self, entry: Entry) {
        if let Some((_, object)) = &entry.opened {
            self.by_object.entry(sha256(&[object])).or_insert(entry.index);
        }
        if let Some(event) = entry.event() {
            self.moments.insert(entry.index, event.at);
            let mut waiting = vec![event.event];
            while let Some(value) = waiting.pop() {
                match value {
                    Value::String(text) => {
                        // a document may stand in an event as text; what it says counts as well
                        let inner = text.starts_with('{').then(|| serde_json::from_str::<Value>(&text));
                        waiting.extend(inner.and_then(Result::ok));
                        let entries = self.said.entry(text).or_default();
                        if entries.last() != Some(&entry.index) {
                            entries.push(entry.index);
                        }
                    }
                    Value::Array(list) => waiting.extend(list),
                    Value::Object(map) => waiting.extend(map.into_iter().map(|(_, value)| value)),
                    _ => {}
                }
            }
        }
        self.entries.push(entry);
    }
}

/// Checks keys, checkpoints and entries. `pinned` is the log's key as the reader knows it from elsewhere.
pub fn check<A: Archive>(
    bundle: &Bundle<A>,
    pinned: Option<&VerifierKey>,
    findings: &mut Findings,
) -> Option<Proven> {
    let changes = rotations(bundle, findings);
    let followed = changes.as_ref().map(|(rotations, _)| rotations.clone()).unwrap_or_default();
    let key = key(bundle, pinned, &followed, findings)?;
    let keys = followed.lead_from(&[key]);
    let origin = bundle.contents.origin.clone();
    let mut proven = Proven { origin, keys, rotations: followed, ..Proven::default() };
    let open = |note: &[u8]| {
        Checkpoint::open_in_term(note, &proven.origin, &proven.keys, &proven.rotations)
            .map(|(checkpoint, _)| checkpoint)
    };
    let head = match bundle.document(CHECKPOINT).map(open) {
        Some(Ok(head)) => head,
        Some(Err(error)) => {
            findings.broken("checkpoint", error.to_string());
            return None;
        }
        None => {
            findings.broken("checkpoint", "the bundle has no checkpoint");
            return None;
        }
    };
    findings.holds("checkpoint", format!("{} signed {} entries", head.origin, head.size));
    if let Some((rotations, proofs)) = &changes {
        judge_rotations(rotations, proofs, &head, findings);
    }
    proven.size = head.size;
    proven.closing = closing(bundle, &proven, &head, findings);
    entries(bundle, &mut proven, &head, findings);
    Some(proven)
}

/// The log's changes of key with the proofs that belong to them, if there are any and each is signed by both keys.
fn rotations<A: Archive>(
    bundle: &Bundle<A>,
    findings: &mut Findings,
) -> Option<(Rotations, Vec<Vec<String>>)> {
    let bytes = bundle.document(ROTATIONS)?;
    let read = || -> Result<(Rotations, Vec<Vec<String>>), String> {
        let doc: RotationsDoc = from_jcs(bytes).map_err(|e| e.to_string())?;
        if doc.typ != ROTATIONS_TYPE {
            return Err("not a document of rotations".into());
        }
        let mut all = Rotations::default();
        for each in &doc.rotations {
            let note = Note::parse(each.note.as_bytes()).map_err(|e| e.to_string())?;
            let next = Rotation::read(note).map_err(|e| e.to_string())?;
            all.add(next).map_err(|e| e.to_string())?;
        }
        Ok((all, doc.rotations.into_iter().map(|each| each.proof).collect()))
    };
    read().map_err(|error| findings.broken("rotations", error)).ok()
}

/// Whether the trees at which keys were changed and the newest checkpoint are of one history.
fn judge_rotations(
    rotations: &Rotations,
    proofs: &[Vec<String>],
    head: &Checkpoint,
    findings: &mut Findings,
) {
    let complaints = rotations.list().iter().zip(proofs).filter_map(|(rotation, proof)| {
        let (then, now) = ((rotation.size, &rotation.root), (head.size, &head.root));
        let ((old, old_root), (new, new_root)) = if then.0 <= now.0 { (then, now) } else { (now, then) };
        let shown =
            hashes(proof).is_some_and(|proof| tree::verify_consistency(old, new, old_root, new_root, &proof));
        (!shown).then(|| format!("the change of key at {} entries is of another history", rotation.size))
    });
    let words = format!("the log's key was changed {} times, each time signed by both", proofs.len());
    findings.judge("rotations", complaints.collect(), words);
}

fn key<A: Archive>(
    bundle: &Bundle<A>,
    pinned: Option<&VerifierKey>,
    rotations: &Rotations,
    findings: &mut Findings,
) -> Option<VerifierKey> {
    let key = match VerifierKey::parse(&bundle.contents.key) {
        Ok(key) if key.name() == bundle.contents.origin => key,
        Ok(key) => {
            findings.broken(
                "key",
                format!("the key of {} can not sign for {}", key.name(), bundle.contents.origin),
            );
            return None;
        }
        Err(error) => {
            findings.broken("key", error.to_string());
            return None;
        }
    };
    match pinned {
        Some(pinned) if *pinned == key => findings.holds("key", format!("{key} is the key that you trust")),
        Some(pinned) if rotations.lead_from(std::slice::from_ref(pinned)).contains(&key) => {
            findings
                .holds("key", format!("signed changes of key lead between {key} and the key that you trust"));
        }
        Some(_) => findings.broken("key", format!("{key} is not the key that you trust")),
        None => findings.absent("key", format!("compare with a copy that came another way: {key}")),
    }
    Some(pinned.cloned().unwrap_or(key))
}

fn closing<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    head: &Checkpoint,
    findings: &mut Findings,
) -> Option<(u64, Hash)> {
    let Some(bytes) = bundle.document(CLOSING) else {
        findings.absent("closing", "the lot has no closing checkpoint");
        return None;
    };
    let read = || -> Result<Checkpoint, String> {
        let doc: ClosingDoc = from_jcs(bytes).map_err(|e| e.to_string())?;
        if doc.typ != CLOSING_TYPE {
            return Err("not a closing document".into());
        }
        let note = doc.checkpoint.as_bytes();
        let opened = Checkpoint::open_in_term(note, &proven.origin, &proven.keys, &proven.rotations);
        let (closing, _) = opened.map_err(|e| e.to_string())?;
        let proof = hashes(&doc.proof).ok_or("the proof is not a list of hashes")?;
        if tree::verify_consistency(closing.size, head.size, &closing.root, &head.root, &proof) {
            Ok(closing)
        } else {
            Err(format!(
                "the log of {} entries is not shown to extend the {} at closing",
                head.size, closing.size
            ))
        }
    };
    match read() {
        Ok(closing) => {
            findings.holds("closing", format!("the box was closed at {} entries", closing.size));
            Some((closing.size, closing.root))
        }
        Err(error) => {
            findings.broken("closing", error);
            None
        }
    }
}

fn entries<A: Archive>(bundle: &Bundle<A>, proven: &mut Proven, head: &Checkpoint, findings: &mut Findings) {
    let mut complaints = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, bytes) in bundle.below("entries/") {
        match entry(path, bytes, head) {
            Ok(entry) if seen.insert(entry.index) => proven.learn(entry),
            Ok(entry) => complaints.push(format!("entry {} is there twice", entry.index)),
            Err(error) => complaints.push(format!("{path}: {error}")),
        }
    }
    let withheld = proven.entries.iter().filter(|entry| entry.opened.is_none()).count();
    let words =
        format!("{} are in the log, {withheld} of them without showing what they say", proven.entries.len());
    findings.judge("entries", complaints, words);
}

fn entry(path: &str, bytes: &[u8], head: &Checkpoint) -> Result<Entry, String> {
    let doc: EntryDoc = from_jcs(bytes).map_err(|e| e.to_string())?;
    let index: u64 = doc.index.parse().map_err(|_| "the index is not a number")?;
    if doc.typ != ENTRY_TYPE || doc.index != index.to_string() || entry_path(index) != path {
        return Err("not the document of this entry".into());
    }
    let c = b64u_32(&doc.c).ok_or("the commitment is not 32 bytes")?;
    let opened = doc.opened.as_ref().map(opened).transpose()?;
    if let Some((blind, number, object)) = &opened
        && leaf::commitment(blind, *number, object) != c
    {
        return Err(format!("what it is said to hold is not what the log holds at {index}"));
    }
    let proof = hashes(&doc.proof).ok_or("the proof is not a list of hashes")?;
    let leaf = tree::leaf_hash(&leaf::entry_of(&c));
    if !tree::verify_inclusion(&leaf, index, head.size, &proof, &head.root) {
        return Err(format!("it is not in the log at {index}"));
    }
    Ok(Entry { index, opened: opened.map(|(_, number, object)| (number, object)) })
}

fn opened(doc: &OpenedDoc) -> Result<(leaf::Blind, u8, Vec<u8>), String> {
    let blind = b64u_32(&doc.blind).ok_or("the blind is not 32 bytes")?;
    let object = from_b64u(&doc.object).ok_or("the object is not base64url")?;
    Ok((blind, doc.number, object))
}

fn hashes(list: &[String]) -> Option<Vec<Hash>> {
    list.iter().map(|text| b64u_32(text)).collect()
}
