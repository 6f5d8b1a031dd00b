-- When the platform last said that it lives, its outages, and the deadlines that they moved.
CREATE TABLE outage_pulse (
    id INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE TABLE outage (
    id TEXT NOT NULL PRIMARY KEY,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    entry TEXT NOT NULL
);
CREATE TABLE outage_moved (
    outage_id TEXT NOT NULL REFERENCES outage (id),
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    was_until BIGINT NOT NULL,
    now_until BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (outage_id, tender_id)
);
