//! 音视频存档 Recordings bound to the log.
//!
//! **What happens here.** While experts evaluate bids from wherever they are, the browser of each records their
//! camera and their screen and sends numbered parts. This room keeps them so that nobody, the operator
//! included, can later edit, swap, drop or cut off a part unseen, and says at any moment whether everyone who must be
//! recorded is being recorded. Supervisors watch live; auditors play back any track with the evaluation's events on
//! the same timeline.
//!
//! **Who comes in.** Experts (their own tracks only), supervisors (watch, play back, order a legal hold), and the
//! later rooms that open, close and ask about a session: opening and evaluation.
//!
//! **What leaves.** The verdict "every required track is recording"; playlists, segments and pictures; and the
//! records of the hash chain for the evidence bundle.
//!
//! **Articles.** 财政部令第87号 art. 39 (opening and evaluation are recorded throughout, clearly, and archived with the
//! procurement documents); 政府采购法 art. 42 (15 years); 电子招标投标办法 art. 56, 57 (what must be kept and found).
//!
//! **Invariants.** Bytes are on disk before a row speaks of them, and a row before an answer does. Within an epoch the
//! kept bytes are the bytes that were sent (WebM excepted: its wrapping is changed, its content is not). A gap is a
//! record of its own, never a silence. Nothing is deleted within the retention floor or under a legal hold, and
//! records and hashes never. Times come from the media (`tfdt`), never from counting parts.
//!
//! **Tables.** `recording_session`, `recording_track`, `recording_epoch`, `recording_part`, `recording_record`,
//! `recording_access`. Format: `docs/formats/recording.md`.

pub mod actions;
/// ISO base media boxes: whole boxes, init sections, fragments.
pub mod boxes;
/// The hash chain and its offline check.
pub mod chain;
/// WebM: heads and clusters.
pub mod ebml;
/// From parts to records and files.
pub mod intake;
pub mod jobs;
pub mod pages;
/// HLS playlists from rows.
pub mod playlist;
/// WebM to fragmented MP4.
pub mod remux;
pub mod rules;
/// Cutting segments from fragments.
pub mod segments;
pub mod store;
/// Pictures of segments.
pub mod thumbnail;

pub mod testing;
#[cfg(test)]
mod tests;
