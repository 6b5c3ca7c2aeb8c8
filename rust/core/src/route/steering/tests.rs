use super::*;
use crate::error::Result;
use crate::route::{Credits, MoneyQuota, OwnBoard, ShareQuota, TokenPrices};
use crate::segment::Memory;

fn steering(credits: Option<Credits>, pins: Option<SessionPins>) -> Result<Steering> {
    let router = ShareRouter::new(&[0.0, 0.3, 0.2], 0, false)?;
    let whole = WHOLE_PPM;
    Ok(Steering {
        router,
        credits,
        pins,
        paced: false,
        pace_part_ppm: whole,
        pace_observes: false,
        observes: false,
        generation: 0,
    })
}

fn decide(own: &OwnBoard, steering: &mut Steering, ask: &Ask<'_>) -> Result<Way> {
    let mut tx = Tx::begin(own.words.view(), own.log)?;
    let way = steering.decide(&own.board, &mut tx, ask);
    tx.commit()?;
    Ok(way)
}

fn ask(need: f64) -> Ask<'static> {
    Ask { need: Some(need), ..Ask::default() }
}

#[test]
fn two_processes_are_one_router_and_one_quota() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let credits = Credits { requests: Some(ShareQuota::new(100_000, 3)), money: None };
    let mut workers = [steering(Some(credits), None)?, steering(Some(credits), None)?];
    let mut strong = 0;
    for n in 0..1_000_usize {
        let asked = Ask { key: Some([5, 1]), ..ask(0.99) };
        strong += usize::from(decide(&own, &mut workers[n % 2], &asked)?.plan[0] > 0);
        assert!(strong * 10 <= 30 + (n + 1), "{strong} of {n}");
    }
    let counts = workers[1].figures(&own.board, own.words.view()).counts;
    assert_eq!(counts[0], ("requests", 1_000));
    Ok(())
}

#[test]
fn a_key_without_money_gets_the_cheapest_only() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let credits = Credits { requests: Some(ShareQuota::new(0, 1)), money: Some(MoneyQuota::new(0, 100)) };
    let mut one = steering(Some(credits), None)?;
    let dear = Ask { key: Some([1, 1]), ceilings_nusd: &[1, 50, 101], ..ask(0.99) };
    let way = decide(&own, &mut one, &dear)?;
    assert_eq!((way.plan, way.reasons), (vec![0], vec![Reason::Money]));
    // The credit of requests was given back: a call that fits is served.
    let fits = Ask { ceilings_nusd: &[1, 50, 100], ..dear.clone() };
    let way = decide(&own, &mut one, &fits)?;
    assert_eq!((way.plan, way.held_nusd), (vec![2, 1, 0], 100));
    assert_eq!(decide(&own, &mut one, &fits)?.reasons, [Reason::Share]);
    Ok(())
}

#[test]
fn a_rise_must_be_worth_the_cache() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let price = |input: i64| TokenPrices { read: input / 10, write: input, input, output: 4 * input };
    let pins = SessionPins::new(1_000, vec![price(100), price(500), price(2_000)]);
    let mut one = steering(None, Some(pins))?;
    let mut tx = Tx::begin(own.words.view(), own.log)?;
    Steering::cost(&own.board, &mut tx, 1_000, 20_000);
    tx.commit()?;
    let begin = Ask { session: Some([7, 1]), tokens: (50_000, 100), ..ask(0.1) };
    assert_eq!(decide(&own, &mut one, &begin)?.plan[0], 0);
    let mut tx = Tx::begin(own.words.view(), own.log)?;
    pins::cached(&own.board, &mut tx, [7, 1], 50_000);
    tx.commit()?;
    let small = Ask { need: Some(0.95), gain_ppm: Some((210_000, 200_000)), tokens: (50_100, 100), ..begin.clone() };
    let way = decide(&own, &mut one, &small)?;
    assert_eq!((way.plan[0], way.reasons), (0, vec![Reason::Switch]));
    let unfitted = Ask { gain_ppm: None, session: Some([7, 1]), ..small.clone() };
    assert_eq!(decide(&own, &mut one, &unfitted)?.plan[0], 2, "without a fit a clear need is enough");
    Ok(())
}

