//! What is done after an evaluation. One function is one act; every notice is signed by who publishes it.

use super::notice::{
    AwardDecision, ContractNotice, FailureNotice, Letter, LetterKind, Line, NoticeKind, ResultNotice,
    candidates_notice, heading, lines, rejected,
};
use super::rules::{self, AwardFacts, Display, Happened, PassedOver, Refusal};
use super::store::{self, Award, Notice};
use crate::account::authority::Authority;
use crate::account::signature::{self, Signed, SignedFields};
use crate::account::who::Who;
use crate::evaluation;
use crate::evaluation::capital_amount;
use crate::evaluation::report::Conclusion;
use crate::evaluation::standing::{ClosedReport, Evaluation};
use crate::ledger::{Act, Event, Subject};
use crate::message;
use crate::message::rules::Notice as Message;
use crate::party;
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::project;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;
use serde::Serialize;

/// A notice was published.
#[derive(Serialize)]
struct Published<'a> {
    lot: Id<Lot>,
    notice: &'static str,
    /// SHA-256 of the signed text, base64url.
    statement: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_until: Option<Moment>,
    signature: &'a str,
    certificate: &'a str,
}

impl Event for Published<'_> {
    const KIND: &'static str = "publication.published";
    const NUMBER: u8 = 170;
}

/// The entity decided who wins.
#[derive(Serialize)]
struct Awarded<'a> {
    lot: Id<Lot>,
    bid: &'a str,
    statement: String,
    signature: &'a str,
    certificate: &'a str,
}

impl Event for Awarded<'_> {
    const KIND: &'static str = "publication.awarded";
    const NUMBER: u8 = 171;
}

/// Letters went to the winner and to all others at one moment (《招标投标法》第四十五条).
#[derive(Serialize)]
struct LettersIssued {
    lot: Id<Lot>,
    /// SHA-256 of each letter's canonical form, base64url, sorted.
    letters: Vec<String>,
}

impl Event for LettersIssued {
    const KIND: &'static str = "publication.letters_issued";
    const NUMBER: u8 = 172;
}

fn refuse(refusal: Refusal) -> Failure {
    Refused::from(refusal).into()
}

/// Everything that the acts of this room begin with.
struct Ground {
    facts: LotFacts,
    evaluation: Evaluation,
    closed: ClosedReport,
}

impl Ground {
    fn of(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, step: Step) -> Result<Self, Failure> {
        let (now, vault) = (act.now(), act.vault().clone());
        let facts = project::store::known_lot(act.db(), lot)?;
        facts.may_own(step, who, now)?;
        let (evaluation, closed) = signed_report(act.db(), &vault, lot)?;
        Ok(Self { facts, evaluation, closed })
    }

    fn subject(&self) -> Subject {
        Subject::open(self.facts.tender)
    }
}

/// The evaluation of a lot and its report, if the committee has signed it.
///
/// # Errors
/// Refused if there is none yet.
pub fn signed_report(
    db: &mut Db,
    vault: &Vault,
    lot: Id<Lot>,
) -> Result<(Evaluation, ClosedReport), Failure> {
    let evaluation = evaluation::store::evaluation(db, vault, lot)?.filter(Evaluation::all_spoke);
    let evaluation = evaluation.ok_or_else(|| refuse(Refusal::NothingRanked))?;
    let closed = evaluation.closed.clone().ok_or_else(|| refuse(Refusal::NothingRanked))?;
    Ok((evaluation, closed))
}

fn publish(
    act: &mut Act<'_>,
    ground: &Ground,
    kind: NoticeKind,
    signed: Signed,
    display: Option<Display>,
) -> Result<(), Failure> {
    let (now, lot) = (act.now(), ground.facts.lot);
    if store::notice(act.db(), lot, kind)?.is_some() {
        return Err(refuse(Refusal::AlreadyPublished));
    }
    let display_until = display.map(|display| display.until);
    let notice = Notice {
        lot,
        tender: ground.facts.tender,
        kind,
        body: signed.statement.clone(),
        signed,
        published_at: now,
        display_until,
    };
    store::insert_notice(act.db(), &notice)?;
    let event = Published {
        lot,
        notice: kind.code(),
        statement: b64u(&sha256(&[notice.body.as_bytes()])),
        display_until,
        signature: &notice.signed.signature,
        certificate: &notice.signed.certificate,
    };
    act.enter(&ground.subject(), &event)?;
    act.tell(project::actions::topic(ground.facts.tender));
    Ok(())
}

