//! `Provider`: what a backend's answers say, behind one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tierkit_core::decision::{Failing, Refusal};
use tierkit_core::labels::{Key, key_values};
use tierkit_core::rules::{Matcher, Mode, Rule, RuleKind, Rules};
use tierkit_core::throttle::{Dimension, Held, Provider, Quota, Units};

use crate::decision::PyDecision;
use crate::door::attached;
use crate::error::config;

/// Stands where a scope's key has the index of its rule: no policy has that many.
pub const NO_RULE: u16 = u16::MAX;

/// One backend, as its answers describe it.
#[pyclass(frozen, module = "tierkit._core", name = "Provider")]
pub struct PyProvider {
    rules: Arc<Rules>,
    backend: Box<str>,
    state: Mutex<Provider>,
}

/// The key of the scope that all requests for a model of a backend share.
pub fn key(backend: &str, model: &str) -> Key {
    let mut bytes = NO_RULE.to_le_bytes().to_vec();
    for value in [backend, model] {
        bytes.push(1);
        bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes.into()
}

/// The rule that names a backend in refusals; a tier without one is named by its model.
fn named(backend: &str, model: &str) -> tierkit_core::error::Result<Arc<Rules>> {
    let backend = if backend.is_empty() { model } else { backend };
    let rule = Rule {
        name: format!("provider:{backend}").into(),
        matcher: Matcher { per: vec!["backend".into(), "model".into()], clauses: Vec::new() },
        kind: RuleKind::Hold(i64::MAX),
        mode: Mode::Enforce,
        replaces: Vec::new(),
    };
    Rules::new(vec![rule]).map(Arc::new)
}

/// The same for a key made by [`key`].
pub fn rules(key: &[u8]) -> Option<Arc<Rules>> {
    match key_values(key).as_slice() {
        [Some(backend), Some(model)] => named(backend, model).ok(),
        _ => None,
    }
}

fn dimension(py: Python<'_>, name: &str) -> PyResult<Dimension> {
    match name {
        "requests" => Ok(Dimension::Requests),
        "input_tokens" => Ok(Dimension::InputTokens),
        "output_tokens" => Ok(Dimension::OutputTokens),
        "total_tokens" => Ok(Dimension::TotalTokens),
        _ => Err(config(py, format!("dimension '{name}': expected requests, input_tokens, output_tokens or total_tokens"))),
    }
}

fn units(requests: i64, input_tokens: i64, output_tokens: i64) -> Units {
    Units([requests, input_tokens, output_tokens, input_tokens.saturating_add(output_tokens), 0, 1])
}

#[pymethods]
impl PyProvider {
    #[new]
    fn new(py: Python<'_>, backend: &str, model: &str) -> PyResult<Self> {
        let rules = attached(py, named(backend, model))?;
        Ok(Self { rules, backend: backend.into(), state: Mutex::new(Provider::default()) })
    }

    /// Takes room for a request: None, or the refusal.
    fn take(&self, model: &str, input_tokens: i64, output_tokens: i64, now_ns: u64) -> Option<PyDecision> {
        let asked = units(1, input_tokens, output_tokens);
        self.state().take(model, &asked, now_ns).err().map(|held| self.refusal(model, held, asked))
    }

    /// Ends a request: (input, output) tokens as taken and as used; None for one that was never sent.
    #[pyo3(signature = (model, taken, used, began_ns, now_ns))]
    fn end(&self, model: &str, taken: (i64, i64), used: Option<(i64, i64)>, began_ns: u64, now_ns: u64) {
        let used = used.map_or(Units([0; 6]), |(input, output)| units(1, input, output));
        self.state().end(model, &units(1, taken.0, taken.1), &used, began_ns, now_ns);
    }

    fn pause(&self, wait_ns: u64, jitter_permille: u64, now_ns: u64) {
        self.state().pause(wait_ns, jitter_permille, now_ns);
    }

    fn news(&self, model: &str, sent_ns: u64) -> bool {
        self.state().news(model, sent_ns)
    }

    #[pyo3(signature = (model, dimension, *, limit, period_ns, remaining, now_ns))]
    fn sync(
        &self,
        py: Python<'_>,
        model: &str,
        dimension: &str,
        limit: u64,
        period_ns: u64,
        remaining: Option<i64>,
        now_ns: u64,
    ) -> PyResult<()> {
        let quota = attached(py, Quota::new(limit, period_ns, limit))?;
        self.state().sync(model, self::dimension(py, dimension)?, quota, remaining, now_ns);
        Ok(())
    }

    fn exhausted(&self, model: &str, now_ns: u64) {
        self.state().exhausted(model, now_ns);
    }

    fn succeeded(&self) {
        self.state().succeeded();
    }

    fn overloaded(&self, sent_ns: u64, now_ns: u64) {
        self.state().overloaded(sent_ns, now_ns);
    }

    #[getter]
    fn cap(&self) -> Option<i64> {
        self.state().cap()
    }

    #[getter]
    fn running(&self) -> i64 {
        self.state().running()
    }
}

impl PyProvider {
    /// The state; a poisoned lock still holds whole figures, since no step in between calls back.
    fn state(&self) -> MutexGuard<'_, Provider> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, model: &str, held: Held, asked: Units) -> PyDecision {
        let Held { dimension, cause, needed, available, wait } = held;
        let key = key(&self.backend, model);
        let failing = Failing { rule: 0, key, dimension, cause, needed, available, wait, next_tier: true };
        PyDecision::refused(&self.rules, Refusal { failing: vec![failing] }, asked)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyProvider>()
}
