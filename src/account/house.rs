//! The door and the certificate authority together: what handlers, jobs and commands share.

use super::authority::Authority;
use crate::ledger::Door;
use crate::platform::config::Config;
use crate::platform::moment::Clock;
use crate::platform::refusal::Fault;

/// What the handlers share.
#[derive(Clone)]
pub struct House {
    pub door: Door,
    pub authority: Authority,
}

impl House {
    /// Opens the house.
    ///
    /// # Errors
    /// Database, files or keys can not be opened.
    pub fn open(config: Config, clock: Clock) -> Result<Self, Fault> {
        let authority = Authority::open(&config.keys, &config.ca_roots, clock.now())?;
        Ok(Self { door: Door::open(config, clock)?, authority })
    }
}
