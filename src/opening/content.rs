//! The files of opened bids. They lie where they were uploaded, as sealed as they came; the opening only recorded the
//! key. Whoever may read one gets it decrypted on the way (`docs/decisions/0006-opened-files-stay-sealed.md`).

use super::store::{self, BidRow, ContentRow};
use crate::platform::database::Db;
use crate::platform::files::Files;
use crate::platform::id::Id;
use crate::platform::refusal::Fault;
use crate::platform::vault::Vault;
use crate::project::rules::Lot;
use crate::sealed_bid::ciphertext;
use crate::sealed_bid::store::{Part, parts};
use crate::sealing::bid_document::BidDocument;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::stream::HEADER;
use std::io::Read;

/// An opened bid whose files can be read.
pub struct Content {
    document: BidDocument,
    row: ContentRow,
    parts: Vec<Part>,
}

impl Content {
    /// `None` if this bid was not opened.
    ///
    /// # Errors
    /// Faults of the database.
    pub fn of(
        db: &mut Db,
        vault: &Vault,
        lot: Id<Lot>,
        envelope: EnvelopeKind,
        bid: &BidRow,
    ) -> Result<Option<Self>, Fault> {
        let Some(document) = bid.document.clone() else { return Ok(None) };
        let Some(row) = store::content(db, vault, lot, envelope, bid.m)? else { return Ok(None) };
        let parts = parts(db, row.upload)?;
        Ok(Some(Self { document, row, parts }))
    }

    /// The content of the file number `index`, from 0, of the bid's document. Blocks; see [`ciphertext::reader`]. Fails at
    /// its end if the content is not the one that the bidder signed.
    ///
    /// # Errors
    /// There is no such file, or the stored ciphertext is gone or damaged.
    pub fn read(&self, files: &Files, index: usize) -> Result<Box<dyn Read + Send>, Fault> {
        let mut header = [0; HEADER];
        ciphertext::reader(files.clone(), self.parts.clone())?.read_exact(&mut header)?;
        let from = |offset| ciphertext::reader_from(files.clone(), self.parts.clone(), offset);
        Ok(Box::new(self.row.key.file((&self.document, index), &header, from)?))
    }
}
