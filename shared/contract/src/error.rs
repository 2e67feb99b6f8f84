//! The names of errors, and the error that a step returns.

use std::fmt;

/// The stable name of an error: the state machine's `ErrorEquals`, and the error that an execution ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorName {
    /// The input breaks a rule of envcache, or AWS rejects a setting.
    InvalidSpec,
    /// A resource that the input names doesn't exist, or AWS doesn't return a new resource yet.
    NotFound,
    /// A name in the input matches more than one resource.
    Ambiguous,
    /// A resource with the requested name exists, but the environment doesn't own it.
    NotOwned,
    /// The existing resource differs in something that can't be changed in place.
    Immutable,
    /// ElastiCache accepted the cache and then failed to create it.
    CreateFailed,
    /// AWS has no capacity for the requested node type in the requested Availability Zones, or doesn't offer it there.
    InsufficientCapacity,
    /// A quota of the account is exceeded.
    QuotaExceeded,
    /// The step's role or another policy doesn't allow a call.
    AccessDenied,
    /// AWS still throttled a call after its retries.
    Throttled,
    /// AWS did not answer, or returned an internal error.
    ServiceUnavailable,
    /// A resource is in a status that envcache doesn't know, or from which it doesn't recover.
    UnexpectedStatus,
    /// A resource can't be deleted or changed because another one still uses it.
    InUse,
    /// The environment is protected from removal. Nothing was removed.
    Protected,
    /// The endpoint did not answer.
    EndpointUnreachable,
    /// The cache was not ready, or the environment was not free, before the deadline.
    Timeout,
    /// A bug in envcache.
    Internal,
}

/// The name under which a stopped execution is announced: Step Functions' term. No step failed, so no [`ErrorName`] fits.
pub const ABORTED: &str = "Aborted";

impl ErrorName {
    /// Returns the name with this text, if there is one.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Every name, in the order of the contract.
    pub const ALL: [Self; 17] = [
        Self::InvalidSpec,
        Self::NotFound,
        Self::Ambiguous,
        Self::NotOwned,
        Self::Immutable,
        Self::CreateFailed,
        Self::InsufficientCapacity,
        Self::QuotaExceeded,
        Self::AccessDenied,
        Self::Throttled,
        Self::ServiceUnavailable,
        Self::UnexpectedStatus,
        Self::InUse,
        Self::Protected,
        Self::EndpointUnreachable,
        Self::Timeout,
        Self::Internal,
    ];

    /// Returns the name as the state machine and the console show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::NotFound => "NotFound",
            Self::Ambiguous => "Ambiguous",
            Self::NotOwned => "NotOwned",
            Self::Immutable => "Immutable",
            Self::CreateFailed => "CreateFailed",
            Self::InsufficientCapacity => "InsufficientCapacity",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::AccessDenied => "AccessDenied",
            Self::Throttled => "Throttled",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::UnexpectedStatus => "UnexpectedStatus",
            Self::InUse => "InUse",
            Self::Protected => "Protected",
            Self::EndpointUnreachable => "EndpointUnreachable",
            Self::Timeout => "Timeout",
            Self::Internal => "Internal",
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How many characters a message keeps at its beginning and at its end. An execution's cause has at most 32,768
/// ([FailState](https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html)), and it should be readable.
const KEPT: (usize, usize) = (1_200, 600);

fn shortened(message: String) -> String {
    let length = message.chars().count();
    let (before, after) = KEPT;
    if length <= before + after {
        return message;
    }
    let begin: String = message.chars().take(before).collect();
    let end: String = message.chars().skip(length - after).collect();
    format!("{begin} […] {end}")
}

/// An error of a step: a name for the state machine, and a message for the user who reads the console.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    name: ErrorName,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StepError {
    /// Creates an error. The message names the operation or field, the resource, and the remedy. The middle of a very
    /// long message is left out.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: shortened(message.into()),
            source: None,
        }
    }

    /// Adds the cause, for the log.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// Returns the name that the state machine sees.
    #[must_use]
    pub const fn name(&self) -> ErrorName {
        self.name
    }
}

/// The result of a step.
pub type StepResult<T> = Result<T, StepError>;

#[cfg(test)]
mod tests {
    use super::{ErrorName, StepError};

    #[test]
    fn keeps_beginning_and_end_when_message_is_too_long() {
        let quoted = "🎸".repeat(100_000);

        let error = StepError::new(
            ErrorName::InvalidSpec,
            format!("environment: `{quoted}` is too long. Shorten it"),
        );

        let message = error.to_string();
        assert!(message.starts_with("environment: `🎸"), "{message}");
        assert!(message.ends_with("is too long. Shorten it"), "{message}");
        assert!(message.chars().count() < 2_000, "{message}");
    }

    #[test]
    fn lists_every_name_once_and_equal_to_its_variant() {
        for (index, name) in ErrorName::ALL.into_iter().enumerate() {
            assert_eq!(name.as_str(), format!("{name:?}"), "a name is its variant");
            assert_eq!(
                ErrorName::ALL.iter().position(|other| *other == name),
                Some(index),
                "{name} is listed twice"
            );
        }
    }
}
