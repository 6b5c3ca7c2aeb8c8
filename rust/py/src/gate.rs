//! `Gate` and `Scope`: the door to the durable gate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tierkit_core::clock::Clock;
use tierkit_core::decision::Refusal;
use tierkit_core::gate::{Actual, Bound as Scopes, Grant};
use tierkit_core::ledger::{Flags, ReservationId};
use tierkit_core::rules::{RuleKind, Rules};
use tierkit_core::throttle::{Dimension, Units};
use tierkit_store::{DurableGate, Options};

use crate::clock::PyManualClock;
use crate::decision::{Answer, PyDecision};
use crate::door::attached;
use crate::error::{config, state, store};
use crate::labels::{key_dict, read};
use crate::money::{PyMoney, decimal, extract_nusd};
use crate::queue::PyClaim;
use crate::rules::{PyBudgetRule, PyLimitRule};
use crate::usage::{PyUsage, count};

/// A gate over the rules of a policy.
#[pyclass(frozen, module = "tierkit._core", name = "Gate")]
pub struct PyGate {
    pub(crate) gate: Arc<DurableGate>,
}

/// Labels matched once: the handle for hot paths.
#[pyclass(frozen, module = "tierkit._core", name = "Scope")]
pub struct PyScope {
    gate: Arc<DurableGate>,
    scopes: Scopes,
    holds: bool,
    ttl_ns: u64,
}

fn amount(value: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
    match value.extract::<i64>() {
        Ok(amount) if amount >= 0 => Ok(amount),
        _ => Ok(i64::try_from(count(value, name)?).unwrap_or(i64::MAX)),
    }
}

fn money(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let nusd = extract_nusd(value)?;
    if nusd < 0 {
        return Err(config(value.py(), format!("usd {}: expected 0 or more", value.str()?)));
    }
    Ok(nusd)
}

