//! Creates, replaces, adopts, or changes the cache's replication group.

use record::Table;
use replication_group::{Clients, ensure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let stack = step::stack()?;
    let table = step::variable("ENVIRONMENTS_TABLE")?;
    let config = step::sdk_config();
    let clients = Clients {
        elasticache: aws_sdk_elasticache::Client::new(&config),
        kms: aws_sdk_kms::Client::new(&config),
        records: Table {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            name: table,
        },
    };
    step::run(async |input| ensure(&clients, &stack, input).await).await
}
