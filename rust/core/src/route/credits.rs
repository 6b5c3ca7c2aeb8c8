//! The quotas of each key, on the board.

use super::WHOLE_PPM;
use super::board::Board;
use super::quota::{MoneyQuota, ShareQuota};
use super::steering::{Counted, Reason};
use super::table::Digest;
use crate::segment::{Tx, Words};

/// Words of a row, after its digest.
const PPM: usize = 2;
const NUSD: usize = 3;
const ASKED: usize = 4;
const WANTED: usize = 5;
const ALERTED: usize = 6;

/// A key is looked at after so many requests; then half of them are forgotten, so that a change shows.
const MANY: u64 = 200;
/// It is told of when it wants the strong tier so many times as often as all do.
const FAR_MORE: u64 = 3;

/// The caps of every key.
#[derive(Debug, Clone, Copy)]
pub struct Credits {
    /// On requests.
    pub requests: Option<ShareQuota>,
    /// On money.
    pub money: Option<MoneyQuota>,
}

/// What a request of a key asks for.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// Whether it wants a tier above the cheapest.
    pub strong: bool,
    /// What it can cost there at most.
    pub ceiling_nusd: i64,
    /// Whether nothing is put on hold: the routing only watches.
    pub only_look: bool,
}

/// What it got.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paid {
    /// Who refuses the strong tier.
    pub refused_by: Option<Reason>,
    /// Nano-USD on hold.
    pub held_nusd: i64,
    /// Whether the key wants the strong tier far more often than all, told once.
    pub watched: bool,
}

impl Credits {
    /// Counts a request of a key, and takes its credits if it wants a strong tier and has both.
    pub fn ask(&self, board: &Board, tx: &mut Tx<'_>, key: Digest, asked: Strength) -> Paid {
        let row = self.row(board, tx, key);
        let (mut ppm, mut nusd) = (tx.load(row + PPM), tx.load(row + NUSD).cast_signed());
        let mut paid = Paid { watched: watch(board, tx, row, asked.strong), ..Paid::default() };
        let granted = self.requests.is_none_or(|quota| quota.ask(&mut ppm, asked.strong));
        if asked.strong && !granted {
            paid.refused_by = Some(Reason::Share);
        } else if let Some(quota) = self.money.filter(|_| asked.strong) {
            match quota.hold(&mut nusd, asked.ceiling_nusd) {
                Some(held) => paid.held_nusd = held,
                None => {
                    paid.refused_by = Some(Reason::Money);
                    ppm = ppm.saturating_add(if self.requests.is_some() { u64::from(WHOLE_PPM) } else { 0 });
                }
            }
        }
        tx.store(row + PPM, ppm);
        if !asked.only_look {
            tx.store(row + NUSD, nusd.cast_unsigned());
        }
        paid
    }

    /// Books what a request of a key cost, and gives its hold back.
    pub fn settle(&self, board: &Board, tx: &mut Tx<'_>, key: Digest, held_nusd: i64, strong: bool, cost_nusd: i64) {
        let Some(quota) = self.money else { return };
        let row = self.row(board, tx, key);
        let mut nusd = tx.load(row + NUSD).cast_signed();
        quota.settle(&mut nusd, held_nusd, strong, cost_nusd);
        tx.store(row + NUSD, nusd.cast_unsigned());
    }

    /// The row of a key. Where there is no room, the key goes whose credit is fullest: it gains least by beginning anew.
    fn row(&self, board: &Board, tx: &mut Tx<'_>, key: Digest) -> usize {
        let full_ppm = self.requests.map_or(0, |quota| quota.full());
        let full_nusd = self.money.map_or(0, |quota| quota.full());
        let missed = |words: Words<'_>, at: usize| {
            let requests = full_ppm.saturating_sub(words.load(at + PPM));
            let nusd = full_nusd.saturating_sub(words.load(at + NUSD).cast_signed());
            requests.saturating_add(u64::try_from(nusd).unwrap_or(0))
        };
        let (row, new) = board.credits.row(tx, key, missed);
        if new {
            tx.store(row + PPM, full_ppm);
            tx.store(row + NUSD, full_nusd.cast_unsigned());
        }
        row
    }
}

/// Counts what a key wants; true once, when it wants the strong tier far more often than all requests do.
fn watch(board: &Board, tx: &mut Tx<'_>, row: usize, strong: bool) -> bool {
    let all = [Counted::Requests, Counted::Strong].map(|what| tx.load(board.counts.at(what as usize)));
    let asked = tx.load(row + ASKED).saturating_add(1);
    let wanted = tx.load(row + WANTED).saturating_add(u64::from(strong));
    let looked = asked >= MANY;
    tx.store(row + ASKED, if looked { asked / 2 } else { asked });
    tx.store(row + WANTED, if looked { wanted / 2 } else { wanted });
    // Shares as fractions: wanted / asked > 3 · strong / requests.
    let far = |by: u64, of: u64| u128::from(wanted) * u128::from(of) > u128::from(FAR_MORE) * u128::from(by) * u128::from(asked);
    let told = tx.load(row + ALERTED) != 0;
    let watched = looked && !told && far(all[1], all[0]);
    if watched {
        tx.store(row + ALERTED, 1);
    }
    watched
}
