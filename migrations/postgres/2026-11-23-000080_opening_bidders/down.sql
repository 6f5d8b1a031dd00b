DROP TABLE opening_excuse;
DROP TABLE opening_bidder_try;
DROP TABLE opening_bidder_key;
DROP TABLE opening_bidders;
