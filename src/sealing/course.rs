//! What the entries of the log that an opening bundle shows say together: the announced opening time and every change of it,
//! the closing of the box with its bids, the session, and the end of the bidders' time.

use super::bid_set::BidSet;
use super::context::EnvelopeKind;
use super::document::{Bytes, Count};
use super::log_proof::ShownEntry;
use super::release::{BiddersPhase, OpeningBundle};
use super::signature::{certificate_point, verify_es256};
use super::untrue::Untrue;
use crate::platform::canonical::from_jcs;
use crate::platform::digest::from_b64u;
use crate::platform::moment::Moment;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a statement's signature covers, before the statement; as in the account room.
const STATEMENT: &[u8] = b"etrade/statement/v1\n";

/// A notice as the agent signed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedNotice {
    pub version: u32,
    pub statement: String,
    /// Base64url of r‖s.
    pub signature: String,
    /// DER; whether its issuer is to be believed is for who knows the issuers.
    pub certificate: Vec<u8>,
    /// When the platform says that it took the signature.
    pub at: Moment,
}

/// The announced opening time and where it comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announced {
    pub title: String,
    pub opens_at: Moment,
    /// Every notice, the first one first.
    pub notices: Vec<SignedNotice>,
    /// How often an outage moved the time since the last notice.
    pub moved: usize,
}

#[derive(Deserialize)]
struct Document {
    at: Moment,
    event: serde_json::Value,
    kind: String,
}

#[derive(Deserialize)]
struct Published {
    tender: String,
    version: u32,
    notice: Statement,
}

#[derive(Deserialize)]
struct Statement {
    statement: String,
    signature: String,
    certificate: String,
    at: Moment,
}

#[derive(Deserialize)]
struct Notice {
    number: String,
    version: u32,
    title: String,
    schedule: Schedule,
}

#[derive(Deserialize)]
struct Schedule {
    bids_until: Moment,
}

#[derive(Deserialize)]
struct Moved {
    tender: String,
    was: Moment,
    now: Moment,
}

#[derive(Deserialize)]
struct Closed {
    lot: String,
    tender: String,
    size: Count,
    root: Bytes<32>,
    deadline: Moment,
    notice: u32,
    number: String,
    lot_number: String,
    sets: Vec<ClosedSet>,
}

#[derive(Deserialize)]
struct ClosedSet {
    envelope: EnvelopeKind,
    bids: u32,
    hash: Bytes<32>,
}

#[derive(Deserialize)]
struct Started {
    lot: String,
    envelope: EnvelopeKind,
    bid_set: Bytes<32>,
    session: Bytes<65>,
    #[serde(default)]
    bidders_until: Option<Moment>,
}

#[derive(Deserialize)]
struct Done {
    lot: String,
    envelope: EnvelopeKind,
    until: Moment,
    released: Vec<Bytes<32>>,
    absent: Vec<Bytes<32>>,
}

/// An event with the index of its entry and the moment that it names.
pub(super) struct At<T> {
    index: u64,
    at: Moment,
    pub(super) said: T,
}

enum Step {
    Notice(At<Published>),
    Moved(At<Moved>),
}

/// The entries of a bundle, sorted out by kind.
#[derive(Default)]
pub(super) struct Course {
    steps: Vec<Step>,
    closed: Vec<At<Closed>>,
    started: Vec<At<Started>>,
    done: Vec<At<Done>>,
}

/// Sorts entries out. Kinds that an opening does not rest on are passed over.
pub(super) fn read(entries: &[ShownEntry]) -> Result<Course, Untrue> {
    let mut course = Course::default();
    let mut last = None;
    for entry in entries {
        if last.is_some_and(|last| entry.index.0 <= last) {
            return Err(Untrue::BadEntry(entry.index.0, "the entries are not in order".into()));
        }
        last = Some(entry.index.0);
        match entry.number {
            33 => course.steps.push(Step::Notice(event(entry, "announcement.notice_published")?)),
            221 => course.steps.push(Step::Moved(event(entry, "outage.deadline_moved")?)),
            130 => course.closed.push(event(entry, "opening.box_closed")?),
            132 => course.started.push(event(entry, "opening.session_started")?),
            142 => course.done.push(event(entry, "opening.bidders_done")?),
            _ => {}
        }
    }
    Ok(course)
}

