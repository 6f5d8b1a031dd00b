//! Delivery.

use super::actions::{self, KIND};
use crate::ledger::{Actor, Door};
use crate::platform::queue;
use crate::platform::refusal::Fault;

/// How many messages are taken from the queue at a time.
const BATCH: i64 = 100;

/// Delivers everything that waits. A message that can not be delivered is tried again later and holds up no other.
///
/// # Errors
/// The database fails.
pub fn due(door: &Door) -> Result<(), Fault> {
    let sender = || Actor::system("message");
    loop {
        let now = door.now();
        let waiting = door.read(|db| queue::due(db, KIND, now, BATCH))?;
        if waiting.is_empty() {
            return Ok(());
        }
        for message in waiting {
            let id = message.id.clone();
            let delivered = door.write(sender(), move |act| actions::deliver(act, &message));
            if let Err(why) = delivered {
                tracing::error!(%why, "a message was not delivered");
                let later = door.write(sender(), move |act| Ok(queue::try_later(act.db(), &id, now)?));
                later.map_err(|failure| Fault::new(failure.to_string()))?;
            }
        }
    }
}
