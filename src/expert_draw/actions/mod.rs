//! What people do here. Draws in this file; the pool and the seats in files of their own.

mod avoidance;
mod numbers;
mod pool;
mod seats;

pub use avoidance::{avoid_bidders, ties};
pub use numbers::{NumberDraw, number_draws};
pub use pool::{import_pool, link_account};
pub use seats::{
    Accept, Invitation, Member, PublishedExpert, answer, invitations, list_text, members, pass_on,
    public_draws, public_record, read_names, read_record, record_text, release_names,
};

use super::coefficient::{
    CoefficientDoc, CoefficientRecord, CoefficientTyp, check_values, draw_coefficient, numbers_to_draw,
};
use super::draw::{Draw, DrawDoc, DrawTyp, PartyCommit, check_fill, doc_hash, draw};
use super::eligibility::{Avoidance, Conditions, DrawSalt, list_hash, list_of};
use super::events::{Committed, DrawFailed, DrawSetUp, Drawn, Fixed, Revealed, ValueRead};
use super::hex_bytes::Hex;
use super::public_value::PublicSource;
use super::rules::{Progress, Refusal, Subject as What, may_fail, may_name_parties, may_schedule};
use super::sealed::{DOCUMENT, Document, ExpertsSetup, Outcome, POOL, People, RESULT, SETUP, Setup};
use super::store::{self, DrawRow};
use crate::account::role::Role;
use crate::account::who::Who;
use crate::ledger::{Act, Subject};
use crate::platform::canonical::jcs;
use crate::platform::database::Db;
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault, Refused};
use crate::platform::vault::Vault;
use crate::project::actions::reach;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use std::collections::BTreeSet;

/// What both kinds of draw are set up with.
#[derive(Clone, Debug)]
pub struct NewDraw {
    pub lot: Id<Lot>,
    /// Role codes of the parties that will be asked to commit.
    pub parties: Vec<String>,
    pub source: PublicSource,
    pub reveal_by: Moment,
    pub public_at: Moment,
}

/// What a draw of experts needs beyond that.
#[derive(Clone, Debug)]
pub struct NewExperts {
    pub conditions: Conditions,
    /// Names or credit codes of units to avoid, beside purchaser and agent, who are always avoided.
    pub avoid_units: Vec<String>,
    /// Registry numbers of experts who declared an interest in this tender.
    pub declared: BTreeSet<String>,
}

/// What the rules make of a pool before anything is kept: shown on the check-your-answers page.
pub struct Preview {
    /// Candidates of each stratum, in order.
    pub candidates: Vec<(String, u32, usize)>,
    /// How many were removed for each reason.
    pub removed: Vec<(super::eligibility::Removal, usize)>,
}

/// Sets up a draw of experts: applies conditions and avoidance to the newest pool, keeps the list sealed and logs
/// its hash.
///
/// # Errors
/// Refused when the step is not the caller's, there is no pool, times or conditions make no sense, or chance could
/// leave a seat empty.
pub fn set_up_experts(
    act: &mut Act<'_>,
    who: &Who,
    new: &NewDraw,
    experts: &NewExperts,
) -> Result<Id<Draw>, Failure> {
    let draw = Id::random();
    let (now, vault) = (act.now(), act.vault().clone());
    let lot = own_lot(act.db(), who, new.lot, now)?;
    check_new(act.db(), &vault, new, &Wanted::Experts, now)?;
    let setup = list_experts(act.db(), &vault, draw, &lot, experts)?;
    let hash = list_hash(&setup.list);
    keep_new(act, draw, &lot, new, What::Experts, hash, &Setup::Experts(Box::new(setup)))?;
    Ok(draw)
}

/// Sets up the draw of a number that the tender documents leave to a draw. The possible values are those of the
/// documents; nobody types them again.
///
/// # Errors
/// As [`set_up_experts`]; for a name that the documents do not leave to a draw; and if the public value would be known before
/// the bids are opened.
pub fn set_up_coefficient(
    act: &mut Act<'_>,
    who: &Who,
    new: &NewDraw,
    name: &str,
) -> Result<Id<Draw>, Failure> {
    let draw = Id::random();
    let (now, vault) = (act.now(), act.vault().clone());
    let lot = own_lot(act.db(), who, new.lot, now)?;
    let values = check_coefficient(act.db(), &vault, &lot, new, name, now)?;
    let hash = Hex(sha256(&[b"etrade/draw/values/v1\n", &jcs(&values)]));
    let setup = Setup::Coefficient { name: name.to_owned(), values };
    keep_new(act, draw, &lot, new, What::Coefficient, hash, &setup)?;
    Ok(draw)
}

