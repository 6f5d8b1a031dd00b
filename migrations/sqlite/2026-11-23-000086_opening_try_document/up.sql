-- The wrong release itself, so that anybody can judge later whether it was wrong.
ALTER TABLE opening_bidder_try ADD COLUMN document TEXT NOT NULL DEFAULT '';
