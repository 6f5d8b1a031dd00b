//! Signed statements: every signature that the log's opened events carry, and the certificates behind the bids, up
//! to the certificate authorities' roots.

use super::container::Archive;

use serde_json::Value;

use super::bids_check::{Bids, LoggedBid, folder};
use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::account::authority::Authority;
use crate::account::signature::{Signed, check_kept};
use crate::platform::canonical::from_jcs;
use crate::platform::digest::{b64u, sha256};
use crate::platform::moment::Moment;
use crate::sealing::signature::Signature;

/// Folder of the root certificates, DER.
pub const ROOTS: &str = "roots/";

/// Folder of signed statements of which the log holds only the hash.
pub const SIGNED: &str = "signed/";

/// Who certifies: the `pinned` roots, or those that the bundle brings; `None` if there are none.
pub fn authority<A: Archive>(bundle: &Bundle<A>, pinned: &[Vec<u8>]) -> Option<Authority> {
    let brought: Vec<Vec<u8>> = bundle.below(ROOTS).map(|(_, der)| der.to_vec()).collect();
    let roots = if pinned.is_empty() { brought } else { pinned.to_vec() };
    (!roots.is_empty()).then(|| Authority::of_roots(roots))
}

/// The credit code that the certificate of a signature names, if `authority` vouches for it at `at`.
pub(super) fn signer_of(authority: &Authority, signature: &Signature, at: Moment) -> Option<String> {
    let leaf = signature.x5c.first()?;
    authority.check(&leaf.0, at).ok().map(|subject| subject.credit_code)
}

/// The credit code of whoever signed a bid.
pub(super) fn bidder_of<A: Archive>(
    bundle: &Bundle<A>,
    authority: &Authority,
    bid: &LoggedBid,
) -> Option<String> {
    let signature = bundle.document(&format!("{}signature.json", folder(&bid.m)))?;
    signer_of(authority, &from_jcs(signature).ok()?, bid.manifest.created)
}

/// Checks signatures against `pinned` roots, or against those that the bundle brings.
pub fn check<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    bids: &Bids,
    pinned: &[Vec<u8>],
    findings: &mut Findings,
) {
    let Some(authority) = authority(bundle, pinned) else {
        findings.absent("signatures", "there is no root certificate to check signers against");
        return;
    };
    let from = if pinned.is_empty() { "the bundle's own roots" } else { "roots that you trust" };
    let (mut statements, mut complaints) = (0, Vec::new());
    for entry in &proven.entries {
        let Some(event) = entry.event() else { continue };
        for signed in signed_in(&event.event) {
            statements += 1;
            if let Err(refused) = check_kept(&authority, &signed) {
                complaints.push(format!("entry {} ({}): {refused}", entry.index, event.kind));
            }
        }
    }
    for (path, bytes) in bundle.below(SIGNED) {
        statements += 1;
        if let Err(error) = beside_the_log(bytes, &authority, proven) {
            complaints.push(format!("{path}: {error}"));
        }
    }
    let mut certified = 0;
    for bid in bids.counting.values().flatten() {
        let signature = bundle.document(&format!("{}signature.json", folder(&bid.m)));
        let signature = signature.and_then(|bytes| from_jcs::<Signature>(bytes).ok());
        let Some(leaf) = signature.as_ref().and_then(|signature| signature.x5c.first()) else { continue };
        match authority.check(&leaf.0, bid.manifest.created) {
            Ok(_) => certified += 1,
            Err(refused) => complaints.push(format!("bid {}: {refused}", b64u(&bid.m))),
        }
    }
    let words = format!("{statements} signed statements and {certified} bidders' certificates fit {from}");
    findings.judge("signatures", complaints, words);
}

/// A signed statement of which the log holds only the hash. It was accepted in the act that put the hash there, so its
/// `at` is the time of that entry: the log vouches for the moment at which the certificate had to be valid.
fn beside_the_log(bytes: &[u8], authority: &Authority, proven: &Proven) -> Result<(), String> {
    let signed = from_jcs::<Signed>(bytes).map_err(|e| e.to_string())?;
    check_kept(authority, &signed).map_err(|refused| refused.to_string())?;
    let moments: Vec<Moment> = proven.moments_naming(&sha256(&[signed.statement.as_bytes()])).collect();
    match moments.first() {
        None => Err("the log does not name its statement".into()),
        Some(_) if moments.contains(&signed.at) => Ok(()),
        Some(entered) => Err(format!(
            "it says that it was signed at {}, but the log entered it at {}",
            signed.at.rfc3339(),
            entered.rfc3339()
        )),
    }
}

/// Every signed statement anywhere inside an event.
fn signed_in(event: &Value) -> Vec<Signed> {
    let (mut found, mut waiting) = (Vec::new(), vec![event.clone()]);
    while let Some(value) = waiting.pop() {
        if let Ok(signed) = serde_json::from_value::<Signed>(value.clone()) {
            found.push(signed);
            continue;
        }
        match value {
            Value::Array(list) => waiting.extend(list),
            Value::Object(map) => waiting.extend(map.into_iter().map(|(_, value)| value)),
            // some rooms keep the signed statement as text of its own
            Value::String(text) => found.extend(serde_json::from_str::<Signed>(&text)),
            _ => {}
        }
    }
    found
}
