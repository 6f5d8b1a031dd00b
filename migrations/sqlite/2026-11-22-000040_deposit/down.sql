DROP TABLE deposit_book;
DROP TABLE deposit_posting;
DROP TABLE deposit_batch;
DROP TABLE deposit_refund;
DROP TABLE deposit_movement;
DROP TABLE deposit_notice;
DROP TABLE deposit_account;
DROP TABLE deposit_demand;
