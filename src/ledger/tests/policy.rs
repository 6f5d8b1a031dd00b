use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::note::{Note, NoteError, SignerKey, WitnessKey};
use crate::ledger::policy::{Policy, PolicyError};
use crate::ledger::tree;

const ORIGIN: &str = "log.example/main";

struct Cast {
    log: SignerKey,
    witnesses: Vec<WitnessKey>,
}

impl Cast {
    fn new() -> Self {
        let witness = |i| WitnessKey::generate(&format!("w{i}.example/w")).unwrap();
        Self { log: SignerKey::generate(ORIGIN).unwrap(), witnesses: (1..=3).map(witness).collect() }
    }

    /// A policy of this log and its three witnesses, named W1 to W3, with the given last lines.
    fn policy(&self, lines: &str) -> Result<Policy, PolicyError> {
        let mut text = format!("# who we believe\nlog {} http://log.example/log/\n\n", self.log.verifier());
        for (i, witness) in (1..).zip(&self.witnesses) {
            text += &format!("\twitness  W{i} {}\n", witness.verifier());
        }
        Policy::parse(&(text + lines))
    }

    fn note(&self, by: &[usize]) -> String {
        let text = Checkpoint { origin: ORIGIN.into(), size: 0, root: tree::empty_root() }.to_string();
        let signed = Note::sign(&text, &[&self.log]).unwrap();
        let all = by.iter().fold(signed, |note, i| {
            let line = self.witnesses[i - 1].cosign(note.text(), 1_700_000_000 + *i as u64);
            note.with(line)
        });
        all.to_string()
    }
}

#[test]
fn a_quorum_of_groups_within_groups_decides() {
    let cast = Cast::new();
    let policy = cast.policy("group two 1 W1 W2\ngroup both all two W3\nquorum both\n").unwrap();
    for (by, enough) in [
        (&[1, 3][..], true),
        (&[2, 3], true),
        (&[1, 2, 3], true),
        (&[1, 2], false),
        (&[3], false),
        (&[], false),
    ] {
        let judged = policy.judge(cast.note(by).as_bytes());
        assert_eq!(judged.is_ok(), enough, "{by:?}: {judged:?}");
    }
    let judged = policy.judge(cast.note(&[3, 1]).as_bytes()).unwrap();
    assert_eq!(judged.cosigners, [("W1".into(), 1_700_000_001), ("W3".into(), 1_700_000_003)]);
    assert_eq!(policy.witnesses()[0].url, None);
    assert_eq!(policy.logs()[0].url.as_deref(), Some("http://log.example/log"));
    assert_eq!(Policy::parse(&policy.to_string()).unwrap(), policy);
}

#[test]
fn without_a_quorum_the_logs_own_signature_is_enough_and_always_needed() {
    let cast = Cast::new();
    let policy = cast.policy("quorum none").unwrap();
    assert!(policy.judge(cast.note(&[]).as_bytes()).is_ok());
    let unsigned = cast.note(&[1, 2, 3]);
    let line = unsigned.lines().find(|line| line.starts_with("\u{2014} log.example")).unwrap();
    let unsigned = unsigned.replace(&format!("{line}\n"), "");
    let judged = policy.judge(unsigned.as_bytes());
    assert_eq!(judged, Err(PolicyError::Checkpoint(CheckpointError::NotTheLog)));
    let other = Cast::new().policy("quorum none\n").unwrap();
    let judged = other.judge(cast.note(&[]).as_bytes());
    assert_eq!(judged, Err(PolicyError::Checkpoint(CheckpointError::Note(NoteError::Unsigned))));
}

#[test]
fn a_cosignature_holds_for_its_time_and_text_alone() {
    let cast = Cast::new();
    let policy = cast.policy("quorum W2\n").unwrap();
    let good = cast.note(&[2]);
    assert!(policy.judge(good.as_bytes()).is_ok());
    let plain = Note::parse(cast.note(&[]).as_bytes()).unwrap();
    let mut moved = cast.witnesses[1].cosign(plain.text(), 1_700_000_002);
    moved.value[7] ^= 1;
    let other_text = cast.witnesses[1].cosign("log.example/main\n1\n", 1_700_000_002);
    for line in [moved, other_text] {
        let note = plain.clone().with(line).to_string();
        let judged = policy.judge(note.as_bytes());
        assert!(matches!(
            judged,
            Err(PolicyError::Checkpoint(CheckpointError::Note(NoteError::BadSignature(_))))
        ));
    }
    // a witness can not sign as a log, nor a log as a witness
    assert!(matches!(SignerKey::parse(&cast.witnesses[0].to_file()), Err(NoteError::KeyKind)));
    assert!(matches!(WitnessKey::parse(&cast.log.to_file()), Err(NoteError::KeyKind)));
}

#[test]
fn every_line_that_the_format_forbids_is_named() {
    let cast = Cast::new();
    let (w1, log) = (cast.witnesses[0].verifier().to_string(), cast.log.verifier().to_string());
    for (lines, says) in [
        ("quorum W4\n".to_owned(), "neither a witness nor a group"),
        ("quorum none\nquorum none\n".into(), "a second quorum"),
        ("group none 1 W1\nquorum W1\n".into(), "the name is taken"),
        ("group W1 1 W2\nquorum W1\n".into(), "the name is taken"),
        ("group g 0 W1\nquorum g\n".into(), "threshold"),
        ("group g 2 W1\nquorum g\n".into(), "threshold"),
        ("group g 01 W1\nquorum g\n".into(), "threshold"),
        ("group g any\nquorum g\n".into(), "threshold"),
        ("group g any h\ngroup h any W1\nquorum g\n".into(), "not defined above"),
        ("group g any W1 W1\nquorum g\n".into(), "in a group already"),
        ("group g any W1\ngroup h any W1\nquorum h\n".into(), "in a group already"),
        (format!("witness X {w1}\nquorum X\n"), "the same key twice"),
        (format!("witness X {log}\nquorum X\n"), "wrong kind"),
        (format!("log {w1}\nquorum none\n"), "wrong kind"),
        (format!("log {log}\nquorum none\n"), "the same key twice"),
        ("log nonsense\nquorum none\n".into(), "not a verifier key"),
        ("quorum none\r\n".into(), "control character"),
        ("cosigner W1\nquorum none\n".into(), "not a log, witness, group or quorum line"),
    ] {
        let wrong = cast.policy(&lines).unwrap_err().to_string();
        assert!(wrong.contains(says), "{lines:?}: {wrong}");
    }
    assert_eq!(cast.policy("").unwrap_err(), PolicyError::NoQuorum);
}
