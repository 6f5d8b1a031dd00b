//! 投标人解密 The bidders' phase of an opening whose bids are locked twice: keys come, the phase ends, and who did not come is
//! on record before the first trustee's share is taken.

use super::actions::{self, counted, counted_of, topic};
use super::events::{AbsenceExcused, BidderRefused, BidderReleased, BiddersDone};
use super::lockstep::{Bidders, TRIES_MAX};
use super::record::NotOpened;
use super::rules::{self, Blame, Cause, Refusal};
use super::store::{self, Paper};
use crate::account::authority::Authority;
use crate::account::role::Role;
use crate::account::signature::check_registered;
use crate::account::who::Who;
use crate::ledger::{Act, Subject};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::{MINUTE, Moment, SECOND};
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::project::flow::Step;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use crate::project::store as projects;
use crate::sealed_bid::actions::goes_on_record;
use crate::sealed_bid::store::CountedEnvelope;
use crate::sealing::context::{EnvelopeKind, Mode};
use crate::sealing::document::Bytes;
use crate::sealing::release::{BidderRelease, BiddersPhase};
use std::collections::BTreeMap;

/// What became of a bidder's release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Key,
    /// It is not the key that the bid committed to. On record; the bidder may try again while there is time.
    Wrong,
}

/// The gate that bidders' keys, the end of their phase and trustees' shares go through one after the other.
pub(super) fn gate(lot: Id<Lot>) -> String {
    format!("opening/{lot}")
}

/// Begins the bidders' phase of an envelope, if any of its bids is locked twice. Gives its end.
pub(super) fn begin(
    act: &mut Act<'_>,
    facts: &LotFacts,
    envelope: EnvelopeKind,
) -> Result<Option<Moment>, Failure> {
    let Some(terms) = facts.terms.dual else { return Ok(None) };
    let dual: Vec<Bytes<32>> = counted(act, facts, envelope)?
        .iter()
        .filter(|bid| bid.manifest.ctx.mode == Mode::Dual)
        .map(|bid| Bytes(bid.m))
        .collect();
    if dual.is_empty() {
        return Ok(None);
    }
    // a whole second, as witnesses tell the time
    let until = act.now().plus(i64::from(terms.minutes) * MINUTE + SECOND - 1);
    let until = Moment::from_micros(until.micros().div_euclid(SECOND) * SECOND);
    store::insert_bidders(act.db(), facts.lot, envelope, &dual, until)?;
    Ok(Some(until))
}

/// Takes a bidder's release (JCS text): from the bidder, or from the second holder that the bid names.
///
/// # Errors
/// Refused with the reason. A release of the bidder's own that comes late is on record.
pub fn release_key(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    document: &str,
) -> Result<Taken, Failure> {
    act.exclude(&gate(lot))?;
    let now = act.now();
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may(Step::ReleaseBidderKey, who.role, now)?;
    let sitting = actions::sitting(act, lot, envelope)?;
    let bad = |cause, why| Failure::from(Refused::from(Refusal::BadRelease { cause, why }));
    let release = BidderRelease::read(document.as_bytes()).map_err(|e| bad("document", e.to_string()))?;
    if release.session.0 != sitting.session {
        return Err(bad("other_session", "the release is for another opening session".into()));
    }
    let bidders = store::bidders(act.db(), lot, envelope)?.ok_or(Refused::from(Refusal::NoBidderLock))?;
    let is_it = |bid: &CountedEnvelope| bid.m == release.m.0;
    // nearly always it is their own; only for a second holder all bids are looked through
    let mut bid = counted_of(act, &facts, envelope, who.organisation)?.filter(is_it);
    if bid.is_none() {
        bid = counted(act, &facts, envelope)?.into_iter().find(is_it);
    }
    let bid = bid.ok_or(Refused::from(Refusal::NotYourBid))?;
    let own = is_own(who, &bid);
    if !own && bid.manifest.lock.second.is_none() {
        return Err(Refused::from(Refusal::NotYourBid).into());
    }
    let subject = Subject::open(facts.tender);
    let refused = |why| BidderRefused { lot, envelope, m: release.m, hash: Bytes(release.hash()), why };
    if let Err(refusal) = bidders.check_key(&release.m, now) {
        if own && matches!(refusal, Refusal::KeysOver { .. }) && goes_on_record(lot, who.organisation) {
            act.enter_on_refusal(&subject, &refused("late"))?;
        }
        return Err(Refused::from(refusal).into());
    }
    let vault = act.vault().clone();
    let session = store::session_key(act.db(), &vault, lot, envelope)?;
    let session = session.ok_or(Refused::from(Refusal::AlreadyOpened))?;
    if release.open(&bid.manifest, &session).is_err() {
        let signed = own && is_signed(act, authority, who, &release)?;
        return wrong_key(act, &subject, &refused("wrong_key"), &release, signed);
    }
    store::insert_key(act.db(), lot, envelope, &release, !own, now)?;
    let hash = Bytes(release.hash());
    act.enter(&subject, &BidderReleased { lot, envelope, m: release.m, hash, second: !own })?;
    end_if_over(act, &facts, envelope)?;
    act.tell(topic(lot));
    Ok(Taken::Key)
}

