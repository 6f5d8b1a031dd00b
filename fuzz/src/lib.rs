//! The parsers of the service without the service: each file below is compiled from its own room, so that fuzzing needs
//! neither database nor media libraries (`docs/decisions/0005-fuzzing-compiles-the-parsers-alone.md`).
#![allow(dead_code, unused_imports)]

#[path = "."]
pub mod platform {
    #[path = "../../src/platform/canonical.rs"]
    pub mod canonical;
    #[path = "../../src/platform/digest.rs"]
    pub mod digest;
    #[path = "../../src/platform/id.rs"]
    pub mod id;
    #[path = "../../src/platform/moment.rs"]
    pub mod moment;
    #[path = "../../src/platform/money.rs"]
    pub mod money;
    #[path = "../../src/platform/random.rs"]
    pub mod random;
    #[path = "../../src/platform/refusal.rs"]
    pub mod refusal;
}

#[path = "."]
pub mod ledger {
    #[path = "../../src/ledger/checkpoint.rs"]
    pub mod checkpoint;
    #[path = "../../src/ledger/leaf.rs"]
    pub mod leaf;
    #[path = "../../src/ledger/note.rs"]
    pub mod note;
    #[path = "../../src/ledger/policy.rs"]
    pub mod policy;
    #[path = "../../src/ledger/proof.rs"]
    pub mod proof;
    #[path = "../../src/ledger/rotation.rs"]
    pub mod rotation;
    #[path = "../../src/ledger/tiles.rs"]
    pub mod tiles;
    #[path = "../../src/ledger/timestamp.rs"]
    pub mod timestamp;
    #[path = "../../src/ledger/tree.rs"]
    pub mod tree;
    #[path = "../../src/ledger/witness.rs"]
    pub mod witness;
}

#[path = "../../src/sealing/mod.rs"]
pub mod sealing;

#[path = "."]
pub mod sealed_bid {
    #[path = "../../src/sealed_bid/tus_headers.rs"]
    pub mod tus_headers;
}

#[path = "."]
pub mod deposit {
    #[path = "../../src/deposit/bank_csv.rs"]
    pub mod bank_csv;
    #[path = "../../src/deposit/bank_notice.rs"]
    pub mod bank_notice;
    #[path = "../../src/deposit/bounded_xml.rs"]
    pub mod bounded_xml;
    #[path = "../../src/deposit/camt054.rs"]
    pub mod camt054;
}

#[path = "."]
pub mod expert_draw {
    #[path = "../../src/expert_draw/pool.rs"]
    pub mod pool;
}

#[path = "."]
pub mod recording {
    #[path = "../../src/recording/boxes.rs"]
    pub mod boxes;
    #[path = "../../src/recording/ebml.rs"]
    pub mod ebml;
    #[path = "../../src/recording/segments.rs"]
    pub mod segments;
}

#[path = "."]
pub mod verify {
    #[path = "../../src/verify/bundle.rs"]
    pub mod bundle;
    #[path = "../../src/verify/container.rs"]
    pub mod container;
    #[path = "../../src/verify/findings.rs"]
    pub mod findings;
    #[path = "../../src/verify/parallel.rs"]
    mod parallel;
}

/// What every parser keeps, the same file as in the property tests.
#[path = "../../src/tests/parsers/checks.rs"]
pub mod checks;
/// How the papers of an opening are changed from the inside.
#[path = "../../src/tests/parsers/papers.rs"]
pub mod papers;
