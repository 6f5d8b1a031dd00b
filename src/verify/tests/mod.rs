//! Tests of the verifier: honest bundles hold, and every alteration is named.

mod alterations;
mod container;
mod log;
mod lot;
