//! Every bound in one place, each with the reason for its value.

use std::time::Duration;

/// Largest request body that is read. PACO orders are under 20 KiB; ten times the largest airline
/// order seen in public clients leaves room and keeps memory bounded.
pub const REQUEST_BODY_BYTES: usize = 1024 * 1024;

/// How much of an oversized body is read and thrown away so that the client, still sending, can
/// read the refusal instead of a reset connection.
pub const DISCARDED_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// Bodies above this size wait for one of [`LARGE_BODIES_AT_ONCE`] places.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;

/// Large bodies held in memory at once: with [`REQUEST_BODY_BYTES`] at most 32 MiB.
pub const LARGE_BODIES_AT_ONCE: usize = 32;

/// Open connections of one emulator; further ones wait in the kernel's queue.
pub const CONNECTIONS: usize = 1024;

/// Longest request head that is read, all header lines together.
pub const REQUEST_HEAD_BYTES: usize = 64 * 1024;

/// Most header lines in a request.
pub const REQUEST_HEADERS: usize = 200;

/// How long a client may take over its TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of a request once it has begun, and how long an idle
/// connection is kept.
pub const REQUEST_HEAD: Duration = Duration::from_secs(60);

/// How long a client may take to send a body.
pub const REQUEST_BODY: Duration = Duration::from_secs(30);

/// How long open connections and unrecorded exchanges are waited for when the emulator stops.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Bytes kept of a connection's last message that could not be read as HTTP.
pub const UNREADABLE_PREFIX_BYTES: usize = 1024;

/// Longest body that the journal stores whole; a longer one is kept as a prefix of this length, its
/// length and its SHA-256.
pub const STORED_BODY_BYTES: usize = 1024 * 1024;

/// Longest text of evidence that the journal stores: a longer one is kept as its length and its
/// SHA-256. Checks quote a line of what came at most.
pub const STORED_TEXT_BYTES: usize = 64 * 1024;

/// Exchanges kept for each merchant; the oldest go first.
pub const EXCHANGES_PER_MERCHANT: u64 = 100_000;

/// Bytes of exchanges kept in all; the oldest go first.
pub const JOURNAL_BYTES: u64 = 1024 * 1024 * 1024;

/// How many exchanges are evicted at a time, so that eviction is not paid for on every commit.
pub const EVICTION_BATCH: u32 = 1_000;

/// Exchanges in one commit.
pub const RECORDER_BATCH: usize = 256;

/// Exchanges waiting for the recorder; further ones wait with their connection.
pub const RECORDER_QUEUE: usize = 1024;

/// How often an exchange is decided anew because another one changed its order first. Each loss
/// means that a competitor won, so the bound is only reached when this many others won in a row.
pub const STALE_RETRIES: usize = 1_000;

/// Transactions kept in memory beside the database, a few KiB each.
pub const CACHED_TRANSACTIONS: usize = 4_096;

/// Transactions of which it is known in memory that they exist, 16 bytes each: with more of them the
/// database is asked whether one does.
pub const KNOWN_TRANSACTIONS: usize = 200_000;

/// Bytes of state behind the rows of one provider's list: with large orders it ends before its usual
/// number of rows. Transactions themselves have no bound: they are what the gateway knows, and a
/// sandbox that forgot an order would lie. `POST /reset` clears them.
pub const LISTED_BYTES: usize = 16 * 1024 * 1024;

/// Most items on one page of a list of the admin API.
pub const PAGE_ITEMS: u32 = 1_000;

/// Items on a page of a list when the caller names no number.
pub const DEFAULT_PAGE_ITEMS: u32 = 50;

/// Longest time that a list waits for its first item.
pub const LIST_WAIT: Duration = Duration::from_secs(60);

/// Largest body that the admin API reads: a merchant with keys and settings is a few KiB, one with
/// reports of its own has them as text in JSON ([`OWN_REPORT_BYTES`]).
pub const ADMIN_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Longest time that the admin API works on one request.
pub const ADMIN_REQUEST: Duration = Duration::from_secs(90);

/// Longest time that a call of the admin API waits for its answer: shorter than [`ADMIN_REQUEST`], so
/// that it is the call that says so.
pub const CALL: Duration = Duration::from_secs(60);

