//! The papers that are signed after an evaluation: which step each one is, what its form asks, and its exact text.

use crate::account::field::Fields;
use crate::evaluation::report::Conclusion;
use crate::platform::calendar::Calendar;
use crate::platform::canonical::jcs_text;
use crate::platform::database::Db;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Failure, Refused};
use crate::platform::vault::Vault;
use crate::project::flow::Step;
use crate::project::standing::LotFacts;
use crate::publication::actions;
use crate::publication::notice::NoticeKind;
use crate::publication::rules::{self, PassedOver, Refusal};

/// One paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Paper {
    Candidates,
    Award,
    Result,
    Contract,
    Failure,
}

impl Paper {
    pub const ALL: [Self; 5] = [Self::Candidates, Self::Award, Self::Result, Self::Contract, Self::Failure];

    /// The word in addresses and locale keys (`publication.paper.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Candidates => "candidates",
            Self::Award => "award",
            Self::Result => "result",
            Self::Contract => "contract",
            Self::Failure => "failure",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|paper| paper.code() == code)
    }

    /// The step of the flow that signing it is.
    pub const fn step(self) -> Step {
        match self {
            Self::Candidates => Step::PublishCandidates,
            Self::Award => Step::DecideAward,
            Self::Result => Step::PublishResult,
            Self::Contract => Step::SignContract,
            Self::Failure => Step::DeclareUnsuccessful,
        }
    }

    /// The public notice that it becomes; the award decision becomes none: it has its own page, and the
    /// result tells of it.
    pub const fn notice(self) -> Option<NoticeKind> {
        match self {
            Self::Candidates => Some(NoticeKind::Candidates),
            Self::Award => None,
            Self::Result => Some(NoticeKind::Result),
            Self::Contract => Some(NoticeKind::Contract),
            Self::Failure => Some(NoticeKind::Failure),
        }
    }

    /// The paper behind a public notice.
    pub const fn of(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::Candidates => Self::Candidates,
            NoticeKind::Result => Self::Result,
            NoticeKind::Contract => Self::Contract,
            NoticeKind::Failure => Self::Failure,
        }
    }

    /// What must be filled in before there is a text to sign.
    pub const fn asks(self) -> &'static [&'static str] {
        match self {
            Self::Candidates | Self::Result => &[],
            Self::Award => &["bid", "cause", "cause_facts"],
            Self::Contract => &["contract_number"],
            Self::Failure => &["reason"],
        }
    }
}

/// The exact text of `paper` with what was filled in, if it could be signed at `now`.
///
/// # Errors
/// The refusal that signing would meet; the database fails.
pub(super) fn statement(
    db: &mut Db,
    vault: &Vault,
    facts: &LotFacts,
    (paper, fields): (Paper, &Fields),
    now: Moment,
) -> Result<String, Failure> {
    let (evaluation, closed) = actions::signed_report(db, vault, facts.lot)?;
    let ranked = closed.report.result.conclusion == Conclusion::Ranked;
    let refuse = |refusal: Refusal| Err(Refused::from(refusal).into());
    match paper {
        Paper::Candidates | Paper::Award if !ranked => refuse(Refusal::NothingRanked),
        Paper::Candidates => {
            let display = rules::candidate_display(facts.book()?, now, Calendar::official());
            match display.map_err(Refused::from)? {
                None => refuse(Refusal::NoDisplayHere),
                Some(_) => Ok(actions::candidates_statement(facts, &closed)),
            }
        }
        Paper::Award => award_statement(db, facts, &closed, fields, now),
        Paper::Result => Ok(jcs_text(&actions::result_notice(db, facts, &evaluation, &closed)?)),
        Paper::Contract => {
            Ok(jcs_text(&actions::contract_notice(db, facts, &closed, fields.get("contract_number"))?))
        }
        Paper::Failure if ranked => refuse(Refusal::BidsAreRanked),
        Paper::Failure => {
            let reason = fields.text("reason")?.replace("\r\n", "\n");
            Ok(jcs_text(&actions::failure_notice(facts, &closed, &reason)))
        }
    }
}

fn award_statement(
    db: &mut Db,
    facts: &LotFacts,
    closed: &crate::evaluation::standing::ClosedReport,
    fields: &Fields,
    now: Moment,
) -> Result<String, Failure> {
    let known = actions::award_facts(db, facts, closed)?;
    let bid = fields.text("bid")?;
    let is_first = known.candidates.first() == Some(&bid);
    let cause = match fields.get("cause") {
        _ if is_first => None,
        "" => None,
        code => Some(
            PassedOver::from_code(code)
                .ok_or_else(|| Refused::new(422, "platform.refusal.field_bad").field("cause"))?,
        ),
    };
    // nobody is passed over for the first, so that there is nothing to explain
    let words = if cause.is_some() { fields.get("cause_facts").replace("\r\n", "\n") } else { String::new() };
    let decision = actions::award_statement(facts, closed, &bid, cause, &words)?;
    rules::may_award(facts.book()?, &known, &bid, cause, now).map_err(Refused::from)?;
    if cause.is_some() && decision.cause_facts.chars().count() < 2 {
        return Err(Refused::from(Refusal::Missing { field: "cause_facts" }).into());
    }
    Ok(jcs_text(&decision))
}
