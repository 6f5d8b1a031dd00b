//! Boxes, cutting, WebM, remuxing, thumbnails: on real recordings, and on damaged ones.

use super::sample;
use crate::recording::boxes::{Init, Malformed, Medium, box_at};
use crate::recording::ebml;
use crate::recording::remux::{RemuxError, webm_to_fmp4};
use crate::recording::segments::{Cut, Ending, cut, step_millis};
use crate::recording::thumbnail;

fn cut_all(bytes: &[u8]) -> Cut {
    cut(None, bytes, Ending::Closed).expect("a real recording cuts")
}

#[test]
fn a_real_camera_recording_cuts_into_segments_of_about_two_seconds_that_join() {
    let bytes = sample("camera-mp4").concat();
    let done = cut_all(&bytes);
    let (range, init) = done.init.expect("an init section");
    assert_eq!(init.codecs(), "opus,avc1.42C015");
    let timeline = init.timeline().unwrap();
    assert_eq!((timeline.medium, timeline.timescale), (Medium::Video, 20_000));
    assert_eq!(done.segments.len(), 5);
    let mut at = range.end;
    let mut previous: Option<(u64, u64)> = None;
    for segment in &done.segments {
        assert_eq!(segment.bytes.start, at, "segments are the unbroken bytes of the recording");
        at = segment.bytes.end;
        if let Some((tfdt, dur)) = previous {
            assert_eq!(
                step_millis(tfdt, dur, segment.tfdt, 20_000),
                0,
                "no gap between {tfdt} and {}",
                segment.tfdt
            );
        }
        previous = Some((segment.tfdt, segment.duration));
    }
    assert_eq!((at, done.consumed), (bytes.len(), bytes.len()));
    let seconds = (previous.unwrap().0 + previous.unwrap().1) / 20_000;
    assert_eq!(seconds, 9, "nine seconds were recorded");
}

#[test]
fn any_way_of_tearing_the_bytes_apart_gives_the_same_cuts() {
    let bytes = sample("camera-mp4").concat();
    let whole = cut_all(&bytes);
    for step in [1, 7, 1_000, 4_099, 30_000] {
        let (mut init, mut at, mut held, mut segments) = (None, 0, Vec::new(), Vec::new());
        for part in bytes.chunks(step) {
            held.extend_from_slice(part);
            // tiny steps: look only now and then, the result may not depend on it
            if step < 100 && held.len() % 5_001 > step {
                continue;
            }
            take(&mut held, &mut at, &mut init, &mut segments, Ending::Open);
        }
        take(&mut held, &mut at, &mut init, &mut segments, Ending::Closed);
        let expected: Vec<_> = whole.segments.iter().map(|s| (s.bytes.clone(), s.tfdt, s.duration)).collect();
        assert_eq!(segments, expected, "in steps of {step}");
        assert!(held.is_empty());
    }
}

type Placed = (std::ops::Range<usize>, u64, u64);

fn take(held: &mut Vec<u8>, at: &mut usize, init: &mut Option<Init>, into: &mut Vec<Placed>, ending: Ending) {
    let done = cut(init.as_ref(), held, ending).unwrap();
    if let Some((_, read)) = done.init {
        *init = Some(read);
    }
    into.extend(done.segments.iter().map(|s| (s.bytes.start + *at..s.bytes.end + *at, s.tfdt, s.duration)));
    held.drain(..done.consumed);
    *at += done.consumed;
}

#[test]
fn every_browser_blob_ends_on_a_box() {
    for name in ["camera-mp4", "screen-mp4"] {
        for blob in sample(name) {
            let mut at = 0;
            while at < blob.len() {
                at = box_at(&blob, at).unwrap().expect("a whole box").end;
            }
        }
    }
}

#[test]
fn a_shared_screen_without_sound_cuts_too() {
    let done = cut_all(&sample("screen-mp4").concat());
    assert!(done.init.unwrap().1.codecs().starts_with("avc1.42"));
    assert_eq!(done.segments.len(), 5);
}

