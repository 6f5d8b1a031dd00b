//! What is done to a tender: set up while it is a draft; then only what other rooms tell the spine, and the hold and
//! cancellation that the law knows.

use serde::Serialize;

use super::flow::Step;
use super::phase::{Milestone, Phase};
use super::place::{Category, Region};
use super::rulebook::{Rulebook, RulebookId};
use super::rules::{Lot, LotNumber, Refusal, Tender, TenderNumber};
use super::schedule::{Schedule, check_schedule};
use super::search;
use super::standing::{Custody, LotFacts, TenderFacts};
use super::store::{self, TenderRecord};
use super::terms::Terms;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::ledger::{Act, EntryId, Event, Subject};
use crate::party::rules::{CreditCode, Organisation};
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Fault, Refused};
use chrono::Datelike;

#[derive(Serialize)]
struct TenderSet<'a> {
    tender: Id<Tender>,
    number: &'a TenderNumber,
    name: &'a str,
    category: Category,
    region: &'a str,
    rulebook: &'a RulebookId,
    /// SHA-256 of the rulebook's file, base64url.
    rulebook_digest: String,
    entity: Id<Organisation>,
}

impl Event for TenderSet<'_> {
    const KIND: &'static str = "project.tender_set";
    const NUMBER: u8 = 20;
}

#[derive(Serialize)]
struct LotSet<'a> {
    tender: Id<Tender>,
    lot: u8,
    name: &'a str,
    /// SHA-256 of the terms document, base64url; absent when the lot was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
}

impl Event for LotSet<'_> {
    const KIND: &'static str = "project.lot_set";
    const NUMBER: u8 = 21;
}

#[derive(Serialize)]
struct ScheduleSet<'a> {
    tender: Id<Tender>,
    schedule: &'a Schedule,
}

impl Event for ScheduleSet<'_> {
    const KIND: &'static str = "project.schedule_set";
    const NUMBER: u8 = 22;
}

#[derive(Serialize)]
struct CustodySet<'a> {
    tender: Id<Tender>,
    custody: &'a Custody,
}

impl Event for CustodySet<'_> {
    const KIND: &'static str = "project.custody_set";
    const NUMBER: u8 = 23;
}

/// A lot reached a milestone.
#[derive(Serialize)]
struct MilestoneReached {
    lot: Id<Lot>,
    milestone: Milestone,
}

impl Event for MilestoneReached {
    const KIND: &'static str = "project.milestone_reached";
    const NUMBER: u8 = 25;
}

/// A hold, its end, or the end of a lot, with the reason that everybody can read.
#[derive(Serialize)]
struct Turned<'a> {
    lot: Id<Lot>,
    milestone: Milestone,
    reason: &'a str,
}

/// Somebody took the evidence of a lot away.
#[derive(Serialize)]
struct EvidenceTaken {
    lot: Id<Lot>,
    /// Whether the sealed bids are in it.
    bids: bool,
}

impl Event for EvidenceTaken {
    const KIND: &'static str = "project.evidence_taken";
    const NUMBER: u8 = 26;
}

impl Event for Turned<'_> {
    const KIND: &'static str = "project.turned";
    const NUMBER: u8 = 24;
}

/// A tender as an agent describes it, read from a form.
#[derive(Clone, Debug)]
pub struct TenderPlan {
    /// The public number; `None` for the next running one.
    pub number: Option<TenderNumber>,
    pub name: String,
    pub category: Category,
    pub region: String,
    pub rulebook: RulebookId,
    /// The procuring entity's credit code; it must be registered.
    pub entity_code: String,
}

/// Longest name of a tender or lot, in characters.
pub const NAME_CHARACTERS_MAX: usize = 100;

fn check_name(text: &str) -> Result<&str, Refused> {
    let name = text.trim();
    let plain =
        !name.is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX && !name.contains(char::is_control);
    if plain { Ok(name) } else { Err(Refused::new(422, "project.refusal.name").field("name")) }
}

