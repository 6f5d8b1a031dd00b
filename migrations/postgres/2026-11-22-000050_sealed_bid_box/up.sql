-- Ciphertexts on their way. `owner` is a keyed tag: the row tells neither who sends nor for which lot.
-- `state` is updated: open, then used (by a submission) or gone.
CREATE TABLE sealed_bid_upload (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    size BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'used', 'gone')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sealed_bid_upload_owner ON sealed_bid_upload (owner);
CREATE INDEX sealed_bid_upload_expiry ON sealed_bid_upload (state, expires_at);
-- Durable pieces of a ciphertext and the Merkle leaves of their 1 MiB slices; removed with a gone upload.
CREATE TABLE sealed_bid_part (
    upload_id TEXT NOT NULL REFERENCES sealed_bid_upload (id),
    place BIGINT NOT NULL,
    size BIGINT NOT NULL,
    leaves BYTEA NOT NULL,
    file TEXT NOT NULL,
    PRIMARY KEY (upload_id, place)
);
-- Submissions and withdrawals; append-only. Each look-up column is a keyed tag over a running number, so no two rows
-- share a value: the database alone tells neither whose row it is, nor of which lot, nor how many a lot has.
CREATE TABLE sealed_bid_step (
    id TEXT NOT NULL PRIMARY KEY,
    of_lot TEXT NOT NULL UNIQUE,
    of_bid TEXT NOT NULL UNIQUE,
    of_bidder TEXT NOT NULL UNIQUE,
    entry_id TEXT NOT NULL,
    body BYTEA NOT NULL,
    at BIGINT NOT NULL
);
