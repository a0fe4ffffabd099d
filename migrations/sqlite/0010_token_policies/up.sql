-- Counts the changes of a policy, so that of two made at once the second is asked to look again.
ALTER TABLE token_policies ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
-- The instance's row is always there: whoever makes a token holds it, and whoever changes it waits for them.
INSERT INTO token_policies (id, changed_at) VALUES ('instance', 0) ON CONFLICT DO NOTHING;
