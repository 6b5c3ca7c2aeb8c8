//! Which tier a session is on: it stays there while its prompt cache is warm, and moves upward only for a clear need.
//!
//! # Invariant
//! The tier of a session never falls while it is warm; times are integer nanoseconds, prices integers.

use std::collections::HashMap;

/// Sessions that are remembered; beyond, the half that was used longest ago is forgotten.
const MOST_SESSIONS: usize = 65_536;

/// Need above a tier's threshold that moves a session up, at least: a switch costs the prompt cache of the tier that it leaves.
///
/// # Source
/// A target of the routing design: 2 points of rank.
const CLEAR: f64 = 0.02;

/// Sessions and their tiers.
#[derive(Debug, Clone)]
pub struct SessionPins {
    idle_ns: i64,
    pins: HashMap<Box<str>, Pin>,
}

#[derive(Debug, Clone, Copy)]
struct Pin {
    tier: usize,
    used_ns: i64,
}

impl SessionPins {
    /// Pins that end when a session was idle for `idle_ns`, which is how long providers keep a prompt cache warm.
    pub fn new(idle_ns: i64) -> Self {
        Self { idle_ns: idle_ns.max(0), pins: HashMap::new() }
    }

    /// The tier of a request: the session's, or a higher one that its need clearly asks for.
    ///
    /// `above` is the need over the threshold of the chosen tier.
    ///
    /// # Example
    /// ```
    /// let mut pins = tierkit_core::route::SessionPins::new(300);
    /// assert_eq!(pins.keep("s", 1, 0.3, 0), 1);
    /// assert_eq!(pins.keep("s", 0, 0.3, 200), 1);
    /// assert_eq!(pins.keep("s", 2, 0.01, 400), 1);
    /// assert_eq!(pins.keep("s", 2, 0.05, 400), 2);
    /// assert_eq!(pins.keep("s", 0, 0.3, 701), 0);
    /// ```
    pub fn keep(&mut self, session: &str, chosen: usize, above: f64, now_ns: i64) -> usize {
        let warm = self.pins.get(session).filter(|pin| now_ns.saturating_sub(pin.used_ns) <= self.idle_ns);
        let tier = match warm {
            Some(pin) if chosen <= pin.tier || above < CLEAR || above.is_nan() => pin.tier,
            _ => chosen,
        };
        if self.pins.len() >= MOST_SESSIONS && !self.pins.contains_key(session) {
            self.forget();
        }
        let used_ns = self.pins.get(session).map_or(now_ns, |pin| pin.used_ns.max(now_ns));
        self.pins.insert(session.into(), Pin { tier, used_ns });
        tier
    }

    fn forget(&mut self) {
        let mut ages: Vec<i64> = self.pins.values().map(|pin| pin.used_ns).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        let oldest = *median;
        // All of one age: none is older than another, so all go.
        self.pins.retain(|_, pin| pin.used_ns > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_session_never_falls() {
        let mut pins = SessionPins::new(1_000);
        let mut before = 0;
        for at in 0..5_000_i64 {
            let chosen = usize::try_from((at * 7919) % 4).unwrap_or(0);
            let tier = pins.keep("one", chosen, 0.5, at * 900);
            assert!(tier >= before && tier >= chosen);
            before = tier;
        }
    }

    #[test]
    fn sessions_are_bounded() {
        let mut pins = SessionPins::new(10);
        for session in 0..150_000_i64 {
            pins.keep(&session.to_string(), 1, 1.0, session);
        }
        assert!(pins.pins.len() <= MOST_SESSIONS);
        assert_eq!(pins.keep("149999", 0, 1.0, 150_000), 1);
    }
}
