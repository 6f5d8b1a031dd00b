use proptest::prelude::*;

use super::{MemoryLog, leaves};
use crate::ledger::checkpoint::*;
use crate::ledger::note::*;
use crate::ledger::tiles::{Resource, bundle, parse_bundle};
use crate::ledger::tree;

/// The key pair and the note that Go's documentation of the `note` package shows.
const GO_PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(name: &str) -> SignerKey {
    SignerKey::generate(name).unwrap()
}

#[test]
fn keys_and_notes_of_the_go_implementation_are_read_and_written_alike() {
    let signer = SignerKey::parse(GO_PRIVATE).unwrap();
    assert_eq!(signer.verifier().to_string(), GO_PUBLIC);
    assert_eq!(signer.to_file().trim_end(), GO_PRIVATE);
    let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), GO_NOTE);
    let trusted = [VerifierKey::parse(GO_PUBLIC).unwrap()];
    assert_eq!(note.verify(&trusted).unwrap(), [&trusted[0]]);
    assert_eq!(Note::sign(note.text(), &[&signer]).unwrap().to_string(), GO_NOTE);
}

#[test]
fn a_note_needs_one_good_signature_and_no_bad_one_of_the_trusted_keys() {
    let (a, b, stranger) = (key("a.example/log"), key("b.example"), key("a.example/log"));
    let note = Note::sign("line one\n\nline three\n", &[&a, &stranger]).unwrap();
    let second = Note::sign(note.text(), &[&b]).unwrap().signatures()[0].clone();
    let note = note.with(second);
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.text(), "line one\n\nline three\n");
    let trusted = [a.verifier().clone(), b.verifier().clone()];
    assert_eq!(note.verify(&trusted).unwrap().len(), 2);
    assert_eq!(note.verify(&trusted[..1]).unwrap().len(), 1);
    assert_eq!(note.verify(&[]), Err(NoteError::Unsigned));
    assert_eq!(note.verify(&[key("c").verifier().clone()]), Err(NoteError::Unsigned));

    let forged = note.to_string().replace("line three", "line 3");
    let forged = Note::parse(forged.as_bytes()).unwrap();
    assert_eq!(forged.verify(&trusted), Err(NoteError::BadSignature("a.example/log".into())));
}

#[test]
fn names_texts_and_keys_that_the_format_forbids_are_refused() {
    for name in ["", "two words", "a+b", "a\u{3000}b", "tab\t"] {
        assert_eq!(SignerKey::generate(name).unwrap_err(), NoteError::KeyName, "{name:?}");
    }
    for text in ["no newline", "", "bell\u{7}\n", "return\r\n"] {
        assert_eq!(Note::sign(text, &[&key("k")]).unwrap_err(), NoteError::Text, "{text:?}");
    }
    assert_eq!(VerifierKey::parse(&GO_PUBLIC.replace("c74f20a3", "c74f20a4")), Err(NoteError::KeyId));
    assert_eq!(VerifierKey::parse(&GO_PUBLIC.replace("Peter", "Pieter")), Err(NoteError::KeyId));
    assert_eq!(SignerKey::parse(&GO_PRIVATE.replace("c74f20a3", "c74f20a4")).unwrap_err(), NoteError::KeyId);
    for text in
        ["", "a", "a+b", "a+00000000+", "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    {
        assert_eq!(VerifierKey::parse(text), Err(NoteError::KeyText), "{text:?}");
    }
    assert!(
        !format!("{:?}", SignerKey::parse(GO_PRIVATE).unwrap()).contains("AYEKFALVFGyN"),
        "a secret is printed"
    );
}

#[test]
fn a_checkpoint_is_three_lines_and_reads_back() {
    let signer = key("log.example/sunbid");
    let checkpoint = Checkpoint { origin: "log.example/sunbid".into(), size: 20_852_163, root: [9; 32] };
    let text = checkpoint.to_string();
    assert_eq!(text.lines().count(), 3);
    let note = Note::sign(&text, &[&signer]).unwrap().to_string();
    let trusted = [signer.verifier().clone()];
    let (read, signers) = Checkpoint::open(note.as_bytes(), "log.example/sunbid", &trusted).unwrap();
    assert_eq!((read, signers.len()), (checkpoint, 1));
    let other = Checkpoint::open(note.as_bytes(), "other.example", &trusted).unwrap_err();
    assert!(matches!(other, CheckpointError::OtherLog { .. }));

    let witness = key("witness.example");
    let note = Note::sign(&text, &[&witness]).unwrap().to_string();
    let trusted = [witness.verifier().clone()];
    let only_witness = Checkpoint::open(note.as_bytes(), "log.example/sunbid", &trusted);
    assert_eq!(only_witness.unwrap_err(), CheckpointError::NotTheLog);
}

#[test]
fn checkpoints_in_any_other_spelling_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    assert_eq!(Checkpoint::parse(&format!("o\n12\n{root}\n")).unwrap().size, 12);
    assert_eq!(Checkpoint::parse(&format!("o\n12\n{root}\nextension\n")).unwrap().size, 12);
    for text in [
        format!("o\n12\n{root}"),
        format!("\n12\n{root}\n"),
        format!("o\n012\n{root}\n"),
        format!("o\n+12\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n0\n{root}\n"),
        format!("o\n12\n{}\n", &root[1..]),
        format!("o\n12\n{root}\n\n"),
        format!("o\n12\n{root}\nextension\n\nx\n"),
        "o\n12\n".into(),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Malformed), "{text:?}");
    }
}

