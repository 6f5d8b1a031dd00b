//! Tests of the objection room.

mod pages;
mod room;
mod rules;
