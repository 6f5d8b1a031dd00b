//! 开标记录 The opening record: what was closed, who was there, what was read out, what was objected to. Published; the
//! fields follow 电子招标投标办法 art. 32 and the exchange standard's BID_OPENING_RECORD.

use super::rules::{Blame, Cause};
use crate::expert_draw::draw::Draw;
use crate::platform::canonical::{jcs, jcs_text};
use crate::platform::digest::sha256;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::sealing::bid_document::Form;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, Count};
use serde::{Deserialize, Serialize};

/// The `typ` of an opening record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordTyp {
    /// Version 1, which has no word for what nobody can tell: `trustees` stands for that too.
    #[serde(rename = "sunbid/opening-record/v1")]
    V1,
    /// Version 2, with the blame `unsettled`.
    #[serde(rename = "sunbid/opening-record/v2")]
    V2,
}

/// One envelope's opening record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningRecord {
    pub arrivals: Vec<Arrival>,
    /// Where bids are locked twice: who came with their key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bidder_keys: Option<BidderKeys>,
    pub bid_set: Bytes<32>,
    /// Bidders with complete bids at the deadline. Stays as it is, whatever opens.
    pub bidders: u32,
    pub closed_at: Moment,
    pub closing_root: Bytes<32>,
    pub closing_size: Count,
    /// Numbers of the method that had been drawn when the record was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<DrawnNumber>,
    pub envelope: EnvelopeKind,
    pub lot: String,
    pub objections: Vec<Objection>,
    pub opened_at: Moment,
    pub opens_at: Moment,
    pub read_out: Vec<ReadOut>,
    pub tender: String,
    pub title: String,
    pub trustees: Vec<TrusteeLine>,
    pub typ: RecordTyp,
}

/// The bidders' phase of an opening whose bids are locked twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderKeys {
    /// In the order of the bid set.
    pub bids: Vec<BidderKeyLine>,
    pub ended_at: Option<Moment>,
    pub until: Moment,
}

/// Whether the key of one bid came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidderKeyLine {
    /// What the agent recorded if a missing key was not the bidder's fault.
    pub excuse: Option<String>,
    pub m: Bytes<32>,
    /// SHA-256 of the paper that shows it, which is for those whom it concerns; absent, not null, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<Bytes<32>>,
    /// Null: the key had not come when the time was over.
    pub released_at: Option<Moment>,
    /// Released by the second holder.
    pub second: bool,
    /// How many wrong keys the bidder released.
    pub wrong: u32,
}

/// A number that the tender documents leave to a draw at the opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawnNumber {
    /// The draw, whose record anybody can compute again (`docs/formats/draw.md`).
    pub draw: Id<Draw>,
    pub name: String,
    pub value: String,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    pub at: Moment,
    pub name: String,
    pub organisation: String,
    pub role: String,
}

/// One bid, in the order in which it is read out: by time of submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadOut {
    pub bidder: String,
    pub credit_code: String,
    /// Empty unless opened.
    pub form: Form,
    pub leaf: Count,
    pub m: Bytes<32>,
    /// SHA-256 of `bid.json`; null unless opened.
    pub document: Option<Bytes<32>>,
    pub not_opened: Option<NotOpened>,
    pub submitted_at: Moment,
}

/// Why a bid was not opened, and whose fault that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotOpened {
    pub blame: Blame,
    pub cause: Cause,
}

/// What one trustee did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrusteeLine {
    pub i: u8,
    pub organisation: String,
    /// Hash of the release; null if there was none.
    pub release: Option<Bytes<32>>,
    pub released_at: Option<Moment>,
    /// Bids for which the reported share was not the one in the trustee's box.
    pub wrong: Vec<Bytes<32>>,
}

/// An objection raised in the hall, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    pub answer: Option<String>,
    pub answered_at: Option<Moment>,
    pub at: Moment,
    pub organisation: String,
    pub words: String,
}

impl OpeningRecord {
    /// The hash that people sign and the log holds.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&jcs(self)])
    }

    /// What the people in the hall sign, on one line.
    pub fn statement(&self) -> String {
        #[derive(Serialize)]
        struct Statement<'a> {
            envelope: EnvelopeKind,
            lot: &'a str,
            record: Bytes<32>,
            tender: &'a str,
            typ: &'a str,
        }
        jcs_text(&Statement {
            envelope: self.envelope,
            lot: &self.lot,
            record: Bytes(self.hash()),
            tender: &self.tender,
            typ: "sunbid/opening-record-signature/v1",
        })
    }
}
