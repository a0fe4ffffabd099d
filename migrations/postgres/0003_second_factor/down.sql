DROP TABLE pending_logins;
DROP TABLE recovery_codes;
DROP TABLE recovery_sets;
DROP TABLE totp;
ALTER TABLE users DROP COLUMN second_factor;
