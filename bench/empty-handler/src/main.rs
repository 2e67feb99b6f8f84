//! A Lambda function that does nothing: the least that a function on `lambda_runtime` takes.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, lambda_runtime::Error>(())
    }))
    .await
}
