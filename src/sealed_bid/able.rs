//! Whether the platform could take a bid now. While it could not, it leaves no pulse (`outage`): bidders who find a server that
//! answers and takes nothing are no better off than with one that is away, and the deadline moves as if it were.

use super::uploads::{self, Limits};
use crate::ledger::Door;
use crate::platform::random;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use crate::sealing::stream::SLICE;
use bytes::Bytes;

/// Writes, reads and removes a small object where the pieces of bids lie, and looks whether there is room for one more small
/// bid beside the reserve and all that is promised. Blocks.
///
/// # Errors
/// Bids can not be taken now, and why.
pub fn check(door: &Door) -> Result<(), Fault> {
    let why = "bids can not be taken now, so no pulse is left";
    let key = format!("pulse/{}", hex::encode(random::bytes::<8>()));
    let (files, waiting) = (door.files(), Waiting::here()?);
    let tried = waiting.on(async {
        let content = Bytes::copy_from_slice(key.as_bytes());
        files.put_at(&key, content.clone()).await?;
        let read = files.get_at(&key).await;
        files.remove_at(&key).await?;
        Ok::<_, Fault>(read? == content)
    });
    match tried.map_err(|fault| fault.context(why))? {
        true => {}
        false => return Err(Fault::new("the file store gave back something else").context(why)),
    }
    let (limits, now) = (Limits::of(door), door.now());
    match door.read(|db| uploads::has_room(db, now, SLICE as u64, &limits))? {
        true => Ok(()),
        false => Err(Fault::new("the disk is nearly full").context(why)),
    }
}
