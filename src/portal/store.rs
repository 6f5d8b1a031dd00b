//! The lists: lots by word, phase, category and region, newest first or by deadline, read from a key onwards.

use diesel::prelude::*;
use serde::Deserialize;
use std::collections::HashMap;

use crate::party::store::party_organisation;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::money::Fen;
use crate::platform::refusal::Fault;
use crate::project::phase::{Milestone, Phase, phase_of};
use crate::project::search::grams_for;
use crate::project::store::{project_lot, project_milestone, project_tender, project_word};

/// In which order a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sort {
    /// Newest notice first.
    #[default]
    Newest,
    /// Nearest bid deadline first, passed ones left out.
    Deadline,
}

/// What a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub word: String,
    pub phase: Option<Phase>,
    pub category: Option<String>,
    pub region: Option<String>,
    pub sort: Sort,
    /// The last line of the page before: its sort key and lot id.
    pub after: Option<(i64, String)>,
}

/// One lot in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub lot: String,
    pub number: String,
    pub title: String,
    pub lot_number: i32,
    pub lot_title: String,
    pub category: String,
    pub region: String,
    pub entity: String,
    pub ceiling: Fen,
    pub announced_at: Moment,
    pub bids_until: Moment,
    pub phase: Phase,
    pub held: bool,
}

impl Row {
    /// Where the next page begins, in this order.
    pub fn key(&self, sort: Sort) -> (i64, String) {
        let key = match sort {
            Sort::Newest => self.announced_at,
            Sort::Deadline => self.bids_until,
        };
        (key.micros(), self.lot.clone())
    }
}

#[derive(Queryable)]
struct Columns {
    lot: String,
    number: String,
    title: String,
    lot_number: i32,
    lot_title: String,
    category: String,
    region: String,
    entity: String,
    terms: String,
    announced_at: Option<i64>,
    documents_from: i64,
    bids_until: i64,
    reached: String,
    held_since: Option<i64>,
}

#[derive(Deserialize)]
struct Ceiling {
    ceiling: Fen,
}

impl Columns {
    fn row(self, now: Moment) -> Result<Row, Fault> {
        let ceiling: Ceiling = serde_json::from_str(&self.terms)?;
        let times = (Moment::from_micros(self.documents_from), Moment::from_micros(self.bids_until));
        let held_since = self.held_since.map(Moment::from_micros);
        Ok(Row {
            phase: phase_of(Milestone::from_code(&self.reached), times, held_since, now),
            lot: self.lot,
            number: self.number,
            title: self.title,
            lot_number: self.lot_number,
            lot_title: self.lot_title,
            category: self.category,
            region: self.region,
            entity: self.entity,
            ceiling: ceiling.ceiling,
            announced_at: Moment::from_micros(self.announced_at.unwrap_or_default()),
            bids_until: times.1,
            held: held_since.is_some(),
        })
    }
}

type Joined = diesel::helper_types::InnerJoin<
    project_lot::table,
    diesel::helper_types::InnerJoin<project_tender::table, party_organisation::table>,
>;
type Boxed<'a> = diesel::helper_types::IntoBoxed<'a, Joined, crate::platform::database::MultiBackend>;

/// Lots of announced tenders that answer `query` at `now`, at most `limit`.
///
/// # Errors
/// The database fails.
pub fn lots(db: &mut Db, query: &Query, now: Moment, limit: i64) -> Result<Vec<Row>, Fault> {
    let mut found = project_lot::table
        .inner_join(project_tender::table.inner_join(party_organisation::table))
        .into_boxed()
        .filter(project_lot::announced_at.is_not_null());
    if let Some(category) = &query.category {
        found = found.filter(project_lot::category.eq(category.clone()));
    }
    if let Some(region) = &query.region {
        found = found.filter(project_lot::region.eq(region.clone()));
    }
    if let Some(phase) = query.phase {
        found = in_phase(found, phase, now);
    }
    let Some(found) = with_words(db, found, &query.word)? else { return Ok(Vec::new()) };
    let found = ordered(found, query, now);
    let rows: Vec<Columns> = found
        .limit(limit)
        .select((
            project_lot::id,
            project_tender::number,
            project_tender::name,
            project_lot::number,
            project_lot::name,
            project_lot::category,
            project_lot::region,
            party_organisation::name,
            project_lot::terms,
            project_lot::announced_at,
            project_lot::documents_from,
            project_lot::bids_until,
            project_lot::reached,
            project_lot::held_since,
        ))
        .load(db)?;
    rows.into_iter().map(|row| row.row(now)).collect()
}

