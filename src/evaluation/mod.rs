//! 评标 Evaluation: the committee reviews, scores and ranks the opened bids of a lot, and signs a report.
//!
//! **Who comes in.** The experts that `expert_draw` drew and the representative of the procuring entity, each on an
//! own page with one thing to do at a time; the agent, who waits; the supervisor, who watches.
//! **What leaves.** Signed reviews and score sheets, and a report with every input that decided, so that anyone can
//! compute the ranking again ([`report::recompute`]).
//!
//! Steps: declare whether anything calls for avoidance → review every bid on every review item → answers to
//! arithmetic corrections and low prices → score sheets with bounded items → the leader closes → all sign the report.
//! Nobody can sign, review or score while a required recording is not running.
//!
//! Articles: 《招标投标法》第三十七、四十、四十一、四十二条; 条例第四十六至五十三条; 《政府采购法实施条例》第三十四、三十九条;
//! 87号令第四十七、五十五至六十四条. Refusing to sign without giving reasons counts as agreement (条例第五十三条).
//!
//! Invariants: **no binary floating point**; **a signed sheet is never changed**; **no name of a member is shown to
//! anyone but the supervisor before the award**; **the ranking depends on the report's inputs and on nothing else**.
//!
//! Tables: `evaluation_session`, `evaluation_seat`, `evaluation_paper`, `evaluation_draft`, `evaluation_decision`,
//! `evaluation_report`.
//!
//! Pure parts, usable by the verifier: [`decimal`], [`method`], [`committee`], [`price_score`], [`benchmark`],
//! [`arithmetic`], [`capital_amount`], [`abnormal`], [`responsiveness`], [`ruled_out`], [`score_sheet`], [`ranking`],
//! [`report`].

pub mod abnormal;
pub mod actions;
pub mod arithmetic;
pub mod benchmark;
pub mod capital_amount;
pub mod committee;
pub mod decimal;
mod events;
pub mod intake;
pub mod method;
pub mod pages;
pub mod price_score;
pub mod ranking;
pub mod report;
pub mod responsiveness;
pub mod ruled_out;
pub mod rules;
pub mod score_sheet;
mod seating;
pub mod sources;
pub mod standing;
pub mod store;

pub mod testing;
#[cfg(test)]
pub(crate) mod tests;
