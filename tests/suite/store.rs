//! Every query of the store, because they are checked at run time only, and every older schema that
//! a data folder may still have.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sandgate::store::{
    AttemptChange, AttemptOutcome, Attribution, BlockChange, Change, Committed, Delivery, Entry,
    ExchangeDetail, ExchangeFilter, ExchangeSummary, LadderRung, MerchantRecord, NewNotification,
    NotificationAttempt, NotificationFilter, NotificationStatus, ResendChange, RungVerdict, Store,
    StoreError, TransactionChange, TransactionFilter, Verdict,
};
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;

#[tokio::test]
async fn a_data_folder_of_every_older_schema_keeps_its_rows_and_gains_the_new_tables() {
    let migrations = migration_files();
    for applied in 1..=migrations.len() {
        let folder = Folder::new();
        let mut old = folder.raw().await;
        apply(&migrations[..applied], &mut old).await;
        insert_rows_of_the_first_schema(&mut old).await;
        let owed = (2..4).contains(&applied);
        if owed {
            insert_a_callback_of_the_second_schema(&mut old).await;
        }
        old.close().await.expect("closes");

        let store = folder.open().await;

        let merchants = store.merchants().await.expect("readable");
        assert_eq!(merchants.len(), 1, "after {applied} migrations");
        assert_eq!(merchants[0], merchant("old-merchant"));
        let listed = store.exchanges(&ExchangeFilter::newest(10)).await.expect("readable");
        assert_eq!(seqs(&listed), [7], "after {applied} migrations");
        let detail = store.exchange(7).await.expect("readable").expect("still there");
        assert_eq!(detail.request_body, b"old body");
        assert_eq!(detail.delivery, Some(Delivery::Sent));
        let order = store.transaction("old-merchant", "order", "OLD-1").await.expect("readable");
        assert_eq!(order.expect("still there").version, 3);
        assert_eq!(store.armed_rules().await.expect("readable").len(), 1);
        assert_eq!(store.active_scenarios().await.expect("readable"), ["old-file"]);
        let kept = store.folder_value("old-name").await.expect("readable");
        assert_eq!(kept.as_deref(), Some("old value"));
        assert_eq!(store.last_sequence().await.expect("readable"), 7);

        let mut later = entry(8, "old-merchant");
        later.changes.push(order_change("old-merchant", "OLD-1", Some(3), "settled"));
        later.notifications.push(callback("old-merchant", "OLD-1"));
        assert_eq!(store.commit(&[later]).await.expect("writable"), [Committed::Written]);
        let callbacks = store.notifications(&of("old-merchant")).await.expect("readable");
        assert_eq!(callbacks.len(), 1 + usize::from(owed), "after {applied} migrations");
        if owed {
            let due = store.due_notifications(at(60), &[], 9).await.expect("readable");
            assert_eq!(due[0].url, "http://127.0.0.1:9/old", "after {applied} migrations");
        }
    }
}

#[tokio::test]
async fn an_empty_folder_gets_the_whole_schema_and_a_second_opening_changes_nothing() {
    let folder = Folder::new();
    let first = folder.open().await;
    first.set_folder_value("name", "one").await.expect("writable");
    first.set_folder_value("name", "two").await.expect("writable");
    first.close().await;

    let second = folder.open().await;

    let value = second.folder_value("name").await.expect("readable");
    assert_eq!(value.as_deref(), Some("two"));
    assert_eq!(second.folder_value("other").await.expect("readable"), None);
    assert_eq!(second.last_sequence().await.expect("readable"), 0);
    assert_eq!(second.evicted_until().await.expect("readable"), 0);
    let applied: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
        .fetch_all(&mut folder.raw().await)
        .await
        .expect("readable");
    assert_eq!(applied.len(), migration_files().len());
}

#[tokio::test]
async fn the_schema_of_a_newer_version_is_refused_with_what_to_do() {
    let folder = Folder::new();
    folder.open().await.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', true, x'00', 0)",
    )
    .execute(&mut folder.raw().await)
    .await
    .expect("writable");

    let versions = Store::schema_versions(&folder.file()).await.expect("readable");
    let refused = Store::open(&folder.file()).await.expect_err("a newer schema");

    assert_eq!(versions.stored, 9999);
    assert!((1..9999).contains(&versions.known), "{versions:?}");
    assert!(matches!(refused, StoreError::Migration(_)), "{refused:?}");
    assert!(refused.to_string().contains("--data-dir"), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    let folder = Folder::new();
    fs::write(
        folder.file(),
        "somebody's notes, longer than a database's own header of a hundred \
                              bytes, so that nothing mistakes them for an empty one",
    )
    .expect("writable");
    let before = fs::read(folder.file()).expect("readable");

    let refused = Store::open(&folder.file()).await;

    assert!(refused.is_err());
    assert_eq!(fs::read(folder.file()).expect("readable"), before);
}

#[tokio::test]
async fn the_exchanges_before_one_are_its_merchant_s_newest_first_without_what_is_long() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut long = entry(2, "m");
    let detail = detail_of(&mut long);
    detail.answer_body = vec![b'x'; 16 * 1024 + 1];
    detail.opened_request = Some(json!({"a": "y".repeat(16 * 1024)}));
    detail.request_headers = vec![("x-long".to_owned(), "z".repeat(16 * 1024))];
    let mut whole = entry(3, "m");
    let detail = detail_of(&mut whole);
    detail.answer_body = b"{}".to_vec();
    detail.opened_request = Some(json!({"a": 1}));
    detail.request_headers = vec![("x-short".to_owned(), "z".to_owned())];
    detail.scenario = Some("a rule".to_owned());
    let entries = [entry(1, "m"), long, whole, entry(4, "other"), entry(5, "m"), entry(6, "m")];
    store.commit(&entries).await.expect("writable");

    let before = store.exchanges_before("m", 5).await.expect("readable");

    let numbers: Vec<i64> = before.iter().map(|exchange| exchange.seq).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(before[0].at, at(3));
    assert_eq!(before[0].answer_body, b"{}");
    assert_eq!(before[0].opened_request, Some(json!({"a": 1})));
    assert_eq!(before[0].request_headers.len(), 1);
    assert_eq!(before[0].scenario.as_deref(), Some("a rule"));
    assert_eq!(before[0].attribution, Attribution::Proven);
    assert_eq!(before[0].verdict, Verdict::Accepted);
    assert!(before[1].answer_body.is_empty() && before[1].request_headers.is_empty());
    assert_eq!(before[1].opened_request, None);
    let many: Vec<_> = (7..=320).map(|seq| entry(seq, "m")).collect();
    store.commit(&many).await.expect("writable");
    assert_eq!(store.exchanges_before("m", 321).await.expect("readable").len(), 300);
}

