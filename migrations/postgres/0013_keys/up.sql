-- Members that are no people: they outlive whoever made them.
CREATE TABLE service_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    role TEXT NOT NULL,
    role_id TEXT REFERENCES roles (id),
    responsible_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    is_enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name_key)
);
CREATE INDEX service_accounts_role ON service_accounts (role_id);
CREATE INDEX service_accounts_responsible ON service_accounts (responsible_id);

-- What an organization allows.
ALTER TABLE organizations ADD COLUMN allows_personal_tokens BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN allows_members_keys BOOLEAN NOT NULL DEFAULT TRUE;

-- A token acts for a user or for a service account.
DROP INDEX tokens_user;
DROP INDEX tokens_name;
DROP INDEX tokens_organization;
ALTER TABLE tokens ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE tokens ADD COLUMN service_account_id TEXT REFERENCES service_accounts (id) ON DELETE CASCADE;
-- In whose list it stands: a person's, an organization's, a service account's.
ALTER TABLE tokens ADD COLUMN holder TEXT GENERATED ALWAYS AS (
    CASE kind WHEN 'pat' THEN user_id WHEN 'key' THEN organization_id ELSE service_account_id END
) STORED;
CREATE INDEX tokens_holder ON tokens (holder, id);
CREATE INDEX tokens_name ON tokens (holder, name_key, id);
CREATE INDEX tokens_user ON tokens (user_id, organization_id);
CREATE INDEX tokens_organization ON tokens (organization_id);
CREATE INDEX tokens_service_account ON tokens (service_account_id);

-- The same beside each secret, so that a list can be read in the order of its secrets' times.
ALTER TABLE token_secrets RENAME COLUMN user_id TO holder;
