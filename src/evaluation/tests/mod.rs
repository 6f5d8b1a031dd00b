//! Tests of the evaluation room.

mod properties;
mod recorded;
mod room;
mod worked_examples;
pub mod story;
