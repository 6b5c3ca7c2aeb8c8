//! From a need to the tier of one request: shares, sessions and quotas together, on a board that processes share.
//!
//! # Invariant
//! One decision is one change of the board: it happens whole or not at all.

use super::board::Board;
use super::credits::{Credits, Strength};
use super::pins::{self, SessionPins, Turn};
use super::table::Digest;
use super::{Pace, ShareRouter, WHOLE_PPM, Worth, drift};
use crate::segment::{Tx, Words};

/// A need this close to a threshold may be explored: further away the other tier is known to be wrong or wasted.
const NEAR: f64 = 0.05;

/// Where the number of the model lies among the words of the needs.
const GENERATION: usize = 258;

/// What is asked of the routing for one request.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    /// How much a stronger tier is needed.
    pub need: Option<f64>,
    /// Expected gain of the strong tier on this request and on the one at the margin, in millionths; once fitted.
    pub gain_ppm: Option<(u32, u32)>,
    /// The session, if it has one.
    pub session: Option<Digest>,
    /// What is the same in all turns of the session; 0: unknown.
    pub prefix: u64,
    /// Input and output tokens.
    pub tokens: (u32, u32),
    /// The key of the quotas.
    pub key: Option<Digest>,
    /// What the request can cost at most on each tier, in nano-USD; empty without a quota on money.
    pub ceilings_nusd: &'a [i64],
    /// Whether chance has picked this request for the other tier, if its need is near a threshold.
    pub drawn: bool,
    /// The time.
    pub now_ns: i64,
}

/// Why the tier is not the need's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The pace of a budget.
    Pace,
    /// The session's tier.
    Session,
    /// A rise that was not worth the prompt cache.
    Switch,
    /// The key's quota of requests.
    Share,
    /// The key's quota of money.
    Money,
    /// Chance, to learn.
    Explore,
}

impl Reason {
    /// The word that users read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pace => "pace",
            Self::Session => "session",
            Self::Switch => "switch",
            Self::Share => "share",
            Self::Money => "money",
            Self::Explore => "explore",
        }
    }
}

/// What is counted since the board was made; places in its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Counted {
    /// Decisions.
    Requests = 0,
    /// Those for a tier above the cheapest.
    Strong = 1,
    /// Those that the pace changed, or would have changed.
    Pace = 2,
    /// Those that a session's tier changed.
    Session = 3,
    /// Rises that were not worth the cache.
    Switch = 4,
    /// Refusals of the quota of requests.
    Share = 5,
    /// Refusals of the quota of money.
    Money = 6,
    /// Those that were explored.
    Explore = 7,
    /// Windows of needs that lay apart from those before.
    Drift = 8,
    /// Keys that asked for the strong tier three times as often as all.
    Keys = 9,
}

/// Names of what is counted, by place.
const COUNTED: [&str; 10] = ["requests", "strong", "pace", "session", "switch", "share", "money", "explore", "drifts", "keys"];

/// What was decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Way {
    /// The tiers to try, best first.
    pub plan: Vec<usize>,
    /// Why it is not the need's alone.
    pub reasons: Vec<Reason>,
    /// Nano-USD on hold of the key's quota on money.
    pub held_nusd: i64,
    /// The other tier, if the need was near enough to a threshold to explore it.
    pub other: Option<usize>,
    /// Whether needs are no longer distributed as they were.
    pub drifts: bool,
    /// Whether this key asks for the strong tier far more often than all.
    pub watched: bool,
}

/// What is known of the routing as a whole.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Name and count.
    pub counts: Vec<(&'static str, u64)>,
    /// The need above which each tier is chosen.
    pub thresholds: Vec<f64>,
    /// How far the last window of needs lay from those before, in millionths of the stability index.
    pub drift_ppm: u64,
    /// Turns that a session goes on for.
    pub turns: u32,
    /// What a request costs more on the strong tier, in nano-USD.
    pub extra_nusd: Option<i64>,
}