fn record<'a>(act: &mut Act<'_>, plan: &'a TenderPlan) -> Result<TenderRecord<'a>, Failure> {
    let name = check_name(&plan.name)?;
    if Region::find(&plan.region).is_none() {
        return Err(Refused::new(422, "project.refusal.field_bad").field("region").into());
    }
    let today = act.now().beijing_date();
    let book = Rulebook::find(&plan.rulebook)
        .filter(|book| book.in_force(today) && book.family == plan.category.family())
        .ok_or_else(|| Refused::new(422, "project.refusal.rulebook_unknown").field("rulebook"))?;
    let code = CreditCode::parse(&plan.entity_code).map_err(|e| Refused::from(e).field("entity_code"))?;
    let entity = crate::party::store::by_code(act.db(), &code)?
        .ok_or_else(|| Refused::new(422, "project.refusal.entity_unknown").field("entity_code"))?;
    Ok(TenderRecord { name, category: plan.category, region: &plan.region, book, entity: entity.id()? })
}

fn enter_tender(
    act: &mut Act<'_>,
    tender: Id<Tender>,
    number: &TenderNumber,
    record: &TenderRecord<'_>,
) -> Result<(), Failure> {
    let event = TenderSet {
        tender,
        number,
        name: record.name,
        category: record.category,
        region: record.region,
        rulebook: &record.book.id,
        rulebook_digest: b64u(&record.book.digest()),
        entity: record.entity,
    };
    act.enter(&Subject::open(tender), &event)?;
    Ok(())
}

/// Sets up a tender as a draft of the agent's organisation.
///
/// # Errors
/// Refused for a taken number, an unknown entity, a rulebook of the other law, a bad name.
pub fn create(act: &mut Act<'_>, who: &Who, plan: &TenderPlan) -> Result<TenderFacts, Failure> {
    super::flow::may(Step::EditTender, who.role, Phase::Draft, super::phase::Hold::default())
        .map_err(Refused::from)?;
    let record = record(act, plan)?;
    let now = act.now();
    let number = match &plan.number {
        Some(number) => number.clone(),
        None => store::next_number(act.db(), now.beijing_date().year())?,
    };
    if store::tender_by_number(act.db(), &number)?.is_some() {
        let taken = Refused::new(409, "project.refusal.number_taken").with("number", &number).field("number");
        return Err(taken.into());
    }
    let tender = Id::random();
    let by = who.person.to_string();
    store::insert_tender(act.db(), tender, &number, who.organisation, &record, &by, now)?;
    enter_tender(act, tender, &number, &record)?;
    reread(act, tender)
}

fn reread(act: &mut Act<'_>, tender: Id<Tender>) -> Result<TenderFacts, Failure> {
    Ok(store::tender(act.db(), tender)?.ok_or_else(|| Refused::new(404, "project.refusal.not_found"))?)
}

/// A draft of the person's own organisation, for a step on drafts.
fn own_draft(act: &mut Act<'_>, who: &Who, tender: Id<Tender>) -> Result<TenderFacts, Failure> {
    let facts = reread(act, tender)?;
    facts.check_own(who)?;
    let phase = if facts.announced_at.is_some() { Phase::Announced } else { Phase::Draft };
    super::flow::may(Step::EditTender, who.role, phase, super::phase::Hold::default())
        .map_err(Refused::from)?;
    Ok(facts)
}

/// Changes a draft. The number stays.
///
/// # Errors
/// As [`create`]; also once it is announced, and for a category of the other law while lots exist.
pub fn edit(act: &mut Act<'_>, who: &Who, tender: Id<Tender>, plan: &TenderPlan) -> Result<(), Failure> {
    let facts = own_draft(act, who, tender)?;
    let record = record(act, plan)?;
    for lot in store::lots_of(act.db(), tender)? {
        if let Err(refusals) = lot.terms.check(record.book) {
            return Err(first(refusals));
        }
    }
    store::update_tender(act.db(), tender, &record)?;
    enter_tender(act, tender, &facts.number, &record)
}

