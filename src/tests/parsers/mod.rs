//! Every parser of bytes from outside, one by one: arbitrary bytes, good examples with something changed, good examples cut
//! short. What must hold is in [`checks`], which the fuzz targets of `fuzz/` run too.

mod checks;
mod papers;
mod samples;

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{Note, SignerKey, WitnessKey};
use crate::ledger::proof::Receipt;
use crate::sealing::bidder_key::read_key_file;
use crate::sealing::command::read_pkcs12;
use crate::sealing::key_file::{read_box_key, write_box_key};
use crate::sealing::manifest::{BidderKeyFile, Manifest};
use crate::sealing::signature::Signature;
use crate::sealing::trustees::TrusteeSet;
use checks::{FAMILIES, Family};
use proptest::prelude::*;
use samples::{SEED_MAX, Sample, samples, seed, shown};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples);

fn of(name: &str) -> &'static Sample {
    SAMPLES.iter().find(|sample| sample.name == name).expect("an example of this name")
}

fn family(sample: &Sample) -> Family {
    *FAMILIES.iter().find(|(name, _)| *name == sample.family).expect("a family of this name")
}

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

/// `UPDATE=1 cargo test --lib tests::parsers` writes the seeds anew.
#[test]
fn every_good_example_is_taken_and_every_fuzz_target_has_its_seeds() {
    let update = std::env::var("UPDATE").is_ok();
    for sample in SAMPLES.iter() {
        assert!(family(sample).1(&sample.bytes), "{} is not taken", shown(sample));
        let file = seeds().join(sample.family).join(sample.name);
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, seed(sample)).unwrap();
        }
        let kept =
            std::fs::read(&file).unwrap_or_else(|_| panic!("no seed {}: run with UPDATE=1", shown(sample)));
        assert!(
            kept.len() == SEED_MAX || family(sample).1(&kept),
            "a seed that is not taken teaches nothing"
        );
    }
    for (name, _) in FAMILIES {
        assert!(SAMPLES.iter().any(|sample| sample.family == name), "{name} has no example");
        let target = seeds().with_file_name("fuzz_targets").join(format!("{name}.rs"));
        let source = std::fs::read_to_string(&target).unwrap_or_default();
        assert!(source.contains(&format!("checks::{name}(")), "{} does not run its check", target.display());
    }
}

/// The table of `docs/security.md` names every family, and tests and targets that are there.
#[test]
fn the_table_of_parsers_is_whole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let table = page.split("| parser | property tests | fuzz target |").nth(1).expect("the table of parsers");
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let named = |row: &&str| FAMILIES.iter().any(|(name, _)| row.ends_with(&format!("| `{name}` |")));
    for (name, _) in FAMILIES {
        assert!(rows.iter().any(|row| row.ends_with(&format!("| `{name}` |"))), "no row for {name}");
    }
    for row in rows {
        assert!(
            named(&row) || row.contains("| none:"),
            "neither a target nor the reason why there is none: {row}"
        );
        for file in row.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs")) {
            assert!(root.join(file).exists(), "there is no {file}");
        }
    }
}

