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

pub mod bidders_check;
pub mod bids_check;
pub mod bundle;
pub mod container;
pub mod deposit_check;
pub mod draw_check;
pub mod evaluation_check;
pub mod findings;
pub mod log_check;
pub mod milestone_check;
pub mod opening_check;
mod parallel;
pub mod recording_check;
mod shares_check;
pub mod signatures_check;
pub mod witness_check;

use crate::ledger::note::VerifierKey;
use crate::ledger::policy::Policy;
use crate::ledger::proof::Receipt;
use container::Archive;
use findings::Findings;

/// What a reader knows that no bundle can tell.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The log's key.
    pub key: Option<VerifierKey>,
    /// Root certificates of the authorities that the reader trusts, DER.
    pub roots: Vec<Vec<u8>>,
    /// Receipts of bids that must be in the evidence.
    pub receipts: Vec<Receipt>,
    /// Which witnesses must have cosigned.
    pub policy: Option<Policy>,
    /// Root certificates of the time-stamping authorities that the reader trusts, DER; empty: no stamp is asked for.
    pub stamp_roots: Vec<Vec<u8>>,
}

/// Checks one bundle.
pub fn verify<A: Archive>(archive: A, known: &Known) -> Findings {
    let mut findings = Findings::default();
    let Some(bundle) = bundle::Bundle::read(archive, &mut findings) else { return findings };
    let Some(proven) = log_check::check(&bundle, known.key.as_ref(), &mut findings) else { return findings };
    witness_check::check(&bundle, known, &proven, &mut findings);
    milestone_check::check(&bundle, &proven, &mut findings);
    let bids = bids_check::check(&bundle, &proven, &known.receipts, &mut findings);
    signatures_check::check(&bundle, &proven, &bids, &known.roots, &mut findings);
    let read_out = opening_check::check(&bundle, &proven, &bids, &known.roots, &mut findings);
    draw_check::check(&bundle, &proven, &mut findings);
    recording_check::check(&bundle, &proven, &mut findings);
    evaluation_check::check(&bundle, &proven, &read_out, &mut findings);
    deposit_check::check(&bundle, &proven, &mut findings);
    findings
}

#[cfg(test)]
mod tests;
