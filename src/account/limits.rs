//! How often signing in may be tried. Two limits, each a minute's worth that fills up again evenly: one for an address and a
//! sign-in name together, against guessing somebody's password, and a wider one for the address alone, against trying one
//! password on many names.

use crate::platform::config::Config;
use crate::platform::tries::Tries;
use governor::clock::{Clock, DefaultClock};
use std::net::IpAddr;

/// The tries of everybody who tries to sign in at one server.
pub struct SignInLimits<C: Clock = DefaultClock> {
    /// By address and name.
    pair: Tries<C>,
    address: Tries<C>,
}

impl SignInLimits {
    /// The limits of the configuration.
    pub fn new(config: &Config) -> Self {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock + Clone> SignInLimits<C> {
    /// The limits of the configuration by another clock.
    pub(super) fn with_clock(config: &Config, clock: C) -> Self {
        let pair = Tries::with_clock(config.sign_in_tries, clock.clone());
        Self { pair, address: Tries::with_clock(config.sign_in_tries_per_address, clock) }
    }

    /// Counts a try; whether it may be made. `from` is `None` where the address is not known: such tries count together.
    pub fn admits(&self, from: Option<IpAddr>, login: &str) -> bool {
        let address = from.map(neighbourhood).unwrap_or_default();
        let pair = format!("{address} {}", login.trim().to_ascii_lowercase());
        self.address.admits(&address) && self.pair.admits(&pair)
    }

    /// How many addresses and pairs are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.pair.remembered() + self.address.remembered()
    }
}

/// An IPv4 address, or the first half of an IPv6 address: one customer of a provider has all of the other half.
fn neighbourhood(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("{:x}/64", u128::from(six) >> 64),
    }
}
