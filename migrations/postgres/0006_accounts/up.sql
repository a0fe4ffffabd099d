CREATE TABLE devices (
    id TEXT NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX devices_user ON devices (user_id);

CREATE TABLE email_changes (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    old_email TEXT NOT NULL,
    new_email TEXT NOT NULL,
    new_hash BYTEA NOT NULL UNIQUE,
    old_hash BYTEA NOT NULL UNIQUE,
    needs_old BOOLEAN NOT NULL,
    new_proved_at BIGINT,
    old_proved_at BIGINT,
    made_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    undo_until BIGINT NOT NULL
);
CREATE INDEX email_changes_user ON email_changes (user_id);

ALTER TABLE outbox ADD COLUMN ends_at BIGINT;
