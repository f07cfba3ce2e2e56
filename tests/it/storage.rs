//! What every store keeps its word on: a contract over `Arc<dyn Store>`, run for each backend.

use std::sync::Arc;

use mockernetes::object::{GroupResource, Key, Object};
use mockernetes::storage::{
    Change, ChangeKind, Draft, Error, Expect, Limits, Memory, Revision, Scope, Store, Stored,
    Write, version_tag,
};
use serde_json::json;

/// Makes an empty store whose log keeps so many changes of a resource.
type Open = fn(usize) -> Arc<dyn Store>;

fn memory(window_events_max: usize) -> Arc<dyn Store> {
    Arc::new(Memory::new(Limits {
        window_events_max,
        ..Limits::default()
    }))
}

macro_rules! contract {
    ($($test:ident)*) => {
        mod of_memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::memory).await;
            })*
        }
    };
}

contract! {
    every_write_takes_the_next_revision_whatever_it_writes
    stored_bytes_carry_their_revision
    items_of_a_list_are_slices_of_what_is_stored
    labels_and_fields_are_read_without_parsing
    a_write_fails_where_what_it_expects_does_not_hold
    a_failed_write_takes_no_revision
    a_removal_leaves_the_last_state_at_its_own_revision
    a_snapshot_does_not_change
    a_snapshot_shows_any_revision_that_is_kept
    a_snapshot_of_a_forgotten_or_future_revision_is_refused
    a_snapshot_yields_a_namespace_in_key_order_from_a_key_on
    a_watch_sees_every_change_once_and_in_order
    a_watch_begins_after_the_revision_it_names
    a_watch_of_a_namespace_sees_nothing_else
    a_watch_of_one_object_sees_nothing_else
    a_watch_of_a_name_sees_it_in_every_namespace
    a_watch_that_lags_behind_the_log_expires
    an_idle_watch_does_not_expire_for_changes_of_others
    a_watch_from_a_forgotten_or_future_revision_is_refused
    a_watch_says_up_to_which_revision_nothing_is_missing
    changes_since_a_revision_are_those_a_watch_would_see
    a_waiting_watch_is_woken_by_a_write
    concurrent_writers_never_share_a_revision
    the_log_keeps_what_was_before
}

fn pods() -> GroupResource {
    GroupResource::new("", "pods")
}

fn draft(namespace: &str, name: &str, note: &str) -> Draft {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "aaa": "sorts before apiVersion",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": "web", "example.com/note": note},
            "uid": "u",
        },
        "spec": {"nodeName": note},
    });
    let fields = [("spec.nodeName".into(), note.into())].into();
    Draft::encode(&Object::from_value(object).unwrap(), fields)
}

async fn write(
    store: &Arc<dyn Store>,
    key: &str,
    expect: Expect,
    put: Option<&str>,
) -> Result<Arc<Stored>, Error> {
    let key = Key::from_text(key);
    let put = put.map(|note| draft(key.namespace(), key.name(), note));
    store
        .commit(Write {
            resource: pods(),
            key,
            expect,
            put,
        })
        .await
}

async fn create(store: &Arc<dyn Store>, key: &str) -> Arc<Stored> {
    write(store, key, Expect::Absent, Some("new"))
        .await
        .unwrap()
}

async fn update(store: &Arc<dyn Store>, old: &Arc<Stored>, note: &str) -> Arc<Stored> {
    let expect = Expect::At(old.revision);
    write(store, old.key.as_str(), expect, Some(note))
        .await
        .unwrap()
}

async fn remove(store: &Arc<dyn Store>, old: &Arc<Stored>) -> Arc<Stored> {
    let expect = Expect::At(old.revision);
    write(store, old.key.as_str(), expect, None).await.unwrap()
}

fn scope(namespace: Option<&str>, name: Option<&str>) -> Scope {
    Scope {
        resource: pods(),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    }
}

fn told(changes: &[Arc<Change>]) -> Vec<(ChangeKind, String, u64)> {
    changes
        .iter()
        .map(|change| {
            let key = change.object.key.as_str().to_owned();
            (change.kind, key, change.revision().0)
        })
        .collect()
}