#[tokio::test]
async fn an_exchange_comes_back_as_it_was_recorded() {
    let folder = Folder::new();
    let store = folder.open().await;
    let full = full_exchange(1);
    let mut bare = entry(2, "m");
    detail_of(&mut bare).summary.merchant = None;
    detail_of(&mut bare).summary.attribution = Attribution::None;
    detail_of(&mut bare).summary.verdict = Verdict::HandshakeFailed;
    detail_of(&mut bare).summary.status = None;
    detail_of(&mut bare).summary.endpoint = None;
    let expected = [format!("{full:?}"), format!("{:?}", detail_of(&mut bare))];

    let outcome = store.commit(&[only(full), bare]).await.expect("writable");

    assert_eq!(outcome, [Committed::Written; 2]);
    for (seq, expected) in [(1, &expected[0]), (2, &expected[1])] {
        let found = store.exchange(seq).await.expect("readable").expect("recorded");
        assert_eq!(&format!("{found:?}"), expected);
    }
    assert!(store.exchange(3).await.expect("readable").is_none());
}

#[tokio::test]
async fn a_batch_of_any_size_is_recorded_whole() {
    let folder = Folder::new();
    let store = folder.open().await;
    // 64, 16, 4 and 1 rows a statement, each at least once.
    let batch: Vec<Entry> = (1..=86).map(|seq| entry(seq, "m")).collect();

    let outcomes = store.commit(&batch).await.expect("writable");

    assert_eq!(outcomes, vec![Committed::Written; 86]);
    let listed = store.exchanges(&ExchangeFilter::newest(100)).await.expect("readable");
    assert_eq!(seqs(&listed), (1..=86).rev().collect::<Vec<i64>>());
    for seq in 1..=86 {
        assert!(store.exchange(seq).await.expect("readable").is_some(), "{seq}");
    }
    assert!(store.commit(&[]).await.expect("writable").is_empty());
}

#[tokio::test]
async fn each_filter_of_the_journal_leaves_out_what_it_should() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut entries: Vec<Entry> = (1..=4).map(|seq| entry(seq, "m")).collect();
    detail_of(&mut entries[0]).summary.provider = "other".into();
    detail_of(&mut entries[1]).summary.merchant = None;
    detail_of(&mut entries[1]).summary.endpoint = Some("Refund".into());
    detail_of(&mut entries[2]).summary.status = Some(403);
    detail_of(&mut entries[2]).summary.verdict = Verdict::Refused;
    detail_of(&mut entries[3]).summary.merchant = Some("n".to_owned());
    store.commit(&entries).await.expect("writable");
    let cases: [(&str, Narrow<ExchangeFilter>, &[i64]); 13] = [
        ("nothing", |_| (), &[4, 3, 2, 1]),
        ("provider", |filter| filter.provider = Some("other".to_owned()), &[1]),
        ("merchant", |filter| filter.merchant = Some(Some("m".to_owned())), &[3, 1]),
        ("nobody", |filter| filter.merchant = Some(None), &[2]),
        ("endpoint", |filter| filter.endpoint = Some("refund".to_owned()), &[2]),
        ("status", |filter| filter.status = Some(403), &[3]),
        ("verdict", |filter| filter.verdict = Some(Verdict::Refused), &[3]),
        ("since", |filter| filter.since = Some(at(3)), &[4, 3]),
        ("before", |filter| filter.before = Some(3), &[2, 1]),
        ("after", |filter| filter.after = Some(3), &[4]),
        ("limit", |filter| filter.limit = 1, &[4]),
        ("before and limit", |filter| (filter.before, filter.limit) = (Some(4), 1), &[3]),
        (
            "status and before",
            |filter| (filter.status, filter.before) = (Some(200), Some(3)),
            &[2, 1],
        ),
    ];

    for (name, narrow, expected) in cases {
        let mut filter = ExchangeFilter::newest(10);
        narrow(&mut filter);
        let listed = store.exchanges(&filter).await.expect("readable");
        assert_eq!(seqs(&listed), expected, "filter by {name}");
    }
    assert!(ExchangeFilter::newest(u32::MAX).limit <= sandgate::limits::PAGE_ITEMS);
}

#[tokio::test]
async fn what_an_entry_changes_and_queues_is_committed_with_it() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut made = entry(1, "m");
    made.changes.push(order_change("m", "A", None, "pending"));
    made.notifications.push(callback("m", "A"));
    let mut moved = entry(2, "m");
    moved.changes.push(order_change("m", "A", Some(1), "settled"));

    let outcome = store.commit(&[made, moved]).await.expect("writable");

    assert_eq!(outcome, [Committed::Written; 2]);
    let order = store.transaction("m", "order", "A").await.expect("readable").expect("made");
    assert_eq!((order.version, order.status.as_str()), (2, "settled"));
    assert_eq!(order.state, r#"{"status":"settled"}"#);
    assert_eq!(order.provider, "paco");
    assert_eq!(order.created_at, at(50));
    let queued = store.notifications(&of("m")).await.expect("readable");
    assert_eq!(queued.len(), 1);
    let callback = &queued[0];
    assert_eq!((callback.seq, callback.subject.as_str()), (1, "A"));
    assert_eq!((callback.status, callback.due_at), (NotificationStatus::Queued, at(60)));
    assert_eq!((callback.attempts, callback.next_at), (0, Some(at(60))));
    assert_eq!(callback.payload, json!({"orderNo": "A"}));
    assert!(store.notifications(&of("n")).await.expect("readable").is_empty());
    assert!(
        store.notifications(&NotificationFilter::default()).await.expect("readable").is_empty()
    );
}

