//! Floods of keys: faults T7 and T8.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::decision::Cause;
use crate::gate::shelf::SPARE;
use crate::gate::{Bound, Gate, HeapShelf, Memo};
use crate::labels::Lookup;
use crate::rules::{Matcher, Mode, Rule, RuleKind};
use crate::segment::Memory;
use crate::throttle::Quota;

const SIZES: Sizes = Sizes { scopes: 1_024, accounts: 64, reservations: 64, blocks: 4_096, journal: 64 };
const NOW: Now = Now { boot_ns: 1, wall_ns: 1_767_225_600_000_000_000 };
/// What other tenants are sure of: the last eighth.
const SHARE: usize = 128;

fn rules() -> Arc<Rules> {
    let (dimension, quota) = Quota::parse("2 requests/hour", None).unwrap_or_else(|error| unreachable!("{error}"));
    let per = |labels: &[&str]| Matcher { per: labels.iter().map(|label| (*label).into()).collect(), clauses: vec![] };
    let kind = RuleKind::Refill(dimension, quota);
    let rule = Rule { name: "users".into(), matcher: per(&["tenant", "user"]), kind, mode: Mode::Enforce, replaces: vec![] };
    Rules::new(vec![rule]).map_or_else(|error| unreachable!("{error}"), Arc::new)
}

fn memory(layout: &Layout) -> Box<[AtomicU64]> {
    (0..layout.words()).map(|_| AtomicU64::new(0)).collect()
}

/// A shelf in memory and one in a segment, which must answer alike.
struct Both {
    rules: Arc<Rules>,
    heap: Gate,
    layout: Layout,
    words: Box<[AtomicU64]>,
    seed: [u8; 32],
}

impl Both {
    fn new() -> Self {
        let (rules, layout) = (rules(), Layout::new(&SIZES));
        let heap = Gate::new(Arc::clone(&rules), HeapShelf::new([1, 2], SIZES.scopes as usize, false));
        Self { heap, words: memory(&layout), layout, rules, seed: [7; 32] }
    }

