-- A terminal's login is a session, too: it ends with the others, and by the same hands. An older release knows browsers alone.
ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT 'browser';
ALTER TABLE sessions ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_four TEXT NOT NULL DEFAULT '';

-- Logins that terminals asked for, until they are answered and fetched (RFC 8628).
CREATE TABLE terminal_logins (
    hash BLOB NOT NULL PRIMARY KEY,
    code_hash BLOB NOT NULL UNIQUE,
    client TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    answered_at BIGINT,
    pause BIGINT NOT NULL,
    polled_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX terminal_logins_user ON terminal_logins (user_id);
