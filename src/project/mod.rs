//! 项目与标段 The spine that every other room leans on.
//!
//! What happens here: an agent sets up a tender (招标项目) with its lots (标段), the rulebook it will follow, its
//! schedule and its trustees. Nothing else about a tender lives here: notices, questions, bids and scores have
//! their own rooms further down the street.
//!
//! Who comes in: agents (create and edit while it is a draft); later rooms, which ask for the phase and tell the
//! spine that a milestone is reached; a supervisor through `supervision`, to freeze and unfreeze.
//!
//! What leaves: `Terms` of each lot as one canonical JSON document, the schedule, the phase, the flow.
//!
//! Articles: 招标投标法 16, 19, 23, 24, 28, 34; 招标投标法实施条例 16, 21, 22, 26; 政府采购法 35, 36 and its
//! regulation 31, 33; 民法典 201, 203 for counting days. Values are in `rulebooks/`, never in code.
//!
//! Invariants:
//! - **No phase is stored.** It is computed from schedule, milestones and `now`.
//! - **Milestones are append-only**, and each one names its ledger entry.
//! - **A tender keeps the rulebook it was announced under**, by id and SHA-256.
//! - **A step that is not in the flow table is refused**, for every role and phase.
//! - **A deadline is only ever put off**, and by an amendment that everybody can see.
//!
//! Tables: `project_tender`, `project_lot`, `project_schedule`, `project_milestone`, `project_word`, `project_number`,
//! `project_reason`.
//! The columns `reached` and `held_since` of a lot repeat what its milestones say, so that a list is one filter; a
//! property test holds them to the computed phase.

pub mod actions;
pub mod flow;
pub mod pages;
pub mod phase;
pub mod place;
pub mod rulebook;
pub mod rules;
pub mod schedule;
pub mod search;
pub mod standing;
pub mod store;
pub mod terms;
pub mod testing;
#[cfg(test)]
mod tests;