pub(super) fn event<T: DeserializeOwned>(entry: &ShownEntry, kind: &str) -> Result<At<T>, Untrue> {
    let bad = |why: String| Untrue::BadEntry(entry.index.0, why);
    let document: serde_json::Value = from_jcs(&entry.object.0).map_err(|e| bad(e.to_string()))?;
    let document: Document = serde_json::from_value(document).map_err(|e| bad(e.to_string()))?;
    if document.kind != kind {
        return Err(bad(format!("it is of kind {}, not {kind}", document.kind)));
    }
    let said = serde_json::from_value(document.event).map_err(|e| bad(e.to_string()))?;
    Ok(At { index: entry.index.0, at: document.at, said })
}

/// The only one of a list.
fn only<T>(list: &[At<T>]) -> Option<&At<T>> {
    match list {
        [one] => Some(one),
        _ => None,
    }
}

impl Course {
    /// Compares a bundle with what the log says. Gives the announced time, and when the box was closed.
    pub(super) fn check(&self, bundle: &OpeningBundle) -> Result<(Announced, Moment), Untrue> {
        let set = &bundle.bid_set;
        let (tender, announced) = self.announced(set)?;
        let version = announced.notices.last().map_or(0, |notice| notice.version);
        let time = |said: Moment| Untrue::OtherTime {
            said: said.rfc3339(),
            announced: announced.opens_at.rfc3339(),
        };
        if bundle.opens_at != announced.opens_at {
            return Err(time(bundle.opens_at));
        }
        let closed = only(&self.closed).ok_or(Untrue::NotClosed)?;
        check_closed(closed, set, tender)?;
        if closed.said.notice != version {
            return Err(Untrue::NoNotice);
        }
        if closed.said.deadline != announced.opens_at {
            return Err(time(closed.said.deadline));
        }
        if closed.at < announced.opens_at {
            return Err(Untrue::ClosedEarly);
        }
        let until = self.check_session(bundle, closed)?;
        self.check_bidders(bundle, closed, until)?;
        Ok((announced, closed.at))
    }

    /// The opening time as notices and moves before the closing set it, one after the other; and the tender's id in events.
    fn announced(&self, set: &BidSet) -> Result<(&str, Announced), Untrue> {
        let mut tender = None;
        let mut so_far = Announced {
            title: String::new(),
            opens_at: Moment::from_micros(0),
            notices: Vec::new(),
            moved: 0,
        };
        for step in &self.steps {
            let (index, of) = match step {
                Step::Notice(notice) => (notice.index, notice.said.tender.as_str()),
                Step::Moved(moved) => (moved.index, moved.said.tender.as_str()),
            };
            if index >= set.closing.size.0 || *tender.get_or_insert(of) != of {
                return Err(Untrue::NoNotice);
            }
            match step {
                Step::Notice(notice) => add_notice(&mut so_far, notice, set)?,
                Step::Moved(moved) if !so_far.notices.is_empty() => {
                    let (was, now) = (moved.said.was, moved.said.now);
                    if was != so_far.opens_at || now <= was {
                        let (said, announced) = (was.rfc3339(), so_far.opens_at.rfc3339());
                        return Err(Untrue::OtherTime { said, announced });
                    }
                    so_far.opens_at = now;
                    so_far.moved += 1;
                }
                Step::Moved(_) => return Err(Untrue::NoNotice),
            }
        }
        let tender = tender.ok_or(Untrue::NoNotice)?;
        Ok((tender, so_far))
    }

