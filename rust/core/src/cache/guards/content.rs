//! The words that say what a question is about, in a form that survives inflection.

use super::numbers;

/// Words that carry grammar or ask for an answer in any matter: closed classes, and the frame of a request.
const FRAME: &str = " a an the this that these those some any i me my mine we us our you your he she it its they them their him \
    her is are was were be been being am do does did done doing have has had can could will would shall should may might must of \
    to in on at for from by with as into about and or but if so than then there here also just only very really what which who \
    whom whose when where why how tell show give get let make want need like know see say ask please find help explain describe \
    list name write provide state summarise summarize way ways step steps method possible exactly actually currently mean \
    definition called much many lot kind type sort thing things hi hello hey thanks thank ok okay yes no sure use used using uses \
    employ employed utilize utilized utilise utilised calculate compute convert determine specify ";

/// Endings and what takes their place; the first that fits is taken off once.
const ENDINGS: [(&str, &str); 9] =
    [("ies", "y"), ("sses", "ss"), ("ing", ""), ("edly", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", ""), ("e", "")];

/// The content words of a text, stemmed, each once, in order.
pub fn content(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in tokens(text) {
        if FRAME.contains(&format!(" {word} ")) {
            continue;
        }
        let stemmed = numbers::digits(&word).map_or_else(|| stem(&word), str::to_owned);
        if !found.contains(&stemmed) {
            found.push(stemmed);
        }
    }
    found
}

/// Lower-case words; marks inside numbers and code stay, and a percent sign is a word.
pub fn tokens(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace('’', "'").replace('%', " percent ");
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '$');
    let pieces = text.split(|c| !inside(c)).map(|piece| piece.trim_matches(['.', '\'']));
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// A word without its ending, so that forms of one word are equal; never shorter than three letters.
pub fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if !word.ends_with("ss") {
        for (ending, instead) in ENDINGS {
            if let Some(rest) = word.strip_suffix(ending)
                && rest.len() + instead.len() >= 3
            {
                return format!("{rest}{instead}");
            }
        }
    }
    word.to_owned()
}

/// Whether two stems are forms of one word: "concatenate" and "concatenation". Only for words in ASCII letters.
pub fn akin(a: &str, b: &str) -> bool {
    let plain = |word: &str| word.len() <= 24 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    plain(a) && plain(b) && same >= 4 && 5 * same >= 3 * a.len().max(b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_question() {
        for (text, left) in [
            ("How do I reset my passwords?", "reset password"),
            ("Please tell me what 5% of 80 is", "5 percent 80"),
            ("Show me the ten cheapest flights", "10 cheapest flight"),
            ("", ""),
            ("What is it?", ""),
            ("os.path.join() of Ada's files", "os.path.join ada fil"),
        ] {
            assert_eq!(content(text).join(" "), left, "{text}");
        }
    }

    #[test]
    fn forms_of_one_word() {
        for (a, b, same) in [
            ("concatenat", "concatenation", true),
            ("automatic", "automatically", true),
            ("salmon", "salad", false),
            ("cat", "cats", false),
            ("生命保険の解約", "生命保険の契約", false),
            ("port8080", "port8081", false),
        ] {
            assert_eq!(akin(a, b), same, "{a} {b}");
        }
    }
}
