//! The objections of one lot: what may be objected to now, what waits for an answer, and every answer.

use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::ledger::Door;
use crate::objection::actions;
use crate::objection::rules::{self, Standing, Subject, Window};
use crate::objection::store::{self, Case, CaseFacts};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::standing::LotFacts;
use crate::project::store::seen_lot;
use actix_web::web;
use askama::Template;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that may be objected to.
struct SubjectView {
    name: String,
    /// The time for it; empty while it can not be dated.
    from: String,
    until: String,
    /// Its end in microseconds while it is running.
    running: Option<i64>,
    article: String,
    /// Address of the form, for who may file now.
    button: String,
    /// Why there is none.
    why: String,
}

/// One objection, as far as the reader may see it.
struct CaseView {
    id: String,
    subject: String,
    /// Empty while it is not answered, for people who have no part in it.
    text: String,
    filed: String,
    due: String,
    running: Option<i64>,
    suspends: bool,
    mine: bool,
    /// Who filed it, for who may know.
    filer: String,
    outcome: String,
    answer: String,
    answered: String,
    /// Address of the form for the answer.
    button: String,
}

#[derive(Template)]
#[template(path = "objection/lot.html")]
struct LotPage {
    p: Page,
    number: String,
    lot: String,
    title: String,
    frozen: bool,
    suspensions: u32,
    since: String,
    suspends: bool,
    suspends_article: String,
    complaint: String,
    complaint_article: String,
    subjects: Vec<SubjectView>,
    waiting: Vec<CaseView>,
    answered: Vec<CaseView>,
    done: &'static str,
}

/// Everything that the page stands on.
struct Known {
    facts: LotFacts,
    windows: Vec<(Subject, Result<Option<Window>, Refused>)>,
    standing: Standing,
    cases: Vec<CaseFacts>,
    mine: BTreeSet<String>,
    filers: BTreeMap<String, String>,
}

/// Who has filed is told to who answers and to the supervisor, but not before the bids are open: who took the documents
/// is secret until then (《招标投标法》第二十二条).
fn may_know_filers(facts: &LotFacts, who: &Who) -> bool {
    (facts.is_own(who) || who.role == Role::Supervisor) && facts.reached(Milestone::Opened).is_some()
}

fn know(db: &mut Db, vault: &Vault, who: Option<&Who>, number: &str, lot: &str) -> Result<Known, Failure> {
    let facts = seen_lot(db, number, lot, None)?;
    let mut windows = Vec::new();
    for subject in Subject::ALL {
        let window = match actions::window(db, &facts, subject) {
            Ok(window) => Ok(window),
            Err(Failure::Refused(refused)) => Err(refused),
            Err(fault) => return Err(fault),
        };
        windows.push((subject, window));
    }
    let cases = store::cases_of(db, facts.lot)?;
    let (mut standing, mut mine, mut filers) = (Standing::None, BTreeSet::new(), BTreeMap::new());
    if let Some(who) = who.filter(|who| who.role == Role::Bidder) {
        standing = actions::standing(db, vault, who, &facts)?;
        mine = store::filed_by(db, vault, who.organisation)?.iter().map(|case| case.id.to_string()).collect();
    }
    if who.is_some_and(|who| may_know_filers(&facts, who)) {
        for case in &cases {
            if let Some(filer) = store::filer(db, vault, case.id)? {
                filers.insert(case.id.to_string(), filer.name);
            }
        }
    }
    Ok(Known { facts, windows, standing, cases, mine, filers })
}

fn may_file(
    p: &Page,
    known: &Known,
    who: &Who,
    subject: Subject,
    window: Option<&Window>,
) -> Result<(), Refused> {
    rules::may_file(subject, known.standing, window, p.now)?;
    known.facts.may(Step::RaiseObjection, who.role, p.now)?;
    Ok(())
}

fn subject_view(
    p: &Page,
    known: &Known,
    subject: Subject,
    window: &Result<Option<Window>, Refused>,
) -> SubjectView {
    let dated = window.as_ref().ok().and_then(Option::as_ref);
    let (mut button, mut why) = (String::new(), String::new());
    match (window, p.who.as_ref().filter(|who| who.role == Role::Bidder)) {
        (Err(refused), _) => why = p.lang.refusal(refused),
        (Ok(_), Some(who)) => match may_file(p, known, who, subject, dated) {
            Ok(()) => button = format!("/objection/{}/file/{}", known.facts.name(), subject.code()),
            Err(refused) => why = p.lang.refusal(&refused),
        },
        // the time alone decides what a visitor is told
        (Ok(_), None) => {
            if let Err(refusal) = rules::may_file(subject, Standing::Bid, dated, p.now) {
                why = p.lang.refusal(&Refused::from(refusal));
            }
        }
    }
    let is_running = |window: &&Window| window.from <= p.now && p.now < window.until;
    SubjectView {
        name: p.t(&format!("objection.subject.{}", subject.code())),
        from: dated.map(|window| window.from.beijing_minute()).unwrap_or_default(),
        until: dated.map(|window| window.until.beijing_minute()).unwrap_or_default(),
        running: dated.filter(is_running).map(|window| window.until.micros()),
        article: dated.map(|window| window.article.clone()).unwrap_or_default(),
        button,
        why,
    }
}

