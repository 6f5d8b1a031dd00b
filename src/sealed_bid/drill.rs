//! 演练 The drill: before bids come, every trustee opens a canary bid with the key that will open the real ones. Who lost a key finds
//! it now, and not when it is too late for the bids that are locked to it. No bid is taken before the drill is done or its waiver is
//! on record: [`takes_bids`].

use super::drill_log;
use super::drill_store::{self as store, State};
use super::rules::Kept;
use super::trustees::{self, Refusal as TrusteeRefusal};
use super::trustees_actions::topic;
use super::trustees_store;
use crate::account::who::Who;
use crate::ledger::{Act, Door, Event, Subject};
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::rules::Tender;
use crate::project::standing::TenderFacts;
use crate::sealing::boxes::BoxKey;
use crate::sealing::document::Bytes;
use crate::sealing::drill::{self as canary, Shown};
use crate::sealing::manifest::Manifest;
use crate::sealing::opening_check::{Reported, meets};
use crate::sealing::release::{OpeningBundle, Release};
use crate::sealing::shamir::Share;
use crate::sealing::trustees::TrusteeSet;
use serde::Serialize;

/// Most characters of a waiver.
pub const WORDS_MAX: usize = 500;

/// Why the drill says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The trustees have not all signed the set.
    NoSet,
    Begun,
    NotBegun,
    Done,
    /// This trustee's release is there, and nothing shows that it is wrong.
    Released,
    /// The release is not this trustee's for this canary.
    BadRelease,
    Words,
    Waived,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let say = |status, name: &str| Self::new(status, format!("sealed_bid.drill.refusal.{name}"));
        match refusal {
            Refusal::NoSet => say(409, "no_set"),
            Refusal::Begun => say(409, "begun"),
            Refusal::NotBegun => say(409, "not_begun"),
            Refusal::Done => say(409, "done"),
            Refusal::Released => say(409, "released"),
            Refusal::BadRelease => say(422, "bad_release"),
            Refusal::Words => say(422, "words").with("max", WORDS_MAX).field("words"),
            Refusal::Waived => say(409, "waived"),
        }
    }
}

#[derive(Serialize)]
pub(super) struct DrillBegun {
    tender: Id<Tender>,
    m: Bytes<32>,
    session: Bytes<65>,
}

impl Event for DrillBegun {
    const KIND: &'static str = "sealed_bid.drill_begun";
    const NUMBER: u8 = 81;
}

#[derive(Serialize)]
struct DrillReleased {
    tender: Id<Tender>,
    i: u8,
    hash: Bytes<32>,
}

impl Event for DrillReleased {
    const KIND: &'static str = "sealed_bid.drill_released";
    const NUMBER: u8 = 82;
}

/// Every trustee's share was right and the canary opened to its phrase.
#[derive(Serialize)]
struct DrillDone {
    tender: Id<Tender>,
    m: Bytes<32>,
    trustees: u8,
}

impl Event for DrillDone {
    const KIND: &'static str = "sealed_bid.drill_done";
    const NUMBER: u8 = 83;
}

#[derive(Serialize)]
struct DrillWaived<'a> {
    tender: Id<Tender>,
    words: &'a str,
}

impl Event for DrillWaived<'_> {
    const KIND: &'static str = "sealed_bid.drill_waived";
    const NUMBER: u8 = 84;
}

fn tender_of(act: &mut Act<'_>, tender: Id<Tender>) -> Result<(TenderFacts, TrusteeSet), Failure> {
    act.exclude(&format!("drill/{tender}"))?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let facts = crate::project::store::tender(act.db(), tender)?.ok_or_else(missing)?;
    let set = trustees_store::complete_set(act.db(), tender)?.ok_or(Refused::from(Refusal::NoSet))?;
    Ok((facts, set))
}

/// The trustee's number, or a refusal.
fn place(act: &mut Act<'_>, facts: &TenderFacts, who: &Who) -> Result<u8, Failure> {
    let holders = trustees_store::holders(act.db(), facts)?;
    Ok(trustees::place_of(&holders, who.person).map_err(Refused::from)?)
}