/// The units of a settle: what is named is what was used, the rest was used as taken.
fn used(taken: Units, asked: [Option<&Bound<'_, PyAny>>; 4], usd: Option<&Bound<'_, PyAny>>) -> PyResult<Units> {
    let [requests, input, output, total] = asked;
    let mut units = taken.with(Dimension::Concurrency, 0);
    for (dimension, value) in
        [(Dimension::Requests, requests), (Dimension::InputTokens, input), (Dimension::OutputTokens, output)]
    {
        if let Some(value) = value {
            units = units.with(dimension, amount(value, dimension.as_str())?);
        }
    }
    if let Some(value) = total {
        units = units.with(Dimension::TotalTokens, amount(value, "total_tokens")?);
    } else if input.is_some() || output.is_some() {
        let sum = units.get(Dimension::InputTokens).saturating_add(units.get(Dimension::OutputTokens));
        units = units.with(Dimension::TotalTokens, sum);
    }
    match usd {
        Some(value) => Ok(units.with(Dimension::Usd, money(value)?)),
        None => Ok(units),
    }
}

fn holds(rules: &Rules, scopes: &Scopes) -> bool {
    let held = |rule: u16| rules.get(rule).is_some_and(|found| !matches!(found.kind, RuleKind::Refill(..)));
    scopes.scopes().iter().any(|scope| held(scope.rule))
}

fn nanoseconds(py: Python<'_>, ttl_s: f64) -> PyResult<u64> {
    if !(0.001..=31_536_000.0).contains(&ttl_s) {
        return Err(config(py, format!("ttl_s={ttl_s}: expected 0.001 s to one year")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok((ttl_s * 1e9) as u64)
}

fn reserved(gate: &DurableGate, outcome: Result<Grant, Refusal>, units: Units, id: ReservationId) -> PyDecision {
    match outcome {
        Ok(grant) => PyDecision::new(Answer::Reserved { id, replayed: grant.replayed }, units),
        Err(refusal) => PyDecision::refused(gate.rules(), refusal, units),
    }
}

impl PyScope {
    fn take_units(slf: &Bound<'_, Self>, units: &Units) -> PyResult<Py<PyDecision>> {
        let (py, scope) = (slf.py(), slf.get());
        let decision = if scope.holds {
            let id = attached(py, ReservationId::new(&scope.gate.new_id()))?;
            let outcome = scope.gate.admit(&id, &scope.scopes, *units, scope.ttl_ns).map_err(|error| store(py, &error))?;
            reserved(&scope.gate, outcome, *units, id)
        } else {
            match scope.gate.take(&scope.scopes, units).map_err(|error| store(py, &error))? {
                Ok(()) => return Py::new(py, PyDecision::new(Answer::Taken(slf.clone().unbind()), *units)),
                Err(refusal) => PyDecision::refused(scope.gate.rules(), refusal, *units),
            }
        };
        Py::new(py, decision)
    }
}

#[pymethods]
impl PyScope {
    #[pyo3(signature = (*, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None))]
    fn take(
        slf: &Bound<'_, Self>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyDecision>> {
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        Self::take_units(slf, &units)
    }
}

/// The units of a take: what is left out counts as 0, requests as 1, and total tokens as the sum.
#[inline]
fn asked(
    requests: Option<&Bound<'_, PyAny>>,
    input_tokens: Option<&Bound<'_, PyAny>>,
    output_tokens: Option<&Bound<'_, PyAny>>,
    total_tokens: Option<&Bound<'_, PyAny>>,
    usd: Option<&Bound<'_, PyAny>>,
) -> PyResult<Units> {
    let requests = requests.map_or(Ok(1), |value| amount(value, "requests"))?;
    let input = input_tokens.map_or(Ok(0), |value| amount(value, "input_tokens"))?;
    let output = output_tokens.map_or(Ok(0), |value| amount(value, "output_tokens"))?;
    let total = total_tokens.map_or(Ok(input.saturating_add(output)), |value| amount(value, "total_tokens"))?;
    let nusd = usd.map_or(Ok(0), money)?;
    Ok(Units([requests, input, output, total, nusd, 1]))
}

#[pymethods]
impl PyGate {
    #[new]
    #[pyo3(signature = (rules, *, state=None, clock=None, capacity=2_097_152, durability="relaxed", on_state_error="refuse"))]
    fn new(
        py: Python<'_>,
        rules: &Bound<'_, PyList>,
        state: Option<PathBuf>,
        clock: Option<&Bound<'_, PyManualClock>>,
        capacity: usize,
        durability: &str,
        on_state_error: &str,
    ) -> PyResult<Self> {
        let mut checked = Vec::with_capacity(rules.len());
        for rule in rules.iter() {
            if let Ok(limit) = rule.cast::<PyLimitRule>() {
                checked.push(limit.get().0.clone());
            } else {
                checked.push(rule.cast::<PyBudgetRule>()?.get().0.clone());
            }
        }
        let strict = match durability {
            "strict" => true,
            "relaxed" => false,
            _ => return Err(config(py, format!("durability '{durability}': expected 'relaxed' or 'strict'"))),
        };
        let allow_on_fault = match on_state_error {
            "allow" => true,
            "refuse" => false,
            _ => return Err(config(py, format!("on_state_error '{on_state_error}': expected 'refuse' or 'allow'"))),
        };
        let rules = attached(py, Rules::new(checked))?;
        let clock = clock.map(|clock| -> Arc<dyn Clock> { clock.get().0.clone() });
        let options = Options { directory: state, capacity: capacity.max(1), strict, allow_on_fault };
        let gate = py.detach(|| DurableGate::open(rules, clock, &options)).map_err(|error| self::state(py, &error))?;
        Ok(Self { gate: Arc::new(gate) })
    }

    /// Matches labels once, for many takes.
    #[pyo3(signature = (labels=None, *, ttl_s=660.0))]
    fn bind(&self, py: Python<'_>, labels: Option<&Bound<'_, PyDict>>, ttl_s: f64) -> PyResult<PyScope> {
        let scopes = Scopes::new(self.gate.rules(), read(labels, None)?);
        let holds = holds(self.gate.rules(), &scopes);
        Ok(PyScope { gate: Arc::clone(&self.gate), scopes, holds, ttl_ns: nanoseconds(py, ttl_s)? })
    }

    #[pyo3(signature = (labels, *, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None, ttl_s=660.0))]
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
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        PyScope::take_units(&Bound::new(py, self.bind(py, labels, ttl_s)?)?, &units)
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
                self.gate.settle(id, &actual).map(|_| ()).map_err(|error| store(py, &error))
            }
            Answer::Taken(_) if !decision.first_settle() => Err(crate::error::raise(
                py,
                "AlreadySettled",
                "this decision was settled before; the first settle stands".to_owned(),
            )),
            Answer::Taken(scope) => {
                let settled = self.gate.settle_take(&scope.get().scopes, &decision.units, &units);
                settled.map_err(|error| store(py, &error))
            }
        }
    }

    /// Reserves for a candidate. `candidate` is (tier, model, backend) or None.
    #[pyo3(signature = (labels, candidate, id, *, requests=1, input_tokens=0, output_tokens=0, nusd=0, concurrency=1, ttl_s=660.0))]
    fn reserve(
        &self,
        py: Python<'_>,
        labels: Option<&Bound<'_, PyDict>>,
        candidate: Option<(String, String, String)>,
        id: Option<&str>,
        requests: i64,
        input_tokens: i64,
        output_tokens: i64,
        nusd: i64,
        concurrency: i64,
        ttl_s: f64,
    ) -> PyResult<PyDecision> {
        let candidate = candidate.as_ref().map(|(tier, model, backend)| [tier.as_str(), model.as_str(), backend.as_str()]);
        let scopes = Scopes::new(self.gate.rules(), read(labels, candidate)?);
        let units = Units([requests, input_tokens, output_tokens, input_tokens.saturating_add(output_tokens), nusd, concurrency]);
        let id = match id {
            Some(id) => attached(py, ReservationId::new(id))?,
            None => attached(py, ReservationId::new(&self.gate.new_id()))?,
        };
        let ttl_ns = nanoseconds(py, ttl_s)?;
        let outcome = self.gate.admit(&id, &scopes, units, ttl_ns).map_err(|error| store(py, &error))?;
        Ok(reserved(&self.gate, outcome, units, id))
    }

    /// What a request would take, for the queue. `candidate` is (tier, model, backend) or None.
    #[pyo3(signature = (labels, candidate=None, *, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None))]
    fn claim(
        &self,
        labels: Option<&Bound<'_, PyDict>>,
        candidate: Option<(String, String, String)>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyClaim> {
        let candidate = candidate.as_ref().map(|(tier, model, backend)| [tier.as_str(), model.as_str(), backend.as_str()]);
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        let bound = Scopes::new(self.gate.rules(), read(labels, candidate)?);
        Ok(PyClaim::new(self.gate.rules(), &bound, units))
    }

    /// From where a decision, or the reservation of an id, took: what the queue is told when it ends. None when that is unknown.
    fn touched(&self, py: Python<'_>, taken: &Bound<'_, PyAny>) -> PyResult<Option<PyClaim>> {
        let all = Units([1; 6]);
        let rules = self.gate.rules();
        let id = match taken.cast::<PyDecision>().map(|decision| &decision.get().answer) {
            Ok(Answer::Refused(_)) => return Ok(None),
            Ok(Answer::Taken(scope)) => return Ok(Some(PyClaim::new(rules, &scope.get().scopes, all))),
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
        let (receipt, alerts) = self.gate.settle(&id, &actual).map_err(|error| store(py, &error))?;
        let rules = self.gate.rules();
        let mut raised = Vec::with_capacity(alerts.len());
        for alert in alerts {
            let name = rules.get(alert.rule).map(|rule| rule.name.to_string()).unwrap_or_default();
            let key = key_dict(py, rules, alert.rule, &alert.key)?;
            raised.push((name, key, alert.permille, PyMoney { nusd: alert.posted }, PyMoney { nusd: alert.limit }));
        }
        Ok((receipt.nusd, receipt.late, receipt.overrun, receipt.replayed, raised))
    }

    /// Gives everything back; false when it was given back before.
    fn void(&self, py: Python<'_>, id: &str) -> PyResult<bool> {
        let id = attached(py, ReservationId::new(id))?;
        self.gate.cancel(&id).map(|receipt| !receipt.replayed).map_err(|error| store(py, &error))
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
        let rules = self.gate.rules();
        let mut rows = Vec::new();
        for row in self.gate.balances().map_err(|error| store(py, &error))? {
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

    /// What is known of a reservation in memory: (state, labels, reserved, takes as (rule, key, amount)), or None.
    fn reservation<'py>(
        &self,
        py: Python<'py>,
        id: &str,
    ) -> PyResult<Option<(String, Bound<'py, PyDict>, PyMoney, Vec<(String, Bound<'py, PyDict>, i64)>)>> {
        let id = attached(py, ReservationId::new(id))?;
        let found = self.gate.reservation(&id).map_err(|error| store(py, &error))?;
        let Some(found) = found else { return Ok(None) };
        let state = match found.state {
            tierkit_core::ledger::State::Open => "open",
            tierkit_core::ledger::State::Posted(_) => "posted",
            tierkit_core::ledger::State::Void => "void",
            tierkit_core::ledger::State::Expired => "expired",
        };
        let rules = self.gate.rules();
        let mut takes = Vec::new();
        for take in &found.takes {
            let name = rules.get(take.rule).map(|rule| rule.name.to_string()).unwrap_or_default();
            takes.push((name, key_dict(py, rules, take.rule, &take.key)?, take.amount));
        }
        Ok(Some((state.to_owned(), crate::labels::dict(py, &found.labels)?, PyMoney { nusd: found.nusd() }, takes)))
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
        py.detach(|| self.gate.flush()).map_err(|error| state(py, &error))
    }
}

/// Sums the ledger of a state directory by labels.
#[pyfunction]
fn read_spend(
    py: Python<'_>,
    directory: PathBuf,
    by: Vec<String>,
) -> PyResult<Vec<(Vec<Option<String>>, i64, i64, i64, PyMoney, PyMoney, PyMoney)>> {
    let rows = py.detach(|| tierkit_store::spend(&directory, &by)).map_err(|error| state(py, &error))?;
    let money = |nusd| PyMoney { nusd };
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                row.values,
                row.requests,
                row.input_tokens,
                row.output_tokens,
                money(row.nusd),
                money(row.saved_nusd),
                money(row.estimated_nusd),
            )
        })
        .collect())
}

