DROP INDEX sealed_bid_upload_bidder;
ALTER TABLE sealed_bid_upload DROP COLUMN bidder;
