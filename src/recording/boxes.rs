//! ISO base media file format (ISO/IEC 14496-12), as much of it as a fragmented recording needs: whole boxes out
//! of arbitrary pieces of bytes, the track facts of an init section, and the time, length and sanity of a fragment.
//!
//! Nothing here decodes pictures. Every length is checked against the bytes that are really there, so a hostile
//! upload can waste its own bytes and nothing else.

/// A box type: four ASCII characters.
pub type FourCc = [u8; 4];

/// The largest box that is accepted, in bytes. Two seconds of 1080p at 8 Mbit/s are 2 MB.
pub const BOX_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most tracks that one init section may declare; browsers write one or two.
pub const TRACKS_MAX: usize = 8;

/// Why bytes are not a recording that we can keep. The text is for the log and the person who recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a box of {0} bytes is larger than the limit of {BOX_BYTES_MAX}")]
    TooLarge(u64),
    #[error("a box says that it is {0} bytes long, less than its own header")]
    TooShort(u64),
    #[error("box {} has no place in a fragmented recording", show(.0))]
    Unexpected(FourCc),
    #[error("the data does not begin with an ftyp box")]
    NoFileType,
    #[error("box {} ends before its content does", show(.0))]
    Truncated(FourCc),
    #[error("box {} is missing", show(.0))]
    Missing(FourCc),
    #[error("a track has the impossible time scale 0 or more tracks than allowed")]
    BadTracks,
    #[error("a fragment refers to a track that the init section does not declare")]
    UnknownTrack,
    #[error("a fragment's sample table points outside its mdat")]
    OutOfBounds,
}

fn show(kind: &FourCc) -> String {
    kind.iter().map(|&b| if b.is_ascii_graphic() { char::from(b) } else { '?' }).collect()
}

/// Where one whole box lies in a run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxAt {
    pub kind: FourCc,
    /// Offset of the header.
    pub start: usize,
    /// Offset of the first content byte.
    pub content: usize,
    /// Offset after the last byte.
    pub end: usize,
}

/// The box that begins at `start`. `None` if `bytes` ends before the box does: wait for more.
pub fn box_at(bytes: &[u8], start: usize) -> Result<Option<BoxAt>, Malformed> {
    let Some(header) = bytes.get(start..start.saturating_add(8)) else { return Ok(None) };
    let kind = four(header, 4)?;
    let (length, header_bytes) = match be32(header, 0)? {
        1 => match bytes.get(start..start.saturating_add(16)) {
            Some(long) => (be64(long, 8)?, 16),
            None => return Ok(None),
        },
        // 0 means "to the end of the file", which a live recording does not have
        length => (u64::from(length), 8),
    };
    if length < header_bytes {
        return Err(Malformed::TooShort(length));
    }
    let length = usize::try_from(length).map_err(|_| Malformed::TooLarge(length))?;
    if length > BOX_BYTES_MAX {
        return Err(Malformed::TooLarge(length as u64));
    }
    let end = start + length;
    let content = start + if header_bytes == 16 { 16 } else { 8 };
    Ok((end <= bytes.len()).then_some(BoxAt { kind, start, content, end }))
}

/// The child boxes of a container's content. A child that does not fit is an error here, not a reason to wait.
fn children(bytes: &[u8], parent: BoxAt) -> Result<Vec<BoxAt>, Malformed> {
    let content = bytes.get(..parent.end).ok_or(Malformed::Truncated(parent.kind))?;
    let mut found = Vec::new();
    let mut at = parent.content;
    while at < parent.end {
        let child = box_at(content, at)?.ok_or(Malformed::Truncated(parent.kind))?;
        at = child.end;
        found.push(child);
    }
    Ok(found)
}

fn child(bytes: &[u8], parent: BoxAt, kind: &FourCc) -> Result<BoxAt, Malformed> {
    children(bytes, parent)?.into_iter().find(|b| b.kind == *kind).ok_or(Malformed::Missing(*kind))
}

fn content(bytes: &[u8], of: BoxAt) -> &[u8] {
    bytes.get(of.content..of.end).unwrap_or_default()
}

