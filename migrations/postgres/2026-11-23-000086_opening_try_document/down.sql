ALTER TABLE opening_bidder_try DROP COLUMN document;