fn first(refusals: Vec<Refused>) -> Failure {
    refusals.into_iter().next().unwrap_or_else(|| Refused::new(422, "project.refusal.field_bad")).into()
}

/// Adds a lot to a draft or replaces it; `number` is `None` for a new one.
///
/// # Errors
/// Refused if the rulebook does not allow the terms, and once the tender is announced.
pub fn put_lot(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    number: Option<LotNumber>,
    name: &str,
    terms: &Terms,
) -> Result<LotNumber, Failure> {
    let facts = own_draft(act, who, tender)?;
    let name = check_name(name)?;
    terms.check(facts.book()?).map_err(first)?;
    let lots = store::lots_of(act.db(), tender)?;
    let number = match number {
        Some(number) => number,
        None => {
            let last = lots.last().map_or(0, |lot| lot.lot_number.get());
            let next = last.checked_add(1).and_then(LotNumber::new);
            next.ok_or_else(|| Refused::new(422, "project.refusal.too_many_lots"))?
        }
    };
    store::put_lot(act.db(), tender, number, (facts.category, &facts.region), name, terms)?;
    if let Some(schedule) = store::schedule(act.db(), tender)? {
        let now = act.now();
        store::put_schedule(act.db(), tender, 0, &schedule, now)?;
    }
    let digest = b64u(&sha256(&[&jcs(terms)]));
    act.enter(&Subject::open(tender), &LotSet { tender, lot: number.get(), name, terms: Some(digest) })?;
    Ok(number)
}

/// Takes a lot out of a draft.
///
/// # Errors
/// Refused once the tender is announced.
pub fn remove_lot(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    number: LotNumber,
) -> Result<(), Failure> {
    own_draft(act, who, tender)?;
    let lot = store::lots_of(act.db(), tender)?.into_iter().find(|lot| lot.lot_number == number);
    let lot: LotFacts = lot.ok_or_else(|| Refused::new(404, "project.refusal.not_found"))?;
    store::remove_lot(act.db(), lot.lot)?;
    act.enter(&Subject::open(tender), &LotSet { tender, lot: number.get(), name: &lot.title, terms: None })?;
    Ok(())
}

/// Plans the dates of a draft.
///
/// # Errors
/// Refused with every period that is too short (the first one as the refusal; pages list all by
/// [`check_schedule`]).
pub fn set_schedule(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    schedule: &Schedule,
) -> Result<(), Failure> {
    let facts = own_draft(act, who, tender)?;
    check_schedule(facts.book()?, Calendar::official(), schedule).map_err(first_of)?;
    let now = act.now();
    store::put_schedule(act.db(), tender, 0, schedule, now)?;
    act.enter(&Subject::open(tender), &ScheduleSet { tender, schedule })?;
    Ok(())
}

/// The first of several refusals, for callers that can show only one.
pub fn first_of(refusals: Vec<Refusal>) -> Failure {
    first(refusals.into_iter().map(Refused::from).collect())
}

/// Names the trustees of a draft and how many of them open the bids.
///
/// # Errors
/// Refused unless they are at least three different people whose roles may hold a share.
pub fn set_custody(
    act: &mut Act<'_>,
    who: &Who,
    tender: Id<Tender>,
    custody: &Custody,
) -> Result<(), Failure> {
    own_draft(act, who, tender)?;
    custody.check()?;
    let people: Vec<_> = custody.trustees.iter().map(|trustee| trustee.person).collect();
    let known = crate::account::store::people(act.db(), &people)?;
    for trustee in &custody.trustees {
        let fits = known.iter().any(|person| person.person == trustee.person && person.role == trustee.role);
        if !fits {
            let unknown =
                Refused::new(422, "project.refusal.trustee_unknown").with("name", trustee.role.code());
            return Err(unknown.field("trustees").into());
        }
    }
    store::set_custody(act.db(), tender, custody)?;
    act.enter(&Subject::open(tender), &CustodySet { tender, custody })?;
    Ok(())
}

