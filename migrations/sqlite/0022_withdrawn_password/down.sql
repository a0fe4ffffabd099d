ALTER TABLE users DROP COLUMN withdrawn_hash;
