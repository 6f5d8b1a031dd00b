//! From arrived parts to records and files: what can be cut now, and where cutting goes on. No database and no
//! clock; the same parts give the same result, so a crash between storing and committing costs nothing.

use super::boxes::{Init, Malformed};
use super::chain::{GapReason, What};
use super::ebml;
use super::playlist::micros;
use super::remux::{RemuxError, webm_to_fmp4};
use super::rules::{Container, Refusal};
use super::segments::{Ending, cut, step_millis};
use super::store::EpochRow;
use crate::platform::digest::sha256;
use crate::platform::moment::Moment;
use bytes::Bytes;

/// More than this waiting to be cut means that no key picture comes; in bytes.
pub const PENDING_BYTES_MAX: usize = 48 * 1024 * 1024;

/// Arrived parts in unbroken order: number and bytes.
pub type Run = Vec<(u64, Bytes)>;

/// What must be durable before it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub sha256: [u8; 32],
    pub bytes: Bytes,
}

impl Blob {
    fn new(bytes: Bytes) -> Self {
        Self { sha256: sha256(&[&bytes]), bytes }
    }
}

/// A record to be written, and the server times that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub what: What,
    pub starts_at: Moment,
    pub ends_at: Moment,
}

/// What the parts amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The epoch with its cursor moved on.
    pub epoch: EpochRow,
    pub blobs: Vec<Blob>,
    pub facts: Vec<Fact>,
}

/// What an epoch needs besides its parts, read from the files that its row names.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The init section, once there is one.
    pub init: Option<Bytes>,
    /// WebM: everything before the first cluster.
    pub head: Option<Bytes>,
}

/// Cuts what can be cut from `run`, which must begin with the cursor's part.
///
/// # Errors
/// The bytes are no recording that can be kept; nothing changes then.
pub fn advance(epoch: &EpochRow, kept: &Kept, run: &Run) -> Result<Plan, Refusal> {
    let mut work = Work::new(epoch, kept)?;
    work.take(run, Ending::Open)?;
    Ok(work.plan)
}

/// Cuts everything that is left of an epoch that ends: the last short segment, and whatever lies behind parts that
/// never came. Never fails: what can not be read becomes a gap.
pub fn close(epoch: &EpochRow, kept: &Kept, runs: &[Run], now: Moment) -> Plan {
    let mut work = match Work::new(epoch, kept) {
        Ok(work) => work,
        Err(_) => Work {
            plan: Plan { epoch: epoch.clone(), blobs: Vec::new(), facts: Vec::new() },
            init: None,
            head: None,
            lost: None,
        },
    };
    for run in runs {
        let Some(first) = run.first().map(|(seq, _)| *seq) else { continue };
        if first > work.plan.epoch.cursor_part.max(epoch.cursor_part) || work.lost.is_some() {
            work.lost.get_or_insert(GapReason::PartsLost);
            work.plan.epoch.cursor_part = first;
            work.plan.epoch.cursor_offset = 0;
        }
        if work.take(run, Ending::Closed).is_err() {
            work.lost.get_or_insert(GapReason::Unreadable);
        }
        // a torn end of this run can not be completed any more
        let last = run.last().map_or(first, |(seq, _)| *seq);
        work.plan.epoch.cursor_part = last + 1;
        work.plan.epoch.cursor_offset = 0;
    }
    if let Some(reason) = work.lost.take() {
        let from = work.plan.epoch.ends_at();
        work.gap(reason, from, now.max(from));
    }
    work.plan.epoch.closed_at = Some(now);
    work.plan
}

struct Work {
    plan: Plan,
    init: Option<Init>,
    head: Option<Bytes>,
    /// Why the next segment does not join the one before.
    lost: Option<GapReason>,
}

fn unreadable(why: Malformed) -> Refusal {
    Refusal::NotARecording { cause: "damaged", why: why.to_string() }
}

impl Work {
    fn new(epoch: &EpochRow, kept: &Kept) -> Result<Self, Refusal> {
        let init = kept.init.as_deref().map(Init::parse).transpose().map_err(unreadable)?;
        let plan = Plan { epoch: epoch.clone(), blobs: Vec::new(), facts: Vec::new() };
        Ok(Self { plan, init, head: kept.head.clone(), lost: None })
    }

    fn take(&mut self, run: &Run, ending: Ending) -> Result<(), Refusal> {
        let offset = usize::try_from(self.plan.epoch.cursor_offset).unwrap_or(usize::MAX);
        let total: usize = run.iter().map(|(_, bytes)| bytes.len()).sum();
        if total.saturating_sub(offset) > PENDING_BYTES_MAX {
            return Err(Refusal::NotARecording {
                cause: "no_key_picture",
                why: format!("more than {PENDING_BYTES_MAX} bytes without a key picture"),
            });
        }
        let mut stream = Vec::with_capacity(total);
        run.iter().for_each(|(_, bytes)| stream.extend_from_slice(bytes));
        let stream = Bytes::from(stream).slice(offset.min(total)..);
        let used = match self.plan.epoch.container {
            Container::Mp4 => self.take_mp4(&stream, ending)?,
            Container::WebM => self.take_webm(&stream, ending)?,
        };
        self.move_cursor(run, offset + used);
        Ok(())
    }