#[tokio::test]
async fn attempts_are_kept_in_order_and_move_their_callback() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut made = entry(1, "m");
    made.notifications.push(callback("m", "A"));
    store.commit(&[made]).await.expect("writable");
    let due = store.due_notifications(at(60), &[], 9).await.expect("readable");
    assert_eq!((due[0].id, due[0].seq), (1, 1));
    assert_eq!(due[0].destination, "http://127.0.0.1:9");
    assert_eq!(store.unfinished_notifications(at(60)).await.expect("readable"), 1);
    assert_eq!(store.unfinished_notifications(at(59)).await.expect("readable"), 0);
    assert!(store.due_notifications(at(59), &[], 9).await.expect("readable").is_empty());
    let full = store.due_notifications(at(60), &["http://127.0.0.1:9"], 9).await;
    assert!(full.expect("readable").is_empty());
    assert_eq!(store.next_notification(at(0)).await.expect("readable"), Some(at(60)));
    assert_eq!(store.next_notification(at(60)).await.expect("readable"), None);

    let first = store.commit(&[tried(1, 1, Some(at(90)))]).await.expect("writable");
    let twice = store.commit(&[tried(1, 1, None)]).await.expect("writable");
    let another = store.commit(&[tried(2, 2, None)]).await.expect("writable");
    let waiting = store.notification(1).await.expect("readable").expect("it is there");
    let second = store.commit(&[tried(1, 2, None)]).await.expect("writable");

    assert_eq!([first[0], second[0]], [Committed::Written; 2]);
    assert_eq!([twice[0], another[0]], [Committed::Stale; 2], "made already; of another exchange");
    assert_eq!((waiting.attempts, waiting.next_at), (1, Some(at(90))));
    assert_eq!(waiting.last_error.as_deref(), Some("it answered 500"));
    let delivered = store.notification(1).await.expect("readable").expect("it is there");
    assert_eq!((delivered.status, delivered.attempts), (NotificationStatus::Delivered, 2));
    assert_eq!((delivered.next_at, delivered.last_error), (None, None));
    let attempts = store.notification_attempts(1).await.expect("readable");
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Failed, AttemptOutcome::Delivered]);
    let Change::Attempt(wanted) = tried(1, 2, None).changes.remove(0) else {
        panic!("it is an attempt")
    };
    assert_eq!(attempts[1], wanted.attempt);
}

#[tokio::test]
async fn what_is_due_at_a_forbidden_destination_is_blocked_all_at_once() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut made = entry(1, "m");
    made.notifications = vec![callback("m", "A"), callback("m", "B"), callback("m", "C")];
    made.notifications[1].url = "http://127.0.0.1:8/other".to_owned();
    made.notifications[2].due_at = at(90);
    store.commit(&[made]).await.expect("writable");
    let block = || {
        let change = Change::Block(BlockChange {
            destination: "http://127.0.0.1:9".to_owned(),
            reason: "no; ask".to_owned(),
            at: at(60),
        });
        Entry::of_change(1, change)
    };

    let outcome = store.commit(&[block(), block()]).await.expect("writable");

    assert_eq!(outcome, [Committed::Written, Committed::Stale]);
    let listed = store.notifications(&of("m")).await.expect("readable");
    let statuses: Vec<_> = listed.iter().map(|one| (one.subject.as_str(), one.status)).collect();
    let (queued, blocked) = (NotificationStatus::Queued, NotificationStatus::Blocked);
    assert_eq!(statuses, [("C", queued), ("B", queued), ("A", blocked)]);
    assert_eq!((listed[2].attempts, listed[2].next_at), (1, None));
    let attempts = store.notification_attempts(1).await.expect("readable");
    assert_eq!((attempts.len(), attempts[0].at), (1, at(60)));
    assert_eq!(attempts[0].outcome, AttemptOutcome::Blocked);
    assert_eq!(attempts[0].error.as_deref(), Some("http://127.0.0.1:9/callback: no; ask"));
    assert_eq!(attempts[0].error, listed[2].last_error);
}

#[tokio::test]
async fn one_more_attempt_is_asked_for_once_and_goes_with_its_callback() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut made = entry(1, "m");
    made.notifications.push(callback("m", "A"));
    store.commit(&[made, tried(1, 1, None)]).await.expect("writable");
    let ask = |attempts| {
        let change = Change::Resend(ResendChange {
            notification: 1,
            seq: 1,
            attempts,
            at: at(70),
        });
        Entry::of_change(1, change)
    };

    let outcome = store.commit(&[ask(1), ask(2)]).await.expect("writable");

    assert!(ask(1).queues_notifications());
    assert_eq!(outcome, [Committed::Written, Committed::Stale]);
    let asked = store.notification(1).await.expect("readable").expect("it is there");
    assert_eq!((asked.status, asked.next_at), (NotificationStatus::Queued, Some(at(70))));
    assert!(asked.one_more);
    store.reset(Some("m")).await.expect("writable");
    assert!(store.notification(1).await.expect("readable").is_none());
    assert!(store.notification_attempts(1).await.expect("readable").is_empty());
}

