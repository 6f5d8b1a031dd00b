//! How often signing in may be tried. Two limits, each a minute's worth that fills up again evenly: one for an address and a
//! sign-in name together, against guessing somebody's password, and a wider one for the address alone, against trying one
//! password on many names. What has not been seen for a minute is forgotten.

use crate::platform::config::Config;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

type Keyed<C> = RateLimiter<String, DashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// After so many tries old entries are thrown out.
const TIDY_EVERY: u64 = 1000;

/// The tries of everybody who tries to sign in at one server.
pub struct SignInLimits<C: Clock = DefaultClock> {
    /// By address and name; `None` for no limit.
    pair: Option<Keyed<C>>,
    /// By address.
    address: Option<Keyed<C>>,
    tries: AtomicU64,
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
        let keyed = |per_minute| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute)?);
            Some(RateLimiter::dashmap_with_clock(quota, clock.clone()))
        };
        Self {
            pair: keyed(config.sign_in_tries),
            address: keyed(config.sign_in_tries_per_address),
            tries: AtomicU64::new(0),
        }
    }

    /// Counts a try; whether it may be made. `from` is `None` where the address is not known: such tries count together.
    pub fn admits(&self, from: Option<IpAddr>, login: &str) -> bool {
        if self.tries.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.forget_old();
        }
        let address = from.map(neighbourhood).unwrap_or_default();
        let pair = format!("{address} {}", login.trim().to_ascii_lowercase());
        let within = |limit: &Option<Keyed<C>>, key| limit.as_ref().is_none_or(|l| l.check_key(key).is_ok());
        within(&self.address, &address) && within(&self.pair, &pair)
    }

    fn forget_old(&self) {
        for limit in [&self.pair, &self.address].into_iter().flatten() {
            limit.retain_recent();
            limit.shrink_to_fit();
        }
    }

    /// How many addresses and pairs are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        [&self.pair, &self.address].into_iter().flatten().map(RateLimiter::len).sum()
    }
}

/// An IPv4 address, or the first half of an IPv6 address: one customer of a provider has all of the other half.
fn neighbourhood(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => format!("{:x}/64", u128::from(six) >> 64),
    }
}
