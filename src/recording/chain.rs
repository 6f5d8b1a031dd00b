//! The hash chain of a recorded track, and the check that a stranger runs on it. Pure: no database, no media
//! library; `sunbid verify` uses exactly this. The format is written down in `docs/formats/recording.md`.
//!
//! Each fact about a track (it was opened, an init section or a segment arrived, something is missing, it was
//! sealed) is one [`Record`]. A record names the one before it by its leaf, so changing, reordering or removing
//! one changes every later leaf. Leaves are entered in the public log while the recording runs ([`Anchor`]);
//! that, and not the chain, is what stops whoever holds the database from writing a new history.

use crate::platform::canonical::jcs;
use crate::platform::digest::{b64u, b64u_32, sha256};
use crate::platform::moment::Moment;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// The format name inside every record.
pub const FORMAT: &str = "sunbid-recording/1";

/// What the first record of a track names as its predecessor.
pub const NO_PREVIOUS: [u8; 32] = [0; 32];

/// Why nothing was recorded for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Nothing arrived in time: the browser was closed, or the network was down.
    Offline,
    /// The person stopped the recorder.
    Paused,
    /// The person or the system took the permission for camera or screen away.
    Revoked,
    /// The recorder was started again (page reloaded, device changed): a new epoch begins.
    Restarted,
    /// Media time jumped inside an epoch: the browser or the computer slept.
    MediaJump,
    /// Numbered parts of an epoch never arrived.
    PartsLost,
    /// What arrived is not a recording that can be kept.
    Unreadable,
}

impl GapReason {
    /// The code in records, rows and locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Paused => "paused",
            Self::Revoked => "revoked",
            Self::Restarted => "restarted",
            Self::MediaJump => "media_jump",
            Self::PartsLost => "parts_lost",
            Self::Unreadable => "unreadable",
        }
    }

    pub const ALL: [Self; 7] = [
        Self::Offline,
        Self::Paused,
        Self::Revoked,
        Self::Restarted,
        Self::MediaJump,
        Self::PartsLost,
        Self::Unreadable,
    ];

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.code() == code)
    }
}

/// What one record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// The track exists. `subject` says what is recorded (`evaluation:<lot>`), `seat` who, by the number that
    /// the person has in this session and nowhere else, `source` is `camera` or `screen`.
    Opened {
        subject: String,
        #[serde(with = "as_text")]
        seat: u64,
        source: String,
    },
    /// The init section of an epoch: needed to play its segments.
    Init {
        #[serde(with = "as_text")]
        epoch: u64,
        #[serde(with = "as_b64u")]
        sha256: [u8; 32],
        #[serde(with = "as_text")]
        bytes: u64,
        /// Ticks per second of `tfdt` and `dur` in this epoch.
        #[serde(with = "as_text")]
        timescale: u64,
        codecs: String,
        /// Server time at which media time 0 of this epoch was recorded, as estimated by the clock probe.
        began_at: Moment,
    },
    /// One segment of an epoch, counted from 1.
    Media {
        #[serde(with = "as_text")]
        epoch: u64,
        #[serde(with = "as_text")]
        seq: u64,
        #[serde(with = "as_text")]
        tfdt: u64,
        #[serde(with = "as_text")]
        dur: u64,
        #[serde(with = "as_b64u")]
        sha256: [u8; 32],
        #[serde(with = "as_text")]
        bytes: u64,
    },
    /// Nothing was recorded between two moments, and why.
    Gap { reason: GapReason, from: Moment, until: Moment },
    /// Nothing follows. `last` is the number of the record before this one.
    Sealed {
        #[serde(with = "as_text")]
        last: u64,
    },
}

/// One link of a track's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub format: String,
    pub session: String,
    pub track: String,
    /// Counts the records of this track from 0, without holes.
    #[serde(with = "as_text")]
    pub number: u64,
    /// Server time at which the fact was received and recorded.
    pub at: Moment,
    /// Leaf of record `number - 1`; zeros for number 0.
    #[serde(with = "as_b64u")]
    pub prev: [u8; 32],
    pub what: What,
}

impl Record {
    /// The canonical bytes (RFC 8785) that are hashed and logged.
    pub fn canonical(&self) -> Vec<u8> {
        jcs(self)
    }

    /// The leaf: SHA-256 over a zero byte and the canonical bytes.
    pub fn leaf(&self) -> [u8; 32] {
        sha256(&[&[0], &self.canonical()])
    }

    /// The hash of the stored bytes that this record speaks of, if it speaks of any.
    pub fn media(&self) -> Option<[u8; 32]> {
        match &self.what {
            What::Init { sha256, .. } | What::Media { sha256, .. } => Some(*sha256),
            What::Opened { .. } | What::Gap { .. } | What::Sealed { .. } => None,
        }
    }
}

