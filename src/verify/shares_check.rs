//! The trustees' shares: those that were released, and what follows from them for every bid and every trustee, as the opening
//! check of the format page says; and whether the record blames nobody for more than that.

use super::bids_check::LoggedBid;
use super::bundle::Bundle;
use super::container::Archive;
use super::findings::Findings;
use super::log_check::Proven;
use super::opening_check::{BidShares, ReportedShare, SharesDoc, opening_path, published};
use crate::opening::record::RecordTyp;
use crate::opening::rules::{Blame, Cause, Judgement, judge};
use crate::platform::canonical::from_jcs;
use crate::platform::digest::b64u;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::keys::{Secret, payload_key};
use crate::sealing::opening_check::{self, Reported, Verdict, meets};
use crate::sealing::release::Release;
use crate::sealing::shamir::Share;
use crate::sealing::trustees::TrusteeSet;
use std::collections::{BTreeMap, BTreeSet};

/// The event of an opening; `lost` names the trustees on whom the agent gave up.
const OPENED: &str = "opening.bids_opened";

/// Of a record that has no word for what nobody can tell.
const OLD_WORD: &str = "the record is of version 1, which says trustees here; its shares do not tell whether trustees or the \
     bidder are at fault";

/// Makes every bid's shares and boxes again from the reported shares; returns the keys of the bids that are sound.
pub(super) fn check<A: Archive>(
    bundle: &Bundle<A>,
    envelope: EnvelopeKind,
    trustees: &TrusteeSet,
    counting: &[LoggedBid],
    releases: &[Release],
    findings: &mut Findings,
) -> BTreeMap<[u8; 32], Secret> {
    let mut keys = BTreeMap::new();
    let path = opening_path(envelope, "shares.json");
    let Some(bytes) = bundle.document(&path) else {
        findings.absent("shares", format!("{}: the bundle has no shares", envelope.code()));
        return keys;
    };
    let doc: SharesDoc = match from_jcs(bytes) {
        Ok(doc) => doc,
        Err(error) => {
            findings.broken("shares", format!("{path}: {error}"));
            return keys;
        }
    };
    let mut complaints = Vec::new();
    let mut lied: BTreeMap<u8, usize> = BTreeMap::new();
    for bid in counting {
        let name = b64u(&bid.m);
        let Some(held) = doc.bids.iter().find(|held| held.m.0 == bid.m) else {
            complaints.push(format!("bid {name}: its shares are missing"));
            continue;
        };
        complaints
            .extend(unreleased(&doc, held, bid, releases).into_iter().map(|e| format!("bid {name}: {e}")));
        match judged(held, bid, trustees) {
            Ok((key, liars)) => {
                liars.iter().for_each(|i| *lied.entry(*i).or_default() += 1);
                complaints.extend(liars.iter().map(|i| {
                    format!("bid {name}: the share of trustee {i} is not the one that the bid's box holds")
                }));
                keys.insert(bid.m, key);
            }
            Err(Judged::Malformed(why)) => {
                findings.holds("malformed", format!("bid {name}: {why}, the bidder's fault"))
            }
            Err(Judged::Unsettled(why)) => match withheld(held, releases) {
                Some(i) => {
                    complaints.push(format!("bid {name}: trustee {i} released a share that is missing"))
                }
                None => findings.absent("unsettled", format!("bid {name}: {why}")),
            },
            Err(Judged::Wrong(why)) => complaints.push(format!("bid {name}: {why}")),
        }
    }
    let words =
        format!("{}: the boxes of {} bids were made again, byte for byte", envelope.code(), keys.len());
    findings.judge("shares", complaints, words);
    for (i, bids) in lied {
        findings.remark("shares", what_a_lie_means(i, bids));
    }
    keys
}

/// For readers of the report: what follows from wrong shares of one trustee, and what does not.
fn what_a_lie_means(trustee: u8, bids: usize) -> String {
    format!(
        "trustee {trustee} handed in wrong shares for {bids} bids. The other trustees' shares were enough: with them every \
         box of these bids was made again byte for byte, so their contents, prices and ranking do not rest on \
         trustee {trustee}, and no bidder is at fault. What stays open, and why this evidence does not hold as a whole, \
         is why the trustee did so: that is for the supervisor"
    )
}

