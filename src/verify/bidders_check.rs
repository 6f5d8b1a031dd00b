//! Bidders before trustees: where bids are locked with their bidders' keys too, every key, or the end of the bidders' time, is
//! in the log before the first trustee's share; and who is said not to have come has no key in the log.

use super::bids_check::LoggedBid;
use super::bundle::Bundle;
use super::container::Archive;
use super::findings::Findings;
use super::log_check::{EventDoc, Proven};
use super::opening_check::{SharesDoc, opening_path, published};
use super::signatures_check::{bidder_of, signer_of};
use crate::account::authority::Authority;
use crate::opening::rules::Cause;
use crate::platform::digest::{b64u, sha256};
use crate::platform::moment::Moment;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::{EnvelopeKind, Mode};
use crate::sealing::document::Bytes;
use crate::sealing::release::BidderRelease;
use serde::Deserialize;
use std::collections::BTreeSet;

/// A bidder's key came.
const RELEASED: &str = "opening.bidder_released";
/// A bidder's key was not taken.
const REFUSED: &str = "opening.bidder_refused";
/// The agent says why a key did not come.
const EXCUSED: &str = "opening.absence_excused";
/// The bidders' time is over.
const DONE: &str = "opening.bidders_done";
/// The session began; its event says until when bidders may come.
const STARTED: &str = "opening.session_started";

#[derive(Deserialize)]
struct Done {
    lot: String,
    envelope: EnvelopeKind,
    until: Moment,
    released: Vec<Bytes<32>>,
    absent: Vec<Bytes<32>>,
}

#[derive(Deserialize)]
struct Started {
    lot: String,
    envelope: EnvelopeKind,
    #[serde(default)]
    bidders_until: Option<Moment>,
}

#[derive(Deserialize)]
struct RefusedKey {
    lot: String,
    envelope: EnvelopeKind,
    m: Bytes<32>,
    hash: Bytes<32>,
    why: String,
}

#[derive(Deserialize)]
struct Excused {
    lot: String,
    envelope: EnvelopeKind,
    m: Bytes<32>,
    paper: Bytes<32>,
}

#[derive(Deserialize)]
struct Released {
    lot: String,
    envelope: EnvelopeKind,
    m: Bytes<32>,
}

/// The lot's id in events, and the envelope.
type Place<'a> = (&'a str, EnvelopeKind);

/// Path of the release of the bidder of `m`.
pub fn key_path(envelope: EnvelopeKind, m: &[u8; 32]) -> String {
    opening_path(envelope, &format!("bidder-{}.json", hex::encode(m)))
}

/// Path of a release that was refused because its key is wrong, by the hash that the log names.
pub fn refused_path(envelope: EnvelopeKind, hash: &[u8; 32]) -> String {
    opening_path(envelope, &format!("refused-{}.json", hex::encode(hash)))
}

/// Path of the paper that shows why a key did not come, by its hash.
pub fn paper_path(envelope: EnvelopeKind, hash: &[u8; 32]) -> String {
    opening_path(envelope, &format!("paper-{}", hex::encode(hash)))
}

/// Checks one envelope. `first_share` is the lowest index at which the log names a trustee's release; `authority` says whom
/// certificates name.
pub(super) fn check<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    counting: &[LoggedBid],
    (first_share, shares, authority): (Option<u64>, Option<&SharesDoc>, Option<&Authority>),
    findings: &mut Findings,
) {
    let dual: Vec<&LoggedBid> = counting.iter().filter(|bid| bid.manifest.ctx.mode == Mode::Dual).collect();
    let Some(first_share) = first_share.filter(|_| !dual.is_empty()) else { return };
    let place = (bundle.contents.id.as_str(), envelope);
    let check = || -> Result<(usize, usize), Vec<String>> {
        let (index, at, done) = ended(proven, place).map_err(|why| vec![why])?;
        let mut complaints = Vec::new();
        if index > first_share {
            complaints.push(format!(
                "a trustee released at entry {first_share}, before the bidders' time was over at entry {index}"
            ));
        }
        complaints.extend(time(proven, place, at, &done));
        complaints.extend(everybody(&dual, &done));
        for bid in &dual {
            let came = done.released.contains(&Bytes(bid.m));
            let outcome = if came {
                key(bundle, proven, envelope, bid, (index, first_share), shares)
            } else {
                no_key(bundle, proven, envelope, bid, shares)
            };
            let outcome =
                outcome.and_then(|()| wrong_keys(bundle, proven, envelope, bid, (shares, authority)));
            complaints.extend(outcome.err().map(|why| format!("bid {}: {why}", b64u(&bid.m))));
        }
        if complaints.is_empty() { Ok((done.released.len(), done.absent.len())) } else { Err(complaints) }
    };
    let name = envelope.code();
    match check() {
        Ok((came, absent)) => findings.holds(
            "bidders",
            format!(
                "{name}: {came} bidders released their keys before the first trustee, {absent} did not come"
            ),
        ),
        Err(complaints) => findings.judge("bidders", complaints, String::new()),
    }
}