fn ordered<'a>(found: Boxed<'a>, query: &Query, now: Moment) -> Boxed<'a> {
    match query.sort {
        Sort::Newest => {
            let mut found = found.order((project_lot::announced_at.desc(), project_lot::id.desc()));
            if let Some((key, lot)) = query.after.clone() {
                // the first condition finds the place in the index, the second skips the lines already shown
                found = found.filter(project_lot::announced_at.le(key));
                found =
                    found.filter(project_lot::announced_at.lt(key).or(project_lot::id.nullable().lt(lot)));
            }
            found
        }
        Sort::Deadline => {
            let mut found = found
                .order((project_lot::bids_until.asc(), project_lot::id.asc()))
                .filter(project_lot::bids_until.gt(now.micros()));
            if let Some((key, lot)) = query.after.clone() {
                found = found.filter(project_lot::bids_until.ge(key));
                found = found.filter(project_lot::bids_until.gt(key).or(project_lot::id.gt(lot)));
            }
            found
        }
    }
}

/// The written form of `phase_of(..) == phase`.
fn in_phase<'a>(found: Boxed<'a>, phase: Phase, now: Moment) -> Boxed<'a> {
    use project_lot::{bids_until, documents_from, held_since, reached};
    let now = now.micros();
    let announced = Milestone::Announced.code();
    let reached_one =
        |codes: &[Milestone]| codes.iter().map(|milestone| milestone.code()).collect::<Vec<_>>();
    match phase {
        Phase::Draft => found.filter(reached.eq("")),
        Phase::Announced => found
            .filter(reached.eq(announced))
            .filter(
                held_since
                    .is_null()
                    .and(documents_from.gt(now))
                    .or(held_since.is_not_null().and(documents_from.nullable().gt(held_since))),
            )
            .filter(
                held_since
                    .is_null()
                    .and(bids_until.gt(now))
                    .or(held_since.is_not_null().and(bids_until.nullable().gt(held_since))),
            ),
        Phase::Bidding => found
            .filter(reached.eq(announced))
            .filter(
                held_since
                    .is_null()
                    .and(documents_from.le(now))
                    .or(held_since.is_not_null().and(documents_from.nullable().le(held_since))),
            )
            .filter(
                held_since
                    .is_null()
                    .and(bids_until.gt(now))
                    .or(held_since.is_not_null().and(bids_until.nullable().gt(held_since))),
            ),
        Phase::Opening => found.filter(
            reached.eq(Milestone::BiddingClosed.code()).or(reached.eq(announced).and(
                held_since
                    .is_null()
                    .and(bids_until.le(now))
                    .or(held_since.is_not_null().and(bids_until.nullable().le(held_since))),
            )),
        ),
        Phase::Evaluation => found.filter(reached.eq(Milestone::Opened.code())),
        Phase::Evaluated => found.filter(reached.eq(Milestone::Evaluated.code())),
        Phase::Publicity => found.filter(reached.eq(Milestone::CandidatesPublished.code())),
        Phase::Awarded => found.filter(reached.eq(Milestone::Awarded.code())),
        Phase::Completed => found.filter(reached.eq(Milestone::ResultPublished.code())),
        Phase::Unsuccessful => {
            found.filter(reached.eq_any(reached_one(&[Milestone::Unsuccessful, Milestone::NotOpened])))
        }
        Phase::Cancelled => found.filter(reached.eq(Milestone::Cancelled.code())),
    }
}

/// Up to so many lots of the rarest pair are looked at one by one; beyond, the list is walked in its order, where a
/// common pair is met soon.
const RARE: i64 = 500;

