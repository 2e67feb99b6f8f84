//! Claims an environment for an execution, or plans it.

use environment::{Clients, claim};
use record::Table;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let table = step::variable("ENVIRONMENTS_TABLE")?;
    let config = step::sdk_config();
    let clients = Clients {
        records: Table {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            name: table,
        },
        sfn: aws_sdk_sfn::Client::new(&config),
    };
    step::run(async |input| claim(&clients, input).await).await
}
