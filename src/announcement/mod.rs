//! 公告 Notices, the documents that go with them, and their amendments.
//!
//! What happens here: the agent writes what the tender is about and who may bid, adds the documents, checks the whole
//! notice once more and signs it. From that moment everybody can read it under an address that never changes.
//! What was published is never edited: an amendment is a new version, signed like the first, that says what changed
//! and puts the bid deadline off when the law asks for it.
//!
//! Who comes in: agents (write, add documents, publish, amend); bidders (download documents); everybody (read).
//!
//! What leaves: a signed notice document `sunbid/notice/v1` per version, the milestone `announced` or `amended` of every
//! lot, the schedule that holds from then on.
//!
//! Articles: 招标投标法 16 (notice), 22 (who has the documents is secret), 23 (amendments), 24; 招标投标法实施条例 15, 16, 21;
//! 电子招标投标办法 20 (no registration before a download), 21 (downloads are secret).
//!
//! Invariants:
//! - **What is published was signed**: the stored notice is the signed statement, byte for byte.
//! - **Nobody but the downloader can learn who downloaded, or how many did**: a download is kept under keyed tags with a
//!   sealed body, and no page, count or log line tells of it.
//! - **Documents are what they are by their bytes**, and a published document is never replaced.
//! - **The deadline in force is the one in the newest notice.**
//!
//! Tables: `announcement_draft`, `announcement_notice`, `announcement_document`, `announcement_download`.

pub mod actions;
pub mod pages;
pub mod rules;
pub mod store;
pub mod testing;
#[cfg(test)]
mod tests;
