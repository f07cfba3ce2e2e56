//! Quantities, times and durations print as Kubernetes prints them. The tables in
//! `tests/cases/object` were answered by apimachinery 0.37 and are not edited by hand.

use mockernetes::object::quantity::Quantity;
use mockernetes::object::{duration, time};
use serde_json::json;

/// The lines of a table, split at tabs.
fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
}

fn answer<E: ToString>(result: Result<String, E>) -> String {
    result.unwrap_or_else(|error| format!("E\t{}", error.to_string()))
}

#[test]
fn what_is_canonical_of_a_quantity_is_what_it_prints() {
    let suffixes = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3",
    ];
    for number in [
        "0", "1", "7", "10", "99", "100", "500", "999", "1000", "1024", "007", "+1",
    ] {
        for suffix in suffixes {
            let text = format!("{number}{suffix}");
            let printed = Quantity::parse(&text).unwrap().to_string();
            let canonical = Quantity::canonical(&text).unwrap_or(text);
            assert_eq!(canonical, printed);
        }
    }
}

#[test]
fn quantities_parse_and_print_in_canonical_form() {
    for row in rows(include_str!("../cases/object/quantities.tsv")) {
        let printed = answer(Quantity::parse(row[0]).map(|quantity| quantity.to_string()));
        assert_eq!(printed, row[1..].join("\t"), "{}", row[0]);
    }
}

#[test]
fn quantities_compare_add_and_subtract() {
    for row in rows(include_str!("../cases/object/quantity_sums.tsv")) {
        let (a, b) = (
            Quantity::parse(row[0]).unwrap(),
            Quantity::parse(row[1]).unwrap(),
        );
        let (mut sum, mut difference) = (a.clone(), a.clone());
        sum.add(&b);
        difference.sub(&b);
        let compared = a.cmp(&b) as i32;
        assert_eq!(
            [
                compared.to_string(),
                sum.to_string(),
                difference.to_string()
            ]
            .as_slice(),
            &row[2..],
            "{} and {}",
            row[0],
            row[1]
        );
    }
}

#[test]
fn quantities_round_away_from_zero_and_saturate() {
    let value = |text: &str| {
        let quantity = Quantity::parse(text).unwrap();
        (quantity.value(), quantity.milli_value())
    };
    assert_eq!(value("1500m"), (2, 1500));
    assert_eq!(value("-1500m"), (-2, -1500));
    assert_eq!(value("1n"), (1, 1));
    assert_eq!(value("1Ki"), (1024, 1_024_000));
    assert_eq!(value("16Ei"), (i64::MAX, i64::MAX));
    let from_json = |value| Quantity::from_json(&value).map(|quantity| quantity.to_string());
    assert_eq!(from_json(json!(" 1 ")), Some("1".to_owned()));
    assert_eq!(from_json(json!(1.5)), Some("1500m".to_owned()));
    assert_eq!(from_json(json!(true)), None);
}

#[test]
fn an_exponent_of_any_size_costs_nothing() {
    let large = Quantity::parse("10e2147483647").unwrap();
    let small = Quantity::parse("1e-2147483648").unwrap();
    assert!(small < large);
    assert_eq!(small.to_string(), "1e-9");
    assert_eq!(large.value(), i64::MAX);
}

#[test]
fn times_are_printed_in_utc_without_what_the_form_has_no_place_for() {
    for row in rows(include_str!("../cases/object/times.tsv")) {
        let printed = match row[0] {
            "t" => time::read_seconds(row[1]).map(|_| time::canonical_seconds(row[1])),
            _ => time::read_micros(row[1]).map(|_| time::canonical_micros(row[1])),
        };
        let printed = printed.map(|canonical| match canonical {
            _ if time::is_zero(row[1]) => "null".to_owned(),
            Some(text) => format!("\"{text}\""),
            None => format!("\"{}\"", row[1]),
        });
        assert_eq!(answer(printed), row[2..].join("\t"), "{}", row[1]);
    }
}

#[test]
fn durations_parse_and_print_as_in_go() {
    for row in rows(include_str!("../cases/object/durations.tsv")) {
        let printed = answer(duration::parse(row[0]).map(duration::print));
        assert_eq!(printed, row[1..].join("\t"), "{}", row[0]);
    }
}

#[test]
fn ages_are_two_units_at_most() {
    for row in rows(include_str!("../cases/object/ages.tsv")) {
        assert_eq!(time::human_duration(row[0].parse().unwrap()), row[1]);
    }
    let now = time::parse("2026-01-03T03:00:00Z").unwrap();
    assert_eq!(time::age(Some(&json!("2026-01-01T00:00:00Z")), now), "2d3h");
    assert_eq!(time::age(None, now), "<unknown>");
    assert_eq!(time::age(Some(&json!(null)), now), "<unknown>");
    assert_eq!(
        time::age(Some(&json!("2026-01-03T03:00:10Z")), now),
        "<invalid>"
    );
}
