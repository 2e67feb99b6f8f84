//! Maps failed AWS calls to the contract's errors.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::{ErrorName, StepError};

use crate::code::error_name;

/// Returns the error code of AWS's response.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// Returns whether ElastiCache rejected a modification because it found nothing to modify. For the number of replicas,
/// it has an error code
/// ([IncreaseReplicaCount](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html)).
/// For other changes, only the message says so: the code, `InvalidParameterCombination`, has other meanings too
/// (<https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elasticache/replication_group.go>).
pub fn modifies_nothing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error) == Some("NoOperationFault")
        || error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
            .is_some_and(|message| message.contains("No modifications were requested"))
}

/// Returns the error for a modification for which ElastiCache has found nothing to modify twice. `differences` lists
/// what differs nevertheless.
#[must_use]
pub fn nothing_to_modify(operation: &str, resource: &str, differences: &str) -> StepError {
    StepError::new(
        ErrorName::Immutable,
        format!(
            "{operation} {resource}: ElastiCache answered twice that there is nothing to modify, but {differences}. \
             This change was not made. Request the current value, or change it in the ElastiCache console, then start again"
        ),
    )
}

/// Returns the error for a failed call of `operation` on `resource`.
///
/// The message names the operation, the resource, AWS's error, and the remedy.
pub fn failure<E, R>(operation: &str, resource: &str, error: SdkError<E, R>) -> StepError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let answered = error
        .as_service_error()
        .and_then(|service| Some((service.code()?, service.message().unwrap_or("no message"))));
    let (name, reason) = match answered {
        Some((code, message)) => (error_name(code), format!("{code}: {message}")),
        None => (error_name_without_code(&error), causes(&error)),
    };
    StepError::new(
        name,
        format!("{operation} {resource}: {reason}. {}", remedy(name)),
    )
    .caused_by(error)
}

/// Returns the error for a resource that exists but that AWS doesn't return yet: this run or a concurrent one has just
/// created it. A retry of the state machine finds it.
pub fn not_yet_visible<E, R>(operation: &str, resource: &str, error: SdkError<E, R>) -> StepError
where
    E: Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    StepError::new(
        ErrorName::NotFound,
        format!(
            "{operation} {resource}: the resource exists, but AWS doesn't return it yet. Start again"
        ),
    )
    .caused_by(error)
}

/// Returns the chain of causes, the innermost last.
fn causes(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Returns the name for an error without an error code: no connection, no answer in time, or an unreadable answer.
fn error_name_without_code<E, R>(error: &SdkError<E, R>) -> ErrorName {
    match error {
        SdkError::ConstructionFailure(_) => ErrorName::Internal,
        _ => ErrorName::ServiceUnavailable,
    }
}

/// Returns what the user can do about an error.
const fn remedy(name: ErrorName) -> &'static str {
    match name {
        ErrorName::AccessDenied => {
            "The step's role, a permissions boundary, or an organization's policy doesn't allow it, or ElastiCache's \
             service-linked role is missing. See docs/permissions.md, then start again"
        }
        ErrorName::Throttled | ErrorName::ServiceUnavailable => {
            "Retries failed too. Start again later"
        }
        ErrorName::QuotaExceeded => {
            "Remove what is no longer used, or request a higher quota in Service Quotas, then start again"
        }
        ErrorName::InsufficientCapacity => {
            "AWS has no capacity for this node type in these Availability Zones now. Start again later, or request another \
             `cache.nodeType`, or subnets in other zones"
        }
        ErrorName::InvalidSpec => "AWS rejects this setting. Correct the input, then start again",
        ErrorName::InUse => {
            "It is still in use. Remove what uses it, or request the current values, then start again"
        }
        ErrorName::NotFound => "It may have been deleted in the meantime. Start again",
        ErrorName::Immutable => {
            "AWS can't change this in place. Request the current value, or delete the resource if nothing uses it, then \
             start again"
        }
        ErrorName::UnexpectedStatus => {
            "Check the resource in the AWS console; for a network, check that the subnets of the subnet group exist and \
             have free addresses. Then start again"
        }
        _ => "Start again. If the error recurs, report this message as a bug in envcache",
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::SdkError;
    use aws_smithy_types::error::ErrorMetadata;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;
    use contract::ErrorName;

    use super::{failure, modifies_nothing};
    use crate::code::NAMES;

    #[derive(Debug)]
    struct Fault(ErrorMetadata);

    impl std::fmt::Display for Fault {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.fmt(formatter)
        }
    }
    impl std::error::Error for Fault {}
    impl ProvideErrorMetadata for Fault {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    fn answered(code: &str, message: &str) -> SdkError<Fault, ()> {
        let metadata = ErrorMetadata::builder().code(code).message(message).build();
        SdkError::service_error(Fault(metadata), ())
    }

    #[test]
    fn recognizes_when_nothing_is_to_be_modified() {
        let cases = [
            (
                "InvalidParameterCombination",
                "No modifications were requested",
                true,
            ),
            (
                "InvalidParameterCombination",
                "No modifications were requested.",
                true,
            ),
            (
                "InvalidParameterCombination",
                "Automatic failover requires 2 or more cache clusters.",
                false,
            ),
            (
                "InvalidParameterValue",
                "No modifications were requested",
                true,
            ),
            ("NoOperationFault", "no", true),
        ];
        for (code, message, expected) in cases {
            let found = modifies_nothing(&answered(code, message));

            assert_eq!(found, expected, "{code}: {message}");
        }
    }

    #[test]
    fn reports_no_bug_when_code_is_known() {
        for code in NAMES.iter().flat_map(|(_, codes)| *codes) {
            let error = failure(
                "CreateReplicationGroup",
                "bandup-redis",
                answered(code, "no"),
            );

            assert!(!error.to_string().contains("a bug in envcache"), "{error}");
        }
    }

    #[test]
    fn message_names_operation_resource_reason_and_remedy() {
        let error = failure(
            "CreateReplicationGroup",
            "bandup-redis",
            answered(
                "NodeQuotaForCustomerExceeded",
                "Quota of 300 nodes exceeded",
            ),
        );

        assert_eq!(
            error.to_string(),
            "CreateReplicationGroup bandup-redis: NodeQuotaForCustomerExceeded: Quota of 300 nodes exceeded. \
             Remove what is no longer used, or request a higher quota in Service Quotas, then start again"
        );
    }

    #[test]
    fn call_without_an_answer_is_service_unavailable() {
        let error = failure(
            "DescribeVpcs",
            "band-up-vpc",
            SdkError::<Fault, ()>::timeout_error("no answer within 5 s"),
        );

        assert_eq!(error.name(), ErrorName::ServiceUnavailable);
        assert!(
            error.to_string().contains("no answer within 5 s"),
            "{error}"
        );
    }
}
