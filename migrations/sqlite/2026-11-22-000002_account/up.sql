-- Organisations; append-only.
CREATE TABLE party_organisation (
    id TEXT NOT NULL PRIMARY KEY,
    credit_code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
-- People who sign in. disabled_at is updated when an account is closed.
CREATE TABLE account_person (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES party_organisation (id),
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('bidder', 'agent', 'entity', 'expert', 'supervisor', 'centre', 'treasurer')),
    password TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);
-- Sessions, by the hash of their token; a thief of the database can not use them. Rows go when they end.
CREATE TABLE account_session (
    token_hash TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES account_person (id),
    created_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
-- Certificates of people's signing keys. revoked_at is updated once.
CREATE TABLE account_certificate (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES account_person (id),
    der BLOB NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX account_certificate_person ON account_certificate (person_id);
