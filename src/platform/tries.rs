//! How often something may be tried under one name in a minute: a bucket for each name, which fills up again evenly. What
//! has not been seen for a minute is forgotten.

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

type Keyed<C> = RateLimiter<String, DashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// After so many tries old names are thrown out.
const TIDY_EVERY: u64 = 1000;

/// The tries of one server.
pub struct Tries<C: Clock = DefaultClock> {
    /// `None` for no limit.
    limit: Option<Keyed<C>>,
    tries: AtomicU64,
}

impl Tries {
    /// So many a minute under one name; zero is no limit.
    pub fn a_minute(limit: u32) -> Self {
        Self::with_clock(limit, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Tries<C> {
    /// As [`Tries::a_minute`], by another clock.
    pub fn with_clock(limit: u32, clock: C) -> Self {
        let quota = NonZeroU32::new(limit).map(Quota::per_minute);
        let limit = quota.map(|quota| RateLimiter::dashmap_with_clock(quota, clock));
        Self { limit, tries: AtomicU64::new(0) }
    }

    /// Counts a try; whether it may be made.
    pub fn admits(&self, name: &str) -> bool {
        let Some(limit) = &self.limit else { return true };
        if self.tries.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            limit.retain_recent();
            limit.shrink_to_fit();
        }
        limit.check_key(&name.to_owned()).is_ok()
    }

    /// How many names are remembered.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.limit.as_ref().map_or(0, RateLimiter::len)
    }
}
