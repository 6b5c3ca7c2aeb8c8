//! `Gate`: the door to the durable gate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyList};
use tierkit_core::clock::Clock;
use tierkit_core::gate::{Actual, Bound as Scopes, Correction};
use tierkit_core::ledger::{Flags, ReservationId};
use tierkit_core::rules::Rule;
use tierkit_core::throttle::{Dimension, Units};
use tierkit_store::{DurableGate, Offer, Options, StoreError};

use crate::clock::PyManualClock;
use crate::decision::{Answer, PyDecision};
use crate::door::{attached, durably};
use crate::error::{config, state, store};
use crate::labels::{key_dict, passing, read};
use crate::money::{PyMoney, decimal};
use crate::queue::{PyClaim, PyQueue};
use crate::rules::{PyBudgetRule, PyLimitRule};
use crate::scope::{PyScope, reserved};
use crate::units::{asked, used};
use crate::usage::PyUsage;

/// A gate over the rules of a policy.
#[pyclass(frozen, module = "tierkit._core", name = "Gate")]
pub struct PyGate {
    pub(crate) gate: Arc<DurableGate>,
}

/// Tier, model and backend, read where Python keeps them.
type Candidate = (PyBackedStr, PyBackedStr, PyBackedStr);

/// The rules of a list of `LimitRule` and `BudgetRule`.
fn checked(rules: &Bound<'_, PyList>) -> PyResult<Vec<Rule>> {
    let rule = |rule: Bound<'_, PyAny>| match rule.cast::<PyLimitRule>() {
        Ok(limit) => Ok(limit.get().0.clone()),
        Err(_) => Ok(rule.cast::<PyBudgetRule>()?.get().0.clone()),
    };
    rules.iter().map(rule).collect()
}

fn allows(py: Python<'_>, on_state_error: &str) -> PyResult<bool> {
    match on_state_error {
        "allow" => Ok(true),
        "refuse" => Ok(false),
        _ => Err(config(py, format!("on_state_error '{on_state_error}': expected 'refuse' or 'allow'"))),
    }
}

