use std::collections::BTreeMap;

use crate::ledger::checkpoint::Signer;
use crate::ledger::leaf;
use crate::ledger::note::{SignerKey, VerifierKey};
use crate::ledger::tests::MemoryLog;
use crate::ledger::tree;
use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, sha256};
use crate::platform::moment::Moment;
use crate::verify::bundle::{self, About, Bundle, Part};
use crate::verify::findings::Findings;
use crate::verify::log_check::{self, *};

const ORIGIN: &str = "log.example/sunbid";
const SIZE: u64 = 700;
const CLOSED_AT: u64 = 300;
/// Entries of our lot among those of others.
const OURS: [u64; 4] = [3, 255, 299, 640];

fn object(index: u64) -> Vec<u8> {
    let hash = b64u(&sha256(&[b"document", &index.to_be_bytes()]));
    let text = format!(
        "{{\"at\":\"2026-11-22T13:00:00.000000Z\",\"by\":{{\"id\":\"system:test\",\"role\":\"system\"}},\"event\":{{\"sha256\":\"{hash}\"}},\"kind\":\"test.happened\",\"typ\":\"sunbid/event/v1\"}}"
    );
    text.into_bytes()
}

fn blind(index: u64) -> [u8; 32] {
    sha256(&[b"blind", &index.to_be_bytes()])
}

/// The parts of an honest bundle and the log's key.
fn parts() -> (BTreeMap<String, Vec<u8>>, VerifierKey) {
    let leaves: Vec<_> = (0..SIZE).map(|i| leaf::hash(&blind(i), 5, &object(i))).collect();
    let log = MemoryLog::with(&leaves);
    let mut signer = Signer::new(SignerKey::from_seed(ORIGIN, [8; 32]).unwrap());
    let closing = signer.sign(CLOSED_AT, tree::root(&log, CLOSED_AT).unwrap(), &[]).unwrap();
    let proof = tree::consistency_proof(&log, CLOSED_AT, SIZE).unwrap();
    let head = signer.sign(SIZE, tree::root(&log, SIZE).unwrap(), &proof).unwrap();
    let texts = |proof: &[tree::Hash]| proof.iter().map(|hash| b64u(hash)).collect::<Vec<_>>();
    let closing =
        ClosingDoc { checkpoint: closing.to_string(), proof: texts(&proof), typ: CLOSING_TYPE.into() };
    let mut parts = BTreeMap::from([
        (CHECKPOINT.to_owned(), head.to_string().into_bytes()),
        (CLOSING.to_owned(), jcs(&closing)),
    ]);
    for index in OURS {
        let withheld = index == 255;
        let opened = OpenedDoc { blind: b64u(&blind(index)), number: 5, object: b64u(&object(index)) };
        let doc = EntryDoc {
            c: b64u(&leaf::commitment(&blind(index), 5, &object(index))),
            index: index.to_string(),
            opened: (!withheld).then_some(opened),
            proof: texts(&tree::inclusion_proof(&log, index, SIZE).unwrap()),
            typ: ENTRY_TYPE.into(),
        };
        parts.insert(entry_path(index), jcs(&doc));
    }
    (parts, signer.verifier().clone())
}

fn verify(
    parts: &BTreeMap<String, Vec<u8>>,
    key: &VerifierKey,
    pinned: Option<&VerifierKey>,
) -> (Option<Proven>, Findings) {
    let about = About {
        origin: ORIGIN.into(),
        key: key.to_string(),
        tender: "T-1".into(),
        lot: "1".into(),
        id: "lot-id".into(),
        made: Moment::parse("2026-11-22T13:00:00.000000Z").unwrap(),
    };
    let parts = parts.iter().map(|(path, bytes)| (path.clone(), Part::Document(bytes.clone()))).collect();
    let bytes = bundle::write(Vec::new(), &about, &parts).unwrap();
    let mut findings = Findings::default();
    let read = Bundle::read(bytes, &mut findings).unwrap();
    let proven = log_check::check(&read, pinned, &mut findings);
    (proven, findings)
}

fn broken(findings: &Findings) -> Vec<&'static str> {
    findings.broken_lines().map(|line| line.check).collect()
}