/// The rules of one policy's routing. What it observes lies on the board.
#[derive(Debug, Clone)]
pub struct Steering {
    /// The shares; what it observed is read from the board before each use.
    pub router: ShareRouter,
    /// The quotas by key.
    pub credits: Option<Credits>,
    /// The sessions.
    pub pins: Option<SessionPins>,
    /// Whether a budget sets the pace.
    pub paced: bool,
    /// Part of the shares that the pace asks for, in millionths.
    pub pace_part_ppm: u32,
    /// Whether the pace only watches.
    pub pace_observes: bool,
    /// Whether all of it only watches, and each request goes to the default tier.
    pub observes: bool,
    /// The number of the model that scores: needs of another one are forgotten.
    pub generation: u64,
}

impl Steering {
    /// Decides a request and remembers it.
    pub fn decide(&mut self, board: &Board, tx: &mut Tx<'_>, ask: &Ask<'_>) -> Way {
        if self.paced {
            Self::arrived(board, tx, ask.now_ns);
        }
        let current = self.catch_up(board, tx);
        let mut way = Way::default();
        let wanted = self.choose(ask, &mut way);
        if let Some(need) = ask.need.filter(|_| current) {
            self.router.observe(need);
            self.router.write(tx, board.needs);
            way.drifts = drift::drifts(board, tx, need);
        }
        let kept = self.keep(board, tx, ask, wanted, &mut way);
        let tier = self.pay(board, tx, ask, kept, &mut way);
        count(board, tx, tier, &way);
        if self.observes {
            way.plan = self.router.plan(None);
        }
        way
    }

    /// The tier that the need asks for, under the pace and by chance.
    fn choose(&self, ask: &Ask<'_>, way: &mut Way) -> usize {
        let first = self.router.first(ask.need);
        let Some(need) = ask.need else { return first };
        let with = self.router.first_at(need, self.pace_part_ppm);
        if self.pace_part_ppm < WHOLE_PPM && with != self.router.first_at(need, WHOLE_PPM) {
            way.reasons.push(Reason::Pace);
        }
        way.other = self.other(need, first).filter(|_| ask.session.is_none());
        match way.other.filter(|_| ask.drawn) {
            Some(other) => {
                way.reasons.push(Reason::Explore);
                other
            }
            None => first,
        }
    }

    /// The tier on the other side of the nearest threshold, if it is near.
    fn other(&self, need: f64, first: usize) -> Option<usize> {
        let apart = |tier: &usize| self.router.threshold(*tier).map_or(f64::INFINITY, |threshold| (need - threshold).abs());
        let nearest = (1..self.router.tiers()).min_by(|one, other| apart(one).total_cmp(&apart(other)))?;
        (apart(&nearest) <= NEAR).then_some(if first >= nearest { nearest - 1 } else { nearest })
    }

    fn keep(&self, board: &Board, tx: &mut Tx<'_>, ask: &Ask<'_>, chosen: usize, way: &mut Way) -> usize {
        let (Some(pins), Some(session)) = (&self.pins, ask.session) else { return chosen };
        let threshold = ask.need.and_then(|_| self.router.threshold(chosen)).unwrap_or(0.0);
        let extra_nusd = ask.gain_ppm.and_then(|_| Pace::read(tx.words(), board.pace).extra_nusd());
        let worth = ask.gain_ppm.zip(extra_nusd);
        let kept = pins.keep(
            board,
            tx,
            Turn {
                session,
                chosen,
                above: ask.need.unwrap_or(0.0) - threshold,
                prefix: ask.prefix,
                tokens: ask.tokens,
                worth: worth.map(|((gain_ppm, margin_ppm), extra_nusd)| Worth { gain_ppm, margin_ppm, extra_nusd }),
                now_ns: ask.now_ns,
            },
        );
        if kept.tier != chosen {
            way.reasons.push(if kept.too_dear { Reason::Switch } else { Reason::Session });
        }
        kept.tier
    }

    /// The quotas are the harder of all: a key without credit gets the cheapest tier.
    fn pay(&self, board: &Board, tx: &mut Tx<'_>, ask: &Ask<'_>, tier: usize, way: &mut Way) -> usize {
        way.plan = self.router.from(tier);
        let (Some(credits), Some(key)) = (&self.credits, ask.key) else { return tier };
        let ceiling_nusd = ask.ceilings_nusd.get(tier).copied().unwrap_or(0);
        let asked = Strength { strong: tier > 0, ceiling_nusd, only_look: self.observes };
        let paid = credits.ask(board, tx, key, asked);
        way.watched = paid.watched;
        way.held_nusd = paid.held_nusd;
        if let Some(reason) = paid.refused_by {
            way.reasons.push(reason);
        }
        if tier == 0 || paid.refused_by.is_some() {
            // Nor when the cheapest has no room: a key without credit must not get up by crowding it.
            way.plan = vec![0];
            return 0;
        }
        if credits.money.is_some() {
            // A tier above the chosen one would cost more than what is on hold.
            way.plan.retain(|other| *other <= tier);
        }
        tier
    }