fn keys(store: &Arc<dyn Store>, at: Option<Revision>) -> Vec<String> {
    let snapshot = store.snapshot(&pods(), at).unwrap();
    let all = snapshot.objects(None, None);
    all.map(|stored| stored.key.as_str().to_owned()).collect()
}

async fn every_write_takes_the_next_revision_whatever_it_writes(open: Open) {
    let store = open(100);
    assert_eq!(store.revision(), Revision(1), "an empty etcd is at 1");
    let first = create(&store, "a/x").await;
    assert_eq!(first.revision, Revision(2));
    let other = store
        .commit(Write {
            resource: GroupResource::new("apps", "deployments"),
            key: Key::new("a", "x"),
            expect: Expect::Absent,
            put: Some(draft("a", "x", "")),
        })
        .await
        .unwrap();
    assert_eq!(other.revision, Revision(3));
    assert_eq!(update(&store, &first, "two").await.revision, Revision(4));
    assert_eq!(store.revision(), Revision(4));
}

async fn stored_bytes_carry_their_revision(open: Open) {
    let store = open(100);
    let stored = create(&store, "a/x").await;
    assert_eq!(stored.object().resource_version(), "2");
    assert_eq!(stored.version_tag(), version_tag("v1"));
    assert_ne!(stored.version_tag(), version_tag("v2"));
}

async fn items_of_a_list_are_slices_of_what_is_stored(open: Open) {
    let store = open(100);
    let x = create(&store, "a/x").await;
    let y = create(&store, "a/y").await;
    let parse =
        |parts: &[&[u8]]| -> serde_json::Value { serde_json::from_slice(&parts.concat()).unwrap() };
    let typed = [x.object().into_value(), y.object().into_value()];
    let whole = parse(&[
        b"[",
        &x.bytes(),
        y.clone().later_whole_item().as_ref(),
        b"]",
    ]);
    assert_eq!(whole, json!(typed));
    let bare = typed.map(|mut object| {
        object.as_object_mut().unwrap().remove("apiVersion");
        object.as_object_mut().unwrap().remove("kind");
        object
    });
    let (first, later) = (x.first_item(), y.later_item());
    let items = parse(&[b"[", first.as_ref(), later.as_ref(), b"}]"]);
    assert_eq!(items, json!(bare));
}

async fn labels_and_fields_are_read_without_parsing(open: Open) {
    let store = open(100);
    let stored = create(&store, "a/x").await;
    let labels: Vec<_> = stored.labels().collect();
    assert_eq!(labels, [("app", "web"), ("example.com/note", "new")]);
    assert_eq!(stored.label("app"), Some("web"));
    assert_eq!(stored.label("other"), None);
    assert_eq!(stored.field("metadata.name"), Some("x"));
    assert_eq!(stored.field("metadata.namespace"), Some("a"));
    assert_eq!(stored.field("spec.nodeName"), Some("new"));
    assert_eq!(stored.field("status.phase"), None);
}

async fn a_write_fails_where_what_it_expects_does_not_hold(open: Open) {
    let store = open(100);
    let old = create(&store, "a/x").await;
    let again = write(&store, "a/x", Expect::Absent, Some("")).await;
    assert!(matches!(again, Err(Error::Exists)));
    let new = update(&store, &old, "two").await;
    let stale = write(&store, "a/x", Expect::At(old.revision), Some("")).await;
    assert!(matches!(stale, Err(Error::Moved { found }) if found.revision == new.revision));
    let missing = write(&store, "a/y", Expect::At(old.revision), None).await;
    assert!(matches!(missing, Err(Error::Missing)));
}

async fn a_failed_write_takes_no_revision(open: Open) {
    let store = open(100);
    create(&store, "a/x").await;
    write(&store, "a/x", Expect::Absent, Some(""))
        .await
        .unwrap_err();
    assert_eq!(store.revision(), Revision(2));
    assert_eq!(create(&store, "a/y").await.revision, Revision(3));
}

