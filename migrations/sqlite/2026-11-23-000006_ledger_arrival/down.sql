DROP TABLE ledger_arrival;
