//! Bids: every manifest that the log holds for this lot, which of them count, and each counting bid's signature, receipt
//! and ciphertext.

use super::container::Archive;
use std::collections::{BTreeMap, BTreeSet};

use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use crate::ledger::proof::Receipt;
use crate::platform::canonical::from_jcs;
use crate::platform::digest::b64u;
use crate::sealed_bid::rules::complete_bidders;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::Signature;

const MANIFEST_LABEL: &[u8] = b"etrade/bid-manifest/v1\n";
/// The event that takes a bid back; its `m` is the id of the manifest that no longer counts.
pub const WITHDRAWN: &str = "sealed_bid.withdrawn";
/// The event that closes the box.
const CLOSED: &str = "opening.box_closed";

/// Folder of a bid's files.
pub fn folder(m: &[u8; 32]) -> String {
    format!("bids/{}/", hex::encode(m))
}

/// A manifest of this lot that is in the log.
#[derive(Clone, Debug)]
pub struct LoggedBid {
    pub index: u64,
    pub kind: u8,
    pub m: [u8; 32],
    pub manifest: Manifest,
}

/// The bids that the log says must count, by envelope, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Bids {
    pub counting: BTreeMap<EnvelopeKind, Vec<LoggedBid>>,
    /// How many more manifests of this lot are in the log: replaced, withdrawn, late, or of a bidder who did not hand in every
    /// envelope.
    pub others: usize,
}

impl Bids {
    /// A counting bid by its id.
    pub fn get(&self, m: &[u8; 32]) -> Option<&LoggedBid> {
        self.counting.values().flatten().find(|bid| bid.m == *m)
    }

    pub fn count(&self) -> usize {
        self.counting.values().map(Vec::len).sum()
    }
}

/// Finds the bids that count and checks what the bundle brings about them. `receipts` are receipts that the reader
/// holds: each must be of a bid that counts, or that its bidder replaced or took back.
pub fn check<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    receipts: &[Receipt],
    findings: &mut Findings,
) -> Bids {
    let mut complaints = Vec::new();
    let logged = logged_bids(bundle, proven, &mut complaints);
    let closed = closed(proven, &bundle.contents.id, &mut complaints);
    let bids = counting(&logged, proven, closed.as_ref(), &mut complaints);
    for bid in bids.counting.values().flatten() {
        if let Err(error) = files(bundle, proven, bid) {
            complaints.push(format!("bid {}: {error}", b64u(&bid.m)));
        }
    }
    for path in bundle.paths().filter(|path| path.starts_with("bids/")) {
        if !bids.counting.values().flatten().any(|bid| path.starts_with(&folder(&bid.m))) {
            complaints.push(format!("{path} belongs to no bid that counts"));
        }
    }
    let words = format!(
        "{} count, {} more are in the log (replaced, withdrawn, incomplete)",
        bids.count(),
        bids.others
    );
    findings.judge("bids", complaints, words);
    if closed.is_some_and(|closed| closed.incomplete.is_none()) {
        let words = "the closing does not tell how many bidders were incomplete: every bid that stood is taken to count";
        findings.absent("bids", words);
    }
    for receipt in receipts {
        match own_receipt(receipt, proven, &logged) {
            Ok(words) => findings.holds("receipt", words),
            Err(error) => findings.broken("receipt", error),
        }
    }
    bids
}

fn logged_bids<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    complaints: &mut Vec<String>,
) -> Vec<LoggedBid> {
    let mut bids = Vec::new();
    for entry in &proven.entries {
        let Some((kind, object)) = &entry.opened else { continue };
        let Some(bytes) = object.strip_prefix(MANIFEST_LABEL) else { continue };
        match Manifest::read(bytes) {
            Ok(manifest) => {
                let (ctx, about) = (&manifest.ctx, &bundle.contents);
                if ctx.tender == about.tender && ctx.lot == about.lot && ctx.origin == about.origin {
                    let m = manifest.id();
                    bids.push(LoggedBid { index: entry.index, kind: *kind, m, manifest });
                } else {
                    complaints.push(format!("entry {} is a bid for another lot", entry.index));
                }
            }
            Err(error) => complaints.push(format!("entry {}: {error}", entry.index)),
        }
    }
    bids
}

/// Of each bid id the highest revision below the closing size counts, unless it was taken back.
fn counting(
    logged: &[LoggedBid],
    proven: &Proven,
    closed: Option<&Closed>,
    complaints: &mut Vec<String>,
) -> Bids {
    let Some((closing, _)) = proven.closing else {
        return Bids { counting: BTreeMap::new(), others: logged.len() };
    };
    let withdrawn = |bid: &LoggedBid| {
        let mut events = proven.events(WITHDRAWN);
        events.any(|(index, event)| {
            index < closing && event.event.get("m").and_then(|m| m.as_str()) == Some(&b64u(&bid.m))
        })
    };
    let mut newest: BTreeMap<[u8; 16], &LoggedBid> = BTreeMap::new();
    for bid in logged {
        if bid.index >= closing {
            complaints.push(format!(
                "bid {} is in the log at {}, after the box was closed",
                b64u(&bid.m),
                bid.index
            ));
            continue;
        }
        let held = newest.entry(bid.manifest.ctx.bid.0).or_insert(bid);
        if bid.manifest.ctx.rev > held.manifest.ctx.rev {
            *held = bid;
        }
    }
    let mut bids = Bids::default();
    let standing: Vec<&LoggedBid> = newest.into_values().filter(|bid| !withdrawn(bid)).collect();
    let complete = closed.and_then(|closed| complete(&standing, closed, complaints));
    for bid in standing {
        if complete.as_ref().is_none_or(|complete| complete.contains(&bid.manifest.ctx.bidder.0)) {
            bids.counting.entry(bid.manifest.ctx.envelope).or_default().push(bid.clone());
        }
    }
    bids.counting.values_mut().for_each(|list| list.sort_by_key(|bid| bid.m));
    bids.others = logged.len() - bids.count();
    bids
}

