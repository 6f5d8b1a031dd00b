//! Tests of the publication room.

mod pages;
mod room;
mod rules;
