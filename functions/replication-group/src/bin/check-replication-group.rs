//! Checks the replication group's status once.

use contract::message::CheckReplicationGroupInput;
use step::metric::{Metric, emit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let elasticache = aws_sdk_elasticache::Client::new(&step::sdk_config());
    step::run(async |input: CheckReplicationGroupInput| {
        let polls = Metric {
            name: "Polls",
            unit: "Count",
            value: 1.0,
        };
        let waited = Metric {
            name: "SecondsWaited",
            unit: "Seconds",
            value: f64::from(input.seconds_waited),
        };
        emit(
            &[polls, waited],
            &[&[("Stack", &stack)]],
            &[
                ("environment", input.environment.as_str()),
                ("execution", &input.execution),
            ],
        );
        replication_group::check(&elasticache, input).await
    })
    .await
}
