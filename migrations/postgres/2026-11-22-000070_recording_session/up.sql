-- Recorded sessions. closed_at, sealed_at, hold_* and media_deleted_at are filled in later, each by one act.
CREATE TABLE recording_session (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('evaluation', 'opening')),
    opened_at BIGINT NOT NULL,
    retention_days BIGINT NOT NULL,
    closed_at BIGINT,
    sealed_at BIGINT,
    hold_at BIGINT,
    hold_reason TEXT,
    media_deleted_at BIGINT
);
CREATE INDEX recording_session_lot ON recording_session (lot_id);
-- One camera or screen of one person. Who it is stands here only as a keyed tag and sealed by the vault, because names
-- of experts are secret until the award. The chain's head and the last sign of life are updated with every
-- part; required when somebody joins or leaves.
CREATE TABLE recording_track (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES recording_session (id),
    seat INTEGER NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('camera', 'screen')),
    required BOOLEAN NOT NULL,
    person_tag TEXT NOT NULL,
    person_sealed BYTEA NOT NULL,
    next_number BIGINT NOT NULL,
    leaf BYTEA NOT NULL,
    logged_at BIGINT NOT NULL,
    last_received_at BIGINT,
    stopped_at BIGINT,
    stopped_reason TEXT,
    UNIQUE (session_id, seat, source)
);
-- One start of a recorder. The cursor says how far its parts were cut into segments; version guards it against two
-- requests at once.
CREATE TABLE recording_epoch (
    track_id TEXT NOT NULL REFERENCES recording_track (id),
    epoch BIGINT NOT NULL,
    container TEXT NOT NULL CHECK (container IN ('mp4', 'webm')),
    began_at BIGINT NOT NULL,
    next_part BIGINT NOT NULL,
    cursor_part BIGINT NOT NULL,
    cursor_offset BIGINT NOT NULL,
    next_seq BIGINT NOT NULL,
    init_sha256 BYTEA,
    timescale BIGINT NOT NULL,
    codecs TEXT NOT NULL,
    head_sha256 BYTEA,
    picture_track BIGINT,
    last_tfdt BIGINT NOT NULL,
    last_dur BIGINT NOT NULL,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (track_id, epoch)
);
-- What browsers sent, by number. kept turns false when the bytes live on in segments alone.
CREATE TABLE recording_part (
    track_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    kept BOOLEAN NOT NULL,
    PRIMARY KEY (track_id, epoch, seq),
    FOREIGN KEY (track_id, epoch) REFERENCES recording_epoch (track_id, epoch)
);
-- The hash chain, append-only. body is the canonical record; the other columns repeat what queries need.
CREATE TABLE recording_record (
    track_id TEXT NOT NULL REFERENCES recording_track (id),
    number BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('opened', 'init', 'media', 'gap', 'sealed')),
    epoch BIGINT,
    seq BIGINT,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    sha256 BYTEA,
    body TEXT NOT NULL,
    entry_id TEXT,
    PRIMARY KEY (track_id, number),
    UNIQUE (track_id, epoch, seq)
);
CREATE INDEX recording_record_media ON recording_record (track_id, sha256);
-- What else happened while the recording ran, for the timeline: a locale key and what stands in its place %{what}.
CREATE TABLE recording_mark (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES recording_session (id),
    at BIGINT NOT NULL,
    sentence TEXT NOT NULL,
    what TEXT NOT NULL
);
CREATE INDEX recording_mark_session ON recording_mark (session_id, at);
-- Who watched what; append-only.
CREATE TABLE recording_access (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES recording_session (id),
    track_id TEXT,
    person_id TEXT NOT NULL,
    way TEXT NOT NULL CHECK (way IN ('live', 'playback')),
    at BIGINT NOT NULL
);
CREATE INDEX recording_access_session ON recording_access (session_id, at);