/// 公示中标候选人: the agent puts the candidates on display, with all rejections.
///
/// # Errors
/// Refused for other people, in the wrong phase, where this law displays none, without a ranking, or a second time.
pub fn publish_candidates(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let ground = Ground::of(act, who, lot, Step::PublishCandidates)?;
    if ground.closed.report.result.conclusion != Conclusion::Ranked {
        return Err(refuse(Refusal::NothingRanked));
    }
    let now = act.now();
    let display =
        rules::candidate_display(ground.facts.book()?, now, Calendar::official()).map_err(refuse)?;
    let display = display.ok_or_else(|| refuse(Refusal::NoDisplayHere))?;
    let statement = candidates_statement(&ground.facts, &ground.closed);
    let signed = signature::check(act.db(), authority, who, now, &statement, fields)?;
    publish(act, &ground, NoticeKind::Candidates, signed, Some(display))?;
    project::actions::reach(act, lot, Milestone::CandidatesPublished)?;
    Ok(())
}

/// The text of the candidates notice.
pub fn candidates_statement(facts: &LotFacts, closed: &ClosedReport) -> String {
    jcs_text(&candidates_notice(facts, &closed.report, &closed.digest))
}

/// The facts on which an award rests now.
///
/// # Errors
/// The database fails.
pub fn award_facts(db: &mut Db, facts: &LotFacts, closed: &ClosedReport) -> Result<AwardFacts, Failure> {
    let notice = store::notice(db, facts.lot, NoticeKind::Candidates)?;
    let book = facts.book()?;
    let article = book
        .periods
        .candidate_publicity_min
        .as_ref()
        .map(|period| period.article.clone())
        .unwrap_or_default();
    let display = notice.as_ref().and_then(|notice| {
        Some(Display { from: notice.published_at, until: notice.display_until?, article })
    });
    Ok(AwardFacts {
        candidates: closed.report.result.candidates.clone(),
        displayed: notice.is_some(),
        display,
        unanswered: facts.hold().suspensions,
    })
}

/// The text of an award decision: whom the committee recommends, who wins under which article, by when that had to be decided,
/// and why if it is not the first.
///
/// # Errors
/// Refused if the bid was not ranked, or no holiday table tells the time for the decision.
pub fn award_statement(
    facts: &LotFacts,
    closed: &ClosedReport,
    bid: &str,
    cause: Option<PassedOver>,
    cause_facts: &str,
) -> Result<AwardDecision, Failure> {
    let (book, all) = (facts.book()?, lines(&closed.report));
    let of = |bid: &str| all.iter().find(|line| line.bid == bid).cloned();
    let reported = facts.reached(Milestone::Evaluated).map_or(closed.closed_at, |reached| reached.at);
    let due = rules::award_due(book, reported, Calendar::official()).map_err(refuse)?;
    Ok(AwardDecision {
        format: "sunbid/award-decision/1".into(),
        heading: heading(facts, &closed.digest),
        candidates: closed.report.result.candidates.iter().filter_map(|bid| of(bid)).collect(),
        winner: of(bid).ok_or_else(|| refuse(Refusal::NotACandidate))?,
        basis: book.candidates.first_must_win.article.clone(),
        decide_by: due.map(|due| due.by),
        cause,
        cause_facts: cause_facts.trim().to_owned(),
    })
}

