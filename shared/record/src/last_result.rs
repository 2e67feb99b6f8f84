//! How an environment's last run ended.

use serde::{Deserialize, Serialize};

/// How a run ended: the attribute `lastResult`. `ReleaseEnvironment` writes it in the update that releases the claim,
/// `RecordResult` for a run that released none, and `ReportOutcome` for a run that Step Functions ended. `resultAt`, in
/// milliseconds since 1970, says when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LastResult {
    /// The execution's ARN.
    pub execution: String,
    /// Why it failed; none if it succeeded.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why a run failed, as its announcement says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Failure {
    /// The state that failed.
    pub step: String,
    /// The error's name.
    pub error: String,
    /// What happened, and what to do.
    pub reason: String,
}

impl LastResult {
    /// Returns the result as the record stores it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts always becomes JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, LastResult};

    #[test]
    fn reads_what_the_state_machines_store() {
        let execution =
            || "arn:aws:states:us-east-1:123456789012:execution:provision:run-1".to_owned();
        let failure = Failure {
            step: "ResolveNetwork".to_owned(),
            error: "NotFound".to_owned(),
            reason: "no VPC has the name `band-up`".to_owned(),
        };
        let cases = [
            (
                r#"{"execution":"arn:aws:states:us-east-1:123456789012:execution:provision:run-1"}"#,
                None,
            ),
            (
                r#"{"execution":"arn:aws:states:us-east-1:123456789012:execution:provision:run-1","step":"ResolveNetwork","error":"NotFound","reason":"no VPC has the name `band-up`"}"#,
                Some(failure),
            ),
        ];
        for (json, failure) in cases {
            let result = LastResult {
                execution: execution(),
                failure,
            };

            assert_eq!(
                serde_json::from_str::<LastResult>(json).expect(json),
                result
            );
            assert_eq!(result.to_json(), json);
        }
    }
}