/// Checks everything about a number that is to be drawn; returns its possible values.
///
/// # Errors
/// As [`set_up_coefficient`].
pub fn check_coefficient(
    db: &mut Db,
    vault: &Vault,
    lot: &LotFacts,
    new: &NewDraw,
    name: &str,
    now: Moment,
) -> Result<Vec<String>, Failure> {
    check_new(db, vault, new, &Wanted::Number(name), now)?;
    // nobody who still may bid can know it
    let opens_at = lot.plan()?.bids_until;
    if new.public_at < opens_at {
        return Err(Refused::from(Refusal::NumberBeforeOpening).with("at", opens_at.beijing()).into());
    }
    let numbers = numbers_to_draw(&lot.terms.evaluation);
    let named = numbers.into_iter().find(|(own, _)| own == name);
    let (_, values) = named.ok_or(Refusal::NoSuchNumber).map_err(Refused::from)?;
    check_values(&values).map_err(Refusal::from).map_err(Refused::from)?;
    Ok(values)
}

/// Names of the numbers of a lot that still have to be drawn, with their possible values.
///
/// # Errors
/// The database fails.
pub fn numbers_left(db: &mut Db, vault: &Vault, lot: &LotFacts) -> Result<Vec<(String, Vec<String>)>, Fault> {
    let drawn = drawn_coefficients(db, vault, lot.lot)?;
    let mut numbers = numbers_to_draw(&lot.terms.evaluation);
    numbers.retain(|(name, _)| drawn.iter().all(|record| record.doc.name != *name));
    Ok(numbers)
}

/// What [`set_up_experts`] would come to, without keeping anything. Names nobody.
///
/// # Errors
/// As [`set_up_experts`].
pub fn preview(
    db: &mut Db,
    vault: &Vault,
    who: &Who,
    new: &NewDraw,
    experts: &NewExperts,
    now: Moment,
) -> Result<Preview, Failure> {
    let lot = own_lot(db, who, new.lot, now)?;
    check_new(db, vault, new, &Wanted::Experts, now)?;
    let list = list_experts(db, vault, Id::random(), &lot, experts)?.list;
    let in_stratum =
        |name: &str| list.candidates.iter().filter(|candidate| candidate.stratum == name).count();
    let strata = experts.conditions.strata.iter();
    let candidates = strata.map(|rule| (rule.name.clone(), rule.seats, in_stratum(&rule.name))).collect();
    let with = |reason| list.removed.iter().filter(|removed| removed.reason == reason).count();
    let removed = super::eligibility::Removal::ALL.into_iter().map(|reason| (reason, with(reason))).collect();
    Ok(Preview { candidates, removed })
}

/// Checks parties and times, and that no other draw of the lot stands in the way: one that is under way, or one
/// that came to a result and has no empty seat. A draw is never repeated.
fn check_new(
    db: &mut Db,
    vault: &Vault,
    new: &NewDraw,
    wanted: &Wanted<'_>,
    now: Moment,
) -> Result<(), Failure> {
    may_name_parties(&new.parties).map_err(Refused::from)?;
    may_schedule(&new.source, new.reveal_by, new.public_at, now).map_err(Refused::from)?;
    for row in store::draws_of(db, new.lot)? {
        let not_fixed_in_time = row.fixed_at.is_none() && row.reveal_by <= now;
        if row.failed_at.is_some() || not_fixed_in_time || !wanted.is_of(db, vault, &row)? {
            continue;
        }
        if row.drawn_at.is_none() {
            return Err(Refused::from(Refusal::AnotherDraw).into());
        }
        if row.subject == What::Coefficient || !seats::has_empty_seat(db, vault, row.id)? {
            return Err(Refused::from(Refusal::DrawnAlready).into());
        }
    }
    Ok(())
}

/// What a new draw is for.
enum Wanted<'a> {
    Experts,
    /// The number of this name.
    Number(&'a str),
}

impl Wanted<'_> {
    /// Whether `row` draws the same.
    fn is_of(&self, db: &mut Db, vault: &Vault, row: &DrawRow) -> Result<bool, Fault> {
        match (self, row.subject) {
            (Self::Experts, What::Experts) => Ok(true),
            (Self::Number(wanted), What::Coefficient) => {
                let setup = SETUP.take(vault, &store::sealed_parts(db, row.id)?.setup)?;
                Ok(matches!(setup, Setup::Coefficient { name, .. } if name == *wanted))
            }
            _ => Ok(false),
        }
    }
}

