ALTER TABLE users DROP COLUMN works_in;
