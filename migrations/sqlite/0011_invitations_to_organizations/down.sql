DROP TABLE licenses;
DROP TABLE invitation_teams;
CREATE TABLE invitations_anew (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO invitations_anew (id, hash, email, email_key, created_at, expires_at)
    SELECT id, hash, email, email_key, created_at, expires_at FROM invitations WHERE organization_id IS NULL;
DROP TABLE invitations;
ALTER TABLE invitations_anew RENAME TO invitations;
