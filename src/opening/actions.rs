//! What happens in the hall, act by act. The record has its own file beside this one.

use super::bidders;
use super::events::{self, BidFate, BidsOpened, BoxClosed, ClosedSet, SessionStarted, SharesReleased};
use super::rules::{self, Closing, Outcome, Refusal};
use super::store::{self, BidRow, Objected, Sitting};
use super::unsealing::Unsealed;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::announcement::store as announcement;
use crate::deposit::actions as deposit;
use crate::expert_draw::actions as expert_draw;
use crate::ledger::{Act, Actor, Door, Subject};
use crate::outage;
use crate::party::rules::Organisation;
use crate::platform::canonical::jcs;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::flow::{self, Step};
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::project::{actions as project, store as projects};
use crate::sealed_bid::actions::bid_set;
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::store::{self as bids, CountedEnvelope};
use crate::sealed_bid::trustees_store;
use crate::sealing::bid_set::{BidSet, Closing as ClosingLine};
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, Count};
use crate::sealing::release::Release;
use std::collections::BTreeSet;
use std::time::Duration;

/// The live topic of a lot's hall.
pub fn topic(lot: Id<Lot>) -> String {
    format!("opening/{lot}")
}

/// 封箱: fixes the closing checkpoint of a lot and counts. With too few bidders the lot ends here, unopened; otherwise
/// the session of the first envelope begins. `who` is nobody when the clock does it.
///
/// # Errors
/// Refused before the deadline, while somebody who came before it is on the way, when it is closed already, on hold, and
/// for people who may not.
pub fn close(act: &mut Act<'_>, who: Option<&Who>, lot: Id<Lot>) -> Result<Outcome, Failure> {
    let deadline = projects::known_lot(act.db(), lot)?.plan()?.bid_deadline();
    if !deadline.is_open(act.now()) && !act.are_all_in(deadline.0)? {
        // before the gate is shut: they must still come through it
        return Err(Refused::from(Refusal::Arriving).into());
    }
    act.exclude(&project::gate(lot))?;
    outage::actions::check_pulse(act)?;
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    let closed = store::closing(act.db(), lot)?.is_some();
    rules::check_close(facts.plan()?.bid_deadline(), closed, now).map_err(Refused::from)?;
    // a deadline that was moved, or came, while we waited at the gate: nobody was asked about that one
    if facts.plan()?.bid_deadline() != deadline || !act.are_all_in(deadline.0)? {
        return Err(Refused::from(Refusal::Arriving).into());
    }
    match who {
        Some(who) => own_step(&facts, Step::CloseBidding, who, now)?,
        None => {
            flow::may_clock(Step::CloseBidding, facts.phase(now), facts.hold()).map_err(Refused::from)?;
        }
    }
    let head = act.close_log()?;
    let line = ClosingLine { root: Bytes(head.root), size: Count(head.size) };
    let (mut sets, mut first) = (Vec::new(), None);
    let vault = act.vault().clone();
    let found = bids::found(act.db(), &vault, lot, head.size)?;
    for kind in envelopes_of(&facts.terms) {
        let counted = found.counted.get(kind).map(Vec::as_slice).unwrap_or_default();
        let set = bid_set(&facts, *kind, line, counted);
        let bids = u32::try_from(counted.len()).map_err(Fault::from)?;
        sets.push(ClosedSet { envelope: *kind, bids, hash: Bytes(set.hash()) });
        // who counts has a bid in every envelope
        let bidders: Vec<_> = counted.iter().map(|bid| bid.organisation).collect();
        first = first.or(Some((set, bidders)));
    }
    let (first, in_the_box) = first.ok_or_else(|| Fault::new("a lot without envelopes"))?;
    let bidders = in_the_box.len();
    let count = u32::try_from(bidders).map_err(Fault::from)?;
    let closing = Closing { size: head.size, root: head.root, note: head.note, at: now, bidders: count };
    store::insert_closing(act.db(), lot, &closing)?;
    let subject = Subject::open(facts.tender);
    let notice = announcement::newest(act.db(), facts.tender)?;
    let event = BoxClosed {
        lot,
        tender: facts.tender,
        size: line.size,
        root: line.root,
        bidders: count,
        incomplete: u32::try_from(found.incomplete.len()).map_err(Fault::from)?,
        deadline: facts.plan()?.bids_until,
        notice: notice.map_or(0, |published| published.notice.version),
        number: facts.number.as_str(),
        lot_number: facts.lot_number.to_string(),
        sets,
    };
    act.enter(&subject, &event)?;
    project::reach(act, lot, Milestone::BiddingClosed)?;
    act.tell(topic(lot));
    let minimum = facts.terms.minimum_bidders;
    for bidder in &found.incomplete {
        deposit::bid_withdrawn(act, &facts, *bidder)?;
    }
    let opens = rules::outcome(bidders, minimum) != Outcome::TooFew;
    deposit::bidding_closed(act, &facts, &in_the_box, opens)?;
    if !opens {
        act.enter(&subject, &events::NotOpened { lot, tender: facts.tender, bidders: count, minimum })?;
        project::reach(act, lot, Milestone::NotOpened)?;
        return Ok(Outcome::TooFew);
    }
    start(act, &facts, &first)?;
    expert_draw::avoid_bidders(act, lot)?;
    Ok(Outcome::Opens)
}

