//! Step Functions' rejections of requests that MiniStack accepts, or rejects with another error.

use serde_json::Value;

use super::call::Call;
use super::error_response::ErrorResponse;

/// Returns the error if Step Functions rejects the call.
pub fn reject(call: &Call) -> Option<ErrorResponse> {
    if call.service != "states" {
        return None;
    }
    let request: Value = serde_json::from_str(&call.text).ok()?;
    let text = |field: &str| request[field].as_str();
    if let Some(execution) = text("executionArn") {
        return reject_arn(execution);
    }
    if call.operation != "StartExecution" {
        return None;
    }
    let by_name = text("name").and_then(reject_name);
    by_name.or_else(|| text("input").and_then(reject_input))
}

/// Rejects a text that isn't an ARN
/// ([DescribeExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html)). An
/// [ARN](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html) has at least six parts. The message has
/// the form of that in <https://github.com/cirrus-geo/cirrus-geo/issues/316>.
fn reject_arn(text: &str) -> Option<ErrorResponse> {
    let is_arn = text.starts_with("arn:") && text.split(':').count() >= 6;
    (!is_arn).then(|| ErrorResponse::new("InvalidArn", format!("Invalid Arn: '{text}'")))
}

/// Rejects a name with characters that
/// [StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html) excludes.
/// AWS's message isn't known.
fn reject_name(name: &str) -> Option<ErrorResponse> {
    let is_excluded = |character: char| {
        character.is_whitespace()
            || character.is_control()
            || "<>{}[]?*\"#%\\^|~`$&,;:/\u{fffe}\u{ffff}\u{10ffff}".contains(character)
    };
    name.contains(is_excluded)
        .then(|| ErrorResponse::new("InvalidName", format!("Invalid Name: '{name}'")))
}

/// Rejects an input that isn't JSON
/// ([StartExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html)). AWS's
/// message isn't known.
fn reject_input(input: &str) -> Option<ErrorResponse> {
    let error = serde_json::from_str::<Value>(input).err()?;
    Some(ErrorResponse::new(
        "InvalidExecutionInput",
        format!("Invalid State Machine Execution Input: '{error}'"),
    ))
}

#[cfg(test)]
mod tests {
    use super::{reject_arn, reject_input, reject_name};

    #[test]
    fn rejects_names_with_excluded_characters() {
        for name in ["bandup-1", "release-1.2_(final)=@bandup", "bändup"] {
            assert_eq!(reject_name(name), None, "{name}");
        }
        for name in [
            "band up",
            "bandup:1",
            "band/up",
            "band\u{7}up",
            "bandup\u{10ffff}",
        ] {
            let error = reject_name(name).expect(name);
            assert_eq!(error.code, "InvalidName", "{name}");
        }
    }

    #[test]
    fn rejects_input_that_is_not_json() {
        for input in ["{}", "\"bandup\"", "null"] {
            assert_eq!(reject_input(input), None, "{input}");
        }
        for input in ["", "bandup", "{"] {
            let error = reject_input(input).expect(input);
            assert_eq!(error.code, "InvalidExecutionInput", "{input}");
        }
    }

    #[test]
    fn rejects_texts_that_are_not_arns() {
        let arn = "arn:aws:states:ap-southeast-1:000000000000:execution:envcache-provision:run-1";
        assert_eq!(reject_arn(arn), None);
        for text in ["", "another", "arn:aws:states"] {
            let error = reject_arn(text).expect(text);
            assert_eq!(error.code, "InvalidArn", "{text}");
        }
    }
}