/// Reports that are not what the trustee's signed release held, as far as the bundle lets that be seen.
fn unreleased(doc: &SharesDoc, held: &BidShares, bid: &LoggedBid, releases: &[Release]) -> Vec<String> {
    // without it the shares would be the platform's word: it could blame a bidder or a trustee by inventing some
    let Some(session) = &doc.session else {
        return vec!["the session's key is missing: nobody sees that these shares were released".into()];
    };
    let Ok(session) = BoxKey::from_bytes(&session.0) else {
        return vec!["the session key is not a key".into()];
    };
    if releases.iter().any(|release| release.session.0 != session.public()) {
        return vec!["the session key is not the one that the trustees released to".into()];
    }
    let c = bid.manifest.ctx.hash();
    let wrong = |report: &&ReportedShare| {
        let Some(release) = releases.iter().find(|release| release.i == report.i) else { return true };
        let Some(released) = release.shares.iter().find(|share| share.m.0 == bid.m) else { return true };
        match (&released.sealed, &report.share) {
            (None, None) => false,
            (Some(sealed), reported) => {
                let opened = session.open_release(&c, report.i, &sealed.0).ok();
                opened.map(|share| *share.to_bytes()) != reported.map(|share| share.0)
            }
            _ => true,
        }
    };
    let wrong = held.reported.iter().filter(wrong);
    wrong
        .map(|report| format!("the share of trustee {} is not the one that was released", report.i))
        .collect()
}

/// A trustee whose release is there, but not what it said of this bid.
fn withheld(held: &BidShares, releases: &[Release]) -> Option<u8> {
    let told = |i: u8| held.reported.iter().any(|report| report.i == i);
    releases.iter().map(|release| release.i).find(|i| !told(*i))
}

pub(super) enum Judged {
    /// The bid was never a bid: nobody but its bidder is at fault.
    Malformed(String),
    /// There are too few true shares, and nothing shows that this is the bidder's fault.
    Unsettled(String),
    Wrong(String),
}

/// The verdict on what was reported of a bid, and how many trustees have reported nothing.
fn verdict(held: &BidShares, bid: &LoggedBid, trustees: &TrusteeSet) -> (Verdict, usize) {
    let reported: Vec<Reported> = held
        .reported
        .iter()
        .map(|report| Reported {
            i: report.i,
            share: report.share.as_ref().and_then(|share| Share::from_bytes(&share.0)),
        })
        .collect();
    let silent = |i: u8| reported.iter().all(|report| report.i != i);
    let missing = trustees.members.iter().filter(|member| silent(member.i)).count();
    let c = bid.manifest.ctx.hash();
    (opening_check::check(&c, &bid.manifest.lock, &trustees.box_keys(), &reported), missing)
}

/// Of whom it is said that the shares are too few, and whose report is not what the bid committed to.
fn unsettled(held: &BidShares, bid: &LoggedBid, blame: Option<Blame>) -> Judged {
    let (c, lock) = (bid.manifest.ctx.hash(), &bid.manifest.lock);
    let whose = lock.shares.as_ref().map(|committed| {
        let is_true = |report: &&ReportedShare| {
            let share = report.share.as_ref().and_then(|share| Share::from_bytes(&share.0));
            share.is_some_and(|share| share.i == report.i && meets(&c, committed, &share))
        };
        let others = held.reported.iter().filter(|report| !is_true(report));
        let others: Vec<String> = others.map(|report| report.i.to_string()).collect();
        format!(" (not what was committed to: trustees {})", others.join(", "))
    });
    let whose = whose.unwrap_or_default();
    let told = held.reported.len();
    let follows = match blame {
        Some(Blame::Unsettled) => {
            "nobody can tell whether its bidder or trustees are at fault, and it is held against nobody"
        }
        _ => "the trustees who did not release could have settled it, and it is not held against its bidder",
    };
    Judged::Unsettled(format!(
        "what {told} trustees released does not hold {} true shares{whose}; {follows}",
        lock.t
    ))
}

