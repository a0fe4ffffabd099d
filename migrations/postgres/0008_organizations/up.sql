ALTER TABLE organizations ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN organization_id TEXT REFERENCES organizations (id) ON DELETE SET NULL;
CREATE INDEX sessions_organization ON sessions (organization_id);

CREATE TABLE roles (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    rights TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name_key)
);

ALTER TABLE members ADD COLUMN role_id TEXT REFERENCES roles (id);
ALTER TABLE members ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN is_target BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX members_role ON members (role_id);
CREATE INDEX members_name ON members (organization_id, name_key, user_id);

CREATE TABLE teams (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    description TEXT NOT NULL,
    role TEXT,
    role_id TEXT REFERENCES roles (id),
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name_key)
);
CREATE INDEX teams_role ON teams (role_id);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (team_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES members (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX team_members_member ON team_members (organization_id, user_id);

UPDATE members SET name_key = (
    SELECT lower(trim(users.first_name || ' ' || users.last_name)) || ' ' || users.email_key
    FROM users WHERE users.id = members.user_id
);
