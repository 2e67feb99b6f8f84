//! What a run is asked for: read and checked here, so that a mistake is told at once and nothing starts.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use contract::value::EnvironmentName;
use contract::{ErrorName, RemovalRequest, Request, StepError};
use serde_json::{Value, json};

use crate::exit::Usage;

/// A checked request.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    pub environment: String,
    /// The execution's input.
    pub input: Value,
}

/// Reads a request for a cache from a file. An event's `detail` counts where the file holds an event.
pub fn read(path: &Path) -> Result<StartRequest> {
    let text = text(path).map_err(|error| Usage(format!("{}: {error:#}", path.display())))?;
    let value = serde_json::from_str(&text)
        .map_err(|error| Usage(format!("{}: not JSON: {error}", path.display())))?;
    cache(value)
        .map_err(|error| Usage(format!("{}: {error}", path.display())))
        .map_err(Into::into)
}

/// Checks that an environment can have this name.
///
/// # Errors
///
/// Returns `Usage` if it can't.
pub fn check_name(environment: &str) -> Result<(), Usage> {
    EnvironmentName::try_from(environment.to_owned())
        .map(|_| ())
        .map_err(|problem| Usage(format!("environment: {problem}")))
}

fn text(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        return Ok(text);
    }
    Ok(std::fs::read_to_string(path)?)
}

fn cache(mut value: Value) -> Result<StartRequest, StepError> {
    let input = match value.get("detail-type").map(Value::as_str) {
        None => value,
        Some(Some("Environment Created")) => value["detail"].take(),
        Some(other) => {
            return Err(StepError::new(
                ErrorName::InvalidSpec,
                format!(
                    "an event `{}` asks for no cache: `envcache down ENVIRONMENT` takes one away",
                    other.unwrap_or_default()
                ),
            ));
        }
    };
    let spec = Request::from_json(input.clone()).and_then(Request::into_spec)?;
    Ok(StartRequest {
        environment: spec.environment.to_string(),
        input,
    })
}

impl StartRequest {
    /// The same request, of which nothing is done.
    pub fn into_dry_run(mut self) -> Self {
        self.input["dryRun"] = json!(true);
        self
    }

    /// A request to take an environment's cache away.
    pub fn removal(environment: &str, final_snapshot: bool) -> Result<Self> {
        let input = json!({ "environment": environment, "finalSnapshot": final_snapshot });
        RemovalRequest::from_json(input.clone()).map_err(|error| Usage(error.to_string()))?;
        Ok(Self {
            environment: environment.to_owned(),
            input,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{StartRequest, cache};

    #[test]
    fn an_event_and_its_detail_alone_ask_for_the_same() {
        let detail = json!({
            "environment": "bandup",
            "network": { "vpc": "v", "subnets": ["a", "b"], "backendSecurityGroup": "g" }
        });
        let event =
            json!({ "source": "x", "detail-type": "Environment Created", "detail": detail });

        let found = [detail.clone(), event].map(|value| cache(value).expect("a valid request"));

        let expected = StartRequest {
            environment: "bandup".to_owned(),
            input: detail,
        };
        assert_eq!(found, [expected.clone(), expected]);
    }

    #[test]
    fn a_mistake_is_told_before_anything_starts() {
        let error = cache(json!({ "environment": "bandup" })).expect_err("no network");
        assert!(
            error.to_string().contains("missing field `network`"),
            "{error}"
        );

        let deleted =
            json!({ "detail-type": "Environment Deleted", "detail": { "environment": "bandup" } });
        let error = cache(deleted).expect_err("another event");
        assert!(error.to_string().contains("envcache down"), "{error}");

        let error = StartRequest::removal("Band Up", false).expect_err("no environment's name");
        assert!(error.to_string().starts_with("environment: "), "{error}");
    }
}
