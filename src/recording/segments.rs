//! Cutting a recording into segments: an init section once per epoch, then whole fragments in pieces of two to
//! four seconds. A segment is exactly the bytes that the browser sent, so its hash is the hash of what was sent.
//!
//! The cutter keeps no state. It is given the bytes after the last cut and says what can be cut and how far it
//! got; the rest is offered again together with what comes next. After a crash the same bytes give the same cuts.

use super::boxes::{BoxAt, Fragment, Init, Malformed, box_at, fragment};
use std::ops::Range;

/// A segment is cut as soon as it is this long, in milliseconds.
pub const SEGMENT_MILLIS_MIN: u64 = 1_900;

/// Fragments are not put together beyond this, in milliseconds. A single longer fragment stays whole.
pub const SEGMENT_MILLIS_MAX: u64 = 4_000;

/// A step between the end of one segment and the start of the next that is not worth calling a gap, in
/// milliseconds. Browsers stamp a fragment's last sample by guess, and a camera's frames jitter.
pub const GAP_MILLIS_MIN: u64 = 500;

/// One piece of a recording, as a range of the bytes that were offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub bytes: Range<usize>,
    /// Decode time of the first sample, ticks of the epoch's time scale.
    pub tfdt: u64,
    /// Length in the same ticks.
    pub duration: u64,
}

/// What could be cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The init section, when the bytes began with one.
    pub init: Option<(Range<usize>, Init)>,
    pub segments: Vec<Segment>,
    /// Bytes up to here need not be offered again.
    pub consumed: usize,
}

/// Whether more of this epoch may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// More may come: keep a short rest back.
    Open,
    /// Nothing more comes: cut what is whole, however short; a torn box at the very end is left behind.
    Closed,
}

/// Cuts what can be cut from `bytes`, the stream of one epoch from the last cut on. `init` is the epoch's init
/// section if it was cut before; without it the bytes must begin with one.
pub fn cut(init: Option<&Init>, bytes: &[u8], ending: Ending) -> Result<Cut, Malformed> {
    let mut done = Cut::default();
    let known = match init {
        Some(known) => known.clone(),
        None => match read_init(bytes)? {
            Some((range, read)) => {
                done.consumed = range.end;
                done.init = Some((range, read.clone()));
                read
            }
            None => return Ok(done),
        },
    };
    let fragments = whole_fragments(&known, bytes, done.consumed)?;
    let timescale = u64::from(known.timeline().ok_or(Malformed::BadTracks)?.timescale);
    group(&mut done, fragments, timescale, ending);
    Ok(done)
}

fn read_init(bytes: &[u8]) -> Result<Option<(Range<usize>, Init)>, Malformed> {
    let Some(first) = box_at(bytes, 0)? else { return Ok(None) };
    if first.kind != *b"ftyp" {
        return Err(Malformed::NoFileType);
    }
    let Some(second) = box_at(bytes, first.end)? else { return Ok(None) };
    let range = 0..second.end;
    let init = Init::parse(bytes.get(range.clone()).unwrap_or_default())?;
    Ok(Some((range, init)))
}

/// All whole `moof` + `mdat` pairs from `at` on. Boxes without media (`styp`, `sidx`, `free`, `mfra`, `prft`,
/// `emsg`) are skipped; anything else has no place here.
fn whole_fragments(init: &Init, bytes: &[u8], mut at: usize) -> Result<Vec<Fragment>, Malformed> {
    let mut found = Vec::new();
    let mut moof: Option<BoxAt> = None;
    while let Some(next) = box_at(bytes, at)? {
        match (&next.kind, moof.take()) {
            (b"moof", None) => moof = Some(next),
            (b"mdat", Some(head)) => found.push(fragment(init, bytes, head, next)?),
            (b"styp" | b"sidx" | b"free" | b"mfra" | b"prft" | b"emsg", None) => {}
            (kind, _) => return Err(Malformed::Unexpected(*kind)),
        }
        at = next.end;
    }
    Ok(found)
}

fn group(done: &mut Cut, fragments: Vec<Fragment>, timescale: u64, ending: Ending) {
    let millis = |ticks: u64| ticks.saturating_mul(1000) / timescale;
    let mut open: Option<Segment> = None;
    for next in fragments {
        if let Some(current) = &open {
            let together = millis(current.duration.saturating_add(next.duration));
            let apart =
                millis(next.tfdt.abs_diff(current.tfdt.saturating_add(current.duration))) > GAP_MILLIS_MIN;
            // skipped boxes lie between: a segment is one unbroken run of bytes
            if together > SEGMENT_MILLIS_MAX || apart || next.start != current.bytes.end {
                close(done, open.take());
            }
        }
        match &mut open {
            Some(current) => {
                current.bytes.end = next.end;
                current.duration = current.duration.saturating_add(next.duration);
            }
            None => {
                open = Some(Segment { bytes: next.start..next.end, tfdt: next.tfdt, duration: next.duration })
            }
        }
        if open.as_ref().is_some_and(|s| millis(s.duration) >= SEGMENT_MILLIS_MIN) {
            close(done, open.take());
        }
    }
    if ending == Ending::Closed {
        close(done, open);
    }
}

fn close(done: &mut Cut, segment: Option<Segment>) {
    if let Some(segment) = segment {
        done.consumed = segment.bytes.end;
        done.segments.push(segment);
    }
}

/// How many milliseconds of media time are missing (or doubled) between the end of one segment and the start
/// of the next; 0 if the step is within [`GAP_MILLIS_MIN`].
pub fn step_millis(previous_tfdt: u64, previous_duration: u64, tfdt: u64, timescale: u32) -> u64 {
    let step = tfdt.abs_diff(previous_tfdt.saturating_add(previous_duration));
    let millis = step.saturating_mul(1000) / u64::from(timescale.max(1));
    if millis > GAP_MILLIS_MIN { millis } else { 0 }
}
