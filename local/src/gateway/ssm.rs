//! Systems Manager's rejections of parameters that MiniStack accepts.

use serde_json::Value;

use super::call::Call;
use super::error_response::ErrorResponse;

/// A parameter's name has at most this number of levels
/// ([PutParameter](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html)).
const MAX_LEVELS: usize = 15;

/// Returns the error if Systems Manager rejects the call. AWS's message isn't known; this one is the error's description
/// in the API reference.
pub fn reject(call: &Call) -> Option<ErrorResponse> {
    if (call.service.as_str(), call.operation.as_str()) != ("ssm", "PutParameter") {
        return None;
    }
    let request: Value = serde_json::from_str(&call.text).ok()?;
    let levels = request["Name"].as_str()?.trim_start_matches('/').split('/');
    (levels.count() > MAX_LEVELS).then(|| {
        ErrorResponse::new(
            "HierarchyLevelLimitExceededException",
            format!("A hierarchy can have a maximum of {MAX_LEVELS} levels."),
        )
    })
}
