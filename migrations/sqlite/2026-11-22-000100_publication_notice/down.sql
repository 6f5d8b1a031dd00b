DROP TABLE publication_letter;
DROP TABLE publication_award;
DROP TABLE publication_notice;
