DROP TABLE clarification_answer;
DROP TABLE clarification_question;