/// A trustee begins the drill: a canary is sealed to the set.
///
/// # Errors
/// Refused for people who are no trustees, before the set is complete, and twice.
pub fn begin(act: &mut Act<'_>, origin: &str, who: &Who, tender: Id<Tender>) -> Result<(), Failure> {
    let (facts, set) = tender_of(act, tender)?;
    place(act, &facts, who)?;
    if store::drill(act.db(), tender)?.is_some() {
        return Err(Refused::from(Refusal::Begun).into());
    }
    let (now, vault, key) = (act.now(), act.vault().clone(), BoxKey::random());
    let made = canary::make(&set, origin, now).map_err(Fault::from)?;
    store::insert_drill(act.db(), &vault, tender, (&made, &key), now)?;
    let (m, session) = (Bytes(made.manifest.id()), Bytes(key.public()));
    act.enter(&Subject::open(tender), &DrillBegun { tender, m, session })?;
    act.tell(topic(tender));
    Ok(())
}

/// What a trustee checks and releases from, as at a real opening.
///
/// # Errors
/// Refused before the drill is begun.
pub fn bundle(
    door: &Door,
    db: &mut crate::platform::database::Db,
    tender: Id<Tender>,
) -> Result<OpeningBundle, Failure> {
    let set = trustees_store::complete_set(db, tender)?.ok_or(Refused::from(Refusal::NoSet))?;
    let drill = store::drill(db, tender)?.ok_or(Refused::from(Refusal::NotBegun))?;
    let log = drill_log::shown(door, db, tender)?;
    Ok(canary::bundle(&drill.manifest, &set, (&drill.session, drill.at), Some(log)))
}

/// Takes a trustee's release for the canary (JCS text), and opens it with what has come so far. A trustee whose share was wrong
/// may try again with the right key; of everybody else one release is on record, and a further one changes nothing.
///
/// # Errors
/// Refused with the reason.
pub fn release(act: &mut Act<'_>, who: &Who, tender: Id<Tender>, document: &str) -> Result<(), Failure> {
    let (facts, set) = tender_of(act, tender)?;
    let (own, now, vault) = (place(act, &facts, who)?, act.now(), act.vault().clone());
    let drill = store::drill(act.db(), tender)?.ok_or(Refused::from(Refusal::NotBegun))?;
    let contents = store::contents(act.db(), &vault, tender)?.ok_or(Refused::from(Refusal::Done))?;
    // a canary of before there were share commitments may be kept shut by somebody of whom nobody knows
    let told = drill.manifest.lock.shares.is_some();
    let is_own = |row: &store::ReleaseRow| {
        row.release.i == own && (row.state == State::Right || told && row.state == State::Received)
    };
    if store::releases(act.db(), tender)?.iter().any(is_own) {
        return Err(Refused::from(Refusal::Released).into());
    }
    let bad = || Refused::from(Refusal::BadRelease);
    let release = Release::read(document.as_bytes()).map_err(|_| bad())?;
    if release.i != own {
        return Err(Refused::from(TrusteeRefusal::NotATrustee).into());
    }
    let listed = canary::bid_set(&drill.manifest, &set);
    release.check(&set, &listed, &drill.session).map_err(|_| bad())?;
    store::put_release(act.db(), tender, &release, now)?;
    let hash = Bytes(release.hash());
    act.enter(&Subject::open(tender), &DrillReleased { tender, i: own, hash })?;
    let rows = store::releases(act.db(), tender)?;
    let reported: Vec<Reported> =
        rows.iter().filter_map(|row| row.release.reported(&drill.manifest, &contents.session)).collect();
    let canary = (&drill.manifest, contents.ciphertext.as_slice(), contents.phrase.as_str());
    let shown = canary::open(canary, &set, &reported).map_err(Fault::from)?;
    judge(act, tender, &drill.manifest, &reported, &shown)?;
    if shown == (Shown::Opened { wrong: Vec::new() }) && reported.len() == set.members.len() {
        store::end(act.db(), tender, now)?;
        let m = Bytes(drill.manifest.id());
        act.enter(&Subject::open(tender), &DrillDone { tender, m, trustees: set.n() })?;
    }
    act.tell(topic(tender));
    Ok(())
}

