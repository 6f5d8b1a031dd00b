//! The report with every figure, for the committee and those who supervise it; for agent and entity once all have signed.

use super::super::method::TieRule;
use super::super::report::Conclusion;
use super::super::standing::Task;
use super::{ReasonView, Room, Title, room, seated};
use crate::account::page::Page;
use crate::account::role::Role;
use crate::account::who::{Agent, Among, Centre, Entity, Expert, Supervisor, Who};
use crate::ledger::Door;
use crate::platform::money::Fen;
use crate::platform::refusal::Refused;
use crate::platform::web::Answer;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use askama::Template;

#[derive(Template)]
#[template(path = "evaluation/report.html")]
struct ReportPage {
    p: Page,
    title: Title,
    conclusion: &'static str,
    rows: Vec<Ranked>,
    scored: bool,
    rejected: Vec<(String, Vec<ReasonView>)>,
    working: Option<WorkingView>,
    candidates: Vec<String>,
    opinions: Vec<(String, &'static str, String)>,
    /// Who has not signed: the seat's label, and its name.
    silent: Vec<(String, String)>,
    may_sign: bool,
    leads: bool,
    digest: String,
    session: Option<String>,
    begun: bool,
    over: bool,
}

struct Ranked {
    rank: u32,
    bidder: String,
    price: String,
    deviation: String,
    price_score: String,
    technical: String,
    commercial: String,
    total: String,
    /// Why this bid stands behind the one before it although both are equal in the main measure: a locale key.
    parted: Option<&'static str>,
    /// It shares its rank with another.
    shared: bool,
}

/// How the base price came about, in the order in which a person would compute it.
struct WorkingView {
    left_out: String,
    kept: String,
    mean: String,
    coefficients: String,
    base: String,
}

pub async fn report_get(
    Among(who, ..): Among<(Agent, Entity, Expert, Supervisor, Centre)>,
    p: Page,
    door: Data<Door>,
    path: Path<(String, String)>,
) -> Answer {
    show(p, &door, &who, (&path.0, &path.1)).await
}

/// The report's page, with the problems of `p` above it.
pub(super) async fn show(p: Page, door: &Door, who: &Who, (number, lot): (&str, &str)) -> Answer {
    let Room { facts, evaluation, session } = room(door, number, lot).await?;
    let missing = || Refused::new(404, "platform.refusal.not_found");
    let evaluation = evaluation.ok_or_else(missing)?;
    let closed = evaluation.closed.as_ref().ok_or_else(missing)?;
    let seat = evaluation.seat_of(who.person).filter(|seat| seat.stepped_down_at.is_none());
    let own = who.organisation == facts.agent_organisation || who.organisation == facts.entity_organisation;
    let after = evaluation.all_spoke() && (own || who.role == Role::Centre);
    if seat.is_none() && who.role != Role::Supervisor && !after {
        return Err(missing().into());
    }
    let may_sign = seat.is_some() && seated(door, who, number, lot).await?.task == Task::Sign;
    let result = &closed.report.result;
    let name = |bid: &str| super::bid_name(&p, &evaluation, bid);
    let show = |value: &Option<super::super::decimal::Exact>| {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let row = |row: &super::super::ranking::Row| Ranked {
        rank: row.rank,
        bidder: name(&row.bid),
        price: row.price.to_string(),
        deviation: show(&row.deviation),
        price_score: show(&row.price_score),
        technical: show(&row.technical),
        commercial: show(&row.commercial),
        total: show(&row.total),
        parted: row.parted_by.map(parted_key),
        shared: result.rows.iter().filter(|other| other.rank == row.rank).count() > 1,
    };
    let rows: Vec<Ranked> = result.rows.iter().map(row).collect();
    let list = |prices: &[Fen]| prices.iter().map(ToString::to_string).collect::<Vec<_>>().join("、");
    let working = result.working.as_ref().map(|working| WorkingView {
        left_out: list(&[working.dropped_low.as_slice(), &working.dropped_high].concat()),
        kept: list(&working.kept),
        mean: yuan(&working.mean.to_string()),
        coefficients: working.coefficients.iter().map(ToString::to_string).collect::<Vec<_>>().join("、"),
        base: yuan(&working.base.to_string()),
    });
    let reasons = |list: &[super::super::responsiveness::Rejection]| {
        list.iter().map(|one| ReasonView::new(&p, one)).collect()
    };
    let opinion = |spoken: &super::super::standing::SignedPaper<super::super::standing::OpinionPaper>| {
        let paper = &spoken.paper;
        (super::member_name(&p, &paper.member), opinion_key(paper.opinion), paper.reason.clone())
    };
    let unheard = |seat: &&super::SeatFacts| evaluation.opinion(&seat.member).is_none();
    let silent = |seat: &super::SeatFacts| (seat.member.clone(), super::member_name(&p, &seat.member));
    let page = ReportPage {
        p: p.clone(),
        title: Title::of(&facts),
        conclusion: conclusion_key(result.conclusion),
        scored: rows.iter().any(|row| !row.total.is_empty()),
        rows,
        rejected: result.rejected.iter().map(|(bid, list)| (name(bid), reasons(list))).collect(),
        working,
        candidates: result.candidates.iter().map(|bid| name(bid)).collect(),
        opinions: evaluation.opinions.iter().map(opinion).collect(),
        silent: evaluation.active().filter(unheard).map(silent).collect(),
        may_sign,
        leads: seat.is_some_and(|seat| seat.leader) && !may_sign,
        digest: closed.digest.clone(),
        session: session.map(|session| session.to_string()),
        begun: true,
        over: evaluation.all_spoke(),
    };
    let status = if p.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    p.html_with(status, &page)
}

/// An amount as all amounts are written, if it is one in whole fen.
fn yuan(amount: &str) -> String {
    Fen::parse(amount).map_or_else(|| amount.to_owned(), |amount| amount.to_string())
}

const fn opinion_key(opinion: super::super::standing::Opinion) -> &'static str {
    use super::super::standing::Opinion;
    match opinion {
        Opinion::Agree => "evaluation.opinion.agree",
        Opinion::Dissent => "evaluation.opinion.dissent",
        Opinion::Deemed => "evaluation.opinion.deemed",
    }
}

/// Why one of two equals goes first: a locale key.
const fn parted_key(rule: TieRule) -> &'static str {
    match rule {
        TieRule::LowerPrice => "evaluation.parted.lower_price",
        TieRule::HigherTechnical => "evaluation.parted.higher_technical",
        TieRule::Draw => "evaluation.parted.draw",
    }
}

const fn conclusion_key(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Ranked => "evaluation.conclusion.ranked",
        Conclusion::TooFewAtDeadline => "evaluation.conclusion.too_few_at_deadline",
        Conclusion::TooFewResponsive => "evaluation.conclusion.too_few_responsive",
        Conclusion::NoCompetition => "evaluation.conclusion.no_competition",
        Conclusion::AllRejected => "evaluation.conclusion.all_rejected",
    }
}
