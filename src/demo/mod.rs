//! 演示 The demonstration centre: example people and tenders, made by real acts, and a clock that staff may move.
//!
//! A lawful tender takes forty days. To let a newcomer walk one in an afternoon, a demonstration centre's clock can be
//! moved forward by centre staff, one jump at a time; every jump is in the log and every page says that the clock
//! is a demonstration's. A real centre (`demo = false`) has no such page and no such act.
//!
//! The example tenders are walked through the very acts that people use, at set times in the past, with real keys and
//! real sealed bids: nothing is written into tables by hand. `sunbid demo` builds them once, into an empty database.
//!
//! Who comes in: everybody looks, centre staff move the clock. Table: `platform_clock`.

pub mod cast;
pub mod clock;
pub mod pages;

#[cfg(test)]
mod tests;
