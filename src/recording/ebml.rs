//! Matroska/WebM (RFC 9559), as much of it as live recordings of browsers use: where the head ends, where clusters
//! begin, and which of them open on a picture that can be decoded alone.
//!
//! Browsers cut their WebM output in the middle of elements and leave segment and cluster sizes open, so clusters
//! end where the next element of their level begins. Blocks themselves always carry their size.

use super::boxes::{BOX_BYTES_MAX, Malformed};
use std::ops::Range;

const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_TYPE: u32 = 0x83;
const CLUSTER: u32 = 0x1F43_B675;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const REFERENCE_BLOCK: u32 = 0xFB;
const VIDEO: u64 = 1;

/// What can be taken from the stream of one epoch so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Everything before the first cluster: a demuxer needs it in front of every piece.
    pub head: Option<Range<usize>>,
    /// Runs of whole clusters, each opening with a cluster whose first picture stands alone.
    pub pieces: Vec<Range<usize>>,
}

/// Finds head and pieces in `bytes`, which must begin at the beginning of the epoch, or, if `video` is known from
/// an earlier call, at a cluster. The last piece is only given when `closed`, because more clusters may belong to it.
pub fn pieces(bytes: &[u8], video: Option<u64>, closed: bool) -> Result<(Pieces, Option<u64>), Malformed> {
    let mut found = Pieces::default();
    let mut at = 0;
    let mut video = video;
    if video.is_none() {
        match head(bytes)? {
            Some((end, track)) => {
                found.head = Some(0..end);
                video = Some(track);
                at = end;
            }
            None => return Ok((found, None)),
        }
    }
    let mut open: Option<Range<usize>> = None;
    while let Some(cluster) = cluster(bytes, at, video.unwrap_or_default(), closed)? {
        if cluster.opens_picture {
            found.pieces.extend(open.take());
        }
        match &mut open {
            Some(piece) => piece.end = cluster.end,
            None => open = Some(at..cluster.end),
        }
        at = cluster.end;
    }
    if closed {
        found.pieces.extend(open);
    }
    Ok((found, video))
}

/// An element header: id, size (`None`: open), and where its content begins.
struct Element {
    id: u32,
    size: Option<usize>,
    content: usize,
}

fn element(bytes: &[u8], at: usize) -> Result<Option<Element>, Malformed> {
    let Some(&first) = bytes.get(at) else { return Ok(None) };
    let id_bytes = first.leading_zeros() as usize + 1;
    if id_bytes > 4 {
        return Err(Malformed::Unexpected([first, 0, 0, 0]));
    }
    let Some(id) = bytes.get(at..at + id_bytes) else { return Ok(None) };
    let id = id.iter().fold(0u32, |sum, &b| (sum << 8) | u32::from(b));
    let Some((size, size_bytes)) = number(bytes, at + id_bytes)? else { return Ok(None) };
    let content = at + id_bytes + size_bytes;
    let open = size == (1u64 << (7 * size_bytes)) - 1;
    if open {
        return Ok(Some(Element { id, size: None, content }));
    }
    let size = usize::try_from(size).ok().filter(|&s| s <= BOX_BYTES_MAX).ok_or(Malformed::TooLarge(size))?;
    Ok(Some(Element { id, size: Some(size), content }))
}

/// A variable-size integer (RFC 8794 section 4) without its marker bit, and its width.
fn number(bytes: &[u8], at: usize) -> Result<Option<(u64, usize)>, Malformed> {
    let Some(&first) = bytes.get(at) else { return Ok(None) };
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return Err(Malformed::TooShort(0));
    }
    let Some(field) = bytes.get(at..at + width) else { return Ok(None) };
    let value = field.iter().fold(0u64, |sum, &b| (sum << 8) | u64::from(b));
    Ok(Some((value & ((1u64 << (7 * width)) - 1), width)))
}

/// Where the head ends (the first cluster begins) and the number of the picture track. `None`: wait for more.
fn head(bytes: &[u8]) -> Result<Option<(usize, u64)>, Malformed> {
    let Some(first) = element(bytes, 0)? else { return Ok(None) };
    if first.id != EBML {
        return Err(Malformed::NoFileType);
    }
    let mut at = first.content + first.size.ok_or(Malformed::NoFileType)?;
    let mut video = None;
    while let Some(next) = element(bytes, at)? {
        match (next.id, next.size) {
            (SEGMENT, _) => at = next.content,
            (CLUSTER, _) => return video.map(|track| Some((at, track))).ok_or(Malformed::BadTracks),
            (_, None) => return Err(Malformed::Truncated(*b"ebml")),
            (id, Some(size)) => {
                let Some(inside) = bytes.get(next.content..next.content + size) else { return Ok(None) };
                if id == TRACKS {
                    video = Some(picture_track(inside)?);
                }
                at = next.content + size;
            }
        }
    }
    Ok(None)
}

