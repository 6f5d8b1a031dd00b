//! What is known of a tender and a lot, and where the lot stands: the value that every later room asks for.

use serde::{Deserialize, Serialize};

use super::flow::{self, Row, Step};
use super::phase::{self, Hold, Milestone, Phase, Reached};
use super::place::Category;
use super::rulebook::{Rulebook, RulebookId};
use super::rules::{Lot, LotNumber, Refusal, Tender, TenderNumber};
use super::schedule::Schedule;
use super::terms::Terms;
use crate::account::role::Role;
use crate::account::rules::Person;
use crate::account::who::Who;
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::{Fault, Refused};

/// 密钥保管人: somebody who holds a share of the key that opens the bids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trustee {
    pub person: Id<Person>,
    pub role: Role,
}

/// Who opens the bids: so many of these people together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    pub threshold: u32,
    pub trustees: Vec<Trustee>,
}

impl Custody {
    /// Most trustees of one tender: a share travels in every bid.
    pub const TRUSTEES_MAX: usize = 32;

    /// At least three different people, a threshold of two or more, roles that may hold a share.
    pub fn check(&self) -> Result<(), Refused> {
        let count = self.trustees.len();
        let threshold = self.threshold as usize;
        let mut people: Vec<_> = self.trustees.iter().map(|trustee| trustee.person).collect();
        people.sort();
        people.dedup();
        let few = !(3..=Self::TRUSTEES_MAX).contains(&count) || people.len() != count;
        if few || threshold < 2 || threshold > count {
            return Err(Refused::new(422, "project.refusal.trustees_too_few").field("threshold"));
        }
        let may_hold = |role| flow::row_of(Step::ReleaseShares).is_some_and(|row| row.who.contains(&role));
        match self.trustees.iter().find(|trustee| !may_hold(trustee.role)) {
            Some(wrong) => Err(Refused::new(422, "project.refusal.trustee_unknown")
                .with("name", wrong.role.code())
                .field("trustees")),
            None => Ok(()),
        }
    }
}

/// 招标项目
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenderFacts {
    pub tender: Id<Tender>,
    pub number: TenderNumber,
    pub title: String,
    pub category: Category,
    /// Code of a region in `rulebooks/regions.toml`.
    pub region: String,
    pub rulebook: RulebookId,
    /// The person who set the tender up.
    pub agent: Id<Person>,
    pub agent_organisation: Id<Organisation>,
    pub entity_organisation: Id<Organisation>,
    pub entity_name: String,
    pub custody: Option<Custody>,
    pub created_at: Moment,
    pub announced_at: Option<Moment>,
}

impl TenderFacts {
    /// The rulebook that the tender keeps.
    ///
    /// # Errors
    /// This program does not have it: it was removed, which must not happen.
    pub fn book(&self) -> Result<&'static Rulebook, Fault> {
        Rulebook::find(&self.rulebook).ok_or_else(|| Fault::new(format!("no rulebook {}", self.rulebook)))
    }

    /// Whether `who` works for the tender's agent or entity.
    pub fn is_own(&self, who: &Who) -> bool {
        match who.role {
            Role::Agent => who.organisation == self.agent_organisation,
            Role::Entity => who.organisation == self.entity_organisation,
            _ => false,
        }
    }

    /// Whether the tender is there for `who` at all: announced, or theirs to prepare.
    pub fn may_be_seen(&self, who: Option<&Who>) -> bool {
        may_be_seen(self.announced_at, self.custody.as_ref(), who, |who| self.is_own(who))
    }

    /// Refuses people of other agents and entities.
    ///
    /// # Errors
    /// 403.
    pub fn check_own(&self, who: &Who) -> Result<(), Refused> {
        if self.is_own(who) { Ok(()) } else { Err(Refused::new(403, "project.refusal.not_yours")) }
    }
}

/// A draft is for its agent, its entity and the trustees who give their keys before the announcement.
fn may_be_seen(
    announced_at: Option<Moment>,
    custody: Option<&Custody>,
    who: Option<&Who>,
    is_own: impl Fn(&Who) -> bool,
) -> bool {
    let trusted =
        |who: &Who| custody.is_some_and(|held| held.trustees.iter().any(|t| t.person == who.person));
    announced_at.is_some() || who.is_some_and(|who| is_own(who) || trusted(who))
}

/// 标段: a lot with everything that decides where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotFacts {
    pub lot: Id<Lot>,
    pub lot_number: LotNumber,
    /// The lot's own name.
    pub title: String,
    pub terms: Terms,
    pub schedule: Option<Schedule>,
    /// In the order of the ledger.
    pub milestones: Vec<Reached>,
    pub tender: Id<Tender>,
    pub number: TenderNumber,
    pub tender_title: String,
    pub category: Category,
    pub region: String,
    pub rulebook: RulebookId,
    /// The person who set the tender up.
    pub agent: Id<Person>,
    pub agent_organisation: Id<Organisation>,
    pub entity_organisation: Id<Organisation>,
    pub entity_name: String,
    pub custody: Option<Custody>,
    pub announced_at: Option<Moment>,
}

