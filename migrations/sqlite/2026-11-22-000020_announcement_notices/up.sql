-- What an agent has written so far; replaced until the notice is published.
CREATE TABLE announcement_draft (
    tender_id TEXT NOT NULL PRIMARY KEY REFERENCES project_tender (id),
    text TEXT NOT NULL,
    at BIGINT NOT NULL
);
-- Published notices with their signature; append-only.
CREATE TABLE announcement_notice (
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    signed TEXT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tender_id, version)
);
-- Documents. version is written once, when the notice that lists the document is published; before that the row may go.
CREATE TABLE announcement_document (
    id TEXT NOT NULL PRIMARY KEY,
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    kind TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    version INTEGER,
    at BIGINT NOT NULL,
    UNIQUE (tender_id, place)
);
-- Who has the documents: both tags are keyed, body is sealed, so the table alone tells neither who nor of which tender.
CREATE TABLE announcement_download (
    pair TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX announcement_download_person ON announcement_download (person);
