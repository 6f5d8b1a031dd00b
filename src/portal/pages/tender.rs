//! One tender: what it is, where each lot stands, whose turn it is, what comes next, and where to go from here.

use super::list::tag_of;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::announcement;
use crate::evaluation;
use crate::ledger::Door;
use crate::platform::web::Answer;
use crate::portal::timeline::{Place, Point, timeline, turn};
use crate::project;
use crate::project::phase::{Milestone, Phase};
use crate::project::place::Region;
use crate::project::standing::{LotFacts, TenderFacts};
use crate::sealed_bid;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "portal/tender.html")]
struct TenderPage {
    p: Page,
    number: String,
    title: String,
    entity: String,
    category: String,
    region: String,
    rulebook: String,
    announced: String,
    version: u32,
    scope: String,
    links: Vec<Link>,
    lots: Vec<LotView>,
}

/// Somewhere to go from here.
pub(super) struct Link {
    pub label: String,
    pub href: String,
}

struct LotView {
    number: u8,
    title: String,
    phase: String,
    tag: &'static str,
    held: bool,
    ceiling: String,
    deposit: String,
    method: String,
    turn: String,
    /// The next planned moment in micros, its name, and its time for who has no script.
    countdown: Option<(i64, String, String)>,
    points: Vec<PointView>,
    links: Vec<Link>,
}

struct PointView {
    name: String,
    at: String,
    class: &'static str,
    entry: String,
    reason: String,
}

/// The rooms that have a page about a lot, with who may go there and when there is something to see. Rooms further
/// down the street add their line here. `seated`: whether who reads has a seat on the lot's committee.
fn doors(p: &Page, lot: &LotFacts, phase: Phase, seated: bool) -> Vec<Link> {
    let after = |milestone| lot.reached(milestone).is_some();
    let own = p.who.as_ref().is_some_and(|who| lot.is_own(who));
    let is_staff = own || p.is(Role::Supervisor) || p.is(Role::Centre);
    let bidder = p.is(Role::Bidder);
    let announced = phase != Phase::Draft;
    let rows = [
        ("sealed-bid", bidder && announced),
        ("deposit", bidder && announced && lot.terms.deposit.0 > 0),
        ("expert-draw", is_staff && announced),
        ("opening", phase >= Phase::Bidding),
        ("evaluation", (is_staff || seated) && after(Milestone::Opened)),
        ("publication", after(Milestone::Evaluated)),
        ("objection", announced && phase != Phase::Cancelled),
    ];
    let shown = rows.into_iter().filter(|(_, shown)| *shown);
    shown
        .map(|(room, _)| Link {
            label: p.t(&format!("portal.door.{room}")),
            href: format!("/{room}/{}/{}", lot.number, lot.lot_number),
        })
        .collect()
}

fn tender_links(p: &Page, tender: &TenderFacts) -> Vec<Link> {
    let number = &tender.number;
    let mut links = vec![
        ("notice", format!("/announcement/{number}")),
        ("documents", format!("/announcement/{number}#documents")),
        ("questions", format!("/clarification/{number}")),
        ("trustees", format!("/sealed-bid/{number}/trustees")),
    ];
    if p.who.as_ref().is_some_and(|who| tender.is_own(who)) {
        links.push(("manage", format!("/project/{number}")));
    }
    let link = |(key, href): (&str, String)| Link { label: p.t(&format!("portal.door.{key}")), href };
    links.into_iter().map(link).collect()
}

pub(super) async fn tender_get(p: Page, door: web::Data<Door>, path: web::Path<String>) -> Answer {
    let number = path.into_inner();
    let (vault, person) = (door.vault().clone(), p.who.as_ref().map(|who| who.person));
    let (tender, lots, trustees, notice, reasons, seats) = door
        .look(move |db| {
            let tender = project::store::seen_tender(db, &number, None)?;
            let lots = project::store::lots_of(db, tender.tender)?;
            let trustees = sealed_bid::drill::readiness(db, tender.tender)?;
            let notice = announcement::store::newest(db, tender.tender)?;
            let mut reasons = std::collections::BTreeMap::new();
            for reached in
                lots.iter().flat_map(|lot| &lot.milestones).filter(|reached| has_reason(reached.milestone))
            {
                if let Some(reason) = project::store::reason(db, reached.entry)? {
                    reasons.insert(reached.entry.to_string(), reason);
                }
            }
            let seats = person.map(|person| evaluation::store::lots_of(db, &vault, person)).transpose()?;
            Ok((tender, lots, trustees, notice, reasons, seats.unwrap_or_default()))
        })
        .await?;
    let book = tender.book()?;
    let lang = p.lang.code();
    let view = |lot: &LotFacts| {
        let points = timeline(lot, book, p.now);
        let turn = p.t(&turn(lot, &trustees, p.now));
        lot_view(&p, lot, (turn, &points), &reasons, seats.contains(&lot.lot))
    };
    let page = TenderPage {
        number: tender.number.to_string(),
        title: tender.title.clone(),
        entity: tender.entity_name.clone(),
        category: p.t(&format!("project.category.{}", tender.category.code())),
        region: Region::find(&tender.region).map_or_else(String::new, |r| r.name.in_locale(lang).to_owned()),
        rulebook: book.name.in_locale(lang).to_owned(),
        announced: tender.announced_at.map(|at| at.beijing_minute()).unwrap_or_default(),
        version: notice.as_ref().map_or(0, |notice| notice.notice.version),
        scope: notice.map(|notice| notice.notice.text.scope).unwrap_or_default(),
        links: tender_links(&p, &tender),
        lots: lots.iter().map(view).collect(),
        p: p.clone(),
    };
    p.html(&page)
}

fn has_reason(milestone: Milestone) -> bool {
    matches!(
        milestone,
        Milestone::Frozen | Milestone::Unfrozen | Milestone::Cancelled | Milestone::Unsuccessful
    )
}

fn lot_view(
    p: &Page,
    lot: &LotFacts,
    (turn, points): (String, &[Point]),
    reasons: &std::collections::BTreeMap<String, String>,
    seated: bool,
) -> LotView {
    let phase = lot.phase(p.now);
    let held = lot.hold().is_held();
    let next = points.iter().find(|point| point.place == Place::Next);
    let countdown = next
        .filter(|_| !held)
        .and_then(|next| Some((next.at?.micros(), p.t(&next.key), next.at?.beijing_minute())));
    let point = |point: &Point| PointView {
        name: p.t(&point.key),
        at: point.at.map(|at| at.beijing_minute()).unwrap_or_default(),
        class: match point.place {
            Place::Past => "past",
            Place::Next => "now",
            Place::Ahead => "",
        },
        reason: point.entry.as_ref().and_then(|entry| reasons.get(entry)).cloned().unwrap_or_default(),
        entry: point.entry.clone().unwrap_or_default(),
    };
    LotView {
        number: lot.lot_number.get(),
        title: lot.title.clone(),
        phase: p.t(&format!("project.phase.{}", phase.code())),
        tag: tag_of(phase),
        held,
        ceiling: lot.terms.ceiling.to_string(),
        deposit: lot.terms.deposit.to_string(),
        method: p.t(&format!("project.method.{}", lot.terms.method.code())),
        turn,
        countdown,
        points: points.iter().map(point).collect(),
        links: doors(p, lot, phase, seated),
    }
}
