//! The checkers, and the processes that live under them: threads that may be killed at any store.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};

/// Who places the steps of the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checker {
    /// Exhaustively, with every value that a weak memory lets a load see.
    Loom,
    /// At random or by priorities, in one order of all steps.
    Shuttle,
}

/// What is left of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It dies in place of this store, counted from 1.
    Dies(u64),
    /// It died, and its thread unwinds.
    Dead,
}

thread_local! {
    static CHECKER: Cell<Checker> = const { Cell::new(Checker::Shuttle) };
    // Both checkers run all their threads on this one.
    static FATES: RefCell<HashMap<Thread, Fate>> = RefCell::default();
    static TURNSTILE: shuttle::sync::atomic::AtomicBool = const { shuttle::sync::atomic::AtomicBool::new(false) };
}

/// The payload of a thread that unwinds because its process was killed.
struct Killed;

/// The checker that runs on this thread.
pub fn checker() -> Checker {
    CHECKER.get()
}

/// A thread of either checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Thread {
    Loom(loom::thread::ThreadId),
    Shuttle(shuttle::current::TaskId),
}

fn thread() -> Thread {
    match checker() {
        Checker::Loom => Thread::Loom(loom::thread::current().id()),
        Checker::Shuttle => Thread::Shuttle(shuttle::current::me()),
    }
}

fn fate() -> Option<Fate> {
    FATES.with_borrow(|fates| if fates.is_empty() { None } else { fates.get(&thread()).copied() })
}

/// Whether the process of this thread is dead.
pub fn is_over() -> bool {
    fate() == Some(Fate::Dead)
}

/// One store: true when it is to be made. The process may die in place of it.
pub fn step() -> bool {
    match fate() {
        Some(Fate::Dead) => return false,
        Some(Fate::Dies(1)) => {
            FATES.with_borrow_mut(|fates| fates.insert(thread(), Fate::Dead));
            resume_unwind(Box::new(Killed));
        }
        Some(Fate::Dies(stores)) => drop(FATES.with_borrow_mut(|fates| fates.insert(thread(), Fate::Dies(stores - 1)))),
        None => {}
    }
    switch();
    true
}

/// A place where the other checker may let another thread go on; loom has its own in each step.
pub fn switch() {
    if checker() == Checker::Shuttle {
        TURNSTILE.with(|turnstile| turnstile.load(std::sync::atomic::Ordering::SeqCst));
    }
}

/// Lets another thread go on.
pub fn give_way() {
    match checker() {
        _ if is_over() => {}
        Checker::Loom => loom::thread::yield_now(),
        Checker::Shuttle => shuttle::thread::yield_now(),
    }
}

/// Lives as a process that dies in place of a store, or to its end; `None` when it died.
pub fn live<R>(dies_at: Option<u64>, life: impl FnOnce() -> R) -> Option<R> {
    if let Some(store) = dies_at {
        FATES.with_borrow_mut(|fates| fates.insert(thread(), Fate::Dies(store)));
    }
    let ended = catch_unwind(AssertUnwindSafe(life));
    FATES.with_borrow_mut(|fates| fates.remove(&thread()));
    match ended {
        Ok(value) => Some(value),
        Err(cause) if cause.is::<Killed>() => None,
        Err(cause) => resume_unwind(cause),
    }
}

/// A number below another, chosen by the checker.
pub fn chance(below: u64) -> u64 {
    use shuttle::rand::Rng;
    shuttle::rand::thread_rng().gen_range(0..below)
}

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) {
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.stack_size = 256 * 1024;
    config.max_steps = shuttle::MaxSteps::FailAfter(5_000_000);
    CHECKER.set(Checker::Shuttle);
    FATES.take();
    shuttle::Runner::new(scheduler, config).run(test);
}

/// Runs a test under as many schedules, half of them at random and half with few changes of priority, which finds what needs
/// a rare order of few events.
pub fn interleave(schedules: usize, test: impl Fn() + Clone + Send + Sync + 'static) {
    run(RandomScheduler::new(schedules.div_ceil(2)), test.clone());
    run(PctScheduler::new(4, schedules / 2), test);
}

/// Runs a test under every schedule with at most so many preemptions, and every value that its loads may see.
pub fn exhaust(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    CHECKER.set(Checker::Loom);
    FATES.take();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model.check(test);
}