#[tokio::test]
async fn of_each_merchant_s_callbacks_the_oldest_go_first() {
    let folder = Folder::new();
    let store = folder.open().await;
    let kept = i64::from(sandgate::limits::NOTIFICATIONS_PER_MERCHANT);
    let mut few = entry(1, "few");
    few.notifications.push(callback("few", "F"));
    store.commit(&[few]).await.expect("writable");
    let mut many = entry(2, "many");
    many.notifications = (0..kept + 1_500).map(|_| callback("many", "M")).collect();
    store.commit(&[many]).await.expect("writable");

    let oldest: i64 =
        sqlx::query_scalar("SELECT MIN(id) FROM notifications WHERE merchant = 'many'")
            .fetch_one(&mut folder.raw().await)
            .await
            .expect("readable");

    assert_eq!(store.notifications(&of("few")).await.expect("readable").len(), 1);
    assert_eq!(oldest, 1_001, "counted at every thousandth, the last time at 11,000");
}

#[tokio::test]
async fn a_stale_entry_leaves_nothing_behind_while_its_neighbours_are_written() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut first = entry(1, "m");
    first.changes.push(order_change("m", "A", None, "pending"));
    store.commit(&[first]).await.expect("writable");
    let mut winner = entry(2, "m");
    winner.changes.push(order_change("m", "A", Some(1), "settled"));
    // The first of its changes would hold, the second is out of date: neither may be written.
    let mut loser = entry(3, "m");
    loser.changes.push(order_change("m", "B", None, "pending"));
    loser.changes.push(order_change("m", "A", Some(1), "voided"));
    loser.notifications.push(callback("m", "B"));
    let mut twin = entry(4, "m");
    twin.changes.push(order_change("m", "A", None, "pending"));
    let mut missing = entry(5, "m");
    missing.changes.push(order_change("m", "C", Some(1), "settled"));
    let neighbour = entry(6, "m");

    let outcome = store.commit(&[winner, loser, twin, missing, neighbour]).await.expect("writable");

    let (written, stale) = (Committed::Written, Committed::Stale);
    assert_eq!(outcome, [written, stale, stale, stale, written]);
    let listed = store.exchanges(&ExchangeFilter::newest(10)).await.expect("readable");
    assert_eq!(seqs(&listed), [6, 2, 1]);
    assert!(store.exchange(3).await.expect("readable").is_none());
    let order = store.transaction("m", "order", "A").await.expect("readable").expect("made");
    assert_eq!((order.version, order.status.as_str()), (2, "settled"));
    assert!(store.transaction("m", "order", "B").await.expect("readable").is_none());
    assert!(store.transaction("m", "order", "C").await.expect("readable").is_none());
    assert!(store.notifications(&of("m")).await.expect("readable").is_empty());
}

#[tokio::test]
async fn of_two_that_make_one_transaction_in_one_batch_the_first_is_written() {
    for with_callbacks in [false, true] {
        let folder = Folder::new();
        let store = folder.open().await;
        let made = |seq| {
            let mut made = entry(seq, "m");
            made.changes.push(order_change("m", "A", None, "pending"));
            made.notifications.extend(with_callbacks.then(|| callback("m", "A")));
            made
        };
        let neighbour = entry(3, "m");

        let outcome = store.commit(&[made(1), made(2), neighbour]).await.expect("writable");

        let (written, stale) = (Committed::Written, Committed::Stale);
        assert_eq!(outcome, [written, stale, written]);
        assert_eq!(remaining(&store).await, [3, 1]);
        let order = store.transaction("m", "order", "A").await.expect("readable").expect("made");
        assert_eq!((order.version, order.created_at), (1, at(50)));
        let queued = store.notifications(&of("m")).await.expect("readable");
        assert_eq!(queued.len(), usize::from(with_callbacks));
    }
}

#[tokio::test]
async fn a_batch_larger_than_a_statement_is_written_whole_or_not_at_all() {
    let folder = Folder::new();
    let store = folder.open().await;
    let entries: Vec<Entry> = (1..=70).map(|seq| entry(seq, "m")).collect();

    let outcome = store.commit(&entries).await.expect("writable");

    assert_eq!(outcome, [Committed::Written; 70]);
    let again: Vec<Entry> = (71..=139).chain([1]).map(|seq| entry(seq, "m")).collect();
    assert!(store.commit(&again).await.is_err(), "number 1 is taken");
    assert_eq!(remaining(&store).await.len(), 70);
}

#[tokio::test]
async fn a_decision_from_before_a_reset_does_not_touch_a_row_of_the_same_name_made_after_it() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut before = entry(1, "m");
    before.changes.push(order_change("m", "A", None, "pending"));
    store.commit(&[before]).await.expect("writable");
    let decided_on = store.transaction("m", "order", "A").await.expect("readable").expect("made");
    store.reset(Some("m")).await.expect("writable");
    let mut again = entry(2, "m");
    again.changes.push(order_change("m", "A", None, "new"));
    store.commit(&[again]).await.expect("writable");
    let mut late = entry(3, "m");
    late.changes.push(order_change("m", "A", Some(decided_on.version), "voided"));

    let outcome = store.commit(&[late]).await.expect("writable");

    assert_eq!(outcome, [Committed::Stale]);
    let order = store.transaction("m", "order", "A").await.expect("readable").expect("made");
    assert_eq!(order.status, "new");
}

#[tokio::test]
async fn a_commit_that_fails_writes_nothing_and_the_next_one_works() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.commit(&[entry(1, "m")]).await.expect("writable");
    let mut sound = entry(2, "m");
    sound.changes.push(order_change("m", "A", None, "pending"));
    sound.notifications.push(callback("m", "A"));

    let refused = store.commit(&[sound, entry(1, "m")]).await;

    assert!(matches!(refused, Err(StoreError::Database { .. })), "{refused:?}");
    assert!(store.transaction("m", "order", "A").await.expect("readable").is_none());
    assert!(store.notifications(&of("m")).await.expect("readable").is_empty());
    let listed = store.exchanges(&ExchangeFilter::newest(10)).await.expect("readable");
    assert_eq!(seqs(&listed), [1]);
    let after = store.commit(&[entry(2, "m")]).await.expect("writable again");
    assert_eq!(after, [Committed::Written]);
}

