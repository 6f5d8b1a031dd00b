//! The desk: what waits for whoever is signed in, and the doors that their role opens.

use super::list::{Line, tag_of};
use super::tender::Link;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Anybody, Who};
use crate::announcement;
use crate::ledger::Door;
use crate::message;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Failure;
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::portal::duties::{self, Waiting};
use crate::portal::store::{self, Query};
use crate::portal::timeline::turn;
use crate::project;
use crate::project::phase::Phase;
use crate::project::rules::Tender;
use crate::project::standing::LotFacts;
use crate::sealed_bid;
use crate::sealed_bid::drill::Readiness;
use actix_web::web;
use askama::Template;

#[derive(Template)]
#[template(path = "portal/desk.html")]
struct DeskPage {
    p: Page,
    name: String,
    organisation: String,
    role: String,
    /// What waits for this person as a trustee.
    duties: Vec<DutyView>,
    lots: Vec<Held>,
    empty: String,
    doors: Vec<Link>,
    running: Vec<Line>,
}

struct DutyView {
    /// The end of the locale key of what is to be done.
    code: &'static str,
    href: String,
    name: String,
    title: String,
    opens_at: String,
}

impl From<Waiting> for DutyView {
    fn from(waiting: Waiting) -> Self {
        Self {
            code: waiting.duty.code(),
            href: waiting.href,
            name: waiting.name,
            title: waiting.title,
            opens_at: waiting.opens_at.map(Moment::beijing_minute).unwrap_or_default(),
        }
    }
}

/// One of the visitor's own lots.
struct Held {
    href: String,
    number: String,
    title: String,
    phase: String,
    tag: &'static str,
    turn: String,
    deadline: String,
}

/// How many of one's own tenders the desk shows.
const OWN: i64 = 20;

/// The lots that concern this person, with how ready their trustees are: those of their organisation, or those whose documents
/// they have.
fn own(db: &mut Db, vault: &Vault, who: &Who) -> Result<Vec<(LotFacts, Readiness)>, Failure> {
    let tenders = match who.role {
        Role::Agent | Role::Entity => {
            let mine = project::store::tenders_of(db, who.organisation, None, OWN)?;
            mine.into_iter().map(|tender| tender.tender).collect()
        }
        Role::Bidder => bidders_tenders(db, vault, who)?,
        Role::Expert | Role::Supervisor | Role::Centre | Role::Treasurer => Vec::new(),
    };
    let mut lots = Vec::new();
    for tender in tenders.into_iter().rev().take(usize::try_from(OWN).unwrap_or(0)) {
        let trustees = sealed_bid::drill::readiness(db, tender)?;
        lots.extend(project::store::lots_of(db, tender)?.into_iter().map(|lot| (lot, trustees.clone())));
    }
    lots.sort_by_key(|(lot, _)| std::cmp::Reverse(lot.announced_at));
    Ok(lots)
}

/// The tenders whose documents this person took, and those on which their organisation handed in a bid.
fn bidders_tenders(db: &mut Db, vault: &Vault, who: &Who) -> Result<Vec<Id<Tender>>, Failure> {
    let mut tenders = announcement::store::downloaded_by(db, vault, who.person)?;
    for step in sealed_bid::actions::own_steps(db, vault, who)?.into_iter().rev() {
        let Some(lot) = project::store::lot(db, step.record.lot)? else { continue };
        if !tenders.contains(&lot.tender) {
            tenders.push(lot.tender);
        }
    }
    Ok(tenders)
}

