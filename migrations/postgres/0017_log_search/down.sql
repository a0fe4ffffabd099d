ALTER TABLE audit_events DROP COLUMN search_key;