#[tokio::test]
async fn an_armed_rule_is_used_as_often_as_it_was_armed_for() {
    let folder = Folder::new();
    let store = folder.open().await;
    let twice = store.arm("paco", Some("m"), "{\"n\":1}", Some(2), at(1)).await.expect("armed");
    let always = store.arm("paco", None, "{\"n\":2}", None, at(2)).await.expect("armed");
    let using = |seq, id| {
        let mut entry = entry(seq, "m");
        entry.changes.push(Change::UseRule { id });
        entry
    };

    let outcome = store
        .commit(&[
            using(1, twice),
            using(2, always),
            using(3, twice),
            using(4, twice),
            using(5, always),
        ])
        .await
        .expect("writable");

    let (written, stale) = (Committed::Written, Committed::Stale);
    assert_eq!(outcome, [written, written, written, stale, written]);
    let left = store.armed_rules().await.expect("readable");
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].id, left[0].remaining), (always, None));
    assert_eq!((left[0].merchant.as_deref(), left[0].rule.as_str()), (None, "{\"n\":2}"));
}

#[tokio::test]
async fn rules_are_listed_as_armed_and_disarmed_once() {
    let folder = Folder::new();
    let store = folder.open().await;
    let first = store.arm("paco", Some("m"), "{}", Some(1), at(9)).await.expect("armed");
    let second = store.arm("paynet", None, "{}", None, at(1)).await.expect("armed");

    let listed = store.armed_rules().await.expect("readable");

    let ids: Vec<i64> = listed.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, [first, second]);
    assert_eq!(listed[0].provider, "paco");
    assert_eq!((listed[0].merchant.as_deref(), listed[0].remaining), (Some("m"), Some(1)));
    assert!(store.disarm(first).await.expect("writable"));
    assert!(!store.disarm(first).await.expect("writable"));
    let third = store.arm("paco", None, "{}", None, at(3)).await.expect("armed");
    assert!(third > second, "a rule's number is never given twice");
}

#[tokio::test]
async fn the_scenario_activated_last_comes_first() {
    let folder = Folder::new();
    let store = folder.open().await;
    for (name, second) in [("a", 1), ("b", 2), ("c", 3)] {
        store.set_scenario_active(name, true, at(second)).await.expect("writable");
    }
    store.set_scenario_active("a", true, at(4)).await.expect("writable");
    store.set_scenario_active("b", false, at(5)).await.expect("writable");
    store.set_scenario_active("never", false, at(5)).await.expect("writable");

    let active = store.active_scenarios().await.expect("readable");

    assert_eq!(active, ["a", "c"]);
}

#[tokio::test]
async fn a_merchant_is_added_once_and_outlived_by_its_exchanges() {
    let folder = Folder::new();
    let store = folder.open().await;
    let second = MerchantRecord {
        label: None,
        ..merchant("b")
    };

    assert!(store.add_merchant(&second).await.expect("writable"));
    assert!(store.add_merchant(&merchant("a")).await.expect("writable"));
    let again = MerchantRecord {
        provider: "paynet".to_owned(),
        ..merchant("a")
    };
    assert!(!store.add_merchant(&again).await.expect("writable"));
    store.commit(&[entry(1, "a")]).await.expect("writable");

    assert_eq!(store.merchants().await.expect("readable"), [merchant("a"), second.clone()]);
    assert!(store.delete_merchant("a").await.expect("writable"));
    assert!(!store.delete_merchant("a").await.expect("writable"));
    assert_eq!(store.merchants().await.expect("readable"), [second]);
    assert!(store.exchange(1).await.expect("readable").is_some());
}

#[tokio::test]
async fn transactions_are_listed_the_last_changed_first_and_page_by_page() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut entries: Vec<Entry> = (1..=4).map(|seq| entry(seq, "m")).collect();
    for (number, (merchant, key, status, second)) in [
        ("m", "A", "pending", 10),
        ("m", "B", "settled", 30),
        ("n", "C", "settled", 20),
        ("m", "D", "settled", 20),
    ]
    .into_iter()
    .enumerate()
    {
        let Change::Transaction(change) = order_change(merchant, key, None, status) else {
            unreachable!("an order is a transaction");
        };
        let provider = if key == "A" { "paynet" } else { "paco" }.to_owned();
        let change = TransactionChange {
            at: at(second),
            provider,
            ..change
        };
        entries[number].changes.push(Change::Transaction(change));
    }
    store.commit(&entries).await.expect("writable");
    let cases: [(&str, Narrow<TransactionFilter>, &[&str]); 8] = [
        ("nothing", |_| (), &["D", "C", "B", "A"]),
        ("provider", |filter| filter.provider = Some("paynet".to_owned()), &["A"]),
        ("merchant", |filter| filter.merchant = Some("n".to_owned()), &["C"]),
        ("key", |filter| filter.key = Some("D".to_owned()), &["D"]),
        ("status", |filter| filter.status = Some("settled".to_owned()), &["D", "C", "B"]),
        ("skip", |filter| filter.skip = 3, &["A"]),
        ("limit", |filter| filter.limit = 2, &["D", "C"]),
        ("page", |filter| (filter.skip, filter.limit) = (1, 2), &["C", "B"]),
    ];

    for (name, narrow, expected) in cases {
        let mut filter = TransactionFilter {
            limit: 10,
            ..TransactionFilter::default()
        };
        narrow(&mut filter);
        let listed = store.transactions(&filter).await.expect("readable");
        let keys: Vec<&str> = listed.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, expected, "filter by {name}");
    }
    assert!(store.transaction("n", "order", "A").await.expect("readable").is_none());
    assert!(store.transaction("m", "refund", "A").await.expect("readable").is_none());
}

