//! Emits metrics when an execution ends, and records and announces one that was stopped or timed out.

use record::Table;
use report_outcome::{Clients, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config {
        stack: step::stack()?,
        event_bus_name: step::variable("EVENT_BUS_NAME")?,
        deprovision_state_machine_arn: step::variable("DEPROVISION_STATE_MACHINE_ARN")?,
    };
    let sdk_config = step::sdk_config();
    let clients = Clients {
        events: aws_sdk_eventbridge::Client::new(&sdk_config),
        sfn: aws_sdk_sfn::Client::new(&sdk_config),
        records: Table {
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk_config),
            name: step::variable("ENVIRONMENTS_TABLE")?,
        },
    };
    step::run_labeled(report_outcome::labels, async |event| {
        report_outcome::report(&clients, &config, event).await
    })
    .await
}
