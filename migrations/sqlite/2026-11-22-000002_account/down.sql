DROP TABLE account_certificate;
DROP TABLE account_session;
DROP TABLE account_person;
DROP TABLE party_organisation;