/// Where a chain stands, so that the next record can be written without reading the earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub session: String,
    pub track: String,
    /// Number of the next record.
    pub next: u64,
    pub leaf: [u8; 32],
}

impl Head {
    /// The chain of a track before its first record.
    pub fn start(session: impl ToString, track: impl ToString) -> Self {
        Self { session: session.to_string(), track: track.to_string(), next: 0, leaf: NO_PREVIOUS }
    }

    /// Writes the next record and moves on.
    pub fn append(&mut self, at: Moment, what: What) -> Record {
        let record = Record {
            format: FORMAT.into(),
            session: self.session.clone(),
            track: self.track.clone(),
            number: self.next,
            at,
            prev: self.leaf,
            what,
        };
        self.next += 1;
        self.leaf = record.leaf();
        record
    }

    /// Writes the last record.
    pub fn seal(&mut self, at: Moment) -> Record {
        let last = self.next.saturating_sub(1);
        self.append(at, What::Sealed { last })
    }
}

/// A leaf of this chain that the public log proves: record `number` had this leaf when the log was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub number: u64,
    pub leaf: [u8; 32],
}

/// What is wrong with a record or with the bytes that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The bytes are not those that were recorded.
    Edited,
    /// The bytes are those of another record of this track.
    Swapped { with: u64 },
    /// The record is missing.
    Dropped,
    /// The record stands in the wrong place, or twice.
    OutOfOrder,
    /// The record itself was changed after the next one was written.
    Altered,
    /// The record is not the one that the public log knows.
    Rewritten,
    /// Records after this number are missing: the seal or the log says that there were more.
    Truncated { known: u64 },
    /// Something follows the seal.
    AfterSeal,
    /// The seal names another last record.
    WrongSeal,
    /// The record belongs to another session or track, or has another format.
    Foreign,
    /// The numbers or times of segments leap without a gap record.
    Unexplained,
}

/// One finding of the check: which record, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub track: String,
    pub number: u64,
    /// Epoch and sequence number, where the record is a segment (sequence 0: the init section).
    pub segment: Option<(u64, u64)>,
    pub wrong: Wrong,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "track {} record {}", self.track, self.number)?;
        if let Some((epoch, seq)) = self.segment {
            write!(f, " (epoch {epoch} segment {seq})")?;
        }
        match &self.wrong {
            Wrong::Edited => write!(f, ": the bytes were edited"),
            Wrong::Swapped { with } => write!(f, ": the bytes were swapped with those of record {with}"),
            Wrong::Dropped => write!(f, ": the record was dropped"),
            Wrong::OutOfOrder => write!(f, ": the record is out of order"),
            Wrong::Altered => write!(f, ": the record was altered"),
            Wrong::Rewritten => write!(f, ": the record is not the one in the public log"),
            Wrong::Truncated { known } => {
                write!(f, ": the end was cut off, record {known} is known to exist")
            }
            Wrong::AfterSeal => write!(f, ": the record follows the seal"),
            Wrong::WrongSeal => write!(f, ": the seal names another last record"),
            Wrong::Foreign => write!(f, ": the record belongs elsewhere"),
            Wrong::Unexplained => write!(f, ": segments are missing here without a gap record"),
        }
    }
}

/// The outcome of checking one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Empty: the track holds.
    pub findings: Vec<Finding>,
    /// Whether the chain ends in a seal. Without one, a cut-off end shows only through the log.
    pub sealed: bool,
    /// How many init sections and segments had their bytes checked.
    pub checked: usize,
    /// How many had no bytes at hand (evidence without media).
    pub absent: usize,
}

/// Checks one track: the chain of `records` in the order in which they were kept, against what the log proves
/// (`anchors`) and against the stored bytes (`hash_of` gives the SHA-256 of the bytes kept for a record, or
/// `None` if the evidence comes without them).
pub fn verify(
    records: &[Record],
    anchors: &[Anchor],
    mut hash_of: impl FnMut(&Record) -> Option<[u8; 32]>,
) -> Verdict {
    let mut check = Check::new(records);
    check.links();
    check.segments();
    check.anchors(anchors);
    check.seal();
    let (mut checked, mut absent) = (0, 0);
    for record in records.iter().filter(|r| r.media().is_some()) {
        match hash_of(record) {
            Some(actual) => {
                checked += 1;
                check.bytes(record, actual);
            }
            None => absent += 1,
        }
    }
    check.findings.sort_by_key(|f| f.number);
    Verdict { findings: check.findings, sealed: check.sealed, checked, absent }
}

/// How many missing records in a row are named one by one.
const NAMED_MAX: usize = 10_000;

struct Check<'a> {
    records: &'a [Record],
    findings: Vec<Finding>,
    sealed: bool,
    owner_of_bytes: HashMap<[u8; 32], u64>,
    numbers: HashSet<u64>,
}

