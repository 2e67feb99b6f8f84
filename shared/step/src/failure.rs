//! What a failed AWS call means, under a name of the contract.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use contract::{ErrorName, StepError};

use crate::code::error_name;

/// The error code that AWS answered with, as it stands on the wire.
pub fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// Whether ElastiCache rejects a modification because it finds nothing to modify. For the number of replicas it has a code
/// ([IncreaseReplicaCount](https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_IncreaseReplicaCount.html)).
/// For all else only the message says so: the code, `InvalidParameterCombination`, stands for other problems too
/// (<https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/elasticache/replication_group.go>).
pub fn modifies_nothing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    code(error) == Some("NoOperationFault")
        || error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
            .is_some_and(|message| message.contains("No modifications were requested"))
}

/// The error for a modification that ElastiCache has answered twice in this way. `differences` says what differs all the
/// same.
#[must_use]
pub fn nothing_to_modify(operation: &str, resource: &str, differences: &str) -> StepError {
    StepError::new(
        ErrorName::Immutable,
        format!(
            "{operation} {resource}: ElastiCache answered twice that there is nothing to modify, but {differences}. \
             This change was not made. Request the value found, or change it in the ElastiCache console, then start again"
        ),
    )
}

/// The error for a failed call: `operation` is AWS's name of it, `resource` what it was about.
///
/// The message tells the operation, the resource, AWS's own words and the way out.
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

/// The error for a resource that exists and that AWS does not show everywhere yet: this run made it a moment
/// ago, or a run at the same time did. The state machine's next try finds it.
pub fn not_yet_visible<E, R>(operation: &str, resource: &str, error: SdkError<E, R>) -> StepError
where
    E: Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    StepError::new(
        ErrorName::NotFound,
        format!(
            "{operation} {resource}: it exists, and AWS does not show it everywhere yet. Start again"
        ),
    )
    .caused_by(error)
}

/// What went wrong on the way, the innermost cause last.
fn causes(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// The name where no error code came back: no connection, no answer in time, or an answer that says nothing.
fn error_name_without_code<E, R>(error: &SdkError<E, R>) -> ErrorName {
    match error {
        SdkError::ConstructionFailure(_) => ErrorName::Internal,
        _ => ErrorName::ServiceUnavailable,
    }
}

const fn remedy(name: ErrorName) -> &'static str {
    match name {
        ErrorName::AccessDenied => {
            "The role of the step, a permissions boundary or an organisation's policy forbids it, or ElastiCache's \
             service-linked role is missing: see Permissions in the README, then start again"
        }
        ErrorName::Throttled | ErrorName::ServiceUnavailable => {
            "It was tried again without success: start again later"
        }
        ErrorName::QuotaExceeded => {
            "Remove what is no longer used, or ask for a higher quota in Service Quotas, then start again"
        }
        ErrorName::InsufficientCapacity => {
            "AWS has no such node to give in these zones now: start again later, or ask for another cache.nodeType or other subnets"
        }
        ErrorName::InvalidSpec => "AWS refuses this setting: correct the input, then start again",
        ErrorName::InUse => {
            "Something still uses it: remove that first, or ask for what is there, then start again"
        }
        ErrorName::NotFound => "It may have been removed meanwhile: start again",
        ErrorName::Immutable => {
            "AWS doesn't change this in place: request what exists, or delete it if nothing uses it, then start again"
        }
        ErrorName::UnexpectedStatus => {
            "Check it in AWS's console: for a network, whether the subnets of the subnet group still exist and have free \
             addresses. Then start again"
        }
        _ => "Start again; if it stays, report this message as a fault of envcache",
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::SdkError;
    use aws_smithy_types::error::ErrorMetadata;
    use aws_smithy_types::error::metadata::ProvideErrorMetadata;
    use contract::ErrorName;

    use super::{failure, modifies_nothing};

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
    fn only_the_message_says_that_nothing_was_to_be_modified() {
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
    fn message_of_a_known_code_blames_no_fault_of_envcache() {
        let codes = [
            "UnauthorizedOperation",
            "Throttling",
            "InsufficientCacheClusterCapacity",
            "NodeQuotaForCustomerExceeded",
            "CacheSubnetGroupInUse",
            "CacheSubnetGroupNotFoundFault",
            "InvalidParameterValue",
            "HierarchyTypeMismatchException",
            "InvalidVPCNetworkStateFault",
            "InternalFailure",
        ];
        for code in codes {
            let error = failure(
                "CreateReplicationGroup",
                "bandup-redis",
                answered(code, "no"),
            );

            assert!(
                !error.to_string().contains("a fault of envcache"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_message_tells_operation_resource_reason_and_way_out() {
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
             Remove what is no longer used, or ask for a higher quota in Service Quotas, then start again"
        );
    }

    #[test]
    fn a_call_without_an_answer_is_an_unavailable_service() {
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