fn case_view(p: &Page, known: &Known, case: &CaseFacts) -> CaseView {
    let id = case.id.to_string();
    let mine = known.mine.contains(&id);
    let own = p.who.as_ref().filter(|who| known.facts.is_own(who));
    let reads = mine || own.is_some() || p.is(Role::Supervisor) || case.answer.is_some();
    let may_answer = own.is_some_and(|who| known.facts.may(Step::AnswerObjection, who.role, p.now).is_ok());
    let answer = case.answer.as_ref();
    CaseView {
        subject: p.t(&format!("objection.subject.{}", case.subject.code())),
        text: if reads { case.text.clone() } else { String::new() },
        filed: case.filed_at.beijing(),
        due: case.answer_due.beijing_minute(),
        running: (answer.is_none() && p.now < case.answer_due).then(|| case.answer_due.micros()),
        suspends: case.suspends,
        mine,
        filer: known.filers.get(&id).cloned().unwrap_or_default(),
        outcome: answer
            .map(|answer| p.t(&format!("objection.outcome.{}", answer.outcome.code())))
            .unwrap_or_default(),
        answer: answer.map(|answer| answer.text.clone()).unwrap_or_default(),
        answered: answer.map(|answer| answer.answered_at.beijing()).unwrap_or_default(),
        button: if may_answer && answer.is_none() {
            format!("/objection/{}/case/{id}", known.facts.name())
        } else {
            String::new()
        },
        id,
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Just {
    #[serde(default)]
    done: String,
}

pub(super) async fn lot_get(
    p: Page,
    door: web::Data<Door>,
    path: web::Path<(String, String)>,
    query: web::Query<Just>,
) -> Answer {
    let (number, lot) = path.into_inner();
    let (vault, who) = (door.vault().clone(), p.who.clone());
    let (tender_name, lot_name) = (number.clone(), lot.clone());
    let known = door.look(move |db| know(db, &vault, who.as_ref(), &tender_name, &lot_name)).await?;
    let book = known.facts.book()?;
    let complaint = &book.periods.complaint_within;
    let unit = match complaint.value.unit {
        crate::platform::calendar::Unit::Calendar => "objection.complaint.calendar",
        crate::platform::calendar::Unit::Working => "objection.complaint.working",
    };
    let subject = |(subject, window): &(Subject, _)| subject_view(&p, &known, *subject, window);
    let subjects = known.windows.iter().map(subject).collect();
    let cases = known.cases.iter().map(|case| case_view(&p, &known, case));
    let (answered, waiting) = cases.partition(|case: &CaseView| !case.answered.is_empty());
    let hold = known.facts.hold();
    let page = LotPage {
        p: p.clone(),
        number,
        lot,
        title: format!("{} · {}", known.facts.tender_title, known.facts.title),
        frozen: hold.frozen,
        suspensions: hold.suspensions,
        since: hold.since.map(|since| since.beijing_minute()).unwrap_or_default(),
        suspends: rules::suspends(book),
        suspends_article: book.objections.suspend_until_answered.article.clone(),
        complaint: p.tv(unit, "days", complaint.value.days),
        complaint_article: complaint.article.clone(),
        subjects,
        waiting,
        answered,
        done: match (query.done.as_str(), p.who.is_some()) {
            ("filed", true) => "objection.done.filed",
            ("answered", true) => "objection.done.answered",
            _ => "",
        },
    };
    p.html(&page)
}

/// The objection of this lot that an address names.
pub(super) fn named_case(db: &mut Db, facts: &LotFacts, id: &str) -> Result<CaseFacts, Failure> {
    let missing = || Refused::from(rules::Refusal::NotFound);
    let id: Id<Case> = Id::parse(id).ok_or_else(missing)?;
    let case = store::case(db, id)?.filter(|case| case.lot == facts.lot);
    Ok(case.ok_or_else(missing)?)
}