/// The rooms that a role works in.
fn doors(p: &Page, role: Role) -> Vec<Link> {
    let rooms: &[(&str, &str)] = match role {
        Role::Bidder => {
            &[("bids", "/sealed-bid"), ("deposits", "/deposit"), ("tenders", "/tenders?phase=bidding")]
        }
        Role::Agent => &[("projects", "/project"), ("new", "/project/new"), ("draws", "/expert-draw")],
        Role::Entity => &[("projects", "/project"), ("draws", "/expert-draw")],
        Role::Expert => &[("invitations", "/expert-draw/invitations"), ("evaluations", "/evaluation")],
        Role::Supervisor => &[
            ("supervision", "/supervision"),
            ("recordings", "/recording"),
            ("draws", "/expert-draw"),
            ("receipt", "/open-data/receipt"),
        ],
        Role::Centre => &[
            ("pool", "/expert-draw/pool"),
            ("draws", "/expert-draw"),
            ("receipt", "/open-data/receipt"),
            ("tenders", "/tenders"),
        ],
        Role::Treasurer => &[
            ("treasury", "/deposit/treasury"),
            ("work_list", "/deposit/treasury/work-list"),
            ("refunds", "/deposit/treasury/refunds"),
        ],
    };
    let key = ("key", "/account/key");
    let link = |(name, href): &(&str, &str)| Link {
        label: p.t(&format!("portal.desk.{name}")),
        href: (*href).to_owned(),
    };
    rooms.iter().chain([&key]).map(link).collect()
}

/// The door to the messages, with how many are new.
fn messages(p: &Page, unread: i64) -> Link {
    let label = match unread {
        0 => p.t("portal.desk.messages"),
        count => p.tv("portal.desk.messages.unread", "count", count.to_string()),
    };
    Link { label, href: "/message".to_owned() }
}

pub(super) async fn desk_get(Anybody(who): Anybody, p: Page, door: web::Data<Door>) -> Answer {
    let vault = door.vault().clone();
    let now = p.now;
    let asker = who.clone();
    let (duties, lots, running, unread) = door
        .look(move |db| {
            let duties = match asker.role {
                Role::Bidder | Role::Expert | Role::Treasurer => Vec::new(),
                Role::Agent | Role::Entity | Role::Supervisor | Role::Centre => duties::of(db, &asker, now)?,
            };
            let lots = own(db, &vault, &asker)?;
            let watch =
                matches!(asker.role, Role::Supervisor | Role::Centre | Role::Treasurer | Role::Bidder);
            let phase = if asker.role == Role::Bidder { Some(Phase::Bidding) } else { None };
            let query = Query { phase, ..Query::default() };
            let running = if watch { store::lots(db, &query, now, 10)? } else { Vec::new() };
            let unread = match asker.role {
                Role::Bidder => Some(message::store::unread(db, &vault, asker.organisation)?),
                _ => None,
            };
            Ok((duties, lots, running, unread))
        })
        .await?;
    let held = |(lot, trustees): &(LotFacts, Readiness)| {
        let phase = lot.phase(now);
        Held {
            href: if phase == Phase::Draft {
                format!("/project/{}", lot.number)
            } else {
                format!("/tender/{}#lot-{}", lot.number, lot.lot_number)
            },
            number: lot.name(),
            title: format!("{} · {}", lot.tender_title, lot.title),
            phase: p.t(&format!("project.phase.{}", phase.code())),
            tag: tag_of(phase),
            turn: p.t(&turn(lot, trustees, now)),
            deadline: lot.schedule.map(|plan| plan.bids_until.beijing_minute()).unwrap_or_default(),
        }
    };
    let page = DeskPage {
        name: who.name.clone(),
        organisation: who.organisation_name.clone(),
        role: p.t(&format!("account.role.{}", who.role.code())),
        duties: duties.into_iter().map(DutyView::from).collect(),
        lots: lots.iter().map(held).collect(),
        empty: if who.role == Role::Bidder { p.t("portal.desk.empty.bidder") } else { String::new() },
        doors: unread.map(|count| messages(&p, count)).into_iter().chain(doors(&p, who.role)).collect(),
        running: running.iter().map(|row| Line::new(p.lang, row)).collect(),
        p: p.clone(),
    };
    p.html(&page)
}
