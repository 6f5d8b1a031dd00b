DROP TABLE evaluation_report;
DROP TABLE evaluation_decision;
DROP TABLE evaluation_draft;
DROP TABLE evaluation_paper;
DROP TABLE evaluation_seat;
DROP TABLE evaluation_session;
