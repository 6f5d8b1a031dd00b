//! Sending, delivering, reading.

use super::rules::{Content, Letter, Notice};
use super::store;
use crate::account::who::Who;
use crate::ledger::Act;
use crate::party::rules::Organisation;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::queue::{self, Waiting};
use crate::platform::refusal::{Failure, Fault};
use serde::{Deserialize, Serialize};

/// The queue's kind of our messages.
pub(super) const KIND: &str = "message.letter";

#[derive(Serialize, Deserialize)]
struct Queued {
    to: Id<Organisation>,
    content: Content,
}

/// Writes to an organisation, as part of the act that it is about. The letter arrives some seconds later.
///
/// # Errors
/// The database fails.
pub fn send(
    act: &mut Act<'_>,
    to: Id<Organisation>,
    notice: Notice,
    lot: &str,
    href: String,
) -> Result<(), Fault> {
    act.queue(KIND, &Queued { to, content: Content { notice, lot: lot.to_owned(), href } })
}

/// Puts a queued message into its recipient's list. Safe to repeat: who comes second finds it delivered.
///
/// # Errors
/// The message is damaged, or the database fails; then it still waits.
pub(super) fn deliver(act: &mut Act<'_>, waiting: &Waiting) -> Result<(), Failure> {
    let now = act.now();
    if !queue::finish(act.db(), &waiting.id, now)? {
        return Ok(());
    }
    let vault = act.vault().clone();
    let body = vault.open(KIND, &waiting.body)?;
    let queued: Queued = serde_json::from_slice(&body).map_err(Fault::from)?;
    let id = Id::<Letter>::parse(&waiting.id).ok_or_else(|| Fault::new("a damaged message id"))?;
    store::insert(act.db(), &vault, id, queued.to, &queued.content, waiting.created_at)?;
    Ok(())
}

/// Marks what had arrived until `until` as read.
///
/// # Errors
/// The database fails.
pub fn read(act: &mut Act<'_>, who: &Who, until: Moment) -> Result<(), Failure> {
    let (vault, now) = (act.vault().clone(), act.now());
    Ok(store::mark_read(act.db(), &vault, who.organisation, until, now)?)
}