/// Makes a draft public: schedule version 1, milestone, search words. `announcement` calls this in the act that
/// publishes the notice and has checked the schedule against the moment.
///
/// # Errors
/// Refused if something is missing.
pub fn announce(act: &mut Act<'_>, who: &Who, tender: Id<Tender>) -> Result<(), Failure> {
    let facts = own_draft(act, who, tender)?;
    let missing = |what: &'static str| Failure::from(Refused::new(409, what));
    let schedule =
        store::schedule(act.db(), tender)?.ok_or_else(|| missing("project.refusal.schedule_missing"))?;
    if facts.custody.is_none() {
        return Err(missing("project.refusal.custody_missing"));
    }
    let lots = store::lots_of(act.db(), tender)?;
    if lots.is_empty() {
        return Err(missing("project.refusal.lots_missing"));
    }
    let now = act.now();
    store::put_schedule(act.db(), tender, 1, &schedule, now)?;
    store::mark_announced(act.db(), tender, now)?;
    for lot in lots {
        reach(act, lot.lot, Milestone::Announced)?;
        let texts =
            [facts.title.as_str(), lot.title.as_str(), facts.number.as_str(), facts.entity_name.as_str()];
        store::insert_words(act.db(), lot.lot, &search::grams_of(&texts), now)?;
    }
    Ok(())
}

/// Replaces the schedule of an announced tender by a new version. `announcement` calls this in the act that
/// publishes the amendment and has checked it.
///
/// # Errors
/// Faults only.
pub fn amend(act: &mut Act<'_>, tender: Id<Tender>, schedule: &Schedule) -> Result<(), Failure> {
    reschedule(act, tender, schedule, Milestone::Amended)
}

/// Puts the bid deadline of an announced tender off to `until`, because the platform was away. `outage` calls this by its
/// rule.
///
/// # Errors
/// Faults only.
pub fn extend(act: &mut Act<'_>, tender: Id<Tender>, until: Moment) -> Result<(), Failure> {
    let schedule = store::schedule(act.db(), tender)?.ok_or_else(|| Fault::new("a tender without dates"))?;
    let bids_until = until.max(schedule.bids_until);
    reschedule(act, tender, &Schedule { bids_until, ..schedule }, Milestone::Extended)
}

/// Name of the gate that acts before a lot's deadline share, those that move it among them, and the closing act excludes.
pub fn gate(lot: Id<Lot>) -> String {
    format!("lot/{lot}")
}

fn reschedule(
    act: &mut Act<'_>,
    tender: Id<Tender>,
    schedule: &Schedule,
    why: Milestone,
) -> Result<(), Failure> {
    let now = act.now();
    let last = store::schedules(act.db(), tender)?.last().map_or(0, |(version, ..)| *version);
    store::put_schedule(act.db(), tender, last + 1, schedule, now)?;
    act.enter(&Subject::open(tender), &ScheduleSet { tender, schedule })?;
    for lot in store::lots_of(act.db(), tender)? {
        reach(act, lot.lot, why)?;
    }
    Ok(())
}

/// Records that a lot has reached `milestone`, with a ledger entry of its own. Rooms call this in the act that
/// reaches it, after [`LotFacts::may`].
///
/// # Errors
/// Refused if the lot has reached it before and it does not repeat.
pub fn reach(act: &mut Act<'_>, lot: Id<Lot>, milestone: Milestone) -> Result<EntryId, Failure> {
    let now = act.now();
    let facts = store::known_lot(act.db(), lot)?;
    if !milestone.repeats() && facts.reached(milestone).is_some() {
        return Err(Refused::new(409, "project.refusal.reached_before").into());
    }
    let entry = act.enter(&Subject::open(facts.tender), &MilestoneReached { lot, milestone })?;
    store::insert_milestone(act.db(), lot, milestone, now, entry)?;
    act.tell(topic(facts.tender));
    Ok(entry)
}

