use super::{MemoryLog, leaves};
use crate::ledger::checkpoint::{Checkpoint, CheckpointError, Signer};
use crate::ledger::note::{Note, SignerKey, VerifierKey, WitnessKey};
use crate::ledger::policy::{Policy, PolicyError};
use crate::ledger::rotation::{Rotation, RotationError, Rotations};
use crate::ledger::tree::{self, Hash};
use crate::ledger::witness::{Denied, Request};
use proptest::prelude::*;

const ORIGIN: &str = "log.example/main";

fn key() -> SignerKey {
    SignerKey::generate(ORIGIN).unwrap()
}

fn root(size: u64) -> Hash {
    let log = MemoryLog::with(&leaves(usize::try_from(size).unwrap()));
    tree::root(&log, size).unwrap()
}

fn checkpoint(size: u64, root: Hash, key: &SignerKey) -> Note {
    let text = Checkpoint { origin: ORIGIN.into(), size, root }.to_string();
    Note::sign(&text, &[key]).unwrap()
}

/// Three keys: the first until 10, the second until 20, the third since.
struct Chain {
    keys: [SignerKey; 3],
    rotations: Rotations,
}

fn chain() -> Chain {
    let keys = [key(), key(), key()];
    let mut rotations = Rotations::default();
    rotations.add(Rotation::sign(&keys[0], &keys[1], 10, &root(10)).unwrap()).unwrap();
    rotations.add(Rotation::sign(&keys[1], &keys[2], 20, &root(20)).unwrap()).unwrap();
    Chain { keys, rotations }
}

impl Chain {
    fn known(&self, at: usize) -> Vec<VerifierKey> {
        vec![self.keys[at].verifier().clone()]
    }

    /// Whether somebody who knows the key `known` believes a checkpoint of this size under the key `by`.
    fn believed(&self, known: usize, size: u64, root: Hash, by: usize) -> bool {
        let note = checkpoint(size, root, &self.keys[by]).to_string();
        let trusted = self.rotations.lead_from(&self.known(known));
        let opened = Checkpoint::open_in_term(note.as_bytes(), ORIGIN, &trusted, &self.rotations);
        if let Err(error) = &opened {
            assert!(matches!(error, CheckpointError::OutOfTerm { .. }), "{error}");
        }
        opened.is_ok()
    }
}

#[test]
fn each_key_counts_for_the_sizes_that_it_signed_whichever_key_one_knows() {
    let chain = chain();
    for known in 0..3 {
        for (size, by) in [(9, [1, 0, 0]), (10, [1, 1, 0]), (11, [0, 1, 0]), (20, [0, 1, 1]), (21, [0, 0, 1])]
        {
            for (key, expected) in by.into_iter().enumerate() {
                assert_eq!(
                    chain.believed(known, size, root(size), key),
                    expected == 1,
                    "who knows key {known}: {size} entries signed by key {key}"
                );
            }
        }
        // at the change itself the root is told by the note
        assert!(!chain.believed(known, 10, [7; 32], 0) && !chain.believed(known, 10, [7; 32], 1));
    }
}

#[test]
fn the_text_form_is_read_back_and_nothing_else_is() {
    let Chain { keys, rotations } = chain();
    let text = rotations.to_string();
    assert_eq!(Rotations::parse(&text).unwrap(), rotations);
    assert_eq!(Rotations::parse("").unwrap(), Rotations::default());
    for wrong in [format!("{text}\n"), format!("\n{text}"), text.replace("rotation/v1", "rotation/v2")] {
        assert!(Rotations::parse(&wrong).is_err(), "{wrong}");
    }
    // one signature is not enough, whichever it is
    let note = rotations.list()[0].note.to_string();
    let lines: Vec<&str> = note.lines().collect();
    for missing in [lines.len() - 1, lines.len() - 2] {
        let mut fewer = lines.clone();
        fewer.remove(missing);
        let read = Rotation::read(Note::parse(format!("{}\n", fewer.join("\n")).as_bytes()).unwrap());
        assert_eq!(read.unwrap_err(), RotationError::NotBoth);
    }
    // a key of another log, the same key again, a key that was rotated away, a size that is not larger, a gap
    let stranger = SignerKey::generate("other.example").unwrap();
    assert_eq!(Rotation::sign(&keys[0], &stranger, 1, &[0; 32]).unwrap_err(), RotationError::Malformed);
    assert_eq!(Rotation::sign(&keys[0], &keys[0], 1, &[0; 32]).unwrap_err(), RotationError::Malformed);
    for (old, new, size) in [(&keys[2], &keys[0], 30), (&keys[2], &key(), 20), (&keys[1], &key(), 30)] {
        let next = Rotation::sign(old, new, size, &root(30)).unwrap();
        assert!(matches!(rotations.clone().add(next), Err(RotationError::NotAChain(_))));
    }
    // a rotation note is no checkpoint, nor the other way round
    assert!(Checkpoint::parse(rotations.list()[0].note.text()).is_err());
    assert_eq!(Rotation::read(checkpoint(10, root(10), &keys[0])).unwrap_err(), RotationError::Malformed);
}