impl<'a> Check<'a> {
    fn new(records: &'a [Record]) -> Self {
        let owner_of_bytes = records.iter().filter_map(|r| r.media().map(|m| (m, r.number))).collect();
        let sealed = records.last().is_some_and(|r| matches!(r.what, What::Sealed { .. }));
        let numbers = records.iter().map(|r| r.number).collect();
        Self { records, findings: Vec::new(), sealed, owner_of_bytes, numbers }
    }

    fn find(&mut self, number: u64, wrong: Wrong) {
        let record = self.records.iter().find(|r| r.number == number);
        let segment = record.and_then(|r| match r.what {
            What::Init { epoch, .. } => Some((epoch, 0)),
            What::Media { epoch, seq, .. } => Some((epoch, seq)),
            _ => None,
        });
        let track = self.records.first().map(|r| r.track.clone()).unwrap_or_default();
        self.findings.push(Finding { track, number, segment, wrong });
    }

    /// Numbers without holes, each record naming the leaf of the one before.
    fn links(&mut self) {
        let Some(first) = self.records.first() else { return };
        let (mut expected, mut leaf) = (0, NO_PREVIOUS);
        for record in self.records {
            if record.format != FORMAT || record.session != first.session || record.track != first.track {
                self.find(record.number, Wrong::Foreign);
            }
            if record.number < expected {
                self.find(record.number, Wrong::OutOfOrder);
                continue;
            }
            // a record that merely stands elsewhere is named as out of order, where it stands
            let gone = |n: &u64| !self.numbers.contains(n);
            let skipped: Vec<u64> = (expected..record.number).take(NAMED_MAX).filter(gone).collect();
            let whole = record.number == expected;
            for number in skipped {
                self.find(number, Wrong::Dropped);
            }
            if whole && record.prev != leaf {
                // the later record still names the leaf that the earlier one had when it was written
                self.find(record.number.saturating_sub(1), Wrong::Altered);
            }
            expected = record.number + 1;
            leaf = record.leaf();
        }
    }

    /// Inside an epoch segments count up by one; only a gap record may come between two that do not join.
    fn segments(&mut self) {
        let mut last: Option<(u64, u64)> = None;
        let mut unexplained = Vec::new();
        for record in self.records {
            let (epoch, seq) = match record.what {
                What::Init { epoch, .. } => (epoch, 0),
                What::Media { epoch, seq, .. } => (epoch, seq),
                _ => continue,
            };
            let follows = match last {
                Some((e, s)) if e == epoch => seq == s + 1,
                Some((e, _)) => epoch > e && seq == 0,
                None => seq == 0,
            };
            let hole = record.number > 0 && !self.numbers.contains(&(record.number - 1));
            if !follows && !hole {
                unexplained.push(record.number);
            }
            last = Some((epoch, seq));
        }
        for number in unexplained {
            self.find(number, Wrong::Unexplained);
        }
    }

    fn anchors(&mut self, anchors: &[Anchor]) {
        let last = self.records.iter().map(|r| r.number).max();
        for anchor in anchors {
            match self.records.iter().find(|r| r.number == anchor.number) {
                Some(record) if record.leaf() == anchor.leaf => {}
                Some(_) => self.find(anchor.number, Wrong::Rewritten),
                None if last.is_none_or(|last| anchor.number > last) => {
                    self.find(last.unwrap_or_default(), Wrong::Truncated { known: anchor.number });
                }
                // a hole in the middle is already named
                None => {}
            }
        }
    }

    fn seal(&mut self) {
        let seal = self.records.iter().enumerate().find_map(|(i, r)| match r.what {
            What::Sealed { last } => Some((i, r.number, last)),
            _ => None,
        });
        let Some((place, number, last)) = seal else { return };
        if number == 0 || last != number - 1 {
            self.find(number, Wrong::WrongSeal);
        }
        let after: Vec<u64> = self.records.iter().skip(place + 1).map(|r| r.number).collect();
        for number in after {
            self.find(number, Wrong::AfterSeal);
        }
    }

    fn bytes(&mut self, record: &Record, actual: [u8; 32]) {
        if record.media() == Some(actual) {
            return;
        }
        match self.owner_of_bytes.get(&actual) {
            Some(&with) => self.find(record.number, Wrong::Swapped { with }),
            None => self.find(record.number, Wrong::Edited),
        }
    }
}

/// 64-bit numbers as decimal text: JSON readers round large numbers.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        let value: u64 = text.parse().map_err(serde::de::Error::custom)?;
        if value.to_string() == text {
            Ok(value)
        } else {
            Err(serde::de::Error::custom("not a plain decimal number"))
        }
    }
}

/// 32 bytes as base64url without padding.
mod as_b64u {
    use super::{b64u, b64u_32};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&b64u(value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        b64u_32(&text).ok_or_else(|| serde::de::Error::custom("expected 32 bytes of base64url"))
    }
}
