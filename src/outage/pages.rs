//! The public page: the rule, and every outage with what it moved.

use super::actions;
use super::rules::OutageRule;
use super::store;
use crate::account::page::Page;
use crate::ledger::Door;
use crate::platform::moment::{MINUTE, Moment};
use crate::platform::web::Answer;
use crate::project;
use actix_web::web;
use askama::Template;

crate::routes! {
    GET "/outage" everybody => list_get;
}

/// How many outages the page shows.
const SHOWN: i64 = 100;

#[derive(Template)]
#[template(path = "outage/list.html")]
struct ListPage {
    p: Page,
    rule: Vec<(String, &'static str)>,
    outages: Vec<OutageView>,
    /// Since when the platform has not been able to keep bids, if it is not.
    silent: Option<String>,
}

struct OutageView {
    from: String,
    to: String,
    minutes: i64,
    entry: String,
    moved: Vec<MovedView>,
}

struct MovedView {
    number: String,
    title: String,
    was: String,
    now: String,
    entry: String,
}

fn sentences(p: &Page) -> Vec<(String, &'static str)> {
    let rule = OutageRule::published();
    let line = |key: &str, cited: &'static project::rulebook::Cited<u16>| {
        (p.tv(&format!("outage.rule.{key}"), "value", cited.value), cited.article.as_str())
    };
    vec![
        line("counts_from", &rule.counts_from_minutes),
        line("window", &rule.window_hours),
        (
            p.tvv(
                "outage.rule.short",
                "until",
                rule.short_until_hours.value,
                "value",
                rule.short_moves_hours.value,
            ),
            rule.short_moves_hours.article.as_str(),
        ),
        line("long", &rule.long_moves_hours),
        line("least", &rule.short_moves_hours),
    ]
}

async fn list_get(p: Page, door: web::Data<Door>) -> Answer {
    let machine = door.clock().machine_now();
    let (outages, silent) = door
        .look(move |db| {
            let mut shown = Vec::new();
            for outage in store::newest(db, SHOWN)? {
                let mut moved = Vec::new();
                for one in &outage.moved {
                    if let Some(tender) = project::store::tender(db, one.tender)? {
                        moved.push((one.clone(), tender));
                    }
                }
                shown.push((outage, moved));
            }
            Ok((shown, actions::silent_since(db, machine)?))
        })
        .await?;
    let second = |at: Moment| at.beijing();
    let view = outages.into_iter().map(|(outage, moved)| OutageView {
        from: second(outage.from),
        to: second(outage.to),
        minutes: (outage.to.micros() - outage.from.micros()) / MINUTE,
        entry: outage.entry,
        moved: moved
            .into_iter()
            .map(|(one, tender)| MovedView {
                number: tender.number.to_string(),
                title: tender.title,
                was: one.was.beijing_minute(),
                now: one.now.beijing_minute(),
                entry: one.entry,
            })
            .collect(),
    });
    // as long ago by the clock that people see
    let silent = silent.map(|since| p.now.plus(since.micros() - machine.micros()).beijing());
    let page = ListPage { silent, rule: sentences(&p), outages: view.collect(), p: p.clone() };
    p.html(&page)
}