async fn a_removal_leaves_the_last_state_at_its_own_revision(open: Open) {
    let store = open(100);
    let mut old = create(&store, "a/x").await;
    // From one digit to two: the places after the revision move.
    for _ in 0..8 {
        old = update(&store, &old, "again").await;
    }
    let gone = remove(&store, &old).await;
    assert_eq!(gone.revision, Revision(11));
    let mut expected = old.object();
    expected.set(&["metadata", "resourceVersion"], "11");
    assert_eq!(gone.object(), expected);
    assert_eq!(gone.label("example.com/note"), Some("again"));
    assert!(store.get(&pods(), &old.key).is_none());
}

async fn a_snapshot_does_not_change(open: Open) {
    let store = open(100);
    let old = create(&store, "a/x").await;
    let snapshot = store.snapshot(&pods(), None).unwrap();
    create(&store, "a/y").await;
    remove(&store, &old).await;
    assert_eq!(snapshot.revision, Revision(2));
    let shown: Vec<_> = snapshot.objects(None, None).collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].key.as_str(), "a/x");
}

async fn a_snapshot_shows_any_revision_that_is_kept(open: Open) {
    let store = open(100);
    let x = create(&store, "a/x").await;
    let y = create(&store, "a/y").await;
    let newer = update(&store, &x, "two").await;
    remove(&store, &y).await;
    remove(&store, &newer).await;
    assert_eq!(keys(&store, None), [""; 0]);
    assert_eq!(keys(&store, Some(Revision(6))), [""; 0]);
    assert_eq!(keys(&store, Some(Revision(5))), ["a/x"]);
    assert_eq!(keys(&store, Some(Revision(4))), ["a/x", "a/y"]);
    assert_eq!(keys(&store, Some(Revision(2))), ["a/x"]);
    let then = store.snapshot(&pods(), Some(Revision(3))).unwrap();
    assert_eq!(
        then.get(&x.key).unwrap().field("spec.nodeName"),
        Some("new")
    );
}

async fn a_snapshot_of_a_forgotten_or_future_revision_is_refused(open: Open) {
    let store = open(100);
    for name in ["a/1", "a/2", "a/3", "a/4"] {
        create(&store, name).await;
    }
    store.compact(Revision(4));
    let old = store.snapshot(&pods(), Some(Revision(3)));
    assert!(matches!(
        old,
        Err(Error::Compacted {
            oldest: Revision(4)
        })
    ));
    assert_eq!(keys(&store, Some(Revision(4))), ["a/1", "a/2", "a/3"]);
    let future = store.snapshot(&pods(), Some(Revision(6)));
    assert!(matches!(
        future,
        Err(Error::Future {
            current: Revision(5)
        })
    ));
    let before_all = store.snapshot(&pods(), Some(Revision(1)));
    assert!(matches!(before_all, Err(Error::Compacted { .. })));
    let empty = GroupResource::new("", "secrets");
    assert!(store.snapshot(&empty, Some(Revision(3))).is_err());
    assert!(store.snapshot(&empty, Some(Revision(5))).is_ok());
}

async fn a_snapshot_yields_a_namespace_in_key_order_from_a_key_on(open: Open) {
    let store = open(100);
    for key in ["b/1", "a/2", "a-b/1", "a/1", "ab/1"] {
        create(&store, key).await;
    }
    // Byte by byte with the slash in, as etcd orders them.
    assert_eq!(keys(&store, None), ["a-b/1", "a/1", "a/2", "ab/1", "b/1"]);
    let snapshot = store.snapshot(&pods(), None).unwrap();
    let in_a: Vec<_> = snapshot.objects(Some("a"), None).collect();
    assert_eq!(in_a.len(), 2);
    let from = Key::new("a", "1\0");
    let rest: Vec<_> = snapshot.objects(Some("a"), Some(&from)).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].key.name(), "2");
    let from = Key::new("a", "1");
    assert_eq!(snapshot.objects(None, Some(&from)).count(), 4);
}