/// The one entry that ends the bidders' time of an envelope.
fn ended(proven: &Proven, (lot, envelope): Place<'_>) -> Result<(u64, Moment, Done), String> {
    let ends = proven.events(DONE).filter_map(|(index, event)| {
        let done: Done = serde_json::from_value(event.event).ok()?;
        (done.lot == lot && done.envelope == envelope).then_some((index, event.at, done))
    });
    let mut ends: Vec<_> = ends.collect();
    match (ends.pop(), ends.len()) {
        (Some(end), 0) => Ok(end),
        (None, _) => Err("the log does not say that the bidders' time was over".into()),
        _ => Err("the log says more than once that the bidders' time was over".into()),
    }
}

/// Nobody is absent before the time that was announced when the session began.
fn time(proven: &Proven, (lot, envelope): Place<'_>, at: Moment, done: &Done) -> Vec<String> {
    let started = |(_, event): (u64, EventDoc)| {
        let started: Started = serde_json::from_value(event.event).ok()?;
        (started.lot == lot && started.envelope == envelope).then_some(started.bidders_until)
    };
    let mut complaints = Vec::new();
    if proven.events(STARTED).find_map(started) != Some(Some(done.until)) {
        complaints.push("the bidders' time is not the one that was announced".to_owned());
    }
    if !done.absent.is_empty() && at < done.until {
        complaints.push("bidders were declared absent before their time was over".to_owned());
    }
    complaints
}

/// The end names each bid that is locked twice once, and no other.
fn everybody(dual: &[&LoggedBid], done: &Done) -> Option<String> {
    let told: Vec<[u8; 32]> = done.released.iter().chain(&done.absent).map(|m| m.0).collect();
    let wanted: BTreeSet<[u8; 32]> = dual.iter().map(|bid| bid.m).collect();
    let same = told.len() == wanted.len() && told.into_iter().collect::<BTreeSet<_>>() == wanted;
    (!same).then(|| "the log does not say of every bid whether its bidder came".to_owned())
}

fn key<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    bid: &LoggedBid,
    (end, first_share): (u64, u64),
    shares: Option<&SharesDoc>,
) -> Result<(), String> {
    let path = key_path(envelope, &bid.m);
    let bytes = bundle.document(&path).ok_or(format!("{path} is missing"))?;
    let release = BidderRelease::read(bytes).map_err(|e| format!("{path}: {e}"))?;
    if release.m.0 != bid.m {
        return Err(format!("{path}: it is of another bid"));
    }
    let logged = proven.names(&release.hash()).ok_or(format!("{path}: the log does not hold its hash"))?;
    if logged > end || logged > first_share {
        return Err(format!(
            "its key came at entry {logged}, after the bidders' time was over or a trustee had released"
        ));
    }
    let Some(shares) = shares else { return Ok(()) };
    let k_b = shares.bids.iter().find(|held| held.m.0 == bid.m).and_then(|held| held.k_b);
    let k_b = k_b.ok_or("its bidder came, but the key is missing")?;
    let session = shares.session.as_ref().ok_or("the session's key is missing")?;
    let session = BoxKey::from_bytes(&session.0).map_err(|e| e.to_string())?;
    match release.open(&bid.manifest, &session) {
        Ok(opened) if opened.0 == k_b.0 => Ok(()),
        _ => Err("the key is not the one that was released".into()),
    }
}

/// A bidder who is said not to have come has left no key, in the log or beside it.
fn no_key<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    bid: &LoggedBid,
    shares: Option<&SharesDoc>,
) -> Result<(), String> {
    let came = proven.events(RELEASED).find(|(_, event)| {
        let released: Option<Released> = serde_json::from_value(event.event.clone()).ok();
        released.is_some_and(|released| {
            released.lot == bundle.contents.id && released.envelope == envelope && released.m.0 == bid.m
        })
    });
    if let Some((index, _)) = came {
        return Err(format!("its bidder is said not to have come, but its key came at entry {index}"));
    }
    let held = shares.and_then(|shares| shares.bids.iter().find(|held| held.m.0 == bid.m));
    if held.is_some_and(|held| held.k_b.is_some()) || bundle.document(&key_path(envelope, &bid.m)).is_some() {
        return Err("its bidder is said not to have come, but its key is there".into());
    }
    paper(bundle, proven, envelope, bid)
}

