//! Tests of the evaluation room.

mod properties;
mod worked_examples;
pub mod story;
