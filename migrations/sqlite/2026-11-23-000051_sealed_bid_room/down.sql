DROP INDEX sealed_bid_upload_expiry;
CREATE INDEX sealed_bid_upload_expiry ON sealed_bid_upload (state, expires_at);
