//! Templates write what Go writes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Functions, Template};
use crate::sim::Entropy;

struct Nobody(Entropy);

impl Functions for Nobody {
    fn call(&mut self, name: &str, _: &[Value]) -> Option<Value> {
        (name == "Foo").then(|| "foo".into())
    }

    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn entropy(&self) -> &Entropy {
        &self.0
    }
}

fn rendered(text: &str, data: &Value) -> String {
    let mut functions = Nobody(Entropy::seeded(1));
    let template = Template::parse(text).and_then(|one| one.render(data, &mut functions));
    template.unwrap_or_else(|why| format!("ERROR {why}"))
}

#[test]
fn templates_write_what_go_writes() {
    let data = json!({"k": "v", "n": 3, "list": ["a", "b"], "map": {"y": 2, "x": 1},
        "name": {"first": "Ada"}, "off": false});
    for (template, expected) in [
        ("{{ .k }}", "v"),
        ("{{ .none }}", "<no value>"),
        ("{{ .none.of.it }}", "<no value>"),
        ("a {{- .k -}} b", "avb"),
        ("a {{/* nothing */}} b", "a  b"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ("{{ Foo }}{{ list Foo .k | join \"-\" }}", "foofoo-v"),
        (
            "{{ if .off }}on{{ else if eq .n 3 }}three{{ else }}off{{ end }}",
            "three",
        ),
        ("{{ with .name }}{{ .first }} {{ $.k }}{{ end }}", "Ada v"),
        ("{{ with .none }}x{{ else }}none{{ end }}", "none"),
        ("{{ with .none }}x{{ else with .k }}{{ . }}{{ end }}", "v"),
        (
            "{{ range $i, $e := .list }}{{ $i }}{{ $e }} {{ end }}",
            "0a 1b ",
        ),
        ("{{ range .map }}{{ . }}{{ end }}", "12"),
        ("{{ range .none }}x{{ else }}none{{ end }}", "none"),
        ("{{ range .list }}{{ . }}{{ break }}{{ end }}", "a"),
        ("{{ range .list }}{{ continue }}x{{ end }}", ""),
        (
            "{{ $a := 1 }}{{ if true }}{{ $a = 2 }}{{ end }}{{ $a }}",
            "2",
        ),
        (
            "{{ $a := 1 }}{{ if true }}{{ $a := 2 }}{{ end }}{{ $a }}",
            "1",
        ),
        ("{{ (index .list 1) }}{{ (index .map \"x\") }}", "b1"),
        ("{{ (dict \"a\" .name).a.first }}", "Ada"),
        ("{{ or .none \"\" \"x\" }}{{ and .k .n }}", "x3"),
        (
            "{{ eq .none \"x\" }} {{ ne .k \"x\" }} {{ eq .k \"x\" \"v\" }}",
            "false true true",
        ),
        ("{{ printf \"%s-%03d-%q\" .k .n .k }}", "v-003-\"v\""),
        ("{{ `raw \"text\"` }}{{ \"a\\tb\" }}", "raw \"text\"a\tb"),
        (
            "{{ define \"T\" }}<{{ . }}>{{ end }}{{ template \"T\" .k }}",
            "<v>",
        ),
        ("{{ block \"B\" .name }}{{ .first }}{{ end }}", "Ada"),
        ("{{ .map }} {{ .list }}", "map[x:1 y:2] [a b]"),
        ("{{ default \"d\" .none }}{{ .n | add 2 | mul 2 }}", "d10"),
        (
            "{{ .k | quote | upper }} {{ trimSuffix \"b\" \"ab\" }}",
            "\"V\" a",
        ),
        (
            "{{ range 2 }}{{ . }}{{ end }}{{ len .list }}{{ lt 1 .n }}",
            "012true",
        ),
        (
            "{{ dateModify \"1h\" now | date \"2006-01-02 15:04\" }}",
            "1970-01-01 01:00",
        ),
    ] {
        assert_eq!(rendered(template, &data), expected, "{template}");
    }
}

#[test]
fn templates_that_make_no_sense_are_refused() {
    let data = json!({"k": "v"});
    for (template, expected) in [
        ("{{ .k", "ERROR unclosed action"),
        ("{{ if .k }}", "ERROR unexpected EOF"),
        ("{{ end }}", "ERROR unexpected {{end}} or {{else}}"),
        ("{{ nothing .k }}", "ERROR function \"nothing\" not defined"),
        (
            "{{ .k.field }}",
            "ERROR can't evaluate field field in type string",
        ),
        ("{{ index .none \"x\" }}", "ERROR index of untyped nil"),
        ("{{ $x }}", "ERROR undefined variable \"$x\""),
        (
            "{{ eq .k 1 }}",
            "ERROR incompatible types for comparison: string and int",
        ),
        (
            "{{ define \"T\" }}{{ template \"T\" }}{{ end }}{{ template \"T\" }}",
            "ERROR templates call each other without end",
        ),
    ] {
        assert_eq!(rendered(template, &data), expected, "{template}");
    }
}
