ALTER TABLE opening_excuse DROP COLUMN paper;
ALTER TABLE opening_excuse DROP COLUMN paper_name;
