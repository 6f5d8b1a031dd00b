//! Which tracks a session needs, whether they are recording now, and how long recordings must be kept. Pure.

use super::chain::GapReason;
use crate::platform::id::Id;
use crate::platform::moment::{DAY, Moment, SECOND};
use crate::platform::refusal::Refused;

/// One recorded sitting, for example the evaluation of one lot.
pub enum Session {}
/// One camera or one screen of one person in one session.
pub enum Track {}

/// A track counts as recording while its last accepted part is not older than this, in microseconds. Browsers
/// send something every second; a fragment of pictures closes every two.
pub const FRESH: i64 = 10 * SECOND;

/// How long a required track may be silent, beyond [`FRESH`], before the evaluation must stop, in microseconds.
/// Long enough to reload a page, too short to say anything unheard.
pub const GRACE: i64 = 30 * SECOND;

/// No recording is deleted before this many days, whatever a rulebook says. The number comes from the Dalian
/// centre's practice (90 days on line); the archive of a government procurement is kept 15 years
/// (政府采购法 art. 42, 财政部令第87号 art. 39).
pub const RETENTION_DAYS_MIN: i64 = 90;

/// The largest part that is accepted in one request, in bytes.
pub const PART_BYTES_MAX: usize = 12 * 1024 * 1024;

/// How far ahead of the next expected part a part may be, in parts. A browser that has been offline sends from
/// the oldest on, so a distance beyond this is a mistake or an attack.
pub const PARTS_AHEAD_MAX: u64 = 64;

/// The most epochs (recorder starts) of one track.
pub const EPOCHS_MAX: u64 = 1_000;

/// The most persons in one session.
pub const SEATS_MAX: usize = 50;

/// What a track shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Camera,
    Screen,
}

impl Source {
    pub const ALL: [Self; 2] = [Self::Camera, Self::Screen];

    /// The code in rows, records and locale keys.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Screen => "screen",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }
}

/// How the bytes of a track arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Fragmented MP4: kept byte for byte.
    Mp4,
    /// WebM or Matroska: remuxed into fragmented MP4, pictures and sound untouched.
    WebM,
}

impl Container {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::WebM => "webm",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Mp4, Self::WebM].into_iter().find(|c| c.code() == code)
    }

    /// Judged by the first bytes of an epoch, never by what the sender calls it.
    pub fn of(first_bytes: &[u8]) -> Option<Self> {
        match first_bytes {
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::WebM),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Self::Mp4),
            _ => None,
        }
    }
}

/// What the verdict needs to know about one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFact {
    pub track: Id<Track>,
    pub seat: u32,
    pub source: Source,
    /// The session may not do without it.
    pub required: bool,
    /// When the server last accepted a part of it.
    pub last_received: Option<Moment>,
    /// The person said that they stopped it (paused, permission taken away).
    pub stopped: bool,
}

impl TrackFact {
    /// Recording at this moment.
    pub fn is_live(&self, now: Moment) -> bool {
        !self.stopped && self.last_received.is_some_and(|at| now < at.plus(FRESH))
    }

    /// The moment until which the silence of this track is borne.
    fn grace_until(&self) -> Option<Moment> {
        self.last_received.map(|at| at.plus(FRESH + GRACE))
    }
}

/// Who is missing on the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub track: Id<Track>,
    pub seat: u32,
    pub source: Source,
}

/// Whether everything that must be recorded is being recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every required track is recording.
    Recording,
    /// Some are silent, and may be until this moment. Show the banner; work goes on.
    Grace { until: Moment, missing: Vec<Missing> },
    /// Some have been silent too long, or never began. Work must not go on.
    Halted { missing: Vec<Missing> },
}

impl Standing {
    /// Work that has begun may go on.
    pub fn may_go_on(&self) -> Result<(), Refusal> {
        match self {
            Self::Recording | Self::Grace { .. } => Ok(()),
            Self::Halted { missing } => Err(Refusal::NotRecording { missing: missing.len() }),
        }
    }

    /// Work may begin. There is no grace before the beginning.
    pub fn may_start(&self) -> Result<(), Refusal> {
        match self {
            Self::Recording => Ok(()),
            Self::Grace { missing, .. } | Self::Halted { missing } => {
                Err(Refusal::NotRecording { missing: missing.len() })
            }
        }
    }

    /// Tracks that are silent now.
    pub fn missing(&self) -> &[Missing] {
        match self {
            Self::Recording => &[],
            Self::Grace { missing, .. } | Self::Halted { missing } => missing,
        }
    }
}

/// Judges the tracks of an open session. A session without a single required track is never "recording":
/// nobody can open an empty session to get past the rule.
pub fn standing(tracks: &[TrackFact], now: Moment) -> Standing {
    let mut missing = Vec::new();
    let mut until: Option<Moment> = None;
    let mut halted = !tracks.iter().any(|t| t.required);
    for track in tracks.iter().filter(|t| t.required && !t.is_live(now)) {
        missing.push(Missing { track: track.track, seat: track.seat, source: track.source });
        match track.grace_until() {
            Some(end) if now < end => until = Some(until.map_or(end, |soonest: Moment| soonest.min(end))),
            _ => halted = true,
        }
    }
    match until {
        _ if halted => Standing::Halted { missing },
        Some(until) => Standing::Grace { until, missing },
        None => Standing::Recording,
    }
}

