//! Tests of the verifier: honest bundles hold, and every alteration is named.

mod alterations;
mod container;
mod lockstep;
mod log;
mod lot;
mod opened;
