//! The chain finds every kind of tampering and names the place.

use crate::platform::canonical::from_jcs;
use crate::platform::digest::sha256;
use crate::platform::moment::{Moment, SECOND};
use crate::recording::chain::{Anchor, Finding, GapReason, Head, Record, Verdict, What, Wrong, verify};

const START: Moment = Moment::from_micros(1_795_312_800_000_000);

fn bytes_of(epoch: u64, seq: u64) -> [u8; 32] {
    sha256(&[&epoch.to_be_bytes(), &seq.to_be_bytes()])
}

fn opened() -> What {
    What::Opened { subject: "evaluation:lot".into(), seat: 3, source: "camera".into() }
}

fn init(epoch: u64) -> What {
    let codecs = "Opus,avc1".to_string();
    What::Init { epoch, sha256: bytes_of(epoch, 0), bytes: 1220, timescale: 20_000, codecs, began_at: START }
}

fn media(epoch: u64, seq: u64) -> What {
    let tfdt = (seq - 1) * 40_000;
    What::Media { epoch, seq, tfdt, dur: 40_000, sha256: bytes_of(epoch, seq), bytes: 90_000 }
}

/// Opened, an epoch of four segments, a gap, an epoch of two segments, sealed: records 0 to 10.
fn track() -> Vec<Record> {
    let mut head = Head::start("session-1", "track-1");
    let mut whats = vec![opened(), init(1)];
    whats.extend((1..=4).map(|seq| media(1, seq)));
    whats.push(What::Gap {
        reason: GapReason::Restarted,
        from: START.plus(8 * SECOND),
        until: START.plus(20 * SECOND),
    });
    whats.push(init(2));
    whats.extend((1..=2).map(|seq| media(2, seq)));
    let mut records: Vec<Record> =
        whats.into_iter().enumerate().map(|(i, w)| head.append(START.plus(i as i64 * SECOND), w)).collect();
    records.push(head.seal(START.plus(30 * SECOND)));
    records
}

fn anchors(records: &[Record]) -> Vec<Anchor> {
    [3, 10].map(|number| Anchor { number, leaf: records[number as usize].leaf() }).to_vec()
}

fn stored(record: &Record) -> Option<[u8; 32]> {
    record.media()
}

fn wrongs(verdict: &Verdict) -> Vec<(u64, Wrong)> {
    verdict.findings.iter().map(|f| (f.number, f.wrong.clone())).collect()
}

#[test]
fn an_untouched_track_holds_with_and_without_its_bytes() {
    let records = track();
    let verdict = verify(&records, &anchors(&records), stored);
    assert_eq!((verdict.findings.len(), verdict.sealed, verdict.checked, verdict.absent), (0, true, 8, 0));
    let verdict = verify(&records, &anchors(&records), |_| None);
    assert_eq!((verdict.findings.len(), verdict.checked, verdict.absent), (0, 0, 8));
}

#[test]
fn one_edited_byte_names_the_segment() {
    let records = track();
    let verdict = verify(&records, &[], |r| if r.number == 4 { Some([9; 32]) } else { r.media() });
    let expected =
        Finding { track: "track-1".into(), number: 4, segment: Some((1, 3)), wrong: Wrong::Edited };
    assert_eq!(verdict.findings, vec![expected]);
    assert_eq!(
        verdict.findings[0].to_string(),
        "track track-1 record 4 (epoch 1 segment 3): the bytes were edited"
    );
}

#[test]
fn two_swapped_segments_are_both_named_with_each_other() {
    let records = track();
    let verdict = verify(&records, &[], |r| match r.number {
        3 => records[5].media(),
        5 => records[3].media(),
        _ => r.media(),
    });
    assert_eq!(wrongs(&verdict), vec![(3, Wrong::Swapped { with: 5 }), (5, Wrong::Swapped { with: 3 })]);
}

#[test]
fn a_dropped_record_is_named() {
    let mut records = track();
    records.remove(4);
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(4, Wrong::Dropped)]);
}

#[test]
fn two_records_in_each_others_place_are_out_of_order() {
    let mut records = track();
    records.swap(3, 4);
    let verdict = verify(&records, &[], stored);
    assert!(wrongs(&verdict).contains(&(3, Wrong::OutOfOrder)), "{:?}", verdict.findings);
    assert!(!wrongs(&verdict).iter().any(|(_, w)| *w == Wrong::Dropped));
}

#[test]
fn a_cut_off_end_is_found_by_the_log_and_by_the_missing_seal() {
    let whole = track();
    let cut = &whole[..8];
    let verdict = verify(cut, &anchors(&whole), stored);
    assert_eq!(wrongs(&verdict), vec![(7, Wrong::Truncated { known: 10 })]);
    assert!(!verdict.sealed);
}

#[test]
fn a_new_seal_over_a_cut_off_end_is_found_by_the_log() {
    let whole = track();
    let last = &whole[7];
    let mut head = Head { session: "session-1".into(), track: "track-1".into(), next: 8, leaf: last.leaf() };
    let mut forged = whole[..8].to_vec();
    forged.push(head.seal(START.plus(30 * SECOND)));
    assert!(verify(&forged, &[], stored).findings.is_empty(), "the chain alone can not know");
    let verdict = verify(&forged, &anchors(&whole), stored);
    assert_eq!(wrongs(&verdict), vec![(8, Wrong::Truncated { known: 10 })]);
}

