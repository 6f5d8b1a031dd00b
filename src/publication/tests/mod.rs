//! Tests of the publication room.

mod room;
mod rules;
