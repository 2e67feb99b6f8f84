//! The steps: the event that a function gets, and AWS's answers to its calls.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use hyper::body::Bytes;
use local::Workspace;
use serde::Deserialize;
use serde_json::Value;

/// One invocation of a function, from `bench/steps`: the reference setup's first run, or its removal.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// The name of the function's binary.
    #[serde(skip)]
    pub name: String,
    /// The environment variables that the template sets for the function.
    pub environment: BTreeMap<String, String>,
    /// The event.
    pub event: Value,
    /// AWS's answers, in the order of the calls.
    pub answers: Vec<Answer>,
}

/// AWS's answer to one call, in the format of the API reference that the file names.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// The operation that is called.
    pub operation: String,
    /// The HTTP status.
    #[serde(default = "ok")]
    pub status: u16,
    /// The body: a text with XML, or JSON.
    pub body: Value,
}

const fn ok() -> u16 {
    200
}

impl Answer {
    /// Returns the content type and the body.
    pub fn content(&self) -> (&'static str, Bytes) {
        match &self.body {
            Value::String(xml) => ("text/xml", Bytes::from(xml.clone())),
            json => ("application/x-amz-json-1.1", Bytes::from(json.to_string())),
        }
    }
}

impl Step {
    /// Reads all steps, by name.
    ///
    /// # Errors
    /// Returns an error if a file can't be read.
    pub fn read_all() -> Result<Vec<Self>> {
        let folder = Workspace::root().join("bench/steps");
        let mut steps = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned());
            let text = fs::read_to_string(&path)?;
            let step: Self = serde_json::from_str(&text)
                .with_context(|| format!("{} is invalid", path.display()))?;
            steps.push(Self {
                name: name.unwrap_or_default(),
                ..step
            });
        }
        steps.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(steps)
    }
}

/// Returns the answer to a call. The answers to one operation are given in order, and the last one is repeated.
pub fn next_answer(answers: &mut Vec<Answer>, operation: &str) -> Option<Answer> {
    let mut matching = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.operation == operation)
        .map(|(index, _)| index);
    let first = matching.next()?;
    if matching.next().is_some() {
        Some(answers.remove(first))
    } else {
        answers.get(first).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use local::Workspace;
    use serde_json::json;

    use super::{Answer, Step, next_answer};

    #[test]
    fn every_function_has_a_step_and_every_step_with_calls_a_peer() {
        let steps = Step::read_all().expect("the steps");

        let names: BTreeSet<_> = steps.iter().map(|step| step.name.clone()).collect();
        assert_eq!(names, functions());
        let called = steps.iter().filter(|step| !step.answers.is_empty());
        let peers: BTreeSet<_> = called
            .map(|step| format!("{}.py", step.name.replace('-', "_")))
            .collect();
        let files = fs::read_dir(Workspace::root().join("bench/peers/steps")).expect("the peers");
        let files: BTreeSet<_> = files
            .map(|file| {
                file.expect("a file")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "py"))
            .collect();
        assert_eq!(files, peers);
    }

    /// Returns the names of all functions' binaries.
    fn functions() -> BTreeSet<String> {
        let crates = fs::read_dir(Workspace::root().join("functions")).expect("the crates");
        crates
            .flat_map(|folder| {
                fs::read_dir(folder.expect("a folder").path().join("src/bin")).expect("binaries")
            })
            .map(|file| file.expect("a file").path())
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect()
    }

    #[test]
    fn gives_answers_in_order_and_repeats_the_last() {
        let answer = |operation: &str, body: u8| Answer {
            operation: operation.to_owned(),
            status: 200,
            body: json!(body),
        };
        let mut answers = vec![answer("Read", 1), answer("Write", 2), answer("Read", 3)];

        let found = ["Read", "Read", "Read", "Write"]
            .map(|operation| next_answer(&mut answers, operation).map(|answer| answer.body));

        assert_eq!(found, [1, 3, 3, 2].map(|body| Some(json!(body))));
        assert_eq!(next_answer(&mut answers, "Delete"), None);
    }
}
