use super::{MemoryLog, leaves};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{Note, SignerKey, VerifierKey};
use crate::ledger::rotation::Rotations;
use crate::ledger::tree::{self, Hash};
use crate::ledger::witness::{Denied, Request};
use proptest::prelude::*;

const ORIGIN: &str = "log.example/main";

struct History {
    key: SignerKey,
    leaves: Vec<Hash>,
}

impl History {
    fn root(&self, size: u64) -> Hash {
        tree::root(&MemoryLog::with(&self.leaves[..usize::try_from(size).unwrap()]), size).unwrap()
    }

    fn request(&self, old: u64, new: u64) -> Request {
        let log = MemoryLog::with(&self.leaves[..usize::try_from(new).unwrap()]);
        let text = Checkpoint { origin: ORIGIN.into(), size: new, root: self.root(new) }.to_string();
        let checkpoint = Note::sign(&text, &[&self.key]).unwrap();
        Request { old, proof: tree::consistency_proof(&log, old, new).unwrap(), checkpoint }
    }

    fn keys(&self) -> Vec<VerifierKey> {
        vec![self.key.verifier().clone()]
    }
}

fn history() -> History {
    History { key: SignerKey::generate(ORIGIN).unwrap(), leaves: leaves(40) }
}

#[test]
fn a_log_that_only_grows_is_cosigned_from_any_state() {
    let log = history();
    for (old, new) in [(0, 1), (0, 40), (1, 2), (7, 8), (13, 40), (40, 40)] {
        let last = (old > 0).then(|| (old, log.root(old)));
        let request = log.request(old, new);
        assert_eq!(Request::parse(request.to_string().as_bytes()).as_ref(), Some(&request));
        let checkpoint = request.judge(&log.keys(), &Rotations::default(), |_| last).unwrap();
        assert_eq!(checkpoint.size, new);
    }
}

#[test]
fn each_wrong_request_gets_the_status_of_the_protocol() {
    let log = history();
    let at_seven = |_: &str| Some((7, log.root(7)));
    let judge = |request: &Request, keys: &[VerifierKey]| {
        let denied = request.judge(keys, &Rotations::default(), at_seven).unwrap_err();
        (denied.status(), denied)
    };
    assert_eq!(judge(&log.request(5, 9), &log.keys()), (409, Denied::OtherSize(7)));
    assert_eq!(judge(&log.request(0, 9), &log.keys()), (409, Denied::OtherSize(7)));
    assert_eq!(judge(&log.request(7, 9), &[]), (404, Denied::UnknownLog(ORIGIN.into())));
    let stranger = SignerKey::generate(ORIGIN).unwrap();
    assert_eq!(judge(&log.request(7, 9), &[stranger.verifier().clone()]), (403, Denied::NotSigned));
    let backwards = Request { old: 12, ..log.request(7, 9) };
    assert_eq!(judge(&backwards, &log.keys()), (400, Denied::Backwards));

    // another history under the same key, honestly proven from its own past
    let mut fork = History { key: SignerKey::parse(&log.key.to_file()).unwrap(), leaves: log.leaves.clone() };
    fork.leaves[3] = tree::leaf_hash(b"another bid");
    assert_eq!(judge(&fork.request(7, 9), &log.keys()), (422, Denied::NotAnExtension));
    assert_eq!(judge(&fork.request(7, 7), &log.keys()), (409, Denied::OtherRoot(7)));
    let empty = Request { proof: Vec::new(), ..log.request(7, 9) };
    assert_eq!(judge(&empty, &log.keys()), (422, Denied::NotAnExtension));
}

proptest! {
    #[test]
    fn no_bytes_upset_the_parser_and_what_it_reads_it_writes_alike(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(request) = Request::parse(&bytes) {
            prop_assert_eq!(request.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn a_bent_request_is_never_cosigned(at in 0usize..2000, flip in 1u8..=255) {
        let log = history();
        let last = (7, log.root(7));
        let mut bytes = log.request(7, 9).to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let judged = Request::parse(&bytes).map(|request| request.judge(&log.keys(), &Rotations::default(), |_| Some(last)));
        prop_assert!(!matches!(judged, Some(Ok(_))));
    }
}
