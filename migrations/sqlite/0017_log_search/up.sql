-- What an organization's log is searched in, folded by Keystead: the databases do not agree on lower('Ä').
ALTER TABLE audit_events ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
UPDATE audit_events SET search_key = lower(subject_name || ' ' || detail) WHERE organization_id IS NOT NULL;
