//! The end of an evaluation: prices of the second envelope, the report, and what the members say about it.

use super::{Sitting, refuse, topic};
use crate::account::authority::Authority;
use crate::account::signature::{self, SignedFields};
use crate::account::who::Who;
use crate::evaluation::events::{Closed, PricesTaken, Spoke};
use crate::evaluation::report::Report;
use crate::evaluation::rules::Refusal;
use crate::evaluation::sources;
use crate::evaluation::standing::{
    Evaluation, OPINION_FORMAT, Opinion, OpinionPaper, SecondPrices, SignedPaper, Task,
};
use crate::evaluation::store::{self, PaperKind};
use crate::ledger::{Act, Subject};
use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::digest::{b64u, sha256};
use crate::platform::id::Id;
use crate::platform::refusal::Failure;
use crate::project;
use crate::project::flow::Step;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::standing::LotFacts;

/// Takes over the prices of the second envelope once the opening room has opened it.
///
/// # Errors
/// Refused if prices are known, or labels do not fit.
pub fn take_prices(act: &mut Act<'_>, lot: Id<Lot>, found: &SecondPrices) -> Result<(), Failure> {
    let vault = act.vault().clone();
    let facts = project::store::known_lot(act.db(), lot)?;
    let evaluation = store::evaluation(act.db(), &vault, lot)?.ok_or_else(|| refuse(Refusal::NotFound))?;
    if evaluation.prices_known() || !evaluation.bids().iter().all(|bid| found.covers(bid)) {
        return Err(refuse(Refusal::Phase));
    }
    store::set_prices(act.db(), lot, found)?;
    let event = PricesTaken { lot, prices: &found.prices, without: &found.without };
    act.enter(&Subject::open(facts.tender), &event)?;
    act.tell(topic(lot));
    Ok(())
}

/// The leader closes: the report is computed from everything that was signed and decided, and no longer changes.
///
/// # Errors
/// Refused for others than the leader, or while the result can not be computed.
pub fn close(act: &mut Act<'_>, who: &Who, lot: Id<Lot>) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::Score)?;
    sitting.expect(Task::Close)?;
    sources::check_recording(act, lot)?;
    let report = Report::of(sitting.evaluation.inputs(&sitting.facts)?).map_err(refuse)?;
    let digest = b64u(&sha256(&[&report.jcs()]));
    let (now, vault) = (act.now(), act.vault().clone());
    store::insert_report(act.db(), &vault, lot, &report, &digest, now)?;
    act.enter(&Subject::open(sitting.facts.tender), &Closed { lot, report: &digest })?;
    sources::mark(act, lot, "evaluation.mark.closed", &sitting.seat.member)?;
    act.tell(topic(lot));
    Ok(())
}

/// The text that a member signs to agree or disagree with the report.
pub fn opinion_of(
    facts: &LotFacts,
    member: &str,
    report: &str,
    opinion: Opinion,
    reason: &str,
) -> OpinionPaper {
    OpinionPaper {
        format: OPINION_FORMAT.into(),
        tender: facts.number.to_string(),
        lot: facts.lot_number.to_string(),
        member: member.to_owned(),
        report: report.to_owned(),
        opinion,
        reason: reason.trim().to_owned(),
    }
}

/// A member signs the report, or disagrees in writing. The last one completes the evaluation.
///
/// # Errors
/// Refused when it is not the time, for a dissent without reasons, or if what was signed is not what was shown.
pub fn sign_report(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::SignReport)?;
    sitting.expect(Task::Sign)?;
    let closed = sitting.evaluation.closed.as_ref().ok_or_else(|| refuse(Refusal::Phase))?;
    let paper: OpinionPaper =
        from_jcs(fields.text().as_bytes()).map_err(|_| refuse(Refusal::SignedOtherText))?;
    let member = sitting.seat.member.as_str();
    if paper.opinion == Opinion::Deemed
        || paper != opinion_of(&sitting.facts, member, &closed.digest, paper.opinion, &paper.reason)
    {
        return Err(refuse(Refusal::SignedOtherText));
    }
    if paper.opinion == Opinion::Dissent && paper.reason.is_empty() {
        return Err(refuse(Refusal::ReasonMissing { bid: String::new(), item: "report".into() }));
    }
    let now = act.now();
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&paper), fields)?;
    speak(act, &sitting.facts, sitting.evaluation, SignedPaper { paper, signed: Some(signed) })
}

/// The leader records that a member refused to sign and gave no reasons: that counts as agreement (条例第五十三条).
///
/// # Errors
/// Refused for others than the leader, before the leader has signed, or for somebody who has spoken.
pub fn record_refusal(act: &mut Act<'_>, who: &Who, lot: Id<Lot>, member: &str) -> Result<(), Failure> {
    let sitting = Sitting::of(act, who, lot, Step::SignReport)?;
    if !sitting.seat.leader {
        return Err(refuse(Refusal::OnlyLeader));
    }
    sitting.expect(Task::WaitForSignatures)?;
    let evaluation = sitting.evaluation;
    let silent =
        evaluation.active().any(|seat| seat.member == member) && evaluation.opinion(member).is_none();
    let closed = evaluation.closed.as_ref().filter(|_| silent).ok_or_else(|| refuse(Refusal::NotFound))?;
    let paper = opinion_of(&sitting.facts, member, &closed.digest, Opinion::Deemed, "");
    speak(act, &sitting.facts, evaluation, SignedPaper { paper, signed: None })
}

fn speak(
    act: &mut Act<'_>,
    facts: &LotFacts,
    mut evaluation: Evaluation,
    spoken: SignedPaper<OpinionPaper>,
) -> Result<(), Failure> {
    let (now, vault, lot) = (act.now(), act.vault().clone(), evaluation.lot);
    let paper = &spoken.paper;
    store::insert_paper(act.db(), &vault, (lot, &paper.member, PaperKind::Opinion), &spoken, now)?;
    let statement = spoken.signed.as_ref().map(|signed| b64u(&sha256(&[signed.statement.as_bytes()])));
    let event =
        Spoke { lot, member: &paper.member, opinion: paper.opinion, report: &paper.report, statement };
    act.enter(&Subject::open(facts.tender), &event)?;
    sources::mark(act, lot, "evaluation.mark.opinion", &paper.member)?;
    evaluation.opinions.push(spoken);
    if evaluation.all_spoke() {
        sources::end_recording(act, lot)?;
        project::actions::reach(act, lot, Milestone::Evaluated)?;
    }
    act.tell(topic(lot));
    Ok(())
}
