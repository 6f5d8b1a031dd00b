//! Tests of the spine.

mod draft;
mod flow;
mod phase;
mod schedule;
mod terms;
