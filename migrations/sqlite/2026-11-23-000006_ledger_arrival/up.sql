-- Up to when each server has dealt with everybody who came (ledger/arrivals.rs). Where several servers work on one database,
-- a box is closed when each of them has passed the deadline. Times are microseconds UTC.
CREATE TABLE ledger_arrival (
    server     TEXT   NOT NULL PRIMARY KEY,
    done_until BIGINT NOT NULL,
    told_at    BIGINT NOT NULL
);
