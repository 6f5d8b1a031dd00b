//! 故障顺延 When the platform itself was not there shortly before a deadline, the deadline moves, by a published rule.
//!
//! What happens here: every ten seconds each running server leaves the platform's pulse in the database, if it could keep a bid just then
//! (`sealed_bid::able`, which `app` asks). A pulse that comes too long
//! after the one before it, whichever server left that, at a start or in a running server whose database was away, is an outage: it is entered in the
//! log with its beginning and end, and every bid deadline that it came near is put off, at once and without anybody's
//! decision. Nobody can ask for it and nobody can refuse it.
//!
//! Who comes in: the clock. Everybody reads `/outage`.
//!
//! What leaves: entries `outage.recorded` and `outage.deadline_moved` (`docs/formats/log.md`), the new schedule in `project`.
//!
//! The rule is `rulebooks/outage.toml`; the law leaves putting a deadline off to the entity (招标投标法实施条例 21).
//!
//! Invariants:
//! - **A deadline is only put off**, never brought forward, and never once the box is closed.
//! - **No box closes on a stale pulse, and nobody is called late** ([`actions::check_pulse`]): first it is known whether there
//!   was an outage.
//! - A deadline counts that had not passed when the outage began.
//!
//! Tables: `outage_pulse` (one row), `outage`, `outage_moved`.

pub mod actions;
mod events;
pub mod jobs;
pub mod pages;
pub mod rules;
pub mod store;