/// 定标: the entity decides. The first candidate wins unless the law knows a cause.
///
/// # Errors
/// Refused for other people, in the wrong phase, while the display runs or an objection is unanswered, and for anybody who is
/// not a candidate.
pub fn decide_award(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let ground = Ground::of(act, who, lot, Step::DecideAward)?;
    let closed = &ground.closed;
    let decision: AwardDecision =
        serde_json::from_str(&fields.text()).map_err(|_| refuse(Refusal::NotACandidate))?;
    let expected =
        award_statement(&ground.facts, closed, &decision.winner.bid, decision.cause, &decision.cause_facts)?;
    let award_facts = award_facts(act.db(), &ground.facts, closed)?;
    let book = ground.facts.book()?;
    rules::may_award(book, &award_facts, &expected.winner.bid, expected.cause, now).map_err(refuse)?;
    if expected.cause.is_some() && expected.cause_facts.chars().count() < 2 {
        return Err(refuse(Refusal::Missing { field: "cause_facts" }));
    }
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&expected), fields)?;
    let event = Awarded {
        lot,
        bid: &expected.winner.bid,
        statement: b64u(&sha256(&[signed.statement.as_bytes()])),
        signature: &signed.signature,
        certificate: &signed.certificate,
    };
    act.enter(&ground.subject(), &event)?;
    store::insert_award(
        act.db(),
        lot,
        &Award { decision: expected, signed: signed.clone(), decided_at: now },
    )?;
    project::actions::reach(act, lot, Milestone::Awarded)?;
    Ok(())
}

/// The result notice as it would be signed now. Names of experts only where the rulebook says so.
///
/// # Errors
/// Refused before the award; the database fails.
pub fn result_notice(
    db: &mut Db,
    facts: &LotFacts,
    evaluation: &Evaluation,
    closed: &ClosedReport,
) -> Result<ResultNotice, Failure> {
    let award = store::award(db, facts.lot)?.ok_or_else(|| refuse(Refusal::NothingRanked))?;
    let winner = evaluation.opened.bidders.get(&award.decision.winner.bid).copied();
    let winner = winner.map(|id| party::store::get(db, id)).transpose()?.flatten();
    let agent = party::store::get(db, facts.agent_organisation)?;
    let named = facts.book()?.publication.expert_names_in_result.value;
    let mut experts: Vec<String> =
        evaluation.active().filter(|_| named).map(|seat| seat.holder.name.clone()).collect();
    experts.sort();
    Ok(ResultNotice {
        format: "sunbid/result-notice/1".into(),
        heading: heading(facts, &closed.digest),
        agent: agent.map(|agent| agent.name).unwrap_or_default(),
        winner: award.decision.winner,
        winner_credit_code: winner.map(|winner| winner.credit_code.to_string()).unwrap_or_default(),
        experts,
        ranking: lines(&closed.report),
        rejected: rejected(&closed.report),
    })
}

/// 公布结果: the result notice, the award letter and the letters to all others in one act; refunds that are due become due.
///
/// # Errors
/// Refused for other people, in the wrong phase, or a second time.
pub fn publish_result(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let ground = Ground::of(act, who, lot, Step::PublishResult)?;
    let notice = result_notice(act.db(), &ground.facts, &ground.evaluation, &ground.closed)?;
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&notice), fields)?;
    let display = rules::result_display(ground.facts.book()?, now, Calendar::official()).map_err(refuse)?;
    publish(act, &ground, NoticeKind::Result, signed, display)?;
    issue_letters(act, &ground, &notice)?;
    if !notice.experts.is_empty() {
        super::sources::release_names(act, lot)?;
    }
    project::actions::reach(act, lot, Milestone::ResultPublished)?;
    let winner = ground.evaluation.opened.bidders.get(&notice.winner.bid).copied();
    let happened = Happened { awarded_at: Some(now), ..Happened::default() };
    super::sources::refunds_fall_due(act, &ground.facts, winner, &happened)
}

/// Letters to everybody whose bid was opened, all at `now`.
fn issue_letters(act: &mut Act<'_>, ground: &Ground, notice: &ResultNotice) -> Result<(), Failure> {
    let (now, vault, lot) = (act.now(), act.vault().clone(), ground.facts.lot);
    let contract = rules::contract_due(ground.facts.book()?, now, Calendar::official()).map_err(refuse)?;
    let report = &ground.closed.report;
    let mut digests = Vec::new();
    for (bid, organisation) in &ground.evaluation.opened.bidders {
        let won = *bid == notice.winner.bid;
        let letter = Letter {
            format: "sunbid/award-letter/1".into(),
            heading: notice.heading.clone(),
            kind: if won { LetterKind::Award } else { LetterKind::Loss },
            to: ground.evaluation.bidder(bid),
            winner: notice.winner.bidder.clone(),
            price: notice.winner.price,
            price_words: capital_amount::write(notice.winner.price).unwrap_or_default(),
            own: notice.ranking.iter().find(|line| line.bid == *bid).cloned(),
            own_rejections: report.result.rejected.get(bid).cloned().unwrap_or_default(),
            issued_at: now,
            contract_by: won.then_some(contract.by),
        };
        digests.push(b64u(&sha256(&[jcs_text(&letter).as_bytes()])));
        store::insert_letter(act.db(), &vault, lot, *organisation, &letter)?;
        let (what, name) = (if won { Message::Award } else { Message::Loss }, ground.facts.name());
        message::actions::send(act, *organisation, what, &name, format!("/publication/{name}/letter"))?;
    }
    digests.sort();
    act.enter(&ground.subject(), &LettersIssued { lot, letters: digests })?;
    Ok(())
}

