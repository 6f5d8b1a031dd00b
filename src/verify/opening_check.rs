//! The opening: the trustee set, the bid set against what the log says must count, the trustees' signed releases, and
//! the shares, from which every bid's boxes are made again; then, where the bundle has them, the ciphertexts are opened
//! and compared with what was read out.

use super::container::Archive;
use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};

use super::bidders_check;
use super::bids_check::{Bids, LoggedBid, folder};
use super::bundle::Bundle;
use super::findings::Findings;
use super::log_check::Proven;
use super::parallel::side_by_side;
use super::shares_check::{self, Judged};
use super::signatures_check::{self, bidder_of, signer_of};
use crate::account::authority::Authority;
use crate::opening::record::OpeningRecord;
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::{b64u, sha256};
use crate::sealing::archive::{self, Shelf};
use crate::sealing::bid_document::{BidDocument, Form, ListedFile};
use crate::sealing::bid_set::BidSet;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, fixed_text};
use crate::sealing::keys::{Secret, payload_aad};
use crate::sealing::release::Release;
use crate::sealing::stream::StreamOpener;
use crate::sealing::trustees::TrusteeSet;

fixed_text!(
    /// The `typ` of the shares document.
    SharesTyp = "sunbid/evidence-shares/v1"
);

/// Path of the trustee set.
pub const TRUSTEES: &str = "opening/trustees.json";

/// Path of a file of one envelope's opening: `bid-set.json`, `shares.json`, `release-1.json`…
pub fn opening_path(envelope: EnvelopeKind, name: &str) -> String {
    format!("opening/{}/{name}", envelope.code())
}

/// `opening/<envelope>/shares.json`: what the trustees' releases held, and the bidders' keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharesDoc {
    /// In the order of the bid set.
    pub bids: Vec<BidShares>,
    /// Private key of the opening session: shows that the shares are those of the releases.
    pub session: Option<Bytes<32>>,
    pub typ: SharesTyp,
}

/// The shares of one bid.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidShares {
    /// The bidder's key in mode `dual`.
    pub k_b: Option<Bytes<32>>,
    pub m: Bytes<32>,
    pub reported: Vec<ReportedShare>,
}

/// One trustee's report; no share means that the trustee's box did not open.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedShare {
    pub i: u8,
    pub share: Option<Bytes<33>>,
}

/// What opened bids said, by manifest id.
pub type ReadOut = BTreeMap<[u8; 32], Form>;

/// Checks the opening of every envelope; returns the forms of the bids that opened.
pub fn check<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    bids: &Bids,
    pinned: &[Vec<u8>],
    findings: &mut Findings,
) -> ReadOut {
    let mut read_out = ReadOut::new();
    let Some(trustees) = trustees(bundle, proven, bids, findings) else { return read_out };
    for envelope in EnvelopeKind::ALL {
        let path = opening_path(envelope, "bid-set.json");
        let counting = bids.counting.get(&envelope).map(Vec::as_slice).unwrap_or_default();
        let Some(bytes) = bundle.document(&path) else {
            if !counting.is_empty() {
                findings.absent("opening", format!("the {} bids were not opened", envelope.code()));
            }
            continue;
        };
        let set = match bid_set(bytes, envelope, bundle, proven, counting) {
            Ok(set) => set,
            Err(error) => {
                findings.broken("opening", format!("{path}: {error}"));
                continue;
            }
        };
        findings.holds(
            "opening",
            format!("the {} bid set has the {} bids that count", envelope.code(), set.bids.len()),
        );
        let releases = releases(bundle, proven, envelope, &trustees, &set, findings);
        let first_share = releases.iter().filter_map(|release| proven.names(&release.hash())).min();
        let held: Option<SharesDoc> =
            bundle.document(&opening_path(envelope, "shares.json")).and_then(|bytes| from_jcs(bytes).ok());
        let authority = signatures_check::authority(bundle, pinned);
        let found = (first_share, held.as_ref(), authority.as_ref());
        bidders_check::check(bundle, proven, envelope, counting, found, findings);
        let keys = shares_check::check(bundle, envelope, &trustees, counting, &releases, findings);
        contents(bundle, proven, counting, &keys, pinned, &mut read_out, findings);
        record(bundle, proven, envelope, &read_out, findings);
        if let Some(held) = &held {
            shares_check::blame(bundle, proven, envelope, (&trustees, held), counting, findings);
        }
    }
    read_out
}