    fn shared<R>(&self, call: impl FnOnce(&mut Gate<SharedShelf<'_>>) -> R) -> R {
        let shelf = SharedShelf::begin(self.words.view(), &self.layout, self.seed, 1);
        let shelf = shelf.unwrap_or_else(|error| unreachable!("{error}"));
        let mut gate = Gate::resume(Arc::clone(&self.rules), shelf, Memo::new(&self.rules));
        let answer = call(&mut gate);
        assert_eq!(gate.into_parts().0.commit(), Ok(()));
        answer
    }

    /// Takes one request of a user; the cause of a refusal.
    fn take(&mut self, tenant: &str, user: &str, now: Now) -> std::result::Result<(), Cause> {
        let labels = || Labels::new([("tenant".into(), tenant.into()), ("user".into(), user.into())]).unwrap_or_default();
        let (rules, units) = (Arc::clone(&self.rules), Units([1, 0, 0, 0, 0, 0]));
        let ours = self.heap.take(&Bound::new(&rules, labels()), &units, now);
        let theirs = self.shared(|gate| gate.take(&Bound::new(&rules, labels()), &units, now));
        assert_eq!(ours, theirs, "{tenant}/{user}");
        ours.map_err(|refusal| refusal.binding().map_or(Cause::Rate, |failing| failing.cause))
    }
}

#[test]
fn one_tenants_flood_leaves_room_for_the_others_and_forgets_nobody() {
    let mut both = Both::new();
    for _ in 0..2 {
        assert_eq!(both.take("other", "spent", NOW), Ok(()));
    }
    assert_eq!(both.take("other", "spent", NOW), Err(Cause::Rate));
    let flood = (0..100_000).filter(|user| both.take("flood", &user.to_string(), NOW).is_ok()).count();
    assert_eq!(flood, SIZES.scopes as usize - SHARE - 1);
    assert_eq!(both.take("flood", "one more", NOW), Err(Cause::Full));
    // A user of the flooding tenant who has a scope goes on.
    assert_eq!(both.take("flood", "7", NOW), Ok(()));
    assert_eq!(both.take("flood", "7", NOW), Err(Cause::Rate));
    let theirs = SHARE - 1 - SIZES.scopes as usize / SPARE;
    let others = (0..theirs).filter(|user| both.take("other", &user.to_string(), NOW).is_ok()).count();
    assert_eq!(others, theirs, "the last eighth is theirs, but for the spare slots");
    assert_eq!(both.take("other", "spent", NOW), Err(Cause::Rate), "a limiting key is never forgotten");
    let refused = both.heap.shelf().full_count();
    assert_eq!(refused, 100_001 - flood as u64);
    assert_eq!(both.shared(|gate| gate.shelf().full_count()), refused);
}

#[test]
fn a_flood_ends_when_its_keys_are_idle() {
    let mut both = Both::new();
    for user in 0..5_000 {
        let _ = both.take("flood", &user.to_string(), NOW);
    }
    let later = Now { boot_ns: NOW.boot_ns + 3_600_000_000_000, ..NOW };
    let fresh = (0..5_000).filter(|user| both.take("flood", &format!("fresh {user}"), later).is_ok()).count();
    assert_eq!(fresh, SIZES.scopes as usize - SHARE);
    assert_eq!(both.heap.scope_count(), both.shared(|gate| gate.scope_count()));
}

#[test]
fn a_flood_of_long_keys_leaves_blocks_for_reservations() {
    let mut both = Both::new();
    let layout = Layout::new(&Sizes { blocks: 1_024, ..SIZES });
    (both.words, both.layout) = (memory(&layout), layout);
    let mut admitted = 0;
    for user in 0..2_000 {
        let labels = [("tenant".into(), "x".repeat(250).into()), ("user".into(), format!("{user:0>250}").into())];
        let bound = Bound::new(&both.rules, Labels::new(labels).unwrap_or_default());
        admitted += usize::from(both.shared(|gate| gate.take(&bound, &Units([1, 0, 0, 0, 0, 0]), NOW).is_ok()));
    }
    assert!((50..300).contains(&admitted), "{admitted}");
    assert!(both.layout.blobs.free_blocks(both.words.view()) >= 1_024 * 3 / 8);
}

/// Keys chosen to collide for whoever knows the hash, but not the key of this segment's.
#[test]
fn keys_that_collide_under_a_known_hash_do_not_collide_here() {
    let mut both = Both::new();
    let known = [9; 32];
    let home = |seed: [u8; 32], key: &[u8]| {
        blake3::keyed_hash(&seed, key).as_bytes().first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes) % 2_048)
    };
    let key = |user: u32| {
        let labels = [("tenant".into(), "t".into()), ("user".into(), user.to_string().into())];
        Labels::new(labels).unwrap_or_default().key(0, &["tenant".into(), "user".into()])
    };
    let chosen: Vec<Key> = (0..u32::MAX).map(key).filter(|key| home(known, key) == Some(5)).take(800).collect();
    let probes = |both: &Both, keys: &[Key]| -> usize {
        for key in keys {
            assert!(both.shared(|gate| gate.shelf_mut().slot_or_insert(&both.rules, 0, key, NOW)).is_some());
        }
        both.shared(|gate| keys.iter().map(|key| both.layout.by_key.probes(both.words.view(), gate.shelf().digest(key))).sum())
    };
    let chosen_probes = probes(&both, &chosen);
    let plain: Vec<Key> = (0..800).map(key).collect();
    both.words = memory(&both.layout);
    let plain_probes = probes(&both, &plain);
    assert!(chosen_probes <= 2 * plain_probes, "{chosen_probes} probes for chosen keys, {plain_probes} for any");
    (both.words, both.seed) = (memory(&both.layout), known);
    assert!(probes(&both, &chosen) > 50 * plain_probes, "under the known hash they do collide");
}