/// Where the agent says that it is not the bidder's fault, the paper that shows it is there.
fn paper<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    bid: &LoggedBid,
) -> Result<(), String> {
    for (index, event) in proven.events(EXCUSED) {
        let Ok(excused) = serde_json::from_value::<Excused>(event.event) else { continue };
        let own = excused.lot == bundle.contents.id && excused.envelope == envelope && excused.m.0 == bid.m;
        let path = paper_path(envelope, &excused.paper.0);
        if own && bundle.document(&path).is_none_or(|bytes| sha256(&[bytes]) != excused.paper.0) {
            return Err(format!(
                "the paper of entry {index}, which shows why its key did not come, is missing"
            ));
        }
    }
    Ok(())
}

/// Every release that was refused because of its key is there, signed by the bidder, and its key is wrong indeed; and the record
/// holds no wrong key against a bidder of which the log knows none.
fn wrong_keys<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    bid: &LoggedBid,
    (shares, authority): (Option<&SharesDoc>, Option<&Authority>),
) -> Result<(), String> {
    let mut tried = 0;
    for (index, event) in proven.events(REFUSED) {
        let Ok(refused) = serde_json::from_value::<RefusedKey>(event.event) else { continue };
        let own = refused.lot == bundle.contents.id && refused.envelope == envelope && refused.m.0 == bid.m;
        if !own || refused.why != "wrong_key" {
            continue;
        }
        tried += 1;
        let path = refused_path(envelope, &refused.hash.0);
        let bytes = bundle.document(&path).ok_or(format!("{path} is missing"))?;
        let release = BidderRelease::read(bytes).map_err(|e| format!("{path}: {e}"))?;
        if release.hash() != refused.hash.0 || release.m.0 != bid.m {
            return Err(format!("{path}: it is not the release of entry {index}"));
        }
        let signed = signed_by_bidder(bundle, authority, bid, (&release, event.at));
        signed.map_err(|why| {
            format!("the wrong key of entry {index} is held against its bidder, who has not signed it: {why}")
        })?;
        let Some(session) = shares.and_then(|shares| shares.session.as_ref()) else { continue };
        let session = BoxKey::from_bytes(&session.0).map_err(|e| e.to_string())?;
        if release.session.0 != session.public() {
            return Err(format!("the key of entry {index} was asked for under another session's key"));
        }
        if release.open(&bid.manifest, &session).is_ok() {
            return Err(format!("its right key was refused as wrong at entry {index}"));
        }
    }
    if tried == 0 && said_wrong(bundle, envelope, &bid.m) {
        return Err("the record holds a wrong key against its bidder, and the log has none".into());
    }
    Ok(())
}

/// Whether the release is signed with a certificate of the bid's own organisation, valid at `at`.
fn signed_by_bidder<A: Archive>(
    bundle: &Bundle<A>,
    authority: Option<&Authority>,
    bid: &LoggedBid,
    (release, at): (&BidderRelease, Moment),
) -> Result<(), String> {
    let signature = release.signature.as_ref().ok_or("there is no signature")?;
    signature.verify(&release.message()).map_err(|e| e.to_string())?;
    let authority = authority.ok_or("there is no root certificate to check it against")?;
    let bidder = bidder_of(bundle, authority, bid).ok_or("the certificate of the bid does not hold")?;
    match signer_of(authority, signature, at) {
        Some(signer) if signer == bidder => Ok(()),
        Some(_) => Err("the certificate is another organisation's".into()),
        None => Err("its certificate does not hold".into()),
    }
}

/// Whether the published record says that a bid stayed closed because of a wrong key.
fn said_wrong<A: Archive>(bundle: &Bundle<A>, envelope: EnvelopeKind, m: &[u8; 32]) -> bool {
    let mut lines = published(bundle, envelope).into_iter().flat_map(|record| record.read_out);
    lines
        .any(|line| line.m.0 == *m && line.not_opened.is_some_and(|said| said.cause == Cause::BidderKeyWrong))
}
