-- The bidders' phase of an envelope whose bids are locked twice. ended_at is filled in once.
CREATE TABLE opening_bidders (
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    envelope TEXT NOT NULL,
    dual TEXT NOT NULL,
    until BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (lot_id, envelope)
);
-- Bidders' keys, locked to the session's key. Append-only.
CREATE TABLE opening_bidder_key (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    document TEXT NOT NULL,
    second BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, envelope, m)
);
-- Wrong keys that bidders released. Append-only.
CREATE TABLE opening_bidder_try (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    at BIGINT NOT NULL
);
-- Why a missing key is not its bidder's fault. Append-only.
CREATE TABLE opening_excuse (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    words TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, envelope, m)
);
