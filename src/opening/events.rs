//! What the hall tells the log. Shares never enter it; hashes do.

use super::rules::Blame;
use crate::account::signature::Signed;
use crate::ledger::Event;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::project::rules::{Lot, Tender};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, Count};
use serde::Serialize;

/// The box is closed: what is below `size` counts.
#[derive(Serialize)]
pub(super) struct BoxClosed<'a> {
    pub lot: Id<Lot>,
    pub tender: Id<Tender>,
    pub size: Count,
    pub root: Bytes<32>,
    /// Bidders with a bid in every envelope; only theirs are in the sets.
    pub bidders: u32,
    /// Bidders of whom an envelope was missing: their bids count as taken back and stay sealed.
    pub incomplete: u32,
    /// The bid deadline that was in force, which is the opening time.
    pub deadline: Moment,
    /// Version of the notice in force.
    pub notice: u32,
    /// Public number of the tender.
    pub number: &'a str,
    /// Public number of the lot.
    pub lot_number: String,
    /// The bid set of every envelope, also of those that are opened later.
    pub sets: Vec<ClosedSet>,
}

/// The bids of one envelope that count.
#[derive(Serialize)]
pub(super) struct ClosedSet {
    pub envelope: EnvelopeKind,
    pub bids: u32,
    /// Hash of the bid set.
    pub hash: Bytes<32>,
}

impl Event for BoxClosed<'_> {
    const KIND: &'static str = "opening.box_closed";
    const NUMBER: u8 = 130;
}

/// Too few bidders: nothing is opened.
#[derive(Serialize)]
pub(super) struct NotOpened {
    pub lot: Id<Lot>,
    pub tender: Id<Tender>,
    pub bidders: u32,
    pub minimum: u32,
}

impl Event for NotOpened {
    const KIND: &'static str = "opening.not_opened";
    const NUMBER: u8 = 131;
}

/// The bid set and the session's key of one envelope.
#[derive(Serialize)]
pub(super) struct SessionStarted {
    pub lot: Id<Lot>,
    pub tender: Id<Tender>,
    pub envelope: EnvelopeKind,
    pub bid_set: Bytes<32>,
    pub session: Bytes<65>,
    /// Where bids are locked twice: until when bidders release their keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bidders_until: Option<Moment>,
}

impl Event for SessionStarted {
    const KIND: &'static str = "opening.session_started";
    const NUMBER: u8 = 132;
}

/// Somebody signed in.
#[derive(Serialize)]
pub(super) struct Arrived<'a> {
    pub lot: Id<Lot>,
    pub organisation: &'a str,
}

impl Event for Arrived<'_> {
    const KIND: &'static str = "opening.arrived";
    const NUMBER: u8 = 133;
}

/// A trustee released shares; `hash` is that of the release document.
#[derive(Serialize)]
pub(super) struct SharesReleased {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub i: u8,
    pub hash: Bytes<32>,
}

impl Event for SharesReleased {
    const KIND: &'static str = "opening.shares_released";
    const NUMBER: u8 = 134;
}

/// What became of one bid: the hash of its `bid.json`, or whose fault it is.
#[derive(Serialize)]
pub(super) struct BidFate {
    pub m: Bytes<32>,
    pub document: Option<Bytes<32>>,
    pub blame: Option<Blame>,
    /// Trustees whose report on this bid was wrong.
    pub liars: Vec<u8>,
}

/// An envelope was opened.
#[derive(Serialize)]
pub(super) struct BidsOpened {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub bid_set: Bytes<32>,
    pub bids: Vec<BidFate>,
    /// Trustees who were declared lost.
    pub lost: Vec<u8>,
}

impl Event for BidsOpened {
    const KIND: &'static str = "opening.bids_opened";
    const NUMBER: u8 = 135;
}

/// A bidder objected in the hall.
#[derive(Serialize)]
pub(super) struct Objected<'a> {
    pub lot: Id<Lot>,
    pub organisation: &'a str,
    pub words: &'a str,
}

impl Event for Objected<'_> {
    const KIND: &'static str = "opening.objected";
    const NUMBER: u8 = 136;
}

/// The agent answered an objection.
#[derive(Serialize)]
pub(super) struct Answered<'a> {
    pub lot: Id<Lot>,
    pub words: &'a str,
}

impl Event for Answered<'_> {
    const KIND: &'static str = "opening.answered";
    const NUMBER: u8 = 137;
}

/// The record was published under the agent's signature.
#[derive(Serialize)]
pub(super) struct RecordPublished<'a> {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub record: Bytes<32>,
    pub signed: &'a Signed,
}

impl Event for RecordPublished<'_> {
    const KIND: &'static str = "opening.record_published";
    const NUMBER: u8 = 138;
}

/// Somebody who was there signed the published record.
#[derive(Serialize)]
pub(super) struct RecordSigned<'a> {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub record: Bytes<32>,
    pub signed: &'a Signed,
}

impl Event for RecordSigned<'_> {
    const KIND: &'static str = "opening.record_signed";
    const NUMBER: u8 = 139;
}

/// A bidder's key came: `hash` is that of the release document.
#[derive(Serialize)]
pub(super) struct BidderReleased {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub m: Bytes<32>,
    pub hash: Bytes<32>,
    /// Released by somebody outside the bidder's organisation who held the key: the second holder.
    pub second: bool,
}

impl Event for BidderReleased {
    const KIND: &'static str = "opening.bidder_released";
    const NUMBER: u8 = 140;
}

/// A bidder's release was not taken.
#[derive(Serialize)]
pub(super) struct BidderRefused<'a> {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub m: Bytes<32>,
    pub hash: Bytes<32>,
    /// `wrong_key` or `late`.
    pub why: &'a str,
}

impl Event for BidderRefused<'_> {
    const KIND: &'static str = "opening.bidder_refused";
    const NUMBER: u8 = 141;
}

/// The bidders' phase is over: from here on trustees release, and no bidder does.
#[derive(Serialize)]
pub(super) struct BiddersDone<'a> {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub until: Moment,
    pub released: &'a [Bytes<32>],
    pub absent: &'a [Bytes<32>],
}

impl Event for BiddersDone<'_> {
    const KIND: &'static str = "opening.bidders_done";
    const NUMBER: u8 = 142;
}

/// The agent recorded why a missing key is not its bidder's fault.
#[derive(Serialize)]
pub(super) struct AbsenceExcused<'a> {
    pub lot: Id<Lot>,
    pub envelope: EnvelopeKind,
    pub m: Bytes<32>,
    pub words: &'a str,
    /// SHA-256 of the paper that shows it.
    pub paper: Bytes<32>,
}

impl Event for AbsenceExcused<'_> {
    const KIND: &'static str = "opening.absence_excused";
    const NUMBER: u8 = 143;
}