/// The live topic of everything public about a tender.
pub fn topic(tender: Id<Tender>) -> String {
    format!("tender/{tender}")
}

/// Longest reason that may be given, in characters.
pub const REASON_CHARACTERS_MAX: usize = 500;

fn check_reason(reason: &str) -> Result<&str, Refused> {
    let reason = reason.trim();
    let given = (2..=REASON_CHARACTERS_MAX).contains(&reason.chars().count());
    if given { Ok(reason) } else { Err(Refused::new(422, "project.refusal.reason").field("reason")) }
}

fn turn(act: &mut Act<'_>, facts: &LotFacts, milestone: Milestone, reason: &str) -> Result<(), Failure> {
    let lot = facts.lot;
    let reason = check_reason(reason)?;
    let now = act.now();
    let entry = act.enter(&Subject::open(facts.tender), &Turned { lot, milestone, reason })?;
    store::insert_milestone(act.db(), lot, milestone, now, entry)?;
    store::insert_reason(act.db(), entry, reason)?;
    act.tell(topic(facts.tender));
    Ok(())
}

/// A supervisor freezes a lot; `supervision` shows the page.
///
/// # Errors
/// Refused in the wrong phase, when it is frozen already, or without a reason.
pub fn freeze(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, reason: &str) -> Result<(), Failure> {
    let facts = store::known_lot(act.db(), lot)?;
    facts.may(Step::Freeze, who.role, act.now())?;
    if facts.hold().frozen {
        return Err(Refused::new(409, "project.refusal.frozen_already").into());
    }
    turn(act, &facts, Milestone::Frozen, reason)
}

/// A supervisor lifts a freeze.
///
/// # Errors
/// Refused when the lot is not frozen, or when its bid deadline went by meanwhile: then an amendment comes first.
pub fn unfreeze(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, reason: &str) -> Result<(), Failure> {
    let facts = store::known_lot(act.db(), lot)?;
    facts.may(Step::Unfreeze, who.role, act.now())?;
    if !facts.hold().frozen {
        return Err(Refused::new(409, "project.refusal.not_frozen").into());
    }
    facts.check_lift(act.now())?;
    turn(act, &facts, Milestone::Unfrozen, reason)
}

/// The entity calls a lot off (终止招标).
///
/// # Errors
/// Refused for other people, in a final phase, or without a reason.
pub fn cancel(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, reason: &str) -> Result<(), Failure> {
    let facts = store::known_lot(act.db(), lot)?;
    facts.may_own(Step::CancelTender, who, act.now())?;
    turn(act, &facts, Milestone::Cancelled, reason)
}

/// Agent or entity declare a lot unsuccessful (流标、废标) after its bids were opened.
///
/// # Errors
/// Refused for other people, in the wrong phase, or without a reason.
pub fn declare_unsuccessful(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, reason: &str) -> Result<(), Failure> {
    let facts = store::known_lot(act.db(), lot)?;
    facts.may_own(Step::DeclareUnsuccessful, who, act.now())?;
    turn(act, &facts, Milestone::Unsuccessful, reason)
}

/// Roles that may be trustees, in the order of the form.
pub const TRUSTEE_ROLES: [Role; 4] = [Role::Agent, Role::Entity, Role::Supervisor, Role::Centre];

/// A supervisor takes the evidence of a lot away; `open_data` shows the page and writes the bundle. On record, but not
/// shown to whoever may hold a bundle.
///
/// # Errors
/// Refused for everybody else.
pub fn take_evidence(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, bids: bool) -> Result<(), Failure> {
    if who.role != Role::Supervisor {
        return Err(Refused::new(403, "account.refusal.role").into());
    }
    store::known_lot(act.db(), lot)?;
    act.enter(&Subject::sealed(lot), &EvidenceTaken { lot, bids })?;
    Ok(())
}
