DROP TABLE sealed_bid_trustee_set;
DROP TABLE sealed_bid_trustee;
