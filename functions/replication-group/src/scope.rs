//! Checks that a requested ARN is in the account and Region of the stack. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};

/// Checks that an ARN is in the partition, the Region, and the account of the execution. Other texts are accepted.
///
/// # Errors
/// Returns `InvalidSpec` with both accounts and Regions.
pub fn require_own(field: &str, requested: &str, execution_arn: &str) -> StepResult<()> {
    match (scope(requested), scope(execution_arn)) {
        (Some(found), Some(own)) if found != own => Err(StepError::new(
            ErrorName::InvalidSpec,
            format!(
                "{field}: `{requested}` is not in this stack's account and Region, {} and {}. The cache was not created or \
                 changed. Request one that is, then start again",
                own[2], own[1]
            ),
        )),
        _ => Ok(()),
    }
}

/// Returns the partition, the Region, and the account of an ARN; none for another text.
fn scope(text: &str) -> Option<[&str; 3]> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, _, region, account, _] => Some([partition, region, account]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::require_own;

    #[test]
    fn arn_must_be_in_the_partition_region_and_account_of_the_execution() {
        let execution = "arn:aws:states:eu-west-1:123456789012:execution:provision:run-1";
        let cases = [
            ("arn:aws:sns:eu-west-1:123456789012:events", true),
            ("alias/caches", true),
            ("arn:aws:sns:eu-west-2:123456789012:events", false),
            ("arn:aws:sns:eu-west-1:210987654321:events", false),
            ("arn:aws-cn:sns:eu-west-1:123456789012:events", false),
        ];
        for (requested, expected) in cases {
            let found = require_own("cache.notificationTopic", requested, execution);

            assert_eq!(found.is_ok(), expected, "{requested}: {found:?}");
        }
    }
}
