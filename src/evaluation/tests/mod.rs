//! Tests of the evaluation room.

mod properties;
mod room;
mod worked_examples;
pub mod story;
