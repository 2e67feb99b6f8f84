//! What a deletion leaves where it is, and how long it waits for what still uses a thing. Pure functions.

use contract::error::{ErrorName, StepError, StepResult};
use contract::message::DeleteOutput;

/// A cache's network interfaces stay for minutes after it has gone. What is in use for longer than this is used by
/// something else: 15 minutes, as Terraform gives a security group.
const DEADLINE_SECONDS: u32 = 15 * 60;
/// The seconds between two tries.
const INTERVAL_SECONDS: u32 = 15;

/// Waits on, or gives up with `InUse`. `resource` is what is to be deleted, `users` what is known of who uses it.
///
/// # Errors
/// `InUse` after 15 minutes of waiting.
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
            "{resource} is still in use {} minutes after the cache has gone: {users}. It was left as it is: remove \
             what uses it, then start again",
            waited / 60
        ),
    ))
}

/// Why a thing is left where it is, in words that follow its name.
#[must_use]
pub const fn skip_reason(created_by: Option<&str>) -> &'static str {
    match created_by {
        None => "has not this stack's tags",
        Some(_) => "was not made by the failed run",
    }
}

#[cfg(test)]
mod tests {
    use contract::ErrorName;
    use contract::message::DeleteOutput;

    use super::wait_or_in_use;

    #[test]
    fn what_lingers_is_waited_out_and_what_stays_is_told() {
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
            "security group sg-1 is still in use 15 minutes after the cache has gone: a rule of sg-2. It was left as \
             it is: remove what uses it, then start again"
        );
    }
}