#[test]
fn a_changed_prefix_ends_a_pin() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let mut one = steering(None, Some(SessionPins::new(1_000, Vec::new())))?;
    let high = Ask { session: Some([7, 1]), prefix: 11, ..ask(0.95) };
    assert_eq!(decide(&own, &mut one, &high)?.plan[0], 2);
    let low = Ask { need: Some(0.1), ..high.clone() };
    assert_eq!(decide(&own, &mut one, &low)?.plan[0], 2);
    assert_eq!(decide(&own, &mut one, &Ask { prefix: 12, ..low })?.plan[0], 0);
    Ok(())
}

#[test]
fn another_model_begins_anew_and_an_older_process_adds_nothing() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let (mut old, mut new) = (steering(None, None)?, steering(None, None)?);
    for _ in 0..500 {
        decide(&own, &mut old, &ask(0.1))?;
    }
    new.generation = 1;
    decide(&own, &mut new, &ask(0.5))?;
    let before = new.figures(&own.board, own.words.view()).thresholds;
    assert!(before[2] > 0.7, "{before:?}");
    for _ in 0..500 {
        decide(&own, &mut old, &ask(0.1))?;
    }
    assert_eq!(format!("{:?}", new.figures(&own.board, own.words.view()).thresholds), format!("{before:?}"));
    Ok(())
}

#[test]
fn chance_picks_the_other_side_of_a_near_threshold_only() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let mut one = steering(None, None)?;
    for (need, tier, other) in [(0.82, 1, Some(1)), (0.78, 2, Some(2)), (0.97, 2, None), (0.2, 0, None), (0.52, 0, Some(0))] {
        let fresh = OwnBoard::new([0; 32]);
        let way = decide(&fresh, &mut one, &Ask { drawn: true, ..ask(need) })?;
        assert_eq!((way.plan[0], way.other), (tier, other), "{need}");
    }
    let pinned = Ask { drawn: true, session: Some([1, 1]), ..ask(0.82) };
    assert_eq!(decide(&own, &mut one, &pinned)?.plan[0], 2);
    Ok(())
}

#[test]
fn who_only_watches_changes_no_tier_and_counts_what_it_would() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let mut one = steering(None, None)?;
    one.observes = true;
    for n in 0..1_000_u32 {
        assert_eq!(decide(&own, &mut one, &ask(f64::from(n * 619 % 1_000) / 1_000.0))?.plan[0], 0);
    }
    let strong = one.figures(&own.board, own.words.view()).counts[1].1;
    assert!((460..540).contains(&strong), "{strong}");
    Ok(())
}

#[test]
fn a_key_that_wants_far_more_is_told_once() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let credits = Credits { requests: Some(ShareQuota::new(1_000_000, 5)), money: None };
    let mut one = Steering { router: ShareRouter::new(&[0.0, 0.1], 0, false)?, ..steering(Some(credits), None)? };
    let mut told = Vec::new();
    for n in 0..20_000_u64 {
        let mallory = n % 40 == 0;
        let need = if mallory { 0.999 } else { f64::from(u32::try_from(n * 7919 % 1_000).unwrap_or(0)) / 1_400.0 };
        let asked = Ask { key: Some([if mallory { 1 } else { 2 + n % 4 }, 1]), ..ask(need) };
        if decide(&own, &mut one, &asked)?.watched {
            told.push(mallory);
        }
    }
    assert_eq!(told, [true]);
    Ok(())
}

#[test]
fn a_lower_pace_is_counted_where_it_changes_a_tier() -> Result<()> {
    let own = OwnBoard::new([0; 32]);
    let mut one = steering(None, None)?;
    let mut tx = Tx::begin(own.words.view(), own.log)?;
    Steering::cost(&own.board, &mut tx, 1_000, 20_000);
    let share = one.follow(&own.board, &mut tx, 500, (0, 1_000), 0);
    tx.commit()?;
    assert_eq!((share, one.pace_part_ppm), (0, 0));
    let way = decide(&own, &mut one, &ask(0.95))?;
    assert_eq!((way.plan[0], way.reasons), (0, vec![Reason::Pace]));
    one.pace_observes = true;
    let mut tx = Tx::begin(own.words.view(), own.log)?;
    one.follow(&own.board, &mut tx, 500, (0, 1_000), 0);
    tx.commit()?;
    let way = decide(&own, &mut one, &ask(0.95))?;
    assert_eq!((way.plan[0], way.reasons), (2, vec![Reason::Pace]), "observed: counted, not done");
    Ok(())
}
