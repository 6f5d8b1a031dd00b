//! The dates of a draft, and who opens its bids.

use crate::account::field::{Asked, Fields, Input};
use crate::account::form::Posted;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::rules::Person;
use crate::account::who::{Agent, Who};
use crate::ledger::Door;
use crate::platform::calendar::Calendar;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::web::Answer;
use crate::project::actions;
use crate::project::rulebook::Rulebook;
use crate::project::schedule::{Schedule, check_schedule};
use crate::project::standing::{Custody, TenderFacts, Trustee};
use crate::project::store;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

/// The dates that a schedule form asks for, in its order.
pub(crate) const DATES: [&str; 4] = ["documents_from", "documents_until", "questions_until", "bids_until"];

/// Reads a schedule form; all problems at once.
pub(crate) fn read_schedule(fields: &Fields) -> Result<Schedule, Vec<Refused>> {
    let read = DATES.map(|name| fields.moment(name));
    let problems: Vec<Refused> = read.iter().filter_map(|date| date.clone().err()).collect();
    match read {
        [Ok(documents_from), Ok(documents_until), Ok(questions_until), Ok(bids_until)] => {
            Ok(Schedule { documents_from, documents_until, questions_until, bids_until })
        }
        _ => Err(problems),
    }
}

/// Writes a schedule into the fields of its form.
pub(crate) fn show_schedule(fields: &mut Fields, schedule: &Schedule) {
    let times =
        [schedule.documents_from, schedule.documents_until, schedule.questions_until, schedule.bids_until];
    for (name, time) in DATES.into_iter().zip(times) {
        fields.set(name, time.beijing_field());
    }
}

#[derive(Template)]
#[template(path = "project/schedule.html")]
struct SchedulePage {
    p: Page,
    number: String,
    fields: Vec<Asked>,
    rules: Vec<(String, String, String)>,
}

fn schedule_page(p: &Page, number: &str, book: &Rulebook, fields: &Fields) -> SchedulePage {
    let asked = DATES.map(|name| Asked::new(p, "project.schedule", name, Input::When, fields));
    let periods = &book.periods;
    let mut rules = vec![
        ("document_issue", &periods.document_issue_min),
        ("bid_preparation", &periods.bid_preparation_min),
    ];
    if let Some(notice) = &periods.notice_min {
        rules.push(("notice", notice));
    }
    let rule = |(key, cited): (&str, &crate::project::rulebook::Cited<crate::platform::calendar::Period>)| {
        let length = if p.lang.code() == "en" { cited.value.to_string() } else { cited.value.chinese() };
        (p.t(&format!("project.schedule.rule.{key}")), length, cited.article.clone())
    };
    SchedulePage {
        p: p.clone(),
        number: number.to_owned(),
        fields: asked.into(),
        rules: rules.into_iter().map(rule).collect(),
    }
}

pub(super) async fn schedule_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let number = path.into_inner();
    let (tender, schedule) = door
        .look(move |db| {
            let (tender, _) = super::own_draft(db, &who, &number)?;
            let schedule = store::schedule(db, tender.tender)?;
            Ok((tender, schedule))
        })
        .await?;
    let mut fields = Fields::default();
    if let Some(schedule) = schedule {
        show_schedule(&mut fields, &schedule);
    }
    let book = tender.book()?;
    p.html(&schedule_page(&p, tender.number.as_str(), book, &fields))
}

pub(super) async fn schedule_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let (named, asker) = (number.clone(), who.clone());
    let tender = door.look(move |db| Ok(super::own_draft(db, &asker, &named)?.0)).await?;
    let book = tender.book()?;
    let problems = match read_schedule(&fields) {
        Err(problems) => problems,
        Ok(schedule) => match check_schedule(book, Calendar::official(), &schedule) {
            Err(refusals) => refusals.into_iter().map(Refused::from).collect(),
            Ok(()) => {
                let id = tender.tender;
                door.act(who.actor(), move |act| actions::set_schedule(act, &who, id, &schedule)).await?;
                return Ok(Page::see(format!("/project/{number}")));
            }
        },
    };
    let p = problems.iter().fold(p, |p, problem| p.with_problem(problem));
    p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &schedule_page(&p, &number, book, &fields))
}

