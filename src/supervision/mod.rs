//! 监督 What a supervisor sees: every step of a tender with its place in the public log.
//!
//! *What happens here.* A supervisor looks up a lot and finds everything that was done to it, line by line, each with its
//! log index, the moment, the role that did it, what it said, and a receipt that proves offline that the line
//! is in the log. From here they go to draws and to live and recorded sessions, and freeze or unfreeze the lot.
//!
//! *Who comes in.* Supervisors only. *What leaves.* Nothing: this is a glass room. Freezing is an act of `project`.
//!
//! *Articles.* 《招标投标法》第七条, 《招标投标法实施条例》第六十二条, 《电子招标投标办法》第五章.
//!
//! *Invariants.* Before the bids are opened a supervisor learns from here no more than the public: neither who has
//! bid nor how many ([`rules::is_shown`]). Supervision that could look into the box would be a leak of its own.
//!
//! *Tables.* None.

pub mod pages;
pub mod rules;
mod store;

#[cfg(test)]
mod tests;
