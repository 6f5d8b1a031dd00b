//! Whole tenders at the mercy of chance: bidders who seal, upload piece by piece, submit, replace, withdraw, come late or
//! cheat; trustees who release early, twice, wrong or never; an operator who lies to those who check; an agent who opens too soon; a clock that jumps and goes back; forms that wait for their turn; hours in which the platform is away;
//! and a program that stops at any moment, also in the middle of an act, and is started again on what it left. After each
//! step every promise is checked by code that shares nothing with what it checks ([`invariants`]).
//!
//! One number, the seed, decides everything that happens and when; only keys and ids are fresh in every run. A failure tells
//! its seed and its steps:
//!
//! ```text
//! SUNBID_SEED=1234 cargo test --lib tests::simulation     the same run again
//! SUNBID_SEEDS=100 cargo test --lib tests::simulation     a hundred new ones
//! ```

mod bidders;
mod dice;
mod end;
mod forms;
mod hall;
mod invariants;
mod keys;
mod lies;
mod outages;
mod outsiders;
mod servers;
mod trustees;
mod world;

use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::random;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use world::World;

on_both_databases! {
    whatever_happens_in_whatever_order_the_promises_hold
}

/// Runs that every test run repeats; together they do everything that a simulation can do.
const SEEDS: [u64; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/// What the runs of [`SEEDS`] must have met, so that the simulation proves something.
const MUST_HAPPEN: [&str; 39] = [
    "submitted",
    "replaced",
    "withdrawn",
    "late and refused",
    "cheated at submission and refused",
    "handed in a hostile bid",
    "handed in before all bytes were there",
    "the clock went back",
    "stopped between acts",
    "stopped with a piece in the file store that does not count",
    "stopped: Working",
    "stopped: Committed",
    "stopped: Sequenced",
    "stopped: Unanswered",
    "closed too early and refused",
    "released too early and refused",
    "opened too early and refused",
    "a trustee lied",
    "opened although a trustee was lost",
    "a bidder's key came",
    "a trustee saw through a lie",
    "a trustee believed what is true",
    "a trustee's clock was behind",
    "papers had to wait for the witness",
    "a form waits for its turn",
    "came in time and was taken after the deadline",
    "a closing waited for those on the way",
    "stopped with a form on the way",
    "a key came in time and was taken after it",
    "an outage was put on record",
    "the deadline moved",
    "a closing waited until it was known whether the platform was away",
    "a second holder stepped in",
    "half a bid was in the box",
    "the second envelope had to wait",
    "the second session began",
    "opened the second envelope",
    "opened",
    "verified",
];

/// And where several servers may share a database.
const WITH_TWO_SERVERS: [&str; 4] = [
    "the second server fell silent",
    "the second server was heard again",
    "the second server stopped",
    "came in time to a server that was taken for dead and lives after all",
];

/// A run says a tenth of this; one that says more goes in circles.
const STEPS_MAX: usize = 20_000;

/// How often what happened.
pub type Tally = BTreeMap<String, u32>;

/// The steps of a run, for whoever has to understand a failure.
#[derive(Clone, Default)]
pub struct Trail(Arc<Mutex<Vec<String>>>);

impl Trail {
    pub fn say(&self, what: String) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push(what);
        let many = steps.len();
        drop(steps);
        assert!(many < STEPS_MAX, "what one waits for never comes");
    }

    fn told(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

fn whatever_happens_in_whatever_order_the_promises_hold(engine: Engine) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    if let Some(seed) = number("SUNBID_SEED") {
        run(engine, seed);
        return;
    }
    if let Some(count) = number("SUNBID_SEEDS") {
        for _ in 0..count {
            // whoever looks for a seed that meets something finds it here
            let tally = run(engine, u64::from_le_bytes(random::bytes()));
            let _ = writeln!(std::io::stderr(), "{tally:?}");
        }
        return;
    }
    let mut tally = Tally::new();
    for seed in SEEDS {
        for (what, times) in run(engine, seed) {
            *tally.entry(what).or_default() += times;
        }
    }
    let there: &[&str] = if engine == Engine::Postgres { &WITH_TWO_SERVERS } else { &[] };
    let never: Vec<&&str> =
        MUST_HAPPEN.iter().chain(there).filter(|what| !tally.contains_key(**what)).collect();
    assert!(never.is_empty(), "these never happened: {never:?}; what did: {tally:#?}");
    run(engine, u64::from_le_bytes(random::bytes()));
}

fn run(engine: Engine, seed: u64) -> Tally {
    // past the test harness, which hides what passing tests print
    let _ = writeln!(std::io::stderr(), "simulation on {engine:?}: SUNBID_SEED={seed}");
    let trail = Trail::default();
    let lived = catch_unwind(AssertUnwindSafe(|| World::begin(engine, seed, trail.clone()).live()));
    lived.unwrap_or_else(|_| {
        panic!(
            "the simulation of SUNBID_SEED={seed} on {engine:?} broke a promise (see above). Its steps:\n{}",
            trail.told()
        )
    })
}
