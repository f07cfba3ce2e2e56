//! Label and field selectors: what they match, and what a client reads where they are wrong.
//! The messages are those of kube-apiserver 1.37.

use mockernetes::object::selector::{FieldSelector, LabelSelector};
use serde_json::{Value, json};

fn matches(selector: &str, labels: &Value) -> bool {
    LabelSelector::parse(selector)
        .unwrap()
        .matches_value(Some(labels))
}

fn label_error(selector: &str) -> String {
    LabelSelector::parse(selector).unwrap_err().to_string()
}

fn field_error(selector: &str) -> String {
    FieldSelector::parse(selector).unwrap_err().to_string()
}

#[test]
fn every_operator_of_a_label_selector_matches_as_upstream() {
    let labels = json!({"a": "b", "n": "5", "x/y": "", "in": "in"});
    for (selector, expected) in [
        ("", true),
        ("a", true),
        ("!a", false),
        ("!z", true),
        ("a=b", true),
        ("a==b", true),
        ("a!=b", false),
        ("z!=b", true),
        ("a in (b,c)", true),
        ("a in (c)", false),
        ("z in (b)", false),
        ("a notin (b)", false),
        ("z notin (b)", true),
        ("x/y=", true),
        ("x/y", true),
        ("x/y in ()", true),
        ("x/y in (,a)", true),
        ("a in (c,,d)", false),
        ("n>4", true),
        ("n > 5", false),
        ("n<6", true),
        ("a>4", false),
        ("z<4", false),
        ("in in (in)", true),
        ("in=in", true),
        ("a=b,n=5", true),
        (" a = b , n = 6 ", false),
        ("a=b,", false),
    ] {
        if selector == "a=b," {
            assert_eq!(
                label_error(selector),
                "found '', expected: identifier after ','"
            );
            continue;
        }
        assert_eq!(matches(selector, &labels), expected, "{selector}");
    }
}

#[test]
fn a_wrong_label_selector_says_what_was_found_and_expected() {
    for (selector, expected) in [
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "a in b",
            "unable to parse requirement: found 'b' expected: '('",
        ),
        (
            "a in (b",
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a==b,,", "found ',', expected: identifier after ','"),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' \
             operators, the value must be an integer",
        ),
        (
            ",a",
            "found ',', expected: !, identifier, or 'end of string'",
        ),
        (
            "!",
            "unable to parse requirement: found '', expected: identifier",
        ),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        (
            "-a=b",
            "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of \
             alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
             character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
             '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        (
            "a=%2Dx",
            "unable to parse requirement: values[0][a]: Invalid value: \"%2Dx\": a valid label \
             must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  \
             or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
    ] {
        assert_eq!(label_error(selector), expected, "{selector}");
    }
}

#[test]
fn several_wrong_values_are_listed_in_brackets() {
    let error = label_error("a in (-x,y-)");
    assert!(
        error.starts_with("unable to parse requirement: [values[0][a]: Invalid value: \"-x\": a"),
        "{error}"
    );
    assert!(
        error.contains("?'), values[1][a]: Invalid value: \"y-\": a"),
        "{error}"
    );
    assert!(error.ends_with("?')]"), "{error}");
}

#[test]
fn a_label_selector_prints_sorted_by_key_with_sorted_values() {
    let print = |text: &str| LabelSelector::parse(text).unwrap().to_string();
    assert_eq!(
        print("z,!y,c notin (b,a),b in (d),a==1,a=1,x!=2,n>1,m<2"),
        "a==1,a=1,b in (d),c notin (a,b),m<2,n>1,x!=2,!y,z"
    );
    assert_eq!(print("a in ()"), "a in ()");
}

#[test]
fn an_absent_label_selector_object_matches_nothing_and_an_empty_one_everything() {
    let labels = json!({"a": "b"});
    let matches = |selector: Option<&Value>| {
        LabelSelector::from_json(selector).map(|s| s.matches_value(Some(&labels)))
    };
    assert_eq!(matches(None), Ok(false));
    assert_eq!(matches(Some(&json!(null))), Ok(false));
    assert_eq!(matches(Some(&json!({}))), Ok(true));
    assert_eq!(matches(Some(&json!({"matchLabels": {"a": "b"}}))), Ok(true));
    let expression = json!({"matchExpressions": [
        {"key": "a", "operator": "In", "values": ["b", "c"]},
        {"key": "d", "operator": "DoesNotExist"},
    ]});
    assert_eq!(matches(Some(&expression)), Ok(true));
    let wrong = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
    assert_eq!(
        matches(Some(&wrong)).unwrap_err().to_string(),
        "\"Near\" is not a valid label selector operator"
    );
    let empty = json!({"matchExpressions": [{"key": "a", "operator": "In"}]});
    assert_eq!(
        matches(Some(&empty)).unwrap_err().to_string(),
        "values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty"
    );
}

#[test]
fn field_selectors_match_equal_and_unequal_values() {
    let value = |field: &str| match field {
        "metadata.name" => "a,b",
        "spec.nodeName" => "n",
        _ => "",
    };
    for (selector, expected) in [
        ("", true),
        (",", true),
        (r"metadata.name=a\,b", true),
        (r"metadata.name==a\,b,spec.nodeName=n", true),
        ("spec.nodeName!=n", false),
        ("spec.nodeName!=", true),
        ("other=", true),
    ] {
        let parsed = FieldSelector::parse(selector).unwrap();
        assert_eq!(parsed.matches(value), expected, "{selector}");
    }
}

#[test]
fn field_selectors_print_with_escapes_and_know_exact_values() {
    let selector = FieldSelector::parse(r"b!=c,a==x\=y\\").unwrap();
    assert_eq!(selector.to_string(), r"a=x\=y\\,b!=c");
    assert_eq!(selector.exact("a"), Some(r"x=y\"));
    assert_eq!(selector.exact("b"), None);
}

#[test]
fn a_wrong_field_selector_says_what_is_not_understood() {
    for (selector, expected) in [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        (
            "metadata.name=a,b",
            "invalid selector: 'metadata.name=a,b'; can't understand 'b'",
        ),
        (
            "a=b=c",
            "invalid field selector: unescaped character in value: 61",
        ),
        (
            r"a=b\x",
            r"invalid field selector: invalid escape sequence: \x",
        ),
        (
            r"a=b\",
            r"invalid field selector: invalid escape sequence: \",
        ),
    ] {
        assert_eq!(field_error(selector), expected, "{selector}");
    }
}