fn judged(held: &BidShares, bid: &LoggedBid, trustees: &TrusteeSet) -> Result<(Secret, Vec<u8>), Judged> {
    let c = bid.manifest.ctx.hash();
    let (verdict, missing) = verdict(held, bid, trustees);
    let blame = blame_of(&verdict, missing);
    let (k_t, liars) = match verdict {
        Verdict::Sound { key, liars } => (key, liars),
        Verdict::BidderAtFault(fault) if fault.is_proven() || missing == 0 => {
            return Err(Judged::Malformed(format!("{fault:?}")));
        }
        Verdict::NotEnough { have, need } if held.reported.len() < usize::from(need) => {
            return Err(Judged::Wrong(format!("{have} of {need} shares are there")));
        }
        Verdict::NotEnough { .. } | Verdict::BidderAtFault(_) => return Err(unsettled(held, bid, blame)),
    };
    let k_b = held.k_b.as_ref().map(|key| Secret::from_bytes(key.0));
    match (&bid.manifest.lock.commit_b, &k_b) {
        (None, None) => {}
        (Some(_), Some(k_b)) if bid.manifest.is_bidder_key(k_b) => {}
        (Some(_), None) => return Err(Judged::Malformed("its bidder never gave the key".into())),
        _ => return Err(Judged::Wrong("the bidder's key is not the one that was committed".into())),
    }
    Ok((payload_key(&c, &k_t, k_b.as_ref()), liars))
}

/// Whom the shares show to be at fault, if nobody waits for those who did not release.
fn blame_of(verdict: &Verdict, missing: usize) -> Option<Blame> {
    match judge(verdict, missing, true) {
        Judgement::Failed(blame, _) => Some(blame),
        Judgement::Sound | Judgement::Wait => None,
    }
}

/// Where the published record says that a bid was not opened because of its shares, it says of whom and why just what the
/// shares say: a platform can not hold against a bidder what trustees did, nor the other way round.
///
/// Whom the agent did not wait for stands in the log.
pub(super) fn blame<A: Archive>(
    bundle: &Bundle<A>,
    proven: &Proven,
    envelope: EnvelopeKind,
    (trustees, shares): (&TrusteeSet, &SharesDoc),
    counting: &[LoggedBid],
    findings: &mut Findings,
) {
    let Some(record) = published(bundle, envelope) else { return };
    let lost = given_up(bundle, proven, envelope);
    for line in &record.read_out {
        let Some(said) = line.not_opened.as_ref().filter(|said| said.cause.is_of_shares()) else { continue };
        let bid = counting.iter().find(|bid| bid.m == line.m.0);
        let held = shares.bids.iter().find(|held| held.m == line.m);
        let Some((bid, held)) = bid.zip(held) else { continue };
        let (verdict, missing) = verdict(held, bid, trustees);
        // the agent may have given up waiting, which never puts anything on a bidder
        let follows = match judge(&verdict, missing, true) {
            Judgement::Failed(Blame::Unsettled, cause) if record.typ == RecordTyp::V1 => {
                findings.remark("blame", format!("bid {}: {OLD_WORD}", line.m));
                said.blame == Blame::Trustees && cause == said.cause
            }
            Judgement::Failed(blame, cause) => blame == said.blame && cause == said.cause,
            Judgement::Sound | Judgement::Wait => false,
        };
        if !follows {
            let (blame, cause) = (said.blame.code(), said.cause.code());
            findings.broken(
                "blame",
                format!(
                    "bid {}: the record blames {blame} for {cause}, which its shares do not show",
                    line.m
                ),
            );
        }
        if said.cause != Cause::SharesMissing {
            continue;
        }
        let silent = trustees.members.iter().map(|member| member.i);
        let silent = silent.filter(|i| held.reported.iter().all(|report| report.i != *i));
        let unnamed: Vec<String> = silent.filter(|i| !lost.contains(i)).map(|i| i.to_string()).collect();
        if !unnamed.is_empty() {
            findings.broken(
                "lost",
                format!(
                    "bid {}: it was closed for want of shares, and the log does not say that nobody waited for trustees {}",
                    line.m,
                    unnamed.join(", ")
                ),
            );
        }
    }
}

/// The trustees on whom the agent gave up when this envelope was opened.
fn given_up<A: Archive>(bundle: &Bundle<A>, proven: &Proven, envelope: EnvelopeKind) -> BTreeSet<u8> {
    let own = proven
        .events(OPENED)
        .map(|(_, event)| event.event)
        .filter(|event| event["lot"] == bundle.contents.id.as_str() && event["envelope"] == envelope.code());
    let lost = own.filter_map(|event| event["lost"].as_array().cloned()).flatten();
    lost.filter_map(|i| u8::try_from(i.as_u64()?).ok()).collect()
}
