ALTER TABLE organizations DROP COLUMN avatar;
ALTER TABLE users DROP COLUMN avatar;
DROP TABLE avatars;
