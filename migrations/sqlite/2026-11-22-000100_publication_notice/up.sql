-- Notices that follow an evaluation. Append-only: a notice never changes and its address never dies.
CREATE TABLE publication_notice (
    lot_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('candidates', 'result', 'contract', 'failure')),
    tender_id TEXT NOT NULL,
    body TEXT NOT NULL,
    signed TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    display_until BIGINT,
    PRIMARY KEY (lot_id, kind)
);
CREATE INDEX publication_notice_published ON publication_notice (published_at);
-- Who wins, as the entity decided. Append-only.
CREATE TABLE publication_award (
    lot_id TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    signed TEXT NOT NULL,
    decided_at BIGINT NOT NULL
);
-- The letter to each bidder, sealed: only the bidder and the tender's own people read it. Append-only.
CREATE TABLE publication_letter (
    lot_id TEXT NOT NULL,
    organisation_tag TEXT NOT NULL,
    body BLOB NOT NULL,
    issued_at BIGINT NOT NULL,
    PRIMARY KEY (lot_id, organisation_tag)
);
