-- Pools of experts as imported; append-only, the newest counts. body is sealed: it names people.
CREATE TABLE expert_draw_pool (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    experts INTEGER NOT NULL,
    active INTEGER NOT NULL,
    imported_at BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX expert_draw_pool_newest ON expert_draw_pool (imported_at);
-- Which account belongs to which expert. registry is sealed, so that seats and accounts can not be joined by
-- whoever has only the database. A row is replaced when the centre corrects it.
CREATE TABLE expert_draw_account (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES account_person (id),
    registry_tag TEXT NOT NULL UNIQUE,
    registry BLOB NOT NULL,
    linked_at BIGINT NOT NULL
);
-- Draws. Every _at after set_up_at is filled in once, in this order, with what belongs to it. setup, document and
-- result are sealed; only their hashes are public before the award.
CREATE TABLE expert_draw_draw (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL,
    tender_number TEXT NOT NULL,
    lot_number INTEGER NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('experts', 'coefficient')),
    source TEXT NOT NULL,
    reveal_by BIGINT NOT NULL,
    public_at BIGINT NOT NULL,
    set_up_at BIGINT NOT NULL,
    list_hash TEXT NOT NULL,
    setup BLOB NOT NULL,
    fixed_at BIGINT,
    doc_hash TEXT,
    document BLOB,
    drawn_at BIGINT,
    public_value TEXT,
    result BLOB,
    failed_at BIGINT,
    cause TEXT,
    released_at BIGINT
);
CREATE INDEX expert_draw_draw_lot ON expert_draw_draw (lot_id, set_up_at);
-- The parties of a draw. Each column is filled in by its party, in this order; public_value may be corrected
-- until the draw.
CREATE TABLE expert_draw_party (
    draw_id TEXT NOT NULL REFERENCES expert_draw_draw (id),
    party TEXT NOT NULL,
    committed TEXT,
    committed_at BIGINT,
    secret TEXT,
    revealed_at BIGINT,
    public_value TEXT,
    entered_at BIGINT,
    PRIMARY KEY (draw_id, party)
);
-- Seats of drawn experts, those that were passed on included. holder is sealed. answer is updated when it is given.
CREATE TABLE expert_draw_seat (
    draw_id TEXT NOT NULL REFERENCES expert_draw_draw (id),
    candidate TEXT NOT NULL,
    called_order INTEGER NOT NULL,
    stratum TEXT NOT NULL,
    registry_tag TEXT NOT NULL,
    holder BLOB NOT NULL,
    answer TEXT NOT NULL CHECK (answer IN ('open', 'accepted', 'declined', 'replaced')),
    called_at BIGINT NOT NULL,
    answered_at BIGINT,
    dropped_order INTEGER,
    cause TEXT,
    PRIMARY KEY (draw_id, candidate)
);
CREATE INDEX expert_draw_seat_registry ON expert_draw_seat (registry_tag);
