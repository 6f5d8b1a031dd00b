-- Files of opened bids are no longer copied: where each bid's ciphertext lies, and in the vault the key that reads it.
-- Append-only.
CREATE TABLE opening_content (
    lot_id TEXT NOT NULL,
    envelope TEXT NOT NULL,
    m TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    content_key BLOB NOT NULL,
    PRIMARY KEY (lot_id, envelope, m)
);
DROP TABLE opening_file;