#[test]
fn an_honest_log_holds_and_knows_what_it_was_told() {
    let (parts, key) = parts();
    let (proven, findings) = verify(&parts, &key, Some(&key));
    assert!(findings.all_hold(), "{findings:?}");
    let proven = proven.unwrap();
    assert_eq!(proven.closing.unwrap().0, CLOSED_AT);
    assert_eq!(proven.entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), OURS);
    assert_eq!(proven.entry_of(&sha256(&[&object(640)])), Some(640));
    assert_eq!(proven.names(&sha256(&[b"document", &640u64.to_be_bytes()])), Some(640));
    assert_eq!(proven.names(&sha256(&[b"document", &255u64.to_be_bytes()])), None, "it is withheld");
    assert_eq!(proven.events("test.happened").count(), 3);
}

#[test]
fn another_key_than_the_pinned_one_is_named() {
    let (parts, key) = parts();
    let other = SignerKey::generate(ORIGIN).unwrap().verifier().clone();
    assert_eq!(broken(&verify(&parts, &key, Some(&other)).1), ["key", "checkpoint"]);
    assert_eq!(broken(&verify(&parts, &other, None).1), ["checkpoint"]);
    let elsewhere = SignerKey::generate("other.example").unwrap().verifier().clone();
    assert_eq!(broken(&verify(&parts, &elsewhere, None).1), ["key"]);
}

fn altered(path: &str, alter: impl Fn(String) -> String) -> Vec<&'static str> {
    let (mut parts, key) = parts();
    let text = String::from_utf8(parts[path].clone()).unwrap();
    let new = alter(text.clone());
    assert_ne!(new, text, "the test alters nothing");
    parts.insert(path.to_owned(), new.into_bytes());
    broken(&verify(&parts, &key, Some(&key)).1)
}

#[test]
fn every_alteration_of_the_log_is_named() {
    assert_eq!(altered(CHECKPOINT, |text| text.replace("\n700\n", "\n701\n")), ["checkpoint"]);
    assert_eq!(altered(CLOSING, |text| text.replace("\\n300\\n", "\\n301\\n")), ["closing"]);
    assert_eq!(altered(CLOSING, |text| text.replacen("\"proof\":[\"", "\"proof\":[\"x", 1)), ["closing"]);
    assert_eq!(altered(CLOSING, |text| text.replacen(":", ": ", 1)), ["closing"]);
    let entry = |alter: fn(String) -> String| altered(&entry_path(640), alter);
    assert_eq!(entry(|text| text.replace("\"number\":5", "\"number\":6")), ["entries"]);
    assert_eq!(entry(|text| text.replace("\"index\":\"640\"", "\"index\":\"641\"")), ["entries"]);
    assert_eq!(entry(|text| text.replace("\"object\":\"", "\"object\":\"AA")), ["entries"]);
    assert_eq!(entry(|text| text.replacen("\"c\":\"", "\"c\":\"A", 1)), ["entries"]);
}

#[test]
fn an_altered_order_of_leaves_is_named() {
    let (mut parts, key) = parts();
    let renumbered = |text: &[u8], from: u64, to: u64| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        text.replace(&format!("\"index\":\"{from}\""), &format!("\"index\":\"{to}\"")).into_bytes()
    };
    let (first, second) = (parts[&entry_path(3)].clone(), parts[&entry_path(299)].clone());
    parts.insert(entry_path(3), renumbered(&second, 299, 3));
    parts.insert(entry_path(299), renumbered(&first, 3, 299));
    let (proven, findings) = verify(&parts, &key, Some(&key));
    assert_eq!(broken(&findings), ["entries", "entries"]);
    assert_eq!(proven.unwrap().entries.len(), 2, "what is not proven is not used");
}

#[test]
fn a_history_rewritten_after_closing_is_named() {
    let (mut parts, key) = parts();
    let leaves: Vec<_> = (0..SIZE).map(|i| leaf::hash(&blind(i + 1), 5, &object(i))).collect();
    let log = MemoryLog::with(&leaves);
    let mut signer = Signer::new(SignerKey::from_seed(ORIGIN, [8; 32]).unwrap());
    let head = signer.sign(SIZE, tree::root(&log, SIZE).unwrap(), &[]).unwrap();
    parts.insert(CHECKPOINT.to_owned(), head.to_string().into_bytes());
    let found = broken(&verify(&parts, &key, Some(&key)).1);
    assert_eq!(found, ["closing", "entries", "entries", "entries", "entries"]);
}