#[test]
fn damage_is_refused_by_name_and_never_panics() {
    let good = sample("camera-mp4").concat();
    assert_eq!(cut(None, b"GIF89a....", Ending::Open).unwrap_err(), Malformed::TooLarge(0x4749_4638));
    let mut no_ftyp = good.clone();
    no_ftyp[4..8].copy_from_slice(b"free");
    assert_eq!(cut(None, &no_ftyp, Ending::Open).unwrap_err(), Malformed::NoFileType);
    let first = cut_all(&good).segments[0].bytes.start;
    let mut second_moof = good.clone();
    let mdat = box_at(&good, box_at(&good, first).unwrap().unwrap().end).unwrap().unwrap();
    second_moof[mdat.start + 4..mdat.start + 8].copy_from_slice(b"moof");
    assert_eq!(cut(None, &second_moof, Ending::Open).unwrap_err(), Malformed::Unexpected(*b"moof"));
    // flip every byte of the first moof in turn: either it still reads, or it is refused; it never goes on wrongly
    let (_, init) = cut_all(&good).init.unwrap();
    let moof = box_at(&good, first).unwrap().unwrap();
    for at in moof.start..moof.end {
        let mut damaged = good[..mdat.end].to_vec();
        damaged[at] ^= 0xff;
        if let Ok(done) = cut(Some(&init), &damaged[moof.start..], Ending::Closed) {
            assert!(done.consumed <= damaged.len());
        }
    }
}

#[test]
fn a_sample_table_that_points_outside_its_mdat_is_refused() {
    let good = sample("screen-mp4").concat();
    let first = cut_all(&good).segments[0].bytes.start;
    let trun = good[first..].windows(4).position(|w| w == b"trun").unwrap() + first;
    let mut damaged = good.clone();
    // the data offset: after type, version and flags, sample count
    damaged[trun + 12] = 0x7f;
    assert_eq!(cut(None, &damaged, Ending::Open).unwrap_err(), Malformed::OutOfBounds);
}

#[test]
fn a_box_larger_than_the_limit_is_refused_before_it_arrives() {
    let mut bytes = sample("camera-mp4")[0].clone();
    bytes.extend_from_slice(&(200u32 << 20).to_be_bytes());
    bytes.extend_from_slice(b"mdat");
    assert_eq!(cut(None, &bytes, Ending::Open).unwrap_err(), Malformed::TooLarge(200 << 20));
}

fn webm_pieces(name: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = sample(name).concat();
    let (found, video) = ebml::pieces(&bytes, None, true).unwrap();
    assert!(video.is_some());
    let head = bytes[found.head.unwrap()].to_vec();
    (head, found.pieces.into_iter().map(|p| bytes[p].to_vec()).collect())
}

#[test]
fn webm_is_cut_at_clusters_that_open_on_a_picture_of_their_own() {
    for name in ["camera-webm", "camera-mkv"] {
        let bytes = sample(name).concat();
        let (head, pieces) = webm_pieces(name);
        assert_eq!(pieces.len(), 5, "{name}: a key picture every two seconds of nine");
        assert_eq!([head, pieces.concat()].concat(), bytes, "{name}: nothing is lost between the pieces");
    }
}

#[test]
fn webm_pieces_come_out_one_by_one_as_the_blobs_arrive() {
    let blobs = sample("camera-webm");
    let (_, expected) = webm_pieces("camera-webm");
    let (mut held, mut video, mut got) = (Vec::new(), None, Vec::new());
    for (i, blob) in blobs.iter().enumerate() {
        held.extend_from_slice(blob);
        let (found, track) = ebml::pieces(&held, video, i + 1 == blobs.len()).unwrap();
        video = track;
        let used = found.pieces.last().or(found.head.as_ref()).map_or(0, |r| r.end);
        got.extend(found.pieces.into_iter().map(|p| held[p].to_vec()));
        held.drain(..used);
    }
    assert_eq!(got, expected);
}

