//! 到达 Who came in time although their act runs late: under a rush an act waits for its turn, and what was sent before a
//! deadline must not be late because the platform is busy.
//!
//! [`Door::arrive`] is called when the platform has the whole of something, say a form. It looks at the clock and remembers
//! that this [`Arrival`] is on its way until the act that it belongs to has ended ([`Door::act_arrived`]); the act's moment
//! is that of the arrival. Whoever draws a line at a deadline first waits until nobody is on the way who came before it
//! ([`Door::await_arrivals`], and [`Act::are_all_in`] inside the act, which alone decides).
//!
//! On PostgreSQL other servers may have people on their way too. Each says every second up to when it has dealt with
//! everybody ([`Door::tell_arrivals`]); one that has been silent for [`SILENT`] is taken for dead, and nobody who was on the
//! way in it can still get a receipt.

use super::act::Act;
use super::door::Door;
use super::store;
use crate::platform::database::OwnConnection;
use crate::platform::id::Id;
use crate::platform::moment::{Clock, Moment, SECOND};
use crate::platform::refusal::Fault;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a word a server is taken for dead, in microseconds of the machine's time.
pub const SILENT: i64 = 30 * SECOND;
/// How often other servers' words are looked at while a line waits to be drawn.
const LOOK: Duration = Duration::from_millis(100);

/// Names a running server in `Id<ServerMark>`.
pub enum ServerMark {}

/// The arrivals of one server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Arrivals {
    clock: Clock,
    server: Id<ServerMark>,
    flights: Arc<Flights>,
    /// For the word to other servers alone: in a rush acts wait for each other's connections, and the word must not.
    telling: Arc<OwnConnection>,
}

#[derive(Default)]
struct Flights {
    /// How many are on the way who came at this moment.
    moments: Mutex<BTreeMap<Moment, usize>>,
    landed: Condvar,
}

impl Flights {
    fn moments(&self) -> MutexGuard<'_, BTreeMap<Moment, usize>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that the platform has wholly received, on its way to its act.
pub struct Arrival {
    at: Moment,
    flights: Arc<Flights>,
}

impl Arrival {
    /// When it was there.
    pub fn at(&self) -> Moment {
        self.at
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut moments = self.flights.moments();
        if let Some(many) = moments.get_mut(&self.at) {
            *many -= 1;
            if *many == 0 {
                moments.remove(&self.at);
            }
        }
        self.flights.landed.notify_all();
    }
}

impl Arrivals {
    pub fn new(clock: Clock) -> Self {
        Self { clock, server: Id::random(), flights: Arc::default(), telling: Arc::default() }
    }

    fn arrive(&self) -> Arrival {
        // the clock is read under the lock: whoever sees nobody on the way before a moment will see nobody later
        let mut moments = self.flights.moments();
        let at = self.clock.now();
        *moments.entry(at).or_default() += 1;
        Arrival { at, flights: self.flights.clone() }
    }

    /// Everybody who came before this moment is dealt with.
    pub fn done_until(&self) -> Moment {
        let moments = self.flights.moments();
        let now = self.clock.now();
        moments.first_key_value().map_or(now, |(first, _)| now.min(*first))
    }

    /// Waits until everybody who came before `moment` is dealt with, at most until `end`.
    fn wait(&self, moment: Moment, end: Instant) {
        let mut moments = self.flights.moments();
        while moments.first_key_value().is_some_and(|(first, _)| *first < moment) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.flights.landed.wait_timeout(moments, left);
            moments = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Door {
    /// Says that something is here now, as a whole.
    pub fn arrive(&self) -> Arrival {
        self.arrivals().arrive()
    }

    /// How many are on the way to their acts in this server.
    #[cfg(test)]
    pub fn on_the_way(&self) -> usize {
        self.arrivals().flights.moments().values().sum()
    }

    /// Waits until nobody is on the way who came before `moment`, on any server, but no longer than `patience`. Blocks. It
    /// promises nothing: the act that follows asks [`Act::are_all_in`].
    ///
    /// # Errors
    /// The database fails.
    pub fn await_arrivals(&self, moment: Moment, patience: Duration) -> Result<(), Fault> {
        let end = Instant::now() + patience;
        self.arrivals().wait(moment, end);
        let since = self.clock().machine_now().plus(-SILENT);
        let own = self.arrivals().server;
        while self.is_shared()
            && self.read(|db| store::arrivals_before(db, own, moment, since))?
            && Instant::now() < end
        {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Tells the other servers up to when this one has dealt with everybody. Blocks. Where there is one server only, which
    /// is so on SQLite, there is nobody to tell. It is no act: nothing of the house changes by it.
    ///
    /// # Errors
    /// The database fails.
    pub fn tell_arrivals(&self) -> Result<(), Fault> {
        if !self.is_shared() {
            return Ok(());
        }
        let arrivals = self.arrivals();
        arrivals.telling.on(self.database(), Instant::now(), |db| {
            let machine = self.clock().machine_now();
            store::put_arrivals(db, arrivals.server, arrivals.done_until(), machine)?;
            store::forget_arrivals(db, machine.plus(-10 * SILENT))
        })
    }
}

impl Act<'_> {
    /// Whether everybody who came before `moment` has been dealt with, so that a line may be drawn there. Ask it before
    /// [`Act::exclude`] shuts the gate: those who are on the way must still come through.
    ///
    /// # Errors
    /// The database fails.
    pub fn are_all_in(&mut self, moment: Moment) -> Result<bool, Fault> {
        let arrivals = self.arrivals();
        let (own, done) = (arrivals.server, arrivals.done_until());
        let since = self.machine_now().plus(-SILENT);
        Ok(done >= moment && !(self.db().is_pg() && store::arrivals_before(self.db(), own, moment, since)?))
    }
}
