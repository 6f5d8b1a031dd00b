-- The closing checkpoint of a lot: from here on the count stays. Append-only.
CREATE TABLE opening_closing (
    lot_id TEXT NOT NULL PRIMARY KEY REFERENCES project_lot (id),
    size BIGINT NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    bidders INTEGER NOT NULL,
    at BIGINT NOT NULL
);
-- One opening session for each envelope. session_secret is sealed by the vault and emptied when the envelope is
-- opened; opened_at and shares (sealed by the vault, for the evidence) are filled in then, once.
CREATE TABLE opening_sitting (
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    envelope TEXT NOT NULL,
    bid_set TEXT NOT NULL,
    session_public BLOB NOT NULL,
    session_secret BLOB,
    shares BLOB,
    started_at BIGINT NOT NULL,
    opened_at BIGINT,
    PRIMARY KEY (lot_id, envelope)
);
-- Who signed in, after the deadline. Append-only.
CREATE TABLE opening_arrival (
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    person_id TEXT NOT NULL REFERENCES account_person (id),
    name TEXT NOT NULL,
    organisation TEXT NOT NULL,
    role TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, person_id)
);
-- Trustees' releases, locked to the session's key. Append-only.
CREATE TABLE opening_release (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    place INTEGER NOT NULL,
    document TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, envelope, place)
);
-- What became of each bid. Append-only.
CREATE TABLE opening_bid (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    place INTEGER NOT NULL,
    organisation_id TEXT NOT NULL REFERENCES party_organisation (id),
    leaf BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    document TEXT,
    not_opened TEXT,
    liars TEXT NOT NULL,
    PRIMARY KEY (lot_id, envelope, m)
);
-- The files of opened bids; parts is a JSON list of content names. Append-only.
CREATE TABLE opening_file (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    parts TEXT NOT NULL,
    PRIMARY KEY (lot_id, envelope, m, place)
);
-- Objections raised in the hall; the answer is filled in once.
CREATE TABLE opening_objection (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    person_id TEXT NOT NULL REFERENCES account_person (id),
    organisation TEXT NOT NULL,
    words TEXT NOT NULL,
    at BIGINT NOT NULL,
    answer TEXT,
    answered_at BIGINT
);
CREATE INDEX opening_objection_lot ON opening_objection (lot_id, at);
-- The published opening record of an envelope. Append-only.
CREATE TABLE opening_record (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    document TEXT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, envelope)
);
-- Signatures under the record. Append-only.
CREATE TABLE opening_signature (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES account_person (id),
    name TEXT NOT NULL,
    organisation TEXT NOT NULL,
    role TEXT NOT NULL,
    signed TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, envelope, person_id)
);