/// The lot, if `who` may set up a draw for it now.
fn own_lot(db: &mut Db, who: &Who, lot: Id<Lot>, now: Moment) -> Result<LotFacts, Failure> {
    let facts = crate::project::store::known_lot(db, lot)?;
    may_as_party(&facts, Step::FixDraw, who, now)?;
    Ok(facts)
}

/// Whether `who` may take `step`: agent and entity on their own tenders only, supervisor and centre on all.
fn may_as_party(facts: &LotFacts, step: Step, who: &Who, now: Moment) -> Result<(), Refused> {
    let foreign = matches!(who.role, Role::Agent | Role::Entity) && !facts.is_own(who);
    if foreign {
        return Err(Refusal::NotAParty.into());
    }
    facts.may(step, who.role, now)?;
    Ok(())
}

fn list_experts(
    db: &mut Db,
    vault: &Vault,
    draw: Id<Draw>,
    lot: &LotFacts,
    new: &NewExperts,
) -> Result<ExpertsSetup, Failure> {
    let pool = store::pools::newest_pool(db)?.ok_or(Refusal::NoPool).map_err(Refused::from)?;
    let body = store::pools::pool_body(db, pool.id)?;
    let people: People = POOL.take(vault, &body)?;
    let salt = DrawSalt::new(random::bytes());
    let mut units = new.avoid_units.clone();
    for own in [lot.agent_organisation, lot.entity_organisation] {
        if let Some(organisation) = crate::party::store::get(db, own)? {
            units.extend([organisation.name, organisation.credit_code]);
        }
    }
    units.extend(avoidance::bidder_units(db, vault, lot)?.unwrap_or_default());
    let least = &lot.book()?.committee.avoidance_years;
    if new.conditions.worked_years < least.value {
        let refused = Refused::from(Refusal::YearsTooFew(least.value)).with("least", least.value);
        return Err(refused.article(&least.article).field("worked_years").into());
    }
    let avoidance = Avoidance { units, declared: new.declared.clone() };
    let made = list_of(draw, &people, &new.conditions, &avoidance, &salt).map_err(Refusal::from);
    let list = made.map_err(Refused::from)?;
    let fill = check_fill(&list.candidates, &new.conditions.seats(), new.conditions.cap);
    fill.map_err(Refusal::from).map_err(Refused::from)?;
    Ok(ExpertsSetup::new(pool.id, &salt, avoidance.units, avoidance.declared, list))
}

fn keep_new(
    act: &mut Act<'_>,
    draw: Id<Draw>,
    lot: &LotFacts,
    new: &NewDraw,
    subject: What,
    list: Hex<32>,
    setup: &Setup,
) -> Result<(), Failure> {
    let row = DrawRow {
        id: draw,
        lot: new.lot,
        tender_number: lot.number.to_string(),
        lot_number: i32::from(lot.lot_number.get()),
        subject,
        source: new.source.clone(),
        reveal_by: new.reveal_by,
        public_at: new.public_at,
        set_up_at: act.now(),
        list_hash: list.to_string(),
        fixed_at: None,
        doc_hash: None,
        drawn_at: None,
        public_value: None,
        failed_at: None,
        cause: None,
        released_at: None,
    };
    let sealed = SETUP.put(act.vault(), setup);
    store::insert_draw(act.db(), &row, &sealed, &new.parties)?;
    let event = DrawSetUp {
        draw,
        subject: subject.code(),
        list,
        parties: new.parties.clone(),
        public: new.source.clone(),
        reveal_by: new.reveal_by,
        public_at: new.public_at,
    };
    act.enter(&Subject::open(lot.tender), &event)?;
    tell(act, draw, new.lot);
    Ok(())
}

/// A party commits to its secret.
///
/// # Errors
/// Refused for strangers, a second time, a copied value, or after the document was fixed.
pub fn commit(act: &mut Act<'_>, who: &Who, draw: Id<Draw>, commit: Hex<32>) -> Result<(), Failure> {
    let (_, progress, facts) = load(act, draw)?;
    may_as_party(&facts, Step::CommitToDraw, who, act.now())?;
    let party = who.role.code().to_owned();
    let now = act.now();
    progress.may_commit(&party, commit, now).map_err(Refused::from)?;
    store::set_commit(act.db(), draw, &party, commit, now)?;
    act.enter(&Subject::open(facts.tender), &Committed { draw, party, commit })?;
    tell(act, draw, facts.lot);
    Ok(())
}