fn trustees<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    bids: &Bids,
    findings: &mut Findings,
) -> Option<TrusteeSet> {
    let Some(bytes) = bundle.document(TRUSTEES) else {
        findings.absent("trustees", "the bundle has no trustee set");
        return None;
    };
    let read = || -> Result<TrusteeSet, String> {
        let set = TrusteeSet::read(bytes).map_err(|e| e.to_string())?;
        let logged = proven.names(&set.hash()).ok_or("the log does not hold the hash of the trustee set")?;
        for bid in bids.counting.values().flatten() {
            bid.manifest.check_trustees(&set).map_err(|e| format!("bid {}: {e}", b64u(&bid.m)))?;
            if logged > bid.index {
                return Err(format!("the trustee set came into the log after bid {}", b64u(&bid.m)));
            }
        }
        Ok(set)
    };
    match read() {
        Ok(set) => {
            findings.holds(
                "trustees",
                format!("any {} of {} open together; each signed the set", set.t, set.n()),
            );
            Some(set)
        }
        Err(error) => {
            findings.broken("trustees", error);
            None
        }
    }
}

fn bid_set<A: Archive>(
    bytes: &[u8],
    envelope: EnvelopeKind,
    bundle: &Bundle<A>,
    proven: &Proven,
    counting: &[LoggedBid],
) -> Result<BidSet, String> {
    let set = BidSet::read(bytes).map_err(|e| e.to_string())?;
    let about = &bundle.contents;
    if set.tender != about.tender || set.lot != about.lot || set.envelope != envelope {
        return Err("it is of another lot or envelope".into());
    }
    if proven.closing != Some((set.closing.size.0, set.closing.root.0)) {
        return Err("it names another closing checkpoint".into());
    }
    for bid in counting {
        match set.bids.iter().find(|counted| counted.m.0 == bid.m) {
            None => return Err(format!("bid {} (entry {}) counts and was dropped", b64u(&bid.m), bid.index)),
            Some(counted) if counted.leaf.0 != bid.index => {
                return Err(format!(
                    "bid {} is in the log at {}, not at {}",
                    b64u(&bid.m),
                    bid.index,
                    counted.leaf.0
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(extra) = set.bids.iter().find(|counted| counting.iter().all(|bid| bid.m != counted.m.0)) {
        return Err(format!(
            "bid {} does not count: it is not in the log in time, or was taken back",
            extra.m
        ));
    }
    proven.names(&set.hash()).ok_or("the log does not hold its hash")?;
    Ok(set)
}

fn releases<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    trustees: &TrusteeSet,
    set: &BidSet,
    findings: &mut Findings,
) -> Vec<Release> {
    let (mut found, mut complaints) = (Vec::new(), Vec::new());
    for member in &trustees.members {
        let path = opening_path(envelope, &format!("release-{}.json", member.i));
        let Some(bytes) = bundle.document(&path) else { continue };
        let read = || -> Result<Release, String> {
            let release = Release::read(bytes).map_err(|e| e.to_string())?;
            release.check(trustees, set, &release.session.0).map_err(|e| e.to_string())?;
            if release.i != member.i {
                return Err("it is of another trustee".into());
            }
            let logged = proven.names(&release.hash()).ok_or("the log does not hold its hash")?;
            if logged < set.closing.size.0 {
                return Err("it was given out before the box was closed".into());
            }
            Ok(release)
        };
        match read() {
            Ok(release) => found.push(release),
            Err(error) => complaints.push(format!("{path}: {error}")),
        }
    }
    if found.len() < usize::from(trustees.t) && complaints.is_empty() && !set.bids.is_empty() {
        complaints.push(format!("only {} of {} trustees released", found.len(), trustees.t));
    }
    let words = format!("{}: {} trustees signed their shares of this bid set", envelope.code(), found.len());
    findings.judge("releases", complaints, words);
    found
}

/// Opens the ciphertexts that the bundle has, and takes the forms that were read out.
fn contents<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    counting: &[LoggedBid],
    keys: &BTreeMap<[u8; 32], Secret>,
    pinned: &[Vec<u8>],
    read_out: &mut ReadOut,
    findings: &mut Findings,
) {
    let (mut complaints, mut opened, mut read) = (Vec::new(), 0, 0);
    let authority = signatures_check::authority(bundle, pinned);
    let sound: Vec<_> = counting.iter().filter_map(|bid| Some((bid, keys.get(&bid.m)?))).collect();
    let outcomes = side_by_side(&sound, |(bid, key)| content(bundle, proven, authority.as_ref(), bid, key));
    for ((bid, _), outcome) in sound.iter().zip(outcomes) {
        match outcome {
            Ok((form, decrypted)) => {
                (opened, read) = (opened + usize::from(decrypted), read + usize::from(form.is_some()));
                read_out.extend(form.map(|form| (bid.m, form)));
            }
            Err(Judged::Malformed(why)) => {
                findings.holds("malformed", format!("bid {}: {why}, the bidder's fault", b64u(&bid.m)));
            }
            Err(Judged::Wrong(why) | Judged::Unsettled(why)) => {
                complaints.push(format!("bid {}: {why}", b64u(&bid.m)));
            }
        }
    }
    let words = format!("{read} were read out, {opened} opened again from their ciphertexts");
    findings.judge("read-out", complaints, words);
}

fn content<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    authority: Option<&Authority>,
    bid: &LoggedBid,
    key: &Secret,
) -> Result<(Option<Form>, bool), Judged> {
    let wrong = |why: &str| Judged::Wrong(why.to_owned());
    let c = bid.manifest.ctx.hash();
    let folder = folder(&bid.m);
    let shown = match bundle.document(&format!("{folder}bid.json")) {
        Some(bytes) => {
            let document =
                BidDocument::read(bytes, &c).map_err(|e| Judged::Wrong(format!("bid.json: {e}")))?;
            let logged = proven.names(&sha256(&[bytes]));
            logged.ok_or_else(|| wrong("the log does not hold the hash of its bid.json"))?;
            Some(document)
        }
        None => None,
    };
    let ciphertext = format!("{folder}ciphertext");
    let Some(from) = bundle.open(&ciphertext) else {
        return Ok((shown.map(|document| document.form), false));
    };
    let inside = StreamOpener::new(from, key, &payload_aad(&c))
        .and_then(|mut stream| archive::read(&mut stream, &c, &mut NoShelf));
    match (shown, inside) {
        (Some(shown), Ok(inside)) if jcs(&shown) != jcs(&inside) => {
            Err(wrong("what was read out is not what was sealed"))
        }
        (Some(shown), Ok(_)) => Ok((Some(shown.form), true)),
        // the key is proven and these bytes are the signed ones: only who sealed them can have made them so
        (None, Err(why))
            if bundle.large(&ciphertext) == Some((bid.manifest.ct.size.0, bid.manifest.ct.root.0)) =>
        {
            Err(Judged::Malformed(why.to_string()))
        }
        (_, Err(why)) => Err(Judged::Wrong(why.to_string())),
        (None, Ok(inside)) if authority.is_some_and(|a| is_anothers(bundle, a, bid, &inside)) => {
            Err(Judged::Malformed("the document inside is signed by somebody else".into()))
        }
        (None, Ok(_)) => Err(wrong("it opens, but its bid.json is missing")),
    }
}

/// Whether the document inside is signed for another organisation than the bid itself, or with no certificate of it.
fn is_anothers<A: Archive>(
    bundle: &Bundle<A>,
    authority: &Authority,
    bid: &LoggedBid,
    inside: &BidDocument,
) -> bool {
    match bidder_of(bundle, authority, bid) {
        Some(bidder) => {
            let signer = signer_of(authority, &inside.signature, bid.manifest.created);
            signer.is_none_or(|signer| signer != bidder)
        }
        None => false,
    }
}

/// The published record of the opening, where it is out: the log names it, and it reads out what the bids say.
/// The opening record of an envelope, if one is published and can be read; [`record`] says why if it can not.
pub(super) fn published<A: Archive>(bundle: &Bundle<A>, envelope: EnvelopeKind) -> Option<OpeningRecord> {
    from_jcs(bundle.document(&opening_path(envelope, "record.json"))?).ok()
}

fn record<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    read_out: &ReadOut,
    findings: &mut Findings,
) {
    let path = opening_path(envelope, "record.json");
    let Some(bytes) = bundle.document(&path) else {
        findings.absent("record", format!("{}: no opening record is published", envelope.code()));
        return;
    };
    let read: Result<OpeningRecord, _> = from_jcs(bytes);
    let record = match read {
        Ok(record) => record,
        Err(error) => {
            findings.broken("record", format!("{path}: {error}"));
            return;
        }
    };
    let mut complaints = Vec::new();
    if proven.names(&record.hash()).is_none() {
        complaints.push(format!("{path}: the log does not hold its hash"));
    }
    for line in &record.read_out {
        let said = read_out.get(&line.m.0);
        if line.document.is_some() && said.is_some_and(|said| *said != line.form) {
            complaints.push(format!("{path}: bid {} says something else than was read out", line.m));
        }
    }
    let words = format!(
        "{}: {} bids, {} objections",
        envelope.code(),
        record.read_out.len(),
        record.objections.len()
    );
    findings.judge("record", complaints, words);
}

/// Takes files and keeps none; the archive reader has hashed them.
struct NoShelf;

impl Shelf for NoShelf {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> std::io::Result<()> {
        std::io::copy(content, &mut std::io::sink()).map(drop)
    }
}