    /// The session in the log is the bundle's. Gives the end of the bidders' time, if they have one.
    fn check_session(&self, bundle: &OpeningBundle, closed: &At<Closed>) -> Result<Option<Moment>, Untrue> {
        let started = only(&self.started).ok_or(Untrue::OtherSession)?;
        let said = &started.said;
        let place = said.lot == closed.said.lot && said.envelope == bundle.bid_set.envelope;
        if !place || said.session != bundle.session || started.index <= closed.index {
            return Err(Untrue::OtherSession);
        }
        if said.bid_set.0 != bundle.bid_set.hash() {
            return Err(Untrue::OtherBids);
        }
        Ok(said.bidders_until)
    }

    fn check_bidders(
        &self,
        bundle: &OpeningBundle,
        closed: &At<Closed>,
        until: Option<Moment>,
    ) -> Result<(), Untrue> {
        let Some(phase) = &bundle.bidders else {
            return if until.is_none() && self.done.is_empty() { Ok(()) } else { Err(Untrue::OtherBidders) };
        };
        let done = only(&self.done).ok_or(Untrue::OtherBidders)?;
        let said = &done.said;
        let told =
            BiddersPhase { absent: said.absent.clone(), released: said.released.clone(), until: said.until };
        let place = said.lot == closed.said.lot && said.envelope == bundle.bid_set.envelope;
        if !place || told != *phase || done.index <= closed.index {
            return Err(Untrue::OtherBidders);
        }
        if until != Some(said.until) || !phase.absent.is_empty() && done.at < said.until {
            return Err(Untrue::BiddersEarly);
        }
        Ok(())
    }
}

fn add_notice(so_far: &mut Announced, published: &At<Published>, set: &BidSet) -> Result<(), Untrue> {
    let (said, kept) = (&published.said, &published.said.notice);
    let bad = |why: String| Untrue::BadEntry(published.index, why);
    let notice: serde_json::Value = from_jcs(kept.statement.as_bytes()).map_err(|e| bad(e.to_string()))?;
    let notice: Notice = serde_json::from_value(notice).map_err(|e| bad(e.to_string()))?;
    let next = so_far.notices.last().map_or(1, |last| last.version.saturating_add(1));
    if notice.number != set.tender || notice.version != next || said.version != next {
        return Err(Untrue::NoNotice);
    }
    let certificate = from_b64u(&kept.certificate).ok_or_else(|| bad("the certificate".into()))?;
    let message = [STATEMENT, kept.statement.as_bytes()].concat();
    let signature = from_b64u(&kept.signature).and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let signed = signature.zip(certificate_point(&certificate).ok());
    if signed.is_none_or(|(signature, point)| verify_es256(&point, &message, &signature).is_err()) {
        return Err(Untrue::NoticeNotSigned(next));
    }
    so_far.opens_at = notice.schedule.bids_until;
    so_far.title = notice.title;
    so_far.moved = 0;
    so_far.notices.push(SignedNotice {
        version: next,
        statement: kept.statement.clone(),
        signature: kept.signature.clone(),
        certificate,
        at: kept.at,
    });
    Ok(())
}

/// The closing in the log is of this lot, at this size and root, and with these bids.
fn check_closed(closed: &At<Closed>, set: &BidSet, tender: &str) -> Result<(), Untrue> {
    let said = &closed.said;
    let place = said.tender == tender && said.number == set.tender && said.lot_number == set.lot;
    let line = said.size == set.closing.size && said.root == set.closing.root;
    if !place || !line || closed.index < set.closing.size.0 {
        return Err(Untrue::NotClosed);
    }
    let count = u32::try_from(set.bids.len()).unwrap_or(u32::MAX);
    let same =
        |own: &ClosedSet| own.envelope == set.envelope && own.bids == count && own.hash.0 == set.hash();
    if said.sets.iter().filter(|own| own.envelope == set.envelope).count() != 1 || !said.sets.iter().any(same)
    {
        return Err(Untrue::OtherBids);
    }
    Ok(())
}
