-- Every change of the log's key, in order of size.
CREATE TABLE ledger_rotation (
    size BIGINT PRIMARY KEY NOT NULL,
    key TEXT NOT NULL,
    note TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL
);
