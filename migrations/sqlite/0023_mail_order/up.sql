-- In the order in which mails are sent: with ten thousand waiting, each one sent read and sorted all of them.
CREATE INDEX outbox_next ON outbox (state, (ends_at IS NULL), due_at, id);
