//! The answers of a kube-apiserver, a line for each case.

use std::fs;

use serde_json::Value;

use crate::cases::folder;
use crate::play::Answers;

fn path(group: &str) -> std::path::PathBuf {
    folder("answers").join(format!("{group}.jsonl"))
}

/// The recorded answers to a group; none where none are recorded.
pub(crate) fn read(group: &str) -> Answers {
    let text = fs::read_to_string(path(group)).unwrap_or_default();
    text.lines()
        .map(|line| {
            let mut answer: Value = serde_json::from_str(line).unwrap();
            let case = answer
                .as_object_mut()
                .and_then(|answer| answer.remove("case"));
            (case.unwrap().as_str().unwrap().to_owned(), answer)
        })
        .collect()
}

/// Writes the answers to a group down.
pub(crate) fn write(group: &str, answers: &Answers) {
    let mut text = String::new();
    for (case, answer) in answers {
        let mut answer = answer.clone();
        answer["case"] = Value::String(case.clone());
        text.push_str(&answer.to_string());
        text.push('\n');
    }
    fs::create_dir_all(folder("answers")).unwrap();
    fs::write(path(group), text).unwrap();
}