/// Fixes the document: from here on nothing but the seed is open. Returns its hash.
///
/// # Errors
/// Refused before three parties have committed, after T1, or a second time.
pub fn fix(act: &mut Act<'_>, who: &Who, draw: Id<Draw>) -> Result<Hex<32>, Failure> {
    let (row, progress, facts) = load(act, draw)?;
    may_as_party(&facts, Step::FixDraw, who, act.now())?;
    let now = act.now();
    progress.may_fix(now).map_err(Refused::from)?;
    let sealed = store::sealed_parts(act.db(), draw)?;
    let document = document_of(&row, &progress, SETUP.take(act.vault(), &sealed.setup)?);
    let hash = match &document {
        Document::Experts(doc) => doc.check().map(|()| doc_hash(doc.as_ref())),
        Document::Coefficient(doc) => doc.check().map(|()| doc_hash(doc)),
    };
    let hash = hash.map_err(Refusal::from).map_err(Refused::from)?;
    let sealed = DOCUMENT.put(act.vault(), &document);
    store::set_fixed(act.db(), draw, hash, &sealed, now)?;
    act.enter(&Subject::open(facts.tender), &Fixed { draw, document: hash })?;
    tell(act, draw, facts.lot);
    Ok(hash)
}

fn document_of(row: &DrawRow, progress: &Progress, setup: Setup) -> Document {
    let commits = progress.commits.iter().filter_map(|(id, commit)| Some((id.clone(), (*commit)?)));
    let parties: Vec<PartyCommit> = commits.map(|(id, commit)| PartyCommit { id, commit }).collect();
    let (tender, lot) = (row.tender_number.clone(), row.lot_number.to_string());
    match setup {
        Setup::Experts(setup) => Document::Experts(Box::new(DrawDoc {
            typ: DrawTyp::V1,
            id: row.id,
            tender,
            lot,
            parties,
            strata: setup.list.conditions.seats(),
            cap: setup.list.conditions.cap,
            list: list_hash(&setup.list),
            candidates: setup.list.candidates,
            public: row.source.clone(),
            reveal_by: row.reveal_by,
            public_at: row.public_at,
        })),
        Setup::Coefficient { name, values } => Document::Coefficient(CoefficientDoc {
            typ: CoefficientTyp::V1,
            id: row.id,
            tender,
            lot,
            name,
            values,
            parties,
            public: row.source.clone(),
            reveal_by: row.reveal_by,
            public_at: row.public_at,
        }),
    }
}

/// A party reveals its secret.
///
/// # Errors
/// Refused before the document is fixed, at T1 or later, or if it is not what the party committed to.
pub fn reveal(act: &mut Act<'_>, who: &Who, draw: Id<Draw>, secret: Hex<32>) -> Result<(), Failure> {
    let (_, progress, facts) = load(act, draw)?;
    may_as_party(&facts, Step::RevealForDraw, who, act.now())?;
    let party = who.role.code().to_owned();
    let now = act.now();
    progress.may_reveal(&party, &secret, now).map_err(Refused::from)?;
    store::set_secret(act.db(), draw, &party, secret, now)?;
    act.enter(&Subject::open(facts.tender), &Revealed { draw, party, secret })?;
    tell(act, draw, facts.lot);
    Ok(())
}

/// A party says what was published as the public value. The newest entry of each party counts.
///
/// # Errors
/// Refused before T2, after the draw, and for text that is no value of the source.
pub fn read_value(act: &mut Act<'_>, who: &Who, draw: Id<Draw>, typed: &str) -> Result<(), Failure> {
    let (row, progress, facts) = load(act, draw)?;
    may_as_party(&facts, Step::RevealForDraw, who, act.now())?;
    let party = who.role.code().to_owned();
    let now = act.now();
    let value = progress.may_enter(&party, &row.source, typed, now).map_err(Refused::from)?;
    store::set_entry(act.db(), draw, &party, &value, now)?;
    act.enter(&Subject::open(facts.tender), &ValueRead { draw, party, value })?;
    tell(act, draw, facts.lot);
    Ok(())
}

