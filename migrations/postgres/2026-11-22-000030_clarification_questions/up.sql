-- Questions, append-only. asker is a keyed tag: the same asker is recognised, nobody is named.
CREATE TABLE clarification_question (
    id TEXT NOT NULL PRIMARY KEY,
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    asker TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX clarification_question_tender ON clarification_question (tender_id, at);
CREATE INDEX clarification_question_asker ON clarification_question (asker);
-- Signed answers, append-only, one for each question.
CREATE TABLE clarification_answer (
    question_id TEXT NOT NULL PRIMARY KEY REFERENCES clarification_question (id),
    signed TEXT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL
);
