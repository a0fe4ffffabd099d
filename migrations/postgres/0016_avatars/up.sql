CREATE TABLE avatars (
    name TEXT PRIMARY KEY NOT NULL,
    user_id TEXT UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    organization_id TEXT UNIQUE REFERENCES organizations (id) ON DELETE CASCADE,
    large BYTEA NOT NULL,
    small BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    CHECK ((user_id IS NULL) <> (organization_id IS NULL))
);
-- Which picture it is, beside the name: lists need not look for it.
ALTER TABLE users ADD COLUMN avatar TEXT;
ALTER TABLE organizations ADD COLUMN avatar TEXT;
