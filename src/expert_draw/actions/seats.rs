//! Seats: calling, answering, passing on, and who may read the names.

use super::pool::only;
use super::{load, topic};
use crate::account::role::Role;
use crate::account::rules::Person;
use crate::account::who::Who;
use crate::expert_draw::coefficient::CoefficientRecord;
use crate::expert_draw::draw::{Draw, DrawDoc, DrawRecord, DrawResult, seat_holders};
use crate::expert_draw::events::{CallAnswered, NamesRead, NamesReleased, SeatPassedOn};
use crate::expert_draw::hex_bytes::Hex;
use crate::expert_draw::rules::{Answer, Refusal, Subject as What};
use crate::expert_draw::sealed::{
    DOCUMENT, Document, ExpertsSetup, HOLDER, Holder, Outcome, POOL, People, REGISTRY, RESULT, SETUP, Setup,
    registry_tag,
};
use crate::expert_draw::store::seats::{self, SeatRow};
use crate::expert_draw::store::{self, DrawRow, pools};
use crate::ledger::{Act, Subject};
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project;
use crate::project::flow::Step;
use crate::project::phase::{Milestone, Phase};
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// A drawn expert, by name. Whoever gets one must be entitled to it and leave a trace of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub draw: Id<Draw>,
    pub candidate: Hex<16>,
    pub stratum: String,
    pub answer: Answer,
    pub holder: Holder,
    /// The expert's account, if the centre linked one.
    pub person: Option<Id<Person>>,
    /// Why the seat was passed on, if it was.
    pub cause: Option<String>,
}

/// A member as it is published with the result. With the salt anybody can check that this person is the drawn id:
/// `id == hex(H(salt || registry_id))[:32]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublishedExpert {
    pub name: String,
    pub employer: String,
    pub registry_id: String,
    pub stratum: String,
    pub id: Hex<16>,
    pub salt: Hex<32>,
}

/// What an expert sees of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub draw: DrawRow,
    pub seat: SeatRow,
}

/// Calls those whom the draw selected.
pub(super) fn call_first(
    act: &mut Act<'_>,
    doc: &DrawDoc,
    result: &DrawResult,
    sealed_setup: &[u8],
) -> Result<(), Failure> {
    let setup = experts_setup(act.vault(), sealed_setup)?;
    let ids: Vec<Hex<16>> =
        result.strata.iter().flat_map(|stratum| stratum.selected.iter().copied()).collect();
    call(act, doc, &setup, &ids, 0)
}

/// Makes open seats for `ids`; `called` people were called before.
fn call(
    act: &mut Act<'_>,
    doc: &DrawDoc,
    setup: &ExpertsSetup,
    ids: &[Hex<16>],
    called: usize,
) -> Result<(), Failure> {
    let body = pools::pool_body(act.db(), setup.pool)?;
    let people: People = POOL.take(act.vault(), &body)?;
    let wanted: BTreeSet<Hex<16>> = ids.iter().copied().collect();
    let salt = setup.salt();
    let found: HashMap<Hex<16>, Holder> = people
        .iter()
        .map(|expert| (salt.expert_id(&expert.registry_id), expert))
        .filter(|(id, _)| wanted.contains(id))
        .map(|(id, expert)| (id, Holder::from(expert)))
        .collect();
    let now = act.now();
    for (order, id) in ids.iter().enumerate() {
        let holder = found.get(id).ok_or_else(|| Fault::new("a drawn id is not in the pool of its draw"))?;
        let stratum = doc.candidates.iter().find(|candidate| candidate.id == *id);
        let seat = SeatRow {
            draw: doc.id,
            candidate: *id,
            called_order: i32::try_from(called + order).unwrap_or(i32::MAX),
            stratum: stratum.map(|candidate| candidate.stratum.clone()).unwrap_or_default(),
            holder: HOLDER.put(act.vault(), holder),
            answer: Answer::Open,
            called_at: now,
            answered_at: None,
            dropped_order: None,
            cause: None,
        };
        let tag = registry_tag(act.vault(), &holder.registry_id);
        seats::insert_seat(act.db(), &seat, &tag)?;
    }
    Ok(())
}

pub(super) fn experts_setup(vault: &Vault, sealed: &[u8]) -> Result<ExpertsSetup, Fault> {
    match SETUP.take(vault, sealed)? {
        Setup::Experts(setup) => Ok(*setup),
        Setup::Coefficient { .. } => Err(Fault::new("seats of a draw that draws no experts")),
    }
}

