DROP TABLE sealed_bid_drill_waiver;
DROP TABLE sealed_bid_drill_release;
DROP TABLE sealed_bid_drill;
