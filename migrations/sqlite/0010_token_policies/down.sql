ALTER TABLE token_policies DROP COLUMN changes;
