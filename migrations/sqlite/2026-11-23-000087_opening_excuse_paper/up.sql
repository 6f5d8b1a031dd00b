-- The paper that shows the cause of a missing key: its name, and the SHA-256 (hexadecimal) under which the file lies.
ALTER TABLE opening_excuse ADD COLUMN paper_name TEXT NOT NULL DEFAULT '';
ALTER TABLE opening_excuse ADD COLUMN paper TEXT NOT NULL DEFAULT '';
