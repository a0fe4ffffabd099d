-- How many members an organization has, kept by the database itself: at each page, counting thousands costs more than the page.
ALTER TABLE organizations ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
UPDATE organizations SET member_count = (SELECT count(*) FROM members WHERE members.organization_id = organizations.id);
CREATE TRIGGER members_came AFTER INSERT ON members BEGIN
    UPDATE organizations SET member_count = member_count + 1 WHERE id = NEW.organization_id;
END;
CREATE TRIGGER members_went AFTER DELETE ON members BEGIN
    UPDATE organizations SET member_count = member_count - 1 WHERE id = OLD.organization_id;
END;

-- What works of somebody's is counted and looked through without its rows; tokens for an organization without its keys.
CREATE INDEX token_secrets_working ON token_secrets (holder, expires_at, is_current, revoked_at) WHERE is_current AND revoked_at IS NULL;
DROP INDEX tokens_organization;
CREATE INDEX tokens_organization ON tokens (organization_id, kind);
