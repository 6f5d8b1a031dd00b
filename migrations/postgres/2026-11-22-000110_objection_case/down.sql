DROP TABLE objection_answer;
DROP TABLE objection_case;
