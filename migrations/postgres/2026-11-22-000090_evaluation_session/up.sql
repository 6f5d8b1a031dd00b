-- What an evaluation works with, fixed when the committee is formed. prices is written once, when the second of two
-- envelopes is opened; everything else never changes.
CREATE TABLE evaluation_session (
    lot_id TEXT NOT NULL PRIMARY KEY,
    opened TEXT NOT NULL,
    prices TEXT,
    convened_at BIGINT NOT NULL
);
-- Seats of the committee. Who sits there is sealed, and found by a keyed tag; declared_at, conflict and stepped_down_at are
-- each written once.
CREATE TABLE evaluation_seat (
    lot_id TEXT NOT NULL REFERENCES evaluation_session (lot_id),
    member TEXT NOT NULL,
    person_tag TEXT NOT NULL,
    holder BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('expert', 'representative')),
    leader BOOLEAN NOT NULL,
    seated_at BIGINT NOT NULL,
    declared_at BIGINT,
    stepped_down_at BIGINT,
    PRIMARY KEY (lot_id, member)
);
CREATE INDEX evaluation_seat_person ON evaluation_seat (person_tag);
-- Signed reviews, score sheets and opinions on the report, sealed. Append-only but for recalled_at, written once when a member
-- takes a score sheet back before the report is closed; the paper itself stays.
CREATE TABLE evaluation_paper (
    lot_id TEXT NOT NULL,
    member TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('review', 'sheet', 'opinion')),
    body BYTEA NOT NULL,
    at BIGINT NOT NULL,
    version INTEGER NOT NULL,
    recalled_at BIGINT,
    PRIMARY KEY (lot_id, member, kind, version),
    FOREIGN KEY (lot_id, member) REFERENCES evaluation_seat (lot_id, member)
);
-- What a member has filled in and not signed yet, sealed; overwritten with every save.
CREATE TABLE evaluation_draft (
    lot_id TEXT NOT NULL,
    member TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('review', 'sheet')),
    body BYTEA NOT NULL,
    saved_at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, member, kind),
    FOREIGN KEY (lot_id, member) REFERENCES evaluation_seat (lot_id, member)
);
-- What the committee decided between review and report; append-only.
CREATE TABLE evaluation_decision (
    lot_id TEXT NOT NULL REFERENCES evaluation_session (lot_id),
    kind TEXT NOT NULL CHECK (kind IN ('low_price', 'competition', 'correction')),
    bid TEXT NOT NULL,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, kind, bid)
);
-- The report that the leader closed; append-only.
CREATE TABLE evaluation_report (
    lot_id TEXT NOT NULL PRIMARY KEY REFERENCES evaluation_session (lot_id),
    body BYTEA NOT NULL,
    digest TEXT NOT NULL,
    closed_at BIGINT NOT NULL
);