fn four(bytes: &[u8], at: usize) -> Result<FourCc, Malformed> {
    let field = bytes.get(at..at + 4).ok_or(Malformed::Truncated(*b"????"))?;
    Ok([field[0], field[1], field[2], field[3]])
}

fn be32(bytes: &[u8], at: usize) -> Result<u32, Malformed> {
    four(bytes, at).map(u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> Result<u64, Malformed> {
    Ok((u64::from(be32(bytes, at)?) << 32) | u64::from(be32(bytes, at + 4)?))
}

/// What a track of the init section carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Video,
    Audio,
    Other,
}

/// One track as the init section declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    pub id: u32,
    pub medium: Medium,
    /// Ticks per second of this track's times.
    pub timescale: u32,
    /// The codec as RFC 6381 writes it: `avc1.42E01F`, `vp09.00.10.08`, `av01.0.04M.08`, `opus`.
    pub codec: String,
    /// From `trex`: the duration of a sample that does not say its own.
    pub default_duration: u32,
    default_size: u32,
}

/// The init section (`ftyp` + `moov`) of one epoch of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    pub tracks: Vec<Track>,
}

impl Init {
    /// Reads an init section: exactly one `ftyp` and one `moov`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let first = box_at(bytes, 0)?.ok_or(Malformed::Truncated(*b"ftyp"))?;
        if first.kind != *b"ftyp" {
            return Err(Malformed::NoFileType);
        }
        let moov = box_at(bytes, first.end)?.ok_or(Malformed::Truncated(*b"moov"))?;
        if moov.kind != *b"moov" {
            return Err(Malformed::Missing(*b"moov"));
        }
        let parts = children(bytes, moov)?;
        let mut tracks = Vec::new();
        for trak in parts.iter().filter(|b| b.kind == *b"trak") {
            tracks.push(track(bytes, *trak)?);
        }
        if tracks.is_empty() || tracks.len() > TRACKS_MAX || tracks.iter().any(|t| t.timescale == 0) {
            return Err(Malformed::BadTracks);
        }
        // without mvex there are no fragments to come: a whole file, not a recording in progress
        let mvex = parts.iter().find(|b| b.kind == *b"mvex").ok_or(Malformed::Missing(*b"mvex"))?;
        for trex in children(bytes, *mvex)?.into_iter().filter(|b| b.kind == *b"trex") {
            let fields = content(bytes, trex);
            let id = be32(fields, 4)?;
            let known = tracks.iter_mut().find(|t| t.id == id).ok_or(Malformed::UnknownTrack)?;
            known.default_duration = be32(fields, 12)?;
            known.default_size = be32(fields, 16)?;
        }
        Ok(Self { tracks })
    }

    /// The track whose clock is the recording's clock: the first with pictures, or else the first.
    pub fn timeline(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.medium == Medium::Video).or_else(|| self.tracks.first())
    }

    /// The codecs of all tracks, comma separated, as players want them: `opus,avc1.42E01F`.
    pub fn codecs(&self) -> String {
        self.tracks.iter().map(|t| t.codec.as_str()).collect::<Vec<_>>().join(",")
    }
}

fn track(bytes: &[u8], trak: BoxAt) -> Result<Track, Malformed> {
    let tkhd = content(bytes, child(bytes, trak, b"tkhd")?);
    let id = be32(tkhd, if tkhd.first() == Some(&1) { 20 } else { 12 })?;
    let mdia = child(bytes, trak, b"mdia")?;
    let mdhd = content(bytes, child(bytes, mdia, b"mdhd")?);
    let timescale = be32(mdhd, if mdhd.first() == Some(&1) { 20 } else { 12 })?;
    let medium = match &four(content(bytes, child(bytes, mdia, b"hdlr")?), 8)? {
        b"vide" => Medium::Video,
        b"soun" => Medium::Audio,
        _ => Medium::Other,
    };
    let minf = child(bytes, mdia, b"minf")?;
    let stbl = child(bytes, minf, b"stbl")?;
    let stsd = child(bytes, stbl, b"stsd")?;
    // version, flags and entry count come before the first sample entry
    let entry = box_at(bytes, stsd.content + 8)?
        .filter(|e| e.end <= stsd.end)
        .ok_or(Malformed::Truncated(*b"stsd"))?;
    let codec = codec(bytes, entry)?;
    Ok(Track { id, medium, timescale, codec, default_duration: 0, default_size: 0 })
}

