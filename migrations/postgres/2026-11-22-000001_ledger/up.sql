-- The public log. Entries are append-only; only log_index is filled in later, once, by the sequencer.
-- body is sealed by the vault, so that the database alone tells neither what happened nor to whom.
CREATE TABLE ledger_entry (
    arrival BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    log_index BIGINT UNIQUE,
    at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    body BYTEA NOT NULL,
    leaf BYTEA NOT NULL
);
CREATE INDEX ledger_entry_subject ON ledger_entry (subject, arrival);
CREATE INDEX ledger_entry_pending ON ledger_entry (arrival) WHERE log_index IS NULL;
-- Merkle tree tiles of height 8 as C2SP tlog-tiles has them; the last tile of a level grows until it is full.
CREATE TABLE ledger_tile (
    level INTEGER NOT NULL,
    place BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, place)
);
-- One row: the newest signed checkpoint.
CREATE TABLE ledger_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT NOT NULL,
    at BIGINT NOT NULL
);
-- Messages for the outside (mail, bank, other systems), written in the same transaction as their cause.
CREATE TABLE queue_message (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    done_at BIGINT
);
CREATE INDEX queue_message_due ON queue_message (due_at) WHERE done_at IS NULL;
-- A job claims its run by inserting its slot; the second to try finds it taken.
CREATE TABLE queue_run (
    job TEXT NOT NULL,
    slot BIGINT NOT NULL,
    claimed_at BIGINT NOT NULL,
    PRIMARY KEY (job, slot)
);
-- One row, demonstration centres only: how far staff have moved the clock forward.
CREATE TABLE platform_clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    offset_micros BIGINT NOT NULL
);