/// Draws. For experts the seats are called in the same act, and the lot reaches its milestone.
///
/// # Errors
/// Refused before two parties read the same value, without any reveal, or a second time.
pub fn carry_out(act: &mut Act<'_>, who: &Who, draw_id: Id<Draw>) -> Result<(), Failure> {
    let (row, progress, facts) = load(act, draw_id)?;
    may_as_party(&facts, Step::DrawExperts, who, act.now())?;
    let now = act.now();
    let value = progress.may_draw(now).map_err(Refused::from)?;
    let sealed = store::sealed_parts(act.db(), draw_id)?;
    let document = DOCUMENT.take(act.vault(), sealed.document.as_deref().unwrap_or_default())?;
    let outcome = match &document {
        Document::Experts(doc) => draw(doc, &progress.reveals, &value).map(Outcome::Experts),
        Document::Coefficient(doc) => {
            draw_coefficient(doc, &progress.reveals, &value).map(Outcome::Coefficient)
        }
    };
    let outcome = outcome.map_err(Refusal::from).map_err(Refused::from)?;
    let kept = RESULT.put(act.vault(), &outcome);
    store::set_drawn(act.db(), draw_id, &value, &kept, now)?;
    let result = Hex(sha256(&[b"etrade/draw/result/v1\n", &jcs(&outcome)]));
    act.enter(&Subject::open(facts.tender), &Drawn { draw: draw_id, value, result })?;
    if let (Document::Experts(doc), Outcome::Experts(result)) = (&document, &outcome) {
        seats::call_first(act, doc, result, &sealed.setup)?;
        avoid_bidders(act, row.lot)?;
        if facts.reached(Milestone::ExpertsDrawn).is_none() {
            reach(act, row.lot, Milestone::ExpertsDrawn)?;
        }
    }
    tell(act, draw_id, row.lot);
    Ok(())
}

/// Gives a draw up for a cause that is logged; a new one may be set up then.
///
/// # Errors
/// Refused for a draw that came to a result, and without a written cause.
pub fn give_up(act: &mut Act<'_>, who: &Who, draw: Id<Draw>, cause: &str) -> Result<(), Failure> {
    let (_, progress, facts) = load(act, draw)?;
    may_as_party(&facts, Step::FixDraw, who, act.now())?;
    let now = act.now();
    may_fail(&progress, cause).map_err(Refused::from)?;
    store::set_failed(act.db(), draw, cause.trim(), now)?;
    act.enter(&Subject::open(facts.tender), &DrawFailed { draw, cause: cause.trim().to_owned() })?;
    tell(act, draw, facts.lot);
    Ok(())
}

/// The numbers that were drawn for a lot, each with its record.
///
/// # Errors
/// The database fails.
pub fn drawn_coefficients(db: &mut Db, vault: &Vault, lot: Id<Lot>) -> Result<Vec<CoefficientRecord>, Fault> {
    let mut records = Vec::new();
    for row in store::draws_of(db, lot)? {
        if row.subject == What::Coefficient && row.drawn_at.is_some() {
            records.extend(seats::coefficient_record(db, vault, &row)?);
        }
    }
    Ok(records)
}

/// The number that a draw came to, if it has.
///
/// # Errors
/// The database fails, or the draw draws no number.
pub fn value_of(db: &mut Db, vault: &Vault, row: &DrawRow) -> Result<Option<String>, Fault> {
    Ok(seats::coefficient_record(db, vault, row)?.map(|record| record.result.value))
}

/// The topic under which open pages hear of a draw.
pub fn topic(draw: Id<Draw>) -> String {
    format!("expert_draw/{draw}")
}

/// The topic under which pages of the lot hear of its draws.
pub fn lot_topic(lot: Id<Lot>) -> String {
    format!("expert_draw/lot/{lot}")
}

/// Wakes the open pages of a draw and of its lot.
fn tell(act: &mut Act<'_>, draw: Id<Draw>, lot: Id<Lot>) {
    act.tell(topic(draw));
    act.tell(lot_topic(lot));
}

/// A draw, where it stands, and where its lot stands.
fn load(act: &mut Act<'_>, draw: Id<Draw>) -> Result<(DrawRow, Progress, LotFacts), Failure> {
    let row = store::draw(act.db(), draw)?.ok_or_else(|| Refused::new(404, "platform.refusal.not_found"))?;
    let parties = store::parties(act.db(), draw)?;
    let progress = store::progress(&row, &parties);
    let facts = crate::project::store::known_lot(act.db(), row.lot)?;
    Ok((row, progress, facts))
}
