//! Who brings bytes at this moment: one connection for each upload, and memory for all of them together that is bounded.
//! Both are this server's alone; between servers the act that makes pieces count decides ([`super::uploads::accept`]).

use super::rules::{Refusal, Upload};
use crate::platform::config::Config;
use crate::platform::id::Id;
use crate::platform::turns::{Turn, Turns};
use crate::sealing::stream::SLICE;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Slices that one piece may have in memory, if there is room: an fsync is shared by several of them.
const SLICES_AT_ONCE: u32 = 4;
/// After so long without a byte a connection keeps nothing in memory, and another one may go on in its place.
const SILENCE: Duration = Duration::from_secs(1);
/// Memory is given back after so long even if bytes come all the time, so that everybody's turn comes.
pub const HELD: Duration = Duration::from_secs(15);
/// How long to wait for the connection before, or for memory, until the sender is told to try again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is under way on this server. Cheap to clone.
#[derive(Clone)]
pub struct Senders {
    turns: Turns<Id<Upload>>,
    room: Arc<Semaphore>,
    slices: usize,
    idle: Duration,
}

impl Senders {
    pub fn of(config: &Config) -> Self {
        let slices = usize::try_from(config.upload_memory_bytes).unwrap_or(usize::MAX) / SLICE;
        // one slice must fit, or nothing ever arrives
        let slices = slices.clamp(1, Semaphore::MAX_PERMITS);
        let idle = Duration::from_secs(config.upload_idle_seconds.max(1));
        Self { turns: Turns::default(), room: Arc::new(Semaphore::new(slices)), slices, idle }
    }

    /// How long a connection may bring nothing before it is ended.
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// After how long without a byte a connection counts as silent.
    pub fn silence(&self) -> Duration {
        SILENCE.min(self.idle)
    }

    /// Whether nobody would have to wait for memory now.
    pub fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    /// Memory for a piece, in slices. While half of all is free it is four, else one, so that many find a place.
    ///
    /// # Errors
    /// Refused if none becomes free for some seconds.
    pub async fn room(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let plenty = self.room.available_permits() > self.slices / 2;
        let many = plenty.then(|| self.room.clone().try_acquire_many_owned(SLICES_AT_ONCE));
        if let Some(Ok(many)) = many {
            return Ok(many);
        }
        let one = timeout(PATIENCE, self.room.clone().acquire_owned()).await;
        one.ok().and_then(Result::ok).ok_or(Refusal::Crowded)
    }

    /// Waits until nobody else brings bytes into this upload.
    ///
    /// # Errors
    /// Refused if somebody still does after some seconds.
    pub async fn turn(&self, upload: Id<Upload>) -> Result<Turn<Id<Upload>>, Refusal> {
        let place = self.turns.join(upload, usize::MAX).ok_or(Refusal::Elsewhere)?;
        timeout(PATIENCE, place.turn()).await.map_err(|_| Refusal::Elsewhere)
    }
}