#[tokio::test]
async fn how_an_answer_left_is_noted_afterwards() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.commit(&[entry(1, "m"), entry(2, "m")]).await.expect("writable");

    store.note_delivery(1, Delivery::ClientLeft).await.expect("writable");
    store.note_delivery(99, Delivery::Sent).await.expect("an evicted exchange is no error");

    let delivery =
        async |seq| store.exchange(seq).await.expect("readable").expect("there").delivery;
    assert_eq!(delivery(1).await, Some(Delivery::ClientLeft));
    assert_eq!(delivery(2).await, None);
}

#[tokio::test]
async fn the_oldest_exchanges_are_evicted_of_one_merchant_of_nobody_or_of_all() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut entries: Vec<Entry> = (1..=6).map(|seq| entry(seq, "m")).collect();
    detail_of(&mut entries[1]).summary.merchant = Some("n".to_owned());
    detail_of(&mut entries[2]).summary.merchant = None;
    detail_of(&mut entries[3]).request_body = vec![b'x'; 10_000];
    store.commit(&entries).await.expect("writable");
    let before = bytes_held(&store).await;

    let of_one = store.evict_oldest(Some(Some("m")), 2).await.expect("writable");

    let freed: u64 = of_one.iter().map(|gone| gone.bytes).sum();
    assert_eq!(of_one.iter().map(|gone| gone.exchanges).sum::<u64>(), 2);
    assert!(of_one.iter().all(|gone| gone.merchant.as_deref() == Some("m")));
    assert!(freed > 10_000, "the body counts: {freed}");
    assert_eq!(bytes_held(&store).await, before - freed);
    assert_eq!(store.evicted_until().await.expect("readable"), 4);
    assert_eq!(remaining(&store).await, [6, 5, 3, 2]);

    let of_nobody = store.evict_oldest(Some(None), 10).await.expect("writable");
    assert_eq!(of_nobody.len(), 1);
    assert_eq!(of_nobody[0].merchant, None);
    assert_eq!(store.evicted_until().await.expect("readable"), 4, "the highest number stays");
    assert_eq!(remaining(&store).await, [6, 5, 2]);

    let of_all = store.evict_oldest(None, 2).await.expect("writable");
    assert_eq!(of_all.len(), 2);
    assert_eq!(store.evicted_until().await.expect("readable"), 5);
    assert_eq!(remaining(&store).await, [6]);
    assert!(store.exchange(5).await.expect("readable").is_none());
    assert_eq!(detail_rows(&folder).await, 1, "the details go with their exchange");

    assert!(store.evict_oldest(Some(Some("z")), 5).await.expect("writable").is_empty());
    assert_eq!(store.evicted_until().await.expect("readable"), 5);
}

#[tokio::test]
async fn what_is_retained_is_counted_by_merchant() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut entries: Vec<Entry> = (1..=3).map(|seq| entry(seq, "m")).collect();
    detail_of(&mut entries[2]).summary.merchant = None;
    store.commit(&entries).await.expect("writable");

    let mut held = store.retention().await.expect("readable");

    held.sort_by(|left, right| left.merchant.cmp(&right.merchant));
    let counted: Vec<_> =
        held.iter().map(|held| (held.merchant.as_deref(), held.exchanges)).collect();
    assert_eq!(counted, [(None, 1), (Some("m"), 2)]);
    assert!(held.iter().all(|held| held.bytes > 0));
}

#[tokio::test]
async fn a_reset_of_one_merchant_leaves_the_others_alone() {
    let folder = Folder::new();
    let store = folder.open().await;
    fill(&store).await;

    store.reset(Some("m")).await.expect("writable");

    assert_eq!(remaining(&store).await, [2]);
    assert_eq!(detail_rows(&folder).await, 1);
    assert!(store.transaction("m", "order", "A").await.expect("readable").is_none());
    assert!(store.transaction("n", "order", "A").await.expect("readable").is_some());
    assert!(store.notifications(&of("m")).await.expect("readable").is_empty());
    assert_eq!(store.notifications(&of("n")).await.expect("readable").len(), 1);
    let rules = store.armed_rules().await.expect("readable");
    let scopes: Vec<_> = rules.iter().map(|rule| rule.merchant.as_deref()).collect();
    assert_eq!(scopes, [Some("n"), None]);
    assert_eq!(store.active_scenarios().await.expect("readable"), ["file"]);
    assert_eq!(store.merchants().await.expect("readable").len(), 2);
}

#[tokio::test]
async fn a_reset_of_all_keeps_merchants_and_never_gives_a_number_twice() {
    let folder = Folder::new();
    let store = folder.open().await;
    fill(&store).await;

    store.reset(None).await.expect("writable");

    assert!(remaining(&store).await.is_empty());
    assert_eq!(detail_rows(&folder).await, 0);
    assert!(store.transaction("n", "order", "A").await.expect("readable").is_none());
    assert!(store.notifications(&of("n")).await.expect("readable").is_empty());
    assert!(store.armed_rules().await.expect("readable").is_empty());
    assert!(store.active_scenarios().await.expect("readable").is_empty());
    assert_eq!(store.merchants().await.expect("readable").len(), 2);
    assert_eq!(store.last_sequence().await.expect("readable"), 3);
    store.reset(None).await.expect("an empty journal can be reset");
    assert_eq!(store.last_sequence().await.expect("readable"), 3);
}

#[tokio::test]
async fn a_number_is_not_given_twice_after_its_merchant_was_reset() {
    let folder = Folder::new();
    let store = folder.open().await;
    fill(&store).await;

    store.reset(Some("m")).await.expect("writable");

    assert_eq!(remaining(&store).await, [2], "the newest exchange, 3, was the merchant's");
    assert_eq!(store.last_sequence().await.expect("readable"), 3);
    store.reset(None).await.expect("writable");
    assert_eq!(store.last_sequence().await.expect("readable"), 3);
}

