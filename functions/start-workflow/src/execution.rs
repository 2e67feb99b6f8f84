//! The execution that an event asks for. Pure: no call is made here.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// An execution's name has at most 80 characters
/// ([StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html)).
const LONGEST_NAME: usize = 80;
/// EventBridge's event ids are UUIDs.
const LONGEST_ID: usize = 36;

/// Name and input of an execution.
#[derive(Debug, PartialEq, Eq)]
pub struct Execution {
    pub name: String,
    pub input: String,
}

impl Execution {
    /// The same event gives the same execution, name and input, however often it is delivered.
    ///
    /// The input always has the field `event`, so that what only a user may ask for is rejected: without a time, which
    /// EventBridge always sends, that field is invalid, and so is the input.
    pub fn of(event: EventBridgeEvent<Value>) -> Self {
        let id = event.id.unwrap_or_default();
        let mut input = event.detail;
        let name = name(input.get("environment").and_then(Value::as_str), &id);
        if let Some(detail) = input.as_object_mut() {
            let time = event
                .time
                .map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
            detail.insert("event".to_owned(), json!({ "id": id, "time": time }));
        }
        Self {
            name,
            input: input.to_string(),
        }
    }
}

/// `{environment}-{event id}`, each with what a name admits (0-9, A-Z, a-z, `-`, `_`). The id makes it unique;
/// the environment is for the person who reads the list of executions.
pub fn name(environment: Option<&str>, id: &str) -> String {
    let id = admitted(id, LONGEST_ID);
    let environment = admitted(environment.unwrap_or_default(), LONGEST_NAME - 1 - id.len());
    match (environment.as_str(), id.as_str()) {
        ("", "") => "event".to_owned(),
        ("", id) => id.to_owned(),
        (environment, "") => environment.to_owned(),
        (environment, id) => format!("{environment}-{id}"),
    }
}

fn admitted(text: &str, most: usize) -> String {
    text.chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-_".contains(*character))
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::name;

    const ID: &str = "17793124-05d4-b198-2fde-7ededc63b103";

    #[test]
    fn an_execution_is_named_by_environment_and_event() {
        let long = "x".repeat(500);
        let cases = [
            (
                Some("bandup"),
                ID,
                format!("bandup-{ID}"),
                "the usual event",
            ),
            (
                None,
                ID,
                ID.to_owned(),
                "no environment: it fails inside and says so",
            ),
            (
                Some("bänd up/1"),
                ID,
                format!("bndup1-{ID}"),
                "what a name does not admit is left out",
            ),
            (
                Some(&long),
                ID,
                format!("{}-{ID}", "x".repeat(43)),
                "80 characters",
            ),
            (Some(""), "", "event".to_owned(), "neither: still a name"),
        ];
        for (environment, id, expected, why) in cases {
            let found = name(environment, id);
            assert_eq!(found, expected, "{why}");
            assert!(found.len() <= 80, "{why}: {} characters", found.len());
        }
    }
}