fn nanoseconds(py: Python<'_>, ttl_s: f64) -> PyResult<u64> {
    if !(0.001..=31_536_000.0).contains(&ttl_s) {
        return Err(config(py, format!("ttl_s={ttl_s}: expected 0.001 s to one year")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok((ttl_s * 1e9) as u64)
}

impl PyGate {
    /// Takes by labels, under the rules in force.
    fn take_units(
        &self,
        py: Python<'_>,
        labels: Option<&Bound<'_, PyDict>>,
        units: &Units,
        ttl_s: f64,
    ) -> PyResult<Py<PyDecision>> {
        loop {
            let rules = self.gate.rules();
            let scopes = passing(py, labels, None, |labels| self.gate.passing(&rules, labels))?;
            if scopes.holds() {
                return PyScope::take_units(&Bound::new(py, self.bind(py, labels, ttl_s)?)?, units);
            }
            let decision = match self.gate.take(&scopes, units) {
                Ok(Ok(())) => PyDecision::new(Answer::Taken(scopes), *units),
                Ok(Err(refusal)) => PyDecision::refused(&rules, refusal, *units),
                Err(StoreError::Stale) => continue,
                Err(error) => return Err(store(py, &error)),
            };
            return Py::new(py, decision);
        }
    }
}

#[pymethods]
impl PyGate {
    #[new]
    #[pyo3(signature = (rules, *, state=None, clock=None, capacity=2_097_152, durability="relaxed", on_state_error="refuse", line="rules", policy="", loaded_ns=0))]
    fn new(
        py: Python<'_>,
        rules: &Bound<'_, PyList>,
        state: Option<PathBuf>,
        clock: Option<&Bound<'_, PyManualClock>>,
        capacity: usize,
        durability: &str,
        on_state_error: &str,
        line: &str,
        policy: &str,
        loaded_ns: i64,
    ) -> PyResult<Self> {
        let offer = Offer { rules: checked(rules)?, line: line.to_owned(), policy: policy.to_owned(), loaded_ns };
        let strict = match durability {
            "strict" => true,
            "relaxed" => false,
            _ => return Err(config(py, format!("durability '{durability}': expected 'relaxed' or 'strict'"))),
        };
        let allow_on_fault = allows(py, on_state_error)?;
        let clock = clock.map(|clock| -> Arc<dyn Clock> { clock.get().0.clone() });
        let options = Options { directory: state, capacity: capacity.max(1), strict, allow_on_fault };
        let gate = py.detach(|| DurableGate::open(offer, clock, &options)).map_err(|error| store(py, &error))?;
        Ok(Self { gate: Arc::new(gate) })
    }

    /// Lets other rules decide from the next call on, in every process of the state. Returns their version.
    #[pyo3(signature = (rules, *, line="rules", policy="", loaded_ns=0))]
    fn reload(&self, py: Python<'_>, rules: &Bound<'_, PyList>, line: &str, policy: &str, loaded_ns: i64) -> PyResult<u64> {
        let offer = Offer { rules: checked(rules)?, line: line.to_owned(), policy: policy.to_owned(), loaded_ns };
        py.detach(|| self.gate.reload(&offer)).map_err(|error| store(py, &error))
    }

    /// The version of the rules in force.
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        self.gate.version().map_err(|error| state(py, &error))
    }

    /// What to do from now on when the ledger cannot be written.
    fn on_state_error(&self, py: Python<'_>, word: &str) -> PyResult<()> {
        self.gate.allow_on_fault(allows(py, word)?);
        Ok(())
    }

    /// The version of the rules in force, and where processes share them line and text of their policy: (version, line, text).
    fn in_force(&self, py: Python<'_>) -> PyResult<(u64, Option<String>, Option<String>)> {
        let (version, policy) = py.detach(|| self.gate.in_force()).map_err(|error| store(py, &error))?;
        let (line, text) = policy.unzip();
        Ok((version, line, text))
    }

    /// Matches labels once, for many takes.
    #[pyo3(signature = (labels=None, *, ttl_s=660.0))]
    fn bind(&self, py: Python<'_>, labels: Option<&Bound<'_, PyDict>>, ttl_s: f64) -> PyResult<PyScope> {
        Ok(PyScope::new(&self.gate, read(py, labels)?, nanoseconds(py, ttl_s)?))
    }

    /// Takes by labels. By position, since matching eight names costs more than the take.
    #[pyo3(signature = (labels, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None, ttl_s=660.0))]
    fn take(
        &self,
        py: Python<'_>,
        labels: Option<&Bound<'_, PyDict>>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
        ttl_s: f64,
    ) -> PyResult<Py<PyDecision>> {
        self.take_units(py, labels, &asked(requests, input_tokens, output_tokens, total_tokens, usd)?, ttl_s)
    }

    /// The same, unless others wait in the queue before this request, or before the one with this ticket in it.
    #[pyo3(signature = (queue, priority, now_ns, ticket, labels, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None, ttl_s=660.0))]
    fn take_in_turn(
        &self,
        py: Python<'_>,
        queue: &PyQueue,
        priority: usize,
        now_ns: u64,
        ticket: Option<u64>,
        labels: Option<&Bound<'_, PyDict>>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
        ttl_s: f64,
    ) -> PyResult<Py<PyDecision>> {
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        let rules = self.gate.rules();
        let bound = passing(py, labels, None, |labels| self.gate.bound(&rules, labels))?;
        match queue.held_up(&PyClaim::new(&rules, &bound, units), priority, now_ns, ticket) {
            Some(held_up) => Py::new(py, held_up),
            None => self.take_units(py, labels, &units, ttl_s),
        }
    }

    /// Corrects a take to what was used; dimensions that are not named were used as taken.
    #[pyo3(signature = (decision, *, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None))]
    fn settle_take(
        &self,
        py: Python<'_>,
        decision: &PyDecision,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let units = used(decision.units, [requests, input_tokens, output_tokens, total_tokens], usd)?;
        match &decision.answer {
            Answer::Refused(_) => {
                Err(config(py, "settle: this decision refused, so nothing was taken; settle only what was allowed"))
            }
            Answer::Reserved { id, .. } => {
                let actual = Actual { units, usage: None, flags: Flags::default(), saved_nusd: 0 };
                durably(py, &self.gate, |gate| gate.settle(id, &actual)).map(|_| ()).map_err(|error| store(py, &error))
            }
            Answer::Taken(_) if !decision.first_settle() => Err(crate::error::raise(
                py,
                "AlreadySettled",
                "this decision was settled before; the first settle stands".to_owned(),
            )),
            Answer::Taken(scopes) => {
                let settled = self.gate.settle_take(scopes, &decision.units, &units);
                settled.map_err(|error| store(py, &error))
            }
        }
    }

    /// Reserves for a candidate. `candidate` is (tier, model, backend) or None. With a version it decides only under the rules
    /// of that version, and gives None when others are in force.
    #[pyo3(signature = (labels, candidate, id, *, requests=1, input_tokens=0, output_tokens=0, nusd=0, concurrency=1, ttl_s=660.0, version=None))]
    fn reserve(
        &self,
        py: Python<'_>,
        labels: Option<&Bound<'_, PyDict>>,
        candidate: Option<Candidate>,
        id: Option<&str>,
        requests: i64,
        input_tokens: i64,
        output_tokens: i64,
        nusd: i64,
        concurrency: i64,
        ttl_s: f64,
        version: Option<u64>,
    ) -> PyResult<Option<PyDecision>> {
        let candidate = candidate.as_ref().map(|(tier, model, backend)| [&**tier, &**model, &**backend]);
        let units = Units([requests, input_tokens, output_tokens, input_tokens.saturating_add(output_tokens), nusd, concurrency]);
        let id = match id {
            Some(id) => attached(py, ReservationId::new(id))?,
            None => attached(py, ReservationId::new(&self.gate.new_id()))?,
        };
        let ttl_ns = nanoseconds(py, ttl_s)?;
        loop {
            let rules = self.gate.rules();
            if version.is_some_and(|version| version != rules.version()) {
                return Ok(None);
            }
            let scopes = passing(py, labels, candidate, |labels| self.gate.bound(&rules, labels))?;
            match durably(py, &self.gate, |gate| gate.admit(&id, &scopes, units, ttl_ns)) {
                Ok(outcome) => return Ok(Some(reserved(&rules, outcome, units, id))),
                Err(StoreError::Stale) => {}
                Err(error) => return Err(store(py, &error)),
            }
        }
    }

    /// What a request would take, for the queue. `candidate` is (tier, model, backend) or None.
    #[pyo3(signature = (labels, candidate=None, *, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None))]
    fn claim(
        &self,
        py: Python<'_>,
        labels: Option<&Bound<'_, PyDict>>,
        candidate: Option<Candidate>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyClaim> {
        let candidate = candidate.as_ref().map(|(tier, model, backend)| [&**tier, &**model, &**backend]);
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        let rules = self.gate.rules();
        let bound = passing(py, labels, candidate, |labels| self.gate.bound(&rules, labels))?;
        Ok(PyClaim::new(&rules, &bound, units))
    }

    /// From where a decision, or the reservation of an id, took: what the queue is told when it ends. None when that is unknown.
    fn touched(&self, py: Python<'_>, taken: &Bound<'_, PyAny>) -> PyResult<Option<PyClaim>> {
        let all = Units([1; 6]);
        let rules = &self.gate.rules();
        let id = match taken.cast::<PyDecision>().map(|decision| &decision.get().answer) {
            Ok(Answer::Refused(_)) => return Ok(None),
            Ok(Answer::Taken(scopes)) => return Ok(Some(PyClaim::new(rules, scopes, all))),
            Ok(Answer::Reserved { id, .. }) => id.clone(),
            Err(_) => attached(py, ReservationId::new(taken.extract()?))?,
        };
        let found = self.gate.reservation(&id).map_err(|error| store(py, &error))?;
        let Some(found) = found else { return Ok(None) };
        // What it took is forgotten once it has ended; its labels are not.
        let bound = Scopes::new(rules, (*found.labels).clone());
        Ok(Some(PyClaim::new(rules, &bound, all)))
    }

    /// How often the processes of the state directory made room; None where no other process can.
    fn freed(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.gate.freed().map_err(|error| state(py, &error))
    }

    /// Sleeps until one makes room after `seen`, or the time is over; gives the new count.
    fn wait_freed(&self, py: Python<'_>, seen: u64, timeout_s: f64) -> PyResult<Option<u64>> {
        let time = Duration::try_from_secs_f64(timeout_s).unwrap_or_default();
        py.detach(|| self.gate.wait_freed(seen, time)).map_err(|error| state(py, &error))
    }

    /// Posts what was used. Gives (nano-USD, late, overrun, replayed, alerts).
    #[pyo3(signature = (id, *, requests=1, input_tokens=0, output_tokens=0, nusd=0, usage=None, estimated=false, cached=false, saved_nusd=0))]
    #[allow(clippy::fn_params_excessive_bools)]
    fn post<'py>(
        &self,
        py: Python<'py>,
        id: &str,
        requests: i64,
        input_tokens: i64,
        output_tokens: i64,
        nusd: i64,
        usage: Option<&PyUsage>,
        estimated: bool,
        cached: bool,
        saved_nusd: i64,
    ) -> PyResult<(i64, bool, bool, bool, Vec<(String, Bound<'py, PyDict>, u32, PyMoney, PyMoney)>)> {
        let id = attached(py, ReservationId::new(id))?;
        let units = Units([requests, input_tokens, output_tokens, input_tokens.saturating_add(output_tokens), nusd, 0]);
        let flags = Flags::default().with(Flags::ESTIMATED, estimated).with(Flags::CACHED, cached);
        let actual = Actual { units, usage: usage.map(|usage| usage.counts), flags, saved_nusd };
        let (receipt, alerts) = durably(py, &self.gate, |gate| gate.settle(&id, &actual)).map_err(|error| store(py, &error))?;
        let rules = &self.gate.rules();
        let mut raised = Vec::with_capacity(alerts.len());
        for alert in alerts {
            let name = rules.get(alert.rule).map(|rule| rule.name.to_string()).unwrap_or_default();
            let key = key_dict(py, rules, alert.rule, &alert.key)?;
            raised.push((name, key, alert.permille, PyMoney { nusd: alert.posted }, PyMoney { nusd: alert.limit }));
        }
        Ok((receipt.nusd, receipt.late, receipt.overrun, receipt.replayed, raised))
    }

    /// Corrects what was posted by `nusd` nano-USD: what is posted now, and whether the adjustment was known.
    fn adjust(&self, py: Python<'_>, id: &str, nusd: i64, adjustment: Option<&str>) -> PyResult<(i64, bool)> {
        let id = attached(py, ReservationId::new(id))?;
        let own = attached(py, adjustment.map_or_else(|| ReservationId::new(&self.gate.new_id()), ReservationId::new))?;
        let receipt = self.gate.adjust(&id, Correction { id: &own, nusd }).map_err(|error| store(py, &error))?;
        Ok((receipt.nusd, receipt.replayed))
    }

    /// Gives everything back; false when it was given back before.
    fn void(&self, py: Python<'_>, id: &str) -> PyResult<bool> {
        let id = attached(py, ReservationId::new(id))?;
        durably(py, &self.gate, |gate| gate.cancel(&id)).map(|receipt| !receipt.replayed).map_err(|error| store(py, &error))
    }

    /// Moves the expiry of an open reservation; false when it has ended.
    #[pyo3(signature = (id, *, ttl_s))]
    fn renew(&self, py: Python<'_>, id: &str, ttl_s: f64) -> PyResult<bool> {
        let id = attached(py, ReservationId::new(id))?;
        self.gate.renew(&id, nanoseconds(py, ttl_s)?).map_err(|error| store(py, &error))
    }

    /// Rows of (rule, key, window start in ns or None, window end in ns or None, limit, posted, pending).
    fn balances<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<
        Vec<(String, Bound<'py, PyDict>, Option<i64>, Option<i64>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    > {
        let found = self.gate.balances().map_err(|error| store(py, &error))?;
        let (rules, mut rows) = (&self.gate.rules(), Vec::new());
        for row in found {
            let name = rules.get(row.rule).map(|rule| rule.name.to_string()).unwrap_or_default();
            let window = row.account.window;
            rows.push((
                name,
                key_dict(py, rules, row.rule, &row.key)?,
                (window.start_ns != i64::MIN).then_some(window.start_ns),
                (window.end_ns != i64::MAX).then_some(window.end_ns),
                decimal(py, row.limit)?,
                decimal(py, row.account.posted)?,
                decimal(py, row.account.pending)?,
            ));
        }
        Ok(rows)
    }

    /// What is known of a reservation in memory: (state, labels, reserved money, takes as (rule, key, amount), reserved input and
    /// output tokens), or None.
    fn reservation<'py>(
        &self,
        py: Python<'py>,
        id: &str,
    ) -> PyResult<Option<(String, Bound<'py, PyDict>, PyMoney, Vec<(String, Bound<'py, PyDict>, i64)>, (i64, i64))>> {
        let id = attached(py, ReservationId::new(id))?;
        let found = self.gate.reservation(&id).map_err(|error| store(py, &error))?;
        let Some(found) = found else { return Ok(None) };
        let state = match found.state {
            tierkit_core::ledger::State::Open => "open",
            tierkit_core::ledger::State::Posted(_) => "posted",
            tierkit_core::ledger::State::Void => "void",
            tierkit_core::ledger::State::Expired => "expired",
        };
        let rules = &self.gate.rules();
        let mut takes = Vec::new();
        for take in &found.takes {
            let name = rules.get(take.rule).map(|rule| rule.name.to_string()).unwrap_or_default();
            takes.push((name, key_dict(py, rules, take.rule, &take.key)?, take.amount));
        }
        let tokens = (found.units.get(Dimension::InputTokens), found.units.get(Dimension::OutputTokens));
        Ok(Some((state.to_owned(), crate::labels::dict(py, &found.labels)?, PyMoney { nusd: found.nusd() }, takes, tokens)))
    }

    #[getter]
    fn scope_count(&self, py: Python<'_>) -> PyResult<usize> {
        self.gate.figures().map(|found| found.0).map_err(|error| store(py, &error))
    }

    #[getter]
    fn worst_overshoot(&self, py: Python<'_>) -> PyResult<PyMoney> {
        self.gate.figures().map(|found| PyMoney { nusd: found.1 }).map_err(|error| store(py, &error))
    }

    /// How often an observing rule would have refused.
    fn would_refuse(&self, py: Python<'_>, rule: &str) -> PyResult<u64> {
        let counted = self.gate.rules().position(rule).map_or(Ok(0), |rule| self.gate.would_refuse(rule));
        counted.map_err(|error| store(py, &error))
    }

    #[getter]
    fn wall_ns(&self) -> i64 {
        self.gate.now().wall_ns
    }

    fn new_id(&self) -> String {
        self.gate.new_id()
    }

    /// Waits until the ledger file holds everything that happened.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.gate.flush()).map_err(|error| store(py, &error))
    }

    /// Once when the ledger cannot be written, and once when it can again: (what is wrong or None, reservations that the ledger
    /// lacks, money posted for them). Otherwise None.
    fn trouble(&self, py: Python<'_>) -> PyResult<Option<(Option<String>, i64, PyMoney)>> {
        let Some(fault) = self.gate.trouble() else { return Ok(None) };
        let lacks = self.gate.unwritten().map_err(|error| store(py, &error))?;
        Ok(Some((fault.map(|fault| fault.to_string()), lacks.reservations, PyMoney { nusd: lacks.nusd })))
    }

    /// Ends the writer and gives the state free: every later call is refused. Again, it does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.gate.close()).map_err(|error| state(py, &error))
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyGate>()
}
