-- The drill of a tender's trustees: a canary bid that they open before the bid period. session_secret (sealed by the vault) and
-- ciphertext are emptied and done_at is filled in when it has opened.
CREATE TABLE sealed_bid_drill (
    tender_id TEXT NOT NULL PRIMARY KEY REFERENCES project_tender (id),
    manifest TEXT NOT NULL,
    phrase TEXT NOT NULL,
    ciphertext BLOB,
    session_public BLOB NOT NULL,
    session_secret BLOB,
    at BIGINT NOT NULL,
    done_at BIGINT
);
-- Trustees' releases for the canary. Replaced when a trustee tries again.
CREATE TABLE sealed_bid_drill_release (
    tender_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    document TEXT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tender_id, place)
);
-- Why the agent goes on without the drill. Append-only.
CREATE TABLE sealed_bid_drill_waiver (
    tender_id TEXT NOT NULL PRIMARY KEY REFERENCES project_tender (id),
    words TEXT NOT NULL,
    at BIGINT NOT NULL
);
