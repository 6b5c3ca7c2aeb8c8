//! Groups of entries: what of them is written once says the same as what each of them said.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierkit_core::dimension::Units;
use tierkit_core::ledger::{Entry, EntryKind, Flags, Posting, ReservationId};

use super::life::Folder;
use crate::book::Book;
use crate::row::{Row, Scopes};

fn row(seq: i64, id: &str, kind: EntryKind) -> (i64, Row) {
    let (posted, pending) = match kind {
        EntryKind::Reserve => (0, 5),
        _ => (3, -5),
    };
    let posting = Posting { rule: 0, key: [0, 0].into(), start_ns: 0, end_ns: 9, posted, pending };
    let id = ReservationId::new(id).unwrap_or_else(|error| unreachable!("{error}"));
    let (labels, units, postings) = (Arc::default(), Units::default(), vec![posting]);
    let (usage, flags, adjustment) = (None, Flags::default(), None);
    let entry =
        Entry { id, kind, at_ns: seq, nusd: 5, labels, units, usage, flags, saved_nusd: 0, expires_ns: 7, adjustment, postings };
    (seq, Row::new(entry, &mut Scopes::default()))
}

/// What is open in the file, and the one account.
fn kept(book: &mut Book) -> (Vec<(String, i64)>, (i64, i64)) {
    let connection = book.connection();
    let mut select = connection.prepare("SELECT reservation, seq FROM open").unwrap_or_else(|error| unreachable!("{error}"));
    let open = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect);
    let sums = connection.query_row("SELECT posted, pending FROM account", [], |row| Ok((row.get(0)?, row.get(1)?)));
    (open.unwrap_or_default(), sums.unwrap_or_default())
}

/// However entries fall into groups, the file says the same.
#[test]
fn groups_of_any_size_leave_the_same() {
    use EntryKind::{Post, Reserve};
    let told =
        [("a", Reserve), ("b", Reserve), ("a", Post), ("a", Reserve), ("a", Post), ("b", Post), ("b", Reserve), ("c", Reserve)];
    let rows: Vec<(i64, Row)> = (1..).zip(told).map(|(seq, (id, kind))| row(seq, id, kind)).collect();
    let mut seen = BTreeMap::new();
    for size in 1..=rows.len() {
        let folder = Folder::of(&BTreeMap::new());
        let mut book = Book::open(&folder.path().join("ledger.db")).unwrap_or_else(|error| unreachable!("{error}"));
        for group in rows.chunks(size) {
            assert!(book.write(group).is_ok());
        }
        seen.insert(kept(&mut book), size);
        assert_eq!((book.last(), book.hash_of(8).ok()), (8, Some(book.chain().to_vec())));
    }
    let open = vec![("b".to_owned(), 7), ("c".to_owned(), 8)];
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), [(open, (9, 10))]);
}

#[test]
fn a_group_that_fails_leaves_nothing_and_can_be_written_again() {
    let folder = Folder::of(&BTreeMap::new());
    let mut book = Book::open(&folder.path().join("ledger.db")).unwrap_or_else(|error| unreachable!("{error}"));
    // The second entry takes the number of the first, after the account was made.
    assert!(book.write(&[row(1, "a", EntryKind::Reserve), row(1, "b", EntryKind::Reserve)]).is_err());
    assert_eq!((kept(&mut book), book.last()), ((Vec::new(), (0, 0)), 0));
    assert!(book.write(&[row(1, "a", EntryKind::Reserve)]).is_ok());
    assert_eq!((kept(&mut book), book.last()), ((vec![("a".to_owned(), 1)], (0, 5)), 1));
}
