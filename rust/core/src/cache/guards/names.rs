//! Names of people, places, products and code, told by their spelling.

use super::words::Words;

/// Says which name one text has and the other has not.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (missing(cached, new), missing(new, cached));
    (a.is_some() || b.is_some()).then(|| format!("names differ: {} against {}", a.unwrap_or("nothing"), b.unwrap_or("nothing")))
}

/// The first name here that is no word there, in any case.
fn missing<'a>(here: &'a Words, there: &Words) -> Option<&'a str> {
    here.all.iter().find(|word| word.is_name() && !there.has(&word.lower)).map(|word| word.shown.as_str())
}
