//! One lot from its report to its contract: where it stands, what is next and by when, and why a button does nothing.

use super::paper::Paper;
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::Who;
use crate::evaluation::report::Conclusion;
use crate::evaluation::standing::ClosedReport;
use crate::expert_draw::actions as expert_draw;
use crate::expert_draw::draw::Draw;
use crate::expert_draw::rules::Subject as What;
use crate::ledger::Door;
use crate::platform::calendar::Calendar;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::platform::web::Answer;
use crate::project::flow;
use crate::project::phase::Milestone;
use crate::project::standing::LotFacts;
use crate::project::store::seen_lot;
use crate::publication::actions;
use crate::publication::notice::NoticeKind;
use crate::publication::rules::{self, AwardFacts, Due, Refusal};
use crate::publication::store::{self, Notice};
use actix_web::web;
use askama::Template;
use serde::Deserialize;

/// One step, in words.
struct StepView {
    name: String,
    /// When it was done; empty while it is not.
    done: String,
    /// Address of the public notice, if there is one.
    href: String,
    /// Until when a notice is on display, or by when the step is due; empty if no time is set.
    display: String,
    due: String,
    /// The time that runs now, in microseconds.
    running: Option<i64>,
    article: String,
    /// Whose step it is.
    whose: String,
    /// Address of the signing page, for who may sign now.
    button: String,
    /// Why not, for who might sign at another time.
    why: String,
}

#[derive(Template)]
#[template(path = "publication/lot.html")]
struct LotPage {
    p: Page,
    number: String,
    lot: String,
    title: String,
    phase: String,
    frozen: bool,
    suspensions: u32,
    since: String,
    waiting: bool,
    signed: String,
    steps: Vec<StepView>,
    has_letter: bool,
    /// Records that anybody can draw again: what was drawn, and where its file is.
    draws: Vec<(String, String)>,
}

/// Everything that the page stands on.
struct Known {
    facts: LotFacts,
    closed: Option<ClosedReport>,
    award: Option<AwardFacts>,
    awarded_at: Option<Moment>,
    notices: Vec<Notice>,
    has_letter: bool,
    draws: Vec<(Id<Draw>, What)>,
}

fn know(db: &mut Db, vault: &Vault, who: Option<&Who>, number: &str, lot: &str) -> Result<Known, Failure> {
    let facts = seen_lot(db, number, lot, None)?;
    let closed = match actions::signed_report(db, vault, facts.lot) {
        Ok((_, closed)) => Some(closed),
        Err(Failure::Refused(_)) => None,
        Err(fault) => return Err(fault),
    };
    let award = closed.as_ref().map(|closed| actions::award_facts(db, &facts, closed)).transpose()?;
    let has_letter = match who.filter(|who| who.role == Role::Bidder) {
        Some(who) => store::letter(db, vault, facts.lot, who.organisation)?.is_some(),
        None => false,
    };
    let awarded_at = facts.reached(Milestone::Awarded).map(|reached| reached.at);
    let notices = store::notices_of(db, facts.lot)?;
    let draws = expert_draw::public_draws(db, &facts)?;
    Ok(Known { facts, closed, award, awarded_at, notices, has_letter, draws })
}

impl Known {
    fn notice(&self, kind: NoticeKind) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.kind == kind)
    }

    /// The papers of this lot. That an evaluation found no winner is for its own people until it is published.
    fn papers(&self, insider: bool) -> Result<Vec<Paper>, Failure> {
        let failed = self.closed.as_ref().is_some_and(|c| c.report.result.conclusion != Conclusion::Ranked);
        if self.notice(NoticeKind::Failure).is_some() || (failed && insider) {
            return Ok(vec![Paper::Failure]);
        }
        let displays = self.facts.book()?.periods.candidate_publicity_min.is_some();
        let all = [Paper::Candidates, Paper::Award, Paper::Result, Paper::Contract];
        Ok(all.into_iter().filter(|paper| displays || *paper != Paper::Candidates).collect())
    }

    fn done_at(&self, paper: Paper) -> Option<Moment> {
        match paper.notice() {
            Some(kind) => self.notice(kind).map(|notice| notice.published_at),
            None => self.awarded_at,
        }
    }

    /// By when the paper is due; `None` where no time is set or none runs yet, or the calendar is not known.
    fn due(&self, paper: Paper) -> Result<Option<Due>, Failure> {
        let (book, calendar) = (self.facts.book()?, Calendar::official());
        let evaluated = self.facts.reached(Milestone::Evaluated).map(|reached| reached.at);
        let published = self.notice(NoticeKind::Result).map(|notice| notice.published_at);
        let due = match (paper, evaluated, self.awarded_at, published) {
            (Paper::Candidates, Some(at), ..) => rules::candidates_due(book, at, calendar),
            (Paper::Award, Some(at), ..) => rules::award_due(book, at, calendar),
            (Paper::Result, _, Some(at), _) => rules::result_due(book, at, calendar),
            (Paper::Contract, _, _, Some(at)) => rules::contract_due(book, at, calendar).map(Some),
            _ => Ok(None),
        };
        Ok(due.unwrap_or_default())
    }

    /// Whether `who` may sign the paper now.
    fn may_sign(&self, paper: Paper, who: &Who, now: Moment) -> Result<(), Failure> {
        self.facts.may_own(paper.step(), who, now)?;
        if self.closed.is_none() {
            return Err(Refused::from(Refusal::NothingRanked).into());
        }
        if let (Paper::Award, Some(award)) = (paper, &self.award) {
            let first = award.candidates.first().map_or("", String::as_str);
            rules::may_award(self.facts.book()?, award, first, None, now).map_err(Refused::from)?;
        }
        Ok(())
    }
}

