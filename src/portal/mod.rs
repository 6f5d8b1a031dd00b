//! 门户 The public's house front, and everybody's desk. A glass room: reads all, writes nothing.
//!
//! What happens here: anybody finds a tender by word, phase, category and region, sees on one page where it stands, whose
//! turn it is and what comes next, follows what happens through an Atom feed, and takes lists away as CSV. Whoever is
//! signed in finds on the desk what waits for them.
//!
//! Who comes in: everybody; no page here needs a script.
//!
//! What leaves: only what is public: announced tenders, their plan, their milestones. No page tells who downloaded
//! documents, paid, bid or was drawn, and none counts them.
//!
//! Articles: 招标投标法实施条例 15 (notices are public and free); 电子招标投标办法 32; 公共资源交易平台管理暂行办法.
//!
//! Invariants:
//! - **A draft is never shown here**, not even its number.
//! - **A list's filter and the computed phase agree** (a property test over random histories).
//! - **A page costs the same with ten tenders and a hundred thousand**: lists are read by index from a key, never
//!   counted and never skipped over.
//! - **Addresses stay**: `/tender/<number>` and the addresses of notices and results never change.
//!
//! Tables: none.

pub mod duties;
pub mod pages;
pub mod store;
pub mod timeline;
#[cfg(test)]
mod tests;
