//! Who must be recorded, how long silence is borne, how long recordings are kept, and playlists.

use crate::platform::id::Id;
use crate::platform::moment::{DAY, Moment, SECOND};
use crate::platform::refusal::Refused;
use crate::platform::web::Lang;
use crate::recording::playlist::{Entry, Kind, media};
use crate::recording::rules::*;

const NOW: Moment = Moment::from_micros(1_795_312_800_000_000);

fn fact(seat: u32, source: Source, silent_for: Option<i64>) -> TrackFact {
    let track = Id::from_bits(u128::from(seat) * 2 + source as u128);
    TrackFact {
        track,
        seat,
        source,
        required: true,
        last_received: silent_for.map(|s| NOW.plus(-s)),
        stopped: false,
    }
}

fn five(silent_for: Option<i64>) -> Vec<TrackFact> {
    (1..=5).flat_map(|seat| Source::ALL.map(|source| fact(seat, source, silent_for))).collect()
}

#[test]
fn with_every_track_fresh_the_evaluation_may_start_and_go_on() {
    let verdict = standing(&five(Some(2 * SECOND)), NOW);
    assert_eq!(verdict, Standing::Recording);
    assert!(verdict.may_start().is_ok() && verdict.may_go_on().is_ok());
}

#[test]
fn a_track_that_never_began_halts() {
    let mut tracks = five(Some(0));
    tracks[7].last_received = None;
    let verdict = standing(&tracks, NOW);
    assert_eq!(verdict.missing(), [Missing { track: tracks[7].track, seat: 4, source: Source::Screen }]);
    assert_eq!(verdict.may_go_on(), Err(Refusal::NotRecording { missing: 1 }));
}

#[test]
fn silence_is_borne_for_the_grace_and_not_an_instant_longer() {
    let mut tracks = five(Some(0));
    for (silent, go_on, live) in [
        (FRESH - 1, true, true),
        (FRESH, true, false),
        (FRESH + GRACE - 1, true, false),
        (FRESH + GRACE, false, false),
    ] {
        tracks[0].last_received = Some(NOW.plus(-silent));
        let verdict = standing(&tracks, NOW);
        assert_eq!(verdict.may_go_on().is_ok(), go_on, "silent for {silent}");
        assert_eq!(verdict.may_start().is_ok(), live, "no grace before the start, silent for {silent}");
    }
}

#[test]
fn a_person_who_stops_the_recorder_gets_the_same_grace() {
    let mut tracks = five(Some(SECOND));
    tracks[2].stopped = true;
    let until = NOW.plus(-SECOND + FRESH + GRACE);
    assert!(matches!(standing(&tracks, NOW), Standing::Grace { until: u, .. } if u == until));
    assert!(standing(&tracks, until).may_go_on().is_err());
}

#[test]
fn an_optional_track_may_be_silent_and_an_empty_session_is_not_a_recording() {
    let mut tracks = five(Some(0));
    tracks[1].required = false;
    tracks[1].last_received = None;
    assert_eq!(standing(&tracks, NOW), Standing::Recording);
    assert!(standing(&[], NOW).may_start().is_err());
    for track in &mut tracks {
        track.required = false;
    }
    assert!(standing(&tracks, NOW).may_start().is_err());
}

#[test]
fn nothing_is_deleted_before_ninety_days_whatever_the_rulebook_says() {
    let sealed_at = Some(NOW);
    for (days, floor) in [(0, 90), (30, 90), (90, 90), (365, 365), (5_475, 5_475)] {
        let kept = Keeping { sealed_at, days, legal_hold: false };
        let until = NOW.plus(floor * DAY);
        assert_eq!(kept.may_delete(until.plus(-1)), Err(Refusal::KeptUntil(until)));
        assert_eq!(kept.may_delete(until), Ok(()));
    }
}

#[test]
fn a_legal_hold_stands_above_every_date_and_an_open_session_is_never_deleted() {
    let late = NOW.plus(100_000 * DAY);
    let held = Keeping { sealed_at: Some(NOW), days: 90, legal_hold: true };
    assert_eq!(held.may_delete(late), Err(Refusal::LegalHold));
    let open = Keeping { sealed_at: None, days: 90, legal_hold: false };
    assert_eq!(open.may_delete(late), Err(Refusal::StillOpen));
}

#[test]
fn the_same_part_again_is_welcome_and_other_bytes_under_its_number_are_not() {
    assert_eq!(arrival(4, 4, None, [1; 32]), Ok(Arrival::New));
    assert_eq!(arrival(3, 4, Some([1; 32]), [1; 32]), Ok(Arrival::Again));
    assert_eq!(arrival(3, 4, Some([1; 32]), [2; 32]), Err(Refusal::DifferentBytes { seq: 3 }));
    assert_eq!(arrival(4 + PARTS_AHEAD_MAX, 4, None, [1; 32]), Ok(Arrival::New));
    assert_eq!(arrival(5 + PARTS_AHEAD_MAX, 4, None, [1; 32]), Err(Refusal::TooFarAhead { next: 4 }));
}

