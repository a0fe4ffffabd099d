DROP INDEX tokens_organization;
CREATE INDEX tokens_organization ON tokens (organization_id);
DROP INDEX token_secrets_working;
DROP TRIGGER members_went;
DROP TRIGGER members_came;
ALTER TABLE organizations DROP COLUMN member_count;
