use proptest::prelude::*;

use super::{MemoryLog, leaves};
use crate::ledger::tree::*;

/// RFC 6962 section 2.1, word for word.
fn mth(d: &[Hash]) -> Hash {
    match d {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let k = d.len().next_power_of_two() / 2;
            node_hash(&mth(&d[..k]), &mth(&d[k..]))
        }
    }
}

fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return vec![];
    }
    let k = d.len().next_power_of_two() / 2;
    let (mut path, last) = match m < k {
        true => (path(m, &d[..k]), mth(&d[k..])),
        false => (path(m - k, &d[k..]), mth(&d[..k])),
    };
    path.push(last);
    path
}

fn subproof(m: usize, d: &[Hash], known: bool) -> Vec<Hash> {
    if m == d.len() {
        return if known { vec![] } else { vec![mth(d)] };
    }
    let k = d.len().next_power_of_two() / 2;
    let (mut path, last) = match m <= k {
        true => (subproof(m, &d[..k], known), mth(&d[k..])),
        false => (subproof(m - k, &d[k..], false), mth(&d[..k])),
    };
    path.push(last);
    path
}

#[test]
fn roots_and_proofs_equal_the_plain_definition_at_every_small_size() {
    let d = leaves(40);
    let mut log = MemoryLog::default();
    for n in 0..=d.len() {
        assert_eq!(root(&log, n as u64).unwrap(), mth(&d[..n]), "size {n}");
        for m in 0..n {
            let proof = inclusion_proof(&log, m as u64, n as u64).unwrap();
            assert_eq!(proof, path(m, &d[..n]));
            assert!(verify_inclusion(&d[m], m as u64, n as u64, &proof, &mth(&d[..n])));
            assert_eq!(leaf_at(&log, m as u64, n as u64).unwrap(), d[m]);
        }
        for m in 1..=n {
            let proof = consistency_proof(&log, m as u64, n as u64).unwrap();
            assert_eq!(proof, subproof(m, &d[..n], true), "{m} to {n}");
            assert!(verify_consistency(m as u64, n as u64, &mth(&d[..m]), &mth(&d[..n]), &proof));
        }
        if n < d.len() {
            log.add(&d[n..=n]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn batches_of_any_size_give_the_plain_tree(batches in prop::collection::vec(0usize..700, 1..6), pick in any::<u64>()) {
        let d = leaves(batches.iter().sum());
        let mut log = MemoryLog::default();
        let mut n = 0;
        for batch in batches {
            let changed = append(&log, log.size, &d[n..n + batch]).unwrap();
            let ahead = root(&Overlay::new(&log, &changed), (n + batch) as u64).unwrap();
            log.add(&d[n..n + batch]);
            n += batch;
            prop_assert_eq!(ahead, mth(&d[..n]));
        }
        prop_assert_eq!(root(&log, n as u64).unwrap(), mth(&d));
        if n > 0 {
            let m = (pick % n as u64) as usize;
            prop_assert_eq!(inclusion_proof(&log, m as u64, n as u64).unwrap(), path(m, &d));
            prop_assert_eq!(consistency_proof(&log, m as u64 + 1, n as u64).unwrap(), subproof(m + 1, &d, true));
            // a smaller tree is still provable from the tiles of the larger one
            prop_assert_eq!(root(&log, m as u64).unwrap(), mth(&d[..m]));
            if m > 0 {
                let inner = (pick / 7 % m as u64) as usize;
                prop_assert_eq!(inclusion_proof(&log, inner as u64, m as u64).unwrap(), path(inner, &d[..m]));
            }
        }
    }

    #[test]
    fn a_changed_inclusion_proof_is_rejected(n in 2usize..600, pick in any::<usize>(), bit in 0usize..256) {
        let d = leaves(n);
        let log = MemoryLog::with(&d);
        let (m, size, top) = ((pick % n) as u64, n as u64, mth(&d));
        let proof = inclusion_proof(&log, m, size).unwrap();
        let mut other = proof.clone();
        let at = pick % other.len();
        other[at][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_inclusion(&d[m as usize], m, size, &other, &top));
        prop_assert!(!verify_inclusion(&d[m as usize], m, size, &proof[..proof.len() - 1], &top));
        let longer = [&proof[..], &[top]].concat();
        prop_assert!(!verify_inclusion(&d[m as usize], m, size, &longer, &top));
        for other in (0..size).filter(|&i| i != m) {
            prop_assert!(!verify_inclusion(&d[m as usize], other, size, &proof, &top));
        }
    }

    #[test]
    fn a_rewritten_history_has_no_consistency_proof(old in 1usize..300, more in 1usize..300, at in any::<usize>()) {
        let d = leaves(old + more);
        let mut rewritten = d.clone();
        rewritten[at % old][0] ^= 1;
        let proof = consistency_proof(&MemoryLog::with(&rewritten), old as u64, d.len() as u64).unwrap();
        let honest = consistency_proof(&MemoryLog::with(&d), old as u64, d.len() as u64).unwrap();
        let (from, to) = (mth(&d[..old]), mth(&rewritten));
        prop_assert!(!verify_consistency(old as u64, d.len() as u64, &from, &to, &proof));
        prop_assert!(!verify_consistency(old as u64, d.len() as u64, &from, &to, &honest));
        prop_assert!(verify_consistency(old as u64, d.len() as u64, &from, &mth(&d), &honest));
    }

    #[test]
    fn verifying_rubbish_never_panics(index in any::<u64>(), size in any::<u64>(), proof in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let root = [7; 32];
        prop_assert!(!verify_inclusion(&[1; 32], index, size, &proof, &root));
        let _ = verify_consistency(index, size, &root, &[8; 32], &proof);
        let _ = verify_consistency(size, index, &root, &root, &proof);
    }
}

#[test]
fn the_published_vectors_of_certificate_transparency_hold() {
    // the eight leaves and the roots that RFC 6962 implementations share as known answers
    let inputs =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let d: Vec<Hash> = inputs.iter().map(|input| leaf_hash(&hex::decode(input).unwrap())).collect();
    let log = MemoryLog::with(&d);
    let at = |size| hex::encode(root(&log, size).unwrap());
    assert_eq!(at(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(at(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(at(2), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(at(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn an_append_returns_only_tiles_that_changed_and_the_tree_of_70000_has_the_shape_of_the_specification() {
    let d = leaves(70_000);
    let mut log = MemoryLog::with(&d[..69_999]);
    let last = log.add(&d[69_999..]);
    assert_eq!(last.iter().map(|t| (t.level, t.index, t.width())).collect::<Vec<_>>(), [(0, 273, 112)]);
    assert_eq!(log.tiles.len(), 274 + 2 + 1);
    assert_eq!((width_of(0, 273, 70_000), width_of(1, 0, 70_000)), (112, 256));
    assert_eq!((width_of(1, 1, 70_000), width_of(2, 0, 70_000), width_of(3, 0, 70_000)), (17, 1, 0));
    assert_eq!(root(&log, 70_000).unwrap(), mth(&d));
}

#[test]
fn a_proof_in_a_large_log_reads_only_a_few_tiles() {
    let mut log = MemoryLog::with(&leaves(200_000));
    log.reads.set(0);
    inclusion_proof(&log, 12_345, 200_000).unwrap();
    consistency_proof(&log, 70_001, 200_000).unwrap();
    root(&log, 199_999).unwrap();
    assert!(log.reads.get() <= 16, "{} tiles read", log.reads.get());
    log.reads.set(0);
    log.add(&leaves(1));
    assert!(log.reads.get() <= 3, "{} tiles read", log.reads.get());
}

#[test]
fn a_tile_that_is_too_short_is_reported_and_not_believed() {
    let mut log = MemoryLog::with(&leaves(300));
    log.damage(0, 0);
    assert_eq!(inclusion_proof(&log, 3, 300).unwrap_err(), TreeError::Damaged { level: 0, index: 0 });
    log.damage(0, 1);
    assert_eq!(append(&log, 300, &leaves(1)).unwrap_err(), TreeError::Damaged { level: 0, index: 1 });
}

#[test]
fn questions_outside_the_log_are_refused() {
    let log = MemoryLog::with(&leaves(5));
    assert_eq!(inclusion_proof(&log, 5, 5).unwrap_err(), TreeError::OutOfRange { asked: 5, size: 5 });
    assert_eq!(consistency_proof(&log, 6, 5).unwrap_err(), TreeError::OutOfRange { asked: 6, size: 5 });
    assert_eq!(leaf_at(&log, 9, 5).unwrap_err(), TreeError::OutOfRange { asked: 9, size: 5 });
    assert!(consistency_proof(&log, 0, 5).unwrap().is_empty());
    let top = root(&log, 5).unwrap();
    assert!(verify_consistency(0, 5, &empty_root(), &top, &[]));
    assert!(!verify_consistency(0, 5, &top, &top, &[]));
    assert!(!verify_consistency(5, 4, &top, &top, &[]));
    assert!(!verify_inclusion(&top, 0, 0, &[], &top));
}
