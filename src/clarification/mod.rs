//! 澄清答疑 Questions before the deadline, and answers that everybody gets.
//!
//! What happens here: a bidder asks about the documents without anybody learning who asks; the agent answers, signed; question
//! and answer are public the moment they are published. An answer that may affect how bids are prepared needs
//! as many days before the deadline as an amendment does: if too few are left, the notice is amended first.
//!
//! Who comes in: bidders (ask), the tender's agent (answers), everybody (reads what is answered).
//!
//! What leaves: signed answer documents `sunbid/answer/v1`.
//!
//! Articles: 招标投标法 22 (who takes an interest is secret), 23; 招标投标法实施条例 21, 22; 政府采购法 51, 52 and its regulation 31, 52.
//!
//! Invariants:
//! - **Who asked is sealed**: the agent, the staff and the database see a question without its asker.
//! - **An answer goes to all, at once, on a public page**; there is no private answer.
//! - **An answer that affects bids never leaves fewer days than the law asks for.**
//!
//! Tables: `clarification_question`, `clarification_answer`.

pub mod actions;
pub mod pages;
pub mod rules;
pub mod store;
#[cfg(test)]
mod tests;
