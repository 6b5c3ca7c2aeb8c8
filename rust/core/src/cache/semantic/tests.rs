//! The laws of the semantic layer.

use super::*;

fn store(capacity: usize, capacity_bytes: u64) -> Store {
    match Store::new(Bounds { dim: 2, capacity, capacity_bytes, memory_bytes: None }, [1, 2, 3, 4]) {
        Ok(store) => store,
        Err(error) => unreachable!("{error}"),
    }
}

fn unit(vector: [f32; 2]) -> Option<Unit> {
    Unit::new(&vector, 2).ok()
}

fn put<'a>(namespace: &'a str, key: &'a [u8], value: &'a [u8], saved_nusd: i64) -> Put<'a> {
    Put { namespace: namespace.as_bytes(), key, text: "what is this", value, tag: "", ttl_ns: 10, saved_nusd, owner: "" }
}

fn get<'a>(namespace: &'a str, key: &'a [u8], unit: Option<&'a Unit>) -> Get<'a> {
    Get { namespace: namespace.as_bytes(), key, text: "what is this", unit, min_similarity: Some(0.9) }
}

fn found(store: &Store, ask: &Get<'_>, now_ns: i64) -> Option<Hit> {
    store.get(ask, now_ns).ok().flatten()
}

#[test]
fn exact_then_near_then_nothing_and_never_across() {
    let mut store = store(10, 100_000);
    let (east, nearly) = (unit([1.0, 0.0]), unit([1.0, 0.1]));
    assert!(store.put(&put("a", b"k", b"v", 0), east.as_ref(), 0).is_ok_and(|id| id.is_some()));
    assert!(found(&store, &get("a", b"k", None), 9).is_some_and(|hit| hit.exact));
    assert!(found(&store, &get("a", b"other", nearly.as_ref()), 9).is_some_and(|hit| !hit.exact && hit.similarity < 1.0));
    assert!(found(&store, &get("a", b"other", unit([0.0, 1.0]).as_ref()), 9).is_none());
    assert!(found(&store, &get("b", b"k", east.as_ref()), 9).is_none());
    assert!(found(&store, &get("a", b"k", east.as_ref()), 10).is_none(), "a hit does not extend a life");
    assert!(store.get(&get("", b"k", None), 0).is_err());
}

#[test]
fn a_reported_pair_never_hits_again() {
    let mut store = store(10, 100_000);
    let east = unit([1.0, 0.0]);
    let id = store.put(&put("a", b"k", b"v", 0), east.as_ref(), 0).ok().flatten().unwrap_or(0);
    assert!(store.report(id, false));
    assert!(found(&store, &get("a", b"q", east.as_ref()), 1).is_none());
    assert!(store.put(&put("a", b"k", b"v2", 0), east.as_ref(), 1).is_ok());
    assert!(found(&store, &get("a", b"q", east.as_ref()), 2).is_none());
    assert!(store.put(&put("a", b"q", b"v3", 0), east.as_ref(), 1).is_ok());
    assert!(found(&store, &get("a", b"k", east.as_ref()), 2).is_some_and(|hit| hit.exact && hit.value.as_deref() == Some(b"v2")));
    assert!(!store.report(id + 1, true));
}

#[test]
fn both_bounds_hold_and_money_stays() {
    let mut store = store(50, 30_000);
    for n in 0..2_000_u32 {
        let saved = if n % 200 == 0 { 1_000_000_000 } else { 1 };
        let key = n.to_le_bytes();
        assert!(store.put(&put("a", &key, &[0; 300], saved), unit([1.0, 0.0]).as_ref(), 0).is_ok());
        assert!(store.len() <= 50 && store.bytes <= 30_000);
    }
    // A fifth of the room at most is dear: all eight of a sample being dear is then one chance in a hundred thousand.
    let dear = (0..2_000_u32).filter(|n| n % 200 == 0);
    let kept = dear.filter(|n| found(&store, &get("a", &n.to_le_bytes(), None), 0).is_some()).count();
    assert_eq!(kept, 10, "dear entries kept");
    assert!(store.put(&put("a", b"big", &vec![0; 40_000], 0), None, 0).is_ok_and(|id| id.is_none()));
}

#[test]
fn purge_takes_what_fits_every_part() {
    let mut store = store(10, 100_000);
    for (namespace, key, tag, now_ns) in [("a", b"1", "x", 0), ("a", b"2", "y", 1), ("b", b"3", "x", 2)] {
        let new = Put { tag, ..put(namespace, key, b"v", 0) };
        assert!(store.put(&new, unit([1.0, 0.0]).as_ref(), now_ns).is_ok());
    }
    assert!(store.purge(&Mark::default()).is_err());
    let mark = Mark { namespace: Some(b"a"), tag: Some("x"), put_before_ns: Some(1), owner: None };
    assert_eq!(store.purge(&mark), Ok(1));
    assert_eq!(store.purge(&mark), Ok(0));
    assert_eq!(store.purge(&Mark { put_before_ns: Some(3), ..Mark::default() }), Ok(2));
    assert!(store.is_empty() && store.bytes == 0 && store.partitions.is_empty());
}