fn step_view(p: &Page, known: &Known, paper: Paper) -> Result<StepView, Failure> {
    let (row, done) = (flow::row_of(paper.step()), known.done_at(paper));
    let base = format!("/publication/{}", known.facts.name());
    let notice = paper.notice().and_then(|kind| known.notice(kind));
    let due = if done.is_none() { known.due(paper)? } else { None };
    let display = notice.and_then(|notice| notice.display_until);
    let roles = row.map(|row| row.who).unwrap_or_default();
    let whose: Vec<String> = roles.iter().map(|role| p.t(&format!("account.role.{}", role.code()))).collect();
    let (mut button, mut why) = (String::new(), String::new());
    let signer = p.who.as_ref().filter(|who| known.facts.is_own(who) && roles.contains(&who.role));
    if let (Some(who), None) = (signer, done) {
        match known.may_sign(paper, who, p.now) {
            Ok(()) => button = format!("{base}/sign/{}", paper.code()),
            Err(Failure::Refused(refused)) => why = p.lang.refusal(&refused),
            Err(fault) => return Err(fault),
        }
    }
    // the decision is read by everybody once the result is out, and by its own people before
    let insider = p.is(Role::Supervisor) || p.who.as_ref().is_some_and(|who| known.facts.is_own(who));
    let decided = paper == Paper::Award && done.is_some();
    let readable = notice.is_some() || decided && (insider || known.notice(NoticeKind::Result).is_some());
    let running = display.or(due.as_ref().map(|due| due.by)).filter(|until| p.now < *until);
    Ok(StepView {
        name: p.t(&format!("publication.paper.{}", paper.code())),
        done: done.map(|at| at.beijing()).unwrap_or_default(),
        href: if readable { format!("{base}/{}", paper.code()) } else { String::new() },
        display: display.map(|until| until.beijing_minute()).unwrap_or_default(),
        due: due.as_ref().map(|due| due.by.beijing_minute()).unwrap_or_default(),
        running: running.map(Moment::micros),
        article: due.map_or_else(|| row.map_or("", |row| row.article).to_owned(), |due| due.article),
        whose: whose.join(" / "),
        button,
        why,
    })
}

fn draw_link(p: &Page, draw: Id<Draw>, what: What) -> (String, String) {
    let name = p.t(&format!("expert_draw.subject.{}", what.code()));
    (name, format!("/expert-draw/draw/{draw}/record.json"))
}

#[derive(Deserialize, Default)]
pub(super) struct Just {
    #[serde(default)]
    signed: String,
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
    let own = p.who.as_ref().is_some_and(|who| known.facts.is_own(who));
    let insider = own || p.is(Role::Supervisor);
    let steps = known.papers(insider)?.into_iter().map(|paper| step_view(&p, &known, paper));
    let steps = steps.collect::<Result<Vec<_>, Failure>>()?;
    let signed = Paper::from_code(&query.signed).filter(|paper| own && known.done_at(*paper).is_some());
    let hold = known.facts.hold();
    let page = LotPage {
        p: p.clone(),
        number,
        lot,
        title: format!("{} · {}", known.facts.tender_title, known.facts.title),
        phase: p.t(&format!("project.phase.{}", known.facts.phase(p.now).code())),
        frozen: hold.frozen,
        suspensions: hold.suspensions,
        since: hold.since.map(|since| since.beijing_minute()).unwrap_or_default(),
        waiting: known.facts.reached(Milestone::Evaluated).is_none() && known.notices.is_empty(),
        signed: signed.map(|paper| p.t(&format!("publication.paper.{}", paper.code()))).unwrap_or_default(),
        steps,
        has_letter: known.has_letter,
        draws: known.draws.iter().map(|(draw, what)| draw_link(&p, *draw, *what)).collect(),
    };
    p.html(&page)
}
