//! Starts an execution for an EventBridge event.

use start_workflow::StateMachines;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let state_machines = StateMachines {
        provision: step::variable("PROVISION_STATE_MACHINE_ARN")?,
        deprovision: step::variable("DEPROVISION_STATE_MACHINE_ARN")?,
    };
    let sfn = start_workflow::client(&step::sdk_config());
    step::run_labeled(start_workflow::labels, async |event| {
        start_workflow::start(&sfn, &state_machines, event).await
    })
    .await
}
