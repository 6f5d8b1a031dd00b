//! Whether a committee is lawful: size, the share of experts, and nobody judging their own interest.
//!
//! 《招标投标法》第三十七条, 《政府采购货物和服务招标投标管理办法》第四十七条, 《评标委员会和评标方法暂行规定》第十二条.

use super::rules::Refusal;
use crate::platform::money::Fen;
use crate::project::rulebook::Rulebook;
use crate::project::terms::CommitteePlan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the rulebook asks of a committee. From five members up, always odd.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteeRule {
    /// Fewest members: 5; 7 for large or complex procurement and for water works.
    pub least: usize,
    /// Share of experts as a fraction of small whole numbers, e.g. 2 of 3; rounded up to whole people.
    pub experts_of: usize,
    pub experts_per: usize,
}

impl CommitteeRule {
    /// What a rulebook asks of the committee of a lot with this budget.
    pub fn of(book: &Rulebook, budget: Fen) -> Self {
        let share = book.committee.experts_share_min.value;
        let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            least: whole(book.committee.size_min_for(budget).value),
            experts_of: whole(share.at_least),
            experts_per: whole(share.of),
        }
    }
}

/// Facts that decide whether the larger committee is needed. Any one of them is enough (符合下列情形之一).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteeConditions {
    /// The budget reaches the rulebook's line (10,000,000 yuan in government procurement).
    pub large_budget: bool,
    /// Technically complex.
    pub complex: bool,
    /// Large social influence.
    pub influence: bool,
}

impl CommitteeConditions {
    /// The fewest members under a rulebook that knows an ordinary and a raised number.
    pub fn least(self, ordinary: usize, raised: usize) -> usize {
        if self.large_budget || self.complex || self.influence { raised } else { ordinary }
    }
}

/// Why a member sits on the committee.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatKind {
    /// Drawn from the pool.
    Expert,
    /// Sent by the procuring entity (招标人代表, 采购人代表).
    Representative,
}

/// One seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Label of the seat in all documents of the evaluation (`m1`, `m2`…): no name before the law lets names out.
    pub member: String,
    pub kind: SeatKind,
    /// Exactly one seat leads (组长).
    pub leader: bool,
}

/// Fewest experts among `size` members: the share, rounded up (E12: 5 → 4, 7 → 5, 9 → 6, 3 → 2).
pub fn experts_least(size: usize, rule: &CommitteeRule) -> usize {
    (size * rule.experts_of).div_ceil(rule.experts_per.max(1))
}

/// Whether these seats make a lawful committee: odd, large enough, enough experts, nobody twice.
pub fn check(seats: &[Seat], rule: &CommitteeRule) -> Result<(), Refusal> {
    let mut people = BTreeSet::new();
    if let Some(twice) = seats.iter().find(|seat| !people.insert(seat.member.as_str())) {
        return Err(Refusal::CommitteeSamePersonTwice { person: twice.member.clone() });
    }
    let size = seats.len();
    if size < rule.least {
        return Err(Refusal::CommitteeTooSmall { size, least: rule.least });
    }
    if size.is_multiple_of(2) {
        return Err(Refusal::CommitteeEven { size });
    }
    let experts = seats.iter().filter(|seat| seat.kind == SeatKind::Expert).count();
    let least = experts_least(size, rule);
    if experts < least { Err(Refusal::CommitteeTooFewExperts { experts, least }) } else { Ok(()) }
}

/// Whether the seats are those that the tender documents announced: so many members, and not fewer experts.
pub fn check_plan(seats: &[Seat], plan: CommitteePlan) -> Result<(), Refusal> {
    let experts = seats.iter().filter(|seat| seat.kind == SeatKind::Expert).count();
    let (size, planned, least) = (seats.len(), plan.size as usize, plan.experts as usize);
    if size != planned {
        return Err(Refusal::CommitteeNotAsAnnounced { size, planned });
    }
    if experts < least { Err(Refusal::CommitteeFewerExperts { experts, planned: least }) } else { Ok(()) }
}

/// What ties a person to an organisation that bids. Each one alone calls for avoidance (回避).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interest {
    /// Works there.
    Employed,
    /// Worked there within the years of the rulebook.
    FormerlyEmployed,
    /// Sits or sat on its board in the last three years.
    Board,
    /// Holds or controls part of it.
    Owns,
    /// Spouse or near relative of its legal representative or of the person in charge of the bid.
    Relative,
    /// Anything else that could bend a fair judgement.
    Other,
}

impl Interest {
    /// The last part of the locale key of the refusal.
    pub(super) const fn refusal(self) -> &'static str {
        match self {
            Self::Employed => "conflict_employed",
            Self::FormerlyEmployed => "conflict_formerly_employed",
            Self::Board | Self::Owns | Self::Relative | Self::Other => "conflict_other",
        }
    }
}

/// A tie known to the system or declared by the member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tie {
    /// Label of the seat.
    pub member: String,
    /// The organisation, in the same code that bidders are listed by.
    pub organisation: String,
    pub interest: Interest,
}

/// The first tie between a member and a bidder of this lot, if there is one.
pub fn check_avoidance(ties: &[Tie], bidders: &[String]) -> Result<(), Refusal> {
    let bidders: BTreeSet<&str> = bidders.iter().map(String::as_str).collect();
    match ties.iter().find(|tie| bidders.contains(tie.organisation.as_str())) {
        None => Ok(()),
        Some(tie) => Err(Refusal::CommitteeConflict { member: tie.member.clone(), interest: tie.interest }),
    }
}
