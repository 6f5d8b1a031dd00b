//! HLS playlists (RFC 8216) made from rows on request. Nothing is written when a session ends, so a recording
//! is playable at the moment it is sealed, however long it was.

use crate::platform::moment::Moment;
use std::fmt::Write;

/// One segment of a track as the playlist needs it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub epoch: u64,
    /// Sequence number in its epoch, from 1.
    pub seq: u64,
    pub tfdt: u64,
    pub dur: u64,
    /// Ticks per second of the epoch.
    pub timescale: u32,
    /// Server time of media time 0 of the epoch.
    pub began_at: Moment,
}

impl Entry {
    /// Server time at which this segment begins.
    pub fn starts_at(&self) -> Moment {
        self.began_at.plus(micros(self.tfdt, self.timescale))
    }

    /// Server time at which it ends.
    pub fn ends_at(&self) -> Moment {
        self.began_at.plus(micros(self.tfdt.saturating_add(self.dur), self.timescale))
    }
}

/// Ticks as microseconds, rounded down.
pub fn micros(ticks: u64, timescale: u32) -> i64 {
    let exact = u128::from(ticks) * 1_000_000 / u128::from(timescale.max(1));
    i64::try_from(exact).unwrap_or(i64::MAX)
}

/// Whether more segments may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The session is open: players keep asking.
    Event,
    /// The session is sealed: nothing follows.
    Vod,
}

/// The media playlist of one track. Segment URLs are relative: `{epoch}/init.mp4` and `{epoch}/{seq}.m4s`.
pub fn media(kind: Kind, entries: &[Entry]) -> String {
    let longest = entries.iter().map(|e| micros(e.dur, e.timescale)).max().unwrap_or_default();
    // rounded up: no segment may be longer than the target (section 4.3.3.1)
    let target = (longest.saturating_add(999_999) / 1_000_000).max(1);
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n");
    text.push_str("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    text.push_str(if kind == Kind::Vod {
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
    } else {
        "#EXT-X-PLAYLIST-TYPE:EVENT\n"
    });
    let mut previous: Option<&Entry> = None;
    for entry in entries {
        let same_epoch = previous.is_some_and(|p| p.epoch == entry.epoch);
        let joins = same_epoch
            && previous.is_some_and(|p| {
                super::segments::step_millis(p.tfdt, p.dur, entry.tfdt, entry.timescale) == 0
            });
        if previous.is_some() && !joins {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if !same_epoch {
            let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}/init.mp4\"", entry.epoch);
        }
        if !joins {
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(entry.starts_at()));
        }
        let length = micros(entry.dur, entry.timescale);
        let _ = writeln!(text, "#EXTINF:{}.{:06},", length / 1_000_000, length % 1_000_000);
        let _ = writeln!(text, "{}/{}.m4s", entry.epoch, entry.seq);
        previous = Some(entry);
    }
    if kind == Kind::Vod {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

/// ISO 8601 with milliseconds, as section 4.3.2.6 recommends.
fn date_time(at: Moment) -> String {
    at.utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
