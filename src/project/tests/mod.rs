//! Tests of the spine.

mod flow;
mod phase;
mod schedule;
mod terms;
