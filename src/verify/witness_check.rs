//! What others say of the log: cosignatures of witnesses and the time-stamp of an authority. Both speak of the closing
//! checkpoint; a platform that shows different people different logs can have neither for each of them.

use super::Known;
use super::bundle::Bundle;
use super::container::Archive;
use super::findings::Findings;
use super::log_check::{CHECKPOINT, CLOSING, ClosingDoc, Proven};
use crate::ledger::note::Note;
use crate::ledger::policy::{Judged, Policy};
use crate::ledger::timestamp;
use crate::platform::canonical::from_jcs;
use crate::platform::moment::{Moment, SECOND};

/// Path of the RFC 3161 token over the closing checkpoint's text, DER.
pub const TIMESTAMP: &str = "log/closing.tst";

/// Checks cosignatures and time-stamp, as far as the reader knows whom to believe.
pub fn check<A: Archive>(bundle: &Bundle<A>, known: &Known, proven: &Proven, findings: &mut Findings) {
    let closing = bundle.document(CLOSING).and_then(|bytes| from_jcs::<ClosingDoc>(bytes).ok());
    let Some(closing) = closing.map(|doc| doc.checkpoint) else { return };
    match &known.policy {
        Some(policy) => witnesses(bundle, &policy.following(&proven.rotations), &closing, findings),
        None if cosigned(&closing) => {
            findings.absent(
                "witnesses",
                "others signed the closing too, but no policy was given to judge them by",
            );
        }
        None => {}
    }
    match (bundle.document(TIMESTAMP), known.stamp_roots.is_empty()) {
        (Some(token), false) => match stamped(token, &closing, &known.stamp_roots) {
            Ok(at) => findings.holds("timestamp", format!("the closing was stamped at {}", at.rfc3339())),
            Err(why) => findings.broken("timestamp", why),
        },
        (None, false) => findings.broken("timestamp", "the closing checkpoint has no time-stamp"),
        (Some(_), true) => {
            findings.absent("timestamp", "there is one, but no authority was given to believe")
        }
        (None, true) => {}
    }
}

/// Whether anybody but the log signed it.
fn cosigned(note: &str) -> bool {
    Note::parse(note.as_bytes()).is_ok_and(|note| note.signatures().len() > 1)
}

/// The closing checkpoint is covered by its own cosignatures or by those of the bundle's newest one, which is proven to
/// extend it.
fn witnesses<A: Archive>(bundle: &Bundle<A>, policy: &Policy, closing: &str, findings: &mut Findings) {
    let newest = bundle.document(CHECKPOINT).unwrap_or_default();
    let judged = policy.judge(closing.as_bytes()).or_else(|_| policy.judge(newest));
    match judged {
        Ok(Judged { checkpoint, cosigners }) => {
            let names: Vec<String> = cosigners
                .iter()
                .map(|(name, seconds)| {
                    let at = i64::try_from(*seconds).unwrap_or_default().saturating_mul(SECOND);
                    format!("{name} at {}", Moment::from_micros(at).rfc3339())
                })
                .collect();
            let names =
                if names.is_empty() { "nobody, as the policy allows".into() } else { names.join(", ") };
            findings.holds("witnesses", format!("{} entries cosigned by {names}", checkpoint.size));
        }
        Err(why) => findings.broken("witnesses", why.to_string()),
    }
}

fn stamped(token: &[u8], closing: &str, roots: &[Vec<u8>]) -> Result<Moment, String> {
    let note = Note::parse(closing.as_bytes()).map_err(|e| e.to_string())?;
    timestamp::verify(token, note.text(), roots).map_err(|e| e.to_string())
}