    fn take_mp4(&mut self, stream: &Bytes, ending: Ending) -> Result<usize, Refusal> {
        let done = cut(self.init.as_ref(), stream, ending).map_err(unreadable)?;
        if let Some((range, init)) = done.init {
            self.begin(stream.slice(range), init)?;
        }
        for segment in done.segments {
            self.segment(stream.slice(segment.bytes), segment.tfdt, segment.duration);
        }
        Ok(done.consumed)
    }

    fn take_webm(&mut self, stream: &Bytes, ending: Ending) -> Result<usize, Refusal> {
        let closed = ending == Ending::Closed;
        let (found, picture) =
            ebml::pieces(stream, self.plan.epoch.picture_track, closed).map_err(unreadable)?;
        self.plan.epoch.picture_track = picture;
        let mut used = 0;
        if let Some(range) = found.head {
            used = range.end;
            let blob = Blob::new(stream.slice(range));
            self.head = Some(blob.bytes.clone());
            self.plan.epoch.head_sha256 = Some(blob.sha256);
            self.plan.blobs.push(blob);
        }
        for piece in found.pieces {
            used = piece.end;
            let head = self.head.clone().unwrap_or_default();
            let made = webm_to_fmp4(&head, &stream.slice(piece)).map_err(|e| match e {
                RemuxError::Codec(name) => Refusal::CodecNotKept(name),
                other => Refusal::NotARecording { cause: "damaged", why: other.to_string() },
            })?;
            if self.init.is_none() {
                let init = Init::parse(&made.init).map_err(unreadable)?;
                self.begin(Bytes::from(made.init), init)?;
            }
            let fragments = Bytes::from(made.fragments);
            let done = cut(self.init.as_ref(), &fragments, Ending::Closed).map_err(unreadable)?;
            for segment in done.segments {
                self.segment(fragments.slice(segment.bytes), segment.tfdt, segment.duration);
            }
        }
        Ok(used)
    }

    fn begin(&mut self, bytes: Bytes, init: Init) -> Result<(), Refusal> {
        let timeline = init.timeline().ok_or_else(|| unreadable(Malformed::BadTracks))?;
        let blob = Blob::new(bytes);
        let epoch = &mut self.plan.epoch;
        (epoch.timescale, epoch.codecs) = (timeline.timescale, init.codecs());
        (epoch.init_sha256, epoch.next_seq) = (Some(blob.sha256), 1);
        let what = What::Init {
            epoch: epoch.epoch,
            sha256: blob.sha256,
            bytes: blob.bytes.len() as u64,
            timescale: u64::from(timeline.timescale),
            codecs: init.codecs(),
            began_at: epoch.began_at,
        };
        self.plan.facts.push(Fact { what, starts_at: epoch.began_at, ends_at: epoch.began_at });
        self.plan.blobs.push(blob);
        self.init = Some(init);
        Ok(())
    }

    fn segment(&mut self, bytes: Bytes, tfdt: u64, dur: u64) {
        let blob = Blob::new(bytes);
        let epoch = &self.plan.epoch;
        let (from, starts_at) = (epoch.ends_at(), epoch.began_at.plus(micros(tfdt, epoch.timescale)));
        let ends_at = epoch.began_at.plus(micros(tfdt.saturating_add(dur), epoch.timescale));
        let jumped = step_millis(epoch.last_tfdt, epoch.last_dur, tfdt, epoch.timescale) > 0;
        let (number, seq) = (epoch.epoch, epoch.next_seq);
        match self.lost.take() {
            Some(reason) => self.gap(reason, from, starts_at.max(from)),
            None if jumped => self.gap(GapReason::MediaJump, from.min(starts_at), starts_at.max(from)),
            None => {}
        }
        let what = What::Media {
            epoch: number,
            seq,
            tfdt,
            dur,
            sha256: blob.sha256,
            bytes: blob.bytes.len() as u64,
        };
        self.plan.facts.push(Fact { what, starts_at, ends_at });
        self.plan.blobs.push(blob);
        let epoch = &mut self.plan.epoch;
        (epoch.next_seq, epoch.last_tfdt, epoch.last_dur) = (seq + 1, tfdt, dur);
    }

    fn gap(&mut self, reason: GapReason, from: Moment, until: Moment) {
        self.plan.facts.push(Fact {
            what: What::Gap { reason, from, until },
            starts_at: from,
            ends_at: until,
        });
    }

    /// `used` bytes of the run, counted from its first part's first byte, need not be read again.
    fn move_cursor(&mut self, run: &Run, used: usize) {
        let mut left = used;
        for (seq, bytes) in run {
            (self.plan.epoch.cursor_part, self.plan.epoch.cursor_offset) = (*seq, left as u64);
            if left < bytes.len() {
                return;
            }
            left -= bytes.len();
            (self.plan.epoch.cursor_part, self.plan.epoch.cursor_offset) = (*seq + 1, 0);
        }
    }
}

/// Splits arrived parts from `cursor` on into runs of unbroken numbers.
pub fn runs_of(numbers: &[(u64, [u8; 32])]) -> Vec<Vec<(u64, [u8; 32])>> {
    let mut runs: Vec<Vec<(u64, [u8; 32])>> = Vec::new();
    for (seq, sha256) in numbers {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|(last, _)| last + 1 == *seq) => run.push((*seq, *sha256)),
            _ => runs.push(vec![(*seq, *sha256)]),
        }
    }
    runs
}
