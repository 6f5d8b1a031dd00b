DROP TABLE sealed_bid_step;
DROP TABLE sealed_bid_part;
DROP TABLE sealed_bid_upload;
