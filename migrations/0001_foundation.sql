-- The journal, the merchants and their transactions. Instants are microseconds since 1970 in UTC.

CREATE TABLE folder (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE merchants (
    id          TEXT PRIMARY KEY,
    provider    TEXT NOT NULL,
    label       TEXT,
    settings    TEXT NOT NULL,
    credentials TEXT NOT NULL,
    offices     TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

-- What a list shows. Narrow, so that a filter without an index still reads little.
CREATE TABLE exchanges (
    seq          INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    provider     TEXT NOT NULL,
    merchant     TEXT,
    attribution  TEXT NOT NULL,
    endpoint     TEXT,
    method       TEXT NOT NULL,
    target       TEXT NOT NULL,
    status       INTEGER,
    verdict      TEXT NOT NULL,
    failed_check TEXT,
    subject      TEXT,
    duration_us  INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL
) STRICT;

-- What one exchange consists of.
CREATE TABLE exchange_details (
    seq             INTEGER PRIMARY KEY,
    peer            TEXT NOT NULL,
    origin          TEXT NOT NULL,
    front_door      TEXT,
    request_headers TEXT NOT NULL,
    request_body    BLOB NOT NULL,
    request_note    TEXT,
    opened_request  TEXT,
    ladder          TEXT NOT NULL,
    reason          TEXT,
    scenario        TEXT,
    answer_headers  TEXT NOT NULL,
    answer_body     BLOB NOT NULL,
    answer_note     TEXT,
    opened_answer   TEXT,
    near_misses     TEXT,
    delivery        TEXT
) STRICT;

CREATE TABLE transactions (
    merchant   TEXT NOT NULL,
    kind       TEXT NOT NULL,
    key        TEXT NOT NULL,
    provider   TEXT NOT NULL,
    version    INTEGER NOT NULL,
    status     TEXT NOT NULL,
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (merchant, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE armed_rules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    provider   TEXT NOT NULL,
    merchant   TEXT,
    rule       TEXT NOT NULL,
    remaining  INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE active_scenarios (
    name         TEXT PRIMARY KEY,
    activated_at INTEGER NOT NULL
) STRICT;
