use proptest::prelude::*;

use super::MemoryLog;
use crate::ledger::checkpoint::{CheckpointError, Signer};
use crate::ledger::leaf;
use crate::ledger::note::{NoteError, SignerKey, VerifierKey};
use crate::ledger::proof::*;
use crate::ledger::tree;
use crate::platform::digest::sha256;

const ORIGIN: &str = "log.example/sunbid";
const KIND: u8 = 1;

fn object(i: u64) -> Vec<u8> {
    format!("object {i}").into_bytes()
}

fn blind(i: u64) -> [u8; 32] {
    sha256(&[b"blind", &i.to_be_bytes()])
}

/// A signed log of `size` objects and the receipt of number `index`.
fn receipt(index: u64, size: u64) -> (Receipt, Vec<VerifierKey>) {
    let hashes: Vec<_> = (0..size).map(|i| leaf::hash(&blind(i), KIND, &object(i))).collect();
    let log = MemoryLog::with(&hashes);
    let mut signer = Signer::new(SignerKey::from_seed(ORIGIN, [3; 32]).unwrap());
    let checkpoint = signer.sign(size, tree::root(&log, size).unwrap(), &[]).unwrap();
    let opening = Opening { object_hash: sha256(&[&object(index)]), kind: KIND, blind: blind(index) };
    let proof = tree::inclusion_proof(&log, index, size).unwrap();
    (Receipt { opening, index, proof, checkpoint }, vec![signer.verifier().clone()])
}

#[test]
fn a_leaf_is_74_bytes_whatever_it_is_for() {
    let small = leaf::entry(&[0; 32], 1, b"");
    let large = leaf::entry(&[255; 32], 255, &[7; 100_000]);
    assert_eq!((small.len(), large.len()), (74, 74));
    assert_eq!(leaf::parse_entry(&small), Some(leaf::commitment(&[0; 32], 1, b"")));
    assert_eq!(leaf::hash(&[1; 32], 2, b"x"), leaf::hash_for(&[1; 32], 2, &sha256(&[b"x"])));
    let text = String::from_utf8(small).unwrap();
    for wrong in
        [text.replace("/v1", "/v2"), text.replace(',', ", "), text.replace("\"c\"", "\"d\""), "{}".into()]
    {
        assert_eq!(leaf::parse_entry(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn the_commitment_is_the_published_formula() {
    // computed with Python: hashlib.sha256(b"etrade/leaf/v1\n" + bytes(range(32)) + b"\x01" + hashlib.sha256(b"abc").digest())
    let blind: [u8; 32] = std::array::from_fn(|i| i as u8);
    assert_eq!(hex::encode(leaf::commitment(&blind, 1, b"abc")), PYTHON_COMMITMENT);
}
const PYTHON_COMMITMENT: &str = "d68f338fa63ff3ff40f733f16b66bf1f57dc4bafdd7242eb440da267cd365de9";

#[test]
fn a_receipt_reads_back_and_proves_its_object() {
    for (index, size) in [(0, 1), (0, 2), (6, 7), (255, 256), (256, 257), (4321, 7000)] {
        let (receipt, keys) = receipt(index, size);
        let file = receipt.to_string();
        assert!(file.len() < 1500, "{} bytes", file.len());
        let read = Receipt::parse(file.as_bytes()).unwrap();
        assert_eq!(read, receipt);
        let shown = read.verify(&object(index), KIND, ORIGIN, &keys).unwrap();
        assert_eq!(
            (shown.index, shown.checkpoint.size, shown.signers),
            (index, size, vec![ORIGIN.to_owned()])
        );
    }
}

#[test]
fn a_receipt_proves_nothing_else() {
    let (good, keys) = receipt(40, 100);
    assert_eq!(good.verify(&object(41), KIND, ORIGIN, &keys).unwrap_err(), ReceiptError::OtherObject);
    let kind = ReceiptError::OtherKind { expected: 2, found: 1 };
    assert_eq!(good.verify(&object(40), 2, ORIGIN, &keys).unwrap_err(), kind);
    let other = good.verify(&object(40), KIND, "elsewhere.example", &keys).unwrap_err();
    assert!(matches!(other, ReceiptError::Checkpoint(CheckpointError::OtherLog { .. })));
    let strangers = [SignerKey::generate(ORIGIN).unwrap().verifier().clone()];
    let unsigned = ReceiptError::Checkpoint(CheckpointError::Note(NoteError::Unsigned));
    assert_eq!(good.verify(&object(40), KIND, ORIGIN, &strangers).unwrap_err(), unsigned);
    let moved = Receipt { index: 41, ..good.clone() };
    assert_eq!(moved.verify(&object(40), KIND, ORIGIN, &keys).unwrap_err(), ReceiptError::NotIncluded);
    let opening = Opening { blind: [0; 32], ..good.opening.clone() };
    let reblinded = Receipt { opening, ..good };
    assert_eq!(reblinded.verify(&object(40), KIND, ORIGIN, &keys).unwrap_err(), ReceiptError::NotIncluded);
}

#[test]
fn receipts_in_another_spelling_are_refused() {
    let text = receipt(2, 5).0.to_string();
    for wrong in [
        text.replace("@v1", "@v2"),
        text.replace("index 2", "index 02"),
        text.replace("index 2", "index -2"),
        text.replace("index 2\n", ""),
        text.replacen("extra ", "extra  ", 1),
        text.replacen('\n', "\r\n", 1),
        text.replacen("\n\n", "\n", 1),
        text.replacen("extra ", "extra e30=\nextra ", 1),
    ] {
        assert!(Receipt::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let without = text.lines().filter(|line| !line.starts_with("extra")).collect::<Vec<_>>().join("\n");
    assert_eq!(Receipt::parse(without.as_bytes()).unwrap_err(), ReceiptError::Extra);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_receipt_with_one_byte_changed_proves_nothing(at in any::<usize>(), to in any::<u8>()) {
        let (good, keys) = receipt(9, 23);
        let file = good.to_string().into_bytes();
        let mut bad = file.clone();
        let at = at % bad.len();
        bad[at] = to;
        prop_assume!(bad != file);
        let shown = Receipt::parse(&bad).and_then(|receipt| receipt.verify(&object(9), KIND, ORIGIN, &keys));
        prop_assert!(shown.is_err());
    }

    #[test]
    fn rubbish_is_never_a_receipt(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let start = [b"c2sp.org/tlog-proof@v1\nextra ", &bytes[..]].concat();
        prop_assert!(Receipt::parse(&bytes).is_err());
        prop_assert!(Receipt::parse(&start).is_err());
        prop_assert_eq!(leaf::parse_entry(&bytes), None);
    }
}
