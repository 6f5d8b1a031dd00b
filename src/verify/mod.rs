//! The offline verifier: `sunbid verify <bundle>` checks one lot's evidence without trusting whoever wrote it.
//!
//! What happens here: the bundle (`docs/formats/evidence-bundle.md`) is read strictly; the log's signatures, closing
//! and entries are checked first ([`log_check`]); everything else is checked against what the log is then known to
//! hold. Each check says one line ([`findings`]).
//!
//! Who comes in: the command line, `sunbid export` (which uses the same document types), and tests. What leaves: a
//! list of findings; all must hold.
//!
//! Invariants: no clock, no network, no database, no randomness; only pure parts of the rooms are called; bytes
//! that do not have exactly the documented form are refused, never repaired. What is missing is said, not skipped.

pub mod bundle;
pub mod container;
pub mod findings;
pub mod log_check;

#[cfg(test)]
mod tests;
