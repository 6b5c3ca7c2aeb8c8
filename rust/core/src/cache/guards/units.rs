//! Units of measure and currencies, with or without a number beside them.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;

use super::lists::table;
use super::pair::Pair;

/// One row per unit, all its spellings. Single letters count only behind a figure or another unit's "in" or "to".
const UNITS: &str = "milligram milligrams mg|gram grams gramme grammes g|kilogram kilograms kilo kilos kg kgs|ton tons tonne tonnes|pound pounds \
    lb lbs|ounce ounces oz|stone stones|millimeter millimeters millimetre millimetres mm|centimeter centimeters centimetre \
    centimetres cm|meter meters metre metres m|kilometer kilometers kilometre kilometres km kms|inch inches|foot feet ft|yard \
    yards yd|mile miles mi|acre acres|hectare hectares ha|milliliter milliliters millilitre millilitres ml|liter liters litre \
    litres l|gallon gallons gal|pint pints pt|quart quarts qt|cup cups|tablespoon tablespoons tbsp|teaspoon teaspoons tsp|celsius \
    centigrade °c|fahrenheit °f|kelvin|millisecond milliseconds ms|second seconds sec secs s|minute minutes min mins|hour hours \
    hr hrs h|day days|week weeks|month months|year years|decade decades|century centuries|dollar dollars usd $|euro euros eur \
    €|sterling gbp £|yen jpy ¥|yuan renminbi cny|rupee rupees inr|won krw|franc francs chf|peso pesos|ruble rubles rouble \
    roubles rub|cent cents|percent % pct|bit bits|byte bytes|kilobyte kilobytes kb|megabyte megabytes mb|gigabyte gigabytes \
    gb|terabyte terabytes tb|kilobit kilobits kbit|megabit megabits mbit|gigabit gigabits gbit|calorie calories \
    kcal|joule joules|watt watts w|kilowatt kilowatts kw|volt volts v|amp amps ampere amperes|ohm ohms|hertz hz|kilohertz \
    khz|megahertz mhz|gigahertz ghz|am|pm|bar bars|psi|pascal pascals|degree degrees °|mph|kph";

/// The first spelling of the unit that a word names.
pub fn unit(word: &str) -> Option<&'static str> {
    static ALL: LazyLock<HashMap<&str, &str, RandomState>> = LazyLock::new(|| {
        let named = |row: &'static str| {
            row.split_whitespace().map(move |spelling| (spelling, row.split_whitespace().next().unwrap_or(row)))
        };
        let mut all = table();
        all.extend(UNITS.split('|').flat_map(named));
        all
    });
    ALL.get(word).copied()
}

/// Says which units both texts name differently; what one names beside those of the other says nothing.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let named = |words: &super::words::Words| {
        let mut units: Vec<String> = words.all.iter().filter(|word| word.unit).map(|word| word.lower.clone()).collect();
        units.sort_unstable();
        units.dedup();
        units
    };
    let (a, b) = (named(pair.a), named(pair.b));
    let apart = |here: &[String], there: &[String]| here.iter().any(|unit| !there.contains(unit));
    (apart(&a, &b) && apart(&b, &a)).then(|| format!("units differ: {} against {}", a.join(" "), b.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("run five kilometers", "run 5 km", false),
            ("100 kg in lbs", "100 kilograms in pounds", false),
            ("6 feet to meters", "6 ft to m", false),
            ("40 inches in feet", "40 centimeters in feet", true),
            ("price in rupees", "price in pesos", true),
            ("it costs $5", "it costs 5 dollars", false),
            ("it costs $5", "it costs €5", true),
            ("a timer of 30 s", "a timer of 30 min", true),
            ("meeting at 3 p.m.", "meeting at 3pm", false),
            ("how many days in my first year", "how long in my first year", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
