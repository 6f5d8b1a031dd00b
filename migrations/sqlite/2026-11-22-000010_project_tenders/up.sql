-- Tenders. Rows change while they are drafts; announced_at is written once and closes the row.
CREATE TABLE project_tender (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    region TEXT NOT NULL,
    rulebook TEXT NOT NULL,
    rulebook_digest TEXT NOT NULL,
    agent_id TEXT NOT NULL REFERENCES party_organisation (id),
    entity_id TEXT NOT NULL REFERENCES party_organisation (id),
    custody TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    announced_at BIGINT
);
CREATE INDEX project_tender_agent ON project_tender (agent_id, created_at);
CREATE INDEX project_tender_entity ON project_tender (entity_id, created_at);
-- Lots. terms is the canonical document. category, region, announced_at, the two times, reached and held_since repeat
-- what tender, schedule and milestones say, so that lists of many lots are one indexed filter.
CREATE TABLE project_lot (
    id TEXT NOT NULL PRIMARY KEY,
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 99),
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    category TEXT NOT NULL,
    region TEXT NOT NULL,
    announced_at BIGINT,
    documents_from BIGINT NOT NULL,
    bids_until BIGINT NOT NULL,
    reached TEXT NOT NULL,
    held_since BIGINT,
    UNIQUE (tender_id, number)
);
CREATE INDEX project_lot_announced ON project_lot (announced_at, id) WHERE announced_at IS NOT NULL;
CREATE INDEX project_lot_category ON project_lot (category, announced_at, id) WHERE announced_at IS NOT NULL;
CREATE INDEX project_lot_region ON project_lot (region, announced_at, id) WHERE announced_at IS NOT NULL;
CREATE INDEX project_lot_reached ON project_lot (reached, announced_at, id) WHERE announced_at IS NOT NULL;
CREATE INDEX project_lot_deadline ON project_lot (bids_until, id) WHERE announced_at IS NOT NULL;
CREATE INDEX project_lot_open ON project_lot (reached, bids_until);
-- Versions of the schedule. Version 0 is the draft's and is replaced; the others are append-only.
CREATE TABLE project_schedule (
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    version INTEGER NOT NULL,
    documents_from BIGINT NOT NULL,
    documents_until BIGINT NOT NULL,
    questions_until BIGINT NOT NULL,
    bids_until BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tender_id, version)
);
-- Milestones, append-only; entry is the ledger entry behind each.
CREATE TABLE project_milestone (
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    place INTEGER NOT NULL,
    milestone TEXT NOT NULL,
    at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (lot_id, place)
);
-- Pairs of neighbouring characters of announced lots, for the search.
CREATE TABLE project_word (
    gram TEXT NOT NULL,
    announced_at BIGINT NOT NULL,
    lot_id TEXT NOT NULL REFERENCES project_lot (id),
    PRIMARY KEY (gram, announced_at, lot_id)
) WITHOUT ROWID;
-- Running tender numbers; last is updated.
CREATE TABLE project_number (
    year INTEGER NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
);
-- The public reason behind a freeze, its end, a cancellation; append-only.
CREATE TABLE project_reason (
    entry TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL
);
