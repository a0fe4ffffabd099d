-- An invitation can be to an organization, so an address can have several. SQLite can't drop what makes a column unique.
CREATE TABLE invitations_anew (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Of the link that the inviter gets to see. It proves nobody's mailbox.
    shown_hash BLOB UNIQUE,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    invited_by TEXT REFERENCES users (id) ON DELETE SET NULL,
    role TEXT,
    role_id TEXT REFERENCES roles (id) ON DELETE CASCADE
);
INSERT INTO invitations_anew (id, hash, email, email_key, created_at, expires_at)
    SELECT id, hash, email, email_key, created_at, expires_at FROM invitations;
DROP TABLE invitations;
ALTER TABLE invitations_anew RENAME TO invitations;
CREATE UNIQUE INDEX invitations_instance ON invitations (email_key) WHERE organization_id IS NULL;
CREATE UNIQUE INDEX invitations_organization ON invitations (organization_id, email_key);
CREATE INDEX invitations_email ON invitations (email_key, organization_id);
CREATE INDEX invitations_inviter ON invitations (invited_by);
CREATE INDEX invitations_role ON invitations (role_id);

CREATE TABLE invitation_teams (
    invitation_id TEXT NOT NULL REFERENCES invitations (id) ON DELETE CASCADE,
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (invitation_id, team_id)
);
CREATE INDEX invitation_teams_team ON invitation_teams (team_id);

-- What an organization's plan allows; without a number there is no limit.
CREATE TABLE licenses (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    plan TEXT NOT NULL,
    members BIGINT,
    teams BIGINT,
    api_keys BIGINT,
    service_accounts BIGINT,
    tokens BIGINT,
    changed_at BIGINT NOT NULL
);
