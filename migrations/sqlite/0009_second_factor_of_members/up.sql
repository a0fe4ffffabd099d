ALTER TABLE organizations ADD COLUMN requires_second_factor BOOLEAN NOT NULL DEFAULT FALSE;