/// Bytes of a picture sample entry before its child boxes (ISO/IEC 14496-12 section 12.1.3).
const PICTURE_ENTRY_BYTES: usize = 78;

/// The codec string of a sample entry (RFC 6381; the VP9 and AV1 bindings for theirs).
fn codec(bytes: &[u8], entry: BoxAt) -> Result<String, Malformed> {
    let settings = |kind: &FourCc| {
        let inside = BoxAt { content: entry.content.saturating_add(PICTURE_ENTRY_BYTES), ..entry };
        child(bytes, inside, kind).map(|found| content(bytes, found))
    };
    let byte = |of: &[u8], at: usize| of.get(at).copied().ok_or(Malformed::Truncated(entry.kind));
    match &entry.kind {
        b"avc1" | b"avc3" => {
            let c = settings(b"avcC")?;
            Ok(format!("{}.{:02X}{:02X}{:02X}", show(&entry.kind), byte(c, 1)?, byte(c, 2)?, byte(c, 3)?))
        }
        b"vp09" => {
            let c = settings(b"vpcC")?;
            Ok(format!("vp09.{:02}.{:02}.{:02}", byte(c, 4)?, byte(c, 5)?, byte(c, 6)? >> 4))
        }
        b"av01" => {
            let c = settings(b"av1C")?;
            let (first, second) = (byte(c, 1)?, byte(c, 2)?);
            let tier = if second & 0x80 == 0 { 'M' } else { 'H' };
            let depth = if second & 0x40 == 0 { 8 } else { 10 };
            Ok(format!("av01.{}.{:02}{tier}.{depth:02}", first >> 5, first & 0x1f))
        }
        b"Opus" => Ok("opus".into()),
        b"mp4a" => Ok("mp4a.40.2".into()),
        other => Ok(show(other)),
    }
}

/// One `moof` + `mdat` pair: where it lies, and its times on the timeline track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Offset of the `moof` header in the bytes that were read.
    pub start: usize,
    /// Offset after the `mdat`.
    pub end: usize,
    /// Decode time of the first sample, in ticks of the timeline track.
    pub tfdt: u64,
    /// Sum of sample durations, in the same ticks.
    pub duration: u64,
}

/// Reads the `moof` at `moof` with the `mdat` at `mdat` behind it. A fragment without a sample of the timeline
/// track (sound only, while a shared screen stands still) takes its time from the track that it has.
pub fn fragment(init: &Init, bytes: &[u8], moof: BoxAt, mdat: BoxAt) -> Result<Fragment, Malformed> {
    let timeline = init.timeline().ok_or(Malformed::BadTracks)?;
    let mut best: Option<(bool, u64, u64)> = None;
    for traf in children(bytes, moof)?.into_iter().filter(|b| b.kind == *b"traf") {
        let parts = children(bytes, traf)?;
        let tfhd = parts.iter().find(|b| b.kind == *b"tfhd").ok_or(Malformed::Missing(*b"tfhd"))?;
        let head = TrackHead::parse(content(bytes, *tfhd), init)?;
        let tfdt = parts.iter().find(|b| b.kind == *b"tfdt").ok_or(Malformed::Missing(*b"tfdt"))?;
        let fields = content(bytes, *tfdt);
        let time = if fields.first() == Some(&1) { be64(fields, 4)? } else { u64::from(be32(fields, 4)?) };
        let mut duration: u64 = 0;
        for trun in parts.iter().filter(|b| b.kind == *b"trun") {
            let run = Run::parse(content(bytes, *trun), &head)?;
            run.check_bounds(moof, mdat)?;
            duration = duration.saturating_add(run.duration);
        }
        let is_timeline = head.track == timeline.id;
        if duration > 0 && best.is_none_or(|(leads, ..)| is_timeline && !leads) {
            let ticks = |of: u64| rescale(of, head.timescale, timeline.timescale);
            best = Some((is_timeline, ticks(time), ticks(duration)));
        }
    }
    let (_, tfdt, duration) = best.ok_or(Malformed::Missing(*b"trun"))?;
    Ok(Fragment { start: moof.start, end: mdat.end, tfdt, duration })
}

