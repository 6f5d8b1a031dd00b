DROP TABLE ledger_rotation;
