//! `Steering`: the tier of each request, decided on a board that all processes of a state directory share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use tierkit_core::route::{
    Ask, Board, Credits, MoneyQuota, SessionPins, ShareQuota, ShareRouter, Steering, TokenPrices, WHOLE_PPM, cached, digest,
    move_to, pinned,
};
use tierkit_core::segment::Tx;
use tierkit_store::DurableGate;

use crate::door::attached;
use crate::error::{config, store};
use crate::gate::PyGate;

/// (share in millionths, burst).
type Cap<T> = Option<(u32, T)>;

/// What a decision gives: tiers, reasons, nano-USD on hold, the other tier if the need is near a threshold, two alerts.
type Way<'py> = (Vec<usize>, Bound<'py, PyTuple>, i64, Option<usize>, bool, bool);

/// The tier of each request.
#[pyclass(frozen, module = "tierkit._core", name = "Steering")]
pub struct PySteering {
    /// Not its owner: a closed governor lets the state directory go.
    gate: Weak<DurableGate>,
    steering: Mutex<Steering>,
}

impl PySteering {
    /// The rules; a poisoned lock still holds whole values, since no step in between is seen from outside.
    fn rules(&self) -> MutexGuard<'_, Steering> {
        self.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_board<R>(&self, py: Python<'_>, change: impl FnOnce(&Board, &mut Tx<'_>, &[u8; 32]) -> R) -> PyResult<R> {
        let closed = || config(py, "this one is closed; open another Governor");
        self.gate.upgrade().ok_or_else(closed)?.steer(change).map_err(|error| store(py, &error))
    }
}

