//! Tests of the objection room.

mod room;
mod rules;
