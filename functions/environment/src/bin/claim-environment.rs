//! Claims an environment for an execution: one run at a time, and an older request changes nothing.

use environment::{Clients, claim};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let table = step::variable("ENVIRONMENTS_TABLE")?;
    let config = step::sdk_config().await;
    let clients = Clients {
        dynamodb: aws_sdk_dynamodb::Client::new(&config),
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    step::run(async |input| claim(&clients, &table, input).await).await
}