/// Longest answer that a call reads; the largest that a provider makes is a list of orders.
pub const CALL_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Exchanges before the explained one that an explanation looks at: enough for a client that polls
/// or resends for some minutes.
pub const EARLIER_EXCHANGES: u32 = 300;

/// Longest header list, opened request and answer that are read of each of them.
pub const EARLIER_PART_BYTES: u32 = 16 * 1024;

/// Candidates that a near-miss search tries before it stops.
pub const NEAR_MISS_CANDIDATES: usize = 128;

/// Members that a JSON message may have in all. More are refused before anything looks at them.
pub const JSON_MEMBERS: usize = 20_000;

/// Largest report file that a merchant loads as its own; it is kept in memory.
pub const OWN_REPORT_BYTES: usize = 8 * 1024 * 1024;

/// Most rows of such a file, about as many short ones as [`OWN_REPORT_BYTES`] hold.
pub const OWN_REPORT_ROWS: usize = 100_000;

/// Merchants of one emulator.
pub const MERCHANTS: usize = 100_000;

/// Rules armed at once; an arming beyond it is refused.
pub const ARMED_RULES: usize = 10_000;

/// Longest fault delay: longer ones would outlive every client's own timeout.
pub const FAULT_DELAY: Duration = Duration::from_secs(300);

/// Shortest RSA modulus that an upload may have under `merchant_key_bits = min_2048`.
pub const SHORTEST_RSA_BITS: u32 = 2048;

/// Longest RSA modulus that is read: OpenSSL's own bound for public operations.
pub const LONGEST_RSA_BITS: u32 = 16_384;

/// Notifications kept for each merchant; the oldest go first, delivered or not. An order has one, and
/// a day of testing has fewer orders than this.
pub const NOTIFICATIONS_PER_MERCHANT: u32 = 10_000;

/// Attempts to deliver notifications under way at once, each with a connection of its own.
pub const NOTIFICATIONS_AT_ONCE: usize = 256;

/// How many of them may go to one destination, so that a dead one delays nobody else's.
pub const NOTIFICATIONS_PER_DESTINATION: usize = 4;

/// How long one attempt may take. A receiver that works answers in milliseconds.
pub const NOTIFICATION_ATTEMPT: Duration = Duration::from_secs(10);

/// Bytes that are read and kept of a receiver's answer: enough for "OK" and for a stack trace's head.
pub const NOTIFICATION_ANSWER_BYTES: usize = 1024;

/// Most attempts that a setting may ask for.
pub const NOTIFICATION_ATTEMPTS: usize = 20;

/// How long the machine waits before it asks a database again that could not say what is due, or could
/// not take down what became of it.
pub const NOTIFICATION_LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a receiver that let one attempt wait in vain is spared the others that were due by then:
/// time enough to note some hundreds as failed, and short enough for whoever mends a handler.
pub const NOTIFICATION_SILENCE: Duration = Duration::from_secs(2);

/// How often an attempt is offered to the database before it is made again.
pub const NOTIFICATION_RECORDINGS: u32 = 10;

/// How long an advance of the clock waits for deliveries in all: three attempts at a receiver that
/// hangs, and well within [`ADMIN_REQUEST`].
pub const CLOCK_DELIVERIES: Duration = Duration::from_secs(30);

/// How long a stop waits for threads that cannot be cancelled, such as a name look-up.
pub const THREADS_DRAIN: Duration = Duration::from_secs(1);

/// Pieces of a long body, of some 40 KiB each, that are made ahead of the client: so much of it is in
/// memory at once, however long it is and however many clients are behind.
pub const STREAM_PIECES: usize = 2;

/// Pieces of all long bodies that are made at this instant: threads are few, and each keeps some memory.
pub const PIECES_AT_ONCE: usize = 16;

/// Reports whose sums are worked out at once; further requests wait. One of a million rows takes a
/// core for a second.
pub const REPORTS_AT_ONCE: usize = 8;

/// Those of one merchant among them: one that asks for many leaves places to others.
pub const REPORTS_OF_A_MERCHANT: usize = 2;

/// Reports of one merchant that are worked out or wait for a place; further ones are refused, whether
/// or not somebody still waits for the answers.
pub const REPORTS_WAITING: usize = 16;