/// What the keeping rules need to know about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    pub sealed_at: Option<Moment>,
    /// Days that the rulebook demands; fewer than [`RETENTION_DAYS_MIN`] has no effect.
    pub days: i64,
    /// Somebody with the right to do so ordered that nothing be deleted.
    pub legal_hold: bool,
}

impl Keeping {
    /// The first moment at which deletion may be considered; `None` while the session is open.
    pub fn until(&self) -> Option<Moment> {
        let days = self.days.max(RETENTION_DAYS_MIN);
        self.sealed_at.map(|at| at.plus(days.saturating_mul(DAY)))
    }

    /// Whether the bytes may be deleted now. The records and hashes are kept for ever either way.
    pub fn may_delete(&self, now: Moment) -> Result<(), Refusal> {
        if self.legal_hold {
            return Err(Refusal::LegalHold);
        }
        match self.until() {
            Some(until) if now >= until => Ok(()),
            Some(until) => Err(Refusal::KeptUntil(until)),
            None => Err(Refusal::StillOpen),
        }
    }
}

/// What is known of a part that arrives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// New: store it.
    New,
    /// The very same bytes again: nothing to do.
    Again,
}

/// Judges an arriving part: `known` is the hash kept under its number, `next` the lowest number not yet
/// received in unbroken order.
pub fn arrival(seq: u64, next: u64, known: Option<[u8; 32]>, sha256: [u8; 32]) -> Result<Arrival, Refusal> {
    match known {
        Some(kept) if kept == sha256 => Ok(Arrival::Again),
        Some(_) => Err(Refusal::DifferentBytes { seq }),
        None if seq > next.saturating_add(PARTS_AHEAD_MAX) => Err(Refusal::TooFarAhead { next }),
        None => Ok(Arrival::New),
    }
}

/// The server time of media time 0, from what the recorder claims: it can neither lie before the session was
/// opened nor after the first part arrived. Without a claim, the arrival counts.
pub fn began_at(claimed: Option<Moment>, opened_at: Moment, received_at: Moment) -> Moment {
    claimed.unwrap_or(received_at).min(received_at).max(opened_at)
}

/// Why the recording room says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSuchSession,
    NoSuchTrack,
    NotYourTrack,
    AlreadySealed,
    StillOpen,
    NobodyToRecord,
    TooManyPersons,
    NotRecording {
        missing: usize,
    },
    PartTooLarge,
    DigestMissing,
    DigestWrong,
    DifferentBytes {
        seq: u64,
    },
    TooFarAhead {
        next: u64,
    },
    EpochOutOfOrder {
        latest: u64,
    },
    /// `cause` is the last part of a locale key, `why` the detail for whoever writes a recorder.
    NotARecording {
        cause: &'static str,
        why: String,
    },
    CodecNotKept(String),
    BadReason,
    ReasonMissing,
    LegalHold,
    KeptUntil(Moment),
    Deleted,
    NotYetRecorded,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let of = |status: u16, name: &str| Self::new(status, format!("recording.refusal.{name}"));
        match refusal {
            Refusal::NoSuchSession => of(404, "no_such_session"),
            Refusal::NoSuchTrack => of(404, "no_such_track"),
            Refusal::NotYourTrack => of(403, "not_your_track"),
            Refusal::AlreadySealed => of(409, "already_sealed"),
            Refusal::StillOpen => of(409, "still_open"),
            Refusal::NobodyToRecord => of(422, "nobody_to_record"),
            Refusal::TooManyPersons => of(422, "too_many_persons").with("max", SEATS_MAX),
            Refusal::NotRecording { missing } => {
                of(409, "not_recording").with("missing", missing).article("财政部令第87号 art. 39")
            }
            Refusal::PartTooLarge => of(413, "part_too_large").with("max", PART_BYTES_MAX / 1024 / 1024),
            Refusal::DigestMissing => of(422, "digest_missing").article("RFC 9530"),
            Refusal::DigestWrong => of(422, "digest_wrong").article("RFC 9530"),
            Refusal::DifferentBytes { seq } => of(409, "different_bytes").with("seq", seq),
            Refusal::TooFarAhead { next } => of(422, "too_far_ahead").with("next", next),
            Refusal::EpochOutOfOrder { latest } => of(422, "epoch_out_of_order").with("latest", latest),
            Refusal::NotARecording { cause, why } => {
                let cause = format!("recording.not_a_recording.{cause}");
                of(415, "not_a_recording").word("cause", cause).with("why", why)
            }
            Refusal::CodecNotKept(codec) => of(415, "codec_not_kept").with("codec", codec),
            Refusal::BadReason => of(422, "bad_reason"),
            Refusal::ReasonMissing => of(422, "reason_missing").field("reason"),
            Refusal::LegalHold => of(409, "legal_hold"),
            Refusal::KeptUntil(until) => of(409, "kept_until").with("until", until.beijing_minute()),
            Refusal::Deleted => of(410, "deleted"),
            Refusal::NotYetRecorded => of(404, "not_yet_recorded"),
        }
    }
}

/// Reasons that a browser may give for a gap; the others are the server's own findings.
pub fn reason_from_browser(code: &str) -> Result<GapReason, Refusal> {
    match GapReason::from_code(code) {
        Some(reason @ (GapReason::Paused | GapReason::Revoked | GapReason::Offline)) => Ok(reason),
        _ => Err(Refusal::BadReason),
    }
}