/// An expert accepts or declines; who declines is followed by the next alternate at once.
///
/// # Errors
/// Refused for a seat that is not the caller's, and for one that was answered.
pub fn answer(act: &mut Act<'_>, who: &Who, draw: Id<Draw>, accept: Accept) -> Result<(), Failure> {
    let (row, _, facts) = load(act, draw)?;
    facts.may(Step::AnswerCall, who.role, act.now())?;
    let registry = pools::registry_of(act.db(), who.person)?;
    let registry = registry.ok_or(Refusal::NoSeat).map_err(Refused::from)?;
    let registry: String = REGISTRY.take(act.vault(), &registry)?;
    let tag = registry_tag(act.vault(), &registry);
    let seat = seats::seats_of(act.db(), &tag)?.into_iter().find(|seat| seat.draw == draw);
    let seat = seat.ok_or(Refusal::NoSeat).map_err(Refused::from)?;
    seat.answer.may_answer().map_err(Refused::from)?;
    let now = act.now();
    let next = match accept {
        Accept::Yes => {
            seats::set_answer(act.db(), &seat, Answer::Accepted, None, now)?;
            None
        }
        Accept::No => free_seat(act, &seat, Answer::Declined, "declined")?,
    };
    let answer = if accept == Accept::Yes { Answer::Accepted.code() } else { Answer::Declined.code() };
    let event = CallAnswered { draw, candidate: seat.candidate, answer, next };
    act.enter(&Subject::sealed(row.lot), &event)?;
    if next.is_some() {
        super::avoidance::avoid_bidders(act, row.lot)?;
    }
    act.tell(topic(draw));
    Ok(())
}

/// What an expert answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accept {
    Yes,
    No,
}

/// Passes a seat on to the next alternate for a legal cause: no answer, a conflict found later, illness. Returns who
/// is called next; once the bidders are known, one who is tied to a bidder is passed over in the same act.
///
/// # Errors
/// Refused for people who are no party of the tender, without a written cause, or for a seat that is free.
pub fn pass_on(
    act: &mut Act<'_>,
    who: &Who,
    draw: Id<Draw>,
    candidate: Hex<16>,
    cause: &str,
) -> Result<Option<Hex<16>>, Failure> {
    let (row, _, facts) = load(act, draw)?;
    super::may_as_party(&facts, Step::RevealForDraw, who, act.now())?;
    let seat = seats::seats(act.db(), draw)?.into_iter().find(|seat| seat.candidate == candidate);
    let seat = seat.ok_or(Refusal::NoSeat).map_err(Refused::from)?;
    seat.answer.may_replace(cause).map_err(Refused::from)?;
    let cause = cause.trim();
    let next = free_seat(act, &seat, Answer::Replaced, cause)?;
    let event = SeatPassedOn { draw, candidate, next, cause: cause.to_owned() };
    act.enter(&Subject::sealed(row.lot), &event)?;
    super::avoidance::avoid_bidders(act, row.lot)?;
    act.tell(topic(draw));
    Ok(next)
}

/// Frees a seat and calls the next alternate, whom it returns.
pub(super) fn free_seat(
    act: &mut Act<'_>,
    seat: &SeatRow,
    answer: Answer,
    cause: &str,
) -> Result<Option<Hex<16>>, Failure> {
    let all = seats::seats(act.db(), seat.draw)?;
    let mut dropped: Vec<&SeatRow> = all.iter().filter(|other| other.dropped_order.is_some()).collect();
    dropped.sort_by_key(|other| other.dropped_order);
    let mut gone: Vec<Hex<16>> = dropped.iter().map(|other| other.candidate).collect();
    let order = i32::try_from(gone.len()).unwrap_or(i32::MAX);
    let now = act.now();
    seats::set_answer(act.db(), seat, answer, Some((order, cause)), now)?;
    gone.push(seat.candidate);
    let parts = store::sealed_parts(act.db(), seat.draw)?;
    let (doc, result) = document_and_result(act.vault(), &parts)?;
    let called: BTreeSet<Hex<16>> = all.iter().map(|other| other.candidate).collect();
    let holders = seat_holders(&doc, &result, &gone);
    let next: Vec<Hex<16>> = holders.into_iter().flatten().filter(|id| !called.contains(id)).collect();
    let setup = experts_setup(act.vault(), &parts.setup)?;
    call(act, &doc, &setup, &next, all.len())?;
    Ok(next.first().copied())
}

/// Whether a drawn committee has fewer people than seats, because no alternate was left.
pub(super) fn has_empty_seat(db: &mut Db, vault: &Vault, draw: Id<Draw>) -> Result<bool, Fault> {
    let parts = store::sealed_parts(db, draw)?;
    let (doc, _) = document_and_result(vault, &parts)?;
    let seats: usize = doc.strata.iter().map(|stratum| stratum.seats as usize).sum();
    let held = seats::seats(db, draw)?.iter().filter(|seat| seat.answer.holds_seat()).count();
    Ok(held < seats)
}