/// A million lookups under forged names, each of which could only hit by crossing a partition.
#[test]
fn a_million_lookups_never_cross() {
    let names = |n: u64| -> Vec<u8> {
        let mut name = format!("tenant{}", n % 7).into_bytes();
        match n % 5 {
            0 => name.push(0),
            1 => name.insert(0, 0),
            2 => name.extend(b"\0k"),
            3 => name = name.repeat(2),
            _ => {}
        }
        name
    };
    let mut store = store(100, 1_000_000);
    for n in 0..35_u64 {
        let (name, owner) = (names(n), n.to_le_bytes());
        let new = Put { namespace: &name, ..put("", b"k", &owner, 0) };
        assert!(store.put(&new, unit([1.0, 0.0]).as_ref(), 0).is_ok());
    }
    let (east, mut state) = (unit([1.0, 0.0]), 9_u64);
    for n in 0..1_000_000_u64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let (which, strange) = (state % 35, n % 3 == 0);
        let mut name = names(which);
        if strange {
            name.push(b'!');
        }
        let key: &[u8] = if n % 2 == 0 { b"k" } else { b"other" };
        let ask = Get { namespace: &name, ..get("", key, east.as_ref()) };
        let value = found(&store, &ask, 1).and_then(|hit| hit.value);
        let owner = value.map(|value| u64::from_le_bytes((*value).try_into().unwrap_or_default()));
        assert_eq!(owner, (!strange).then_some(which), "{name:?}");
    }
}

#[test]
fn expired_entries_leave_with_later_puts() {
    let mut store = store(1_000, 1_000_000);
    for n in 0..100_u32 {
        assert!(store.put(&put("a", &n.to_le_bytes(), b"v", 0), unit([1.0, 0.0]).as_ref(), 0).is_ok());
    }
    for n in 0..100_u32 {
        assert!(store.put(&put("b", &n.to_le_bytes(), b"v", 0), None, 100).is_ok());
    }
    assert!(store.len() <= 100 + 2 && store.partitions.contains_key(&b"b"[..]));
}

/// Puts questions with their answers near one another, and asks another question beside them all.
fn asked_beside(stored: &[(&str, &[u8])], text: &str, min_similarity: Option<f32>) -> Option<Vec<u8>> {
    let mut store = store(10, 100_000);
    for ((question, value), tilt) in stored.iter().zip([0.1, 0.2, 0.3, 0.4]) {
        let new = Put { text: question, ..put("a", question.as_bytes(), value, 0) };
        assert!(store.put(&new, unit([1.0, tilt]).as_ref(), 0).is_ok_and(|id| id.is_some()));
    }
    let east = unit([1.0, 0.0]);
    let ask = Get { text, min_similarity, ..get("a", b"asked", east.as_ref()) };
    found(&store, &ask, 1).and_then(|hit| hit.value).map(|value| value.to_vec())
}

#[test]
fn three_neighbours_of_one_answer_give_it_and_a_shared_other_answer_is_a_doubt() {
    const LOST: [(&str, &[u8]); 3] =
        [("my card is gone", b"block it"), ("somebody stole my card", b"block it"), ("my purse was robbed", b"block it")];
    let question = "card missing since yesterday";
    assert_eq!(asked_beside(&LOST, question, None).as_deref(), Some(&b"block it"[..]));
    assert_eq!(asked_beside(&LOST[..2], question, None), None, "two are not enough");
    assert_eq!(asked_beside(&LOST, question, Some(0.99)), None, "a tighter cosine holds for agreement too");
    assert_eq!(asked_beside(&LOST, "3 cards missing since yesterday", None), None, "a guard of fact stands above it");
    let own: [(&str, &[u8]); 3] = [LOST[0], (LOST[1].0, b"other"), (LOST[2].0, b"third")];
    assert_eq!(asked_beside(&own, question, None), None, "answers that nobody shares have no voice");

    let alone: [(&str, &[u8]); 1] = [("my card has gone", b"wait")];
    assert_eq!(asked_beside(&alone, "my card is gone now", None).as_deref(), Some(&b"wait"[..]));
    let doubted = [alone[0], LOST[1], LOST[2]];
    assert_eq!(asked_beside(&doubted, "my card is gone now", None), None, "two others hold another answer");
    let varied: [(&str, &[u8]); 3] = [alone[0], (LOST[1].0, b"other"), (LOST[2].0, b"third")];
    assert_eq!(asked_beside(&varied, "my card is gone now", None).as_deref(), Some(&b"wait"[..]), "a lone answer is no doubt");
}
