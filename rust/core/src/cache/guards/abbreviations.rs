//! Words that are written short: "max", "info", "w/o".

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;

use super::lists::table;

/// What is common in messages and in any dictionary's list of abbreviations, and names one word only; "min" has its own rule.
const SHORT: &str = "max maximum|approx approximately|avg average|info information|config configuration|admin administrator|\
    dept department|appt appointment|acct account|qty quantity|pic picture|pics pictures|docs documents|repo repository|\
    repos repositories|db database|dbs databases|pw password|pwd password|msg message|msgs messages|govt government|\
    mgmt management|mgr manager|w/ with|w/o without|b/c because|bc because|cuz because|thru through|u you|ur your|tmrw tomorrow|\
    incl including|excl excluding|params parameters|param parameter|args arguments|bday birthday|ppl people|\
    mon monday|tue tuesday|tues tuesday|wed wednesday|thu thursday|thur thursday|thurs thursday|fri friday|jan january|feb february|\
    jun june|jul july|aug august|sep september|sept september|oct october|nov november|dec december";

/// The word that a short one stands for.
pub fn full(word: &str) -> Option<&'static str> {
    static ALL: LazyLock<HashMap<&str, &str, RandomState>> = LazyLock::new(|| {
        let mut all = table();
        all.extend(SHORT.split('|').filter_map(|row| row.split_once(' ')));
        all
    });
    ALL.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;

    #[test]
    fn cases() {
        for (text, plain) in [
            ("Max upload size", "maximum upload size"),
            ("the min age", "the minimum age"),
            ("wait 5 min", "wait 5 minute"),
            ("coffee w/o sugar", "coffee without sugar"),
            ("delete a DB", "delete a database"),
        ] {
            let words = Words::of(text);
            assert_eq!(words.all.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "), plain);
        }
    }
}