#[tokio::test]
async fn a_number_is_not_given_twice_after_its_exchange_was_evicted() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.commit(&[entry(1, "m"), entry(2, "m")]).await.expect("writable");

    store.evict_oldest(None, 10).await.expect("writable");

    assert!(remaining(&store).await.is_empty());
    assert_eq!(store.last_sequence().await.expect("readable"), 2);
}

#[tokio::test]
async fn a_row_changed_by_other_hands_is_named() {
    let folder = Folder::new();
    let store = folder.open().await;
    store.commit(&[entry(1, "m"), entry(2, "m")]).await.expect("writable");
    store.add_merchant(&merchant("m")).await.expect("writable");
    let mut raw = folder.raw().await;
    for statement in [
        "UPDATE exchanges SET verdict = 'perhaps' WHERE seq = 1",
        "UPDATE exchange_details SET ladder = 'no json' WHERE seq = 2",
        "UPDATE merchants SET settings = '{'",
    ] {
        sqlx::query(statement).execute(&mut raw).await.expect("writable");
    }

    let found = [
        store.exchange(1).await.expect_err("an unknown verdict").to_string(),
        store.exchange(2).await.expect_err("a broken ladder").to_string(),
        store.exchanges(&ExchangeFilter::newest(10)).await.expect_err("the same").to_string(),
        store.merchants().await.expect_err("broken settings").to_string(),
    ];

    for (message, named) in found.iter().zip([
        "exchanges, row 1",
        "exchanges, row 2",
        "exchanges, row 1",
        "merchants, row m: settings",
    ]) {
        assert!(message.contains(named), "{message}");
    }
}

/// Narrows a filter that lets everything through.
type Narrow<F> = fn(&mut F);

/// A temporary data folder.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("sandgate.db")
    }

    async fn open(&self) -> Store {
        Store::open(&self.file()).await.expect("opens")
    }

    async fn raw(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.file())
            .create_if_missing(true)
            .connect()
            .await
            .expect("opens")
    }
}

/// The shipped migrations in the order of their numbers.
fn migration_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    assert!(files.len() >= 2, "an older schema needs a newer one");
    files
}

/// Brings a database to where a version that knew only these migrations left it.
async fn apply(migrations: &[PathBuf], database: &mut SqliteConnection) {
    let folder = TempDir::new().expect("a temporary folder");
    for file in migrations {
        let name = file.file_name().expect("a file has a name");
        fs::copy(file, folder.path().join(name)).expect("copies");
    }
    let migrator = Migrator::new(folder.path()).await.expect("the migrations are readable");
    migrator.run(database).await.expect("the migrations apply");
}

/// Rows in the words of the first schema: written out here, because the store of today may write
/// columns that it did not have.
async fn insert_rows_of_the_first_schema(database: &mut SqliteConnection) {
    for statement in [
        "INSERT INTO folder (name, value) VALUES ('old-name', 'old value')",
        r#"INSERT INTO merchants (id, provider, label, settings, credentials, offices, created_at)
           VALUES ('old-merchant', 'paco', 'Label', '{"profile":"observed"}',
                   '{"access_token":"t"}', '[{"id":"O"}]', 5000000)"#,
        "INSERT INTO exchanges (seq, at, provider, merchant, attribution, endpoint, method, target,
                                status, verdict, failed_check, subject, duration_us, stored_bytes)
         VALUES (7, 1000000, 'paco', 'old-merchant', 'proven', 'Payment', 'POST', '/', 200,
                 'accepted', NULL, 'OLD-1', 900, 700)",
        "INSERT INTO exchange_details (seq, peer, origin, request_headers, request_body, ladder,
                                       answer_headers, answer_body, delivery)
         VALUES (7, '127.0.0.1:1', 'http://localhost', '[]', CAST('old body' AS BLOB), '[]', '[]',
                 x'', 'sent')",
        "INSERT INTO transactions (merchant, kind, key, provider, version, status, state,
                                   created_at, updated_at)
         VALUES ('old-merchant', 'order', 'OLD-1', 'paco', 3, 'pending', '{}', 1, 2)",
        "INSERT INTO armed_rules (provider, merchant, rule, remaining, created_at)
         VALUES ('paco', NULL, '{}', 1, 1)",
        "INSERT INTO active_scenarios (name, activated_at) VALUES ('old-file', 1)",
    ] {
        sqlx::query(statement).execute(&mut *database).await.expect(statement);
    }
}

async fn insert_a_callback_of_the_second_schema(database: &mut SqliteConnection) {
    let statement = "INSERT INTO notifications (merchant, provider, seq, subject, url, payload,
                                                status, due_at, created_at)
                     VALUES ('old-merchant', 'paco', 7, 'OLD-1', 'http://127.0.0.1:9/old', '{}',
                             'queued', 1, 1)";
    sqlx::query(statement).execute(&mut *database).await.expect(statement);
}

/// Two merchants, each with one of everything; the newest exchange is `m`'s.
async fn fill(store: &Store) {
    for name in ["m", "n"] {
        store.add_merchant(&merchant(name)).await.expect("writable");
        store.arm("paco", Some(name), "{}", None, at(1)).await.expect("writable");
    }
    store.arm("paco", None, "{}", None, at(1)).await.expect("writable");
    store.set_scenario_active("file", true, at(1)).await.expect("writable");
    let mut entries = [entry(1, "m"), entry(2, "n"), entry(3, "m")];
    for (entry, name) in entries.iter_mut().zip(["m", "n"]) {
        entry.changes.push(order_change(name, "A", None, "pending"));
        entry.notifications.push(callback(name, "A"));
    }
    let outcomes = store.commit(&entries).await.expect("writable");
    assert_eq!(outcomes, [Committed::Written; 3]);
}

