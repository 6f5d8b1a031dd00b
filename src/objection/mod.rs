//! 异议 Objection: who finds that the documents or the result break the rules says so, and gets an answer.
//!
//! **Who comes in.** Bidders, who file; the lot's agent or entity, who answer; the public, which reads both.
//! **What leaves.** The objection and its answer at an address that never dies, and a lot that stands still in between
//! where the law says so.
//!
//! Articles: 《招标投标法实施条例》第二十二、五十四条 (异议); 《政府采购法》第五十二、五十三条 and 实施条例第五十三条 (质疑). Objections at
//! the opening are raised and answered in the opening hall.
//!
//! Invariants: **where the rulebook says so, an unanswered objection suspends the lot in the same act that files it,
//! and the answer resumes it**; **the time is a rule: the equal instant is late**; **who objects is not shown to the
//! public**; **neither an objection nor an answer can be changed**.
//!
//! Tables: `objection_case`, `objection_answer`.

pub mod actions;
pub mod pages;
pub mod rules;
pub mod store;

#[cfg(test)]
mod tests;
