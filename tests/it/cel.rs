//! The expression language: what expressions come to, and which are refused.

use mockernetes::cel::Program;
use mockernetes::cel::check::Variable;
use mockernetes::cel::types::Type;
use mockernetes::cel::value::Value;
use serde_json::json;

/// A variable `self` of any type.
fn variables() -> [Variable; 1] {
    [("self".to_owned(), Type::Dyn)]
}

/// Whether an expression holds of an object; or what it fails with.
fn holds(source: &str, object: &serde_json::Value) -> Result<bool, String> {
    let program = Program::compile(source, &variables()).map_err(|why| why.to_string())?;
    let variables = [("self", Value::from_json(object, None))];
    program
        .holds(&variables)
        .map_err(|failure| failure.to_string())
}

#[track_caller]
fn assert_true(sources: &[&str]) {
    let object = json!({
        "name": "web",
        "size": 3,
        "list": [1, 2, 3],
        "map": {"a": "x", "b": "y"},
        "none": null,
    });
    for source in sources {
        assert_eq!(holds(source, &object), Ok(true), "{source}");
    }
}

#[track_caller]
fn assert_refused(source: &str, expected: &str) {
    match Program::compile(source, &variables()) {
        Ok(_) => panic!("{source} is accepted"),
        Err(why) => assert!(why.to_string().contains(expected), "{source}: {why}"),
    }
}

#[test]
fn operators_bind_as_the_grammar_says() {
    assert_true(&[
        "1 + 2 * 3 == 7",
        "-2 + 5 == 3",
        "!(1 > 2) && 2 >= 2",
        "true ? 1 < 2 : false",
        "10 / 3 == 3 && 10 % 3 == 1",
        "2.5 * 2.0 == 5.0",
        "1 < 2.5 && 2u > 1",
        "'a' + 'b' == \"ab\"",
        "[1] + [2] == [1, 2]",
        "2 in self.list && !('z' in self.map)",
        "r'\\d' == '\\\\d'",
    ]);
}

#[test]
fn fields_and_optionals_are_reached() {
    assert_true(&[
        "self.name == 'web' && self['name'] == 'web'",
        "has(self.size) && !has(self.nothing)",
        "self.?nothing.orValue('d') == 'd'",
        "self.?name.hasValue() && self.?name.value() == 'web'",
        "self.list[?9].orValue(7) == 7",
        "optional.of(1).optMap(x, x + 1).value() == 2",
        "self.none == null",
    ]);
}

#[test]
fn macros_go_over_lists_and_maps() {
    assert_true(&[
        "self.list.all(x, x > 0) && self.list.exists(x, x == 2)",
        "self.list.exists_one(x, x > 2)",
        "self.list.map(x, x * 2) == [2, 4, 6]",
        "self.list.map(x, x > 1, x * 2) == [4, 6]",
        "self.list.filter(x, x != 2) == [1, 3]",
        "self.map.all(k, self.map[k] != '')",
        "self.list.all(i, x, x == i + 1)",
        "self.map.transformList(k, v, k + v).join('') == 'axby'",
        // What fails does not matter once the result is certain.
        "self.list.exists(x, x == 1 || x.nothing == 2)",
    ]);
}

#[test]
fn libraries_know_what_kubernetes_knows() {
    assert_true(&[
        "'abc'.substring(1) == 'bc' && 'a,b'.split(',') == ['a', 'b']",
        "'Web'.lowerAscii() == 'web' && ' x '.trim() == 'x'",
        "'%s is %d'.format(['a', 3]) == 'a is 3'",
        "'port 443'.find('[0-9]+') == '443' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        "self.list.sum() == 6 && self.list.max() == 3 && self.list.isSorted()",
        "sets.contains([1, 2, 3], [2])",
        "quantity('1Gi').isGreaterThan(quantity('1M')) && isQuantity('100m') && !isQuantity('x')",
        "ip('10.0.0.1').family() == 4 && !isIP('10.0.0.256')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').prefixLength() == 8",
        "url('https://a:8080/p?q=1').getPort() == '8080' && !isURL('nowhere')",
        "semver('1.10.0').isGreaterThan(semver('1.9.3')) && isSemver('v1.2', true)",
        "!format.dns1123Label().validate('ok').hasValue()",
        "duration('90m') == duration('1h30m') && duration('90s').getMinutes() == 1",
        "timestamp('2024-02-29T12:00:00Z').getDate() == 29",
        "timestamp('2024-01-01T00:00:00Z') + duration('24h') > timestamp('2024-01-01T23:00:00Z')",
        "type(self.size) == int && type(self.name) == string && string(self.size) == '3'",
    ]);
}

#[test]
fn failures_are_told_in_the_words_of_the_api_server() {
    let object = json!({"list": []});
    let failures = [
        ("self.max > 1", "no such key: max"),
        ("self.list[0] == 1", "index out of bounds: 0"),
        ("1 / 0 == 1", "division by zero"),
        ("9223372036854775807 + 1 > 0", "integer overflow"),
        ("self.list + 1 == 1", "no such overload"),
    ];
    for (source, expected) in failures {
        assert_eq!(holds(source, &object), Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn expressions_that_make_no_sense_are_refused() {
    assert_refused("1 + ", "Syntax error: mismatched input '<EOF>' expecting");
    assert_refused(
        "nothing > 1",
        "undeclared reference to 'nothing' (in container '')",
    );
    assert_refused(
        "1 == 'a'",
        "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, string)'\n \
         | 1 == 'a'\n | ..^",
    );
    assert_refused("'a'.size(1) > 0", "found no matching overload for 'size'");
    assert_refused(
        "[1, 'a'].size() == 2",
        "expected type 'int' but found 'string'",
    );
    assert_refused("1.all(x, true)", "cannot be range of a comprehension");
}
