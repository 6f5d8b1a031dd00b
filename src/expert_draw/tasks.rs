//! Who can do what with a draw right now: what pages offer, and whose turn it is.

use super::draw::PARTIES_MIN;
use super::rules::{Progress, Step};
use crate::account::role::Role;
use crate::platform::moment::Moment;
use crate::project::flow;
use crate::project::standing::LotFacts;

/// Something that a person can do with a draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    Commit,
    Fix,
    Reveal,
    ReadValue,
    Draw,
    GiveUp,
    PassOn,
    ReadNames,
}

/// Whether `role` may take `step` on this lot now; agent and entity only on their own.
fn may(facts: &LotFacts, step: flow::Step, role: Role, is_own: bool, now: Moment) -> bool {
    let foreign = matches!(role, Role::Agent | Role::Entity) && !is_own;
    !foreign && facts.may(step, role, now).is_ok()
}

impl Progress {
    /// What somebody in `role` can do now. `is_own` says whether an agent or entity is this tender's.
    pub fn tasks(&self, facts: &LotFacts, role: Role, is_own: bool, now: Moment) -> Vec<Task> {
        let may = |step| may(facts, step, role, is_own, now);
        let party = role.code();
        let asked = self.commits.get(party);
        let bound = self.bound.iter().any(|id| id == party);
        let step = self.step(now);
        let mut tasks = Vec::new();
        let mut offer = |when: bool, task| tasks.extend(when.then_some(task));
        let before_fixing = matches!(step, Step::Committing | Step::ReadyToFix);
        offer(before_fixing && asked == Some(&None) && may(flow::Step::CommitToDraw), Task::Commit);
        offer(step == Step::ReadyToFix && may(flow::Step::FixDraw), Task::Fix);
        let unrevealed = bound && !self.reveals.contains_key(party);
        offer(step == Step::Revealing && unrevealed && may(flow::Step::RevealForDraw), Task::Reveal);
        let reading = matches!(step, Step::Reading | Step::ReadyToDraw);
        offer(reading && bound && may(flow::Step::RevealForDraw), Task::ReadValue);
        offer(step == Step::ReadyToDraw && may(flow::Step::DrawExperts), Task::Draw);
        let unfinished = !matches!(step, Step::Drawn | Step::Failed);
        offer(unfinished && may(flow::Step::FixDraw), Task::GiveUp);
        offer(step == Step::Drawn && may(flow::Step::RevealForDraw), Task::PassOn);
        offer(step == Step::Drawn && role == Role::Supervisor, Task::ReadNames);
        tasks
    }

    /// Parties who must act for the draw to go on, by role code; empty when only time must pass.
    pub fn whose_turn(&self, now: Moment) -> Vec<String> {
        let without_commit =
            || self.commits.iter().filter(|(_, commit)| commit.is_none()).map(|(id, _)| id.clone());
        match self.step(now) {
            Step::Committing => without_commit().collect(),
            Step::ReadyToFix => vec!["agent".into(), "entity".into()],
            Step::Revealing => {
                self.bound.iter().filter(|id| !self.reveals.contains_key(*id)).cloned().collect()
            }
            Step::Reading => {
                self.bound.iter().filter(|id| !self.entries.contains_key(*id)).cloned().collect()
            }
            Step::ReadyToDraw => vec!["agent".into(), "entity".into(), "centre".into()],
            Step::Waiting | Step::Drawn | Step::Failed => vec![],
        }
    }

    /// How many more parties must commit before the document can be fixed.
    pub fn commits_missing(&self) -> usize {
        PARTIES_MIN.saturating_sub(self.commits.values().flatten().count())
    }
}
