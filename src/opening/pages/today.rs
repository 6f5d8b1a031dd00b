//! 今日开标 All openings of a day at a glance: when, whose, and how far each one is. What stands here before a box is
//! closed is what its notice says; everything else everybody can read in the hall itself.

use super::view::{Stage, stage_of};
use crate::account::page::Page;
use crate::account::who::Visitor;
use crate::ledger::Door;
use crate::opening::actions::topic;
use crate::opening::live;
use crate::opening::progress::{BidStep, Progress};
use crate::opening::store;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::platform::web::Answer;
use crate::project::store as projects;
use crate::sealed_bid::rules::envelopes_of;
use crate::sealed_bid::trustees_store;
use actix_web::web;
use askama::Template;
use chrono::{Datelike, Days, NaiveDate};
use serde::Deserialize;

/// Most lots of one day that the page shows.
const LOTS_MAX: i64 = 300;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// `2026-03-25`; today without it.
    #[serde(default)]
    day: String,
}

impl Asked {
    fn day(&self, now: Moment) -> NaiveDate {
        let asked = NaiveDate::parse_from_str(&self.day, "%Y-%m-%d").ok();
        asked.filter(|day| (2000..2200).contains(&day.year())).unwrap_or_else(|| now.beijing_date())
    }
}

/// One lot that is opened on the day.
struct Line {
    name: String,
    title: String,
    entity: String,
    at: Moment,
    stage: Stage,
    /// Bidders at the deadline, once the box is closed.
    bidders: Option<u32>,
    /// Of the envelope that is being opened: its name and what it waits for.
    now: Option<Now>,
}

/// What goes on in a hall.
enum Now {
    Shares { envelope: String, have: usize, need: u8 },
    Opening { envelope: String, done: usize, bids: usize },
    Hearing { envelope: String },
}

#[derive(Template)]
#[template(path = "opening/today.html")]
struct TodayPage {
    p: Page,
    day: NaiveDate,
    before: Option<NaiveDate>,
    after: Option<NaiveDate>,
    is_today: bool,
    lines: Vec<Line>,
    /// How many are still to come, going on, and over.
    counts: [usize; 3],
}

pub(super) async fn today_get(
    p: Page,
    door: web::Data<Door>,
    progress: web::Data<Progress>,
    asked: web::Query<Asked>,
) -> Answer {
    let day = asked.day(p.now);
    let (page, progress) = (p.clone(), progress.as_ref().clone());
    let lines = door
        .look(move |db| {
            let lots = store::lots_of_day(db, day, LOTS_MAX)?;
            lots.into_iter().map(|lot| line(db, &page, &progress, lot)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let count = |wanted: fn(Stage) -> bool| lines.iter().filter(|line| wanted(line.stage)).count();
    let counts = [count(Stage::is_to_come), count(Stage::is_going_on), count(Stage::is_over)];
    p.html(&TodayPage {
        p: p.clone(),
        day,
        before: day.checked_sub_days(Days::new(1)),
        after: day.checked_add_days(Days::new(1)),
        is_today: day == p.now.beijing_date(),
        lines,
        counts,
    })
}

fn line(
    db: &mut Db,
    p: &Page,
    progress: &Progress,
    lot: crate::platform::id::Id<crate::project::rules::Lot>,
) -> Result<Line, Failure> {
    let facts = projects::known_lot(db, lot)?;
    let closing = store::closing(db, lot)?;
    let need = trustees_store::complete_set(db, facts.tender)?.map_or(0, |set| set.t);
    let (mut now, mut all_published) = (None, true);
    for kind in envelopes_of(&facts.terms) {
        let Some(sitting) = store::sitting(db, lot, *kind)? else { continue };
        if store::record(db, lot, *kind)?.is_some() {
            continue;
        }
        all_published = false;
        let envelope = p.t(&format!("opening.envelope.{}", kind.code()));
        let running = progress.of(lot, *kind);
        now = Some(if sitting.opened_at.is_some() {
            Now::Hearing { envelope }
        } else if running.is_empty() {
            Now::Shares { envelope, have: store::releases(db, lot, *kind)?.len(), need }
        } else {
            let done = running.iter().filter(|step| **step == BidStep::Done).count();
            Now::Opening { envelope, done, bids: running.len() }
        });
    }
    Ok(Line {
        name: facts.name(),
        title: format!("{} {}", facts.tender_title, facts.title),
        entity: facts.entity_name.clone(),
        at: facts.plan()?.bids_until,
        stage: stage_of(&facts, closing.is_some(), all_published, p.now),
        bidders: closing.map(|closing| closing.bidders),
        now,
    })
}

/// `GET /opening/events`: wakes the page when anything happens in one of the halls of the day.
pub(super) async fn events_get(_: Visitor, door: web::Data<Door>, asked: web::Query<Asked>) -> Answer {
    let day = asked.day(door.now());
    let lots = door.look(move |db| Ok(store::lots_of_day(db, day, LOTS_MAX)?)).await?;
    Ok(live::events(&door, lots.into_iter().map(topic).collect()))
}
