//! The end of an execution becomes metrics, and an announcement where the execution could make none itself.

use report_end::{Clients, Surroundings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let surroundings = Surroundings {
        stack: step::stack()?,
        event_bus_name: step::variable("EVENT_BUS_NAME")?,
        deprovision: step::variable("DEPROVISION_STATE_MACHINE_ARN")?,
    };
    let config = step::sdk_config().await;
    let clients = Clients {
        events: aws_sdk_eventbridge::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    step::run_labeled(report_end::labels, async |event| {
        report_end::report(&clients, &surroundings, event).await
    })
    .await
}