fn document_and_result(vault: &Vault, parts: &store::SealedParts) -> Result<(DrawDoc, DrawResult), Fault> {
    let document = DOCUMENT.take(vault, parts.document.as_deref().unwrap_or_default())?;
    let outcome = RESULT.take(vault, parts.result.as_deref().unwrap_or_default())?;
    match (document, outcome) {
        (Document::Experts(doc), Outcome::Experts(result)) => Ok((*doc, result)),
        _ => Err(Fault::new("document and result of a draw do not belong together")),
    }
}

/// The invitations of an expert, newest first.
///
/// # Errors
/// The database fails.
pub fn invitations(db: &mut Db, vault: &Vault, person: Id<Person>) -> Result<Vec<Invitation>, Fault> {
    let Some(registry) = pools::registry_of(db, person)? else { return Ok(vec![]) };
    let registry: String = REGISTRY.take(vault, &registry)?;
    let mut found = Vec::new();
    for seat in seats::seats_of(db, &registry_tag(vault, &registry))? {
        if let Some(draw) = store::draw(db, seat.draw)? {
            found.push(Invitation { draw, seat });
        }
    }
    Ok(found)
}

/// Everybody who holds a seat of a lot's committee now, over all its draws. For `evaluation`, which must not
/// show names to anybody but the members themselves and the supervisor; pages for people use [`read_names`].
///
/// # Errors
/// The database fails.
pub fn members(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<Member>, Fault> {
    let draws = store::draws_of(db, lot)?;
    let drawn = draws.iter().rev().filter(|row| row.subject == What::Experts && row.drawn_at.is_some());
    let mut members = Vec::new();
    for row in drawn {
        members
            .extend(all_called(db, vault, row.id)?.into_iter().filter(|member| member.answer.holds_seat()));
    }
    Ok(members)
}

fn all_called(db: &mut Db, vault: &Vault, draw: Id<Draw>) -> Result<Vec<Member>, Fault> {
    let mut members = Vec::new();
    for seat in seats::seats(db, draw)? {
        let holder: Holder = HOLDER.take(vault, &seat.holder)?;
        let person = pools::person_of(db, &registry_tag(vault, &holder.registry_id))?;
        let SeatRow { draw, candidate, stratum, answer, cause, .. } = seat;
        members.push(Member { draw, candidate, stratum, answer, holder, person, cause });
    }
    Ok(members)
}

/// A supervisor looks at the names of a draw. The look is entered in the log.
///
/// # Errors
/// Refused for everybody else, and before the draw.
pub fn read_names(act: &mut Act<'_>, who: &Who, draw: Id<Draw>) -> Result<Vec<Member>, Failure> {
    only(Role::Supervisor, who)?;
    let (row, ..) = load(act, draw)?;
    if row.drawn_at.is_none() {
        return Err(Refused::from(Refusal::NotDrawn).into());
    }
    act.enter(&Subject::sealed(row.lot), &NamesRead { draw, what: "names" })?;
    let vault = act.vault().clone();
    Ok(all_called(act.db(), &vault, draw)?)
}

/// A supervisor takes the record of a draw out, to draw again with `sunbid draw`. The look is entered in the log.
///
/// # Errors
/// Refused for everybody else, and before the draw.
pub fn read_record(act: &mut Act<'_>, who: &Who, draw: Id<Draw>) -> Result<String, Failure> {
    only(Role::Supervisor, who)?;
    let (row, ..) = load(act, draw)?;
    act.enter(&Subject::sealed(row.lot), &NamesRead { draw, what: "record" })?;
    let vault = act.vault().clone();
    let record = record_text(act.db(), &vault, &row)?;
    Ok(record.ok_or(Refusal::NotDrawn).map_err(Refused::from)?)
}

/// The records of a lot that everybody may draw again: those of its draws that were carried out, once the award is decided.
/// They name nobody; candidates stand in them under salted ids (`docs/formats/draw.md`).
///
/// # Errors
/// The database fails.
pub fn public_draws(db: &mut Db, lot: &LotFacts) -> Result<Vec<(Id<Draw>, What)>, Fault> {
    if lot.reached(Milestone::Awarded).is_none() {
        return Ok(Vec::new());
    }
    let drawn = store::draws_of(db, lot.lot)?.into_iter().filter(|row| row.drawn_at.is_some());
    Ok(drawn.map(|row| (row.id, row.subject)).collect())
}

/// The record of a draw for everybody.
///
/// # Errors
/// Refused before the award is decided.
pub fn public_record(db: &mut Db, vault: &Vault, draw: Id<Draw>) -> Result<String, Failure> {
    let row = store::draw(db, draw)?.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let lot = project::store::known_lot(db, row.lot)?;
    if lot.reached(Milestone::Awarded).is_none() {
        return Err(Refused::from(Refusal::RecordBeforeAward).into());
    }
    Ok(record_text(db, vault, &row)?.ok_or(Refusal::NotDrawn).map_err(Refused::from)?)
}

/// The record of a draw in canonical form, for the evidence of a finished tender; `None` before the draw.
///
/// # Errors
/// The database fails.
pub fn record_text(db: &mut Db, vault: &Vault, row: &DrawRow) -> Result<Option<String>, Fault> {
    Ok(match row.subject {
        What::Experts => experts_record(db, vault, row)?.map(|record| jcs_text(&record)),
        What::Coefficient => coefficient_record(db, vault, row)?.map(|record| jcs_text(&record)),
    })
}

/// The list that was logged at set-up, with the reasons of removal; for the evidence and the supervisor.
///
/// # Errors
/// The database fails, or the draw draws no experts.
pub fn list_text(db: &mut Db, vault: &Vault, row: &DrawRow) -> Result<String, Fault> {
    let parts = store::sealed_parts(db, row.id)?;
    Ok(jcs_text(&experts_setup(vault, &parts.setup)?.list))
}

fn experts_record(db: &mut Db, vault: &Vault, row: &DrawRow) -> Result<Option<DrawRecord>, Fault> {
    let Some(value) = &row.public_value else { return Ok(None) };
    let parts = store::sealed_parts(db, row.id)?;
    let (doc, result) = document_and_result(vault, &parts)?;
    let parties = store::parties(db, row.id)?;
    let reveals = store::progress(row, &parties).reveals;
    Ok(Some(DrawRecord { doc, reveals, public_value: serde_json::from_value(value.clone().into())?, result }))
}

pub(super) fn coefficient_record(
    db: &mut Db,
    vault: &Vault,
    row: &DrawRow,
) -> Result<Option<CoefficientRecord>, Fault> {
    let Some(value) = &row.public_value else { return Ok(None) };
    let parts = store::sealed_parts(db, row.id)?;
    let document = DOCUMENT.take(vault, parts.document.as_deref().unwrap_or_default())?;
    let outcome = RESULT.take(vault, parts.result.as_deref().unwrap_or_default())?;
    let (Document::Coefficient(doc), Outcome::Coefficient(result)) = (document, outcome) else {
        return Err(Fault::new("document and result of a draw do not belong together"));
    };
    let parties = store::parties(db, row.id)?;
    let reveals = store::progress(row, &parties).reveals;
    let public_value = serde_json::from_value(value.clone().into())?;
    Ok(Some(CoefficientRecord { doc, reveals, public_value, result }))
}

/// Releases the names of a lot's committee for publication with the result.
///
/// # Errors
/// Refused before the award (《招标投标法》第三十七条).
pub fn release_names(act: &mut Act<'_>, lot: Id<Lot>) -> Result<Vec<PublishedExpert>, Failure> {
    let now = act.now();
    let facts = crate::project::store::known_lot(act.db(), lot)?;
    if !matches!(facts.phase(now), Phase::Awarded | Phase::Completed) {
        return Err(Refused::from(Refusal::NotAwarded).into());
    }
    let vault = act.vault().clone();
    let members = members(act.db(), &vault, lot)?;
    let mut published = Vec::new();
    for row in store::draws_of(act.db(), lot)? {
        if row.subject != What::Experts || row.drawn_at.is_none() {
            continue;
        }
        let parts = store::sealed_parts(act.db(), row.id)?;
        let salt = experts_setup(&vault, &parts.setup)?.salt();
        let own = members.iter().filter(|member| member.draw == row.id);
        let public: Vec<PublishedExpert> = own.map(|member| published_of(member, &salt)).collect();
        if row.released_at.is_none() {
            store::set_released(act.db(), row.id, now)?;
            let ids = public.iter().map(|member| member.id).collect();
            act.enter(&Subject::open(facts.tender), &NamesReleased { draw: row.id, members: ids })?;
        }
        published.extend(public);
    }
    Ok(published)
}

fn published_of(member: &Member, salt: &crate::expert_draw::eligibility::DrawSalt) -> PublishedExpert {
    let holder = &member.holder;
    PublishedExpert {
        name: holder.name.clone(),
        employer: holder.employer.clone(),
        registry_id: holder.registry_id.clone(),
        stratum: member.stratum.clone(),
        id: member.candidate,
        salt: Hex(salt.of_expert(&holder.registry_id)),
    }
}
