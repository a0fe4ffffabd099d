DROP TABLE terminal_logins;
DELETE FROM sessions WHERE kind <> 'browser';
ALTER TABLE sessions DROP COLUMN last_four;
ALTER TABLE sessions DROP COLUMN client;
ALTER TABLE sessions DROP COLUMN kind;
