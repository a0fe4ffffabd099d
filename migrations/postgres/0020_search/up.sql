-- With the names in it: a search of somebody's thousands reads the index, and only what it finds of the table.
DROP INDEX tokens_holder;
CREATE INDEX tokens_holder ON tokens (holder, id, name_key);
