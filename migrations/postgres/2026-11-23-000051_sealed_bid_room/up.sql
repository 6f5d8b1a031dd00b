-- How much all open uploads may still bring is summed whenever one begins: from the index alone.
DROP INDEX sealed_bid_upload_expiry;
CREATE INDEX sealed_bid_upload_expiry ON sealed_bid_upload (state, expires_at, size);
