//! The tables of this room and their rows as the database gives them.

use diesel::prelude::*;

diesel::table! {
    recording_session (id) {
        id -> Text,
        lot_id -> Text,
        purpose -> Text,
        opened_at -> BigInt,
        retention_days -> BigInt,
        closed_at -> Nullable<BigInt>,
        sealed_at -> Nullable<BigInt>,
        hold_at -> Nullable<BigInt>,
        hold_reason -> Nullable<Text>,
        media_deleted_at -> Nullable<BigInt>,
    }
}
diesel::table! {
    recording_track (id) {
        id -> Text,
        session_id -> Text,
        seat -> Integer,
        source -> Text,
        required -> Bool,
        person_tag -> Text,
        person_sealed -> Binary,
        next_number -> BigInt,
        leaf -> Binary,
        logged_at -> BigInt,
        last_received_at -> Nullable<BigInt>,
        stopped_at -> Nullable<BigInt>,
        stopped_reason -> Nullable<Text>,
    }
}
diesel::table! {
    recording_epoch (track_id, epoch) {
        track_id -> Text,
        epoch -> BigInt,
        container -> Text,
        began_at -> BigInt,
        next_part -> BigInt,
        cursor_part -> BigInt,
        cursor_offset -> BigInt,
        next_seq -> BigInt,
        init_sha256 -> Nullable<Binary>,
        timescale -> BigInt,
        codecs -> Text,
        head_sha256 -> Nullable<Binary>,
        picture_track -> Nullable<BigInt>,
        last_tfdt -> BigInt,
        last_dur -> BigInt,
        closed_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}
diesel::table! {
    recording_part (track_id, epoch, seq) {
        track_id -> Text,
        epoch -> BigInt,
        seq -> BigInt,
        sha256 -> Binary,
        bytes -> BigInt,
        received_at -> BigInt,
        kept -> Bool,
    }
}
diesel::table! {
    recording_record (track_id, number) {
        track_id -> Text,
        number -> BigInt,
        kind -> Text,
        epoch -> Nullable<BigInt>,
        seq -> Nullable<BigInt>,
        starts_at -> BigInt,
        ends_at -> BigInt,
        sha256 -> Nullable<Binary>,
        body -> Text,
        entry_id -> Nullable<Text>,
    }
}
diesel::table! {
    recording_mark (id) {
        id -> Text,
        session_id -> Text,
        at -> BigInt,
        sentence -> Text,
        what -> Text,
    }
}
diesel::table! {
    recording_access (id) {
        id -> Text,
        session_id -> Text,
        track_id -> Nullable<Text>,
        person_id -> Text,
        way -> Text,
        at -> BigInt,
    }
}

#[derive(Queryable)]
pub(super) struct SessionColumns {
    pub id: String,
    pub lot_id: String,
    pub purpose: String,
    pub opened_at: i64,
    pub retention_days: i64,
    pub closed_at: Option<i64>,
    pub sealed_at: Option<i64>,
    pub hold_at: Option<i64>,
    pub hold_reason: Option<String>,
    pub media_deleted_at: Option<i64>,
}

#[derive(Queryable)]
pub(super) struct TrackColumns {
    pub id: String,
    pub session_id: String,
    pub seat: i32,
    pub source: String,
    pub required: bool,
    pub person_tag: String,
    pub person_sealed: Vec<u8>,
    pub next_number: i64,
    pub leaf: Vec<u8>,
    pub logged_at: i64,
    pub last_received_at: Option<i64>,
    pub stopped_at: Option<i64>,
    pub stopped_reason: Option<String>,
}

#[derive(Queryable)]
pub(super) struct EpochColumns {
    _track_id: String,
    pub epoch: i64,
    pub container: String,
    pub began_at: i64,
    pub next_part: i64,
    pub cursor_part: i64,
    pub cursor_offset: i64,
    pub next_seq: i64,
    pub init_sha256: Option<Vec<u8>>,
    pub timescale: i64,
    pub codecs: String,
    pub head_sha256: Option<Vec<u8>>,
    pub picture_track: Option<i64>,
    pub last_tfdt: i64,
    pub last_dur: i64,
    pub closed_at: Option<i64>,
    pub version: i64,
}
