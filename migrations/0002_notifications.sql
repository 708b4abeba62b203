-- Callbacks that an exchange has queued; committed together with it.

CREATE TABLE notifications (
    id         INTEGER PRIMARY KEY,
    merchant   TEXT NOT NULL,
    provider   TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    subject    TEXT NOT NULL,
    url        TEXT NOT NULL,
    payload    TEXT NOT NULL,
    status     TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
