-- Messages to organisations. Whom one is for is a keyed tag, what it says is sealed by the vault: the table tells neither.
CREATE TABLE message_letter (
    id TEXT NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    body BLOB NOT NULL,
    at BIGINT NOT NULL,
    read_at BIGINT
);
CREATE INDEX message_letter_recipient ON message_letter (recipient, at);
