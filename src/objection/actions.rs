//! Filing and answering. One function is one act: the lot stands still in the same transaction that files.

use super::rules::{self, Facts, Outcome, Refusal, Standing, Subject, Window};
use super::store::{self, Answer, Case, CaseFacts, Filer};
use crate::account::authority::Authority;
use crate::account::signature::{self, SignedFields};
use crate::account::who::Who;
use crate::evaluation;
use crate::ledger::{Act, Event, Subject as About};
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
use crate::publication;
use crate::publication::notice::NoticeKind;
use serde::{Deserialize, Serialize};

/// An objection was filed. Who filed it is not in the log.
#[derive(Serialize)]
struct Filed {
    case: Id<Case>,
    lot: Id<Lot>,
    subject: Subject,
    /// SHA-256 of the signed text, base64url.
    statement: String,
    answer_due: Moment,
}

impl Event for Filed {
    const KIND: &'static str = "objection.filed";
    const NUMBER: u8 = 185;
}

/// An objection was answered.
#[derive(Serialize)]
struct Answered<'a> {
    case: Id<Case>,
    outcome: Outcome,
    statement: String,
    signature: &'a str,
    certificate: &'a str,
}

impl Event for Answered<'_> {
    const KIND: &'static str = "objection.answered";
    const NUMBER: u8 = 186;
}

/// The text of an objection that its filer signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectionText {
    /// `sunbid/objection/1`.
    pub format: String,
    pub tender: String,
    pub lot: String,
    pub subject: Subject,
    pub text: String,
}

/// The text of an answer that is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerText {
    /// `sunbid/objection-answer/1`.
    pub format: String,
    pub case: Id<Case>,
    pub outcome: Outcome,
    pub text: String,
}

fn refuse(refusal: Refusal) -> Failure {
    Refused::from(refusal).into()
}

/// The text that an objector signs.
pub fn objection_of(facts: &LotFacts, subject: Subject, text: &str) -> ObjectionText {
    ObjectionText {
        format: "sunbid/objection/1".into(),
        tender: facts.number.to_string(),
        lot: facts.lot_number.to_string(),
        subject,
        text: text.replace("\r\n", "\n").trim().to_owned(),
    }
}

/// The text that who answers signs.
pub fn answer_of(case: Id<Case>, outcome: Outcome, text: &str) -> AnswerText {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    AnswerText { format: "sunbid/objection-answer/1".into(), case, outcome, text }
}

/// The window for objections to `subject` of a lot; `None` while it can not be dated.
///
/// # Errors
/// The calendar is not known, or the database fails.
pub fn window(db: &mut Db, lot: &LotFacts, subject: Subject) -> Result<Option<Window>, Failure> {
    let candidates = publication::store::notice(db, lot.lot, NoticeKind::Candidates)?;
    let result = publication::store::notice(db, lot.lot, NoticeKind::Result)?;
    let Some(schedule) = &lot.schedule else { return Ok(None) };
    let facts = Facts {
        announced_at: lot.announced_at,
        documents_from: schedule.documents_from,
        bids_until: schedule.bids_until,
        displayed: candidates.and_then(|notice| Some((notice.published_at, notice.display_until?))),
        result_published_at: result.map(|notice| notice.published_at),
    };
    rules::window(lot.book()?, subject, &facts, Calendar::official()).map_err(refuse)
}

/// What part a bidder has in a lot, as far as that may be known now: who bid is known after the opening only.
///
/// # Errors
/// The database fails.
pub fn standing(db: &mut Db, vault: &Vault, who: &Who, lot: &LotFacts) -> Result<Standing, Failure> {
    let opened = evaluation::store::evaluation(db, vault, lot.lot)?;
    if opened.is_some_and(|known| known.opened.bidders.values().any(|bidder| *bidder == who.organisation)) {
        return Ok(Standing::Bid);
    }
    let has = crate::announcement::store::has_documents(db, vault, who.person, lot.tender)?;
    Ok(if has { Standing::TookDocuments } else { Standing::None })
}

