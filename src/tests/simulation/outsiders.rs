//! Whom trustees believe rather than the platform: a real witness with a clock of its own, and the policy that they pinned
//! before the tender began.

use super::world::World;
use crate::account::testing::TestHouse;
use crate::cli::log::witness::Witness;
use crate::ledger::note::{Note, SignerKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::ledger::store::{self as log, Tiles};
use crate::ledger::witness::Request;
use crate::ledger::{tree, witnessing};
use crate::platform::database::testing::Engine;
use crate::platform::moment::{Clock, Moment, SECOND};
use crate::platform::refusal::Fault;
use std::fs;

pub struct Outsiders {
    witness: Witness,
    clock: Clock,
    /// What trustees know of the log from elsewhere: its key, and whose cosignature it needs.
    pub policy: Policy,
    /// Size of the log that the witness cosigned last, and when by its clock.
    pub seen: (u64, Moment),
    _state: tempfile::TempDir,
}

/// A platform whose log a witness watches.
pub fn house(engine: Engine) -> (TestHouse, Outsiders) {
    let (state, key) = (tempfile::tempdir().unwrap(), WitnessKey::generate("witness.example/w").unwrap());
    let file = state.path().join("policy");
    let mut known = None;
    let house = TestHouse::configured(engine, |config| {
        let log = SignerKey::generate(&config.origin).unwrap();
        fs::create_dir_all(&config.keys).unwrap();
        fs::write(config.keys.join("log-signer.key"), log.to_file().as_bytes()).unwrap();
        let policy = format!("log {}\nwitness one {}\nquorum one\n", log.verifier(), key.verifier());
        fs::write(&file, &policy).unwrap();
        config.log_policy = file.display().to_string();
        known = Some((log.verifier().clone(), Policy::parse(&policy).unwrap()));
    });
    let (verifier, policy) = known.expect("the house was configured");
    let clock = Clock::set_at(house.door().now());
    let seen = (0, clock.now());
    let witness = Witness::new(key, vec![verifier], state.path().join("witness"), clock.clone()).unwrap();
    (house, Outsiders { witness, clock, policy, seen, _state: state })
}

impl Outsiders {
    /// Asks the witness to cosign, as a platform would that stands where the witness stands.
    pub fn ask(&self, checkpoint: Note, proof: Vec<tree::Hash>) -> Option<Note> {
        let request = Request { old: self.seen.0, proof, checkpoint: checkpoint.clone() };
        let line = self.witness.add(request.to_string().as_bytes()).unwrap().ok()?;
        Some(checkpoint.with(line))
    }
}

impl World {
    /// The witness is asked to cosign the closing, if it has not seen it, and what the log is now. Its clock is true: it shows
    /// the latest that there was.
    pub fn the_witness_looks(&mut self) {
        let from = self.outside.seen.0;
        let (mut notes, head) = self
            .house()
            .door()
            .read(|db| {
                let closings = log::closings(db, 9)?.into_iter().map(|kept| (kept.size, kept.note));
                Ok::<_, Fault>((closings.collect::<Vec<_>>(), log::head(db)?.expect("the log has entries")))
            })
            .unwrap();
        notes.push((head.size, head.note));
        notes.retain(|(size, _)| *size > from);
        notes.sort();
        notes.dedup();
        self.outside.clock.move_to(self.latest);
        for (size, note) in notes {
            self.cosign(size, &note);
        }
    }

    fn cosign(&mut self, size: u64, note: &str) {
        self.say(&format!("the witness cosigns {size}"));
        let (from, door) = (self.outside.seen.0, self.house().door());
        let proof = door.read(|db| Ok::<_, Fault>(tree::consistency_proof(&Tiles::new(db), from, size)?));
        let asked = self.outside.ask(Note::parse(note.as_bytes()).unwrap(), proof.unwrap());
        witnessing::answered(door, &asked.expect("the log of an honest platform only grows")).unwrap();
        let whole = self.latest.micros().div_euclid(SECOND) * SECOND;
        self.outside.seen = (size, Moment::from_micros(whole));
    }
}
