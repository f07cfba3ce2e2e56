//! How Go prints the structs the server holds objects in: their fields in order, under which names.
//!
//! Errors and a few annotations carry such a struct. The internal types have no tags, so a field
//! is printed under its Go name, and the versioned type of the same name says what the field is
//! called in objects. One text per field, `HostPath *core.HostPathVolumeSource hostPath`: the name
//! printed, the type, and the path in an object. Embedded structs are flattened.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::go_types::{self, Declaration, Field, Package};
use super::modules::Modules;
use super::print;
use super::source::Output;
use super::{go_fields, go_fields::resolve};

const INTERNAL: &str = "k8s.io/kubernetes/pkg/apis/";
/// The groups whose internal types are printed, each with its versions, the likest first.
const GROUPS: [(&str, &[&str]); 16] = [
    ("admissionregistration", &["v1", "v1beta1", "v1alpha1"]),
    ("apps", &["v1"]),
    ("autoscaling", &["v2", "v1"]),
    ("batch", &["v1"]),
    ("certificates", &["v1", "v1beta1", "v1alpha1"]),
    ("coordination", &["v1", "v1beta1", "v1alpha2"]),
    ("core", &["v1"]),
    ("discovery", &["v1"]),
    ("flowcontrol", &["v1"]),
    ("networking", &["v1", "v1beta1"]),
    ("node", &["v1"]),
    ("policy", &["v1"]),
    ("rbac", &["v1"]),
    ("resource", &["v1", "v1beta2", "v1beta1", "v1alpha3"]),
    ("scheduling", &["v1"]),
    ("storage", &["v1", "v1beta1"]),
];
/// Versioned types that are printed: metrics of an autoscaler stand in an annotation.
const VERSIONED: [&str; 1] = ["k8s.io/api/autoscaling/v1"];

/// Reads every struct of the internal packages, and those they are made of.
pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<String> {
    let mut reader = Reader {
        modules,
        output,
        packages: BTreeMap::new(),
        facts: Map::new(),
        pending: Vec::new(),
    };
    let internal = GROUPS.iter().map(|(group, _)| format!("{INTERNAL}{group}"));
    for path in internal.chain(VERSIONED.map(str::to_owned)) {
        reader.load(&path)?;
        for (name, declaration) in &reader.packages[&path].types {
            let is_struct = matches!(declaration, Declaration::Struct(..));
            if is_struct && name.starts_with(char::is_uppercase) {
                reader.pending.push((path.clone(), name.clone()));
            }
        }
    }
    while let Some((path, name)) = reader.pending.pop() {
        let key = format!("{}.{name}", label(&path));
        if reader.facts.contains_key(&key) {
            continue;
        }
        reader.facts.insert(key.clone(), Value::Null);
        let fields = reader.fields(&path, &name).with_context(|| key.clone())?;
        reader.facts.insert(key, Value::from(fields));
    }
    Ok(print::open(&Value::Object(reader.facts), 1))
}

/// How facts call a package.
fn label(path: &str) -> &str {
    match path {
        "k8s.io/apimachinery/pkg/apis/meta/v1" => "meta",
        _ => path
            .strip_prefix(INTERNAL)
            .or_else(|| path.strip_prefix("k8s.io/api/"))
            .unwrap_or(path),
    }
}

struct Reader<'a> {
    modules: &'a Modules,
    output: &'a mut Output,
    packages: BTreeMap<String, Package>,
    facts: Map<String, Value>,
    pending: Vec<(String, String)>,
}