/// 提出异议: a bidder objects. Where the rulebook says so, the lot stands still from this instant until the answer.
///
/// # Errors
/// Refused without standing, out of time, in the wrong phase, or if what was signed is not what was shown.
pub fn file(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    lot: Id<Lot>,
    subject: Subject,
    fields: &SignedFields,
) -> Result<Id<Case>, Failure> {
    let (now, vault) = (act.now(), act.vault().clone());
    let facts = project::store::known_lot(act.db(), lot)?;
    let standing = standing(act.db(), &vault, who, &facts)?;
    let window = window(act.db(), &facts, subject)?;
    rules::may_file(subject, standing, window.as_ref(), now).map_err(refuse)?;
    facts.may(Step::RaiseObjection, who.role, now)?;
    let said: ObjectionText =
        serde_json::from_str(&fields.text()).map_err(|_| refuse(Refusal::TextTooShort { field: "text" }))?;
    rules::check_text(&said.text, "text").map_err(refuse)?;
    let expected = objection_of(&facts, subject, &said.text);
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&expected), fields)?;
    let book = facts.book()?;
    let (answer_due, _) = rules::answer_due(book, subject, now, Calendar::official()).map_err(refuse)?;
    let case = CaseFacts {
        id: Id::random(),
        lot,
        tender: facts.tender,
        subject,
        text: expected.text,
        suspends: rules::suspends(book),
        answer_due,
        filed_at: now,
        answer: None,
    };
    let statement = b64u(&sha256(&[signed.statement.as_bytes()]));
    let filer = Filer { organisation: who.organisation, name: who.organisation_name.clone(), signed };
    store::insert_case(act.db(), &vault, &case, &filer)?;
    let about = About::open(facts.tender);
    act.enter(&about, &Filed { case: case.id, lot, subject, statement, answer_due })?;
    if case.suspends {
        project::actions::reach(act, lot, Milestone::Suspended)?;
    }
    act.tell(project::actions::topic(facts.tender));
    Ok(case.id)
}

/// 答复异议: the lot's agent or entity answers; the lot goes on if nothing else holds it.
///
/// # Errors
/// Refused for other people, a second time, or if the bid deadline went by meanwhile and has not been put off.
pub fn answer(
    act: &mut Act<'_>,
    authority: &Authority,
    who: &Who,
    case: Id<Case>,
    fields: &SignedFields,
) -> Result<(), Failure> {
    let now = act.now();
    let known = store::case(act.db(), case)?.ok_or_else(|| refuse(Refusal::NotFound))?;
    let facts = project::store::known_lot(act.db(), known.lot)?;
    if !facts.is_own(who) {
        return Err(refuse(Refusal::NotYours));
    }
    facts.may(Step::AnswerObjection, who.role, now)?;
    if known.answer.is_some() {
        return Err(refuse(Refusal::AlreadyAnswered));
    }
    let said: AnswerText =
        serde_json::from_str(&fields.text()).map_err(|_| refuse(Refusal::TextTooShort { field: "text" }))?;
    rules::check_text(&said.text, "text").map_err(refuse)?;
    let expected = answer_of(case, said.outcome, &said.text);
    let signed = signature::check(act.db(), authority, who, now, &jcs_text(&expected), fields)?;
    let hold = facts.hold();
    if known.suspends && hold.suspensions == 1 && !hold.frozen {
        facts.check_lift(now)?;
    }
    let event = Answered {
        case,
        outcome: expected.outcome,
        statement: b64u(&sha256(&[signed.statement.as_bytes()])),
        signature: &signed.signature,
        certificate: &signed.certificate,
    };
    act.enter(&About::open(facts.tender), &event)?;
    let answer =
        Answer { outcome: expected.outcome, text: expected.text, signed: signed.clone(), answered_at: now };
    store::insert_answer(act.db(), case, &answer)?;
    if known.suspends {
        project::actions::reach(act, known.lot, Milestone::Resumed)?;
    }
    act.tell(project::actions::topic(facts.tender));
    Ok(())
}
