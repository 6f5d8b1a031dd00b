//! What can be had of an entry by whoever may read it: the bytes that were entered, and the proof that they are in the log.

use super::door::Door;
use super::{EntryId, store};
use crate::platform::database::Db;
use crate::platform::digest::from_b64u;
use crate::platform::refusal::{Failure, Fault, Refused};

/// One of the two files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FromLog {
    /// The bytes that were entered.
    Object,
    /// The proof that they are in the log, a tlog-proof.
    Proof,
}

impl FromLog {
    /// Reads the last part of an address.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "entry.json" => Some(Self::Object),
            "proof" => Some(Self::Proof),
            _ => None,
        }
    }

    /// The type of the file, and how its name ends.
    pub const fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Object => ("application/json", "entry.json"),
            Self::Proof => ("text/plain; charset=utf-8", "tlog-proof"),
        }
    }

    /// The content of the file.
    ///
    /// # Errors
    /// Refused while the entry has no place in the log; faults of the database.
    pub fn content(self, door: &Door, db: &mut Db, id: EntryId) -> Result<Vec<u8>, Failure> {
        let missing = || Refused::new(404, "ledger.refusal.no_entry");
        let row = store::entry(db, id)?.filter(|row| row.log_index.is_some()).ok_or_else(missing)?;
        match self {
            Self::Proof => Ok(door.receipt(db, id)?.to_string().into_bytes()),
            Self::Object => {
                let object = from_b64u(&door.opened(&row)?.object);
                Ok(object.ok_or_else(|| Fault::new("a log entry's body is damaged"))?)
            }
        }
    }
}
