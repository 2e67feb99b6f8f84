//! The execution that an event starts. Pure functions; no AWS calls.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use chrono::SecondsFormat;
use serde_json::{Value, json};

/// An execution's name has at most 80 characters
/// ([StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html)).
const MAX_NAME_LENGTH: usize = 80;
/// EventBridge's event IDs are UUIDs.
const MAX_ID_LENGTH: usize = 36;

/// The name and the input of an execution.
#[derive(Debug, PartialEq, Eq)]
pub struct Execution {
    pub name: String,
    pub input: String,
}

impl Execution {
    /// Returns the execution for an event. Each delivery of the same event gives the same name and input.
    ///
    /// The input always has the field `event`, so that requests that only users may make are rejected. If the event has
    /// no time, which EventBridge always sends, that field is invalid, and so is the input.
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

/// Returns the name `{environment}-{event ID}` without characters that a name can't contain (other than 0-9, A-Z, a-z,
/// `-`, and `_`). The ID makes it unique; the environment makes the list of executions readable.
pub fn name(environment: Option<&str>, id: &str) -> String {
    let id = allowed(id, MAX_ID_LENGTH);
    let environment = allowed(
        environment.unwrap_or_default(),
        MAX_NAME_LENGTH - 1 - id.len(),
    );
    match (environment.as_str(), id.as_str()) {
        ("", "") => "event".to_owned(),
        ("", id) => id.to_owned(),
        (environment, "") => environment.to_owned(),
        (environment, id) => format!("{environment}-{id}"),
    }
}

fn allowed(text: &str, max: usize) -> String {
    text.chars()
        .filter(|character| character.is_ascii_alphanumeric() || "-_".contains(*character))
        .take(max)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::name;

    const ID: &str = "17793124-05d4-b198-2fde-7ededc63b103";

    #[test]
    fn names_the_execution_by_environment_and_event() {
        let long = "x".repeat(500);
        let cases = [
            (Some("bandup"), ID, format!("bandup-{ID}"), "a valid event"),
            (
                None,
                ID,
                ID.to_owned(),
                "no environment: the execution fails and gives the reason",
            ),
            (
                Some("bänd up/1"),
                ID,
                format!("bndup1-{ID}"),
                "other characters are omitted",
            ),
            (
                Some(&long),
                ID,
                format!("{}-{ID}", "x".repeat(43)),
                "80 characters",
            ),
            (Some(""), "", "event".to_owned(), "neither: a fixed name"),
        ];
        for (environment, id, expected, why) in cases {
            let found = name(environment, id);
            assert_eq!(found, expected, "{why}");
            assert!(found.len() <= 80, "{why}: {} characters", found.len());
        }
    }
}
