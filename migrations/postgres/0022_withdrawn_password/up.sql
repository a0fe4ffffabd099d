-- The password that an undone change of address took away: somebody else knew it, so it is not chosen again.
ALTER TABLE users ADD COLUMN withdrawn_hash TEXT;
