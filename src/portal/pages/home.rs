//! The front page: search, what closes soon, what is new.

use super::list::{Line, Options, category_options, phase_options, region_options};
use crate::account::page::Page;
use crate::ledger::Door;
use crate::platform::web::Answer;
use crate::portal::store::{self, Happened, Query, Sort};
use crate::project::phase::{Milestone, Phase};
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "portal/home.html")]
struct HomePage {
    p: Page,
    categories: Options,
    regions: Options,
    phases: Options,
    closing: Vec<(Line, i64)>,
    fresh: Vec<Line>,
    news: Vec<News>,
    results: Vec<News>,
}

/// One line of news.
pub(super) struct News {
    pub href: String,
    pub what: String,
    pub title: String,
    pub lot: String,
    pub entity: String,
    pub at: String,
}

impl News {
    pub fn new(p: &Page, happened: &Happened) -> Self {
        Self {
            href: format!("/tender/{}#lot-{}", happened.number, happened.lot_number),
            what: p.t(&format!("project.milestone.{}", happened.milestone.code())),
            title: happened.title.clone(),
            lot: happened.lot_title.clone(),
            entity: happened.entity.clone(),
            at: happened.at.beijing_minute(),
        }
    }
}

pub(super) async fn home_get(p: Page, door: web::Data<Door>) -> Answer {
    let now = p.now;
    let (closing, fresh, news, results) = door
        .look(move |db| {
            let by_deadline = Query { phase: Some(Phase::Bidding), sort: Sort::Deadline, ..Query::default() };
            let closing = store::lots(db, &by_deadline, now, 5)?;
            let fresh = store::lots(db, &Query::default(), now, 6)?;
            let news = store::news(db, None, 8)?;
            let results = store::news(db, Some(Milestone::ResultPublished), 5)?;
            Ok((closing, fresh, news, results))
        })
        .await?;
    let lang = p.lang;
    let page = HomePage {
        categories: category_options(&p, ""),
        regions: region_options(&p, ""),
        phases: phase_options(&p, ""),
        closing: closing.iter().map(|row| (Line::new(lang, row), row.bids_until.micros())).collect(),
        fresh: fresh.iter().map(|row| Line::new(lang, row)).collect(),
        news: news.iter().map(|happened| News::new(&p, happened)).collect(),
        results: results.iter().map(|happened| News::new(&p, happened)).collect(),
        p: p.clone(),
    };
    p.html(&page)
}
