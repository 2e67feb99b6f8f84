//! The log of a function: a JSON object for each event, on standard output.

use std::env;

use lambda_runtime::tracing::subscriber::filter::{LevelFilter, Targets};
use lambda_runtime::tracing::subscriber::prelude::*;
use lambda_runtime::tracing::subscriber::{fmt, registry};

/// Starts the log with the level of Lambda's advanced logging controls.
pub(crate) fn start() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL");
    registry()
        .with(fmt::layer().json().with_target(false).without_time())
        .with(filter(level.as_deref().unwrap_or_default()))
        .init();
}

/// Selects the events of a level and of more severe ones. The levels are those of
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>; without one, it is `INFO`.
fn filter(level: &str) -> Targets {
    let level = match level {
        // `tracing` would parse it as `ERROR`.
        "" => LevelFilter::INFO,
        // `tracing` doesn't have this level.
        "FATAL" => LevelFilter::ERROR,
        other => other.parse().unwrap_or(LevelFilter::INFO),
    };
    Targets::new()
        .with_default(level)
        // It would log each failure a second time, without the environment.
        .with_target("lambda_runtime", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use lambda_runtime::tracing::Level;

    use super::filter;

    #[test]
    fn level_selects_the_events() {
        for (level, most_detailed) in [
            ("", Level::INFO),
            ("INVALID", Level::INFO),
            ("TRACE", Level::TRACE),
            ("DEBUG", Level::DEBUG),
            ("INFO", Level::INFO),
            ("WARN", Level::WARN),
            ("ERROR", Level::ERROR),
            ("FATAL", Level::ERROR),
        ] {
            let filter = filter(level);
            for event in [
                Level::ERROR,
                Level::WARN,
                Level::INFO,
                Level::DEBUG,
                Level::TRACE,
            ] {
                assert_eq!(
                    filter.would_enable("envcache_step::runner", &event),
                    event <= most_detailed,
                    "{event} at level {level}"
                );
            }
        }
    }

    #[test]
    fn runtime_logs_nothing() {
        assert!(!filter("TRACE").would_enable("lambda_runtime::layers::trace", &Level::ERROR));
    }
}
