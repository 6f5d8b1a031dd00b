DROP TABLE platform_clock;
DROP TABLE queue_run;
DROP TABLE queue_message;
DROP TABLE ledger_head;
DROP TABLE ledger_tile;
DROP TABLE ledger_entry;