async fn a_watch_sees_every_change_once_and_in_order(open: Open) {
    let store = open(100);
    let mut watch = store.watch(&scope(None, None), Revision(1)).unwrap();
    let x = create(&store, "a/x").await;
    let y = create(&store, "b/y").await;
    let seen = watch.next().await.unwrap();
    assert_eq!(
        told(&seen),
        [
            (ChangeKind::Added, "a/x".to_owned(), 2),
            (ChangeKind::Added, "b/y".to_owned(), 3)
        ]
    );
    update(&store, &x, "two").await;
    remove(&store, &y).await;
    let seen = watch.next().await.unwrap();
    assert_eq!(
        told(&seen),
        [
            (ChangeKind::Modified, "a/x".to_owned(), 4),
            (ChangeKind::Deleted, "b/y".to_owned(), 5)
        ]
    );
    assert!(watch.poll_now().unwrap().is_empty());
}

async fn a_watch_begins_after_the_revision_it_names(open: Open) {
    let store = open(100);
    create(&store, "a/x").await;
    create(&store, "a/y").await;
    let mut watch = store.watch(&scope(None, None), Revision(2)).unwrap();
    assert_eq!(told(&watch.next().await.unwrap())[0].1, "a/y");
}

async fn a_watch_of_a_namespace_sees_nothing_else(open: Open) {
    let store = open(100);
    create(&store, "a/old").await;
    create(&store, "b/old").await;
    let mut watch = store.watch(&scope(Some("a"), None), Revision(1)).unwrap();
    create(&store, "b/x").await;
    create(&store, "a/x").await;
    create(&store, "ab/x").await;
    let seen = told(&watch.next().await.unwrap());
    let seen: Vec<_> = seen.iter().map(|(_, key, _)| key.as_str()).collect();
    assert_eq!(seen, ["a/old", "a/x"]);
}

async fn a_watch_of_one_object_sees_nothing_else(open: Open) {
    let store = open(100);
    let mut watch = store
        .watch(&scope(Some("a"), Some("x")), Revision(1))
        .unwrap();
    create(&store, "b/x").await;
    create(&store, "a/y").await;
    let x = create(&store, "a/x").await;
    remove(&store, &x).await;
    let seen = watch.next().await.unwrap();
    assert_eq!(
        told(&seen),
        [
            (ChangeKind::Added, "a/x".to_owned(), 4),
            (ChangeKind::Deleted, "a/x".to_owned(), 5)
        ]
    );
}

async fn a_watch_of_a_name_sees_it_in_every_namespace(open: Open) {
    let store = open(100);
    let mut watch = store.watch(&scope(None, Some("x")), Revision(1)).unwrap();
    for key in ["a/x", "a/y", "b/x", "x"] {
        create(&store, key).await;
    }
    let seen = told(&watch.next().await.unwrap());
    let seen: Vec<_> = seen.iter().map(|(_, key, _)| key.as_str()).collect();
    assert_eq!(seen, ["a/x", "b/x", "x"]);
}

async fn a_watch_that_lags_behind_the_log_expires(open: Open) {
    let store = open(4);
    let mut watch = store.watch(&scope(None, None), Revision(1)).unwrap();
    let mut one = store
        .watch(&scope(Some("a"), Some("1")), Revision(1))
        .unwrap();
    for name in ["a/1", "a/2", "a/3", "a/4", "a/5"] {
        create(&store, name).await;
    }
    let lagging = watch.next().await;
    assert!(matches!(
        lagging,
        Err(Error::Compacted {
            oldest: Revision(2)
        })
    ));
    assert!(one.next().await.is_err(), "its own change was dropped");
}

async fn an_idle_watch_does_not_expire_for_changes_of_others(open: Open) {
    let store = open(4);
    let mut watch = store
        .watch(&scope(Some("a"), Some("x")), Revision(1))
        .unwrap();
    for name in 0..10 {
        create(&store, &format!("a/{name}")).await;
    }
    create(&store, "a/x").await;
    assert_eq!(told(&watch.next().await.unwrap())[0].1, "a/x");
}

async fn a_watch_from_a_forgotten_or_future_revision_is_refused(open: Open) {
    let store = open(2);
    for name in ["a/1", "a/2", "a/3", "a/4"] {
        create(&store, name).await;
    }
    let scope = scope(None, None);
    let old = store.watch(&scope, Revision(2)).err().unwrap();
    assert!(matches!(
        old,
        Error::Compacted {
            oldest: Revision(3)
        }
    ));
    assert!(store.watch(&scope, Revision(3)).is_ok());
    let future = store.watch(&scope, Revision(6)).err().unwrap();
    assert!(matches!(future, Error::Future { .. }));
}

