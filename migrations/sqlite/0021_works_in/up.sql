-- Which organization they worked in last, for their next login. It may be gone, or they may: whoever reads it asks for the
-- membership, too, so nothing has to be tidied up.
ALTER TABLE users ADD COLUMN works_in TEXT;
