-- The name as it is searched and sorted by; see the README on why it is made in Rust.
ALTER TABLE tokens ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
-- Whether its holder may renew it through the API.
ALTER TABLE tokens ADD COLUMN may_rotate BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE tokens SET name_key = lower(name);
CREATE INDEX tokens_name ON tokens (user_id, name_key, id);

-- Whose it is, which never changes: so a list can be read in the order of its secrets' times.
ALTER TABLE token_secrets ADD COLUMN user_id TEXT;
-- What became of it since a newer secret took its place.
ALTER TABLE token_secrets ADD COLUMN later_uses BIGINT NOT NULL DEFAULT 0;
ALTER TABLE token_secrets ADD COLUMN late_at BIGINT;
UPDATE token_secrets SET user_id = (SELECT tokens.user_id FROM tokens WHERE tokens.id = token_secrets.token_id);
-- To sort by: what never ends comes after all else, what was never used before all else. The databases do not agree on
-- where NULL stands.
ALTER TABLE token_secrets ADD COLUMN ends_at BIGINT NOT NULL GENERATED ALWAYS AS (coalesce(expires_at, 253402300800)) STORED;
ALTER TABLE token_secrets ADD COLUMN used_at BIGINT NOT NULL GENERATED ALWAYS AS (coalesce(last_used_at, 0)) STORED;
CREATE INDEX token_secrets_ends ON token_secrets (user_id, ends_at, token_id) WHERE is_current;
CREATE INDEX token_secrets_used ON token_secrets (user_id, used_at, token_id) WHERE is_current;

CREATE TABLE token_addresses (
    token_id TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, address)
);

-- What an administrator set in place of the settings file; a column that is NULL leaves it to the file.
CREATE TABLE token_policies (
    id TEXT NOT NULL PRIMARY KEY,
    max_days BIGINT,
    default_days BIGINT,
    preset_days TEXT,
    allow_never BOOLEAN,
    max_per_user BIGINT,
    changed_at BIGINT NOT NULL
);

CREATE INDEX audit_events_subject ON audit_events (subject_id, id);