async fn a_watch_says_up_to_which_revision_nothing_is_missing(open: Open) {
    let store = open(100);
    let mut watch = store.watch(&scope(Some("a"), None), Revision(1)).unwrap();
    create(&store, "b/x").await;
    assert_eq!(watch.revision(), Revision(2), "nothing of it was missed");
    create(&store, "a/x").await;
    assert_eq!(watch.revision(), Revision(1), "a/x is not given out yet");
    watch.next().await.unwrap();
    assert_eq!(watch.revision(), Revision(3));
    create(&store, "b/y").await;
    assert_eq!(watch.revision(), Revision(4));
}

async fn changes_since_a_revision_are_those_a_watch_would_see(open: Open) {
    let store = open(100);
    create(&store, "a/x").await;
    create(&store, "a/y").await;
    let since = store.changes_since(&pods(), Revision(2)).unwrap();
    assert_eq!(told(&since), [(ChangeKind::Added, "a/y".to_owned(), 3)]);
    assert!(store.changes_since(&pods(), Revision(9)).is_err());
}

async fn a_waiting_watch_is_woken_by_a_write(open: Open) {
    let store = open(100);
    let mut watch = store.watch(&scope(Some("a"), None), Revision(1)).unwrap();
    let waiting = tokio::spawn(async move { watch.next().await.unwrap().len() });
    tokio::task::yield_now().await;
    create(&store, "b/x").await;
    create(&store, "a/x").await;
    assert_eq!(waiting.await.unwrap(), 1);
}

async fn concurrent_writers_never_share_a_revision(open: Open) {
    let store = open(10_000);
    let mut watch = store.watch(&scope(None, None), Revision(1)).unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in 0..100 {
                    create(&store, &format!("w{writer}/{n}")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut next = 2;
    while next < 802 {
        for change in watch.next().await.unwrap() {
            assert_eq!(change.revision(), Revision(next));
            next += 1;
        }
    }
}

async fn the_log_keeps_what_was_before(open: Open) {
    let store = open(100);
    let x = create(&store, "a/x").await;
    let newer = update(&store, &x, "two").await;
    remove(&store, &newer).await;
    let since = store.changes_since(&pods(), Revision(1)).unwrap();
    let before: Vec<_> = since
        .iter()
        .map(|change| change.previous.as_ref().map(|old| old.revision.0))
        .collect();
    assert_eq!(before, [None, Some(2), Some(3)]);
}

#[tokio::test]
async fn all_windows_together_keep_within_their_limits() {
    let store: Arc<dyn Store> = Arc::new(Memory::new(Limits {
        window_events_max: 1000,
        total_events_max: 100,
        total_bytes_max: 20_000,
    }));
    let x = create(&store, "a/x").await;
    for n in 0..200 {
        create(&store, &format!("a/{n}")).await;
    }
    let since = |at| store.changes_since(&pods(), Revision(at));
    assert!(since(102).is_err());
    assert!(since(150).is_ok());
    let mut old = x;
    for _ in 0..200 {
        old = update(&store, &old, "again").await;
    }
    let bytes: usize = (1..store.revision().0)
        .find_map(|at| since(at).ok())
        .unwrap()
        .iter()
        .filter_map(|change| Some(change.previous.as_ref()?.json().len()))
        .sum();
    assert!(bytes > 10_000 && bytes <= 20_000, "{bytes}");
}

#[tokio::test]
async fn a_fork_goes_its_own_way_from_where_it_began() {
    let memory = Arc::new(Memory::default());
    let store: Arc<dyn Store> = memory.clone();
    create(&store, "a/x").await;
    let fork: Arc<dyn Store> = Arc::new(memory.fork());
    assert_eq!(keys(&fork, None), ["a/x"]);
    create(&fork, "a/fork").await;
    create(&store, "a/trunk").await;
    assert_eq!(keys(&fork, None), ["a/fork", "a/x"]);
    assert_eq!(keys(&store, None), ["a/trunk", "a/x"]);
    assert_eq!(fork.revision(), Revision(3));
}