/// The number of the first picture track, or of the first track if there is only sound.
fn picture_track(tracks: &[u8]) -> Result<u64, Malformed> {
    let mut first = None;
    let mut at = 0;
    while let Some((entry, end)) = whole(tracks, at)? {
        let (mut number, mut kind) = (0, 0);
        let inside = tracks.get(entry.content..end).unwrap_or_default();
        let mut field_at = 0;
        while let Some((field, field_end)) = whole(inside, field_at)? {
            let value = inside.get(field.content..field_end).unwrap_or_default();
            let value = value.iter().take(8).fold(0u64, |sum, &b| (sum << 8) | u64::from(b));
            match field.id {
                TRACK_NUMBER => number = value,
                TRACK_TYPE => kind = value,
                _ => {}
            }
            field_at = field_end;
        }
        if entry.id == TRACK_ENTRY && kind == VIDEO {
            return Ok(number);
        }
        first = first.or(Some(number));
        at = end;
    }
    first.ok_or(Malformed::BadTracks)
}

/// An element that must lie wholly inside `bytes`.
fn whole(bytes: &[u8], at: usize) -> Result<Option<(Element, usize)>, Malformed> {
    if at >= bytes.len() {
        return Ok(None);
    }
    let torn = Malformed::Truncated(*b"ebml");
    let found = element(bytes, at)?.ok_or(torn.clone())?;
    let end = found.content + found.size.ok_or(torn.clone())?;
    if end <= bytes.len() { Ok(Some((found, end))) } else { Err(torn) }
}

struct Cluster {
    end: usize,
    opens_picture: bool,
}

/// The cluster at `at`, if its end is known: its size is given, or the next cluster has begun, or (`closed`)
/// nothing more comes.
fn cluster(bytes: &[u8], at: usize, video: u64, closed: bool) -> Result<Option<Cluster>, Malformed> {
    let Some(outer) = element(bytes, at)? else { return Ok(None) };
    if outer.id != CLUSTER {
        return Err(Malformed::Unexpected(outer.id.to_be_bytes()));
    }
    let limit = outer.size.map(|size| outer.content + size);
    let mut at = outer.content;
    let mut opens_picture = None;
    loop {
        if limit.is_some_and(|end| at >= end) {
            return Ok(Some(Cluster { end: at, opens_picture: opens_picture.unwrap_or(false) }));
        }
        let inner = element(bytes, at)?;
        let complete = inner.as_ref().is_some_and(|i| i.id == CLUSTER);
        let end =
            inner.as_ref().and_then(|i| i.size.map(|size| i.content + size)).filter(|&e| e <= bytes.len());
        match (inner, end) {
            _ if complete && limit.is_none() => {
                return Ok(Some(Cluster { end: at, opens_picture: opens_picture.unwrap_or(false) }));
            }
            (Some(block), Some(end)) => {
                let content = bytes.get(block.content..end).unwrap_or_default();
                opens_picture = opens_picture.or(picture(block.id, content, video)?);
                at = end;
            }
            // the rest of this cluster has not arrived; at the very end what is whole counts
            _ if closed && at > outer.content => {
                return Ok(Some(Cluster { end: at, opens_picture: opens_picture.unwrap_or(false) }));
            }
            _ => return Ok(None),
        }
    }
}

/// For a block of the picture track: whether it stands alone. `None` for anything else.
fn picture(id: u32, content: &[u8], video: u64) -> Result<Option<bool>, Malformed> {
    match id {
        SIMPLE_BLOCK => {
            let Some((track, width)) = number(content, 0)? else { return Ok(None) };
            // after the track number: a time of two bytes, then flags
            let flags = content.get(width + 2).copied().unwrap_or_default();
            Ok((track == video).then_some(flags & 0x80 != 0))
        }
        BLOCK_GROUP => {
            let (mut track, mut alone, mut at) = (None, true, 0);
            while let Some((inner, end)) = whole(content, at)? {
                match inner.id {
                    0xA1 => track = number(content, inner.content)?.map(|(n, _)| n),
                    REFERENCE_BLOCK => alone = false,
                    _ => {}
                }
                at = end;
            }
            Ok((track == Some(video)).then_some(alone))
        }
        _ => Ok(None),
    }
}
