//! How long a deletion waits for a resource that is in use, and why it keeps a resource. Pure functions; no AWS calls.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::DeleteOutput;

/// How long a deletion waits. A cache's network interfaces remain for minutes after the cache was deleted; a resource
/// that is in use for longer is used by something else. Terraform also waits 15 minutes for a security group.
const DEADLINE_SECONDS: u32 = 15 * 60;
/// The seconds between two attempts.
const INTERVAL_SECONDS: u32 = 15;

/// Returns how long to wait for a resource that is in use. `users` describes what uses it.
///
/// # Errors
/// Returns `InUse` after 15 minutes of waiting.
pub fn wait_or_in_use(waited: u32, resource: &str, users: &str) -> StepResult<DeleteOutput> {
    if waited < DEADLINE_SECONDS {
        return Ok(DeleteOutput::Waiting {
            outcome: format!("{resource} is still in use: {users}"),
            wait_seconds: INTERVAL_SECONDS,
        });
    }
    Err(StepError::new(
        ErrorName::InUse,
        format!(
            "{resource} is still in use after {} minutes of waiting: {users}. It was not deleted. Remove what uses it, \
             then start again",
            waited / 60
        ),
    ))
}

/// Returns why a deletion keeps a resource, in words that follow its name.
#[must_use]
pub const fn skip_reason(created_by: Option<&str>) -> &'static str {
    match created_by {
        None => "doesn't have this stack's tags",
        Some(_) => "was not created by the failed run",
    }
}

#[cfg(test)]
mod tests {
    use contract::ErrorName;
    use contract::message::DeleteOutput;

    use super::wait_or_in_use;

    #[test]
    fn waits_15_minutes_for_resource_in_use() {
        let waits = wait_or_in_use(885, "security group sg-1", "unknown");
        assert!(
            matches!(
                waits,
                Ok(DeleteOutput::Waiting {
                    wait_seconds: 15,
                    ..
                })
            ),
            "{waits:?}"
        );

        let error = wait_or_in_use(900, "security group sg-1", "a rule of sg-2")
            .expect_err("15 minutes are over");

        assert_eq!(error.name(), ErrorName::InUse);
        assert_eq!(
            error.to_string(),
            "security group sg-1 is still in use after 15 minutes of waiting: a rule of sg-2. It was not deleted. Remove \
             what uses it, then start again"
        );
    }
}