#[pymethods]
impl PySteering {
    /// `prices` are (cache read, cache write, input, output) in pico-USD per token, one per tier.
    #[new]
    #[pyo3(signature = (gate, shares, *, default=0, quota=None, money=None, idle_ns=None, prices=vec![], paced=false,
        pace_observes=false, observes=false))]
    #[allow(clippy::fn_params_excessive_bools, clippy::needless_pass_by_value)] // keywords; pyo3 makes the vectors
    fn new(
        py: Python<'_>,
        gate: &PyGate,
        shares: Vec<f64>,
        default: usize,
        quota: Cap<u32>,
        money: Cap<i64>,
        idle_ns: Option<i64>,
        prices: Vec<(i64, i64, i64, i64)>,
        paced: bool,
        pace_observes: bool,
        observes: bool,
    ) -> PyResult<Self> {
        let router = attached(py, ShareRouter::new(&shares, default, false))?;
        let prices = prices.into_iter().map(|(read, write, input, output)| TokenPrices { read, write, input, output }).collect();
        let credits = Credits {
            requests: quota.map(|(share_ppm, burst)| ShareQuota::new(share_ppm, burst)),
            money: money.map(|(share_ppm, burst_nusd)| MoneyQuota::new(share_ppm, burst_nusd)),
        };
        let steering = Steering {
            router,
            credits: (credits.requests.is_some() || credits.money.is_some()).then_some(credits),
            pins: idle_ns.map(|idle_ns| SessionPins::new(idle_ns, prices)),
            paced,
            pace_part_ppm: WHOLE_PPM,
            pace_observes,
            observes,
            generation: 0,
        };
        Ok(Self { gate: Arc::downgrade(&gate.gate), steering: Mutex::new(steering) })
    }

    /// Decides a request and remembers it.
    #[pyo3(signature = (need, *, now_ns, gain_ppm=None, session=None, prefix=0, tokens=(0, 0), key=None, ceilings_nusd=vec![],
        drawn=false))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 makes the vector
    fn decide<'py>(
        &self,
        py: Python<'py>,
        need: Option<f64>,
        now_ns: i64,
        gain_ppm: Option<(u32, u32)>,
        session: Option<&str>,
        prefix: u64,
        tokens: (u32, u32),
        key: Option<&str>,
        ceilings_nusd: Vec<i64>,
        drawn: bool,
    ) -> PyResult<Way<'py>> {
        let mut rules = self.rules();
        let way = self.on_board(py, |board, tx, seed| {
            let session = session.map(|text| digest(seed, text));
            let key = key.map(|text| digest(seed, text));
            let ask = Ask { need, gain_ppm, session, prefix, tokens, key, ceilings_nusd: &ceilings_nusd, drawn, now_ns };
            rules.decide(board, tx, &ask)
        })?;
        let reasons = PyTuple::new(py, way.reasons.iter().map(|reason| PyString::intern(py, reason.as_str())))?;
        Ok((way.plan, reasons, way.held_nusd, way.other, way.drifts, way.watched))
    }

    /// The tiers for a need as things stand; changes nothing.
    #[pyo3(signature = (need=None))]
    fn plan(&self, py: Python<'_>, need: Option<f64>) -> PyResult<Vec<usize>> {
        let mut rules = self.rules();
        self.on_board(py, |board, tx, _| rules.plan(board, tx.words(), need))
    }

    /// Books what a request cost, for its key's money, and how many tokens its session's tier has cached now.
    #[pyo3(signature = (*, key=None, session=None, held_nusd=0, strong=false, cost_nusd=0, cached_tokens=None))]
    fn settle(
        &self,
        py: Python<'_>,
        key: Option<&str>,
        session: Option<&str>,
        held_nusd: i64,
        strong: bool,
        cost_nusd: i64,
        cached_tokens: Option<u32>,
    ) -> PyResult<()> {
        let rules = self.rules();
        self.on_board(py, |board, tx, seed| {
            if let (Some(credits), Some(key)) = (&rules.credits, key) {
                credits.settle(board, tx, digest(seed, key), held_nusd, strong, cost_nusd);
            }
            if let (Some(tokens), Some(session)) = (cached_tokens, session) {
                cached(board, tx, digest(seed, session), tokens);
            }
        })
    }

    /// Moves a session that is known to a tier.
    fn move_to(&self, py: Python<'_>, session: &str, tier: usize) -> PyResult<()> {
        self.on_board(py, |board, tx, seed| move_to(board, tx, digest(seed, session), tier))
    }

    /// The tier of a session, or None.
    fn pinned(&self, py: Python<'_>, session: &str) -> PyResult<Option<usize>> {
        self.on_board(py, |board, tx, seed| pinned(board, tx.words(), digest(seed, session)))
    }

    /// Learns what a request costs on the cheap and on the strong tier.
    fn cost(&self, py: Python<'_>, cheap_nusd: i64, strong_nusd: i64) -> PyResult<()> {
        self.on_board(py, |board, tx, _| Steering::cost(board, tx, cheap_nusd, strong_nusd))
    }

    /// Follows a budget: gives the share that it pays for, in millionths, and moves the thresholds.
    fn follow(&self, py: Python<'_>, now_ns: i64, period: (i64, i64), left_nusd: i64) -> PyResult<u32> {
        let mut rules = self.rules();
        self.on_board(py, |board, tx, _| rules.follow(board, tx, now_ns, period, left_nusd))
    }

    /// Part of the traffic that tiers above the cheapest serve when nothing lowers it, in millionths.
    #[getter]
    fn asked_ppm(&self) -> u32 {
        self.rules().router.asked_ppm()
    }

    /// Says which model scores from now on: needs of one with a lower number are forgotten.
    fn use_model(&self, generation: u64) {
        self.rules().generation = generation;
    }

    /// Counts by name, and the figures of the routing as a whole.
    fn figures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut rules = self.rules();
        let found = self.on_board(py, |board, tx, _| rules.figures(board, tx.words()))?;
        let counts = PyDict::new(py);
        for (name, count) in found.counts {
            counts.set_item(name, count)?;
        }
        let answer = PyDict::new(py);
        answer.set_item("counts", counts)?;
        answer.set_item("thresholds", found.thresholds)?;
        answer.set_item("drift_ppm", found.drift_ppm)?;
        answer.set_item("turns", found.turns)?;
        answer.set_item("extra_nusd", found.extra_nusd)?;
        Ok(answer)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PySteering>()
}