#[test]
fn a_policy_and_a_witness_follow_the_chain_and_refuse_a_stolen_old_key() {
    let chain = chain();
    let witness = WitnessKey::generate("w.example/w").unwrap();
    for known in 0..3 {
        let text =
            format!("log {}\nwitness w {}\nquorum w\n", chain.keys[known].verifier(), witness.verifier());
        let policy = Policy::parse(&text).unwrap().following(&chain.rotations);
        let judge = |size, by: usize| {
            let note = checkpoint(size, root(size), &chain.keys[by]);
            let line = witness.cosign(note.text(), 1);
            policy.judge(note.with(line).to_string().as_bytes()).map(|judged| judged.checkpoint.size)
        };
        assert_eq!((judge(10, 0), judge(15, 1), judge(30, 2)), (Ok(10), Ok(15), Ok(30)));
        let stolen = judge(30, 0).unwrap_err();
        assert!(
            matches!(&stolen, PolicyError::Checkpoint(CheckpointError::OutOfTerm { size: 30, .. })),
            "{stolen}"
        );

        let logs = chain.rotations.lead_from(&chain.known(known));
        let ask = |size, by: usize| {
            let log = MemoryLog::with(&leaves(size));
            let proof = tree::consistency_proof(&log, 10, size as u64).unwrap();
            let checkpoint = checkpoint(size as u64, root(size as u64), &chain.keys[by]);
            let request = Request { old: 10, proof, checkpoint };
            request.judge(&logs, &chain.rotations, |_| Some((10, root(10)))).map(|checkpoint| checkpoint.size)
        };
        assert_eq!((ask(20, 1), ask(30, 2)), (Ok(20), Ok(30)));
        assert_eq!((ask(30, 0), ask(30, 1)), (Err(Denied::NotSigned), Err(Denied::NotSigned)));
    }
    // without the notes the same policy knows only its own key
    let policy = Policy::parse(&format!("log {}\nquorum none\n", chain.keys[0].verifier())).unwrap();
    assert!(policy.judge(checkpoint(30, root(30), &chain.keys[2]).to_string().as_bytes()).is_err());
    // and a policy that knows no key of the chain is not led into it
    let stranger = format!("log {}\nquorum none\n", key().verifier());
    let stranger = Policy::parse(&stranger).unwrap().following(&chain.rotations);
    assert!(stranger.judge(checkpoint(30, root(30), &chain.keys[2]).to_string().as_bytes()).is_err());
}

#[test]
fn a_signer_hands_over_what_it_signed_last() {
    let (old, new) = (key(), key());
    let mut signer = Signer::new(SignerKey::parse(&old.to_file()).unwrap());
    signer.sign(10, root(10), &[]).unwrap();
    let (rotation, checkpoint) = signer.hand_over(&new).unwrap();
    assert_eq!((rotation.size, rotation.root), (10, root(10)));
    let both = [old.verifier().clone(), new.verifier().clone()];
    let (read, signers) = Checkpoint::open(checkpoint.to_string().as_bytes(), ORIGIN, &both).unwrap();
    assert_eq!((read.size, read.root, signers.len()), (10, root(10), 2));
}

proptest! {
    #[test]
    fn outside_bytes_never_break_the_reader(text in "\\PC{0,300}", cut in 0usize..2000, bit in 0usize..8) {
        let _ = Rotations::parse(&text);
        let good = chain().rotations.to_string();
        let mut bytes = good.clone().into_bytes();
        let at = cut % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(Rotations::parse(&changed).is_err(), "byte {} may change", at);
        }
        if let Some(short) = good.get(..at) {
            prop_assert!(at == 0 || Rotations::parse(short).map_or(true, |read| read.list().len() < 2));
        }
    }
}
