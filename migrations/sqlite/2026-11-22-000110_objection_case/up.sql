-- Objections. Who objects is sealed, and found by a keyed tag. Append-only.
CREATE TABLE objection_case (
    id TEXT NOT NULL PRIMARY KEY,
    lot_id TEXT NOT NULL,
    tender_id TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('documents', 'result')),
    body TEXT NOT NULL,
    filer_tag TEXT NOT NULL,
    filer BLOB NOT NULL,
    suspends BOOLEAN NOT NULL,
    answer_due BIGINT NOT NULL,
    filed_at BIGINT NOT NULL
);
CREATE INDEX objection_case_lot ON objection_case (lot_id);
CREATE INDEX objection_case_filer ON objection_case (filer_tag);
-- Answers. Append-only.
CREATE TABLE objection_answer (
    case_id TEXT NOT NULL PRIMARY KEY REFERENCES objection_case (id),
    outcome TEXT NOT NULL CHECK (outcome IN ('upheld', 'upheld_in_part', 'dismissed')),
    body TEXT NOT NULL,
    signed TEXT NOT NULL,
    answered_at BIGINT NOT NULL
);