impl LotFacts {
    pub(super) fn new(
        tender: &TenderFacts,
        (lot, lot_number, title, terms): (Id<Lot>, LotNumber, String, Terms),
        schedule: Option<Schedule>,
        milestones: Vec<Reached>,
    ) -> Self {
        Self {
            lot,
            lot_number,
            title,
            terms,
            schedule,
            milestones,
            tender: tender.tender,
            number: tender.number.clone(),
            tender_title: tender.title.clone(),
            category: tender.category,
            region: tender.region.clone(),
            rulebook: tender.rulebook.clone(),
            agent: tender.agent,
            agent_organisation: tender.agent_organisation,
            entity_organisation: tender.entity_organisation,
            entity_name: tender.entity_name.clone(),
            custody: tender.custody.clone(),
            announced_at: tender.announced_at,
        }
    }

    /// `DEMO-0001/1`: in addresses and on pages.
    pub fn name(&self) -> String {
        format!("{}/{}", self.number, self.lot_number)
    }

    /// Whether the lot is there for `who` at all: announced, or theirs to prepare.
    pub fn may_be_seen(&self, who: Option<&Who>) -> bool {
        may_be_seen(self.announced_at, self.custody.as_ref(), who, |who| self.is_own(who))
    }

    /// Where the lot stands at `now`.
    pub fn phase(&self, now: Moment) -> Phase {
        phase::phase(self.schedule.as_ref(), &self.milestones, now)
    }

    pub fn hold(&self) -> Hold {
        phase::hold(&self.milestones)
    }

    /// Whether the opening lies behind this lot: it was held, or never will be. There is evidence from then on.
    pub fn is_past_opening(&self) -> bool {
        let over = [Milestone::Opened, Milestone::NotOpened, Milestone::Unsuccessful, Milestone::Cancelled];
        over.iter().any(|milestone| self.reached(*milestone).is_some())
    }

    /// When `milestone` was first reached.
    pub fn reached(&self, milestone: Milestone) -> Option<&Reached> {
        self.milestones.iter().find(|reached| reached.milestone == milestone)
    }

    /// The rulebook that the tender keeps.
    ///
    /// # Errors
    /// This program does not have it: it was removed, which must not happen.
    pub fn book(&self) -> Result<&'static Rulebook, Fault> {
        Rulebook::find(&self.rulebook).ok_or_else(|| Fault::new(format!("no rulebook {}", self.rulebook)))
    }

    /// The schedule of an announced tender.
    ///
    /// # Errors
    /// The tender has none yet.
    pub fn plan(&self) -> Result<&Schedule, Refused> {
        self.schedule.as_ref().ok_or_else(|| Refused::new(409, "project.refusal.not_ready"))
    }

    /// Whether `who` works for the tender's agent or entity.
    pub fn is_own(&self, who: &Who) -> bool {
        match who.role {
            Role::Agent => who.organisation == self.agent_organisation,
            Role::Entity => who.organisation == self.entity_organisation,
            _ => false,
        }
    }

    /// Whether `person` holds a share of this tender's key.
    pub fn is_trustee(&self, person: Id<Person>) -> bool {
        self.custody.as_ref().is_some_and(|custody| custody.trustees.iter().any(|held| held.person == person))
    }

    /// Whether somebody in `role` may take `step` at `now`; see [`flow::may`]. The row's guard is the caller's to
    /// check.
    ///
    /// # Errors
    /// The role, the phase or a hold forbids it.
    pub fn may(&self, step: Step, role: Role, now: Moment) -> Result<&'static Row, Refused> {
        Ok(flow::may(step, role, self.phase(now), self.hold())?)
    }

    /// Like [`LotFacts::may`], for steps of the tender's own agent and entity.
    ///
    /// # Errors
    /// As [`LotFacts::may`]; also for people of other organisations.
    pub fn may_own(&self, step: Step, who: &Who, now: Moment) -> Result<&'static Row, Refused> {
        if !self.is_own(who) {
            return Err(Refused::new(403, "project.refusal.not_yours"));
        }
        self.may(step, who.role, now)
    }

    /// Whether a hold can be lifted: not when the bid deadline went by meanwhile and the box was never closed.
    ///
    /// # Errors
    /// The deadline must be amended first.
    pub fn check_lift(&self, now: Moment) -> Result<(), Refused> {
        let Some(schedule) = self.schedule else { return Ok(()) };
        let deadline = schedule.bid_deadline();
        let held_before = self.hold().since.is_some_and(|since| deadline.is_open(since));
        if held_before && !deadline.is_open(now) && self.phase(now) == Phase::Bidding {
            return Err(Refusal::DeadlinePassedOnHold { was: schedule.bids_until }.into());
        }
        Ok(())
    }
}
