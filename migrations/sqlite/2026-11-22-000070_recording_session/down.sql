DROP TABLE recording_access;
DROP TABLE recording_mark;
DROP TABLE recording_record;
DROP TABLE recording_part;
DROP TABLE recording_epoch;
DROP TABLE recording_track;
DROP TABLE recording_session;