/// How long a closing waits for those who came in time; after that it is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// [`close`], as soon as everybody who came in time is through. Blocks.
///
/// # Errors
/// As [`close`].
pub fn close_box(door: &Door, actor: Actor, who: Option<Who>, lot: Id<Lot>) -> Result<Outcome, Failure> {
    let deadline = door.read(|db| Ok::<_, Failure>(projects::known_lot(db, lot)?.plan()?.bid_deadline()))?;
    if !deadline.is_open(door.now()) {
        door.await_arrivals(deadline.0, PATIENCE)?;
    }
    Ok(door.write(actor, move |act| close(act, who.as_ref(), lot))?.value)
}

/// People of the lot's agent, and the centre's staff, may.
fn own_step(facts: &LotFacts, step: Step, who: &Who, now: Moment) -> Result<(), Refused> {
    match who.role {
        Role::Agent => facts.may_own(step, who, now)?,
        role => facts.may(step, role, now)?,
    };
    Ok(())
}

/// Begins the session of an envelope: a key of its own, kept in the vault until the envelope is opened.
fn start(act: &mut Act<'_>, facts: &LotFacts, set: &BidSet) -> Result<(), Failure> {
    let key = BoxKey::random();
    let (now, vault) = (act.now(), act.vault().clone());
    store::insert_sitting(act.db(), &vault, facts.lot, set, &key, now)?;
    let bidders_until = bidders::begin(act, facts, set.envelope)?;
    let event = SessionStarted {
        lot: facts.lot,
        tender: facts.tender,
        envelope: set.envelope,
        bid_set: Bytes(set.hash()),
        session: Bytes(key.public()),
        bidders_until,
    };
    act.enter(&Subject::open(facts.tender), &event)?;
    act.tell(topic(facts.lot));
    Ok(())
}

