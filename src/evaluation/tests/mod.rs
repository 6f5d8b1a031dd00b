//! Tests of the evaluation room.

mod preference;
mod pages;
mod properties;
mod recorded;
mod room;
mod ruled_out;
mod seating;
mod worked_examples;
pub mod story;
