//! Units of measure and currencies, with or without a number beside them.

use super::words::Words;

/// One row per unit, all its spellings; letters that are also words or names are left to the guard of numbers.
const UNITS: [&[&str]; 34] = [
    &["mg", "milligram", "milligrams"],
    &["gram", "grams"],
    &["kg", "kilo", "kilos", "kilogram", "kilograms"],
    &["ton", "tons", "tonne", "tonnes"],
    &["lb", "lbs", "pound", "pounds"],
    &["oz", "ounce", "ounces"],
    &["mm", "millimeter", "millimeters", "millimetre", "millimetres"],
    &["cm", "centimeter", "centimeters", "centimetre", "centimetres"],
    &["meter", "meters", "metre", "metres"],
    &["km", "kilometer", "kilometers", "kilometre", "kilometres"],
    &["inch", "inches"],
    &["ft", "foot", "feet"],
    &["yard", "yards"],
    &["mile", "miles"],
    &["ml", "milliliter", "milliliters", "millilitre", "millilitres"],
    &["liter", "liters", "litre", "litres"],
    &["gallon", "gallons"],
    &["cup", "cups"],
    &["celsius", "centigrade"],
    &["fahrenheit"],
    &["kelvin"],
    &["hour", "hours"],
    &["minute", "minutes"],
    &["second", "seconds"],
    &["usd", "dollar", "dollars"],
    &["eur", "euro", "euros"],
    &["gbp"],
    &["jpy", "yen"],
    &["kb", "kilobyte", "kilobytes"],
    &["mb", "megabyte", "megabytes"],
    &["gb", "gigabyte", "gigabytes"],
    &["tb", "terabyte", "terabytes"],
    &["am"],
    &["pm"],
];

/// Says which units both texts name differently; a text without any says nothing.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (units(cached), units(new));
    (!a.is_empty() && !b.is_empty() && a != b).then(|| format!("units differ: {} against {}", a.join(" "), b.join(" ")))
}

/// The first spelling of each unit that is named, in the order of the table.
fn units(words: &Words) -> Vec<&'static str> {
    let named = UNITS.iter().filter(|spellings| spellings.iter().any(|spelling| words.has(spelling)));
    named.filter_map(|spellings| spellings.first().copied()).collect()
}