impl Reader<'_> {
    fn load(&mut self, path: &str) -> Result<()> {
        if !self.packages.contains_key(path) {
            let package = go_fields::package(self.modules, self.output, path)?;
            self.packages.insert(path.to_owned(), package);
        }
        Ok(())
    }

    /// The fields of a struct as written, with the imports of their file.
    fn declared(&mut self, path: &str, name: &str) -> Result<(Vec<Field>, go_types::Imports)> {
        self.load(path)?;
        match self.packages[path].types.get(name) {
            Some(Declaration::Struct(lines, imports)) => {
                Ok((go_types::fields(lines)?, imports.clone()))
            }
            _ => bail!("{path}.{name} is no struct"),
        }
    }

    /// The fields of the versioned types that are the internal one's likeness, the likest first.
    fn likeness(&mut self, path: &str, name: &str) -> Result<Vec<Field>> {
        let group = label(path);
        let versions = GROUPS.iter().find(|(found, _)| *found == group);
        let mut found = Vec::new();
        for version in versions.map_or(&[][..], |(_, versions)| versions) {
            let peer = format!("k8s.io/api/{group}/{version}");
            self.load(&peer)?;
            let declaration = self.packages[&peer].types.get(name);
            if matches!(declaration, Some(Declaration::Struct(..))) {
                found.extend(self.declared(&peer, name)?.0);
            }
        }
        Ok(found)
    }

    fn fields(&mut self, path: &str, name: &str) -> Result<Vec<String>> {
        let (fields, imports) = self.declared(path, name)?;
        let likeness = self.likeness(path, name)?;
        let mut found = Vec::new();
        for field in fields {
            let mut tag = field.json.splitn(2, ',');
            let tagged = tag.next().unwrap_or_default();
            let options = tag.next().filter(|options| options.starts_with("omit"));
            if tagged == "-" {
                continue;
            }
            let alike = likeness
                .iter()
                .find(|other| go_name(other) == go_name(&field));
            let said = alike.map(|other| other.json.split(',').next().unwrap_or_default());
            if field.name.is_none() && tagged.is_empty() {
                let (embedded, name) = resolve(path, &field.text, &imports)?;
                // An internal object does not say of which kind it is.
                if name == "TypeMeta" && path.starts_with(INTERNAL) {
                    continue;
                }
                let prefix = said
                    .filter(|said| !said.is_empty())
                    .map(|said| format!("{said}."));
                for text in self.fields(&embedded, &name)? {
                    let (rest, at) = text.rsplit_once(' ').context("no path")?;
                    found.push(format!("{rest} {}{at}", prefix.as_deref().unwrap_or("")));
                }
                continue;
            }
            let own = go_name(&field);
            let printed = if tagged.is_empty() { own } else { tagged };
            let at = match said {
                Some(said) if !said.is_empty() => said.to_owned(),
                _ => lower_first(printed),
            };
            let kind = self.kind(path, &field.text, &imports)?;
            let options = options.map_or(String::new(), |options| format!(",{options}"));
            found.push(format!("{printed}{options} {kind} {at}"));
        }
        Ok(found)
    }

    /// A type in the words of the facts; named types that are no structs are what they are made of.
    fn kind(&mut self, path: &str, text: &str, imports: &go_types::Imports) -> Result<String> {
        if let Some(rest) = text.strip_prefix('*') {
            return Ok(format!("*{}", self.kind(path, rest, imports)?));
        }
        if text == "[]byte" {
            return Ok("bytes".to_owned());
        }
        if let Some(rest) = text.strip_prefix("[]") {
            return Ok(format!("[]{}", self.kind(path, rest, imports)?));
        }
        if let Some(rest) = text.strip_prefix("map[") {
            let (_, value) = rest.split_once(']').context("an open map")?;
            return Ok(format!("map:{}", self.kind(path, value, imports)?));
        }
        let plain = match text {
            "string" | "bool" => text,
            "int" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" => "int",
            "float64" | "float32" => "float",
            "any" | "interface{}" => "any",
            _ => "",
        };
        if !plain.is_empty() {
            return Ok(plain.to_owned());
        }
        let (path, name) = resolve(path, text, imports)?;
        let known = match (path.rsplit('/').next().unwrap_or(""), name.as_str()) {
            ("resource", "Quantity") => "quantity",
            ("intstr", "IntOrString") => "int-or-string",
            ("v1", "Time" | "MicroTime") => "time",
            ("v1" | "time", "Duration") => "duration",
            ("types", "UID") => "string",
            ("runtime", _) => "any",
            _ => "",
        };
        if !known.is_empty() {
            return Ok(known.to_owned());
        }
        self.load(&path)?;
        let package = &self.packages[&path];
        if package.custom_json.contains(&name) {
            return Ok("any".to_owned());
        }
        match package.types.get(&name) {
            Some(Declaration::Struct(..)) => {
                let kind = format!("{}.{name}", label(&path));
                self.pending.push((path, name));
                Ok(kind)
            }
            Some(Declaration::Other(text, imports)) => {
                let (text, imports) = (text.trim_start_matches("= ").to_owned(), imports.clone());
                self.kind(&path, &text, &imports)
            }
            None => bail!("{path} declares no type {name}"),
        }
    }
}

/// What Go calls a field; an embedded one is called as its type.
fn go_name(field: &Field) -> &str {
    match &field.name {
        Some(name) => name,
        None => field.text.rsplit('.').next().unwrap_or(&field.text),
    }
}

/// `NodeName` → `nodeName`, `ISCSI` → `iscsi`.
fn lower_first(name: &str) -> String {
    if name.chars().all(|c| !c.is_lowercase()) {
        return name.to_lowercase();
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
