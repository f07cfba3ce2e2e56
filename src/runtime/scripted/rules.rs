//! Rules that answer commands instead of running them.
//!
//! They are data: a list in JSON, in a file for the whole cluster or in the annotation
//! `mockernetes.dev/exec-rules` of a pod or namespace; the pod's come first. Or they are a function
//! of whoever embeds the cluster. Wherever a command is started in a container, by a client or by
//! a script, the first rule that fits answers it.
//!
//! ```json
//! [{"argv": ["aws", "s3", "cp"], "match": "prefix", "stdout": "done\n", "exitCode": 0,
//!   "delay": "2s", "namespace": "proj-*", "pod": "web-*", "container": "app",
//!   "labels": {"app": "web"}}]
//! ```
//!
//! `match` is `prefix` (as is usual), `exact`, or `regex`: then `argv` has one expression for the
//! whole command with blanks between its words.

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::object::duration;
use crate::runtime::Place;
use crate::shell::{Answer, Answers};

/// The annotation that has a pod's or namespace's rules.
const ANNOTATION: &str = "mockernetes.dev/exec-rules";

/// Answers a command of a container, if it has an answer.
pub type Callback = Arc<dyn Fn(&Place, &[String]) -> Option<Answer> + Send + Sync>;

/// Rules for a cluster.
#[derive(Clone, Default)]
pub struct Rules {
    rows: Vec<Row>,
    callback: Option<Callback>,
}

#[derive(Clone)]
struct Row {
    namespace: Option<String>,
    pod: Option<String>,
    container: Option<String>,
    labels: Vec<(String, String)>,
    command: Command,
    answer: Answer,
}

#[derive(Clone)]
enum Command {
    Prefix(Vec<String>),
    Exact(Vec<String>),
    Pattern(Regex),
}

impl Rules {
    /// Reads a list of rules; what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let list: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let list = list.as_array().ok_or("a list of rules is expected")?;
        let rows = list.iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self {
            rows,
            callback: None,
        })
    }

    /// The same rules with a function that is asked first.
    pub fn and_ask(mut self, callback: Callback) -> Self {
        self.callback = Some(callback);
        self
    }
}

fn row(value: &Value) -> Result<Row, String> {
    let text = |field: &str| value[field].as_str().map(str::to_owned);
    let argv: Vec<String> = match &value["argv"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
        _ => return Err("argv is required in a rule".to_owned()),
    };
    let command = match value["match"].as_str().unwrap_or("prefix") {
        "prefix" => Command::Prefix(argv),
        "exact" => Command::Exact(argv),
        "regex" => {
            let regex = Regex::new(&argv.join(" ")).map_err(|error| error.to_string())?;
            Command::Pattern(regex)
        }
        other => return Err(format!("{other:?} is no way to match a rule")),
    };
    let delay = match value["delay"].as_str() {
        None => Duration::ZERO,
        Some(text) => duration::parse(text)
            .ok()
            .and_then(|nanoseconds| u64::try_from(nanoseconds).ok())
            .map(Duration::from_nanos)
            .ok_or_else(|| format!("{text:?} is no duration"))?,
    };
    let labels = value["labels"].as_object().into_iter().flatten();
    Ok(Row {
        namespace: text("namespace"),
        pod: text("pod"),
        container: text("container"),
        labels: labels
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        command,
        answer: Answer {
            stdout: text("stdout").unwrap_or_default().into_bytes(),
            stderr: text("stderr").unwrap_or_default().into_bytes(),
            exit_code: value["exitCode"].as_i64().unwrap_or(0) as i32,
            delay,
        },
    })
}

impl Row {
    fn concerns(&self, place: &Place) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| crate::shell::glob_matches(pattern, text))
        };
        fits(&self.namespace, place.pod.namespace())
            && fits(&self.pod, place.pod.name())
            && fits(&self.container, &place.container)
            && self
                .labels
                .iter()
                .all(|(key, value)| place.pod.text(&["metadata", "labels", key]) == value)
    }

    fn answers(&self, argv: &[String]) -> bool {
        match &self.command {
            Command::Prefix(words) => argv.starts_with(words),
            Command::Exact(words) => argv == words,
            Command::Pattern(regex) => regex.is_match(&argv.join(" ")),
        }
    }
}

/// The rules that concern one container.
pub(super) struct Answering {
    place: Place,
    rows: Vec<Row>,
    callback: Option<Callback>,
}

impl Answering {
    /// The rules of a container, if any concern it. A list that cannot be read answers nothing.
    pub(super) fn of(
        rules: &Rules,
        place: &Place,
        namespace: Option<&Value>,
    ) -> Option<Arc<dyn Answers>> {
        let pod = place.pod.text(&["metadata", "annotations", ANNOTATION]);
        let namespace = namespace
            .and_then(|found| found["metadata"]["annotations"][ANNOTATION].as_str())
            .unwrap_or_default();
        let mut rows = Vec::new();
        for text in [pod, namespace] {
            if !text.is_empty()
                && let Ok(own) = Rules::parse(text)
            {
                rows.extend(own.rows);
            }
        }
        rows.extend(rules.rows.iter().cloned());
        rows.retain(|row| row.concerns(place));
        if rows.is_empty() && rules.callback.is_none() {
            return None;
        }
        Some(Arc::new(Self {
            place: place.clone(),
            rows,
            callback: rules.callback.clone(),
        }))
    }
}

impl Answers for Answering {
    fn answer(&self, argv: &[String]) -> Option<Answer> {
        if let Some(callback) = &self.callback
            && let Some(answer) = callback(&self.place, argv)
        {
            return Some(answer);
        }
        let row = self.rows.iter().find(|row| row.answers(argv))?;
        Some(row.answer.clone())
    }
}