/// Writes down how every trustee's share stands now. A box that does not open, and a share that is not the committed one, are wrong
/// whoever else has come.
fn judge(
    act: &mut Act<'_>,
    tender: Id<Tender>,
    canary: &Manifest,
    reported: &[Reported],
    shown: &Shown,
) -> Result<(), Failure> {
    let c = canary.ctx.hash();
    let is_false = |share: &Share| canary.lock.shares.as_ref().is_some_and(|known| !meets(&c, known, share));
    for report in reported {
        let state = match shown {
            _ if report.share.as_ref().is_none_or(is_false) => State::Wrong,
            Shown::Opened { wrong } if wrong.contains(&report.i) => State::Wrong,
            Shown::Opened { .. } => State::Right,
            Shown::Nothing | Shown::Shut => State::Received,
        };
        store::set_state(act.db(), tender, report.i, state)?;
    }
    Ok(())
}

/// The agent records why bids are taken without a drill.
///
/// # Errors
/// Refused for other people, after a drill that was done, and twice.
pub fn waive(act: &mut Act<'_>, who: &Who, tender: Id<Tender>, words: &str) -> Result<(), Failure> {
    let (facts, _) = tender_of(act, tender)?;
    if facts.agent != who.person {
        return Err(Refused::new(403, "project.refusal.not_yours").into());
    }
    let words = words.trim();
    if words.is_empty() || words.chars().count() > WORDS_MAX || words.chars().any(char::is_control) {
        return Err(Refused::from(Refusal::Words).into());
    }
    if store::drill(act.db(), tender)?.is_some_and(|drill| drill.done_at.is_some()) {
        return Err(Refused::from(Refusal::Done).into());
    }
    if store::waiver(act.db(), tender)?.is_some() {
        return Err(Refused::from(Refusal::Waived).into());
    }
    let now = act.now();
    store::insert_waiver(act.db(), tender, words, now)?;
    act.enter(&Subject::open(tender), &DrillWaived { tender, words })?;
    act.tell(topic(tender));
    Ok(())
}

/// How ready the trustees of a tender are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The set is not complete: nobody can bid.
    NoSet,
    /// Nobody knows whether the trustees can open anything.
    Untried,
    /// Some have shown it, others not.
    Trying,
    Done,
    /// The agent's reason for going on without.
    Waived(String),
}

impl Readiness {
    /// Whether bids may come.
    pub const fn takes_bids(&self) -> bool {
        matches!(self, Self::Done | Self::Waived(_))
    }
}

/// Whether somebody with these steps on an envelope may hand in there: whoever has bid before there was a drill may change the
/// bid, as soon as there is a set to seal it to.
pub fn may_bid(readiness: &Readiness, steps: &[Kept]) -> bool {
    readiness.takes_bids() || (!steps.is_empty() && *readiness != Readiness::NoSet)
}

/// Whether the drill of a complete set is done or was waived, so that bids may come. Asked at every submission.
///
/// # Errors
/// Faults of the database.
pub fn takes_bids(db: &mut crate::platform::database::Db, tender: Id<Tender>) -> Result<bool, Fault> {
    Ok(store::is_done(db, tender)? || store::waiver(db, tender)?.is_some())
}

/// How ready the trustees of a tender are.
///
/// # Errors
/// Faults of the database.
pub fn readiness(db: &mut crate::platform::database::Db, tender: Id<Tender>) -> Result<Readiness, Fault> {
    if trustees_store::complete_set(db, tender)?.is_none() {
        return Ok(Readiness::NoSet);
    }
    let drill = store::drill(db, tender)?;
    if drill.as_ref().is_some_and(|drill| drill.done_at.is_some()) {
        return Ok(Readiness::Done);
    }
    if let Some((words, _)) = store::waiver(db, tender)? {
        return Ok(Readiness::Waived(words));
    }
    Ok(if drill.is_some() { Readiness::Trying } else { Readiness::Untried })
}
