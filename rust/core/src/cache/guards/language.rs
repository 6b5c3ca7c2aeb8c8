//! The language that a text is written in, where its small words or its letters tell.

use std::sync::LazyLock;

use super::lists::{Lists, listed};
use super::pair::Pair;
use super::words::Words;

/// Small words that a language has and English has not.
const SMALL: [(&str, &str); 6] = [
    (
        "Spanish",
        " el los las una del qué cómo cuál es está por para con mi cuándo dónde puedo quién cuánto quiero hay tiene mis su ",
    ),
    (
        "French",
        " le les des une du est quel quelle comment où pourquoi dans pour avec mon ma je puis qui et quels quelles quoi c'est quand combien peux cette l'on vous ",
    ),
    (
        "German",
        " der die das ein eine ist wie was wo warum und mit mein meine ich kann nicht wann wer zu auf viel welche welcher welches hat um von dem den im ",
    ),
    ("Italian", " il gli della di è che come dove perché per con mio mia posso quanto quale sono quando "),
    ("Portuguese", " os uma do da é qual como onde por para com meu minha posso quanto não quando "),
    ("Dutch", " het een de wat hoe waar waarom met mijn ik kan niet is van wanneer "),
];
/// More small words of these languages, which tell nothing of the language since others have them too.
const MORE: [&str; 6] = [
    " me te se nos puede puedes podría podrías quisiera querría quiere decir decirme dime favor un unos unas de en a al y o que cuáles \
     quiénes cuánta cuántos cuántas son lo le les si sobre ya muy ",
    " me te se nous peut pouvez pourriez pourrais voudrais dire dites s'il plaît svp un de à au aux en y que qu'est ce si sur très \
     quel quelle il elle on a ",
    " mir uns sie es man können könnte könnten möchte sagen bitte einen einem einer eines des ob oder für an am beim vom zum zur sich \
     da denn mal viele ",
    " mi ti si può puoi può potrei potresti vorrei dire favore un uno le gli e o a al alla in se su molto quali ",
    " me te se nos pode podes poderia gostaria dizer favor um de em a ao e ou que quais se sobre já muito ",
    " mij me ons kun kunt kunnen zou zeggen alsjeblieft alstublieft of voor aan op te in en we je u ",
];
const ENGLISH: &str = " the a an is are do does did i my you how what where when why who to in of for with can it on ";

/// Says that two texts are written in different languages.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (a, b) = (language(pair.a)?, language(pair.b)?);
    (a != b).then(|| format!("languages differ: {a} against {b}"))
}

/// The language with the most small words, or the script if it is not Latin; none where nothing tells. A single letter is a symbol.
fn language(words: &Words) -> Option<&'static str> {
    if let Some(script) =
        words.all.iter().filter(|word| word.lower.chars().count() > 1).find_map(|word| word.lower.chars().next().and_then(script))
    {
        return Some(script);
    }
    match tongue(words) {
        Some(list) => SMALL.get(list).map(|(name, _)| *name),
        None if english(words) || unspoken(words) => Some("English"),
        None => None,
    }
}

/// How many words each list has of a text, the English one last.
fn counts(words: &Words) -> [usize; SMALL.len() + 1] {
    let mut counts = [0; SMALL.len() + 1];
    for word in &words.all {
        let lists = ALL.with(&word.lower);
        counts.iter_mut().enumerate().for_each(|(list, count)| *count += usize::from(lists >> list & 1));
    }
    counts
}

/// The place of the list that most small words are of, if there are two and fewer English ones.
fn tongue(words: &Words) -> Option<usize> {
    let counts = counts(words);
    let best = (0..SMALL.len()).max_by_key(|list| counts[*list])?;
    (counts[best] >= 2 && counts[best] > counts[SMALL.len()]).then_some(best)
}

/// What another language than English changes: its small words say nothing, and in German a capital says nothing.
pub fn settle(words: &mut Words) {
    let Some(list) = tongue(words) else { return };
    words.foreign = true;
    for word in &mut words.all {
        let small = ALL.with(&word.lower) >> list & 1 == 1 || listed(MORE[list], &word.lower);
        word.content &= word.quoted || !small;
        word.opens |= SMALL[list].0 == "German";
    }
}

static ALL: LazyLock<Lists> = LazyLock::new(|| Lists::of(SMALL.map(|(_, list)| list).into_iter().chain([ENGLISH])));

/// Whether it has small English words, and more of them than of any other language: "a" and "in" are words of several.
fn english(words: &Words) -> bool {
    let counts = counts(words);
    let own = counts[SMALL.len()];
    counts[..SMALL.len()].iter().all(|other| *other < own)
}

/// A request in bare words is taken for English if all of them are.
fn unspoken(words: &Words) -> bool {
    !words.all.is_empty() && words.all.iter().all(|word| super::lexicon::known(&word.lower))
}

fn script(letter: char) -> Option<&'static str> {
    match u32::from(letter) {
        0x0370..=0x03ff => Some("Greek letters"),
        0x0400..=0x052f => Some("Cyrillic letters"),
        0x0590..=0x05ff => Some("Hebrew letters"),
        0x0600..=0x06ff => Some("Arabic letters"),
        0x0900..=0x097f => Some("Devanagari letters"),
        0x3040..=0x30ff => Some("kana"),
        0x4e00..=0x9fff => Some("Han characters"),
        0xac00..=0xd7af => Some("Hangul"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Why is the sky blue?", "Pourquoi le ciel est bleu ?", true),
            ("What is the capital of Peru?", "¿Cuál es la capital de Perú?", true),
            ("Wo ist der Bahnhof?", "Où est la gare dans la ville ?", true),
            ("Wo ist der Bahnhof?", "Wie komme ich zu der Station, und wo ist die?", false),
            ("weather oslo", "the weather in oslo", false),
            ("погода", "weather", true),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
