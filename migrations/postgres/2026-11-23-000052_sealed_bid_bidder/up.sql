-- A keyed tag of the organisation that sends: what may be open at once is one share for all its accounts. Uploads from before
-- count for nobody; they are handed in or gone within three days.
ALTER TABLE sealed_bid_upload ADD COLUMN bidder TEXT NOT NULL DEFAULT '';
CREATE INDEX sealed_bid_upload_bidder ON sealed_bid_upload (bidder, state, size);
