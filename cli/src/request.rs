//! Reads and validates requests before a run starts.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use contract::value::EnvironmentName;
use contract::{ErrorName, RemovalRequest, Request, StepError};
use serde_json::{Value, json};

use crate::exit::Usage;

/// A valid request to start a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    pub environment: String,
    /// The execution's input.
    pub input: Value,
}

/// Reads a request for a cache from a file. If the file contains an event, its `detail` is the request.
pub fn read(path: &Path) -> Result<StartRequest> {
    let text = text(path).map_err(|error| Usage(format!("{}: {error:#}", path.display())))?;
    let value = serde_json::from_str(&text)
        .map_err(|error| Usage(format!("{}: not JSON: {error}", path.display())))?;
    cache(value)
        .map_err(|error| Usage(format!("{}: {error}", path.display())))
        .map_err(Into::into)
}

/// Checks that an environment's name is valid.
///
/// # Errors
///
/// Returns `Usage` if it isn't.
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
                    "an `{}` event doesn't request a cache. To remove a cache, use `envcache down ENVIRONMENT`",
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
    /// Returns the same request as a dry run.
    pub fn into_dry_run(mut self) -> Self {
        self.input["dryRun"] = json!(true);
        self
    }

    /// Returns a request to remove an environment's cache.
    ///
    /// # Errors
    ///
    /// Returns `Usage` if the environment's name is invalid.
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
    fn reads_the_same_request_from_an_event_and_its_detail() {
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
    fn rejects_invalid_requests() {
        let error = cache(json!({ "environment": "bandup" })).expect_err("no network");
        assert!(
            error.to_string().contains("missing field `network`"),
            "{error}"
        );

        let deleted =
            json!({ "detail-type": "Environment Deleted", "detail": { "environment": "bandup" } });
        let error = cache(deleted).expect_err("a removal event");
        assert!(error.to_string().contains("envcache down"), "{error}");

        let error = StartRequest::removal("Band Up", false).expect_err("an invalid name");
        assert!(error.to_string().starts_with("environment: "), "{error}");
    }
}