#[test]
fn a_changed_record_is_named_although_its_own_bytes_are_in_order() {
    let mut records = track();
    if let What::Media { tfdt, .. } = &mut records[4].what {
        *tfdt += 1;
    }
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(4, Wrong::Altered)]);
}

#[test]
fn a_rewritten_history_with_a_perfect_chain_is_found_by_the_log() {
    let whole = track();
    let mut head = Head::start("session-1", "track-1");
    let forged: Vec<Record> = whole
        .iter()
        .map(|r| {
            let what = if r.number == 2 {
                What::Media { epoch: 1, seq: 1, tfdt: 0, dur: 40_000, sha256: [7; 32], bytes: 1 }
            } else {
                r.what.clone()
            };
            head.append(r.at, what)
        })
        .collect();
    assert!(verify(&forged, &[], stored).findings.is_empty(), "the chain alone can not know");
    let verdict = verify(&forged, &anchors(&whole), stored);
    assert_eq!(wrongs(&verdict), vec![(3, Wrong::Rewritten), (10, Wrong::Rewritten)]);
}

#[test]
fn a_segment_left_out_by_the_recorder_itself_must_be_explained_by_a_gap() {
    let mut head = Head::start("s", "t");
    let chain = |head: &mut Head, whats: Vec<What>| -> Vec<Record> {
        whats.into_iter().map(|w| head.append(START, w)).collect()
    };
    let records = chain(&mut head, vec![opened(), init(1), media(1, 1), media(1, 3)]);
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(3, Wrong::Unexplained)]);
    let mut head = Head::start("s", "t");
    let records = chain(&mut head, vec![opened(), media(1, 1)]);
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(1, Wrong::Unexplained)], "no init section");
}

#[test]
fn nothing_may_follow_a_seal_and_a_seal_must_name_its_predecessor() {
    let mut head = Head::start("s", "t");
    let mut records = vec![head.append(START, opened()), head.seal(START)];
    records.push(head.append(START, init(1)));
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(2, Wrong::AfterSeal)]);
    let mut head = Head::start("s", "t");
    let records = vec![head.append(START, opened()), head.append(START, What::Sealed { last: 5 })];
    assert_eq!(wrongs(&verify(&records, &[], stored)), vec![(1, Wrong::WrongSeal)]);
}

#[test]
fn a_record_of_another_track_is_foreign() {
    let mut records = track();
    let mut other = records[3].clone();
    other.track = "track-2".into();
    records[3] = other;
    assert!(wrongs(&verify(&records, &[], stored)).contains(&(3, Wrong::Foreign)));
}

#[test]
fn every_single_removal_and_every_neighbour_swap_is_found() {
    let whole = track();
    for i in 0..whole.len() {
        let mut one_less = whole.clone();
        one_less.remove(i);
        let verdict = verify(&one_less, &anchors(&whole), stored);
        assert!(!verdict.findings.is_empty(), "record {i} was removed unseen");
    }
    for i in 0..whole.len() - 1 {
        let mut swapped = whole.clone();
        swapped.swap(i, i + 1);
        assert!(
            !verify(&swapped, &[], stored).findings.is_empty(),
            "records {i} and {} were swapped unseen",
            i + 1
        );
    }
}

#[test]
fn a_record_has_exactly_one_byte_string() {
    for record in track() {
        let bytes = record.canonical();
        let back: Record = from_jcs(&bytes).unwrap();
        assert_eq!((back.leaf(), &back), (record.leaf(), &record));
        let spaced = String::from_utf8(bytes).unwrap().replacen(':', ": ", 1);
        assert!(from_jcs::<Record>(spaced.as_bytes()).is_err());
    }
}

/// The vector of docs/formats/recording.md: a change here is a change of the format.
#[test]
fn the_leaf_of_the_published_example_is_what_the_format_page_says() {
    let mut head = Head::start("01arz3ndektsv4rrffq69g5fav", "01arz3ndektsv4rrffq69g5faw");
    let record = head.append(START, opened());
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/formats/recording.md")).unwrap();
    let text = String::from_utf8(record.canonical()).unwrap();
    assert!(page.contains(&text), "the page shows the record: {text}");
    let leaf = hex::encode(record.leaf());
    assert!(page.contains(&leaf), "the page shows the leaf: {leaf}");
}

#[test]
fn eight_hours_are_checked_in_a_moment() {
    let mut head = Head::start("s", "t");
    let mut records = vec![head.append(START, opened()), head.append(START, init(1))];
    records.extend((1..=14_400).map(|seq| head.append(START, media(1, seq))));
    records.push(head.seal(START));
    let verdict = verify(&records, &anchors(&records)[..1], stored);
    assert_eq!((verdict.findings.len(), verdict.checked), (0, 14_401));
}