fn merchant(id: &str) -> MerchantRecord {
    MerchantRecord {
        id: id.to_owned(),
        provider: "paco".to_owned(),
        label: Some("Label".to_owned()),
        settings: json!({"profile": "observed"}),
        credentials: json!({"access_token": "t"}),
        offices: json!([{"id": "O"}]),
        created_at: at(5),
    }
}

fn entry(seq: i64, merchant: &str) -> Entry {
    only(ExchangeDetail {
        summary: ExchangeSummary {
            seq,
            at: at(seq),
            provider: "paco".into(),
            merchant: Some(merchant.to_owned()),
            attribution: Attribution::Proven,
            endpoint: Some("Payment".into()),
            method: "POST".to_owned(),
            target: "/payment".to_owned(),
            status: Some(200),
            verdict: Verdict::Accepted,
            failed_check: None,
            subject: None,
            duration_us: 1_234,
        },
        peer: "127.0.0.1:40000".to_owned(),
        origin: "http://127.0.0.1:7401".to_owned(),
        front_door: None,
        request_headers: Vec::new(),
        request_body: b"request".to_vec(),
        request_note: None,
        opened_request: None,
        ladder: Vec::new(),
        reason: None,
        scenario: None,
        answer_headers: Vec::new(),
        answer_body: Vec::new(),
        answer_note: None,
        opened_answer: None,
        near_misses: None,
        delivery: None,
    })
}

/// An exchange with something in every member.
fn full_exchange(seq: i64) -> ExchangeDetail {
    let bare = entry(seq, "m").exchange.expect("it was just made");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    ExchangeDetail {
        summary: ExchangeSummary {
            attribution: Attribution::Named,
            verdict: Verdict::Refused,
            status: Some(403),
            failed_check: Some("paco.jws_signature".to_owned()),
            subject: Some("ORDER-1".to_owned()),
            ..bare.summary
        },
        request_headers: vec![header("b", "2"), header("a", "1"), header("b", "3")],
        request_body: vec![0, 255, 1, 254],
        request_note: Some("masked".to_owned()),
        opened_request: Some(json!({"z": 1, "a": [null, true]})),
        ladder: vec![LadderRung {
            id: "paco.jws_signature".into(),
            verdict: RungVerdict::Failed,
            expected: Some("a signature".to_owned()),
            got: Some("another one".to_owned()),
            detail: Some("more".to_owned()),
            fix: Some("sign it".to_owned()),
        }],
        reason: Some("a reason".to_owned()),
        scenario: Some("a rule".to_owned()),
        answer_headers: vec![header("content-type", "text/plain")],
        answer_body: b"Access Denied".to_vec(),
        answer_note: Some("cut".to_owned()),
        opened_answer: Some(json!("opened").into()),
        near_misses: Some(json!([{"id": "paco.x"}])),
        delivery: Some(Delivery::Faulted),
        ..bare
    }
}

fn only(exchange: ExchangeDetail) -> Entry {
    Entry::of(exchange)
}

fn detail_of(entry: &mut Entry) -> &mut ExchangeDetail {
    entry.exchange.as_mut().expect("these entries hold an exchange")
}

fn order_change(merchant: &str, key: &str, decided_on: Option<i64>, status: &str) -> Change {
    Change::Transaction(TransactionChange {
        merchant: merchant.to_owned(),
        provider: "paco".to_owned(),
        kind: "order",
        key: key.to_owned(),
        decided_on,
        status: status.to_owned(),
        state: json!({ "status": status }).to_string(),
        at: at(50),
        due_at: None,
    })
}

fn callback(merchant: &str, order: &str) -> NewNotification {
    NewNotification {
        merchant: merchant.to_owned(),
        provider: "paco".to_owned(),
        subject: order.to_owned(),
        url: "http://127.0.0.1:9/callback".to_owned(),
        payload: json!({ "orderNo": order }).to_string(),
        due_at: at(60),
    }
}

/// Callbacks of one merchant.
fn of(merchant: &str) -> NotificationFilter {
    NotificationFilter {
        merchant: Some(merchant.to_owned()),
        limit: 10,
        ..NotificationFilter::default()
    }
}

/// An attempt to deliver the first callback, which `seq` has queued.
fn tried(seq: i64, number: u32, next_at: Option<Timestamp>) -> Entry {
    let failed = next_at.is_some();
    let outcome = if failed { AttemptOutcome::Failed } else { AttemptOutcome::Delivered };
    let change = AttemptChange {
        notification: 1,
        seq,
        attempt: NotificationAttempt {
            number,
            at: at(60 + i64::from(number)),
            outcome,
            http_status: Some(if failed { 500 } else { 200 }),
            error: failed.then(|| "it answered 500".to_owned()),
            duration_us: 1_234,
            answer: Some("text".to_owned()),
            content_type: Some("application/jose".to_owned()),
            sent_bytes: Some(12),
            sent_sha256: Some("ab".to_owned()),
        },
        status: if failed { NotificationStatus::Queued } else { NotificationStatus::Delivered },
        next_at,
    };
    Entry::of_change(seq, Change::Attempt(change))
}

async fn remaining(store: &Store) -> Vec<i64> {
    seqs(&store.exchanges(&ExchangeFilter::newest(1_000)).await.expect("readable"))
}

async fn bytes_held(store: &Store) -> u64 {
    store.retention().await.expect("readable").iter().map(|held| held.bytes).sum()
}

async fn detail_rows(folder: &Folder) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM exchange_details")
        .fetch_one(&mut folder.raw().await)
        .await
        .expect("readable")
}

fn seqs(listed: &[ExchangeSummary]) -> Vec<i64> {
    listed.iter().map(|exchange| exchange.seq).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a small number of seconds")
}
