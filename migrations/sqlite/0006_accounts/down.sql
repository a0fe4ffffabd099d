ALTER TABLE outbox DROP COLUMN ends_at;
DROP TABLE email_changes;
DROP TABLE devices;