#[test]
fn webm_of_vp9_and_h264_is_remuxed_piece_by_piece_without_transcoding() {
    for (name, codecs) in [("camera-webm", "vp09.00.20.08,opus"), ("camera-mkv", "avc1.42C015,opus")] {
        let (head, pieces) = webm_pieces(name);
        let mut previous: Option<(u64, u64)> = None;
        let mut first_init: Option<Init> = None;
        for piece in &pieces {
            let made = webm_to_fmp4(&head, piece).unwrap_or_else(|e| panic!("{name}: {e}"));
            let init = Init::parse(&made.init).unwrap();
            let mut sorted: Vec<&str> = codecs.split(',').collect();
            let found = init.codecs();
            let mut found: Vec<&str> = found.split(',').collect();
            sorted.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, sorted);
            let timescale = init.timeline().unwrap().timescale;
            assert!(
                first_init.get_or_insert(init.clone()).tracks == init.tracks,
                "{name}: one init fits all"
            );
            let done = cut(Some(&init), &made.fragments, Ending::Closed).unwrap();
            for segment in &done.segments {
                if let Some((tfdt, dur)) = previous {
                    let step = step_millis(tfdt, dur, segment.tfdt, timescale);
                    assert_eq!(step, 0, "{name}: times go on from piece to piece");
                }
                previous = Some((segment.tfdt, segment.duration));
            }
        }
        let (tfdt, dur) = previous.unwrap();
        let timescale = u64::from(first_init.unwrap().timeline().unwrap().timescale);
        let millis = (tfdt + dur) * 1000 / timescale;
        assert!((8_900..9_700).contains(&millis), "{name}: nine seconds, not {millis} ms");
    }
}

#[test]
fn vp8_is_refused_because_mp4_can_not_hold_it() {
    let (head, pieces) = webm_pieces("vp8-webm");
    let refused = webm_to_fmp4(&head, &pieces[0]);
    assert!(matches!(&refused, Err(RemuxError::Codec(name)) if name == "vp8"), "{refused:?}");
}

#[test]
fn remuxed_h264_keeps_every_coded_picture_byte_for_byte() {
    let (head, pieces) = webm_pieces("camera-mkv");
    let made = webm_to_fmp4(&head, &pieces[1]).unwrap();
    // any run of 64 bytes from the middle of the coded data must turn up unchanged
    let middle = &pieces[1][pieces[1].len() / 2..][..64];
    assert!(made.fragments.windows(64).any(|w| w == middle));
}

#[test]
fn a_segment_gives_a_jpeg_of_its_first_picture() {
    let bytes = sample("camera-mp4").concat();
    let done = cut_all(&bytes);
    let (range, _) = done.init.unwrap();
    for segment in &done.segments {
        let jpeg = thumbnail::jpeg(&bytes[range.clone()], &bytes[segment.bytes.clone()]).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9]));
        assert!(jpeg.len() > 2_000, "a picture of {} bytes shows nothing", jpeg.len());
        assert_eq!(jpeg_size(&jpeg), Some((320, 240)));
    }
    assert!(thumbnail::jpeg(&bytes[range], b"not a segment").is_err());
}

/// Width and height from the first baseline frame header.
fn jpeg_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let at = jpeg.windows(2).position(|w| w == [0xff, 0xc0])?;
    let field = |i: usize| Some(u16::from_be_bytes(jpeg.get(at + i..at + i + 2)?.try_into().ok()?));
    Some((field(7)?, field(5)?))
}

#[test]
fn damaged_webm_never_panics() {
    let bytes = sample("camera-webm").concat();
    for at in (0..bytes.len()).step_by(61) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        if let Ok((found, _)) = ebml::pieces(&damaged, None, true) {
            assert!(found.pieces.iter().all(|p| p.end <= damaged.len()));
        }
    }
    assert!(ebml::pieces(b"\x00\x00\x00\x00\x00", None, false).is_err());
}