/// The failure notice as it would be signed now.
pub fn failure_notice(facts: &LotFacts, closed: &ClosedReport, reason: &str) -> FailureNotice {
    FailureNotice {
        format: "sunbid/failure-notice/1".into(),
        heading: heading(facts, &closed.digest),
        conclusion: closed.report.result.conclusion,
        rejected: rejected(&closed.report),
        reason: reason.trim().to_owned(),
    }
}

/// 流标、废标: an evaluation without a winner is published with its reasons, and all deposits become due back.
///
/// # Errors
/// Refused for other people, in the wrong phase, while bids are ranked, or without a reason.
pub fn publish_failure(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let ground = Ground::of(act, who, lot, Step::DeclareUnsuccessful)?;
    if ground.closed.report.result.conclusion == Conclusion::Ranked {
        return Err(refuse(Refusal::BidsAreRanked));
    }
    let said: FailureNotice =
        serde_json::from_str(&fields.text()).map_err(|_| refuse(Refusal::Missing { field: "reason" }))?;
    let notice = failure_notice(&ground.facts, &ground.closed, &said.reason);
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&notice), fields)?;
    publish(act, &ground, NoticeKind::Failure, signed, None)?;
    project::actions::declare_unsuccessful(act, who, lot, &notice.reason)?;
    let happened = Happened { ended_at: Some(now), ..Happened::default() };
    super::sources::refunds_fall_due(act, &ground.facts, None, &happened)
}

/// The contract notice as it would be signed now.
///
/// # Errors
/// Refused before the award, or without a contract number.
pub fn contract_notice(
    db: &mut Db,
    facts: &LotFacts,
    closed: &ClosedReport,
    contract_number: &str,
) -> Result<ContractNotice, Failure> {
    let award = store::award(db, facts.lot)?.ok_or_else(|| refuse(Refusal::NothingRanked))?;
    let Line { bidder, price, .. } = award.decision.winner;
    let contract_number = contract_number.trim().to_owned();
    if !(2..=60).contains(&contract_number.chars().count()) {
        return Err(refuse(Refusal::Missing { field: "contract_number" }));
    }
    let heading = heading(facts, &closed.digest);
    Ok(ContractNotice {
        format: "sunbid/contract-notice/1".into(),
        heading,
        supplier: bidder,
        price,
        contract_number,
    })
}

/// 签订合同: the entity records that the contract was signed at the price of the award; refunds that wait for it become due.
///
/// # Errors
/// Refused for other people, in the wrong phase, without a number, or a second time.
pub fn sign_contract(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let ground = Ground::of(act, who, lot, Step::SignContract)?;
    let said: ContractNotice = serde_json::from_str(&fields.text())
        .map_err(|_| refuse(Refusal::Missing { field: "contract_number" }))?;
    let notice = contract_notice(act.db(), &ground.facts, &ground.closed, &said.contract_number)?;
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&notice), fields)?;
    publish(act, &ground, NoticeKind::Contract, signed, None)?;
    project::actions::reach(act, lot, Milestone::ContractSigned)?;
    let award = store::award(act.db(), lot)?.ok_or_else(|| refuse(Refusal::NothingRanked))?;
    let winner = ground.evaluation.opened.bidders.get(&award.decision.winner.bid).copied();
    let happened = Happened { contract_signed_at: Some(now), ..Happened::default() };
    super::sources::refunds_fall_due(act, &ground.facts, winner, &happened)
}
