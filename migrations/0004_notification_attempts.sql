-- What became of a notification: every attempt to deliver it, and when the next one is due by the
-- server's clock. No next instant: it is delivered, given up or blocked.

ALTER TABLE notifications ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notifications ADD COLUMN last_error TEXT;
ALTER TABLE notifications ADD COLUMN next_at INTEGER;
-- Whether its next attempt was asked for by a person, and no other one follows it.
ALTER TABLE notifications ADD COLUMN one_more INTEGER NOT NULL DEFAULT 0;
-- Scheme, host and port of its URL: at one of them only so many attempts are made at once.
ALTER TABLE notifications ADD COLUMN destination TEXT NOT NULL DEFAULT '';

UPDATE notifications SET next_at = due_at, destination = url WHERE status = 'queued';

CREATE INDEX notifications_next ON notifications (next_at, destination) WHERE next_at IS NOT NULL;

CREATE INDEX notifications_of_merchant ON notifications (merchant, id);

CREATE TABLE notification_attempts (
    notification INTEGER NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    http_status  INTEGER,
    error        TEXT,
    duration_us  INTEGER NOT NULL,
    answer       TEXT,
    content_type TEXT,
    sent_bytes   INTEGER,
    sent_sha256  TEXT,
    PRIMARY KEY (notification, number)
) STRICT, WITHOUT ROWID;