/// Ticks of one time scale in ticks of another, rounded down.
fn rescale(ticks: u64, from: u32, to: u32) -> u64 {
    let scaled = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// The defaults of a track inside one fragment.
struct TrackHead {
    track: u32,
    timescale: u32,
    duration: u32,
    size: u32,
}

impl TrackHead {
    fn parse(tfhd: &[u8], init: &Init) -> Result<Self, Malformed> {
        let flags = be32(tfhd, 0)? & 0x00ff_ffff;
        let id = be32(tfhd, 4)?;
        let declared = init.tracks.iter().find(|t| t.id == id).ok_or(Malformed::UnknownTrack)?;
        let (timescale, duration, size) =
            (declared.timescale, declared.default_duration, declared.default_size);
        let mut head = Self { track: id, timescale, duration, size };
        let mut at = 8;
        // fields come in the order of their flag bits
        for (flag, width) in [(0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4), (0x20, 4)] {
            if flags & flag == 0 {
                continue;
            }
            match flag {
                0x08 => head.duration = be32(tfhd, at)?,
                0x10 => head.size = be32(tfhd, at)?,
                _ => {}
            }
            at += width;
        }
        Ok(head)
    }
}

/// One run of samples: total length in bytes and ticks, and where its data begins, counted from the `moof`.
struct Run {
    data_offset: Option<i32>,
    bytes: u64,
    duration: u64,
}

impl Run {
    fn parse(trun: &[u8], head: &TrackHead) -> Result<Self, Malformed> {
        let flags = be32(trun, 0)? & 0x00ff_ffff;
        let samples = be32(trun, 4)?;
        let mut at = 8;
        let mut data_offset = None;
        if flags & 0x01 != 0 {
            data_offset = Some(be32(trun, at)?.cast_signed());
            at += 4;
        }
        if flags & 0x04 != 0 {
            at += 4;
        }
        let mut run = Self { data_offset, bytes: 0, duration: 0 };
        let per_sample = [0x100u32, 0x200, 0x400, 0x800];
        if per_sample.iter().all(|flag| flags & flag == 0) {
            run.bytes = u64::from(samples) * u64::from(head.size);
            run.duration = u64::from(samples) * u64::from(head.duration);
            return Ok(run);
        }
        // each sample takes at least four bytes of the box, so a false count ends in Truncated, not in a long loop
        for _ in 0..samples {
            let (mut duration, mut size) = (head.duration, head.size);
            for flag in per_sample.iter().filter(|&flag| flags & flag != 0) {
                let value = be32(trun, at).map_err(|_| Malformed::Truncated(*b"trun"))?;
                match flag {
                    0x100 => duration = value,
                    0x200 => size = value,
                    _ => {}
                }
                at += 4;
            }
            run.duration += u64::from(duration);
            run.bytes += u64::from(size);
        }
        Ok(run)
    }

    fn check_bounds(&self, moof: BoxAt, mdat: BoxAt) -> Result<(), Malformed> {
        let Some(offset) = self.data_offset else { return Ok(()) };
        let first = moof.start as u64;
        let from = first.checked_add_signed(i64::from(offset)).ok_or(Malformed::OutOfBounds)?;
        let until = from.checked_add(self.bytes).ok_or(Malformed::OutOfBounds)?;
        let inside = from >= mdat.content as u64 && until <= mdat.end as u64;
        if inside { Ok(()) } else { Err(Malformed::OutOfBounds) }
    }
}