/// Begins the session of the commercial envelope. `evaluation` calls this in the act that ends the technical scoring.
///
/// # Errors
/// Refused for a lot with one envelope, before the first is opened, and twice.
pub fn start_second(act: &mut Act<'_>, lot: Id<Lot>) -> Result<(), Failure> {
    let facts = projects::known_lot(act.db(), lot)?;
    let second = *envelopes_of(&facts.terms).get(1).ok_or(Refused::from(Refusal::NotOpened))?;
    let closing = store::closing(act.db(), lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    if facts.reached(Milestone::Opened).is_none() {
        return Err(Refused::from(Refusal::NotOpened).into());
    }
    if store::sitting(act.db(), lot, second)?.is_some() {
        return Err(Refused::from(Refusal::Closed).into());
    }
    let line = ClosingLine { root: Bytes(closing.root), size: Count(closing.size) };
    let vault = act.vault().clone();
    let counted = bids::counted(act.db(), &vault, lot, second, closing.size)?;
    start(act, &facts, &bid_set(&facts, second, line, &counted))
}

/// The bids that count for an envelope, in the order of its bid set.
pub fn counted(
    act: &mut Act<'_>,
    facts: &LotFacts,
    envelope: EnvelopeKind,
) -> Result<Vec<CountedEnvelope>, Failure> {
    let closing = store::closing(act.db(), facts.lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let vault = act.vault().clone();
    Ok(bids::counted(act.db(), &vault, facts.lot, envelope, closing.size)?)
}

/// The bid of one bidder that counts for an envelope.
pub(super) fn counted_of(
    act: &mut Act<'_>,
    facts: &LotFacts,
    envelope: EnvelopeKind,
    bidder: Id<Organisation>,
) -> Result<Option<CountedEnvelope>, Failure> {
    let closing = store::closing(act.db(), facts.lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    let vault = act.vault().clone();
    Ok(bids::counted_of(act.db(), &vault, (facts.lot, envelope), bidder, closing.size)?)
}

fn is_bidder(act: &mut Act<'_>, facts: &LotFacts, who: &Who) -> Result<bool, Failure> {
    for envelope in envelopes_of(&facts.terms) {
        if counted_of(act, facts, *envelope, who.organisation)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// 签到: somebody signs in, after the box is closed, so that the list tells nobody anything before.
///
/// # Errors
/// Refused before the closing, twice, and for organisations without a bid on this lot.
pub fn sign_in(act: &mut Act<'_>, who: &Who, lot: Id<Lot>) -> Result<(), Failure> {
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may(Step::SignInAtOpening, who.role, now)?;
    if store::closing(act.db(), lot)?.is_none() {
        return Err(Refused::from(Refusal::NotClosed).into());
    }
    match who.role {
        Role::Bidder if !is_bidder(act, &facts, who)? => {
            return Err(Refused::from(Refusal::NotABidder).into());
        }
        Role::Agent | Role::Entity if !facts.is_own(who) => {
            return Err(Refused::new(403, "project.refusal.not_yours").into());
        }
        _ => {}
    }
    if store::has_arrived(act.db(), lot, &who.person.to_string())? {
        return Err(Refused::from(Refusal::AlreadySignedIn).into());
    }
    store::insert_arrival(act.db(), lot, who, now)?;
    act.enter(&Subject::open(facts.tender), &events::Arrived { lot, organisation: &who.organisation_name })?;
    act.tell(topic(lot));
    Ok(())
}

/// The open session of an envelope.
pub(super) fn sitting(act: &mut Act<'_>, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<Sitting, Failure> {
    let sitting = store::sitting(act.db(), lot, envelope)?.ok_or(Refused::from(Refusal::NotClosed))?;
    if sitting.opened_at.is_some() { Err(Refused::from(Refusal::AlreadyOpened).into()) } else { Ok(sitting) }
}

/// Takes a trustee's release (JCS text), after checking that it is this trustee's, for this bid set and session.
///
/// # Errors
/// Refused with the reason.
pub fn release(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    document: &str,
) -> Result<(), Failure> {
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may(Step::ReleaseShares, who.role, now)?;
    let sitting = sitting(act, lot, envelope)?;
    let closing = store::closing(act.db(), lot)?.ok_or(Refused::from(Refusal::NotClosed))?;
    if !act.is_witnessed(closing.size)? {
        return Err(Refused::from(Refusal::NotWitnessed).into());
    }
    let bad = |cause, why| Failure::from(Refused::from(Refusal::BadRelease { cause, why }));
    let release = Release::read(document.as_bytes()).map_err(|e| bad("document", e.to_string()))?;
    let own = facts.custody.as_ref().and_then(|custody| {
        let at = custody.trustees.iter().position(|trustee| trustee.person == who.person)?;
        u8::try_from(at + 1).ok()
    });
    if own != Some(release.i) {
        return Err(Refused::from(Refusal::NotATrustee).into());
    }
    let trustees = trustees_store::complete_set(act.db(), facts.tender)?;
    let trustees = trustees.ok_or_else(|| Fault::new("bids without a trustee set"))?;
    let checked = release.check(&trustees, &sitting.bid_set, &sitting.session);
    checked.map_err(|fault| bad(fault.code(), fault.to_string()))?;
    if store::releases(act.db(), lot, envelope)?.iter().any(|other| other.release.i == release.i) {
        return Err(Refused::from(Refusal::AlreadyReleased).into());
    }
    bidders::before_shares(act, &facts, envelope)?;
    store::insert_release(act.db(), lot, envelope, &release, now)?;
    let event = SharesReleased { lot, envelope, i: release.i, hash: Bytes(release.hash()) };
    act.enter(&Subject::open(facts.tender), &event)?;
    act.tell(topic(lot));
    Ok(())
}

/// Records what an opening brought; only [`super::hall::open`] calls this. Destroys the session key.
pub(super) fn record_opening(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    unsealed: &Unsealed,
    (lost, excused): (Vec<u8>, &BTreeSet<Bytes<32>>),
) -> Result<(), Failure> {
    // opening large bids takes minutes, in which trustees and the agent go on
    act.exclude(&bidders::gate(lot))?;
    let released = store::releases(act.db(), lot, envelope)?;
    let excuses = store::excuses(act.db(), lot, envelope)?;
    let excuses: BTreeSet<Bytes<32>> = excuses.iter().map(|excuse| excuse.m).collect();
    if excuses != *excused || released.iter().any(|found| lost.contains(&found.release.i)) {
        return Err(Refused::from(Refusal::Changed).into());
    }
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    let step = step_of(&facts, envelope);
    own_step(&facts, step, who, now)?;
    let sitting = sitting(act, lot, envelope)?;
    for (place, bid) in (1..).zip(&unsealed.bids) {
        store::insert_bid(act.db(), lot, envelope, place, bid)?;
    }
    let vault = act.vault().clone();
    for content in &unsealed.contents {
        store::insert_content(act.db(), &vault, lot, envelope, content)?;
    }
    store::end_sitting(act.db(), &vault, lot, envelope, &unsealed.shares, now)?;
    let bids = unsealed.bids.iter().map(fate).collect();
    let event = BidsOpened { lot, envelope, bid_set: Bytes(sitting.bid_set.hash()), bids, lost };
    act.enter(&Subject::open(facts.tender), &event)?;
    project::reach(
        act,
        lot,
        if step == Step::OpenBids { Milestone::Opened } else { Milestone::SecondOpened },
    )?;
    act.tell(topic(lot));
    Ok(())
}

fn fate(bid: &BidRow) -> BidFate {
    BidFate {
        m: bid.m,
        document: bid.document.as_ref().map(|document| Bytes(sha256(&[&jcs(document)]))),
        blame: bid.not_opened.as_ref().map(|failed| failed.blame),
        liars: bid.liars.clone(),
    }
}

/// The step that opens an envelope: of two, the second is opened during the evaluation.
pub fn step_of(facts: &LotFacts, envelope: EnvelopeKind) -> Step {
    if envelopes_of(&facts.terms).first() == Some(&envelope) { Step::OpenBids } else { Step::OpenSecond }
}

/// Whether `who` may open an envelope at `now`, apart from the quorum.
pub fn can_open(facts: &LotFacts, envelope: EnvelopeKind, who: &Who, now: Moment) -> bool {
    check_opener(facts, envelope, who, now).is_ok()
}

/// Refuses people who may not open an envelope at `now`.
///
/// # Errors
/// Role, organisation, phase or a hold forbid it.
pub fn check_opener(facts: &LotFacts, envelope: EnvelopeKind, who: &Who, now: Moment) -> Result<(), Refused> {
    own_step(facts, step_of(facts, envelope), who, now)
}

/// A bidder objects on the spot (招标投标法实施条例 第四十四条).
///
/// # Errors
/// Refused before the opening, after the record is published, and for organisations without a bid on this lot.
pub fn object(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, words: &str) -> Result<Id<Objected>, Failure> {
    let now = act.now();
    let words = rules::check_words(words).map_err(Refused::from)?;
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may(Step::ObjectAtOpening, who.role, now)?;
    if !hearing(act, &facts)? {
        return Err(Refused::from(Refusal::Published).into());
    }
    if !is_bidder(act, &facts, who)? {
        return Err(Refused::from(Refusal::NotABidder).into());
    }
    let id = Id::random();
    store::insert_objection(act.db(), id, lot, who, words, now)?;
    act.enter(
        &Subject::open(facts.tender),
        &events::Objected { lot, organisation: &who.organisation_name, words },
    )?;
    act.tell(topic(lot));
    Ok(id)
}

/// Whether objections are heard: some envelope's session has begun and its record is not published.
fn hearing(act: &mut Act<'_>, facts: &LotFacts) -> Result<bool, Failure> {
    for envelope in envelopes_of(&facts.terms) {
        let sits = store::sitting(act.db(), facts.lot, *envelope)?.is_some();
        if sits && store::record(act.db(), facts.lot, *envelope)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The agent answers an objection.
///
/// # Errors
/// Refused for other people, empty words, and an objection that has its answer.
pub fn answer(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    id: Id<Objected>,
    words: &str,
) -> Result<(), Failure> {
    let now = act.now();
    let words = rules::check_words(words).map_err(Refused::from)?;
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may_own(Step::AnswerAtOpening, who, now)?;
    if !store::answer_objection(act.db(), lot, id, words, now)? {
        return Err(Refused::from(Refusal::AlreadyAnswered).into());
    }
    act.enter(&Subject::open(facts.tender), &events::Answered { lot, words })?;
    act.tell(topic(lot));
    Ok(())
}
