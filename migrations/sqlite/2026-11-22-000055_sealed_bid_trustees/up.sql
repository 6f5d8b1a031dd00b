-- Trustees' public keys of a tender. sig is filled in once, when the trustee signs the set, and emptied when a
-- key of the set changes before all have signed.
CREATE TABLE sealed_bid_trustee (
    tender_id TEXT NOT NULL REFERENCES project_tender (id),
    place INTEGER NOT NULL,
    person_id TEXT NOT NULL REFERENCES account_person (id),
    hpke BLOB NOT NULL,
    sign BLOB NOT NULL,
    sig BLOB,
    at BIGINT NOT NULL,
    PRIMARY KEY (tender_id, place)
);
-- The finished set document, one per tender; append-only.
CREATE TABLE sealed_bid_trustee_set (
    tender_id TEXT NOT NULL PRIMARY KEY REFERENCES project_tender (id),
    document TEXT NOT NULL,
    entry TEXT NOT NULL,
    at BIGINT NOT NULL
);
