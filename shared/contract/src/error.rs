//! The one vocabulary of failure: what a step reports, what the state machine catches, what a person reads.

use std::fmt;

/// The stable name of a failure: the state machine's `ErrorEquals`, and the error that an execution ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorName {
    /// The input breaks envcache's contract or a rule of AWS. Nothing was created.
    InvalidSpec,
    /// Something that the input names does not exist.
    NotFound,
    /// A name of the input matches more than one thing.
    Ambiguous,
    /// A resource of the wanted name exists, and its tags do not say that it is ours.
    NotOwned,
    /// The existing resource differs in something that AWS cannot change in place.
    Immutable,
    /// ElastiCache accepted the cache and then failed to create it.
    CreateFailed,
    /// AWS has no capacity for the wanted node type in the wanted zones.
    InsufficientCapacity,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// The step's role, or the account's policies, do not allow a call.
    AccessDenied,
    /// AWS went on throttling a call after its retries.
    Throttled,
    /// AWS did not answer, or answered with a fault of its own.
    ServiceUnavailable,
    /// A resource is in a status that envcache does not know, or in one that it doesn't leave by itself.
    UnexpectedStatus,
    /// A resource cannot be removed because another still uses it.
    InUse,
    /// The environment is protected from removal. Nothing was removed.
    Protected,
    /// The endpoint did not answer.
    EndpointUnreachable,
    /// The cache was not ready before the deadline.
    Timeout,
    /// A fault of envcache itself.
    Internal,
}

impl ErrorName {
    /// The name with this text, if the contract has one.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
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

    /// The name as it stands in the state machine and in the console.
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

/// The characters of a message that are kept before and after its middle. An execution's cause has at most
/// 32,768 ([FailState](https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html)), and a person
/// reads it.
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

/// A step's failure: a name for the state machine, a message for the person who reads the console.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    name: ErrorName,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StepError {
    /// An error of this name. The message names the operation or field, the resource and the way out. Of a
    /// message that quotes something endless, the middle is left out.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: shortened(message.into()),
            source: None,
        }
    }

    /// The same error with what caused it, for the log.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// The name that the state machine sees.
    #[must_use]
    pub const fn name(&self) -> ErrorName {
        self.name
    }
}

/// What a step returns: its output, or an error under a name of the contract.
pub type StepResult<T> = Result<T, StepError>;

#[cfg(test)]
mod tests {
    use super::{ErrorName, StepError};

    #[test]
    fn a_message_keeps_its_beginning_and_its_way_out_whatever_it_quotes() {
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
    fn every_name_is_listed_once_and_reads_as_its_variant() {
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