#[test]
fn a_recorder_can_not_claim_to_have_begun_before_the_session_or_after_its_first_part() {
    let (opened, received) = (NOW, NOW.plus(60 * SECOND));
    assert_eq!(began_at(Some(NOW.plus(50 * SECOND)), opened, received), NOW.plus(50 * SECOND));
    assert_eq!(began_at(Some(NOW.plus(-DAY)), opened, received), opened);
    assert_eq!(began_at(Some(NOW.plus(DAY)), opened, received), received);
    assert_eq!(began_at(None, opened, received), received);
}

#[test]
fn only_a_browsers_own_reasons_are_taken_from_a_browser() {
    assert!(reason_from_browser("paused").is_ok() && reason_from_browser("revoked").is_ok());
    assert!(reason_from_browser("parts_lost").is_err() && reason_from_browser("").is_err());
}

#[test]
fn containers_are_known_by_their_first_bytes() {
    assert_eq!(Container::of(&super::sample("camera-mp4")[0]), Some(Container::Mp4));
    assert_eq!(Container::of(&super::sample("camera-webm")[0]), Some(Container::WebM));
    assert_eq!(Container::of(b"%PDF-1.7"), None);
}

#[test]
fn every_refusal_has_a_sentence_in_both_languages() {
    let all = [
        Refusal::NoSuchSession,
        Refusal::NoSuchTrack,
        Refusal::NotYourTrack,
        Refusal::AlreadySealed,
        Refusal::StillOpen,
        Refusal::NobodyToRecord,
        Refusal::TooManyPersons,
        Refusal::NotRecording { missing: 2 },
        Refusal::PartTooLarge,
        Refusal::DigestMissing,
        Refusal::DigestWrong,
        Refusal::DifferentBytes { seq: 1 },
        Refusal::TooFarAhead { next: 1 },
        Refusal::EpochOutOfOrder { latest: 3 },
        Refusal::NotARecording { cause: "empty", why: "x".into() },
        Refusal::CodecNotKept("vp8".into()),
        Refusal::BadReason,
        Refusal::ReasonMissing,
        Refusal::LegalHold,
        Refusal::KeptUntil(NOW),
        Refusal::Deleted,
        Refusal::NotYetRecorded,
    ];
    for refusal in all {
        let refused = Refused::from(refusal);
        for lang in [Lang::Chinese, Lang::English] {
            let sentence = lang.refusal(&refused);
            assert!(!sentence.contains(refused.key.as_ref()), "{} has no {lang:?} sentence", refused.key);
            assert!(!sentence.contains("%{") && !sentence.contains("recording."), "{sentence}");
            for (name, _) in refused.with.iter().filter(|_| refused.words.is_empty()) {
                let place = format!("%{{{name}}}");
                assert!(
                    lang.t(&refused.key).contains(&place),
                    "{} {lang:?} does not say {name}",
                    refused.key
                );
            }
        }
    }
}

fn entry(epoch: u64, seq: u64, tfdt: u64, dur: u64) -> Entry {
    let began_at = NOW.plus(if epoch == 1 { 0 } else { 60 * SECOND });
    Entry { epoch, seq, tfdt, dur, timescale: 20_000, began_at }
}

#[test]
fn a_playlist_marks_epochs_and_gaps_and_says_the_time_of_day() {
    let entries = [
        entry(1, 1, 0, 41_924),
        entry(1, 2, 41_924, 41_985),
        entry(1, 3, 183_909, 40_000), // five seconds of media time are missing before this one
        entry(2, 1, 0, 40_000),
    ];
    let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n\
        #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-PLAYLIST-TYPE:VOD\n\
        #EXT-X-MAP:URI=\"1/init.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:00.000Z\n\
        #EXTINF:2.096200,\n1/1.m4s\n#EXTINF:2.099250,\n1/2.m4s\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:09.195Z\n#EXTINF:2.000000,\n1/3.m4s\n\
        #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"2/init.mp4\"\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:01:00.000Z\n#EXTINF:2.000000,\n2/1.m4s\n#EXT-X-ENDLIST\n";
    assert_eq!(media(Kind::Vod, &entries), expected);
    let open = media(Kind::Event, &entries);
    assert!(open.contains("PLAYLIST-TYPE:EVENT") && !open.contains("ENDLIST"));
}

#[test]
fn a_playlist_of_eight_hours_is_made_at_once_and_an_empty_one_is_lawful() {
    let entries: Vec<Entry> = (0..14_400).map(|i| entry(1, i + 1, i * 40_000, 40_000)).collect();
    let text = media(Kind::Vod, &entries);
    assert_eq!(text.matches("#EXTINF").count(), 14_400);
    assert_eq!(text.matches("DISCONTINUITY").count(), 0);
    assert!(media(Kind::Event, &[]).contains("TARGETDURATION:1\n"));
}