/// What may happen to bytes on their way.
#[derive(Clone, Debug)]
enum Change {
    Bit(usize, u8),
    Byte(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Copy(usize, usize, usize),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let small = 0usize..600;
    prop_oneof![
        (any::<usize>(), 0u8..8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        // most of what decides stands at the beginning
        (small.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (small.clone(), proptest::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, new)| Change::Insert(at, new)),
        (any::<usize>(), 1usize..40).prop_map(|(at, count)| Change::Remove(at, count)),
        (small.clone(), any::<usize>(), 1usize..80)
            .prop_map(|(to, from, count)| Change::Copy(to, from, count)),
        any::<usize>().prop_map(Change::Cut),
    ]
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for change in changes {
        if out.is_empty() {
            return out;
        }
        let length = out.len();
        match change {
            Change::Bit(at, bit) => out[at % length] ^= 1 << bit,
            Change::Byte(at, byte) => out[at % length] = *byte,
            Change::Insert(at, new) => drop(out.splice(at % length..at % length, new.iter().copied())),
            Change::Remove(at, count) => drop(out.drain(at % length..(at % length + count).min(length))),
            Change::Copy(to, from, count) => {
                let piece = out[from % length..(from % length + count).min(length)].to_vec();
                out.splice(to % length..to % length, piece);
            }
            Change::Cut(at) => out.truncate(at % length),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_at_all_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
        for (_, check) in FAMILIES {
            check(&bytes);
        }
    }

    #[test]
    fn no_text_at_all_makes_a_parser_panic(text in "[ -~\n\t—é中]{0,400}") {
        for (_, check) in FAMILIES {
            check(text.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_examples_are_refused_or_read_in_one_way_only(
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        for sample in SAMPLES.iter() {
            family(sample).1(&changed(seed(sample), &changes));
        }
    }

    #[test]
    fn one_changed_bit_of_what_is_signed_is_found(at in any::<usize>(), bit in 0u8..8) {
        let bent = |name: &str| changed(&of(name).bytes, &[Change::Bit(at, bit)]);
        // a bid: either half
        let manifest = Manifest::read(&of("manifest").bytes).unwrap();
        let signature: Signature = serde_json::from_slice(&of("signature").bytes).unwrap();
        prop_assert!(manifest.check_signature(&signature).is_ok());
        let bad = Manifest::read(&bent("manifest")).is_ok_and(|bent| bent.check_signature(&signature).is_ok());
        prop_assert!(!bad, "a changed manifest is still signed");
        // trustees sign their set, and each their release
        prop_assert!(TrusteeSet::read(&bent("trustees")).is_err());
        let set = TrusteeSet::read(&of("trustees").bytes).unwrap();
        let bids = crate::sealing::bid_set::BidSet::read(&of("bid-set").bytes).unwrap();
        let whole = crate::sealing::release::Release::read(&of("trustee").bytes).unwrap();
        prop_assert!(whole.check(&set, &bids, &whole.session.0).is_ok());
        let bad = crate::sealing::release::Release::read(&bent("trustee"))
            .is_ok_and(|bent| bent.check(&set, &bids, &whole.session.0).is_ok());
        prop_assert!(!bad, "a changed release is still signed");
        // an archive holds the bidder's signature over its contents
        prop_assert!(!checks::archive(&bent("archive")));
        prop_assert!(!checks::stream(&bent("short")));
        // a bidder's key under a passphrase
        prop_assert!(read_key_file(&of("bidder-key-locked").bytes, "many hands").is_ok());
    }

    #[test]
    fn one_changed_bit_of_a_receipt_or_note_is_found(at in any::<usize>(), bit in 0u8..8) {
        let (log, witness) = keys();
        let text = format!("log.example/x\n0\n{}\n", crate::platform::digest::b64(&crate::ledger::tree::empty_root()));
        let note = Note::sign(&text, &[log]).unwrap().with(witness.cosign(&text, 1_700_000_000));
        let trusted = [log.verifier().clone(), witness.verifier().clone()];
        let both = |bytes: &[u8]| Checkpoint::open(bytes, "log.example/x", &trusted).is_ok_and(|(_, by)| by.len() == 2);
        prop_assert!(both(note.to_string().as_bytes()));
        let bent = changed(note.to_string().as_bytes(), &[Change::Bit(at, bit)]);
        prop_assert!(!both(&bent), "{}", String::from_utf8_lossy(&bent));
        let receipt = Receipt::parse(&of("receipt").bytes).unwrap();
        let (hash, kind) = (receipt.opening.object_hash, receipt.opening.kind);
        let bent = changed(&of("receipt").bytes, &[Change::Bit(at, bit)]);
        // signed with the key of a house that is gone: its note can only be the same or another
        let same = |bent: &Receipt| {
            let whole = bent.checkpoint == receipt.checkpoint && bent.opening == receipt.opening;
            let (_, size, root) = stated(&bent.checkpoint);
            whole && bent.opening.object_hash == hash && bent.opening.kind == kind
                && crate::ledger::tree::verify_inclusion(&bent.opening.leaf_hash(), bent.index, size, &bent.proof, &root)
        };
        prop_assert!(same(&receipt));
        prop_assert!(!Receipt::parse(&bent).is_ok_and(|bent| same(&bent)), "a changed receipt still proves");
    }
}

proptest! {
    // each try costs the rounds of a passphrase
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn key_files_that_were_changed_open_to_nothing_else(at in any::<usize>(), bit in 0u8..8, cut in any::<usize>()) {
        let locked = &of("bidder-key-locked").bytes;
        let held = |file: &BidderKeyFile| (file.k_b, file.m);
        let whole = held(&read_key_file(locked, "many hands").unwrap());
        let bent = read_key_file(&changed(locked, &[Change::Bit(at, bit)]), "many hands");
        prop_assert!(bent.is_err() || bent.ok().as_ref().map(held) == Some(whole));
        let boxed = write_box_key(&crate::sealing::boxes::BoxKey::random(), "many hands").unwrap();
        for changes in [vec![Change::Bit(at, bit)], vec![Change::Cut(cut)]] {
            let _ = read_box_key(&changed(&boxed, &changes), "many hands");
            let _ = read_pkcs12(&changed(PKCS12.as_slice(), &changes), "secret");
        }
    }
}

/// A PKCS#12 file as browsers offer it.
static PKCS12: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let house = crate::account::testing::TestHouse::new(crate::platform::database::testing::Engine::Sqlite);
    house.member(crate::account::role::Role::Bidder, "holder").key_file("secret")
});

fn keys() -> (&'static SignerKey, &'static WitnessKey) {
    static KEYS: LazyLock<(SignerKey, WitnessKey)> = LazyLock::new(|| {
        (SignerKey::generate("log.example/x").unwrap(), WitnessKey::generate("w.example/w").unwrap())
    });
    (&KEYS.0, &KEYS.1)
}

/// Origin, size and root of a checkpoint.
fn stated(note: &Note) -> (String, u64, [u8; 32]) {
    let read = Checkpoint::parse(note.text()).unwrap_or(Checkpoint {
        origin: String::new(),
        size: 0,
        root: [0; 32],
    });
    (read.origin, read.size, read.root)
}