/// Everything the ledger knows of one reservation, oldest first.
#[pyfunction]
fn read_story<'py>(py: Python<'py>, directory: PathBuf, id: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let rows = py.detach(|| tierkit_store::explain(&directory, id)).map_err(|error| state(py, &error))?;
    let mut story = Vec::with_capacity(rows.len());
    for row in rows {
        let entry = PyDict::new(py);
        entry.set_item("seq", row.seq)?;
        entry.set_item("kind", row.kind)?;
        entry.set_item("at_ns", row.at_ns)?;
        entry.set_item("usd", tierkit_core::units::format_nusd(row.nusd))?;
        entry.set_item("labels", row.labels)?;
        entry.set_item("usage", row.usage)?;
        entry.set_item("marks", crate::books::marks(row.flags))?;
        let postings = PyList::empty(py);
        for (rule, scope, posted, pending) in row.postings {
            let change = PyDict::new(py);
            change.set_item("rule", rule)?;
            change.set_item("key", scope)?;
            change.set_item("posted_usd", tierkit_core::units::format_nusd(posted))?;
            change.set_item("pending_usd", tierkit_core::units::format_nusd(pending))?;
            postings.append(change)?;
        }
        entry.set_item("postings", postings)?;
        story.push(entry);
    }
    Ok(story)
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyGate>()?;
    module.add_class::<PyScope>()?;
    module.add_function(wrap_pyfunction!(read_spend, module)?)?;
    module.add_function(wrap_pyfunction!(read_story, module)?)
}
