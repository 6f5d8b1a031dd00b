//! Tests of the verifier: honest bundles hold, and every alteration is named.

mod container;
mod log;