#[test]
fn the_signer_signs_extensions_and_refuses_everything_else() {
    let d = leaves(500);
    let log = MemoryLog::with(&d);
    let root = |size| tree::root(&log, size).unwrap();
    let proof = |old, new| tree::consistency_proof(&log, old, new).unwrap();
    let mut signer = Signer::new(key("log.example"));
    let trusted = [signer.verifier().clone()];
    for (old, new) in [(0, 0), (0, 1), (1, 300), (300, 300), (300, 431)] {
        let note = signer.sign(new, root(new), &proof(old, new)).unwrap().to_string();
        let (read, _) = Checkpoint::open(note.as_bytes(), "log.example", &trusted).unwrap();
        assert_eq!((read.size, read.root), (new, root(new)));
    }
    // rolled back
    assert_eq!(
        signer.sign(430, root(430), &proof(430, 431)).unwrap_err(),
        SignerRefusal::Shrank { signed: 431, asked: 430 }
    );
    // same size, other content
    let refused = SignerRefusal::NotAnExtension { signed: 431, asked: 431 };
    assert_eq!(signer.sign(431, [1; 32], &[]).unwrap_err(), refused);
    // an entry that was signed has changed
    let mut changed = d.clone();
    changed[17] = [0; 32];
    let rewritten = MemoryLog::with(&changed);
    let new_root = tree::root(&rewritten, 500).unwrap();
    let refused = SignerRefusal::NotAnExtension { signed: 431, asked: 500 };
    for proof in [tree::consistency_proof(&rewritten, 431, 500).unwrap(), proof(431, 500), vec![]] {
        assert_eq!(signer.sign(500, new_root, &proof).unwrap_err(), refused);
    }
    // and a refusal changes nothing: the honest log goes on, also after a restart
    let (size, last) = signer.last();
    let mut signer = Signer::resume(key("log.example"), size, last);
    assert!(signer.sign(500, root(500), &proof(431, 500)).is_ok());
}

#[test]
fn paths_of_tiles_are_those_of_the_specification() {
    let path = |index, width| Resource::Tile { level: 1, index, width }.path();
    assert_eq!(path(1_234_067, 256), "tile/1/x001/x234/067");
    assert_eq!(path(0, 17), "tile/1/000.p/17");
    assert_eq!(path(1000, 256), "tile/1/x001/000");
    assert_eq!(Resource::Entries { index: 273, width: 112 }.path(), "tile/entries/273.p/112");
    for wrong in [
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/x001/x234/67",
        "tile/-1/000",
        "tile/0/+01",
        "tile/entries/",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(Resource::parse(wrong), None, "{wrong}");
    }
    let partial = Resource::Entries { index: 273, width: 112 };
    assert!(partial.exists_at(70_000) && !partial.exists_at(69_999));
}

proptest! {
    #[test]
    fn every_resource_reads_back_from_its_path(level in 0u8..64, index in any::<u64>(), width in 1u16..=256, entries in any::<bool>()) {
        let resource = if entries { Resource::Entries { index, width } } else { Resource::Tile { level, index, width } };
        prop_assert_eq!(Resource::parse(&resource.path()), Some(resource));
    }

    #[test]
    fn a_path_that_is_read_is_a_path_that_we_write(path in "tile/(0|1|63|64|entries|x)/(x?[0-9]{1,4}/){0,3}x?[0-9]{2,3}(\\.p/[0-9]{1,3})?") {
        if let Some(resource) = Resource::parse(&path) {
            prop_assert_eq!(resource.path(), path);
        }
    }

    #[test]
    fn bundles_read_back_and_cut_bundles_do_not(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..40), cut in any::<usize>()) {
        let bytes = bundle(entries.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(parse_bundle(&bytes).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if !bytes.is_empty() {
            let shorter = parse_bundle(&bytes[..cut % bytes.len()]);
            prop_assert!(shorter.is_none_or(|read| read.len() < entries.len()));
        }
    }

    #[test]
    fn rubbish_is_never_a_note_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_note_with_one_byte_changed_is_not_believed(at in any::<usize>(), to in any::<u8>()) {
        let signer = SignerKey::from_seed("log.example", [5; 32]).unwrap();
        let good = Note::sign("first\nsecond\n", &[&signer]).unwrap().to_string().into_bytes();
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] = to;
        prop_assume!(bad != good);
        let believed = Note::parse(&bad).and_then(|note| note.verify(&[signer.verifier().clone()]).map(|_| ()));
        prop_assert!(believed.is_err());
    }

    #[test]
    fn rubbish_is_never_a_key(text in "[A-Za-z+/= 0-9\\n]{0,80}") {
        if let Ok(key) = VerifierKey::parse(&text) {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        let _ = SignerKey::parse(&text);
        let _ = Checkpoint::parse(&text);
    }
}