/// What the entry of this lot's closing tells.
struct Closed {
    index: u64,
    bidders: Option<usize>,
    /// `None` in evidence from before it was told.
    incomplete: Option<usize>,
}

/// The entry that closed the box, which is there once where there is a closing.
fn closed(proven: &Proven, lot: &str, complaints: &mut Vec<String>) -> Option<Closed> {
    proven.closing?;
    let own = proven.events(CLOSED).filter(|(_, event)| event.event["lot"] == lot);
    let own: Vec<Closed> = own
        .map(|(index, event)| {
            let told = |name: &str| usize::try_from(event.event.get(name)?.as_u64()?).ok();
            Closed { index, bidders: told("bidders"), incomplete: told("incomplete") }
        })
        .collect();
    if own.len() != 1 {
        complaints.push(format!("the log tells {} times that the box of this lot was closed", own.len()));
    }
    own.into_iter().next()
}

/// The bidders with a bid in every envelope, by their pseudonyms, compared with the numbers that the closing told. `None` where it
/// told no number of incomplete bidders: then everything that stood was opened.
fn complete(
    standing: &[&LoggedBid],
    closed: &Closed,
    complaints: &mut Vec<String>,
) -> Option<BTreeSet<[u8; 16]>> {
    let incomplete = closed.incomplete?;
    let bidders: Vec<(EnvelopeKind, [u8; 16])> =
        standing.iter().map(|bid| (bid.manifest.ctx.envelope, bid.manifest.ctx.bidder.0)).collect();
    let all: BTreeSet<[u8; 16]> = bidders.iter().map(|(_, bidder)| *bidder).collect();
    let complete = complete_bidders(&bidders);
    let found = (complete.len(), all.len() - complete.len());
    if (closed.bidders, incomplete) != (Some(found.0), found.1) {
        complaints.push(format!(
            "entry {} tells of {} bidders and {incomplete} incomplete ones; in the log are {} and {}",
            closed.index,
            closed.bidders.unwrap_or_default(),
            found.0,
            found.1
        ));
    }
    Some(complete)
}

fn files<A: Archive>(bundle: &Bundle<A>, proven: &Proven, bid: &LoggedBid) -> Result<(), String> {
    let folder = folder(&bid.m);
    let document = |name: &str| bundle.document(&format!("{folder}{name}"));
    let signature = document("signature.json").ok_or("its signature is missing")?;
    let signature: Signature = from_jcs(signature).map_err(|e| e.to_string())?;
    bid.manifest.check_signature(&signature).map_err(|e| e.to_string())?;
    let receipt = document("receipt.tlog-proof").ok_or("its receipt is missing")?;
    let receipt = Receipt::parse(receipt).map_err(|e| format!("receipt: {e}"))?;
    let shown = proven.receipt(&receipt, &bid.m, bid.kind);
    let shown = shown.map_err(|e| format!("receipt: {e}"))?;
    if shown.index != bid.index {
        return Err(format!("receipt: it says entry {}, the log says {}", shown.index, bid.index));
    }
    match bundle.large(&format!("{folder}ciphertext")) {
        Some((size, root)) if size != bid.manifest.ct.size.0 || root != bid.manifest.ct.root.0 => {
            Err("the ciphertext is not the one that was sealed".into())
        }
        _ => Ok(()),
    }
}

fn own_receipt(receipt: &Receipt, proven: &Proven, logged: &[LoggedBid]) -> Result<String, String> {
    let opening = &receipt.opening;
    let m = b64u(&opening.object_hash);
    let shown = proven.receipt(receipt, &opening.object_hash, opening.kind);
    let shown = shown.map_err(|e| e.to_string())?;
    match logged.iter().find(|bid| bid.m == opening.object_hash) {
        Some(bid) if bid.index == shown.index => {
            Ok(format!("the bid {m} of your receipt is in the evidence"))
        }
        Some(_) => Err(format!("the bid {m} is in the evidence at another place than your receipt says")),
        None if proven.is_retired(receipt) => Err(format!(
            "the evidence does not have the bid {m} of your receipt, whose checkpoint bears a key that the log has changed since: \
             either the bid was dropped, or somebody forged the receipt with the old key. Write the receipt's checkpoint into a \
             file and run `sunbid log watch … --state FILE --once`: if the log extends it, the bid was dropped; if not, ask the \
             witnesses which of the two they cosigned"
        )),
        None => Err(format!("the bid {m} of your receipt was dropped: the evidence does not have it")),
    }
}
