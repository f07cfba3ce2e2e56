//! The columns of Tables: names, types, descriptions, which the server sends and clients compare.
//!
//! *Invariant:* the one place that keeps prose, because here the prose is on the wire.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::discovery::imports;
use super::modules::Modules;
use super::print;
use super::source::Output;

/// Registers a table of columns for each kind that has a printer.
const PRINTERS: &str = "k8s.io/kubernetes/pkg/printers/internalversion/printers.go";
/// Tables that stand outside the printers: what they are for, and the file with their one list.
const OTHERS: [(&str, &str); 3] = [
    ("", "k8s.io/apiserver/pkg/registry/rest/table.go"),
    (
        "apiextensions.CustomResourceDefinition",
        "k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition/tableconvertor/\
         tableconvertor.go",
    ),
    (
        "apiregistration.APIService",
        "k8s.io/kube-aggregator/pkg/registry/apiservice/etcd/etcd.go",
    ),
];
/// Fields through which a description is reached, and their types.
const FIELDS: [(&str, &str); 1] = [("Event.InvolvedObject", "ObjectReference")];
const LIST: &str = "[]metav1.TableColumnDefinition{";

/// Reads the columns of every kind, by the kind's name in Go (`core.Pod`); the default columns
/// stand under the empty name.
pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<String> {
    let mut found = Map::new();
    let text = output.read(modules, PRINTERS)?;
    let mut docs = Docs::new(modules, &text)?;
    let lists = lists(&text, &mut docs, output)?;
    for (list, kind) in registrations(&text)? {
        let columns = lists
            .get(&list)
            .with_context(|| format!("no columns {list}"))?;
        found.insert(kind, Value::Array(columns.clone()));
    }
    for (kind, path) in OTHERS {
        let text = output.read(modules, path)?;
        let mut docs = Docs::new(modules, &text)?;
        let lists = self::lists(&text, &mut docs, output)?;
        ensure!(lists.len() == 1, "{path} has {} lists", lists.len());
        let columns = lists.into_values().next().unwrap_or_default();
        found.insert(kind.to_owned(), Value::Array(columns));
    }
    Ok(print::open(&Value::Object(found), 2))
}

/// The lists of a file by variable; a list that is appended to grows.
fn lists(text: &str, docs: &mut Docs, output: &mut Output) -> Result<BTreeMap<String, Vec<Value>>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.ends_with(LIST) {
            ensure!(open.is_none(), "a list inside a list");
            let name = line.split([' ', ':']).next().unwrap_or_default();
            open = Some(name.to_owned());
        } else if line.starts_with('}') {
            open = None;
        } else if let Some(list) = &open
            && !line.starts_with("//")
        {
            let column = column(line, docs, output).with_context(|| line.to_owned())?;
            found.entry(list.clone()).or_default().push(column);
        }
    }
    Ok(found)
}

/// `{Name: "Ready", Type: "string", Description: "…"},`
fn column(line: &str, docs: &mut Docs, output: &mut Output) -> Result<Value> {
    let mut rest = line
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix("},"))
        .context("not a column")?;
    let mut column = Map::new();
    while !rest.is_empty() {
        let (field, after) = rest.split_once(": ").context("a field without a value")?;
        let (value, after) = match field {
            "Name" | "Type" | "Format" => {
                let (text, after) = literal(after)?;
                (Value::from(text), after)
            }
            "Priority" => {
                let end = after.find(',').unwrap_or(after.len());
                (Value::from(after[..end].parse::<u8>()?), &after[end..])
            }
            "Description" if after.starts_with('"') => {
                let (text, after) = literal(after)?;
                (Value::from(text), after)
            }
            "Description" => (Value::from(docs.resolve(after, output)?), ""),
            other => bail!("an unknown field {other}"),
        };
        column.insert(field.to_lowercase(), value);
        rest = after.trim_start_matches([',', ' ']);
    }
    ensure!(
        column.contains_key("name") && column.contains_key("type"),
        "incomplete"
    );
    Ok(Value::Object(column))
}

/// A Go string and what follows it. The escapes in these files are those of JSON.
fn literal(text: &str) -> Result<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let value = values.next().context("no string")??;
    Ok((value, &text[values.byte_offset()..]))
}

/// Which list is registered for which kind: `h.TableHandler(podColumnDefinitions, printPod)`.
fn registrations(text: &str) -> Result<Vec<(String, String)>> {
    let imports = imports(text)?;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let Some((_, rest)) = line.split_once("h.TableHandler(") else {
            continue;
        };
        let arguments = rest
            .strip_suffix(')')
            .and_then(|rest| rest.split_once(", "));
        let (list, function) = arguments.with_context(|| line.to_owned())?;
        let kind = text
            .split_once(&format!("\nfunc {function}("))
            .and_then(|(_, rest)| rest.split_once(" *"))
            .and_then(|(_, rest)| rest.split_once(','))
            .with_context(|| format!("no function {function}"))?
            .0;
        let (alias, kind) = kind.split_once('.').with_context(|| kind.to_owned())?;
        let package = imports
            .get(alias)
            .and_then(|path| path.rsplit('/').next())
            .with_context(|| format!("no import {alias}"))?;
        if !function.ends_with("List") {
            found.push((list.to_owned(), format!("{package}.{kind}")));
        }
    }
    ensure!(!found.is_empty(), "no registrations");
    Ok(found)
}

/// The descriptions that code looks up in `types_swagger_doc_generated.go`.
struct Docs<'a> {
    modules: &'a Modules,
    imports: BTreeMap<String, String>,
    /// `var metaDocs = metav1.ObjectMeta{}.SwaggerDoc()`.
    names: BTreeMap<String, String>,
    /// Package path → its file.
    files: BTreeMap<String, String>,
}

impl<'a> Docs<'a> {
    fn new(modules: &'a Modules, text: &str) -> Result<Self> {
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("var ")?.split_once(" = "))
            .filter(|(_, value)| value.ends_with(".SwaggerDoc()"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            modules,
            imports: imports(text)?,
            names: names.collect(),
            files: BTreeMap::new(),
        })
    }

    /// `apiv1.PodStatus{}.SwaggerDoc()["podIP"]`; a field without a description is empty.
    fn resolve(&mut self, expression: &str, output: &mut Output) -> Result<String> {
        let (object, key) = expression.split_once('[').context("no look-up")?;
        let object = self.names.get(object).map_or(object, String::as_str);
        let object = object
            .strip_suffix(".SwaggerDoc()")
            .context("not a description")?
            .replace("{}", "");
        let (alias, kind) = object.split_once('.').context("no package")?;
        let kind = FIELDS
            .iter()
            .find(|(field, _)| *field == kind)
            .map_or(kind, |(_, kind)| kind);
        ensure!(!kind.contains('.'), "add {kind} to FIELDS");
        let path = self
            .imports
            .get(alias)
            .with_context(|| format!("no import {alias}"))?;
        let path = format!("{path}/types_swagger_doc_generated.go");
        if !self.files.contains_key(&path) {
            let text = output.read(self.modules, &path)?;
            self.files.insert(path.clone(), text);
        }
        let (_, map) = self.files[&path]
            .split_once(&format!("\nvar map_{kind} = map[string]string{{\n"))
            .with_context(|| format!("{path} does not describe {kind}"))?;
        let map = map.split_once("\n}").map_or(map, |(map, _)| map);
        let (key, _) = literal(key)?;
        for line in map.lines() {
            let (field, rest) = literal(line.trim())?;
            if field == key {
                return Ok(literal(rest.trim_start_matches([':', ' ']))?.0);
            }
        }
        Ok(String::new())
    }
}
