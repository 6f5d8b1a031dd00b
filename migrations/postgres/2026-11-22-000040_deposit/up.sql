-- Deposits. What a row is about is sealed by the vault; the tags are keyed, so the database alone tells neither who
-- deposits for which lot nor how many do. sealed and open are updated as the deposit goes on; lot_tag is written once,
-- when the lot's bidding is closed.
CREATE TABLE deposit_demand (
    id TEXT NOT NULL PRIMARY KEY,
    tag TEXT NOT NULL UNIQUE,
    account_tag TEXT NOT NULL UNIQUE,
    bidder_tag TEXT NOT NULL,
    lot_tag TEXT,
    open BOOLEAN NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX deposit_demand_bidder ON deposit_demand (bidder_tag);
CREATE INDEX deposit_demand_lot ON deposit_demand (lot_tag);
CREATE INDEX deposit_demand_open ON deposit_demand (open);
-- One row: the centre's account at its bank; replaced when the treasurer changes it, every change is in the log.
CREATE TABLE deposit_account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BYTEA NOT NULL
);
-- Imported notices and what each did; append-only.
CREATE TABLE deposit_notice (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX deposit_notice_at ON deposit_notice (at);
-- Movements of the bank, each once: key_tag is the tag of account and bank reference. waiting and sealed are updated
-- when the treasurer resolves a work-list item.
CREATE TABLE deposit_movement (
    id TEXT NOT NULL PRIMARY KEY,
    key_tag TEXT NOT NULL UNIQUE,
    waiting BOOLEAN NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX deposit_movement_waiting ON deposit_movement (waiting);
-- Refunds: due, ordered, paid. A refund that is stopped before it was ordered is removed; its deposit keeps the story.
CREATE TABLE deposit_refund (
    id TEXT NOT NULL PRIMARY KEY,
    open BOOLEAN NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX deposit_refund_open ON deposit_refund (open);
-- Payment orders as they were written; append-only.
CREATE TABLE deposit_batch (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX deposit_batch_at ON deposit_batch (at);
-- The journal; append-only.
CREATE TABLE deposit_posting (
    entry BIGINT NOT NULL,
    line INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (entry, line)
);
-- One row: how many entries the journal has, and the sealed totals of its accounts. Acts that touch money lock it.
CREATE TABLE deposit_book (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entries BIGINT NOT NULL,
    sealed BYTEA
);
INSERT INTO deposit_book (id, entries) VALUES (1, 0);
