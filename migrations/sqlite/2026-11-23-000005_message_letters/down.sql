DROP TABLE message_letter;