fn is_own(who: &Who, bid: &CountedEnvelope) -> bool {
    who.role == Role::Bidder && bid.organisation == who.organisation
}

/// Whether `who` signed the release with a certificate that is registered, valid now and of the own organisation.
fn is_signed(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    release: &BidderRelease,
) -> Result<bool, Failure> {
    let Some(signature) = &release.signature else { return Ok(false) };
    let leaf = signature.x5c.first().map_or(&[][..], |leaf| &leaf.0);
    let (now, message) = (act.now(), release.message());
    match check_registered(act.db(), authority, who, now, &message, &signature.sig.0, leaf) {
        Ok(()) => Ok(true),
        Err(Failure::Refused(_)) => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// Only a wrong key that the bidder signed is held against the bidder: nobody else can have made it. Any other is just refused.
fn wrong_key(
    act: &mut Act<'_>,
    subject: &Subject,
    refused: &BidderRefused<'_>,
    release: &BidderRelease,
    signed: bool,
) -> Result<Taken, Failure> {
    if !signed {
        return Err(Refused::from(Refusal::WrongKeyUnsigned).into());
    }
    let (lot, envelope, now) = (refused.lot, refused.envelope, act.now());
    let before = store::tries(act.db(), lot, envelope)?.iter().filter(|tried| tried.m == release.m).count();
    if before >= TRIES_MAX {
        return Err(Refused::from(Refusal::TooManyTries { max: TRIES_MAX }).into());
    }
    store::insert_try(act.db(), lot, envelope, release, now)?;
    act.enter(subject, refused)?;
    act.tell(topic(lot));
    Ok(Taken::Wrong)
}

/// Puts the end of the bidders' phase on record, if it is over and not yet there. `false` while bidders can still come.
fn end_if_over(act: &mut Act<'_>, facts: &LotFacts, envelope: EnvelopeKind) -> Result<bool, Failure> {
    let (lot, now) = (facts.lot, act.now());
    let Some(bidders) = store::bidders(act.db(), lot, envelope)? else { return Ok(true) };
    if !bidders.is_over(now) {
        return Ok(false);
    }
    // a key that came in time is taken, however late its turn comes
    if bidders.ended_at.is_none() && !bidders.absent().is_empty() && !act.are_all_in(bidders.until)? {
        return Ok(false);
    }
    if bidders.ended_at.is_none() {
        store::end_bidders(act.db(), lot, envelope, now)?;
        let (released, absent) = (bidders.released(), bidders.absent());
        let event = BiddersDone { lot, envelope, until: bidders.until, released: &released, absent: &absent };
        act.enter(&Subject::open(facts.tender), &event)?;
        act.tell(topic(lot));
    }
    Ok(true)
}

/// What every trustee's release goes through: the bidders' phase is over, and that is on record before the share.
pub(super) fn before_shares(
    act: &mut Act<'_>,
    facts: &LotFacts,
    envelope: EnvelopeKind,
) -> Result<(), Failure> {
    act.exclude(&gate(facts.lot))?;
    if end_if_over(act, facts, envelope)? {
        return Ok(());
    }
    let now = act.now();
    if let Some(bidders) = store::bidders(act.db(), facts.lot, envelope)? {
        bidders.check_share(now).map_err(Refused::from)?;
    }
    // the time is over, and a key that came in time is still on the way
    Err(Refused::from(Refusal::Arriving).into())
}

/// Ends the bidders' phase of an envelope when its time is over. The clock calls this; nothing waits for it.
///
/// # Errors
/// Faults of the database.
pub fn end(act: &mut Act<'_>, lot: Id<Lot>, envelope: EnvelopeKind) -> Result<(), Failure> {
    act.exclude(&gate(lot))?;
    let facts = projects::known_lot(act.db(), lot)?;
    end_if_over(act, &facts, envelope).map(drop)
}

/// 认定非投标人原因: the agent records why a bid without its key is not its bidder's fault. Without this it counts as
/// revoked by its bidder (电子招标投标办法 第三十一条). `paper` shows the cause; its file is stored already.
///
/// # Errors
/// Refused before the bidders' phase is over, after the opening, for bids whose key came, and twice.
pub fn excuse(
    act: &mut Act<'_>,
    who: &Who,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    m: Bytes<32>,
    (words, paper): (&str, &Paper),
) -> Result<(), Failure> {
    act.exclude(&gate(lot))?;
    let now = act.now();
    let words = rules::check_words(words).map_err(Refused::from)?;
    let facts = projects::known_lot(act.db(), lot)?;
    facts.may_own(Step::ExcuseAbsence, who, now)?;
    actions::sitting(act, lot, envelope)?;
    // while a key that came in time is on its way nobody is absent
    let over = end_if_over(act, &facts, envelope)?;
    let bidders = store::bidders(act.db(), lot, envelope)?;
    let absent = bidders.is_some_and(|bidders| over && bidders.absent().contains(&m));
    if !absent {
        return Err(Refused::from(Refusal::NotAbsent).into());
    }
    if store::excuses(act.db(), lot, envelope)?.iter().any(|excuse| excuse.m == m) {
        return Err(Refused::from(Refusal::Excused).into());
    }
    store::insert_excuse(act.db(), lot, envelope, &m, (words, paper), now)?;
    act.enter(
        &Subject::open(facts.tender),
        &AbsenceExcused { lot, envelope, m, words, paper: paper.sha256 },
    )?;
    act.tell(topic(lot));
    Ok(())
}

/// Why each bid without its key is not opened.
///
/// # Errors
/// Faults of the database.
pub(super) fn causes(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    bidders: &Bidders,
) -> Result<BTreeMap<Bytes<32>, NotOpened>, Fault> {
    let (tries, excuses) = (store::tries(db, lot, envelope)?, store::excuses(db, lot, envelope)?);
    let cause = |m: Bytes<32>| {
        let excused = excuses.iter().any(|excuse| excuse.m == m);
        let blame = if excused { Blame::Outside } else { Blame::Bidder };
        let cause = if tries.iter().any(|tried| tried.m == m) {
            Cause::BidderKeyWrong
        } else {
            Cause::BidderKeyMissing
        };
        (m, NotOpened { blame, cause })
    };
    Ok(bidders.absent().into_iter().map(cause).collect())
}

/// How the phase ended, as trustees are told; `None` where no bid is locked twice.
///
/// # Errors
/// Refused while bidders can still come.
pub(super) fn told(
    db: &mut Db,
    lot: Id<Lot>,
    envelope: EnvelopeKind,
    now: Moment,
) -> Result<Option<BiddersPhase>, Failure> {
    let Some(bidders) = store::bidders(db, lot, envelope)? else { return Ok(None) };
    bidders.check_share(now).map_err(Refused::from)?;
    let (absent, released) = (bidders.absent(), bidders.released());
    Ok(Some(BiddersPhase { absent, released, until: bidders.until }))
}
