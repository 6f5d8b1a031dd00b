DROP TABLE ledger_kept;