    /// Reads the board; false when its needs are those of a newer model than this process has, and not to be added to.
    fn catch_up(&mut self, board: &Board, tx: &mut Tx<'_>) -> bool {
        let at = board.needs.at(GENERATION);
        let theirs = tx.load(at);
        self.router.read(tx.words(), board.needs);
        if theirs < self.generation {
            self.router.forget();
            self.router.write(tx, board.needs);
            drift::forget(board, tx);
            tx.store(at, self.generation);
        }
        theirs <= self.generation
    }

    /// The tiers for a need as things stand; changes nothing on the board.
    pub fn plan(&mut self, board: &Board, words: Words<'_>, need: Option<f64>) -> Vec<usize> {
        self.router.read(words, board.needs);
        self.router.plan(need.filter(|_| !self.observes))
    }

    /// What is known of the routing as a whole.
    pub fn figures(&mut self, board: &Board, words: Words<'_>) -> Figures {
        self.router.read(words, board.needs);
        let counts = COUNTED.iter().enumerate().map(|(place, name)| (*name, words.load(board.counts.at(place)))).collect();
        Figures {
            counts,
            thresholds: (0..self.router.tiers()).filter_map(|tier| self.router.threshold(tier)).collect(),
            drift_ppm: drift::last_index_ppm(board, words),
            turns: pins::turns_to_come(board, words),
            extra_nusd: Pace::read(words, board.pace).extra_nusd(),
        }
    }

    /// Counts a request for the pace.
    fn arrived(board: &Board, tx: &mut Tx<'_>, now_ns: i64) {
        let mut pace = Pace::read(tx.words(), board.pace);
        if pace.has_begun() {
            pace.arrived(now_ns);
            pace.write(tx, board.pace);
        }
    }

    /// Learns what a request costs on the cheap and on the strong tier.
    pub fn cost(board: &Board, tx: &mut Tx<'_>, cheap_nusd: i64, strong_nusd: i64) {
        let mut pace = Pace::read(tx.words(), board.pace);
        pace.settled(cheap_nusd, strong_nusd);
        pace.write(tx, board.pace);
    }

    /// Follows a budget: its period, and what is left of it. Gives the share that it pays for and moves the thresholds.
    pub fn follow(&mut self, board: &Board, tx: &mut Tx<'_>, now_ns: i64, period: (i64, i64), left_nusd: i64) -> u32 {
        let asked_ppm = self.router.asked_ppm();
        let mut pace = Pace::read(tx.words(), board.pace);
        pace.enter(period.0, period.1);
        pace.write(tx, board.pace);
        let share_ppm = pace.share_ppm(now_ns, left_nusd, asked_ppm);
        let part = u64::from(share_ppm) * u64::from(WHOLE_PPM) / u64::from(asked_ppm.max(1));
        self.pace_part_ppm = u32::try_from(part).unwrap_or(WHOLE_PPM).min(WHOLE_PPM);
        self.router.read(tx.words(), board.needs);
        self.router.scale(if self.pace_observes { WHOLE_PPM } else { self.pace_part_ppm });
        share_ppm
    }
}

fn count(board: &Board, tx: &mut Tx<'_>, tier: usize, way: &Way) {
    let mut add = |what: Counted, by: bool| {
        let at = board.counts.at(what as usize);
        tx.store(at, tx.load(at).saturating_add(u64::from(by)));
    };
    add(Counted::Requests, true);
    add(Counted::Strong, tier > 0);
    add(Counted::Drift, way.drifts);
    add(Counted::Keys, way.watched);
    for reason in &way.reasons {
        let what = match reason {
            Reason::Pace => Counted::Pace,
            Reason::Session => Counted::Session,
            Reason::Switch => Counted::Switch,
            Reason::Share => Counted::Share,
            Reason::Money => Counted::Money,
            Reason::Explore => Counted::Explore,
        };
        add(what, true);
    }
}

#[cfg(test)]
mod tests;