/// Narrows to lots that have every pair of the words. `None` if some pair is nowhere.
fn with_words<'a>(db: &mut Db, mut found: Boxed<'a>, words: &str) -> Result<Option<Boxed<'a>>, Fault> {
    let grams = grams_for(words);
    let mut rarest: Option<(String, Vec<String>)> = None;
    for gram in &grams {
        let lots: Vec<String> = project_word::table
            .filter(project_word::gram.eq(gram))
            .select(project_word::lot_id)
            .limit(RARE + 1)
            .load(db)?;
        if lots.is_empty() {
            return Ok(None);
        }
        if rarest.as_ref().is_none_or(|(_, fewest)| lots.len() < fewest.len()) {
            rarest = Some((gram.clone(), lots));
        }
    }
    let rare = rarest.filter(|(_, lots)| i64::try_from(lots.len()).is_ok_and(|count| count <= RARE));
    for gram in grams {
        if rare.as_ref().is_some_and(|(driver, _)| *driver == gram) {
            continue;
        }
        let here = project_word::table
            .filter(project_word::gram.eq(gram))
            .filter(project_word::announced_at.nullable().eq(project_lot::announced_at))
            .filter(project_word::lot_id.eq(project_lot::id));
        found = found.filter(diesel::dsl::exists(here));
    }
    if let Some((_, lots)) = rare {
        found = found.filter(project_lot::id.eq_any(lots));
    }
    Ok(Some(found))
}

/// Something that happened to an announced lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub number: String,
    pub title: String,
    pub lot_number: i32,
    pub lot_title: String,
    pub entity: String,
    pub milestone: Milestone,
    pub at: Moment,
    pub entry: String,
}

/// What the public is told of; the other milestones only stand on the tender's own page.
const NEWS: [Milestone; 13] = [
    Milestone::Announced,
    Milestone::Amended,
    Milestone::Extended,
    Milestone::NotOpened,
    Milestone::Opened,
    Milestone::CandidatesPublished,
    Milestone::ResultPublished,
    Milestone::Unsuccessful,
    Milestone::Cancelled,
    Milestone::Frozen,
    Milestone::Unfrozen,
    Milestone::Suspended,
    Milestone::Resumed,
];

/// How many milestones are read for each line of news: those that are no news lie between.
const AMONG: i64 = 4;

/// What happened last, newest first; of one kind only, if one is given. Milestones exist for announced lots only.
///
/// # Errors
/// The database fails.
pub fn news(db: &mut Db, only: Option<Milestone>, limit: i64) -> Result<Vec<Happened>, Fault> {
    let mut newest = project_milestone::table
        .into_boxed()
        .order((project_milestone::at.desc(), project_milestone::lot_id.desc()))
        .limit(limit * AMONG);
    if let Some(only) = only {
        newest = newest.filter(project_milestone::milestone.eq(only.code()));
    }
    let columns = (
        project_milestone::lot_id,
        project_milestone::milestone,
        project_milestone::at,
        project_milestone::entry,
    );
    let rows: Vec<(String, String, i64, String)> = newest.select(columns).load(db)?;
    let mut happened = Vec::new();
    for (lot, milestone, at, entry) in rows {
        let milestone = Milestone::from_code(&milestone).ok_or_else(|| Fault::new("a damaged milestone"))?;
        if NEWS.contains(&milestone) {
            happened.push((lot, milestone, Moment::from_micros(at), entry));
        }
    }
    happened.truncate(usize::try_from(limit)?);
    let lots = named(db, happened.iter().map(|(lot, ..)| lot.clone()).collect())?;
    let told = happened.into_iter().filter_map(|(lot, milestone, at, entry)| {
        let (number, title, lot_number, lot_title, entity) = lots.get(&lot)?.clone();
        Some(Happened { number, title, lot_number, lot_title, entity, milestone, at, entry })
    });
    Ok(told.collect())
}

/// Tender number, tender title, lot number, lot title, entity.
type Names = (String, String, i32, String, String);

/// What the lots with these ids are called.
fn named(db: &mut Db, lots: Vec<String>) -> Result<HashMap<String, Names>, Fault> {
    let rows: Vec<(String, Names)> = project_lot::table
        .inner_join(project_tender::table.inner_join(party_organisation::table))
        .filter(project_lot::id.eq_any(lots))
        .select((
            project_lot::id,
            (
                project_tender::number,
                project_tender::name,
                project_lot::number,
                project_lot::name,
                party_organisation::name,
            ),
        ))
        .load(db)?;
    Ok(rows.into_iter().collect())
}
