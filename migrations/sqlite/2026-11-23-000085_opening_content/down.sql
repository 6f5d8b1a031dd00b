DROP TABLE opening_content;
CREATE TABLE opening_file (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    parts TEXT NOT NULL,
    PRIMARY KEY (lot_id, envelope, m, place)
);
