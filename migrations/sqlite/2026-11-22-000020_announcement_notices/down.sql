DROP TABLE announcement_download;
DROP TABLE announcement_document;
DROP TABLE announcement_notice;
DROP TABLE announcement_draft;
