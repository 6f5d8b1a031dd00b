//! 项目与标段 The spine: tender, lot, schedule, milestones, rulebook.

pub mod rulebook;