#[derive(Template)]
#[template(path = "project/trustees.html")]
struct TrusteesPage {
    p: Page,
    number: String,
    people: Vec<Candidate>,
    threshold: Asked,
    bad: Option<String>,
}

struct Candidate {
    id: String,
    name: String,
    organisation: String,
    role: String,
    chosen: bool,
}

/// Who may be a trustee: the people of agent and entity, and the platform's supervisors and staff.
fn candidates(db: &mut Db, tender: &TenderFacts) -> Result<Vec<Who>, Failure> {
    let mut people = Vec::new();
    for role in actions::TRUSTEE_ROLES {
        let all = crate::account::store::people_with(db, role)?;
        people.extend(all.into_iter().filter(|who| match role {
            Role::Agent => who.organisation == tender.agent_organisation,
            Role::Entity => who.organisation == tender.entity_organisation,
            _ => true,
        }));
    }
    Ok(people)
}

fn trustees_page(
    p: &Page,
    number: &str,
    people: &[Who],
    chosen: &[Id<Person>],
    fields: &Fields,
) -> TrusteesPage {
    let candidate = |who: &Who| Candidate {
        id: who.person.to_string(),
        name: who.name.clone(),
        organisation: who.organisation_name.clone(),
        role: p.t(&format!("account.role.{}", who.role.code())),
        chosen: chosen.contains(&who.person),
    };
    TrusteesPage {
        p: p.clone(),
        number: number.to_owned(),
        people: people.iter().map(candidate).collect(),
        threshold: Asked::new(p, "project.trustees", "threshold", Input::Number, fields),
        bad: p.problem("trustees").map(|problem| problem.sentence.clone()),
    }
}

pub(super) async fn trustees_get(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
) -> Answer {
    let number = path.into_inner();
    let (tender, people) = door
        .look(move |db| {
            let (tender, _) = super::own_draft(db, &who, &number)?;
            let people = candidates(db, &tender)?;
            Ok((tender, people))
        })
        .await?;
    let mut fields = Fields::default();
    let threshold = tender.custody.as_ref().map_or(2, |custody| custody.threshold);
    fields.set("threshold", threshold);
    let chosen: Vec<_> =
        tender.custody.iter().flat_map(|custody| &custody.trustees).map(|trustee| trustee.person).collect();
    p.html(&trustees_page(&p, tender.number.as_str(), &people, &chosen, &fields))
}

pub(super) async fn trustees_post(
    Agent(who): Agent,
    p: Page,
    door: web::Data<Door>,
    path: web::Path<String>,
    form: Posted<Vec<(String, String)>>,
) -> Answer {
    let number = path.into_inner();
    let fields = Fields(form.0);
    let (named, asker) = (number.clone(), who.clone());
    let (tender, people) = door
        .look(move |db| {
            let (tender, _) = super::own_draft(db, &asker, &named)?;
            let people = candidates(db, &tender)?;
            Ok((tender, people))
        })
        .await?;
    let chosen: Vec<Id<Person>> = fields.all("trustees").filter_map(Id::parse).collect();
    let trustees: Vec<Trustee> = people
        .iter()
        .filter(|who| chosen.contains(&who.person))
        .map(|who| Trustee { person: who.person, role: who.role })
        .collect();
    let id = tender.tender;
    let done = match fields.count("threshold") {
        Ok(threshold) => {
            let custody = Custody { threshold, trustees };
            door.act(who.actor(), move |act| actions::set_custody(act, &who, id, &custody)).await
        }
        Err(refused) => Err(Failure::from(refused)),
    };
    match p.or_problem(done)? {
        Ok(_) => Ok(Page::see(format!("/project/{number}"))),
        Err(p) => {
            let page = trustees_page(&p, &number, &people, &chosen, &fields);
            p.html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}
