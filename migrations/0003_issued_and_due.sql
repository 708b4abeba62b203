-- Names that were handed out, such as the id of a payment page, and what they stand for; and the
-- transactions that time alone will move, with the instant on their merchant's clock.

CREATE TABLE issued (
    provider TEXT NOT NULL,
    name     TEXT NOT NULL,
    merchant TEXT NOT NULL,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    PRIMARY KEY (provider, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE transactions ADD COLUMN due_at INTEGER;

CREATE INDEX transactions_newest ON transactions (merchant, kind, created_at DESC, key);

CREATE INDEX transactions_due ON transactions (due_at) WHERE due_at IS NOT NULL;
