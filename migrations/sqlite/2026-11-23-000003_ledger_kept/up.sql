-- Checkpoints that are kept with what others say of them: the closing checkpoints of lots (pinned, for ever) and the
-- newest one that enough witnesses cosigned. Nothing here is secret: the root says nothing about the entries.
CREATE TABLE ledger_kept (
    size BIGINT NOT NULL PRIMARY KEY,
    note TEXT NOT NULL,
    pinned BOOLEAN NOT NULL,
    met BOOLEAN NOT NULL,
    token BLOB,
    stamped_at BIGINT
);
