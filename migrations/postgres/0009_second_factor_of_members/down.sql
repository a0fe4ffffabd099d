ALTER TABLE organizations DROP COLUMN requires_second_factor;
