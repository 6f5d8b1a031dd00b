DROP TABLE project_reason;
DROP TABLE project_number;
DROP TABLE project_word;
DROP TABLE project_milestone;
DROP TABLE project_schedule;
DROP TABLE project_lot;
DROP TABLE project_tender;
