DROP INDEX tokens_holder;
CREATE INDEX tokens_holder ON tokens (holder, id);
